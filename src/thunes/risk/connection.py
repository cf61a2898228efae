"""One SQLite connection that is safe to share: between threads, over a fork, and when the file is replaced."""

from __future__ import annotations

import contextlib
import os
import sqlite3
import threading
import weakref
from collections.abc import Callable, Iterator
from pathlib import Path

from thunes.errors import RiskError

BUSY = {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}
UNWRITABLE = {sqlite3.SQLITE_FULL, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_IOERR}
ALL: weakref.WeakSet[SharedConnection] = weakref.WeakSet()


class SharedConnection:
    """One user at a time. Opened on first use, and anew when another file stands under the name."""

    def __init__(self, path: Path, connect: Callable[[], sqlite3.Connection], wait: float) -> None:
        self._path, self._connect, self._wait = path, connect, wait
        self._lock = threading.Lock()
        self._connection: sqlite3.Connection | None = None
        self._inode = 0
        ALL.add(self)

    @contextlib.contextmanager
    def held(self) -> Iterator[sqlite3.Connection]:
        """The connection, for this thread alone. What SQLite raises inside comes out as `RiskError`."""
        with self._alone(), told(self._path):
            yield self._current()

    @contextlib.contextmanager
    def _alone(self) -> Iterator[None]:
        if not self._lock.acquire(timeout=self._wait):
            raise RiskError("E-RISK-BUSY", f"{self._path} is in use for more than {self._wait:g} s.", "Try again.")
        try:
            yield
        finally:
            self._lock.release()

    def _current(self) -> sqlite3.Connection:
        if self._connection is None or self._inode != inode(self._path):
            self._drop()
            self._connection = self._connect()
            self._inode = inode(self._path)
        return self._connection

    def _drop(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def close(self) -> None:
        """Free the file; a later use opens it again."""
        with self._alone():
            self._drop()

    def pause(self) -> bool:
        """Close and keep everybody out, for a fork; False where somebody would not let go."""
        taken = self._lock.acquire(timeout=self._wait)
        if taken:
            self._drop()
        return taken

    def go_on(self) -> None:
        """The end of a pause."""
        self._lock.release()


def inode(path: Path) -> int:
    """Which file stands under the name; 0 for none."""
    try:
        return path.stat().st_ino
    except OSError:
        return 0


@contextlib.contextmanager
def told(path: Path) -> Iterator[None]:
    """SQLite's errors as ours. What is not understood counts as unreadable."""
    try:
        yield
    except sqlite3.Error as e:
        code = getattr(e, "sqlite_errorcode", 0) & 0xFF  # the low byte is the kind, the rest its detail
        if code in BUSY:
            raise RiskError("E-RISK-BUSY", f"another process holds {path}: {e}.", "Try again.") from e
        if code in UNWRITABLE:
            raise RiskError("E-RISK-UNWRITABLE", f"cannot write {path}: {e}.", "Check space and rights.") from e
        raise RiskError("E-RISK-UNREADABLE", f"cannot read {path}: {e}.", "Restore it, or look at it first.") from e
    except OSError as e:
        raise RiskError("E-RISK-UNWRITABLE", f"cannot use {path}: {e.strerror}.", "Check space and rights.") from e


_paused: list[SharedConnection] = []


def _before_fork() -> None:
    """SQLite's locks do not survive a fork: a child that used the parent's could lose or mix up both's writes."""
    _paused.extend(connection for connection in list(ALL) if connection.pause())


def _after_fork() -> None:
    while _paused:
        _paused.pop().go_on()


os.register_at_fork(before=_before_fork, after_in_parent=_after_fork, after_in_child=_after_fork)
