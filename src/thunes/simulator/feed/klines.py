"""Binance's klines out of the tape: every interval from the source's own up, closed bars and the one that forms."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

import numpy as np

from thunes.errors import UsageError
from thunes.market.resample import require_multiple
from thunes.model import INTERVALS, Int1D
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


def klines(
    tape: Tape, interval: str, now: int, *, start: int | None = None, end: int | None = None, limit: int = 500
) -> list[Kline]:
    """Bars seen at `now`, oldest first, at most `limit`; the last one may still form.

    With `start` (inclusive open time, epoch ms) the oldest from there, without it the newest; `end` bounds open times,
    inclusive. Bars are those of `market.resample`: a first one whose beginning is missing is left out, a gap stays a
    gap. Sums are of the source's volumes, each rounded to the step. Error: `UsageError` for an interval not `offered`.
    """
    require_multiple(tape.interval, interval)
    opens, rows = tape.grid(interval)
    first = 0 if start is None else int(np.searchsorted(opens, start))
    stop = int(np.searchsorted(tape.bars.open_time[rows], now, "right"))  # those that something was heard of
    stop = stop if end is None else min(stop, int(np.searchsorted(opens, end, "right")))
    bounds = (max(first, stop - limit), stop) if start is None else (first, min(stop, first + limit))
    return _between(tape, interval, now, *bounds)


def forming(tape: Tape, interval: str, now: int) -> Kline | None:
    """The newest bar at `now`: what a kline stream reports; None before the first."""
    return next(iter(klines(tape, interval, now, limit=1)), None)


def _between(tape: Tape, interval: str, now: int, first: int, stop: int) -> list[Kline]:
    """Bars [first, stop) of the interval's grid: closed ones at once, the one that `now` is in from its ticks."""
    if first >= stop:
        return []
    opens, rows = tape.grid(interval)
    closes = last_moments(opens[first:stop], interval)
    closed = stop - first - int(closes[-1] >= now)
    ends = np.append(rows, len(tape))
    windows = _closed(tape, ends[first : first + closed + 1])
    if closed < closes.size:
        seen = tape.window(int(opens[stop - 1]) - 1, now)
        windows += [seen] if seen else []
    named = zip(opens[first:stop].tolist(), closes.tolist(), windows, strict=True)
    return [_kline(tape, opened, closes_at, window, now) for opened, closes_at, window in named]


def _closed(tape: Tape, ends: Int1D) -> list[Window]:
    return tape.windows(int(ends[0]), int(ends[-1]), ends[:-1] - ends[0]) if ends.size > 1 else []


def _kline(tape: Tape, open_time: int, close_time: int, seen: Window, now: int) -> Kline:
    return Kline(
        open_time=open_time,
        close_time=close_time,
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
        closed=close_time < now,
    )
