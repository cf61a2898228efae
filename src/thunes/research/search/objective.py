"""What a parameter set is worth: the mean of a figure over folds, or the reason why it has none."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal, get_args

import numpy as np

from thunes.errors import UsageError, did_you_mean
from thunes.kernels import simulation
from thunes.kernels.metrics import derive
from thunes.kernels.simulation import START_CASH
from thunes.model import Candles, Costs, Float1D
from thunes.research.search.folds import Fold
from thunes.strategies.base import Number, Strategy, evaluate

OBJECTIVES = ("sharpe", "sortino", "calmar", "return_over_drawdown")
PARTS = {"return_over_drawdown": ("total_return", "max_drawdown")}
State = Literal["viable", "few_trades", "undefined", "pruned", "infeasible"]
STATES: tuple[State, ...] = get_args(State)


@dataclass(frozen=True)
class Task:
    """What every set is judged by: candles and costs, folds, objectives (all are maximised), the fewest trades."""

    strategy: type[Strategy]
    candles: Candles
    costs: Costs
    folds: tuple[Fold, ...]
    objectives: tuple[str, ...]
    min_trades: int

    @cached_property
    def pieces(self) -> tuple[Candles, ...]:
        """The candles of each fold."""
        return tuple(self.candles[fold.first : fold.last] for fold in self.folds)

    @cached_property
    def metrics(self) -> tuple[str, ...]:
        """The metrics that the objectives are made of, and the trades."""
        parts = (part for name in self.objectives for part in PARTS.get(name, (name,)))
        return tuple(dict.fromkeys((*parts, "trades")))


@dataclass(frozen=True)
class Outcome:
    """What became of one set. `folds` holds the objectives of each fold that was run; NaN is undefined.

    `trades` counts closed positions on those folds.
    """

    parameters: Mapping[str, Number]
    state: State
    folds: tuple[tuple[float, ...], ...] = ()
    trades: int = 0

    @cached_property
    def values(self) -> tuple[float, ...]:
        """The mean of each objective over the folds that were run, in their order."""
        return tuple(mean(column) for column in zip(*self.folds, strict=True))


def require_objectives(names: Sequence[str]) -> None:
    """Errors: `UsageError` for none, an unknown one or one given twice."""
    for name in names or ("",):
        if name not in OBJECTIVES:
            raise UsageError("E-OBJECTIVE", f"unknown objective {name!r}.", did_you_mean(name, OBJECTIVES))
    if len(set(names)) < len(names):
        raise UsageError("E-OBJECTIVE", "an objective is given twice.", "Give it once.")


def mean(values: Sequence[float] | Float1D) -> float:
    """The plain mean: what a trial is told and what the check of the winner compares."""
    return float(np.mean(values))


def figure(objective: str, stats: Mapping[str, Any]) -> Any:
    """An objective from metrics, for one set or an array of them; undefined is NaN."""
    if objective not in PARTS:
        return stats[objective]
    depth = np.abs(stats["max_drawdown"])
    return np.where(depth > 0, stats["total_return"] / np.where(depth > 0, depth, 1.0), np.nan)


def judge(task: Task, parameters: Mapping[str, Number], hurdles: Sequence[float] = ()) -> Outcome:
    """Judge one feasible set: evaluated once from the first candle on, an account beginning flat at each fold.

    It is pruned after a fold where the mean so far lies below that fold's hurdle. Errors as in `backtest`.
    """
    exposure = evaluate(task.strategy.make(parameters), task.candles)
    return judged(task, parameters, exposure, hurdles)


def judged(task: Task, parameters: Mapping[str, Number], exposure: Float1D, hurdles: Sequence[float] = ()) -> Outcome:
    """The outcome of a set whose exposure, float64[n], is known."""
    found: list[tuple[float, ...]] = []
    trades = 0
    for fold, candles in zip(task.folds, task.pieces, strict=True):
        moments = simulation.run(candles, exposure[fold.first : fold.last], task.costs).moments
        stats = derive(moments, len(candles), candles.bars_per_year, START_CASH, task.metrics)
        found.append(tuple(float(figure(name, stats)) for name in task.objectives))
        trades += int(stats["trades"])
        if np.isnan(found[-1]).any():
            return Outcome(parameters, "undefined", tuple(found), trades)
        if len(found) <= len(hurdles) and mean([values[0] for values in found]) < hurdles[len(found) - 1]:
            return Outcome(parameters, "pruned", tuple(found), trades)
    return Outcome(parameters, "viable" if trades >= task.min_trades else "few_trades", tuple(found), trades)
