from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from thunes.errors import StrategyError, UsageError
from thunes.kernels.indicators import sma
from thunes.model import Candles, Float1D
from thunes.research.sweep import sweep
from thunes.strategies.base import Line, Strategy, evaluate, holds, param, validate_exposure
from thunes.strategies.sma_cross import SmaCross

MakeCandles = Callable[..., Candles]


class Above(Strategy):
    """Long above a level."""

    level: float = param(1.5, "quote", first=0.5, last=2.5, step=0.25)

    @staticmethod
    def rule(held: int, close: float, level: float) -> bool:
        return close > level


class Ramp(Strategy):
    """A kernel: more with every bar."""

    bars: int = param(4, "bars", first=1, last=8)

    @staticmethod
    def kernel(out: Float1D, close: Float1D, bars: int) -> None:
        for t in range(out.size):
            out[t] = min(1.0, t / bars)


def answering(value: Any) -> Strategy:
    """A strategy whose exposure is whatever a test wants."""
    return type("Answering", (Strategy,), {"exposure": lambda _self, _candles: value})()


def test_a_subclass_is_a_frozen_value_that_compares_and_prints() -> None:
    assert Above(level=2) == Above(2.0)
    assert repr(SmaCross(fast=5)) == "SmaCross(fast=5, slow=50)"
    with pytest.raises(dataclasses.FrozenInstanceError):
        Above().level = 3.0  # type: ignore[misc]
    with pytest.raises(dataclasses.FrozenInstanceError):
        del Above().level  # type: ignore[misc]


def test_decorating_it_as_a_frozen_dataclass_too_changes_nothing() -> None:
    @dataclasses.dataclass(frozen=True)
    class Twice(Strategy):
        fast: int = param(3, "bars", first=1, last=9)

    assert Twice.parameters()["fast"].last == 9
    assert Twice(fast=4).values == {"fast": 4}
    with pytest.raises(dataclasses.FrozenInstanceError):
        Twice().fast = 5  # type: ignore[misc]


def test_a_subclass_of_a_strategy_keeps_its_parameters_and_may_add_some() -> None:
    class Banded(SmaCross):
        band: float = param(0.5, "percent", first=0.0, last=1.0, step=0.5)

    assert list(Banded.parameters()) == ["fast", "slow", "band"]
    assert Banded.space_size() == 3 * SmaCross.space_size()


@pytest.mark.parametrize("value", ["7", 7.0, 7, np.int64(7)])
def test_a_whole_number_is_read_from_text_and_stays_whole(value: Any) -> None:
    assert type(SmaCross(fast=value).fast) is int


@pytest.mark.parametrize("value", [7.5, "seven", None, float("nan"), float("inf"), "1e999"])
def test_what_is_no_whole_number_is_refused(value: Any) -> None:
    with pytest.raises(UsageError, match="must be a whole number"):
        SmaCross(fast=value)


@pytest.mark.parametrize("value", [0, -5])
def test_a_window_of_no_bars_is_refused(value: int) -> None:
    with pytest.raises(UsageError, match="at least 1 bar"):
        SmaCross(fast=value)


def test_a_violated_constraint_is_named() -> None:
    with pytest.raises(UsageError, match=r"SmaCross\(fast=60, slow=50\) violates fast < slow"):
        SmaCross(fast=60)


def test_a_misspelt_parameter_gets_the_nearest_name() -> None:
    with pytest.raises(UsageError, match=r"no parameter 'fats'. Did you mean 'fast'"):
        SmaCross.make({"fats": 5})


def test_the_space_is_the_grid_where_the_constraints_hold() -> None:
    assert [values["level"] for values in Above.space()] == [0.5 + 0.25 * k for k in range(9)]
    assert Above.space_size() == 9


def test_rule_kernel_and_own_exposure_are_evaluated_alike(make_candles: MakeCandles) -> None:
    candles = make_candles(np.array([1.0, 2.0, 3.0, 1.0]))
    assert evaluate(Above(), candles).tolist() == [0.0, 1.0, 1.0, 0.0]
    assert evaluate(Ramp(), candles).tolist() == [0.0, 0.25, 0.5, 0.75]
    assert evaluate(answering([True, False, True, True]), candles).tolist() == [1.0, 0.0, 1.0, 1.0]


@pytest.mark.parametrize(
    ("values", "code", "text"),
    [
        ([0.0, float("nan"), 1.0], "E-STRATEGY-VALUE", "exposure is nan at bar 1"),
        ([0.0, 1.0, 2.0], "E-STRATEGY-VALUE", "exposure is 2 at bar 2"),
        ([-0.5, 1.0, 2.0], "E-STRATEGY-VALUE", "exposure is -0.5 at bar 0"),
        ([0.0, 1.0], "E-STRATEGY-LENGTH", r"shape \(2,\)"),
        ([[0.0, 1.0, 1.0]], "E-STRATEGY-LENGTH", r"shape \(1, 3\)"),
        (None, "E-STRATEGY-LENGTH", r"shape \(\)"),
        (["a", "b", "c"], "E-STRATEGY-TYPE", "no array of numbers"),
        ([0.0, None, 1.0], "E-STRATEGY-TYPE", "no array of numbers"),
        ([[0.0], 1.0, [1.0, 2.0]], "E-STRATEGY-TYPE", "no array of numbers"),
    ],
)
def test_an_exposure_that_breaks_the_contract_is_refused(values: Any, code: str, text: str) -> None:
    with pytest.raises(StrategyError, match=text) as caught:
        validate_exposure(values, 3)
    assert (caught.value.code, caught.value.exit_code) == (code, 1)


