"""vectorbt is the judge: every figure and every trade of ours is one of its own.

Each case is one vectorbt call whose columns are the parameter sets.
"""

from __future__ import annotations

import gc
import itertools
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from tests.series import REAL, moving, walk

from thunes.errors import CheckFailed, UsageError
from thunes.kernels import simulation
from thunes.kernels import sweep as kernel
from thunes.kernels.metrics import METRICS, derive
from thunes.kernels.simulation import START_CASH, Simulation
from thunes.model import NO_STOPS, Candles, Costs, Fill, Float1D, Stops
from thunes.research.backtest import backtest, stats_of
from thunes.research.grid import Columns
from thunes.research.sweep import plans
from thunes.strategies import registry
from thunes.strategies.base import Strategy, evaluate

NAN = float("nan")
SETS = 50
FREE, HEAVY = Costs(0, 0), Costs(fee=0.01, slippage=0.02)
COSTS = (FREE, Costs(), HEAVY)
FILLS: tuple[Fill, ...] = ("next_open", "next_close")
STOPS = [
    Stops(stop_loss=0.03, mode="vectorbt"),
    Stops(trailing=0.04, mode="vectorbt"),
    Stops(take_profit=0.05, mode="vectorbt"),
    Stops(stop_loss=0.02, take_profit=0.03, mode="vectorbt"),
    Stops(trailing=0.02, take_profit=0.03, mode="vectorbt"),
]
Load = Callable[[str, int], Candles]


@pytest.fixture(scope="module")
def bridge() -> Any:
    return pytest.importorskip("thunes.research.vectorbt_bridge")


def random_sets(strategy: type[Strategy], count: int = SETS) -> list[dict[str, Any]]:
    """Different sets of the declared space, as many as there are up to `count`."""
    space = list(strategy.space())
    rng = np.random.default_rng(list(strategy.name().encode()))
    return [space[k] for k in rng.choice(len(space), min(count, len(space)), replace=False)]


def exposures(strategy: type[Strategy], sets: list[dict[str, Any]], candles: Candles) -> Float1D:
    """Shape (bars, sets)."""
    return np.stack([evaluate(strategy.make(values), candles) for values in sets], axis=1)


def simulated(candles: Candles, targets: Float1D, costs: Costs, stops: Stops, fill: Fill) -> list[Simulation]:
    return [
        simulation.run(candles, np.ascontiguousarray(column), costs, stops, fill) for column in np.asarray(targets).T
    ]


def figures_of(accounts: list[Simulation], candles: Candles) -> dict[str, Float1D]:
    each = [stats_of(account, candles) for account in accounts]
    return {name: np.array([stats[name] for stats in each]) for name in METRICS}


def assert_same_trades(accounts: list[Simulation], judged: Any) -> None:
    """Trade for trade: bars, size, mean prices, fees, profit and whether it is closed."""
    records = np.sort(judged.positions.values, order=["col", "entry_idx"])
    ours = np.concatenate([account.trades for account in accounts])
    assert_array_equal(np.repeat(np.arange(len(accounts)), [len(a.trades) for a in accounts]), records["col"])
    entry, leave, size, paid, got, fees, pnl, _, closed = ours.T
    assert_array_equal(entry, records["entry_idx"])
    assert_array_equal(leave, records["exit_idx"])
    assert_array_equal(closed, records["status"])
    theirs = [records[name] for name in ("size", "entry_price", "exit_price")]
    for mine, their in zip((size, paid, got), theirs, strict=True):
        assert_allclose(mine, their, rtol=1e-9, atol=1e-12)
    assert_allclose(fees, records["entry_fees"] + records["exit_fees"], rtol=1e-9, atol=1e-12)
    assert_allclose(pnl, records["pnl"], rtol=1e-9, atol=1e-9 * START_CASH * 1e-3)


