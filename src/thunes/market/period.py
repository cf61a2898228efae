"""Which stretch of a market is asked for."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Self

import numpy as np

from thunes.clock import Moment, iso, to_ms
from thunes.errors import DataError, UsageError
from thunes.market.grid import bars_apart, opening
from thunes.market.ranges import EVER, Range
from thunes.market.store import between
from thunes.model import Candles, interval_ms, next_open_time

DEFAULT_BARS = 17_520  # two years of hours: what a network source gives when nothing is said
LONGEST_MONTH = 31 / (365 / 12)


@dataclass(frozen=True)
class Period:
    """Candles that open at `start` or later and before `end` (epoch ms); of these the `last` ones. None is open."""

    start: int | None = None
    end: int | None = None
    last: int | None = None

    @classmethod
    def of(cls, start: Moment | None, end: Moment | None, last: int | None) -> Self:
        """From what a user writes. Errors: `UsageError` for what is no time, or holds nothing."""
        first, after = (None if moment is None else to_ms(moment) for moment in (start, end))
        if first is not None and after is not None and after <= first:
            raise UsageError("E-PERIOD", f"the end, {iso(after)}, is not after the start, {iso(first)} UTC.")
        if last is not None and last < 1:
            raise UsageError("E-PERIOD", f"last={last} must be at least 1.")
        return cls(first, after, last)

    @property
    def bars(self) -> int:
        """How many candles a source without a beginning is asked for."""
        return self.last or DEFAULT_BARS

    def range_until(self, now: int, interval: str) -> Range:
        """What to ask of a source that ends now; one bar more than `last`, for the unfinished one."""
        end = now if self.end is None else min(self.end, now)
        if self.start is not None:
            return Range(self.start, end)
        step = interval_ms(interval) * (LONGEST_MONTH if interval == "1M" else 1)
        return Range(end - round((self.bars + 1) * step), end)

    def bars_and_end(self, interval: str) -> tuple[int, int | None]:
        """The same for a source without a present: how many candles, and the moment at which the last one is known."""
        if self.start is None:
            return self.bars, self.end
        end = self.start + DEFAULT_BARS * interval_ms(interval) if self.end is None else self.end
        opens = opening(np.array([self.start, end - 1]), interval)
        after = next_open_time(int(opens[1]), interval)
        return int(bars_apart(opens, interval)[0]) + int(opens[0] == self.start), after

    def cut(self, candles: Candles) -> Candles:
        """The candles of this period. Errors: `DataError` where there are none."""
        inside = self.find(candles)
        if inside is None:
            raise DataError("E-DATA-PERIOD", f"no candle opens in the period asked for: there is {candles!r}.")
        return inside

    def find(self, candles: Candles) -> Candles | None:
        """The candles of this period; None where there are none."""
        wanted = Range(EVER.start if self.start is None else self.start, EVER.end if self.end is None else self.end)
        inside = between(candles, wanted)
        return inside if self.last is None or inside is None else inside[-self.last :]

    def with_default(self) -> Self:
        """The same, of `DEFAULT_BARS` candles where nothing says when it begins."""
        return self if self.start is not None else replace(self, last=self.bars)
