"""The ledger's database: transactions, upgrades on opening, and errors that say what to do."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, insert, select
from sqlalchemy.exc import DBAPIError, IntegrityError

from thunes.clock import Clock
from thunes.errors import DataError, LockHeld, NetworkError, ThunesError
from thunes.storage.locking import locked
from thunes.trading.ledger import schema
from thunes.trading.ledger.connections import Connections, Database
from thunes.trading.ledger.engine import BUSY_WAIT, connected
from thunes.trading.ledger.heads import WaitingHead
from thunes.trading.ledger.upgrade import OURS, Migrations, back_up, format_of, refuse_unknown, upgrade

BUSY = (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)
LOG = 2 << 20  # bytes of SQLite's log, from which on it is folded into the file
FOLDED = "INSERT INTO meta VALUES ('folded', '1') ON CONFLICT DO UPDATE SET value = value + 1"  # never the same twice
DRIVERS = (DBAPIError, sqlite3.Error)
OURS_TO_MEND = (IntegrityError, sqlite3.IntegrityError)  # nothing that a user can
DAMAGED = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)


def ledger_path(state_dir: Path, environment: str) -> Path:
    """Where the ledger of an environment lies."""
    return state_dir / "state" / environment / "ledger.db"


class Store:
    """A database with the tables of this version. Threads and processes may share it; each transaction is its own."""

    def __init__(self, place: Path | str, environment: str, clock: Clock, *, migrations: Migrations = OURS) -> None:
        """`place`: SQLite's file, or a URL; an older one is upgraded, the file's copy kept as `NAME.formatN`.

        Errors: `DataError` for one that is damaged, cannot be written, is newer, or belongs to another environment;
        `NetworkError` for a database that does not answer; `LockHeld` while another process upgrades it.
        """
        self.environment = environment
        self._engine: Engine = connected(place)
        self._connections = Connections(self._engine)
        self._path = self._file()
        if self._path is not None:
            _make_folder(self._path.parent)
        try:
            self._prepare(clock, migrations)
        except BaseException:
            self.close()
            raise

    def transaction(self, *, writes: bool, head: WaitingHead | None = None) -> Transaction:
        """To be entered once; all of it is kept, or nothing. One that reads sees one moment; nobody else's write comes
        between one that writes, which takes along the head that waits.

        Errors: `DataError` where it cannot be written, `NetworkError`, `LockHeld`.
        """
        return Transaction(self, self._connections, head, writes=writes)

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """A transaction for statements of any kind, which SQLAlchemy runs."""
        with self.transaction(writes=False) as database:
            yield _begun(database)

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """As `reading`, for those that write."""
        with self.transaction(writes=True) as database:
            yield _begun(database)

    def tidy(self) -> None:
        """Fold SQLite's log into its file when it has grown long; not for the order path, as it waits for the disk."""
        if self._path is None or _size(self._path.with_name(f"{self._path.name}-wal")) < LOG:
            return
        try:
            with self._engine.connect() as connection:
                driver: Any = connection.connection.driver_connection
                driver.execute("PRAGMA wal_checkpoint(PASSIVE)").close()
                driver.execute(FOLDED)  # the first write to a fresh log waits as well
        except DRIVERS as error:
            raise self.explained(error) from error

    def close(self) -> None:
        """Give all connections back."""
        self._connections.close()

    @property
    def place(self) -> str:
        """The file, or the URL without its password."""
        return str(self._path or self._engine.url.render_as_string(hide_password=True))

    def _file(self) -> Path | None:
        url = self._engine.url
        return Path(url.database or "") if url.get_backend_name() == "sqlite" else None

    def _prepare(self, clock: Clock, migrations: Migrations) -> None:
        if self._path is None:
            self._upgrade(migrations)  # one transaction, and so one at a time
            return
        with locked(self._path.with_name(f"{self._path.name}.lock"), clock):
            self._upgrade(migrations)

    def _upgrade(self, migrations: Migrations) -> None:
        with self.writing() as connection:
            found = format_of(connection)
            if found != migrations.last:
                refuse_unknown(found, migrations)
                if found is not None and self._path is not None:
                    back_up(self._path, found)
                upgrade(connection, migrations)
            self._claim(connection)

    def _claim(self, connection: Connection) -> None:
        """One store per environment: they never mix."""
        key, value = schema.meta.c
        owner = connection.execute(select(value).where(key == "environment")).scalar()
        if owner is None:
            connection.execute(insert(schema.meta).values(key="environment", value=self.environment))
        elif owner != self.environment:
            message = f"the ledger {self.place} belongs to the environment {owner}, not {self.environment}."
            raise DataError("E-LEDGER-ENVIRONMENT", message, "Give each environment its own.")

    def explained(self, error: BaseException | None) -> ThunesError:
        """What a database's error is to a user."""
        error = error.orig if isinstance(error, DBAPIError) else error
        why = f"{self.place}: {str(error).strip().splitlines()[0]}"
        if self._path is None:
            return NetworkError("E-LEDGER-DATABASE", f"the ledger's database failed, {why}.", "Is it running?")
        number = getattr(error, "sqlite_errorcode", 0) & 0xFF
        if number in BUSY:
            return LockHeld("E-LEDGER-BUSY", f"somebody else wrote for {BUSY_WAIT:.0f} s to {why}.", "Try again.")
        if number in DAMAGED:
            return DataError("E-LEDGER-DAMAGED", f"no ledger in {why}.", "Restore it from a backup.")
        return DataError("E-LEDGER-WRITE", f"cannot use the ledger {why}.", "Check space and rights.")


class Transaction:
    """A class and not a generator, which would take three times the calls."""

    def __init__(self, store: Store, connections: Connections, head: WaitingHead | None, *, writes: bool) -> None:
        self._store, self._connections, self._head, self._writes = store, connections, head, writes

    def __enter__(self) -> Database:
        try:
            self._database = self._connections.begin(writes=self._writes)
        except DRIVERS as error:
            raise self._store.explained(error) from error
        return self._database

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        try:
            if error is None:
                self._keep()
                return
            self._connections.undo(self._database)
        except DRIVERS as failed:
            raise self._store.explained(failed) from failed
        if isinstance(error, DRIVERS) and not isinstance(error, OURS_TO_MEND):
            raise self._store.explained(error) from error

    def _keep(self) -> None:
        """All of it, and the head that waits."""
        if not self._head:
            self._connections.commit(self._database)
            return
        try:
            sequence = self._head.write(self._database)
        except BaseException:
            self._connections.undo(self._database)
            raise
        self._connections.commit(self._database)
        self._head.written(sequence)


def _begun(database: Database) -> Connection:
    """The connection, within a transaction in SQLAlchemy's eyes, too: nothing that runs on it ends it."""
    if not database.connection.in_transaction():
        database.connection.begin()
    return database.connection


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        message = f"cannot make {folder}: {error.strerror or error}."
        raise DataError("E-LEDGER-WRITE", message, "Check space and rights.") from error
