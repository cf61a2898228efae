"""Where a process kills itself: at a step of the trader, or at any call between two of them."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable
from dataclasses import dataclass
from types import FrameType
from typing import Any

STEPS = (
    "recover", "look", "decide", "prepare", "intent", "trail told", "submit", "wire", "settle", "booked", "risk told",
    "done",
)  # fmt: skip
Profiler = Callable[[FrameType, str, Any], None]


def kill() -> None:
    """The end: nothing is closed, flushed or rolled back."""
    os.kill(os.getpid(), signal.SIGKILL)


@dataclass(frozen=True)
class Kill:
    """At the n-th time that `step` comes; with `calls`, so many calls and returns later, wherever that is."""

    step: str
    time: int = 1
    calls: int = 0


class Killer:
    """Watches a trader's steps and ends the process at the one that is named."""

    def __init__(self, at: Kill) -> None:
        self._at, self._times = at, 0

    def __call__(self, step: str) -> None:
        if step != self._at.step:
            return
        self._times += 1
        if self._times != self._at.time:
            return
        if not self._at.calls:
            kill()
        sys.setprofile(self._counting(self._at.calls))

    def _counting(self, left: int) -> Profiler:
        """Every call of Python and C, every return: also inside a write, a transaction, a request."""

        def count(_frame: FrameType, _event: str, _argument: Any) -> None:
            nonlocal left
            left -= 1
            if left <= 0:
                kill()

        return count


class Counter:
    """Counts the calls and returns from a step to the end of a pass."""

    def __init__(self, start: str) -> None:
        self._start, self.calls = start, 0

    def __call__(self, step: str) -> None:
        if step == self._start:
            sys.setprofile(self._count)

    def _count(self, _frame: FrameType, _event: str, _argument: Any) -> None:
        self.calls += 1
