from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.testing import assert_allclose, assert_array_equal
from tests.kernels.plain import COMPILER, plain_module, same_bits
from tests.series import REAL, walk

from thunes.kernels import metrics, simulation
from thunes.kernels.metrics import METRICS, MOMENTS, derive, summarise
from thunes.kernels.simulation import START_CASH
from thunes.model import Candles, Costs, Float1D
from thunes.strategies import registry
from thunes.strategies.base import evaluate

NOTHING = np.zeros((0, 9))
RETURNS = arrays(np.float64, st.integers(2, 60), elements=st.floats(-0.05, 0.05))


def trade(pnl: float, *, closed: bool = True) -> list[float]:
    return [1, 2, 1, 100, 100 + pnl, 0, pnl, 0, float(closed)]


def figures(
    equity: Float1D, per_year: float = 365.0, trades: Float1D = NOTHING, orders: Float1D = NOTHING, exposed: float = 0.5
) -> dict[str, float]:
    """The sixteen metrics of an equity curve."""
    curve = np.asarray(equity, dtype=np.float64)
    shares = np.full(curve.size, exposed)
    moments = summarise(curve, shares, orders, len(orders), trades, len(trades))
    return {name: float(v) for name, v in derive(moments, curve.size, per_year, START_CASH).items()}


def curve_of(returns: Float1D) -> Float1D:
    return START_CASH * np.cumprod(np.concatenate([[1.0], 1 + returns]))


def longest_fall(equity: Float1D) -> float:
    """Bars in the longest run under a former peak, NaN without one."""
    under = equity < np.maximum.accumulate(equity)
    runs = "".join("x" if bar else " " for bar in under).split()
    return max((float(len(run)) for run in runs), default=math.nan)


def test_the_sixteen_names_are_those_of_the_contract() -> None:
    assert " ".join(METRICS) == (
        "total_return annual_return volatility sharpe sortino calmar max_drawdown max_drawdown_duration trades "
        "win_rate profit_factor expectancy exposure turnover fees final_equity"
    )
    assert tuple(derive(np.ones(len(MOMENTS)), 10, 365.0, START_CASH)) == METRICS


def test_a_known_path_by_hand() -> None:
    orders = np.array([[1, 50.0, 100, 7, 0], [2, -20.0, 150, 5, 0]])
    trades = np.array([trade(30.0), trade(-10.0), trade(20.0), trade(99.0, closed=False)])
    got = figures([10_000, 11_000, 9_900, 9_900, 12_100], 365 / 73 * 5, trades, orders)  # 73 days: a fifth of a year
    returns = [0, 0.1, -0.1, 0, 12_100 / 9_900 - 1]
    mean = sum(returns) / 5
    deviation = math.sqrt(sum((r - mean) ** 2 for r in returns) / 4)
    assert got == pytest.approx(
        {
            "total_return": 0.21,
            "annual_return": 1.21**5 - 1,
            "volatility": deviation * 5,
            "sharpe": mean / deviation * 5,
            "sortino": mean / math.sqrt(0.1**2 / 5) * 5,
            "calmar": (1.21**5 - 1) / 0.1,
            "max_drawdown": -0.1,
            "max_drawdown_duration": 2,
            "trades": 3,
            "win_rate": 2 / 3,
            "profit_factor": 50 / 10,
            "expectancy": 40 / 3,
            "exposure": 0.5,
            "turnover": (5_000 + 3_000) / (52_900 / 5) / 0.2,
            "fees": 12,
            "final_equity": 12_100,
        }
    )


@given(returns=RETURNS, per_year=st.sampled_from([365.0, 8_760.0, 365 / 7]))
def test_figures_of_a_curve_are_the_textbook_formulas(returns: Float1D, per_year: float) -> None:
    equity = curve_of(returns)
    own = np.concatenate([[0.0], np.diff(equity) / equity[:-1]])
    got, scale = figures(equity, per_year), math.sqrt(per_year)
    deviation, downside = own.std(ddof=1), np.sqrt(np.mean(np.minimum(own, 0) ** 2))
    assert_allclose(got["volatility"], deviation * scale, rtol=1e-9, atol=1e-9)
    if deviation > 1e-6:
        assert_allclose(got["sharpe"], own.mean() / deviation * scale, rtol=1e-7, atol=1e-9)
    if downside > 1e-6:
        assert_allclose(got["sortino"], own.mean() / downside * scale, rtol=1e-9, atol=1e-9)
    assert_allclose(got["max_drawdown"], (equity / np.maximum.accumulate(equity) - 1).min(), rtol=1e-9, atol=1e-15)
    assert_array_equal(got["max_drawdown_duration"], longest_fall(equity))


