"""The tables behind the heat maps: months, costs and neighbouring parameters."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from thunes.errors import DataError
from thunes.model import Costs, Float1D, Int1D
from thunes.research.backtest import BacktestResult
from thunes.research.report.contents import sharpe_at
from thunes.research.report.figures import percent, rate
from thunes.research.sweep import sweep
from thunes.strategies.base import Number, Parameter, Strategy

MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
FEES = (0.0, 0.0002, 0.0004, 0.00075, 0.001, 0.0015, 0.002)
SLIPPAGES = (0.0, 0.0001, 0.0002, 0.0005, 0.001, 0.002)
SIDE, SHORT_SIDE = 21, 7  # values a parameter; fewer where each set must be computed anew


@dataclass(frozen=True)
class Months:
    """Returns of calendar months (UTC), shape (months, years); NaN where there are no bars. `years` carry their own."""

    months: list[str]
    years: list[str]
    values: Float1D


@dataclass(frozen=True)
class CostGrid:
    """Sharpe ratios, shape (fees, slippages), and where in it the assumed costs are."""

    fees: list[str]
    slippages: list[str]
    sharpe: Float1D
    chosen: tuple[int, int]


@dataclass(frozen=True)
class Neighbourhood:
    """Sharpe ratios around the chosen set, shape (rows, columns), NaN where a set is not feasible.

    `names` are the two parameters varied, `better` how many of the `sets` have a higher Sharpe ratio.
    """

    names: tuple[str, str]
    rows: list[str]
    columns: list[str]
    sharpe: Float1D
    chosen: tuple[int, int]
    better: int
    sets: int


def monthly_returns(equity: Float1D, open_time: Int1D) -> Months:
    """What each calendar month made, from the last close of the one before; the first starts with the first bar."""
    stamps = open_time.astype("datetime64[ms]").astype("datetime64[M]").astype(np.int64)
    ends = np.flatnonzero(np.append(np.diff(stamps) > 0, True))
    returns = equity[ends] / np.append(equity[0], equity[ends[:-1]]) - 1.0
    year, month = np.divmod(stamps[ends], 12)
    years, rows = np.unique(year), np.unique(month)
    values = np.full((rows.size, years.size), np.nan)
    values[np.searchsorted(rows, month), np.searchsorted(years, year)] = returns
    names = [f"{1970 + y}<br>{percent(float(np.prod(1 + returns[year == y]) - 1))}" for y in years]
    return Months([MONTHS[m] for m in rows], names, values)


def cost_grid(result: BacktestResult) -> CostGrid:
    """The same decisions at other fees and slippages."""
    paid = result.costs
    fees, slippages = sorted({*FEES, paid.fee}), sorted({*SLIPPAGES, paid.slippage})
    sharpe = np.array([[sharpe_at(result, Costs(fee, slippage)) for slippage in slippages] for fee in fees])
    chosen = fees.index(paid.fee), slippages.index(paid.slippage)
    return CostGrid([rate(fee) for fee in fees], [rate(slippage) for slippage in slippages], sharpe, chosen)


def neighbourhood(result: BacktestResult) -> Neighbourhood | str:
    """The first two parameters varied, all others as chosen; a sentence where there is nothing to show."""
    strategy = result.strategy
    names = tuple(strategy.parameters())[:2]
    if len(names) < 2:
        return f"{strategy.name()} has fewer than two parameters: there is no neighbourhood to draw."
    side = SHORT_SIDE if type(strategy).exposure is not Strategy.exposure else SIDE
    axes = [around(strategy.parameters()[name], strategy.values[name], side) for name in names]
    ranges: dict[str, Any] = {**strategy.values, **dict(zip(names, axes, strict=True))}
    terms: dict[str, Any] = {"stops": result.stops, "fill": result.fill, "metrics": ["sharpe"]}
    try:
        swept = sweep(type(strategy), result.candles, result.costs, **terms, **ranges)
    except DataError as error:
        return f"A neighbouring set asks for more bars than there are: {error.message}"
    places = [np.searchsorted(axis, swept.parameters[name]) for name, axis in zip(names, axes, strict=True)]
    sharpe = np.full([len(axis) for axis in axes], np.nan)
    sharpe[places[0], places[1]] = swept.metrics["sharpe"]
    chosen = axes[0].index(strategy.values[names[0]]), axes[1].index(strategy.values[names[1]])
    better = int((swept.metrics["sharpe"] > result.stats["sharpe"] + 1e-9).sum())
    rows, columns = ([f"{value:g}" for value in axis] for axis in axes)
    return Neighbourhood((names[0], names[1]), rows, columns, sharpe, chosen, better, len(swept))


def around(parameter: Parameter, chosen: Number, side: int) -> list[Number]:
    """Up to `side` values about the chosen one, from half of it to half as much again, inside the search range."""
    stride = max(1, round(abs(chosen) / (side - 1) / parameter.step)) * parameter.step
    low, high = min(parameter.first, chosen), max(parameter.last, chosen)
    steps = range(-(side // 2), side // 2 + 1)
    values = [type(parameter.default)(round(chosen + k * stride, 12)) if k else chosen for k in steps]
    return [value for value in values if low <= value <= high]
