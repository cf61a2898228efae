from __future__ import annotations

import hashlib
import json
import math
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from tests import series
from tests.series import REAL, bars, moving, walk

from thunes.errors import DataError, StrategyError, UsageError
from thunes.kernels.metrics import METRICS
from thunes.kernels.simulation import START_CASH
from thunes.model import COLUMNS, Candles, Costs, Float1D, Stops
from thunes.research.backtest import BacktestResult, backtest
from thunes.strategies import registry
from thunes.strategies.base import Line, Lines, Strategy, evaluate, param
from thunes.strategies.sma_cross import SmaCross

Load = Callable[[str, int], Candles]
FREE = Costs(0, 0)


class Weekly(Strategy):
    """Long every other stretch of `bars` bars."""

    bars: int = param(7, "bars", first=2, last=50)

    def exposure(self, candles: Candles) -> Float1D:
        return np.arange(len(candles)) // self.bars % 2 * 1.0


def answering(answer: Callable[[int], Any]) -> Strategy:
    """A strategy with any answer, given the number of bars."""

    class Broken(Strategy):
        def exposure(self, candles: Candles) -> Any:
            return answer(len(candles))

    return Broken()


def scripted() -> BacktestResult:
    """Two closed positions and an open one on ten bars."""
    prices = np.array([100.0, 100, 110, 110, 120, 100, 90, 90, 120, 130])
    return backtest(Weekly, moving(prices, prices), FREE, bars=2)


# -- how a strategy may be named


@pytest.mark.parametrize("how", ["sma_cross", SmaCross, SmaCross(fast=3, slow=9)], ids=["name", "class", "instance"])
def test_a_strategy_may_be_a_name_a_class_or_an_instance(how: Any) -> None:
    result = backtest(how, walk(100), fast=5, slow=12)
    assert result.strategy == SmaCross(fast=5, slow=12)


def test_results_compare_by_identity() -> None:
    first, second = (backtest("sma_cross", walk(100)) for _ in range(2))
    assert first == first
    assert first != second


def test_parameters_not_named_keep_their_values() -> None:
    assert backtest(SmaCross(fast=3, slow=9), walk(100), slow=12).strategy == SmaCross(fast=3, slow=12)


@pytest.mark.parametrize(
    ("call", "error", "text"),
    [
        ({"strategy": "sma_cros"}, UsageError, "Did you mean 'sma_cross'"),
        ({"strategy": 123}, UsageError, "123 is no strategy"),
        ({"strategy": dict}, UsageError, "is no strategy"),
        ({"fats": 5}, UsageError, "Did you mean 'fast'"),
        ({"fast": 50, "slow": 20}, UsageError, "violates fast < slow"),
        ({"fast": 5.5}, UsageError, "whole number"),
        ({"fast": 0}, UsageError, "at least 1 bar"),
        ({"fill": "this_open"}, UsageError, "next_open or next_close"),
        ({"slow": 1_000}, DataError, "undefined on all 100 bars"),
    ],
)
def test_a_bad_argument_is_refused_in_one_line(call: dict[str, Any], error: type[Exception], text: str) -> None:
    with pytest.raises(error, match=text) as caught:
        backtest(call.pop("strategy", "sma_cross"), walk(100), **call)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("answer", "text"),
    [
        (lambda n: np.where(np.arange(n) == 7, np.nan, 0.0), "nan at bar 7"),
        (lambda n: np.where(np.arange(n) == 8, 2.0, 0.0), "2 at bar 8"),
        (lambda n: np.where(np.arange(n) == 9, -0.5, 0.0), "-0.5 at bar 9"),
        (lambda n: np.zeros(n - 1), r"shape \(99,\)"),
        (lambda n: np.zeros((n, 1)), r"shape \(100, 1\)"),
        (lambda _: ["long"] * 100, "dtype"),
        (lambda _: 1 / 0, "ZeroDivisionError: division by zero"),
    ],
)
def test_an_exposure_that_breaks_the_contract_is_a_strategy_error(answer: Callable[[int], Any], text: str) -> None:
    with pytest.raises(StrategyError, match=text) as caught:
        backtest(answering(answer), walk(100))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("line", [lambda x: x[:3].copy(), lambda x: np.append(x, 1.0), lambda x: np.stack([x, x])])
def test_a_line_that_does_not_fit_the_candles_is_a_strategy_error(line: Callable[[Float1D], Float1D]) -> None:
    class Misfit(Strategy):
        lines: ClassVar[Lines] = {"value": Line(line, "close")}

        @staticmethod
        def rule(held: int, value: float) -> bool:
            return value > 100

    with pytest.raises(StrategyError, match="value"):
        backtest(Misfit, walk(100))


# -- what a result says