def judge(
    bridge: Any, candles: Candles, targets: Float1D, costs: Costs, stops: Stops, fill: Fill
) -> dict[str, Float1D]:
    """vectorbt's figures, after our accounts were held against them and against its trades."""
    judged = bridge.portfolio(candles, targets, costs, stops, fill)
    accounts, figures = simulated(candles, targets, costs, stops, fill), bridge.figures(judged, candles)
    assert bridge.differences(figures_of(accounts, candles), figures) == {}
    assert_same_trades(accounts, judged)
    return dict(figures)


def swept(strategy: type[Strategy], sets: list[dict[str, Any]], candles: Candles, **terms: Any) -> dict[str, Float1D]:
    """The sixteen figures by the path that sweeps take."""
    columns: Columns = {name: np.array([values[name] for values in sets]) for name in strategy.parameters()}
    ((_, plan),) = plans(strategy, candles, columns, threads=2)
    found = kernel.run(plan, candles, metrics=METRICS, threads=2, **terms)
    return derive(found.moments, len(candles), candles.bars_per_year, START_CASH)


def one_strategy(
    bridge: Any, name: str, candles: Candles, fill: Fill, count: int = SETS, each: tuple[Costs, ...] = COSTS
) -> None:
    """One strategy on one series at every cost, by the reference and by the sweep."""
    strategy = registry.load(name)
    sets = random_sets(strategy, count)
    targets = exposures(strategy, sets, candles)
    for costs in each:
        judged = judge(bridge, candles, targets, costs, NO_STOPS, fill)
        fast = swept(strategy, sets, candles, costs=costs, fill=fill)
        assert bridge.differences(fast, judged) == {}, costs


@pytest.mark.parametrize(("series", "fill"), [*itertools.product(REAL, ["next_open"]), (REAL[0], "next_close")])
@pytest.mark.parametrize("name", registry.BUILT_IN)
def test_every_figure_and_trade_is_that_of_vectorbt(
    name: str, series: str, fill: Fill, bridge: Any, real: Load
) -> None:
    one_strategy(bridge, name, real(series, 2_160), fill)


@pytest.mark.long
@pytest.mark.parametrize("fill", FILLS)
@pytest.mark.parametrize("series", [*REAL, "BTCUSDT-1m-2023-03"])
@pytest.mark.parametrize("name", registry.BUILT_IN)
def test_the_same_on_long_series_and_more_sets(name: str, series: str, fill: Fill, bridge: Any, real: Load) -> None:
    gc.collect()  # vectorbt's results refer to themselves: hundreds of MB each
    # Costs that ruin no account in 12,000 bars: vectorbt takes cash below 1e-12 for none.
    one_strategy(bridge, name, real(series, 12_000), fill, 100, (FREE, Costs(), Costs().times(2)))


@pytest.mark.parametrize("stops", STOPS, ids=repr)
@pytest.mark.parametrize("fill", FILLS)
def test_the_vectorbt_stop_mode_is_that_of_vectorbt(fill: Fill, stops: Stops, bridge: Any, real: Load) -> None:
    for name, series in (("sma_cross", REAL[0]), ("rsi_reversion", REAL[2])):
        strategy, candles = registry.load(name), real(series, 1_500)
        sets = random_sets(strategy, 20)
        targets = exposures(strategy, sets, candles)
        for costs in COSTS:
            judged = judge(bridge, candles, targets, costs, stops, fill)
            fast = swept(strategy, sets, candles, costs=costs, fill=fill, stops=stops)
            assert bridge.differences(fast, judged) == {}
        assert judged["trades"].sum() > 0


def random_fractions(bars: int, seed: int, levels: list[float]) -> Float1D:
    """Piecewise constant targets, shape (bars, sets)."""
    rng = np.random.default_rng(seed)
    moves = rng.random((bars, SETS)) < rng.uniform(0.005, 0.3, SETS)
    last = np.maximum.accumulate(np.where(moves, np.arange(bars)[:, None], 0), axis=0)
    return np.take_along_axis(rng.choice(levels, (bars, SETS)), last, axis=0)


