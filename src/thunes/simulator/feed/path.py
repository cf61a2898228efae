"""What happens inside a candle: a declared path from open over both extremes to close. See docs/fill-model.md."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from thunes.errors import UsageError
from thunes.model import Int1D

Float2D = NDArray[np.float64]
Int2D = NDArray[np.int64]
Bool1D = NDArray[np.bool_]
MOST_POINTS = 100  # ticks of a one-second candle still get a millisecond each


@dataclass(frozen=True)
class Path:
    """How a candle is played: open, one extreme, the other, close, with `points` ticks on each of the three legs.

    The extreme away from the close (a rising candle's low) comes first with probability `against_close`, thrown for
    each candle by `seed`; real candles do so in seven of eight. 1 is always, 0 never, 0.5 a fair coin.
    """

    points: int = 2
    against_close: float = 0.875
    seed: int = 0

    def __post_init__(self) -> None:
        if not 0 <= self.points <= MOST_POINTS:
            raise UsageError("E-PATH", f"points={self.points} on a leg.", f"Give 0 to {MOST_POINTS}.")
        if not 0 <= self.against_close <= 1:
            raise UsageError("E-PATH", f"against_close={self.against_close} is no probability.", "Give 0 to 1.")
        if self.seed < 0:
            raise UsageError("E-PATH", f"seed={self.seed} is negative.", "Give a whole number from 0.")

    @property
    def ticks(self) -> int:
        """Ticks of one candle."""
        return 4 + 3 * self.points


class Bars(NamedTuple):
    """Candles in whole units: int64[n] each; `open_time` and `close_time` (the last ms inside) in epoch ms."""

    open_time: Int1D
    close_time: Int1D
    open: Int1D
    high: Int1D
    low: Int1D
    close: Int1D
    volume: Int1D

    def rows(self, rows: slice) -> Bars:
        return Bars._make(column[rows] for column in self)


class Ticks(NamedTuple):
    """Ticks in time order, one a row: epoch ms, whole ticks, whole steps, whether a buyer took, number of the tick.

    A tick without quantity is a price that moved with nothing traded: a candle has more ticks than steps of volume.
    """

    time: Int1D
    price: Int1D
    quantity: Int1D
    buy: Bool1D
    number: Int1D

    def rows(self, rows: slice | Bool1D) -> Ticks:
        return Ticks._make(column[rows] for column in self)


def trace(path: Path, bars: Bars, random: np.random.Generator, first: int = 0) -> Ticks:
    """The ticks of `bars`, `path.ticks` for each, numbered from `first`.

    Each candle takes the same count of draws in its turn, so that later candles change nothing in earlier ones.
    """
    rows, inner = bars.open.size, 3 * path.points
    draws = random.random((rows, 1 + inner + 2 * path.ticks))
    coin, jitter, weight, side = np.split(draws, np.cumsum([1, inner, path.ticks]), axis=1)
    price = _prices(_corners(bars, coin[:, 0] < path.against_close), jitter.reshape(rows, 3, path.points))
    numbers = first + np.arange(price.size, dtype=np.int64)
    time, quantity = _times(bars, path.ticks), _quantities(bars.volume, weight)
    return Ticks(time.ravel(), price.ravel(), quantity.ravel(), _bought(price, side).ravel(), numbers)


def _corners(bars: Bars, against_close: NDArray[np.bool_]) -> Int2D:
    """Open, first extreme, second extreme, close: [n, 4]."""
    low_first = (bars.close >= bars.open) == against_close
    first, second = np.where(low_first, [bars.low, bars.high], [bars.high, bars.low])
    return np.stack([bars.open, first, second, bars.close], axis=1)


def _prices(corners: Int2D, jitter: Float2D) -> Int2D:
    """The corners with the points of each leg between them, straight on: no tick leaves the leg it is on."""
    points = jitter.shape[2]
    share = (np.arange(points) + jitter) / max(points, 1)
    starts, legs = corners[:, :3, None], np.diff(corners, axis=1)[:, :, None]
    between = starts + np.rint(legs * share).astype(np.int64)
    walked = np.concatenate([starts, between], axis=2).reshape(len(corners), -1)
    return np.concatenate([walked, corners[:, 3:]], axis=1)


def _quantities(volume: Int1D, weight: Float2D) -> Int2D:
    """The volume in random parts between a third and thrice each other, that add up to it."""
    until = np.cumsum(0.5 + weight, axis=1)
    sold = np.floor(volume[:, None] * (until / until[:, -1:])).astype(np.int64)
    return np.diff(sold, axis=1, prepend=0)


def _bought(price: Int2D, side: Float2D) -> NDArray[np.bool_]:
    """Buyers lift the price, sellers press it (the tick rule of Lee and Ready 1991); a coin where it stands still."""
    move = np.diff(price, axis=1, prepend=price[:, :1])
    return np.asarray((move > 0) | ((move == 0) & (side < 0.5)))


def _times(bars: Bars, ticks: int) -> Int2D:
    """Evenly from the first to the last millisecond of the candle."""
    length = (bars.close_time - bars.open_time)[:, None]
    return np.asarray(bars.open_time[:, None] + length * np.arange(ticks) // (ticks - 1))
