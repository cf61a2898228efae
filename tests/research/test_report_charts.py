from __future__ import annotations

import re
from typing import Any, ClassVar

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from tests.series import walk

from thunes.model import DAY_MS, Candles, Costs, Float1D
from thunes.research.backtest import BacktestResult, backtest
from thunes.research.report.charts import bin_edges, fixed, over_time
from thunes.research.report.contents import report
from thunes.research.report.curves import curves, rolling_sharpe
from thunes.research.report.grids import MONTHS, SIDE, around, cost_grid, monthly_returns, neighbourhood
from thunes.strategies.base import Parameter, Strategy, param

HOURS = walk(24 * 90, seed=5)


class Slow(Strategy):
    """Two parameters and plain numpy: each set is computed anew."""

    first: int = param(4, "bars", first=2, last=40)
    second: int = param(9, "bars", first=2, last=40)

    constraints: ClassVar[tuple[str, ...]] = ("first < second",)

    def exposure(self, candles: Candles) -> Float1D:
        return (np.arange(len(candles)) % self.second < self.first) * 1.0


def crossed(candles: Candles = HOURS, **terms: Any) -> BacktestResult:
    return backtest("sma_cross", candles, fast=5, slow=20, **terms)


def test_few_bars_are_drawn_as_they_are() -> None:
    result = crossed()
    drawn = curves(result)
    assert drawn.merged == 1
    assert_array_equal(drawn.open_time, HOURS.open_time)
    assert_array_equal(drawn.high, HOURS.high)
    assert_array_equal(drawn.equity, result.simulation.equity)
    assert_array_equal(drawn.invested, result.simulation.exposed > 0)


def test_many_bars_are_merged_without_losing_an_extreme() -> None:
    result = crossed()
    drawn = curves(result, most=500)
    assert (drawn.merged, drawn.close.size) == (5, 432)
    assert_array_equal(drawn.open_time, HOURS.open_time[::5])
    assert_array_equal(drawn.open, HOURS.open[::5])
    assert_array_equal(drawn.close, HOURS.close[4::5])
    assert_array_equal(drawn.high, HOURS.high.reshape(-1, 5).max(axis=1))
    assert (drawn.low.min(), drawn.drawdown.min()) == (HOURS.low.min(), result.stats["max_drawdown"])
    assert drawn.equity[-1] == result.stats["final_equity"]


def test_the_rolling_ratio_is_that_of_each_window() -> None:
    equity = crossed().simulation.equity
    rolled = rolling_sharpe(equity, 200, 8760)
    windows = np.lib.stride_tricks.sliding_window_view(np.diff(equity) / equity[:-1], 200)
    assert np.isnan(rolled[:200]).all()
    moved = windows.std(axis=1) > 0
    expected = windows[moved].mean(axis=1) / windows[moved].std(axis=1, ddof=1) * np.sqrt(8760)
    assert_allclose(rolled[200:][moved], expected, rtol=1e-6, atol=1e-6)


def test_the_rolling_ratio_is_undefined_where_nothing_moved() -> None:
    equity = np.array([100.0, 101.0, 100.5, *[102.3] * 50])
    assert np.isnan(rolling_sharpe(equity, 10, 365)[14:]).all()


def test_a_month_runs_from_the_close_before_it_to_its_own_last_close() -> None:
    months = np.array(["2021-12-31", "2022-01-01", "2022-01-31", "2022-02-01"], dtype="datetime64[ms]").astype(np.int64)
    grid = monthly_returns(np.array([100.0, 110.0, 121.0, 60.5]), months)
    assert (grid.months, grid.years) == (["Jan", "Feb", "Dec"], ["2021<br>0.0", "2022<br>-39.5"])
    assert_allclose(grid.values, [[np.nan, 0.21], [np.nan, -0.5], [0.0, np.nan]])


def test_monthly_returns_compound_to_the_total_return() -> None:
    result = crossed()
    grid = monthly_returns(result.simulation.equity, HOURS.open_time)
    assert set(grid.months) <= set(MONTHS)
    assert_allclose(np.nanprod(1 + grid.values) - 1, result.stats["total_return"])


def test_the_cost_grid_holds_the_assumed_costs_and_falls_with_each() -> None:
    result = crossed(costs=Costs(0.0011, 0.0004))
    grid = cost_grid(result)
    assert grid.sharpe[grid.chosen] == result.stats["sharpe"]
    assert (grid.fees[grid.chosen[0]], grid.slippages[grid.chosen[1]]) == ("0.11 %", "0.04 %")
    assert (np.diff(grid.sharpe, axis=0) < 0).all()
    assert (np.diff(grid.sharpe, axis=1) < 0).all()