def test_the_sixteen_figures_are_plain_floats_in_the_contracts_order() -> None:
    stats = backtest("ema_cross", walk(500), fast=5, slow=20).stats
    assert tuple(stats) == METRICS
    assert {type(value) for value in stats.values()} == {float}


def test_trades_by_hand() -> None:
    frame = scripted().trades
    assert frame.columns == [
        *("entry_time", "exit_time", "bars", "size", "entry_price", "exit_price", "fees", "pnl", "return", "reason"),
        "open",
    ]
    # decisions at bars 2, 4, 6, 8 fill at bars 3, 5, 7 and 9: bought at 110, sold at 100; bought at 90, sold at 130
    assert frame["entry_price"].to_list() == [110, 90]
    assert_allclose(frame["return"], [100 / 110 - 1, 130 / 90 - 1])
    assert_allclose(frame["pnl"], [START_CASH * (100 / 110 - 1), START_CASH * 100 / 110 * (130 / 90 - 1)])
    assert [t.isoformat() for t in frame["entry_time"]] == ["1970-01-01T03:00:00+00:00", "1970-01-01T07:00:00+00:00"]
    assert frame["bars"].to_list() == [2, 2]
    assert frame["open"].to_list() == [False, False]
    assert frame["reason"].to_list() == ["signal", "signal"]


def test_stops_say_why_a_trade_ended() -> None:
    rows = [(100, 100, 100, 100), (100, 100, 100, 100), (100, 101, 80, 100), (100, 100, 100, 100)]
    trades = backtest("buy_and_hold", bars(rows), FREE, stops=Stops(stop_loss=0.1)).trades
    assert trades["reason"].to_list() == ["stop_loss"]
    assert trades["exit_price"].to_list() == [90]


def test_an_open_trade_is_the_last_and_marked() -> None:
    trades = backtest("buy_and_hold", walk(50)).trades
    assert trades["open"].to_list() == [True]
    assert backtest("buy_and_hold", walk(50)).stats["trades"] == 0


def test_the_equity_frame_has_a_row_for_each_bar() -> None:
    result = backtest("ema_cross", walk(300), fast=5, slow=20)
    frame = result.equity
    assert frame.columns == ["open_time", "close", "target", "exposure", "equity", "drawdown", "hold"]
    assert frame.height == 300
    assert_array_equal(frame["equity"], result.simulation.equity)
    assert frame["drawdown"].min() == pytest.approx(result.stats["max_drawdown"], rel=1e-12)
    assert frame["hold"][-1] == pytest.approx(result.hold["final_equity"], rel=1e-12)
    assert frame["open_time"].dtype.time_zone == "UTC"  # type: ignore[attr-defined]


def test_buy_and_hold_is_its_own_benchmark() -> None:
    result = backtest("buy_and_hold", walk(200))
    assert result.hold == pytest.approx(result.stats, nan_ok=True)


def test_frames_become_pandas() -> None:
    trades = scripted().trades.to_pandas()
    assert list(trades.columns) == scripted().trades.columns
    assert_allclose(trades["pnl"], scripted().trades["pnl"])
    assert str(trades["entry_time"].dtype) == "datetime64[ms, UTC]"
    assert trades["entry_time"][0].isoformat() == "1970-01-01T03:00:00+00:00"


def test_a_result_reads_well_and_is_valid_json() -> None:
    result = backtest("buy_and_hold", walk(50))  # no closed trade: several figures are undefined
    assert "BuyAndHold" in repr(result)
    assert "\n" not in repr(result)
    assert "sharpe=" in repr(result)
    known = json.loads(result.to_json(), parse_constant=lambda word: pytest.fail(f"{word} is no JSON"))
    assert known["stats"]["win_rate"] is None
    assert known["stats"]["final_equity"] == result.stats["final_equity"]
    assert set(known) == {"stats", "buy_and_hold", "provenance"}


# -- truths


def test_the_annual_figures_follow_the_interval_of_the_candles() -> None:
    hourly = walk(400, 3)
    daily = hourly.replace(open_time=hourly.open_time * 24, interval="1d")
    by_hour, by_day = (backtest(Weekly, candles) for candles in (hourly, daily))
    returns = np.diff(by_day.simulation.equity, prepend=START_CASH) / np.append(
        START_CASH, by_day.simulation.equity[:-1]
    )
    assert by_day.stats["sharpe"] == pytest.approx(returns.mean() / returns.std(ddof=1) * math.sqrt(365), rel=1e-9)
    assert by_hour.stats["sharpe"] == pytest.approx(by_day.stats["sharpe"] * math.sqrt(24), rel=1e-12)
    assert by_hour.stats["volatility"] == pytest.approx(by_day.stats["volatility"] * math.sqrt(24), rel=1e-12)
    assert by_hour.stats["turnover"] == pytest.approx(by_day.stats["turnover"] * 24, rel=1e-12)
    assert_array_equal(by_hour.simulation.trades, by_day.simulation.trades)


