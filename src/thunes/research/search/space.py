"""What is searched: each parameter's finite axis, and which combinations are possible."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from thunes.errors import UsageError
from thunes.research.grid import LIMIT, grid
from thunes.strategies.base import Number, Strategy, coerce, holds

if TYPE_CHECKING:
    from optuna.distributions import BaseDistribution

Ranges = Mapping[str, Iterable[Number] | Number]


@dataclass(frozen=True)
class Space:
    """The axes of a search, each in ascending order; `size` counts feasible sets (all, where nobody can count them)."""

    strategy: type[Strategy]
    axes: Mapping[str, tuple[Number, ...]]
    size: int

    def violated(self, values: Mapping[str, Number]) -> str:
        """The first constraint that a set breaks; empty where it is feasible."""
        return next((c for c in self.strategy.constraints if not holds(c, values)), "")

    @property
    def warm_up(self) -> int:
        """Bars that no set's lines need more of: the longest window of each parameter counted in bars, in a row."""
        declared = self.strategy.parameters()
        return int(sum(axis[-1] for name, axis in self.axes.items() if declared[name].unit == "bars"))

    @cached_property
    def distributions(self) -> dict[str, BaseDistribution]:
        """The axes as Optuna draws from them. Errors: `UsageError` for one that is not evenly spaced."""
        return {name: _distribution(name, axis) for name, axis in self.axes.items()}

    def on_grid(self, drawn: Mapping[str, Any]) -> dict[str, Number]:
        """A draw as values of the declared grid: a drawn fraction differs from its grid value in the last digits."""
        return {name: axis[int(np.argmin(np.abs(np.array(axis) - drawn[name])))] for name, axis in self.axes.items()}


def space_of(strategy: type[Strategy], ranges: Ranges) -> Space:
    """The declared space, narrowed by ranges; a parameter not named keeps its whole declared range.

    Errors: `UsageError` for an unknown name, a wrong value, an empty range, no feasible set or nothing to search.
    """
    declared = strategy.parameters()
    if not declared:
        raise UsageError("E-SEARCH-SPACE", f"{strategy.name()} has no parameter to search.", "Backtest it as it is.")
    whole: dict[str, Any] = {name: parameter.values for name, parameter in declared.items()} | dict(ranges)
    if unknown := whole.keys() - declared.keys():
        grid(strategy, dict.fromkeys(unknown, 0))  # raises the error that names it
    axes = {name: _axis(strategy, name, whole[name]) for name in declared}
    return Space(strategy, axes, _size(strategy, axes))


def _axis(strategy: type[Strategy], name: str, given: Any) -> tuple[Number, ...]:
    many = given if isinstance(given, Iterable) and not isinstance(given, str) else [given]
    axis = sorted({coerce(strategy.parameters()[name], value) for value in many})
    if not axis:
        raise UsageError("E-GRID-EMPTY", f"the range of {name} is empty.")
    return tuple(axis)


def _size(strategy: type[Strategy], axes: Mapping[str, tuple[Number, ...]]) -> int:
    every = math.prod(len(axis) for axis in axes.values())
    return every if every > LIMIT else next(iter(grid(strategy, axes).values())).size


def _distribution(name: str, axis: tuple[Number, ...]) -> BaseDistribution:
    from optuna.distributions import FloatDistribution, IntDistribution

    steps = np.diff(axis) if len(axis) > 1 else np.ones(1)
    if not np.allclose(steps, steps[0], rtol=1e-6, atol=0):
        hint = "Write NAME=FIRST:LAST:STEP, or use --sampler exhaustive."
        raise UsageError("E-SEARCH-RANGE", f"the values of {name} are not evenly spaced.", hint)
    first, last = axis[0], axis[-1]
    if isinstance(first, int):
        return IntDistribution(first, int(last), step=int(steps[0]))
    return FloatDistribution(first, last, step=round(float(steps[0]), 12))
