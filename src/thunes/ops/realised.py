"""What a strategy really earned, on paper or live: an account's curve by day, or its closed trades."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from thunes.errors import DataError
from thunes.model import DAY_MS, Float1D, Int1D

Unit = Literal["days", "trades"]


MOST = 1_000  # a return beyond is a mistake in the file


@dataclass(frozen=True, eq=False)
class Realised:
    """Results in time order: `returns`, float64[n], of each UTC day or of each closed trade, simple, as fractions.

    `days` is the time that they cover; `trades` how many trades were closed in it, None where nobody counted. Errors:
    `DataError` for a return that is not finite, or under −1.
    """

    unit: Unit
    returns: Float1D
    days: float
    trades: int | None

    def __post_init__(self) -> None:
        bad = ~(np.isfinite(self.returns) & (self.returns >= -1.0) & (self.returns <= MOST))
        if bad.any():
            at = int(np.argmax(bad))
            raise DataError(
                "E-RESULTS-NUMBER", f"return {at} is {self.returns[at]:g}; it must be a fraction from −1 to {MOST:,}."
            )


def from_equity(times: Int1D, equity: Float1D, trades: int | None = None) -> Realised:
    """Daily results of an account: `times` in epoch ms, strictly increasing; `equity` in quote currency, positive.

    A day's return leads from the last value of the day before to its own. The first day gives the base only. The last
    day counts when its last value stands where a whole day's would: within one step, the smallest seen, of midnight.
    A day without a value adds to the return of the next one. Errors: `DataError`.
    """
    _require_order(times)
    bad = ~(np.isfinite(equity) & (equity > 0.0))
    if bad.any():
        row = int(np.argmax(bad))
        raise DataError("E-RESULTS-NUMBER", f"the equity in row {row} is {equity[row]:g}; it must be positive.")
    closes = equity[_day_ends(times)]
    return Realised("days", closes[1:] / closes[:-1] - 1.0, float(max(closes.size - 1, 0)), trades)


def from_trades(exits: Int1D, returns: Float1D) -> Realised:
    """Results of closed trades: `exits` in epoch ms, in any order; `returns` on the money paid in, after costs."""
    order = np.argsort(exits, kind="stable")
    span = float(np.ptp(exits)) / DAY_MS if exits.size else 0.0
    return Realised("trades", np.asarray(returns, dtype=np.float64)[order], span, int(exits.size))


def _day_ends(times: Int1D) -> Int1D:
    """The rows that are the last of a whole day."""
    if times.size < 2:
        return np.arange(times.size)
    day = times // DAY_MS
    step = min(int(np.diff(times).min()), DAY_MS)
    ends = np.flatnonzero(np.append(day[1:] != day[:-1], times[-1] + step >= (day[-1] + 1) * DAY_MS))
    return ends.astype(np.int64)


def _require_order(times: Int1D) -> None:
    steps = np.diff(times)
    if (steps <= 0).any():
        row = int(np.argmax(steps <= 0)) + 1
        raise DataError("E-RESULTS-ORDER", f"the time in row {row} is not after the one before.", "Sort them.")