@pytest.mark.parametrize("name", registry.BUILT_IN)
def test_equity_falls_as_slippage_and_fee_rise_on_real_candles(name: str, real: Load) -> None:
    candles = real(REAL[0], 2_160)
    for field in ("slippage", "fee"):
        finals = [
            backtest(name, candles, Costs(**{"fee": 0, "slippage": 0, field: cost})).stats["final_equity"]
            for cost in (0, 0.0001, 0.0005, 0.005, 0.05)
        ]
        assert (np.diff(finals) < 0).all()


@pytest.mark.parametrize("name", registry.BUILT_IN)
def test_a_bar_changes_no_decision_before_its_close_and_no_equity_before_it(name: str, real: Load) -> None:
    candles = real(REAL[1], 700)
    before = backtest(name, candles, stops=Stops(stop_loss=0.02, trailing=0.05))
    assert before.exposure.any()
    for k in range(3, 700, 41):
        for factor in (0.5, 1.5):
            spiked = {
                c: np.where(np.arange(700) == k, getattr(candles, c) * factor, getattr(candles, c)) for c in COLUMNS[1:]
            }
            after = backtest(name, candles.replace(**spiked), stops=before.stops)
            assert_array_equal(before.exposure[:k], after.exposure[:k])
            assert_array_equal(before.simulation.equity[:k], after.simulation.equity[:k])


@pytest.mark.parametrize("name", registry.BUILT_IN)
def test_twice_the_prices_change_no_decision_and_no_money(name: str, real: Load) -> None:
    candles = real(REAL[2], 2_000)
    dearer = candles.replace(**{c: getattr(candles, c) * 2 for c in ("open", "high", "low", "close")})
    once, twice = backtest(name, candles), backtest(name, dearer)
    assert_array_equal(once.exposure, twice.exposure)
    assert_array_equal(once.simulation.equity, twice.simulation.equity)


@pytest.mark.parametrize("name", sorted(set(registry.BUILT_IN) - {"buy_and_hold"}))
def test_a_flat_market_makes_no_trade(name: str) -> None:
    flat = moving(np.full(400, 0.1), np.full(400, 0.1))
    assert backtest(name, flat).stats["total_return"] == 0
    assert backtest(name, flat).trades.height == 0


@given(count=st.integers(1, 3), seed=st.integers(0, 100), stops=st.sampled_from([Stops(), Stops(stop_loss=0.01)]))
@settings(max_examples=30)
def test_a_handful_of_bars_is_no_special_case(count: int, seed: int, stops: Stops) -> None:
    result = backtest("buy_and_hold", walk(count, seed), stops=stops)
    assert len(result.trades) == (count > 1)
    assert result.equity.height == count
    json.loads(result.to_json())


def test_bars_of_a_minute_give_no_infinite_figure() -> None:
    prices = np.linspace(100, 130, 30)
    stats = backtest("buy_and_hold", moving(prices, prices, interval="1m"), FREE).stats
    assert not [name for name, value in stats.items() if math.isinf(value)]


# -- without the compiler


SCRIPT = """
import sys
from pathlib import Path
if sys.argv[1] == "plain":
    sys.modules["numba"] = None
from thunes.kernels.compiled import HAVE_NUMBA
assert HAVE_NUMBA == (sys.argv[1] != "plain")
from tests.research.test_backtest import digests
print(*digests(Path(sys.argv[2])), sep="\\n")
"""


def digests(folder: Path) -> list[str]:
    """A hash for each built-in strategy over its exposure, account and sweep on real candles."""
    from thunes.research.sweep import sweep

    found = []
    for name in registry.BUILT_IN:
        strategy, candles = registry.load(name), series.real(folder, REAL[0], 2_160)
        result = backtest(name, candles, stops=Stops(stop_loss=0.03, take_profit=0.06))
        rows = {k: [p.default, p.first] for k, p in strategy.parameters().items()}
        swept = sweep(name, candles[-400:], metrics=METRICS, block_length=50, threads=1, **rows)
        parts = [evaluate(result.strategy, candles), *vars(result.simulation).values(), *swept.metrics.values()]
        parts += [swept.blocks.gross, swept.blocks.squares, swept.blocks.switches]  # type: ignore[union-attr]
        found.append(f"{name} {hashlib.sha256(b''.join(p.tobytes() for p in parts)).hexdigest()}")
    return found


def test_without_numba_every_byte_is_the_same(shared_data: Path, root: Path) -> None:
    paths = os.pathsep.join([str(root / "src"), str(root)])
    environment = {**os.environ, "PYTHONPATH": paths}
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, "plain", str(shared_data)],
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.stdout.splitlines() == digests(shared_data), done.stderr
