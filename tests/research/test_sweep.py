from __future__ import annotations

import json
import math
import multiprocessing
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, ClassVar

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from tests.series import REAL, walk

from thunes.errors import DataError, StrategyError, ThunesError, UsageError
from thunes.kernels.compiled import jit
from thunes.kernels.indicators import sma
from thunes.kernels.metrics import METRICS
from thunes.model import Candles, Costs, Fill, Float1D, Stops
from thunes.research import sweep as module
from thunes.research.backtest import backtest
from thunes.research.grid import grid
from thunes.research.sweep import DEFAULT_METRICS, SweepResult, sweep
from thunes.strategies import registry
from thunes.strategies.base import Line, Lines, Strategy, param

Load = Callable[[str, int], Candles]
MONEY = {"expectancy", "fees", "final_equity"}


class KernelCross(Strategy):
    """A price above its own former price, as a kernel."""

    reach: int = param(5, "bars", first=1, last=40)

    @staticmethod
    def kernel(out: Float1D, close: Float1D, reach: int) -> None:
        for t in range(reach, out.size):
            out[t] = 1.0 if close[t] > close[t - reach] else 0.0


class NumpyCross(Strategy):
    """The same in plain numpy."""

    reach: int = param(5, "bars", first=1, last=40)

    def exposure(self, candles: Candles) -> Float1D:
        out = np.zeros(len(candles))
        out[self.reach :] = candles.close[self.reach :] > candles.close[: -self.reach]
        return out


class Fractions(Strategy):
    """A part of the equity, more of it above the average."""

    window: int = param(10, "bars", first=2, last=40)
    part: float = param(0.5, "fraction", first=0.0, last=1.0, step=0.25)
    lines: ClassVar[Lines] = {"mean": Line(sma, "close", "window")}

    @staticmethod
    def rule(held: float, close: float, mean: float, part: float) -> float:
        return part if close > mean else 0.25 * part


@jit
def gap(close: Float1D, window: int) -> Float1D:
    """Close minus the close of some bars ago, by a line of one's own."""
    out = np.full(close.size, np.nan)
    for t in range(window, close.size):
        out[t] = close[t] - close[t - window]
    return out


class OwnLine(Strategy):
    """Long while a compiled line of one's own is above a threshold."""

    window: int = param(10, "bars", first=2, last=40)
    least: float = param(0.0, "quote", first=-1.0, last=1.0, step=0.5)
    lines: ClassVar[Lines] = {"rise": Line(gap, "close", "window")}

    @staticmethod
    def rule(held: int, rise: float, least: float) -> bool:
        return rise > least


class Sometimes(Strategy):
    """Within bounds only in its first sets."""

    level: float = param(0.5, "fraction", first=0.0, last=3.0, step=0.5)
    how: int = param(0, "case", first=0, last=3)

    @staticmethod
    def rule(held: float, close: float, level: float, how: int) -> float:
        return np.nan if how == 1 else close / (how - 2.0) if how > 1 else level


def loop_of_backtests(strategy: Any, grid: SweepResult, **terms: Any) -> dict[str, Float1D]:
    """The same figures, one backtest a set."""
    rows = [{name: column[k].item() for name, column in grid.parameters.items()} for k in range(len(grid))]
    stats = [backtest(strategy, grid.candles, **row, **terms).stats for row in rows]
    return {name: np.array([each[name] for each in stats]) for name in grid.metrics}


def assert_same_figures(ours: Any, theirs: Any) -> None:
    for name, values in ours.items():
        unit = 10_000 if name in MONEY else 1
        assert_allclose(values / unit, theirs[name] / unit, rtol=1e-9, atol=1e-12, err_msg=name)


def bits(grid: SweepResult) -> list[bytes]:
    blocks = grid.blocks
    found = [*grid.metrics.values(), *grid.parameters.values()]
    found += [] if blocks is None else [blocks.gross, blocks.squares, blocks.exposure, blocks.switches, blocks.market]
    return [array.tobytes() for array in found]


# -- a sweep is a loop of backtests