@pytest.mark.parametrize("result", [crossed(), backtest("macd_trend", HOURS), backtest(Slow(), HOURS)])
def test_the_neighbourhood_holds_the_chosen_set(result: BacktestResult) -> None:
    grid = neighbourhood(result)
    assert not isinstance(grid, str)
    assert_allclose(grid.sharpe[grid.chosen], result.stats["sharpe"], rtol=1e-9)
    assert [grid.rows[grid.chosen[0]], grid.columns[grid.chosen[1]]] == [
        f"{result.strategy.values[name]:g}" for name in grid.names
    ]
    assert grid.better == (grid.sharpe > result.stats["sharpe"] + 1e-9).sum()
    assert grid.sets == np.isfinite(grid.sharpe).sum()


def test_a_neighbourhood_that_cannot_be_is_explained() -> None:
    assert neighbourhood(backtest("buy_and_hold", HOURS)) == (
        "buy_and_hold has fewer than two parameters: there is no neighbourhood to draw."
    )
    few = backtest("sma_cross", HOURS[:60], fast=20, slow=50)
    assert "asks for more bars than there are: " in str(neighbourhood(few))


@given(st.integers(1, 300), st.sampled_from([1, 2, 5]))
def test_neighbours_surround_the_chosen_value_inside_the_search_range(chosen: int, step: int) -> None:
    values = around(Parameter("slow", "bars", 50, 20, 200, step), chosen, SIDE)
    assert chosen in values
    assert len(values) <= SIDE
    assert values == sorted(set(values))
    assert min(20, chosen) <= values[0]
    assert values[-1] <= max(200, chosen)


@given(st.floats(1e-3, 1e3))
def test_a_chosen_value_of_many_decimals_is_among_its_neighbours(chosen: float) -> None:
    assert chosen in around(Parameter("width", "x", 2.0, 0.5, 4.0, 0.1), chosen, SIDE)


@given(st.lists(st.floats(-0.9, 3.0), min_size=1, max_size=200))
def test_bins_are_equal_round_and_split_at_zero(returns: list[float]) -> None:
    edges = bin_edges(np.array(returns))
    width = edges[1] - edges[0]
    assert_allclose(np.diff(edges), width)
    assert np.abs(edges).min() == 0
    assert edges.size <= 45
    assert re.fullmatch(r"[125]\.0*e[+-]\d\d", f"{width:.6e}")


def test_every_figure_is_one_that_plotly_accepts() -> None:
    from plotly.graph_objects import Figure

    def painted(node: Any) -> Any:
        if isinstance(node, dict):
            return {key: painted(value) for key, value in node.items()}
        if isinstance(node, list):
            return [painted(value) for value in node]
        return "#123456" if isinstance(node, str) and node.startswith("--") else node

    drawn = [chart.figure for chart in fixed(report(crossed()))]
    assert len(drawn) == 4
    for figure in drawn:
        assert figure is not None
        Figure(painted(figure))


def test_titles_say_what_one_sees() -> None:
    result = crossed()
    found = report(result)
    titles = {chart.name: chart.title for chart in (*over_time(found, curves(result)), *fixed(found))}
    assert titles["equity"] == (
        f"10,000 became {result.stats['final_equity']:,.0f}; buy and hold made it {result.hold['final_equity']:,.0f}"
    )
    assert re.fullmatch(r"Price of BTCUSDT: \d+ positions, invested \d\d\.\d % of the time", titles["price"])
    assert re.fullmatch(r"Sharpe over the last 22 days: below zero [\d.]+ % of the time", titles["rolling"])
    assert re.fullmatch(r"\d of 3 months gained", titles["months"])
    assert re.fullmatch(r"\d+ of \d+ trades won; the median made [+-][\d.]+ %", titles["trades"])
    assert re.fullmatch(r"Neighbours: \d+ of \d+ sets have a higher Sharpe", titles["neighbours"])


def test_a_chart_without_anything_to_show_says_why() -> None:
    idle = backtest("sma_cross", walk(30, interval="1d"), fast=5, slow=29)
    found = report(idle)
    notes = {chart.name: chart.note for chart in (*over_time(found, curves(idle)), *fixed(found))}
    assert idle.stats["trades"] == 0
    assert notes["trades"] == "No position was closed."
    assert notes["rolling"].startswith(("Needs four weeks", "Nothing was traded"))
    assert (HOURS.open_time[-1] - HOURS.open_time[0]) // DAY_MS == 89
