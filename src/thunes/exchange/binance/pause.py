"""How long nothing may be sent: the exchange's `Retry-After`, kept in a file so that a restart does not forget it."""

from __future__ import annotations

import contextlib
import threading
from pathlib import Path

from thunes.clock import Clock
from thunes.errors import DataError
from thunes.exchange.binance.errors import LONGEST_WAIT
from thunes.storage.versioned import Format

FORMAT = Format("pause of an exchange", 1)
Seen = tuple[int, int] | None


class Pause:
    """A moment until which all is silent, shared by every process that works with the same file."""

    def __init__(self, clock: Clock, path: Path | None = None) -> None:
        """`path` None: kept in memory alone. `DataError` for a file that is damaged or newer than this program."""
        self._clock, self._path = clock, path
        self._until_ms, self._seen = 0, None if path is None else _stamp(path)
        self._lock = threading.Lock()
        if path is not None and self._seen is not None:
            self._until_ms = _read(path)

    @property
    def until_ms(self) -> int:
        """When it ends, or ended (epoch ms)."""
        if self._path is not None and (stamp := _stamp(self._path)) != self._seen:
            self._look(self._path, stamp)
        return self._until_ms

    def left(self) -> float:
        """Seconds; 0 when anything may be sent. A pause longer than any that exists means that the clock was set back:
        it is over."""
        left = (self.until_ms - self._clock.now_ms()) / 1000
        return left if 0 < left <= LONGEST_WAIT else 0.0

    def begin(self, seconds: float) -> None:
        """Be silent from now on; a longer pause that runs already stays. It holds also where it cannot be written."""
        with self._lock:
            now = self._clock.now_ms()
            running = self.until_ms if self.left() else 0
            self._until_ms = max(running, now + round(seconds * 1000))
            if self._path is not None:
                with contextlib.suppress(DataError, OSError):
                    FORMAT.write(self._path, {"until_ms": self._until_ms})
                    self._seen = _stamp(self._path)

    def _look(self, path: Path, stamp: Seen) -> None:
        """Another process has written."""
        self._seen = stamp
        if stamp is not None:
            with contextlib.suppress(DataError, OSError):
                self._until_ms = max(self._until_ms, _read(path))


def _stamp(path: Path) -> Seen:
    """What changes when the file is replaced; None where there is none."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_ino, found.st_mtime_ns


def _read(path: Path) -> int:
    until = FORMAT.read(path).get("until_ms")
    if isinstance(until, bool) or not isinstance(until, int):
        raise DataError("E-FORMAT-DAMAGED", f"{path} is damaged: no {FORMAT.name}.", "Remove it.")
    return until
