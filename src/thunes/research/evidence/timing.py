"""What each set's timing earned, block by block: the returns that all evidence is computed from.

A market has no edge for a rule when the rule's *timing* profit has no positive mean: (position − its mean exposure) ×
(return − the market's mean return) − costs. That is the rule against holding the same mean exposure without costs. It
does not take a rising market for skill (in one, every long rule earns), and its noise is smaller than that of the plain
return, because the market's own moves are out of it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from thunes.kernels.sweep import Blocks
from thunes.model import DAY_MS, Candles, Costs, Float1D, interval_ms

Float2D = NDArray[np.float64]
Mask = NDArray[np.bool_]

BLOCK_MS = 3 * DAY_MS  # longer than what hourly returns remember
FEWEST_BLOCKS = 100


def block_length(candles: Candles) -> int:
    """Bars of a block: three days, or fewer where the history would have under 100 of them; at least one bar."""
    return max(1, min(BLOCK_MS // interval_ms(candles.interval), len(candles) // FEWEST_BLOCKS))


@dataclass(frozen=True)
class Sums:
    """Sums over whole blocks of equal length, for each of `sets` sets; one `Candles` in, a partial last block dropped.

    `gross` (sets, blocks) sums exposure × return, `exposure` the exposure, `switches` the size of its changes; `market`
    (blocks,) sums the return. `cost` is paid per unit of switch, as a fraction; `years` is what the blocks cover.
    """

    length: int
    gross: Float2D
    exposure: Float2D
    switches: Float2D
    market: Float1D
    cost: float
    years: float

    @property
    def count(self) -> int:
        """How many blocks."""
        return int(self.market.size)

    @property
    def net(self) -> Float2D:
        """Return after costs of each set and block."""
        net: Float2D = self.gross - self.cost * self.switches
        return net

    def window(self, first: int, last: int) -> Sums:
        """Blocks [first, last)."""
        at = slice(first, last)
        years = self.years * (last - first) / self.count
        columns = (self.gross[:, at], self.exposure[:, at], self.switches[:, at], self.market[at])
        return Sums(self.length, *columns, self.cost, years)

    def rows(self, chosen: Mask | slice | NDArray[np.int64]) -> Sums:
        """Some of the sets."""
        columns = (self.gross[chosen], self.exposure[chosen], self.switches[chosen], self.market)
        return Sums(self.length, *columns, self.cost, self.years)


def sums_of(blocks: Blocks, candles: Candles, costs: Costs) -> Sums:
    """The sums of a sweep's whole blocks."""
    whole = len(candles) // blocks.length
    years = whole * blocks.length / candles.bars_per_year
    columns = (blocks.gross[:, :whole], blocks.exposure[:, :whole], blocks.switches[:, :whole], blocks.market[:whole])
    return Sums(blocks.length, *columns, costs.fee + costs.slippage, years)


def hedged(sums: Sums) -> Float2D:
    """Timing profit after costs of each set and block, float64 (sets, blocks), with means of the whole window.

    Σ (position − p)(return − m) − costs, where p is the set's mean exposure and m the market's mean return per bar.
    """
    mean = sums.market.sum() / (sums.count * sums.length)
    moves = sums.market - mean * sums.length
    out: Float2D = sums.exposure * -mean
    out += sums.gross
    out -= mean_exposure(sums)[:, None] * moves
    out -= sums.cost * sums.switches
    return out


def mean_exposure(sums: Sums) -> Float1D:
    """Mean exposure of each set, (sets,)."""
    return np.asarray(sums.exposure.sum(axis=1) / (sums.count * sums.length))


def round_trips(sums: Sums) -> Float1D:
    """Round trips a year of each set, (sets,): half the size of all changes of exposure."""
    return np.asarray(sums.switches.sum(axis=1) / 2 / sums.years)


def t_value(profits: Float1D) -> float:
    """Student's t of the mean of independent profits, (n,); NaN for fewer than two or without variance."""
    deviation = profits.std(ddof=1) if profits.size > 1 else 0.0
    return float(profits.mean() / deviation * np.sqrt(profits.size)) if deviation > 0 else float("nan")
