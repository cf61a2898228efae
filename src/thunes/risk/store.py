"""The book on disk: one SQLite file, one row, one writer at a time over all threads and processes.

    STATE_DIR/state/<environment>/risk.db        the book
                                  risk.db.made   says that there was one: a lost book is not a new one
                                  risk.db.lock   held while the file is opened or made

A commit is seen by every process at once and survives the death of this one. It reaches the disk later (WAL with
synchronous=NORMAL), which costs no sync before an order goes to the wire: after a power cut the book may be some
moments old, never torn, and the trader tells it anew from ledger and open intents before anything else. A changed
state does not wait: `sync` makes it durable before anybody is told.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from thunes.errors import RiskError
from thunes.risk.book import Book
from thunes.risk.connection import SharedConnection, told

NAME = "risk.db"
FORMAT = 1  # SQLite's user_version
APPLICATION = 0x74_68_72_6B  # "thrk": SQLite's application_id
WAIT = 5.0  # seconds for the lock
PAGE = 4_096  # bytes
FRAMES = 500  # pages in the write-ahead log, before it is folded into the file
SEEN_FOR = 400 * 86_400_000  # ms that a fill is known again
BOOK = TypeAdapter(Book)


class Documents:
    """Reads and writes the book, and knows the last document with its book, so that the same bytes are parsed once.

    What a document says depends on nothing else: neither on the file it stands in, nor on the end of a transaction.
    """

    def __init__(self) -> None:
        self._last: tuple[bytes, Book] | None = None  # one value: threads may change it at any time

    def read(self, connection: sqlite3.Connection) -> Book:
        """The book of this moment. `RiskError` where there is none."""
        row, last = connection.execute("SELECT document FROM book").fetchone(), self._last
        if row is not None and last is not None and row[0] == last[0]:
            return last[1]
        book = _parsed(row)
        self._last = row[0], book
        return book

    def write(self, connection: sqlite3.Connection, book: Book) -> None:
        """Put another in its place."""
        document = BOOK.dump_json(book, exclude={"breaker"})
        connection.execute("UPDATE book SET document = ?", (document,))
        self._last = document, book


class Transaction:
    """The book as it is under the lock."""

    def __init__(self, connection: sqlite3.Connection, documents: Documents) -> None:
        self._connection, self._documents = connection, documents
        self.book = documents.read(connection)

    def save(self, book: Book) -> None:
        """Put another in its place, with the end of the transaction."""
        self._documents.write(self._connection, book)

    def first_sight(self, key: str, now: int) -> bool:
        """Whether this was never told before."""
        cursor = self._connection.execute("INSERT OR IGNORE INTO seen VALUES (?, ?)", (key, now))
        return cursor.rowcount == 1


class RiskStore:
    """Risk's memory of one environment. For threads and processes; `RiskError` where it cannot be trusted or used."""

    def __init__(self, folder: Path, wait: float = WAIT) -> None:
        self.folder, self.path = folder, folder / NAME
        self._made = folder / f"{NAME}.made"
        self._log = f"{self.path}-wal"
        self._documents = Documents()
        self._wait = wait
        self._writer = SharedConnection(self.path, self._connect_to_write, wait)
        self._reader = SharedConnection(self.path, self._connect, wait)  # never waits for a writer

    @contextlib.contextmanager
    def transaction(self) -> Iterator[Transaction]:
        """Decide and write in one step; an error inside leaves all as it was."""
        with self._writer as connection:
            connection.execute("BEGIN IMMEDIATE")
            try:
                yield Transaction(connection, self._documents)
                connection.execute("COMMIT")
            except BaseException:
                if connection.in_transaction:
                    connection.execute("ROLLBACK")
                raise

    def read(self) -> Book:
        """The book as last committed by anybody."""
        with self._reader as connection:
            return self._documents.read(connection)

    def sync(self) -> None:
        """All that was committed reaches the disk."""
        with self._writer as connection:
            connection.execute("PRAGMA synchronous = FULL")
            try:
                _touch(connection)
            finally:
                connection.execute("PRAGMA synchronous = NORMAL")

    def tidy(self, now: int) -> None:
        """Fold a long log into the file, forget old fills; not for the order path, as it waits for the disk."""
        if self._log_size() < FRAMES * PAGE:
            return
        with self._writer as connection:
            connection.execute("DELETE FROM seen WHERE time_ms < ?", (now - SEEN_FOR,))
            connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()
            _touch(connection)  # the first write to a fresh log is the one that waits

    def _log_size(self) -> int:
        """In bytes; 0 where nobody can tell, which is for the next use of the file to say."""
        try:
            return os.stat(self._log).st_size  # noqa: PTH116  # as of `inode`
        except OSError:
            return 0

    def close(self) -> None:
        """Free the files; a later use opens them again."""
        self._writer.close()
        self._reader.close()

    def _connect(self) -> sqlite3.Connection:
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        with _taking_turns(self.folder / f"{NAME}.lock"):
            made = self._made.exists()
            if made and not (self.path.exists() and self.path.stat().st_size):
                raise RiskError("E-RISK-LOST", f"{self.path} is gone or empty.", f"Restore it, or remove {self._made}.")
            connection = self._opened()
            try:
                _prepare(connection, self.path, made=made)
                if not made:
                    self._made.touch(mode=0o600)
            except BaseException:
                connection.close()
                raise
        return connection

    def _connect_to_write(self) -> sqlite3.Connection:
        connection = self._connect()
        _touch(connection)  # the first write to a fresh log waits for the disk: here, not before an order
        return connection

    def _opened(self) -> sqlite3.Connection:
        descriptor = os.open(self.path, os.O_RDWR | os.O_CREAT, 0o600)  # sqlite3 would make it readable to all
        os.close(descriptor)
        return sqlite3.connect(self.path, timeout=self._wait, isolation_level=None, check_same_thread=False)


