"""Evidence that a reader may expect beside the gates, each with the reason why it opens none.

The percentages in the reasons were measured on simulated hourly markets of three years, with and without an edge.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from thunes.errors import UsageError
from thunes.kernels import simulation
from thunes.kernels.score import growth_of
from thunes.kernels.simulation import START_CASH, fill_bar
from thunes.model import Candles, Fill, Float1D
from thunes.research.evidence import deflated
from thunes.research.evidence.intervals import equity_intervals
from thunes.research.evidence.overfitting import overfitting
from thunes.research.evidence.random_entries import RandomEntries, random_entries
from thunes.research.evidence.stress import cost_stress, find, neighbourhood
from thunes.research.evidence.timing import Float2D, Sums, sums_of
from thunes.research.provenance import finite
from thunes.research.report.figures import UNDEFINED, bounds, change, ratio, share
from thunes.research.sweep import SweepResult
from thunes.strategies.base import Number, evaluate

SPLITS = 1_000  # of the 12,870 halvings: the probability to about ± 3 points

NO_SEARCH = "It looks at one set as if no other had been tried; the best of many passes it by luck."
SPREAD = (
    "Its hurdle is the spread of Sharpe ratios over the sets, which is mostly one of costs: at 0.95 it let 13 % of "
    "markets with a true Sharpe ratio of 2 pass, and other customary counts of trials 9 to 100 %."
)
RANKS = (
    "It ranks and does not test: on a broad plateau the winner's rank is arbitrary. Below 0.5 were 50 % of markets "
    "without an edge and 71 % of those with a Sharpe ratio of 2."
)
COSTS = "The gates charge the stated costs; how much more a rule could bear says nothing about luck."
ALIKE = "Sets that are nearly the same rise and fall together, by luck as well; the peak to deploy is chosen by it."
GROSS = "Both sides pay the same costs, so they cancel: it does not ask whether timing earns them, nor who was chosen."


@dataclass(frozen=True)
class Shown:
    """One piece of evidence that is not a gate: a figure or an interval (NaN where undefined), and how to read it."""

    name: str
    value: float | tuple[float, float]
    text: str
    meaning: str
    why_no_gate: str

    def to_dict(self) -> dict[str, Any]:
        value = [finite(x) for x in self.value] if isinstance(self.value, tuple) else finite(self.value)
        named = {"name": self.name, "value": value, "text": self.text, "meaning": self.meaning}
        return {**named, "gate": False, "why_no_gate": self.why_no_gate}


def shown(result: SweepResult, chosen: Mapping[str, Number], *, seed: int = 0) -> list[Shown]:
    """The evidence on one set of a sweep with block sums and without warm-up.

    Ratios of the deflated family are of returns per block (with three-day blocks the honest ones: hourly profits of a
    trend depend on each other), intervals are of daily returns, all others of bars. Errors: `UsageError` where the
    sweep has no blocks or not this set, `DataError` where there are fewer blocks than groups to halve.
    """
    if result.blocks is None:
        raise UsageError("E-EVIDENCE-BLOCKS", "this sweep has no block sums.", "Sweep with block_length=….")
    row = find(result.parameters, chosen, len(result))
    sums = sums_of(result.blocks, result.candles, result.costs)
    fill: Fill = result.provenance["fill"]
    target = evaluate(result.strategy.make(chosen), result.candles)
    return [
        *_deflated(sums, row),
        *_overfitting(sums, result.blocks.squares[:, : sums.count], seed),
        *_intervals(result, target, fill, seed),
        *_stress(result, target, fill),
        *_neighbourhood(result, sums, chosen),
        _random_entries(positions_against_market(result.candles, target, fill)),
    ]


def positions_against_market(candles: Candles, target: Float1D, fill: Fill) -> RandomEntries:
    """`random_entries` of a target exposure, float64[n]: held from its fill on, over returns between fill prices."""
    held = np.zeros(len(candles))
    lag = fill_bar(0)
    held[lag:] = target[: len(candles) - lag]
    prices = candles.open if fill == "next_open" else candles.close
    return random_entries(held, growth_of(prices, candles.close)[4, :-1])


def block_sharpes(net: Float2D) -> Float1D:
    """Sharpe ratio per block of each set, shape (sets,); NaN without variance."""
    deviation = net.std(axis=1, ddof=1)
    moved = deviation > 0
    return np.where(moved, net.mean(axis=1) / np.where(moved, deviation, 1.0), np.nan)


def _deflated(sums: Sums, row: int) -> Iterator[Shown]:
    net = sums.net
    trials = block_sharpes(net)
    trials = trials[~np.isnan(trials)]
    variance = float(trials.var(ddof=1)) if trials.size > 1 else 0.0
    record, a_year = deflated.record_of(net[row]), sums.count / sums.years
    hurdle = deflated.expected_maximum_sharpe(variance, trials.size) * math.sqrt(a_year)
    needed = deflated.minimum_track_record(record) / a_year
    yield _figure(
        "Probabilistic Sharpe ratio",
        deflated.probabilistic_sharpe(record),
        "probability that the true Sharpe ratio is above 0, were this the only set",
        NO_SEARCH,
    )
    yield _figure(
        "Deflated Sharpe ratio",
        deflated.deflated_sharpe(record, variance, trials.size),
        f"the same, above {hurdle:.2f} a year: the best to expect of {trials.size:,} independent sets without skill",
        SPREAD,
    )
    yield Shown(
        "Minimum track record",
        needed,
        f"{needed:.1f} years" if math.isfinite(needed) else UNDEFINED,
        f"history needed to call the true Sharpe ratio positive at 95 %; there are {sums.years:.1f} years",
        NO_SEARCH,
    )


def _overfitting(sums: Sums, squares: Float2D, seed: int) -> Iterator[Shown]:
    """Costs are in the sums of returns and not in those of squares, where they do not count."""
    bars = np.full(sums.count, sums.length)
    found = overfitting(sums.net, squares, bars, splits=SPLITS, seed=seed)
    yield _figure(
        "Probability of backtest overfitting",
        found.probability,
        "how often the best set of one half of the blocks is in the lower half of the sets on the other",
        RANKS,
    )
    yield _figure("Probability of loss", found.loss, "how often that set loses on the other half", RANKS)


def _intervals(result: SweepResult, target: Float1D, fill: Fill, seed: int) -> Iterator[Shown]:
    equity = simulation.run(result.candles, target, result.costs, fill=fill).equity
    found = equity_intervals(equity, result.candles, START_CASH, seed=seed)
    labels = {"sharpe": "Sharpe ratio", "total_return": "Total return", "max_drawdown": "Max drawdown"}
    for name, (low, high) in found.items():
        text = bounds(low, high) if name == "sharpe" else f"{change(low)} … {change(high)}"
        yield Shown(f"{labels[name]}, 95 %", (low, high), text, "by stationary bootstrap of daily returns", NO_SEARCH)


def _stress(result: SweepResult, target: Float1D, fill: Fill) -> Iterator[Shown]:
    for factor, stats in cost_stress(result.candles, target, result.costs, fill=fill).items():
        meaning = f"what is left of the Sharpe ratio at {factor:g} times the costs"
        yield Shown(f"Sharpe ratio at {factor:g} × costs", stats["sharpe"], ratio(stats["sharpe"]), meaning, COSTS)


def _neighbourhood(result: SweepResult, sums: Sums, chosen: Mapping[str, Number]) -> Iterator[Shown]:
    found = neighbourhood(result.strategy, result.parameters, block_sharpes(sums.net), chosen)
    around = f"of the {found.sets:,} sets with parameters within 20 % of the chosen ones"
    yield _share("Neighbours nearly as good", found.near, f"{around}, those within 10 % of its Sharpe ratio", ALIKE)
    yield _share("Neighbours that earn", found.positive, f"{around}, those with a Sharpe ratio above 0", ALIKE)
    yield _share("Plateau", found.plateau, "of all sets, those within 10 % of the best Sharpe ratio", ALIKE)


def _random_entries(found: RandomEntries) -> Shown:
    meaning = "p-value: how often the same positions, moved along the history, earned as much before costs"
    return _figure("Random entries", found.p_value, meaning, GROSS)


def _figure(name: str, value: float, meaning: str, why_no_gate: str) -> Shown:
    text = f"{value:.3f}" if math.isfinite(value) else UNDEFINED
    return Shown(name, value, text, meaning, why_no_gate)


def _share(name: str, value: float, meaning: str, why_no_gate: str) -> Shown:
    return Shown(name, value, share(value), meaning, why_no_gate)