def test_an_unrecovered_drawdown_counts() -> None:
    assert figures([100, 90, 100, 99, 98, 97])["max_drawdown_duration"] == 3
    assert figures([100, 90, 95, 99, 100, 97])["max_drawdown_duration"] == 3


def test_what_is_undefined_is_nan() -> None:
    calm = figures(np.full(10, START_CASH))
    undefined = {name for name, value in calm.items() if math.isnan(value)}
    assert undefined == {
        *("sharpe", "sortino", "calmar", "max_drawdown_duration", "win_rate", "profit_factor", "expectancy")
    }
    winners = figures([10_000, 10_100, 10_050], trades=np.array([trade(100.0)]))
    assert math.isnan(winners["profit_factor"])
    assert winners["win_rate"] == 1
    only_open = figures([10_000, 10_100, 10_050], trades=np.array([trade(100.0, closed=False)]))
    assert only_open["trades"] == 0
    assert math.isnan(only_open["expectancy"])


def test_a_trade_that_earns_nothing_is_no_win() -> None:
    even = figures([10_000, 10_000], trades=np.array([trade(0.0), trade(5.0)]))
    assert even["win_rate"] == 0.5
    assert math.isnan(even["profit_factor"])


def test_one_bar_has_no_volatility() -> None:
    one = figures([START_CASH])
    assert math.isnan(one["volatility"])
    assert one["total_return"] == 0


@given(
    returns=arrays(np.float64, st.integers(1, 5), elements=st.floats(-0.9, 9)),
    per_year=st.sampled_from([12.0, 525_600.0]),
)
def test_no_figure_is_infinite(returns: Float1D, per_year: float) -> None:
    got = figures(curve_of(returns), per_year)
    assert not [name for name, value in got.items() if math.isinf(value)]


@given(rows=st.lists(RETURNS, min_size=1, max_size=4))
def test_many_rows_give_what_each_gives_alone(rows: list[Float1D]) -> None:
    none = (NOTHING, 0, NOTHING, 0)
    moments = np.array([summarise(curve_of(row), np.zeros(row.size + 1), *none) for row in rows])
    together = derive(moments, 60, 365.0, START_CASH)
    for k, row in enumerate(moments):
        alone = derive(row, 60, 365.0, START_CASH)
        # numpy's power of an array and of a number differ in the last bit
        assert_allclose([together[name][k] for name in METRICS], [alone[name] for name in METRICS], rtol=1e-13)


def test_daily_candles_give_the_daily_sharpe() -> None:
    returns = np.random.default_rng(5).normal(0.001, 0.02, 500)
    daily, hourly = (figures(curve_of(returns), per_year) for per_year in (365.0, 8_760.0))
    own = np.concatenate([[0.0], returns])
    assert_allclose(daily["sharpe"], own.mean() / own.std(ddof=1) * math.sqrt(365), rtol=1e-9)
    assert_allclose(hourly["sharpe"], daily["sharpe"] * math.sqrt(24), rtol=1e-12)


@COMPILER
@pytest.mark.parametrize("name", registry.BUILT_IN)
def test_compiled_equals_plain_bit_for_bit_on_real_candles(name: str, real: Callable[[str, int], Candles]) -> None:
    plain, strategy = plain_module(metrics), registry.load(name)()
    for series in REAL:
        candles = real(series, 2_000)
        done = simulation.run(candles, evaluate(strategy, candles), Costs())
        row = (done.equity, done.exposed, done.orders, len(done.orders), done.trades, len(done.trades))
        assert same_bits(summarise(*row), plain.summarise(*row))


def test_a_simulation_is_summarised_by_what_it_holds() -> None:
    candles = walk(300, 2)
    done = simulation.run(candles, (np.arange(300) // 7 % 2).astype(float), Costs())
    moments = dict(zip(MOMENTS, done.moments, strict=True))
    closed = done.trades[done.trades[:, 8] == 1, 6]
    assert moments == pytest.approx(
        {
            "final_equity": done.equity[-1],
            "returns": (done.equity[1:] / done.equity[:-1] - 1).sum(),
            "squares": ((done.equity[1:] / done.equity[:-1] - 1) ** 2).sum(),
            "down_squares": (np.minimum(done.equity[1:] / done.equity[:-1] - 1, 0) ** 2).sum(),
            "trough": (done.equity / np.maximum.accumulate(done.equity)).min(),
            "underwater": longest_fall(done.equity),
            "trades": closed.size,
            "wins": (closed > 0).sum(),
            "gains": closed[closed > 0].sum(),
            "losses": -closed[closed < 0].sum(),
            "exposed": done.exposed.sum(),
            "notional": np.abs(done.orders[:, 1] * done.orders[:, 2]).sum(),
            "equity": done.equity.sum(),
            "fees": done.orders[:, 3].sum(),
        },
        rel=1e-12,
    )
