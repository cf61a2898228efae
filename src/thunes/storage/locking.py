"""One process at a time."""

from __future__ import annotations

import contextlib
import fcntl
from collections.abc import Iterator
from pathlib import Path

from thunes.clock import Clock
from thunes.errors import DataError, LockHeld

LOCK_WAIT = 10.0  # seconds
POLL = 0.05  # seconds


@contextlib.contextmanager
def locked(path: Path, clock: Clock, wait: float = LOCK_WAIT) -> Iterator[None]:
    """Hold the lock file `path` exclusively; the system frees it when the process dies.

    `LockHeld` after `wait` seconds; `DataError` where the file cannot be opened.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        file = path.open("a")
    except OSError as e:
        raise DataError("E-FILE-WRITE", f"cannot lock {path}: {e.strerror or e}.", "Check space and rights.") from e
    with file:
        for _ in range(round(wait / POLL)):
            if _taken(file.fileno()):
                break
            clock.sleep(POLL)
        else:
            raise LockHeld("E-LOCK-HELD", f"another process holds {path}.", "Try again when it has finished.")
        yield


def _taken(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
