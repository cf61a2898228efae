"""The exchange's time by our own clock: their difference is measured now and then, and after a refusal for time."""

from __future__ import annotations

import threading
from collections.abc import Callable
from statistics import median

from thunes.clock import Clock

SAMPLES = 5
REFRESH_MS = 600_000
MOST_REFUSALS, WINDOW_MS = 5, 300_000


class ExchangeTime:
    """How far the exchange's clock is ahead of ours. Any thread may ask."""

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.offset_ms = 0  # 0 until it is measured
        self._measured_ms: int | None = None
        self._refused_ms: list[int] = []
        self._lock = threading.Lock()

    def now_ms(self) -> int:
        """The exchange's time (epoch ms)."""
        return self.clock.now_ms() + self.offset_ms

    @property
    def is_known(self) -> bool:
        """False until it is measured, and after `distrust`."""
        return self._measured_ms is not None

    @property
    def is_due(self) -> bool:
        """Whether it is unknown, or ten minutes old; a clock that was set back tells nothing of its age."""
        return self._measured_ms is None or not 0 <= self.clock.now_ms() - self._measured_ms < REFRESH_MS

    def distrust(self) -> None:
        """The exchange has refused our time."""
        self._measured_ms = None
        self._refused_ms = [*self._recent(), self.clock.now_ms()]

    @property
    def is_unsteady(self) -> bool:
        """Whether it was refused too often in the last minutes: measuring once more does not help then."""
        return len(self._recent()) > MOST_REFUSALS

    def _recent(self) -> list[int]:
        now = self.clock.now_ms()
        return [moment for moment in self._refused_ms if abs(now - moment) < WINDOW_MS]

    def measure(self, ask: Callable[[], int]) -> int:
        """Ask for the exchange's time a few times; the difference then, in ms. Errors are those of `ask`.

        Each answer counts for the middle between its question and its arrival, and the median is taken: one slow
        answer says nothing of the clocks.
        """
        with self._lock:
            offset = round(median(self._sample(ask) for _ in range(SAMPLES)))
            self.offset_ms, self._measured_ms = offset, self.clock.now_ms()
        return offset

    def _sample(self, ask: Callable[[], int]) -> float:
        before = self.clock.now_ms()
        theirs = ask()
        return theirs - (before + self.clock.now_ms()) / 2
