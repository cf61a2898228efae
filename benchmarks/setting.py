"""What a run of the bench measures on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

import thunes as th
from thunes.model import Candles, Costs
from thunes.research.grid import Columns, grid
from thunes.strategies.base import Strategy

ROOT = Path(__file__).resolve().parents[1]
CROSS: Mapping[str, range] = {"fast": range(5, 55), "slow": range(20, 220)}  # 9,370 sets
STRATEGIES = ("sma_cross", "ema_cross", "rsi_reversion", "bollinger_reversion", "donchian_breakout", "macd_trend")
COSTS = Costs(fee=0.001, slippage=0.0005)


@dataclass(frozen=True)
class Setting:
    """Candles, and how much to do with them. `quick` is for trying the bench itself out, not for figures."""

    data: str
    whole: Candles
    recent: Candles
    peers: bool
    quick: bool

    @classmethod
    def load(cls, data: str, *, peers: bool, quick: bool) -> Setting:
        whole = th.load_candles(data=data, last=2_400 if quick else None)
        return cls(data, whole, whole[-400 if quick else -2_160 :], peers, quick)

    @property
    def repeats(self) -> int:
        return 2 if self.quick else 25

    def ranges(self, strategy: type[Strategy]) -> dict[str, tuple[float, ...]]:
        """The declared space of a strategy; when quick, its ends only."""
        values = {name: parameter.values for name, parameter in strategy.parameters().items()}
        return {name: (found[0], found[-1]) for name, found in values.items()} if self.quick else values


def decisions(strategy: type[Strategy], candles: Candles, columns: Columns) -> np.ndarray:
    """Whether each set is long at each close, bool of shape (n, sets)."""
    sets = len(next(iter(columns.values())))
    out = np.empty((len(candles), sets), dtype=bool)
    for k in range(sets):
        chosen = strategy.make({name: values[k].item() for name, values in columns.items()})
        out[:, k] = chosen.exposure(candles) > 0
    return out


def sets_of(strategy: type[Strategy], ranges: Mapping[str, object]) -> Columns:
    """The feasible sets that `th.sweep` makes of these ranges."""
    return grid(strategy, ranges)  # type: ignore[arg-type]