def test_what_a_strategy_raises_names_the_strategy_and_the_line(make_candles: MakeCandles) -> None:
    class Broken(Strategy):
        def exposure(self, candles: Candles) -> Float1D:
            return candles.close[candles.close.size + 1]

    with pytest.raises(StrategyError, match=r"Broken\(\) raised IndexError: .*test_base.py:\d+\)"):
        evaluate(Broken(), make_candles(np.ones(3)))


def test_a_rule_that_cannot_be_compiled_says_why_in_one_line(make_candles: MakeCandles) -> None:
    class Dreamer(Strategy):
        @staticmethod
        def rule(held: int, close: float) -> bool:
            return close > tomorrow  # type: ignore[name-defined]  # noqa: F821

    with pytest.raises(StrategyError, match="tomorrow") as caught:
        evaluate(Dreamer(), make_candles(np.ones(3)))
    assert len(str(caught.value)) < 300


def test_a_rule_argument_that_is_nothing_gets_the_nearest_name(make_candles: MakeCandles) -> None:
    class Misspelt(Strategy):
        @staticmethod
        def rule(held: int, clsoe: float) -> bool:
            return clsoe > 1

    with pytest.raises(StrategyError, match="Did you mean 'close'"):
        evaluate(Misspelt(), make_candles(np.ones(3)))


def test_a_rule_that_is_no_static_method_is_told_to_be_one(make_candles: MakeCandles) -> None:
    class Bound(Strategy):
        def rule(self, held: int, close: float) -> bool:  # type: ignore[override]  # noqa: ARG002
            return close > 1

    with pytest.raises(StrategyError, match="Write @staticmethod above the function"):
        evaluate(Bound(), make_candles(np.ones(3)))


def test_a_kernel_that_writes_beyond_its_array_is_stopped(make_candles: MakeCandles) -> None:
    class Beyond(Strategy):
        @staticmethod
        def kernel(out: Float1D, close: Float1D) -> None:
            for t in range(out.size + 100_000):
                out[t] = 1.0

    with pytest.raises(StrategyError, match=r"IndexError: index .*out of bounds"):
        evaluate(Beyond(), make_candles(np.ones(3)))
    with pytest.raises(StrategyError, match=r"IndexError: index .*out of bounds"):
        sweep(Beyond, make_candles(np.ones(3)))


def test_a_strategy_that_says_nothing_is_refused(make_candles: MakeCandles) -> None:
    class Silent(Strategy):
        pass

    with pytest.raises(StrategyError, match="no rule, no kernel and no exposure"):
        evaluate(Silent(), make_candles(np.ones(3)))


def make_class(**body: Any) -> type[Strategy]:
    return type("Made", (Strategy,), body)


@pytest.mark.parametrize(
    ("body", "text"),
    [
        ({"__annotations__": {"window": "int"}, "window": 5}, r"Made.window is a field without param"),
        ({"__annotations__": {"window": "int"}, "window": dataclasses.field(default=5)}, "without param"),
        ({"__annotations__": {"close": "int"}, "close": param(5, "x", first=1, last=9)}, "means something else here"),
        ({"constraints": ("fast < slow",)}, "'fast < slow' is not one comparison"),
        ({"constraints": ("fast",)}, "'fast' is not one comparison"),
        ({"lines": {"mean": Line(sma, "clsoe", "close")}}, "parameter 'clsoe'. Did you mean 'close'"),
    ],
)
def test_a_class_that_cannot_work_is_refused_when_it_is_made(body: dict[str, Any], text: str) -> None:
    with pytest.raises(StrategyError, match=text):
        make_class(**body)


@pytest.mark.parametrize("grid", [{"first": 3, "last": 2}, {"first": 1, "last": 2, "step": 0}])
def test_an_empty_search_range_is_refused(grid: dict[str, int]) -> None:
    with pytest.raises(StrategyError, match="first ≤ last"):
        param(5, "bars", **grid)


def test_constraints_compare_parameters_and_numbers_also_elementwise() -> None:
    assert holds("a <= 2", {"a": 2})
    assert not holds("a>b", {"a": 2, "b": 2})
    np.testing.assert_array_equal(holds("a < b", {"a": np.array([1, 2, 3]), "b": 2}), [True, False, False])


def test_a_line_names_the_parameters_it_depends_on() -> None:
    assert Line(sma, "close", "window").parameters == ("window",)
