"""One SQLite connection that is safe to share: between threads, over a fork, and when the file is replaced."""

from __future__ import annotations

import contextlib
import os
import sqlite3
import threading
import weakref
from collections.abc import Callable, Iterator
from pathlib import Path
from types import TracebackType

from thunes.errors import RiskError

BUSY = {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}
UNWRITABLE = {sqlite3.SQLITE_FULL, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_IOERR}
ALL: weakref.WeakSet[SharedConnection] = weakref.WeakSet()


class SharedConnection:
    """One user at a time. Opened on first use, and anew when another file stands under the name.

    As a context it gives the connection to this thread alone; what SQLite raises inside comes out as `RiskError`. It
    is no generator, whose calls would be a third of those that a question makes.
    """

    def __init__(self, path: Path, connect: Callable[[], sqlite3.Connection], wait: float) -> None:
        self._path, self._connect, self._wait = path, connect, wait
        self._name = str(path)
        self._lock = threading.Lock()
        self._connection: sqlite3.Connection | None = None
        self._inode = 0
        ALL.add(self)

    def __enter__(self) -> sqlite3.Connection:
        self._take()
        try:
            return self._current()
        except BaseException as e:
            self.__exit__(type(e), e, e.__traceback__)
            raise

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._lock.release()
        if isinstance(error, (sqlite3.Error, OSError)):
            raise translated(error, self._path) from error

    def _take(self) -> None:
        if not self._lock.acquire(timeout=self._wait):
            raise RiskError("E-RISK-BUSY", f"{self._path} is in use for more than {self._wait:g} s.", "Try again.")

    def _current(self) -> sqlite3.Connection:
        if self._connection is None or self._inode != inode(self._name):
            self._drop()
            self._connection = self._connect()
            self._inode = inode(self._name)
        return self._connection

    def _drop(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def close(self) -> None:
        """Free the file; a later use opens it again."""
        self._take()
        try:
            self._drop()
        finally:
            self._lock.release()

    def pause(self) -> bool:
        """Close and keep everybody out, for a fork; False where somebody would not let go."""
        taken = self._lock.acquire(timeout=self._wait)
        if taken:
            self._drop()
        return taken

    def go_on(self) -> None:
        """The end of a pause."""
        self._lock.release()


def inode(name: str) -> int:
    """Which file stands under the name; 0 for none."""
    try:
        return os.stat(name).st_ino  # noqa: PTH116  # a `Path` makes four calls of it, at each question
    except OSError:
        return 0


@contextlib.contextmanager
def told(path: Path) -> Iterator[None]:
    """SQLite's errors and the system's, as ours."""
    try:
        yield
    except (sqlite3.Error, OSError) as e:
        raise translated(e, path) from e


def translated(error: sqlite3.Error | OSError, path: Path) -> RiskError:
    """The error in our words. What is not understood counts as unreadable."""
    if isinstance(error, OSError):
        return RiskError("E-RISK-UNWRITABLE", f"cannot use {path}: {error.strerror}.", "Check space and rights.")
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF  # the low byte is the kind, the rest its detail
    if code in BUSY:
        return RiskError("E-RISK-BUSY", f"another process holds {path}: {error}.", "Try again.")
    if code in UNWRITABLE:
        return RiskError("E-RISK-UNWRITABLE", f"cannot write {path}: {error}.", "Check space and rights.")
    return RiskError("E-RISK-UNREADABLE", f"cannot read {path}: {error}.", "Restore it, or look at it first.")


_paused: list[SharedConnection] = []


def _before_fork() -> None:
    """SQLite's locks do not survive a fork: a child that used the parent's could lose or mix up both's writes."""
    _paused.extend(connection for connection in list(ALL) if connection.pause())


def _after_fork() -> None:
    while _paused:
        _paused.pop().go_on()


os.register_at_fork(before=_before_fork, after_in_parent=_after_fork, after_in_child=_after_fork)
