"""The market's own side of the book: a ladder around the last price, wider when it moves, deeper when it trades."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache
from itertools import accumulate, islice, repeat
from math import isfinite
from typing import NamedTuple

import numpy as np

from thunes.errors import UsageError
from thunes.model import Float1D, interval_ms
from thunes.simulator.feed.tape import Tape, Tick

Level = tuple[Decimal, Decimal]  # price, quantity
MOST_LEVELS = 5_000  # what the exchange shows at most


@dataclass(frozen=True)
class DepthModel:
    """Spread and size of the book, as fractions; how each was chosen: docs/fill-model.md."""

    spread: float = 0.0001  # of the price: ask − bid in a market that stands still
    volatility_share: float = 0.02  # of a minute's range of prices, added to the spread
    volume_share: float = 0.02  # of a minute's volume: what the best level holds; the j-th one j times that
    levels: int = 20  # on each side, half a spread apart
    memory: int = 60  # completed candles that range and volume are means of

    def __post_init__(self) -> None:
        for name in ("spread", "volatility_share", "volume_share"):
            value = getattr(self, name)
            if not (isfinite(value) and value >= 0):
                raise UsageError("E-DEPTH", f"{name}={value} must be a fraction ≥ 0.")
        if not 1 <= self.levels <= MOST_LEVELS or self.memory < 1:
            raise UsageError("E-DEPTH", f"levels={self.levels}, memory={self.memory}.", "Give at least 1 of each.")


class Ladder(NamedTuple):
    """Levels from the best price outwards."""

    bids: tuple[Level, ...]
    asks: tuple[Level, ...]


class BookTicker(NamedTuple):
    """Best prices with their quantities."""

    bid: Decimal
    bid_quantity: Decimal
    ask: Decimal
    ask_quantity: Decimal


class Depth:
    """The ladder of one tape at any of its prices, from completed candles alone."""

    def __init__(self, tape: Tape, model: DepthModel | None = None) -> None:
        self.tape, self.model = tape, model or DepthModel()
        self.at = lru_cache(maxsize=16)(self._at)
        self._sizes = lru_cache(maxsize=4)(self._levels)
        minutes = interval_ms(tape.interval) / 60_000
        candles = tape.candles
        ranges = (candles.high - candles.low) / candles.open / np.sqrt(minutes)  # a walk's range grows with √time
        self._spread = self.model.spread + self.model.volatility_share * _mean_before(ranges, self.model.memory, 0.0)
        volume = tape.bars.volume / minutes
        self._size = self.model.volume_share * _mean_before(volume, self.model.memory, float(volume[0]))

    def ladder(self, row: int, price: Decimal, limit: int = MOST_LEVELS) -> Ladder:
        """Levels while the candle of `row` plays and `price` was the last: best bid < price < best ask.

        Fewer levels where the price would fall to zero, none where nothing traded in the candles remembered.
        """
        sizes, last = self._sizes(row)[:limit], int(price / self.tape.tick)
        half = max(1, round(last * float(self._spread[row]) / 2))
        away = self.tape.price(half)
        asks = accumulate(repeat(away, len(sizes)), initial=price)
        bids = accumulate(repeat(-away, min(len(sizes), (last - 1) // half)), initial=price)
        return Ladder(*(tuple(zip(islice(side, 1, None), sizes, strict=False)) for side in (bids, asks)))

    def _levels(self, row: int) -> list[Decimal]:
        """Quantities from the best level outwards; none where they round to nothing."""
        sizes = (round(float(self._size[row]) * level) for level in range(1, self.model.levels + 1))
        return [self.tape.quantity(size) for size in sizes if size]

    def _at(self, now: int, limit: int = MOST_LEVELS) -> Ladder:
        """The ladder at a moment; empty before the first tick."""
        tick = self.tape.last(now)
        return self.around(tick, limit) if tick else Ladder((), ())

    def around(self, tick: Tick, limit: int = MOST_LEVELS) -> Ladder:
        """The ladder that a tick leaves behind: what the matching is handed with it."""
        return self.ladder(tick.number // self.tape.path.ticks, tick.price, limit)

    def ticker(self, now: int) -> BookTicker:
        """The best prices at a moment, zeros where a side is empty, as the exchange shows it."""
        ladder, nothing = self.at(now, 1), (Decimal(0), Decimal(0))
        bid, ask = (side[0] if side else nothing for side in ladder)
        return BookTicker(*bid, *ask)


def _mean_before(values: Float1D, memory: int, at_first: float) -> Float1D:
    """Mean of up to `memory` values before each; `at_first` for the first, which has none before."""
    until = np.concatenate([[0.0], np.cumsum(values)[:-1]])  # of all before each: no later value is in it
    count = np.minimum(np.arange(values.size), memory)
    total = until - until[np.arange(values.size) - count]
    return np.where(count > 0, total / np.maximum(count, 1), at_first)
