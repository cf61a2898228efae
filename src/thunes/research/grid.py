"""The parameter sets of a sweep: which ones, and whether they are possible."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from thunes.errors import UsageError, did_you_mean
from thunes.strategies.base import Number, Strategy, coerce, holds

Columns = dict[str, NDArray[Any]]
LIMIT = 5_000_000  # sets of one sweep: their figures alone need half a gigabyte


def grid(strategy: type[Strategy], ranges: Mapping[str, Iterable[Number] | Number]) -> Columns:
    """Every feasible set as columns of equal length, first parameter slowest: int64 or float64 by parameter.

    Without any range it is the strategy's whole declared space; otherwise a parameter not named keeps its default.
    Errors: `UsageError` for an unknown name, a value outside its type, an empty range, no feasible set or too many.
    """
    declared = strategy.parameters()
    for name in ranges:
        if name not in declared:
            hint = did_you_mean(name, declared or {"(none)": None})
            raise UsageError("E-PARAM-UNKNOWN", f"{strategy.name()} has no parameter {name!r}.", hint)
    axes = [_axis(strategy, name, ranges) for name in declared]
    _require_size(math.prod(axis.size for axis in axes))
    mesh = np.meshgrid(*axes, indexing="ij") if axes else []
    columns = {name: values.ravel() for name, values in zip(declared, mesh, strict=True)}
    feasible = np.ones(columns[next(iter(columns))].size if columns else 1, dtype=bool)
    for constraint in strategy.constraints:
        feasible &= holds(constraint, columns)
    if not feasible.any():
        raise UsageError("E-GRID-EMPTY", f"no set of the grid meets {' and '.join(strategy.constraints)}.")
    return {name: np.ascontiguousarray(values[feasible]) for name, values in columns.items()}


def _require_size(sets: int) -> None:
    if sets > LIMIT:
        hint = "Narrow a range, or give it a step: NAME=FIRST:LAST:STEP."
        raise UsageError("E-GRID-SIZE", f"the grid has {sets:,} sets; one sweep takes up to {LIMIT:,}.", hint)


def _axis(strategy: type[Strategy], name: str, ranges: Mapping[str, Iterable[Number] | Number]) -> NDArray[Any]:
    """The distinct values of a parameter in ascending order."""
    parameter = strategy.parameters()[name]
    asked: Any = ranges.get(name, parameter.default) if ranges else parameter.values
    many = asked if isinstance(asked, Iterable) and not isinstance(asked, str) else [asked]
    given = list(itertools.islice(many, LIMIT + 1))
    _require_size(len(given))
    values = [coerce(parameter, value) for value in given]
    if not values:
        raise UsageError("E-GRID-EMPTY", f"the range of {name} is empty.")
    return np.unique(np.array(values, dtype=np.int64 if isinstance(parameter.default, int) else np.float64))


def parse_range(text: str) -> tuple[str, list[Number]]:
    """`fast=5:54`, `fast=5:54:2` (last included) or `fast=5,10,20` as a name and its values."""
    name, separator, body = text.partition("=")
    try:
        if not separator or not name:
            raise ValueError
        if ":" not in body:
            return name, [_number(part) for part in body.split(",")]
        first, last, *rest = [_number(part) for part in body.split(":")]
        step = rest[0] if rest else 1
        if len(rest) > 1 or step <= 0 or not all(map(math.isfinite, (first, last, step))):
            raise ValueError
        count = math.floor((last - first) / step + 1e-9) + 1
        _require_size(count)
        return name, [round(first + k * step, 12) for k in range(max(count, 0))]
    except ValueError:
        hint = "Write NAME=FIRST:LAST, NAME=FIRST:LAST:STEP or NAME=A,B,C."
        raise UsageError("E-GRID-FORMAT", f"cannot read the range {text!r}.", hint) from None


def _number(text: str) -> Number:
    return int(text) if text.strip().lstrip("+-").isdigit() else float(text)
