"""Binance's klines out of the tape: every interval from the source's own up, in any time zone, closed and forming."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache
from typing import NamedTuple

import numpy as np

from thunes.errors import UsageError
from thunes.market.grid import opening
from thunes.market.resample import require_multiple
from thunes.model import INTERVALS, Int1D, interval_ms
from thunes.simulator.feed.tape import Tape, Window, last_moments


@dataclass(frozen=True)
class Kline:
    """One bar; times in epoch ms, `close_time` the last one inside; `taker_*`: what buyers took; ids of its trades."""

    open_time: int
    close_time: int
    open: Decimal
    high: Decimal
    low: Decimal
    close: Decimal
    volume: Decimal
    quote_volume: Decimal
    trades: int
    taker_volume: Decimal
    taker_quote_volume: Decimal
    first_id: int
    last_id: int
    closed: bool

    def row(self) -> tuple[int | Decimal | str, ...]:
        """The twelve values of the exchange's row, in its order."""
        prices = (self.open, self.high, self.low, self.close, self.volume)
        takers = (self.taker_volume, self.taker_quote_volume)
        return (self.open_time, *prices, self.close_time, self.quote_volume, self.trades, *takers, "0")


def offered(source: str) -> tuple[str, ...]:
    """The intervals that candles of `source` can be summed to: its own and the longer ones it divides, no finer one."""
    return tuple(interval for interval in INTERVALS if _divides(source, interval))


def _divides(source: str, interval: str) -> bool:
    try:
        require_multiple(source, interval)
    except UsageError:
        return False
    return True


class Bar(NamedTuple):
    """One bar as it was seen: times in epoch ms, `close_time` the last one inside."""

    open_time: int
    close_time: int
    seen: Window
    closed: bool = True


class Grid(NamedTuple):
    """All bars of an interval: first and last moments (epoch ms), and the row of the candle that each begins with.

    `aligned`: every bar is made of whole candles.
    """

    opens: Int1D
    closes: Int1D
    rows: Int1D
    aligned: bool


def bars(
    tape: Tape,
    interval: str,
    now: int,
    zone: int = 0,
    *,
    start: int | None = None,
    end: int | None = None,
    limit: int = 500,
) -> list[Bar]:
    """Bars seen at `now`, oldest first, at most `limit`; the last one may still form.

    `zone`: the clock (ms ahead of UTC) by which bars begin. With `start` (inclusive open time, epoch ms) the oldest
    from there, without it the newest; `end` bounds open times, inclusive. Bars are those of `market.resample`: a first
    one whose beginning is missing is left out, a gap stays a gap. Sums are of the source's volumes, each rounded to the
    step. Error: `UsageError` for an interval that is not `offered`.
    """
    require_multiple(tape.interval, interval)
    grid = _grid(tape, interval, zone)
    first = 0 if start is None else int(np.searchsorted(grid.opens, start))
    stop = int(np.searchsorted(_begun(tape, grid), now, "right"))
    stop = stop if end is None else min(stop, int(np.searchsorted(grid.opens, end, "right")))
    if start is None:
        first = max(0, stop - limit)
    return _between(tape, grid, now, first, min(stop, first + limit))


def newest(tape: Tape, interval: str, now: int, zone: int = 0) -> Bar | None:
    """The bar that forms at `now`, or the last one where nothing was heard since; None before the first."""
    return next(iter(bars(tape, interval, now, zone, limit=1)), None)


def closings(tape: Tape, interval: str, after: int, until: int, zone: int = 0) -> list[Bar]:
    """The bars that were over in after < time ≤ until (epoch ms): a bar is over a millisecond after its close time."""
    grid = _grid(tape, interval, zone)
    first, stop = (int(found) for found in np.searchsorted(grid.closes, [after, until]))
    return _between(tape, grid, until, first, stop)


def kline(tape: Tape, bar: Bar) -> Kline:
    """The bar as exact numbers."""
    seen = bar.seen
    return Kline(
        open_time=bar.open_time,
        close_time=bar.close_time,
        open=tape.price(seen.open),
        high=tape.price(seen.high),
        low=tape.price(seen.low),
        close=tape.price(seen.close),
        volume=tape.quantity(seen.volume),
        quote_volume=tape.quote(seen.quote),
        trades=seen.trades,
        taker_volume=tape.quantity(seen.taker_volume),
        taker_quote_volume=tape.quote(seen.taker_quote),
        first_id=seen.first,
        last_id=seen.last,
        closed=bar.closed,
    )


def _begun(tape: Tape, grid: Grid) -> Int1D:
    """When something was first heard of each bar."""
    return tape.bars.open_time[grid.rows] if grid.aligned else grid.opens


def _between(tape: Tape, grid: Grid, now: int, first: int, stop: int) -> list[Bar]:
    if first >= stop:
        return []
    over = first + int(np.searchsorted(grid.closes[first:stop], now))
    opens, closes = grid.opens[first:stop].tolist(), grid.closes[first:stop].tolist()
    if not grid.aligned:
        spans = zip(opens, closes, strict=True)
        found = [(opened, last, tape.window(opened - 1, min(last, now))) for opened, last in spans]
        return [Bar(opened, last, seen, last < now) for opened, last, seen in found if seen]
    ends = np.append(grid.rows, len(tape))[first : over + 1]
    windows = tape.windows(int(ends[0]), int(ends[-1]), ends[:-1] - ends[0]) if over > first else []
    told = list(map(Bar, opens, closes, windows))
    seen = tape.window(opens[-1] - 1, now) if over < stop else None
    return [*told, Bar(opens[-1], closes[-1], seen, closed=False)] if seen else told


@lru_cache(maxsize=32)
def _grid(tape: Tape, interval: str, zone: int) -> Grid:
    if _is_utc(interval, zone):
        opens, rows = tape.grid(interval)
        return Grid(opens, last_moments(opens, interval), rows, aligned=True)
    return _zoned(tape, interval, zone)


def _is_utc(interval: str, zone: int) -> bool:
    """Whether bars of this length begin at the same moments in both clocks."""
    return zone == 0 or (interval != "1M" and zone % interval_ms(interval) == 0)


def _zoned(tape: Tape, interval: str, zone: int) -> Grid:
    """The grid by a clock that is `zone` ms ahead; a zone may cut through the source's candles."""
    candles = tape.bars
    aligned = tape.interval != "1M" and zone % interval_ms(tape.interval) == 0
    times = candles.open_time if aligned else np.concatenate([candles.open_time, candles.close_time])
    local = np.unique(opening(times + zone, interval))
    opens = local - zone
    whole = 0 if opens[0] == candles.open_time[0] else 1
    rows = np.searchsorted(candles.open_time, opens)
    return Grid(opens[whole:], (last_moments(local, interval) - zone)[whole:], rows[whole:], aligned)