@pytest.mark.parametrize(
    ("strategy", "ranges"),
    [
        ("sma_cross", {"fast": range(5, 30, 6), "slow": [10, 25, 60]}),
        ("ema_cross", {"fast": (5, 9), "slow": range(8, 40, 8)}),
        ("rsi_reversion", {"period": [2, 14], "lower": [20, 40.0], "upper": (50, 80)}),
        ("bollinger_reversion", {"window": [10, 40], "width": [0.5, 2.0]}),
        ("donchian_breakout", {"entry": [10, 30], "exit": range(5, 15, 3)}),
        ("macd_trend", {"fast": [6, 12], "slow": [22, 40], "signal": [5, 9]}),
        ("buy_and_hold", {}),
        (KernelCross, {"reach": [1, 7, 40]}),
        (NumpyCross, {"reach": [1, 7, 40]}),
        (Fractions, {"window": [2, 30], "part": [0, 0.5, 1]}),
        (OwnLine, {"window": [2, 30], "least": [-1, 0.5]}),
    ],
    ids=str,
)
@pytest.mark.parametrize("stops", [Stops(), Stops(stop_loss=0.02, trailing=0.03)], ids=["no stops", "stops"])
@pytest.mark.parametrize("fill", ["next_open", "next_close"])
def test_a_sweep_equals_a_loop_of_backtests(
    strategy: Any, ranges: dict[str, Any], stops: Stops, fill: Fill, real: Load
) -> None:
    candles, terms = real(REAL[1], 900), {"costs": Costs(0.002, 0.001), "stops": stops, "fill": fill}
    grid = sweep(strategy, candles, metrics=METRICS, **terms, **ranges)
    assert_same_figures(grid.metrics, loop_of_backtests(strategy, grid, **terms))


def test_a_kernel_and_numpy_give_the_bits_of_each_other() -> None:
    candles = walk(500, 1)
    by_kernel, by_numpy = (sweep(s, candles, reach=range(1, 41), block_length=24) for s in (KernelCross, NumpyCross))
    assert bits(by_kernel) == bits(by_numpy)


def test_lines_in_batches_give_the_bits_of_one_batch(monkeypatch: pytest.MonkeyPatch) -> None:
    candles, wanted = walk(400, 2), {"metrics": METRICS, "block_length": 50}
    cases = [("sma_cross", {"fast": range(5, 20), "slow": range(10, 40, 3)}), (NumpyCross, {"reach": range(1, 41)})]
    whole = [bits(sweep(strategy, candles, **wanted, **ranges)) for strategy, ranges in cases]
    monkeypatch.setattr(module, "LINES_LIMIT", 400 * 8 * 5)
    assert [bits(sweep(strategy, candles, **wanted, **ranges)) for strategy, ranges in cases] == whole
    monkeypatch.setattr(module, "LINES_LIMIT", 1)
    assert [bits(sweep(strategy, candles, **wanted, **ranges)) for strategy, ranges in cases] == whole


def test_batches_split_by_the_widest_parameter_make_few_lines_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    candles, columns = walk(300), grid(registry.load("sma_cross"), {})
    monkeypatch.setattr(module, "LINES_LIMIT", 300 * 8 * 80)  # 80 of the 250 lines
    batches = list(module.plans(registry.load("sma_cross"), candles, columns, 1))
    lines = sum(len(a.lines) for _, plan in batches for a in plan.arguments)  # type: ignore[union-attr]
    assert len(batches) <= 8
    assert lines <= 250 + 7 * 50
    assert_array_equal(np.sort(np.concatenate([sets for sets, _ in batches])), np.arange(9_370))


@pytest.mark.parametrize("strategy", ["sma_cross", KernelCross, NumpyCross, Fractions], ids=str)
def test_the_number_of_threads_changes_no_bit(strategy: Any) -> None:
    candles, wanted = walk(300, 3), {"metrics": METRICS, "block_length": 24}
    ranges = {"fast": range(5, 15), "slow": range(20, 40)} if strategy == "sma_cross" else {}
    results = [bits(sweep(strategy, candles, threads=k, **wanted, **ranges)) for k in (1, 2, 7)]
    assert results[0] == results[1] == results[2]


def test_each_distinct_line_is_computed_once() -> None:
    asked: list[int] = []

    def counted(close: Float1D, window: int) -> Float1D:
        asked.append(window)
        return sma(close, window)

    class Counted(Strategy):
        fast: int = param(5, "bars", first=2, last=9)
        slow: int = param(20, "bars", first=10, last=19)
        lines: ClassVar[Lines] = {"quick": Line(counted, "close", "fast"), "calm": Line(counted, "close", "slow")}

        @staticmethod
        def rule(held: int, quick: float, calm: float) -> bool:
            return quick > calm

    assert len(sweep(Counted, walk(100))) == 80
    assert sorted(asked) == list(range(2, 20))


