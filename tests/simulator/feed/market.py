"""Markets for the tests of the feed: candles on a grid of prices, and what a plain reading of their ticks gives."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal

import numpy as np
from hypothesis import strategies as st

from thunes.model import Candles, interval_ms
from thunes.simulator.feed.klines import Kline, bars, kline, newest
from thunes.simulator.feed.path import Path
from thunes.simulator.feed.tape import Tape, Tick

TICK, STEP = Decimal("0.01"), Decimal("0.001")
# From the first tick of a tape, on either side of it; the edges of minutes are where mistakes live.
MOMENTS = st.integers(-120_000, 2_400_000) | st.builds(
    lambda n, ms: n * 60_000 + ms, st.integers(-2, 20), st.integers(-1, 1)
)
PATHS = st.builds(Path, st.integers(0, 5), st.floats(0, 1), st.integers(0, 9))


@st.composite
def candles(draw: st.DrawFn, symbol: str = "BTCUSDT", interval: str = "1m", gaps: bool = True) -> Candles:
    """Candles of whole ticks and steps, some without volume, with gaps between some."""
    price = st.integers(1, 10_000)
    rows = draw(st.lists(st.tuples(price, price, price, price, st.integers(0, 500)), min_size=1, max_size=12))
    skips = draw(st.lists(st.integers(1, 3 if gaps else 1), min_size=len(rows), max_size=len(rows)))
    *prices, volume = np.array(rows).T
    times = (28_000_000 + np.cumsum(skips)) * interval_ms(interval)
    low, one, other, high = np.sort(prices, axis=0) / 100
    swap = volume % 2 == 0
    ends = np.where(swap, [one, other], [other, one])
    return Candles(symbol, interval, times, ends[0], high, low, ends[1], volume / 1000, "file:made")


def tape(source: Candles, path: Path | None = None) -> Tape:
    return Tape(source, TICK, STEP, path or Path())


def all_ticks(played: Tape) -> list[Tick]:
    return list(played.ticks(played.start_ms - 1, played.end_ms))


def figures(ticks: Iterable[Tick]) -> tuple[object, ...]:
    """Open, high, low, close, volume, quote volume, trades, and the two volumes of buying takers: by plain counting."""
    heard = list(ticks)
    prices = [tick.price for tick in heard]
    bought = [tick for tick in heard if tick.taker == "BUY"]
    return (
        *(prices[0], max(prices), min(prices), prices[-1]),
        *(sum(tick.quantity for tick in heard), sum(tick.price * tick.quantity for tick in heard)),
        sum(tick.quantity > 0 for tick in heard),
        *(sum(tick.quantity for tick in bought), sum(tick.price * tick.quantity for tick in bought)),
    )


def klines(tape: Tape, interval: str, now: int, **more: int | None) -> list[Kline]:
    """Bars as exact numbers."""
    return [kline(tape, bar) for bar in bars(tape, interval, now, **more)]  # type: ignore[arg-type]


def forming(tape: Tape, interval: str, now: int) -> Kline | None:
    """The newest bar."""
    bar = newest(tape, interval, now)
    return kline(tape, bar) if bar else None
