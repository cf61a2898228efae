"""One strategy on one series of candles: the figures, the trades, the curve, and where they come from."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from thunes.errors import UsageError
from thunes.kernels import simulation
from thunes.kernels.metrics import derive
from thunes.kernels.simulation import REASONS, START_CASH, Simulation
from thunes.model import NO_STOPS, Candles, Costs, Fill, Float1D, Stops
from thunes.research.provenance import finite, provenance
from thunes.strategies import registry
from thunes.strategies.base import Strategy, evaluate

if TYPE_CHECKING:
    import vectorbt as vbt

    from thunes.research.frame import Frame


@dataclass(frozen=True, repr=False, eq=False)
class BacktestResult:
    """What a strategy would have done. `exposure` is its target at each close, float64[n]; money is in quote currency.

    `provenance` names everything that the figures were computed from.
    """

    strategy: Strategy
    candles: Candles
    costs: Costs
    stops: Stops
    fill: Fill
    exposure: Float1D
    simulation: Simulation
    provenance: Mapping[str, Any]

    @cached_property
    def stats(self) -> dict[str, float]:
        """The sixteen metrics by name (see `kernels.metrics`): fractions, drawdown negative, undefined is NaN."""
        return stats_of(self.simulation, self.candles)

    @cached_property
    def hold(self) -> dict[str, float]:
        """The same metrics of buying at the first possible fill and holding, at the same costs."""
        return stats_of(self.held, self.candles)

    @cached_property
    def held(self) -> Simulation:
        """The account that buys at the first possible fill and holds."""
        return simulation.run(self.candles, np.ones(len(self.candles)), self.costs, fill=self.fill)

    @cached_property
    def trades(self) -> Frame:
        """One row per position, flat to flat, in time order; only the last can be open, valued at the last close.

        Columns: entry_time and exit_time (open times of their bars), bars, size, mean entry_price and exit_price
        (slippage included), fees, pnl, return (pnl over the money paid in), reason of the exit (null while open), open.
        """
        return _trades_frame(self.simulation.trades, self.candles)

    @cached_property
    def equity(self) -> Frame:
        """One row per bar: open_time, close, target, exposure (position / equity), equity, drawdown, hold."""
        from thunes.research.frame import Frame, times

        curve = self.simulation.equity
        return Frame(
            {
                "open_time": times("open_time", self.candles.open_time),
                "close": self.candles.close,
                "target": self.exposure,
                "exposure": self.simulation.exposed,
                "equity": curve,
                "drawdown": curve / np.maximum.accumulate(curve) - 1.0,
                "hold": self.held.equity,
            }
        )

    @cached_property
    def portfolio(self) -> vbt.Portfolio:
        """The same orders as a `vectorbt.Portfolio`; with stops, by vectorbt's own stop rule."""
        from thunes.research import vectorbt_bridge

        return vectorbt_bridge.portfolio(self.candles, self.exposure, self.costs, self.stops, self.fill)

    def to_dict(self) -> dict[str, Any]:
        """Figures and provenance as plain values; undefined figures are None."""
        return {
            "stats": {name: finite(value) for name, value in self.stats.items()},
            "buy_and_hold": {name: finite(value) for name, value in self.hold.items()},
            "provenance": dict(self.provenance),
        }

    def to_json(self) -> str:
        return json.dumps(self.to_dict())

    def __repr__(self) -> str:
        shown = ("total_return", "sharpe", "max_drawdown", "trades")
        figures = ", ".join(f"{name}={self.stats[name]:.4g}" for name in shown)
        return f"BacktestResult({self.strategy!r} on {self.candles!r}: {figures})"


def backtest(
    strategy: Strategy | type[Strategy] | str,
    candles: Candles,
    costs: Costs | None = None,
    *,
    stops: Stops = NO_STOPS,
    fill: Fill = "next_open",
    **parameters: Any,
) -> BacktestResult:
    """Run a strategy (an instance, a class, a name or `file.py:Class`) over candles; parameters by name.

    Decisions at the close of bar t are filled in bar t + 1 (`fill`: at its open or its close). Errors: `UsageError` for
    an unknown name or value, `DataError` for too few candles, `StrategyError` if its exposure breaks the contract.
    """
    chosen = instance(strategy, parameters)
    exposure = evaluate(chosen, candles)
    paid = checked_costs(costs)
    return BacktestResult(
        strategy=chosen,
        candles=candles,
        costs=paid,
        stops=stops,
        fill=checked_fill(fill),
        exposure=exposure,
        simulation=simulation.run(candles, exposure, paid, stops, fill),
        provenance=provenance(type(chosen), chosen.values, candles, paid, stops, fill),
    )


def instance(strategy: Strategy | type[Strategy] | str, parameters: Mapping[str, Any]) -> Strategy:
    """The strategy asked for, with its parameters set; those not named keep their values."""
    if isinstance(strategy, Strategy):
        return type(strategy).make({**strategy.values, **parameters})
    return strategy_class(strategy).make(parameters)


def strategy_class(strategy: Strategy | type[Strategy] | str) -> type[Strategy]:
    """The class of a strategy given in any form."""
    if isinstance(strategy, str):
        return registry.load(strategy)
    found: Any = type(strategy) if isinstance(strategy, Strategy) else strategy
    if not (isinstance(found, type) and issubclass(found, Strategy)):
        raise UsageError(
            "E-STRATEGY-UNKNOWN", f"{strategy!r} is no strategy.", "Name one, or give its class or instance."
        )
    return found


def checked_costs(costs: Costs | None) -> Costs:
    """The costs asked for; the default ones for None. Errors: `UsageError` for anything else, a bare 0 included."""
    if costs is None:
        return Costs()
    if not isinstance(costs, Costs):
        raise UsageError("E-COSTS", f"costs={costs!r} must be a Costs.", "Write th.Costs(fee=…, slippage=…).")
    return costs


def checked_fill(fill: str) -> Fill:
    """The fill rule of that name."""
    if fill == "next_open" or fill == "next_close":
        return fill  # type: ignore[return-value]
    raise UsageError("E-FILL", f"unknown fill {fill!r}.", "Use next_open or next_close.")


def stats_of(simulated: Simulation, candles: Candles) -> dict[str, float]:
    """The sixteen metrics of one simulated account."""
    derived = derive(simulated.moments, len(candles), candles.bars_per_year, START_CASH)
    return {name: float(value) for name, value in derived.items()}


def _trades_frame(rows: Float1D, candles: Candles) -> Frame:
    import polars as pl

    from thunes.research.frame import Frame, times

    entry_bar, exit_bar, size, entry, leave, fees, pnl, reason, closed = rows.T
    first, last = entry_bar.astype(np.int64), exit_bar.astype(np.int64)
    return Frame(
        {
            "entry_time": times("entry_time", candles.open_time[first]),
            "exit_time": times("exit_time", candles.open_time[last]),
            "bars": last - first,
            "size": size,
            "entry_price": entry,
            "exit_price": leave,
            "fees": fees,
            "pnl": pnl,
            "return": pnl / (size * entry),
            "reason": pl.Series(
                [REASONS[int(r)] if c else None for r, c in zip(reason, closed, strict=True)], dtype=pl.String
            ),
            "open": closed == 0.0,
        }
    )
