"""The little of an event loop that connections stand on, so that tests can turn it by hand."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol


class Timer(Protocol):
    """A call to come."""

    def cancel(self) -> None:
        """Forget the call."""
        ...


class Loop(Protocol):
    """Time in seconds of a clock that never jumps."""

    def time(self) -> float:
        """Now."""
        ...

    def call_soon(self, callback: Callable[[], object], /) -> object:
        """Call back in the loop's next turn."""
        ...

    def call_later(self, delay: float, callback: Callable[[], object], /) -> Timer:
        """Call back after `delay` seconds."""
        ...