def test_a_sweep_runs_in_threads_at_once() -> None:
    candles = walk(300, 4)
    expected = bits(sweep("ema_cross", candles, fast=range(5, 20), slow=40))
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda _: bits(sweep("ema_cross", candles, fast=range(5, 20), slow=40)), range(8)))
    assert found == [expected] * 8


def _swept_in_a_fork(send: Any, candles: Candles) -> None:
    send.send(bits(sweep("ema_cross", candles, fast=range(5, 20), slow=40, threads=2)))


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.filterwarnings("ignore:This process.*is multi-threaded:DeprecationWarning")  # what is tried here
def test_a_sweep_runs_in_a_forked_worker() -> None:
    candles, fork = walk(300, 4), multiprocessing.get_context("fork")
    expected = bits(sweep("ema_cross", candles, fast=range(5, 20), slow=40, threads=2))
    receive, send = fork.Pipe(duplex=False)
    worker = fork.Process(target=_swept_in_a_fork, args=(send, candles), daemon=True)
    worker.start()
    try:
        assert receive.poll(60), "the forked worker did not answer"
        assert receive.recv() == expected
    finally:
        worker.kill()


# -- what goes wrong, in one line


@pytest.mark.parametrize(
    ("strategy", "call", "error", "text"),
    [
        ("sma_cros", {}, UsageError, "Did you mean 'sma_cross'"),
        ("sma_cross", {"fats": 5}, UsageError, "Did you mean 'fast'"),
        ("sma_cross", {"metrics": ["sharp"]}, UsageError, "Did you mean 'sharpe'"),
        ("buy_and_hold", {"metrics": []}, UsageError, "metric"),
        ("sma_cross", {"fill": "open"}, UsageError, "next_open or next_close"),
        ("sma_cross", {"fast": 50, "slow": range(20, 40)}, UsageError, "no set of the grid meets fast < slow"),
        ("sma_cross", {"fast": []}, UsageError, "the range of fast is empty"),
        ("sma_cross", {"fast": 5, "slow": [20, 1_000]}, DataError, r"slow=1000\) is undefined on all 100 bars"),
        ("buy_and_hold", {"block_length": -5}, UsageError, "block_length"),
        ("buy_and_hold", {"threads": -1}, UsageError, "threads"),
        ("sma_cross", {"block_length": 5, "stops": Stops(stop_loss=0.1)}, UsageError, "per-block"),
        (Sometimes, {"level": [0.5, 2.0]}, StrategyError, "exposure is 2 at bar 0"),
        (Sometimes, {"level": [0.5, -1.0]}, StrategyError, "exposure is -1 at bar 0"),
        (Sometimes, {"how": [0, 1]}, StrategyError, "exposure is nan at bar 0"),
    ],
)
def test_a_bad_argument_or_exposure_is_refused_in_one_line(
    strategy: Any, call: dict[str, Any], error: type[Exception], text: str
) -> None:
    with pytest.raises(error, match=text) as caught:
        sweep(strategy, walk(100), **call)
    assert "\n" not in str(caught.value)


def test_a_rule_that_divides_by_zero_is_a_strategy_error_compiled_or_not() -> None:
    with pytest.raises(StrategyError, match="exposure is inf at bar 0"):
        sweep(Sometimes, walk(100), how=[0, 2])


def test_a_rule_that_cannot_be_compiled_is_a_strategy_error() -> None:
    class Worded(Strategy):
        @staticmethod
        def rule(held: int) -> Any:
            return "long"

    with pytest.raises(StrategyError) as caught:
        sweep(Worded, walk(100))
    assert "\n" not in str(caught.value)


def short(close: Float1D, window: int) -> Float1D:
    return close[:window].copy()


def long(close: Float1D, window: int) -> Float1D:
    return np.append(close, close[:window])


def failing(close: Float1D, window: int) -> Float1D:
    if window < 100:
        raise ValueError("no window is long enough")
    return close


@pytest.mark.parametrize("compiled", [False, True])
@pytest.mark.parametrize("line", [short, long, failing])
def test_a_line_that_fails_or_does_not_fit_is_a_strategy_error(line: Callable[..., Float1D], compiled: bool) -> None:
    class Misfit(Strategy):
        window: int = param(5, "bars", first=5, last=8)
        lines: ClassVar[Lines] = {"value": Line(jit(line, cache=False) if compiled else line, "close", "window")}

        @staticmethod
        def rule(held: int, value: float) -> bool:
            return value > 100

    for run in (backtest, sweep):
        with pytest.raises(StrategyError):
            run(Misfit, walk(100))