@pytest.mark.parametrize("levels", [[0, 0.25, 0.5, 0.75, 1], [0.1, 0.9, 1], [0, 0.01, 0.37, 1]], ids=str)
@pytest.mark.parametrize("fill", FILLS)
def test_fractions_are_those_of_vectorbt(fill: Fill, levels: list[float], bridge: Any, real: Load) -> None:
    for seed, (series, costs) in enumerate(itertools.product(REAL, COSTS)):
        judge(bridge, real(series, 700), random_fractions(700, seed, levels), costs, NO_STOPS, fill)


@pytest.mark.parametrize("fill", FILLS)
def test_a_few_ticks_and_no_costs_leave_ties_that_vectorbt_settles_alike(fill: Fill, bridge: Any) -> None:
    rng = np.random.default_rng(1)
    closes = 100 + np.cumsum(rng.integers(-1, 2, 400))
    candles = moving(np.concatenate([[100.0], closes[:-1]]), closes.astype(float))
    targets = random_fractions(400, 3, [0, 1])
    judged = judge(bridge, candles, targets, FREE, NO_STOPS, fill)
    plan = kernel.Plan(take, [kernel.Rows(np.ascontiguousarray(targets.T), np.arange(SETS))], SETS, is_kernel=True)
    found = kernel.run(plan, candles, FREE, fill=fill).moments
    fast = derive(found, 400, candles.bars_per_year, START_CASH)
    assert bridge.differences(fast, judged) == {}


def take(out: Float1D, exposure: Float1D) -> None:
    out[:] = exposure


# -- the judge itself


def test_the_judges_figures_are_those_that_vectorbt_itself_gives(bridge: Any, real: Load) -> None:
    candles, strategy = real(REAL[0], 700), registry.load("rsi_reversion")
    judged = bridge.portfolio(candles, exposures(strategy, random_sets(strategy, 20), candles), Costs())
    closed, orders = judged.positions.closed, judged.orders
    own = {
        "total_return": judged.total_return(),
        "max_drawdown": judged.max_drawdown(),
        "max_drawdown_duration": judged.drawdowns.max_duration() / judged.wrapper.freq,
        "trades": closed.count(),
        "win_rate": closed.win_rate(),
        "profit_factor": closed.profit_factor(),
        "expectancy": closed.expectancy(),
        "fees": orders.fees.sum(),
        "final_equity": judged.final_value(),
        "exposure": judged.gross_exposure().mean(),
        **{name: getattr(judged, f"{name}_ratio")(year_freq=bridge.YEAR) for name in ("sharpe", "sortino", "calmar")},
    }
    found = bridge.figures(judged, candles)
    for name, values in own.items():
        known = np.asarray(values, dtype=np.float64)
        assert_allclose(found[name], np.where(np.isfinite(known), known, NAN), rtol=1e-12, err_msg=name)


def test_a_result_carries_the_portfolio_of_its_own_orders(bridge: Any, real: Load) -> None:
    result = backtest("sma_cross", real(REAL[0], 2_160), fast=10, slow=50)
    assert result.portfolio.total_return() == pytest.approx(result.stats["total_return"], rel=1e-9)
    assert len(result.trades) == len(result.portfolio.positions.values)
    bridge.require_agreement(result.stats, bridge.figures(result.portfolio, result.candles))


def test_a_difference_is_named_and_nothing_is_reported(bridge: Any) -> None:
    candles = walk(200)
    result = backtest("sma_cross", candles, fast=5, slow=20)
    ours = {**result.stats, "sharpe": result.stats["sharpe"] + 1e-6, "trades": NAN}
    with pytest.raises(CheckFailed, match=r"sharpe .* against .*; trades nan against"):
        bridge.require_agreement(ours, bridge.figures(result.portfolio, candles))


def test_the_judge_is_not_asked_what_vectorbt_cannot_do(bridge: Any) -> None:
    candles, half = walk(50), np.full(50, 0.5)
    with pytest.raises(UsageError, match="E-VECTORBT-STOPS"):
        bridge.portfolio(candles, half, Costs(), Stops(stop_loss=0.1))
    with pytest.raises(UsageError, match="E-VECTORBT-STOPS"):
        bridge.portfolio(candles, np.ones(50), Costs(), Stops(stop_loss=0.1, trailing=0.1))