def _prepare(connection: sqlite3.Connection, path: Path, *, made: bool) -> None:
    """Make a new file, or one whose making was broken off; of another, find out whether it can be trusted."""
    (tables,) = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
    new = not made and not tables
    if not new:
        _inspect(connection, path)
    connection.execute("PRAGMA journal_mode = WAL").fetchone()
    connection.execute("PRAGMA synchronous = NORMAL")
    connection.execute("PRAGMA wal_autocheckpoint = 20000")  # `tidy` does it; this bounds the log where nobody marks
    connection.execute("PRAGMA journal_size_limit = 0").fetchone()  # a folded log starts again from nothing
    if new:
        _create(connection)
    Documents().read(connection)


def _inspect(connection: sqlite3.Connection, path: Path) -> None:
    (application,) = connection.execute("PRAGMA application_id").fetchone()
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    if application == APPLICATION and version > FORMAT:
        newer = f"{path} has format {version}; this program reads risk's state up to format {FORMAT}."
        raise RiskError("E-RISK-NEWER", newer, "Update the program.")
    if (application, version) != (APPLICATION, FORMAT):
        raise RiskError("E-RISK-UNREADABLE", f"{path} is not risk's state.", "Restore it, or look at it first.")
    (answer,) = connection.execute("PRAGMA quick_check(1)").fetchone()
    if answer != "ok":
        raise RiskError("E-RISK-UNREADABLE", f"{path} is damaged: {answer}.", "Restore it, or look at it first.")


def _create(connection: sqlite3.Connection) -> None:
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute("BEGIN IMMEDIATE")
    connection.execute("CREATE TABLE book (one INTEGER PRIMARY KEY CHECK (one = 1), document BLOB NOT NULL)")
    connection.execute("CREATE TABLE seen (key TEXT PRIMARY KEY, time_ms INTEGER NOT NULL) WITHOUT ROWID")
    connection.execute("INSERT INTO book VALUES (1, ?)", (BOOK.dump_json(Book(), exclude={"breaker"}),))
    connection.execute(f"PRAGMA application_id = {APPLICATION}")
    connection.execute(f"PRAGMA user_version = {FORMAT}")
    connection.execute("COMMIT")
    connection.execute("PRAGMA synchronous = NORMAL")


def _parsed(row: Any) -> Book:
    try:
        return BOOK.validate_json(row[0])
    except (TypeError, ValidationError) as e:
        raise RiskError("E-RISK-UNREADABLE", "risk's state is damaged: no book in it.", "Restore it.") from e


def _touch(connection: sqlite3.Connection) -> None:
    """The least that is a write."""
    connection.execute("UPDATE book SET one = 1")


@contextlib.contextmanager
def _taking_turns(path: Path) -> Iterator[None]:
    """Opening is for one process at a time: two that make the same file would not know whose it is."""
    with told(path), path.open("a") as file:
        fcntl.flock(file.fileno(), fcntl.LOCK_EX)
        yield
