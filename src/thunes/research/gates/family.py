"""One strategy's whole space under the gates: every set swept, its luck drawn, its walk forward chosen."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from thunes.errors import UsageError
from thunes.model import Candles, Costs, Fill, Float1D, Int1D
from thunes.research.backtest import instance
from thunes.research.evidence import plateau, spa
from thunes.research.evidence.stitched import Choices, choices, eligible_t
from thunes.research.evidence.timing import Float2D, Mask, Sums, hedged, mean_exposure, round_trips, sums_of
from thunes.research.gates.verdict import Thresholds
from thunes.research.grid import Columns
from thunes.research.sweep import sweep
from thunes.strategies.base import Number, Strategy

LARGEST_SPACE = 1_000_000  # sets, each of which is tested
PART = 512  # sets looked at together: their sums and what is made of them stay in the processor's cache


@dataclass(frozen=True)
class Window:
    """Where and how all families are judged, so that they can be compared: the same blocks, cuts and resamples."""

    candles: Candles
    costs: Costs
    fill: Fill
    length: int
    cuts: Int1D
    drawn: spa.Resamples


@dataclass(frozen=True)
class Family:
    """A space of `sets` sets: which are eligible, their in-sample t, what luck makes of the best, and their sums."""

    strategy: type[Strategy]
    columns: Columns
    eligible: Mask
    t: Float1D
    maxima: Float1D
    choices: Choices
    sums: Sums

    @property
    def best(self) -> int:
        """The eligible set with the highest t."""
        return int(np.where(self.eligible, self.t, -np.inf).argmax())

    @property
    def best_t(self) -> float:
        """Its t; −∞ where none is eligible."""
        return float(np.where(self.eligible, self.t, -np.inf).max())

    @property
    def peak(self) -> int:
        """The eligible set in the middle of the highest plateau."""
        return plateau.peak(self.columns, self.t, self.eligible)

    def make(self, row: int) -> Strategy:
        """The set of a row as an instance."""
        return instance(self.strategy, {name: values[row].item() for name, values in self.columns.items()})

    def row_of(self, chosen: Mapping[str, Number]) -> int:
        """The row of a set; `UsageError` for one outside the declared space, of which nothing is known."""
        asked = instance(self.strategy, chosen).values
        require_declared(self.strategy, asked)
        same = np.all([self.columns[name] == value for name, value in asked.items()], axis=0)
        return int(np.argmax(same))


def family(strategy: type[Strategy], window: Window, limits: Thresholds) -> Family:
    """Sweep a strategy's whole space and draw what luck would make of it. Errors: `UsageError` for too large a one."""
    require_enumerable(strategy)
    terms = {"fill": window.fill, "metrics": ("total_return",), "block_length": window.length}
    swept = sweep(strategy, window.candles, window.costs, **terms)  # type: ignore[arg-type]
    assert swept.blocks is not None
    sums = sums_of(swept.blocks, window.candles, window.costs)
    parts = [_part(sums.rows(slice(k, k + PART)), window, limits) for k in range(0, len(sums.gross), PART)]
    eligible, t, maxima, so_far = zip(*parts, strict=True)
    return Family(
        strategy=strategy,
        columns=swept.parameters,
        eligible=np.concatenate(eligible),
        t=np.concatenate(t),
        maxima=np.max(maxima, axis=0),
        choices=choices(np.concatenate(so_far, axis=1)),
        sums=sums,
    )


def _part(sums: Sums, window: Window, limits: Thresholds) -> tuple[Mask, Float1D, Float1D, Float2D]:
    """Which of some sets are eligible, their t, their luckiest t in each resample, and their t at each cut."""
    eligible, sets = eligible_sets(sums, limits), spa.studentise(hedged(sums))
    maxima = spa.resampled_maxima(sets.rows(eligible), window.drawn)
    return eligible, sets.t, maxima, eligible_t(sums, window.cuts, limits.round_trips, limits.exposure)


def eligible_sets(sums: Sums, limits: Thresholds) -> Mask:
    """G0 for each set, (sets,)."""
    held, (least, most) = mean_exposure(sums), limits.exposure
    return np.asarray((round_trips(sums) >= limits.round_trips) & (held >= least) & (held <= most))


def require_declared(strategy: type[Strategy], values: Mapping[str, Number]) -> None:
    """Errors: `UsageError` for a set that is not on the declared grid."""
    if any(values[name] not in parameter.values for name, parameter in strategy.parameters().items()):
        what = f"{strategy.make(values)!r} is not in the declared space of {strategy.name()}, which is what is tested."
        raise UsageError("E-PROMOTE-SET", what, "Choose one on its grid: `thunes strategies` shows the ranges.")


def require_enumerable(strategy: type[Strategy]) -> None:
    """Errors: `UsageError` for a declared space of more sets than can be tested."""
    size = strategy.space_size()
    if size > LARGEST_SPACE:
        what = f"{strategy.name()} has {size:,} sets; every one is tested, up to {LARGEST_SPACE:,}."
        raise UsageError("E-SPACE-SIZE", what, "Narrow the ranges of its parameters, or give them larger steps.")
