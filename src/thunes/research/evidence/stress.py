"""What is left of a chosen set when its costs are higher, or its parameters a little other."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from thunes.errors import UsageError
from thunes.kernels import simulation
from thunes.model import NO_STOPS, Candles, Costs, Fill, Float1D, Stops
from thunes.research.backtest import stats_of
from thunes.research.grid import Columns
from thunes.strategies.base import Number, Strategy

FACTORS = (2.0, 3.0)
REACH = 0.2  # of a parameter's value, to either side; at least one step
NEAR = 0.1  # a set is near another whose figure it misses by at most this part


def cost_stress(
    candles: Candles,
    exposure: Float1D,
    costs: Costs,
    *,
    factors: tuple[float, ...] = FACTORS,
    stops: Stops = NO_STOPS,
    fill: Fill = "next_open",
) -> dict[float, dict[str, float]]:
    """The sixteen metrics of the same decisions (float64[n]) at so many times the costs, by factor.

    Factors at which a fee would be all that is traded are left out.
    """
    payable = [factor for factor in factors if max(costs.fee, costs.slippage) * factor < 1]
    return {
        factor: stats_of(simulation.run(candles, exposure, costs.times(factor), stops, fill), candles)
        for factor in payable
    }


@dataclass(frozen=True)
class Neighbourhood:
    """The sets around a chosen one, itself left out, and all sets of the space.

    `near` is the share of neighbours whose figure is at most a tenth of the chosen one's below it, `positive` the share
    with a figure above 0, `median` and `worst` theirs; `plateau` is the share of the whole space that is as near to the
    best set's figure. NaN where there is no neighbour, or the figure that counts as near is not positive.
    """

    sets: int
    near: float
    positive: float
    median: float
    worst: float
    plateau: float


def neighbourhood(
    strategy: type[Strategy],
    columns: Columns,
    figures: Float1D,
    chosen: Mapping[str, Number],
    *,
    reach: float = REACH,
    near: float = NEAR,
) -> Neighbourhood:
    """How a figure (shape (sets,), more is better; NaN counts as lowest) behaves around a chosen set of a sweep.

    Neighbours are the sets of `columns` whose every parameter lies within `reach` of the chosen value, or one step of
    its search range where that is more.
    """
    row = find(columns, chosen, figures.size)
    around = neighbours(strategy, columns, chosen, reach)
    around[row] = False
    values = figures[around]
    best = np.nanmax(figures) if not np.isnan(figures).all() else np.nan
    return Neighbourhood(
        sets=values.size,
        near=_share_near(values, figures[row], near),
        positive=float((values > 0).mean()) if values.size else np.nan,
        median=_median(values),
        worst=_worst(values),
        plateau=_share_near(figures, best, near),
    )


def neighbours(
    strategy: type[Strategy], columns: Columns, chosen: Mapping[str, Number], reach: float = REACH
) -> NDArray[np.bool_]:
    """Which sets lie around a chosen one, itself included, shape (sets,)."""
    inside = np.ones(len(next(iter(columns.values()))) if columns else 1, dtype=bool)
    for name, values in columns.items():
        most = max(reach * abs(chosen[name]), strategy.parameters()[name].step)
        inside &= np.abs(values - chosen[name]) <= most * (1 + 1e-9)
    return inside


def find(columns: Columns, chosen: Mapping[str, Number], sets: int) -> int:
    """Which of a sweep's sets this one is. Errors: `UsageError` where it is none of them."""
    same = np.ones(sets, dtype=bool)
    for name, values in columns.items():
        same &= values == chosen.get(name)
    if not same.any():
        text = " ".join(f"{name}={value:g}" for name, value in chosen.items())
        raise UsageError(
            "E-EVIDENCE-SET", f"{text} is no set of this sweep.", "Name every parameter of one of its sets."
        )
    return int(same.argmax())


def _share_near(values: Float1D, figure: float, near: float) -> float:
    if not (values.size and figure > 0):
        return float("nan")
    return float((values >= (1 - near) * figure).mean())


def _median(values: Float1D) -> float:
    return float(np.nanmedian(values)) if (~np.isnan(values)).any() else float("nan")


def _worst(values: Float1D) -> float:
    return float(np.nanmin(values)) if (~np.isnan(values)).any() else float("nan")
