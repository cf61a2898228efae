from __future__ import annotations

import importlib.util
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from thunes.errors import DataError, UsageError
from thunes.kernels.compiled import plain
from thunes.model import Candles, Float1D
from thunes.strategies import registry
from thunes.strategies.base import SERIES, Number, Strategy, argument_names, evaluate

NAMES = tuple(registry.BUILT_IN)
EACH = pytest.mark.parametrize("name", NAMES)
MakeCandles = Callable[..., Candles]
TICKS = arrays(np.float64, st.integers(30, 80), elements=st.integers(1, 4).map(lambda k: 0.1 * k))


def some_sets(name: str, count: int = 4) -> list[dict[str, Number]]:
    """The defaults and a few sets from all over the space."""
    cls = registry.load(name)
    space = list(cls.space())
    picks = np.random.default_rng(5).integers(0, len(space), count - 1)
    return [cls().values, *(space[k] for k in picks)]


def load_formulas() -> Any:
    spec = importlib.util.spec_from_file_location("exact", Path(__file__).with_name("exact.py"))
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


EXACT = load_formulas()


def interrupted(real: Candles, make_candles: MakeCandles, flat: int = 900) -> Candles:
    """Real closes, then a long stretch without any move, then real closes again."""
    close = real.close[-900:]
    return make_candles(np.concatenate([close[:600], np.full(flat, close[599]), close[600:]]))


@EACH
def test_decisions_are_those_of_the_textbook_in_sixty_digits(
    name: str, real_candles: Candles, make_candles: MakeCandles
) -> None:
    candles = interrupted(real_candles, make_candles)
    for values in some_sets(name):
        ours = registry.load(name).make(values).exposure(candles)
        np.testing.assert_array_equal(ours, EXACT.decisions(name, values, candles), err_msg=str(values))


@EACH
@pytest.mark.parametrize("price", [0.1, 1.1, 7e-6, 29_117.03])
def test_a_constant_series_gives_no_trade(name: str, price: float, make_candles: MakeCandles) -> None:
    candles = make_candles(np.full(700, price))
    for values in some_sets(name):
        exposure = registry.load(name).make(values).exposure(candles)
        assert {*exposure} == ({1.0} if name == "buy_and_hold" else {0.0})


@EACH
def test_a_long_constant_stretch_gives_no_trade(name: str, real_candles: Candles, make_candles: MakeCandles) -> None:
    candles = interrupted(real_candles, make_candles, flat=6_000)
    stretch = slice(600 + 300, 600 + 6_000)  # every window has forgotten what was before
    for values in some_sets(name):
        assert np.ptp(registry.load(name).make(values).exposure(candles)[stretch]) == 0.0


@EACH
def test_twice_the_prices_change_no_decision(name: str, real_candles: Candles) -> None:
    candles = real_candles[-5_000:]
    doubled = candles.replace(**{column: 2.0 * getattr(candles, column) for column in ("open", "high", "low", "close")})
    for values in some_sets(name):
        strategy = registry.load(name).make(values)
        np.testing.assert_array_equal(strategy.exposure(candles), strategy.exposure(doubled))


def plain_exposure(strategy: Strategy, candles: Candles) -> Float1D:
    """The strategy's lines and rule in plain Python."""
    lines = {
        name: plain(line.kernel)(*(getattr(candles, a) if a in SERIES else strategy.values[a] for a in line.arguments))
        for name, line in strategy.lines.items()
    }
    columns = {name: getattr(candles, name) for name in SERIES}
    rule: Any = type(strategy).rule
    held, out = 0.0, []
    for t in range(len(candles)):
        values = {**{name: x[t] for name, x in (columns | lines).items()}, **strategy.values}
        held = float(rule(held, *(values[name] for name in argument_names(rule))))
        out.append(held)
    return np.array(out)


@EACH
def test_compiled_lines_and_rule_equal_the_plain_ones_on_real_candles(name: str, real_candles: Candles) -> None:
    candles = real_candles[-3_000:]
    for values in some_sets(name, 2):
        strategy = registry.load(name).make(values)
        np.testing.assert_array_equal(strategy.exposure(candles), plain_exposure(strategy, candles))


@EACH
@settings(max_examples=30)
@given(close=TICKS, data=st.data())
def test_what_follows_changes_no_decision(name: str, close: Float1D, data: st.DataObject, make_candles: Any) -> None:
    values = {k: min(v, 9) if isinstance(v, int) else v for k, v in registry.load(name)().values.items()}
    values |= {k: 5 for k in ("fast", "exit") if k in values}
    strategy = registry.load(name).make(values)
    cut = data.draw(st.integers(20, close.size))
    whole = evaluate(strategy, make_candles(close))
    np.testing.assert_array_equal(evaluate(strategy, make_candles(close[:cut])), whole[:cut])


@EACH
def test_every_built_in_trades_real_candles_but_not_always(name: str, real_candles: Candles) -> None:
    exposure = evaluate(registry.load(name)(), real_candles)
    assert {*exposure} == ({1.0} if name == "buy_and_hold" else {0.0, 1.0})


@EACH
def test_the_space_is_of_a_size_to_sweep_and_holds_the_defaults(name: str) -> None:
    cls = registry.load(name)
    space = list(cls.space())
    assert cls.space_size() == len(space)
    assert cls().values in space
    assert len(space) <= 20_000
    assert len(space) >= 1_000 or name == "buy_and_hold"


@EACH
def test_each_says_what_it_does_in_one_line(name: str) -> None:
    line = (registry.load(name).__doc__ or "").strip()
    assert line.endswith(".")
    assert 20 < len(line) < 79
    assert "\n" not in line


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("sma_cross", {"fast": 50, "slow": 50}),
        ("ema_cross", {"fast": 60}),
        ("macd_trend", {"fast": 30}),
        ("donchian_breakout", {"exit": 20}),
        ("rsi_reversion", {"lower": 70.0}),
        ("bollinger_reversion", {"width": 0.0}),
    ],
)
def test_a_set_that_makes_no_sense_is_refused(name: str, values: dict[str, float]) -> None:
    with pytest.raises(UsageError, match="E-PARAM-CONSTRAINT"):
        registry.load(name).make(values)


@pytest.mark.parametrize("name", [n for n in NAMES if n != "buy_and_hold"])
def test_a_window_longer_than_the_data_is_an_error_that_says_so(name: str, make_walk: MakeCandles) -> None:
    with pytest.raises(DataError, match="undefined on all 8 bars"):
        evaluate(registry.load(name)(), make_walk(8))


def test_bollinger_leaves_at_the_mean_itself(make_candles: MakeCandles) -> None:
    close = np.concatenate([np.full(20, 100.0), np.full(30, 90.0)])
    exposure = evaluate(registry.load("bollinger_reversion").make({"window": 20}), make_candles(close))
    # in at the drop, out once the window holds nothing but 90: the close is the mean
    np.testing.assert_array_equal(exposure, np.repeat([0.0, 1.0, 0.0], [20, 19, 11]))


def test_buy_and_hold_is_long_from_the_first_close(make_walk: MakeCandles) -> None:
    assert evaluate(registry.load("buy_and_hold")(), make_walk(1)).tolist() == [1.0]
