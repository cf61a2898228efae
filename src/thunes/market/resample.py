"""Longer bars out of shorter ones, never an unfinished one."""

from __future__ import annotations

import numpy as np

from thunes.errors import DataError, UsageError
from thunes.market.grid import opening
from thunes.model import Candles, Int1D, interval_ms, next_open_time


def resample(candles: Candles, interval: str) -> Candles:
    """The same market in bars of a longer interval, on the grid of `grid.opening`.

    A bar is emitted only when it is finished and begun: the last one is dropped unless the candles reach its close, the
    first one unless they start at its open. A gap inside a bar leaves it made of what there is, as the exchange itself
    does over an outage; a gap that swallows a bar leaves a gap. The source stays. Errors: `UsageError` where the longer
    interval is no whole number of shorter ones, `DataError` where no bar is complete.
    """
    require_multiple(candles.interval, interval)
    if interval == candles.interval:
        return candles
    bars = opening(candles.open_time, interval)
    first = np.flatnonzero(np.diff(bars, prepend=bars[0] - 1))  # row at which each bar begins
    last = np.append(first[1:], len(candles)) - 1
    kept = _complete(candles, bars[first], interval)
    if not kept.size:
        raise DataError("E-RESAMPLE-EMPTY", f"{candles!r} hold no complete {interval} bar.", "Load more candles.")
    return candles.replace(
        interval=interval,
        open_time=bars[first][kept],
        open=candles.open[first][kept],
        high=np.maximum.reduceat(candles.high, first)[kept],
        low=np.minimum.reduceat(candles.low, first)[kept],
        close=candles.close[last][kept],
        volume=np.add.reduceat(candles.volume, first)[kept],
    )


def _complete(candles: Candles, opens: Int1D, interval: str) -> Int1D:
    """Which bars are whole at the edges: all but perhaps the first and the last."""
    begin = 0 if candles.open_time[0] == opens[0] else 1
    end = opens.size if candles.end_time >= next_open_time(int(opens[-1]), interval) else opens.size - 1
    return np.arange(begin, end)


def require_multiple(short: str, long: str) -> None:
    """Months take whole days, weeks nothing that straddles Monday; the others plain division."""
    unit = interval_ms("1d") if long == "1M" else interval_ms(long)
    whole = short == long or (short not in ("1M", "1w", "3d") and unit % interval_ms(short) == 0)
    if not whole:
        raise UsageError("E-RESAMPLE-INTERVAL", f"{long} bars cannot be made of {short} bars.")
