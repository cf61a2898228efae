"""One symbol's market as a function of time: its candles in whole units, and the ticks between any two moments."""

from __future__ import annotations

import math
from collections.abc import Iterator
from decimal import Decimal
from functools import lru_cache
from typing import NamedTuple

import numpy as np

from thunes.errors import DataError
from thunes.market.grid import opening
from thunes.model import PRICES, Candles, Int1D, interval_ms
from thunes.simulator.feed.path import Bars, Int2D, Path, Ticks, trace
from thunes.simulator.feed.units import LARGEST, exact_sums, to_decimal, to_units
from thunes.simulator.request import Side

BLOCK = 1_024  # candles whose ticks are made at once
FEW = 6  # candles whose ticks are sooner summed than put together from three pieces
STRAIGHT_ON = Path()


class Tick(NamedTuple):
    """A price, and what traded at it: exact, as the matching sees it. No quantity: the price moved, nothing traded."""

    time_ms: int
    symbol: str
    price: Decimal
    quantity: Decimal
    taker: Side
    number: int  # of all ticks since the first candle, so the trade's id; ids of ticks without a trade are left out


class Window(NamedTuple):
    """What happened between two moments, in whole units (`quote` in tick × step); `first`, `last`: numbers of ticks."""

    open: int
    high: int
    low: int
    close: int
    first: int
    last: int
    volume: int
    quote: int
    trades: int
    taker_volume: int
    taker_quote: int