@pytest.mark.parametrize("answer", [np.nan, 2.0, -1.0, None])
def test_a_numpy_strategy_that_breaks_the_contract_is_a_strategy_error(answer: float | None) -> None:
    class Broken(Strategy):
        def exposure(self, candles: Candles) -> Float1D:
            return np.zeros(3) if answer is None else np.full(len(candles), answer)

    with pytest.raises(StrategyError):
        sweep(Broken, walk(100))


@pytest.mark.parametrize("name", ["volatility", "trades", "fill", "threads"])
def test_a_parameter_with_the_name_of_a_figure_or_an_argument_is_refused(name: str) -> None:
    fields = {"__annotations__": {name: float}, name: param(0.5, "fraction", first=0.5, last=1.0, step=0.5)}
    with pytest.raises(ThunesError, match=name):
        sweep(type("Named", (Fractions,), fields), walk(100), metrics=METRICS)


# -- what a result says


def test_without_ranges_the_whole_declared_space_is_swept() -> None:
    strategy = registry.load("sma_cross")
    grid = sweep(strategy, walk(300), metrics=["total_return"], threads=2)
    assert len(grid) == strategy.space_size()
    assert set(zip(grid.parameters["fast"], grid.parameters["slow"], strict=True)) == {
        (row["fast"], row["slow"]) for row in strategy.space()
    }


def test_the_frame_has_parameters_then_figures_and_a_row_for_each_feasible_set() -> None:
    grid = sweep("sma_cross", walk(300), fast=(9, 5), slow=[7, 20], metrics=["trades", "sharpe"])
    frame = grid.to_frame()
    assert frame.columns == ["fast", "slow", "trades", "sharpe"]
    assert frame.select("fast", "slow").rows() == [(5, 7), (5, 20), (9, 20)]
    assert_array_equal(frame["sharpe"], grid.metrics["sharpe"])
    assert list(grid.to_frame().to_pandas().columns) == frame.columns
    assert len(grid) == 3


def test_the_default_figures_are_four() -> None:
    assert tuple(sweep("buy_and_hold", walk(50)).metrics) == DEFAULT_METRICS
    assert DEFAULT_METRICS == ("total_return", "sharpe", "max_drawdown", "trades")


def test_the_best_set_is_the_highest_of_a_figure_that_is_not_nan() -> None:
    grid = sweep("sma_cross", walk(300), fast=5, slow=[20, 200, 299], metrics=["sharpe", "trades"])
    assert math.isnan(grid.metrics["sharpe"][2])  # two bars of warm-up are left: no trade
    best = grid.best()
    assert best["sharpe"] == np.nanmax(grid.metrics["sharpe"])
    assert best == {**best, "fast": 5, "slow": [20, 200][int(np.nanargmax(grid.metrics["sharpe"]))]}
    assert grid.best("trades")["trades"] == grid.metrics["trades"].max()
    with pytest.raises(UsageError, match="Did you mean 'sharpe'"):
        grid.best("sharp")


def test_a_sweep_without_any_trade_has_a_best_set_all_the_same() -> None:
    grid = sweep("sma_cross", walk(60), fast=5, slow=[59, 60])
    assert grid.best()["slow"] == 59
    json.loads(grid.to_json(), parse_constant=lambda word: pytest.fail(f"{word} is no JSON"))


def test_a_result_reads_well_and_is_valid_json() -> None:
    grid = sweep("sma_cross", walk(300), fast=5, slow=[20, 30], metrics=["profit_factor", "win_rate"])
    assert repr(grid).startswith("SweepResult(sma_cross, 2 sets on ")
    assert "\n" not in repr(grid)
    known = json.loads(grid.to_json(), parse_constant=lambda word: pytest.fail(f"{word} is no JSON"))
    assert known["sets"] == 2
    assert set(known["best"]) == {"fast", "slow", "profit_factor", "win_rate"}
    assert known["provenance"]["parameters"] == {"fast": [5], "slow": [20, 30]}


def test_blocks_come_on_request_with_a_row_for_each_set() -> None:
    grid = sweep("sma_cross", walk(300), fast=5, slow=[20, 30], block_length=100)
    assert grid.blocks is not None
    assert grid.blocks.gross.shape == (2, 3)
    assert grid.blocks.market.shape == (3,)
    assert sweep("sma_cross", walk(300), fast=5, slow=20).blocks is None
