"""The lock that writers of one trail share, also across processes."""

from __future__ import annotations

import contextlib
import fcntl
import os
import threading
from collections.abc import Iterator
from pathlib import Path

from thunes.errors import AuditError

LOCK_FILE = ".audit_trail.lock"
SHORT, LONG = 0.0001, 0.002  # seconds between two tries, at first and in the end
TRIES = 5_000  # about 10 seconds


class TrailLock:
    """Held for one append; the system frees it when the process dies. Not for several threads at once."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / LOCK_FILE
        self._file: int | None = None

    @contextlib.contextmanager
    def held(self) -> Iterator[None]:
        """Errors: `AuditError` where another holds it for about 10 seconds, `OSError` where it cannot be opened."""
        file = self._taken()
        try:
            yield
        finally:
            fcntl.flock(file, fcntl.LOCK_UN)

    def close(self) -> None:
        if self._file is not None:
            os.close(self._file)
        self._file = None

    def _taken(self) -> int:
        while True:
            if self._file is None:
                self._file = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            take(self._file, fcntl.LOCK_EX)
            if os.fstat(self._file).st_nlink:
                return self._file
            self.close()  # somebody deleted the file: others lock another one by now


@contextlib.contextmanager
def reading(folder: Path) -> Iterator[None]:
    """Keep writers out for a moment; where no writer ever was, there is nothing to wait for."""
    try:
        file = os.open(folder / LOCK_FILE, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        yield
        return
    try:
        take(file, fcntl.LOCK_SH)
        yield
    finally:
        os.close(file)


def take(file: int, kind: int) -> None:
    """Lock an open file. Errors: `AuditError` after about 10 seconds."""
    pause = SHORT
    for _ in range(TRIES):
        try:
            fcntl.flock(file, kind | fcntl.LOCK_NB)
        except BlockingIOError:
            threading.Event().wait(
                pause
            )  # of the machine, not of an injected clock: the other process lives by no such clock
            pause = min(2 * pause, LONG)
        else:
            return
    raise AuditError("E-AUDIT-LOCK", "another process does not let go of the audit trail.", "Look for one that hangs.")