class Tape:
    """The ticks of one symbol's candles, at any time: nothing is kept but what was computed.

    `tick` and `step` are the symbol's units of price and quantity; the candles are rounded to them once, here. Errors:
    `DataError` for prices under half a tick, and for candles too large to be counted exactly.
    """

    def __init__(self, candles: Candles, tick: Decimal, step: Decimal, path: Path = STRAIGHT_ON) -> None:
        self.symbol, self.interval, self.path = candles.symbol, candles.interval, path
        self.candles, self.tick, self.step = candles, tick, step
        self.bars = _bars(candles, tick, step)
        # What was computed once is kept: of ticks the newest blocks, of sums all (40 bytes a candle).
        self._block = lru_cache(maxsize=4)(self._trace)
        self._totals = lru_cache(maxsize=None)(self._add_up)
        self.grid = lru_cache(maxsize=None)(self._grid)
        self.last = lru_cache(maxsize=16)(self._last)

    def __len__(self) -> int:
        return self.bars.open.size

    @property
    def start_ms(self) -> int:
        """Time of the first tick."""
        return int(self.bars.open_time[0])

    @property
    def end_ms(self) -> int:
        """Time of the last tick."""
        return int(self.bars.close_time[-1])

    def price(self, count: int) -> Decimal:
        return to_decimal(count, self.tick)

    def quantity(self, count: int) -> Decimal:
        return to_decimal(count, self.step)

    def quote(self, count: int) -> Decimal:
        return to_decimal(count, self.tick * self.step)

    def row(self, now: int) -> int:
        """Row of the last candle that opened by `now`; −1 before the first."""
        return int(np.searchsorted(self.bars.open_time, now, "right")) - 1

    def columns(self, after: int, until: int) -> Iterator[Ticks]:
        """The ticks with after < time ≤ until, in order, in pieces of a block or less."""
        first = int(np.searchsorted(self.bars.close_time, after, "right"))
        for block in range(first // BLOCK, self.row(until) // BLOCK + 1):
            ticks = self._block(block)
            begin, end = np.searchsorted(ticks.time, [after, until], "right")
            if begin < end:
                yield ticks.rows(slice(begin, end))

    def ticks(self, after: int, until: int) -> Iterator[Tick]:
        """The ticks with after < time ≤ until, as values."""
        for piece in self.columns(after, until):
            yield from self.values(piece)

    def values(self, ticks: Ticks) -> Iterator[Tick]:
        """Rows of ticks as values."""
        symbol, tick, step = self.symbol, self.tick, self.step
        for time, price, quantity, buy, number in zip(*(column.tolist() for column in ticks), strict=True):
            side: Side = "BUY" if buy else "SELL"
            yield Tick(time, symbol, Decimal(price) * tick, Decimal(quantity) * step, side, number)

    def _last(self, now: int) -> Tick | None:
        """The newest tick at `now`; None before the first."""
        row = self.row(now)
        if row < 0:
            return None
        ticks = self._block(row // BLOCK)
        end = int(np.searchsorted(ticks.time, now, "right"))
        return next(self.values(ticks.rows(slice(end - 1, end))))

    def first_touch(
        self, after: int, until: int, *, below: Decimal | None = None, above: Decimal | None = None
    ) -> int | None:
        """Time of the first tick in after < time ≤ until at or under `below`, or at or over `above`; None for none.

        What resting orders ask, so that the ticks until then need not be looked at.
        """
        low = 0 if below is None else math.floor(below / self.tick)
        high = LARGEST if above is None else math.ceil(above / self.tick)
        first, end = int(np.searchsorted(self.bars.close_time, after, "right")), self.row(until) + 1
        for row in self._reaching(first, end, low, high):
            bounds = max(after, int(self.bars.open_time[row]) - 1), min(until, int(self.bars.close_time[row]))
            for piece in self.columns(*bounds):  # the first and the last candle may touch outside the bounds
                touching = (piece.price <= low) | (piece.price >= high)
                if touching.any():
                    return int(piece.time[np.argmax(touching)])
        return None

    def _reaching(self, first: int, end: int, low: int, high: int) -> Iterator[int]:
        """Rows in [first, end) whose candle comes to `low` or to `high`."""
        for begin in range(first, end, BLOCK):
            inside = self.bars.rows(slice(begin, min(begin + BLOCK, end)))
            yield from (begin + np.flatnonzero((inside.low <= low) | (inside.high >= high))).tolist()

    def next_tick(self, after: int, until: int) -> int | None:
        """Time of the first tick in after < time ≤ until; None for none."""
        piece = next(self.columns(after, until), None)
        return None if piece is None else int(piece.time[0])

    def trades(self, now: int, limit: int) -> list[Tick]:
        """The newest ticks with a quantity, oldest first, at most `limit`: of as many candles as usually hold them."""
        row = max(self.row(now) - limit // self.path.ticks - 1, 0)
        pieces = self.columns(int(self.bars.open_time[row]) - 1, now)
        return [trade for piece in pieces for trade in self.values(piece.rows(piece.quantity > 0))][-limit:]

    def window(self, after: int, until: int) -> Window | None:
        """Sums and extremes of the ticks with after < time ≤ until; None where there are none."""
        first = int(np.searchsorted(self.bars.open_time, after, "right"))
        end = int(np.searchsorted(self.bars.close_time, until, "right"))
        if end - first < FEW:
            return _joined(self._pieces(after, until))
        head = self._pieces(after, int(self.bars.open_time[first]) - 1)
        tail = self._pieces(int(self.bars.close_time[end - 1]), until)
        return _joined([*head, *self.windows(first, end, np.array([0])), *tail])

    def windows(self, first: int, end: int, starts: Int1D) -> list[Window]:
        """Whole candles of the rows [first, end), summed from each of `starts` (counted from `first`) to the next."""
        bars, last = self.bars.rows(slice(first, end)), np.append(starts[1:], end - first) - 1
        blocks = range(first // BLOCK, (end - 1) // BLOCK + 1)
        totals = np.concatenate([self._totals(block) for block in blocks], axis=1)
        offset = first - blocks.start * BLOCK
        sums = (exact_sums(column, starts) for column in totals[:, offset : offset + end - first])
        columns = (
            bars.open[starts],
            np.maximum.reduceat(bars.high, starts),
            np.minimum.reduceat(bars.low, starts),
            bars.close[last],
            (first + starts) * self.path.ticks,
            (first + last + 1) * self.path.ticks - 1,
        )
        return [Window(*row) for row in zip(*(column.tolist() for column in columns), *sums, strict=True)]

    def _pieces(self, after: int, until: int) -> list[Window]:
        return [_window(piece) for piece in self.columns(after, until)] if after < until else []

    def _trace(self, block: int) -> Ticks:
        rows = slice(block * BLOCK, (block + 1) * BLOCK)
        entropy = [self.path.seed, int.from_bytes(self.symbol.encode())]
        seeds = np.random.SeedSequence(entropy, spawn_key=(block,))
        return trace(
            self.path, self.bars.rows(rows), np.random.Generator(np.random.PCG64(seeds)), rows.start * self.path.ticks
        )

    def _add_up(self, block: int) -> Int2D:
        """Of each candle of the block the sums in a `Window`: int64[5, n]."""
        return np.stack([column.reshape(-1, self.path.ticks).sum(axis=1) for column in _measures(self._block(block))])

    def _grid(self, interval: str) -> tuple[Int1D, Int1D]:
        """The bars of an interval that begin inside the candles: open times, and the row at which each begins."""
        if interval == self.interval:
            return self.bars.open_time, np.arange(len(self))
        opens, rows = np.unique(opening(self.bars.open_time, interval), return_index=True)
        whole = 0 if opens[0] == self.bars.open_time[0] else 1
        return opens[whole:], rows[whole:]


def _bars(candles: Candles, tick: Decimal, step: Decimal) -> Bars:
    opens, high, low, close = (to_units(getattr(candles, name), tick) for name in PRICES)
    volume = to_units(candles.volume, step)
    if low.min() < 1:
        raise DataError("E-FEED-TICK", f"{candles.symbol} trades at {candles.low.min():g}, under its tick of {tick}.")
    if (high.astype(np.float64) * volume).max() >= 2**62:
        raise DataError(
            "E-FEED-RANGE", f"a candle of {candles.symbol} turns over too much to be counted in {tick * step}."
        )
    until = last_moments(candles.open_time, candles.interval)
    return Bars(candles.open_time, until, opens, high, low, close, volume)


def last_moments(open_time: Int1D, interval: str) -> Int1D:
    """The last millisecond inside each bar: Binance's close time."""
    if interval != "1M":
        return open_time + (interval_ms(interval) - 1)
    months = open_time.astype("datetime64[ms]").astype("datetime64[M]") + 1
    return np.asarray(months.astype("datetime64[ms]").astype(np.int64) - 1)


def _measures(ticks: Ticks) -> tuple[Int1D, ...]:
    """What a `Window` sums: volume, quote volume, trades, volume and quote volume of buying takers."""
    quote = ticks.price * ticks.quantity
    return ticks.quantity, quote, (ticks.quantity > 0).astype(np.int64), ticks.quantity * ticks.buy, quote * ticks.buy


def _window(ticks: Ticks) -> Window:
    prices = ticks.price
    figures = prices[0], prices.max(), prices.min(), prices[-1], ticks.number[0], ticks.number[-1]
    sums = (exact_sums(column, np.array([0]))[0] for column in _measures(ticks))
    return Window(*(int(figure) for figure in figures), *sums)


def _joined(windows: list[Window]) -> Window | None:
    """Windows that follow each other as one."""
    if not windows:
        return None
    begin, end = windows[0], windows[-1]
    high, low = max(window.high for window in windows), min(window.low for window in windows)
    sums = (sum(column) for column in zip(*(window[6:] for window in windows), strict=True))
    return Window(begin.open, high, low, end.close, begin.first, end.last, *sums)
