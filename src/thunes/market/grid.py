"""The grid of opening times: which bar a moment belongs to, and how many bars lie between two."""

from __future__ import annotations

import numpy as np

from thunes.model import DAY_MS, Int1D, interval_ms

MONDAY_MS = 4 * DAY_MS  # 1970-01-05, the first Monday of the epoch


def opening(times: Int1D, interval: str) -> Int1D:
    """Open time of the bar that holds each moment; epoch ms, same shape.

    Bars count from the epoch (so all up to a day open at UTC midnight), weeks from Monday, months from their first day.
    Binance does not say from where its own 3d bars count: fetch those where that matters.
    """
    if interval == "1M":
        return _month(times).astype("datetime64[ms]").astype(np.int64)
    origin = MONDAY_MS if interval == "1w" else 0
    step = interval_ms(interval)
    return np.asarray((times - origin) // step * step + origin)


def last_closed(now_ms: int, interval: str) -> int:
    """Open time of the bar before the one that holds a moment."""
    under_way = int(opening(np.array([now_ms]), interval)[0])
    return int(opening(np.array([under_way - 1]), interval)[0])


def bars_apart(times: Int1D, interval: str) -> Int1D:
    """Bars from each opening time to the next (1 where they are neighbours); one shorter than `times`."""
    if interval == "1M":
        return np.asarray(np.diff(_month(times).astype(np.int64)), dtype=np.int64)
    return np.asarray(np.diff(times) // interval_ms(interval))


def expected_bars(first: int, last: int, interval: str) -> int:
    """Bars from one opening time to another, both included, when none is missing."""
    return int(bars_apart(np.array([first, last]), interval)[0]) + 1


def _month(times: Int1D) -> np.ndarray[tuple[int, ...], np.dtype[np.datetime64]]:
    return times.astype("datetime64[ms]").astype("datetime64[M]")
