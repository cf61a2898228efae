from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from optuna.distributions import FloatDistribution, IntDistribution
from tests.research.search.worlds import Momentum

from thunes.errors import UsageError
from thunes.research.search.space import space_of
from thunes.strategies.buy_and_hold import BuyAndHold
from thunes.strategies.registry import BUILT_IN, load
from thunes.strategies.sma_cross import SmaCross


@pytest.mark.parametrize("name", sorted(BUILT_IN.keys() - {"buy_and_hold"}))
def test_without_ranges_it_is_the_declared_space(name: str) -> None:
    strategy = load(name)
    space = space_of(strategy, {})
    assert space.size == strategy.space_size()
    assert space.axes == {key: parameter.values for key, parameter in strategy.parameters().items()}
    assert space.distributions.keys() == space.axes.keys()


def test_a_range_narrows_one_parameter_and_leaves_the_others_whole() -> None:
    space = space_of(SmaCross, {"fast": [9, 5, 7]})
    assert space.axes == {"fast": (5, 7, 9), "slow": tuple(range(20, 220))}
    assert space.size == 3 * 200
    assert space.distributions == {"fast": IntDistribution(5, 9, step=2), "slow": IntDistribution(20, 219)}
    assert space.warm_up == 9 + 219


def test_a_parameter_can_be_held_at_one_value() -> None:
    space = space_of(Momentum, {"reach": 7})
    assert space.distributions["reach"] == IntDistribution(7, 7)
    assert space.distributions["margin"] == FloatDistribution(0.0, 0.02, step=0.001)


@given(st.integers(0, 20), st.floats(-1e-9, 1e-9))
def test_a_draw_becomes_the_declared_value_next_to_it(step: int, error: float) -> None:
    space = space_of(Momentum, {})
    assert space.on_grid({"reach": 3, "margin": step * 0.001 + error}) == {
        "reach": 3,
        "margin": round(step * 0.001, 12),
    }


def test_it_names_the_constraint_that_a_set_breaks() -> None:
    space = space_of(SmaCross, {})
    assert space.violated({"fast": 30, "slow": 20}) == "fast < slow"
    assert space.violated({"fast": 20, "slow": 30}) == ""


@pytest.mark.parametrize(
    ("strategy", "ranges", "line"),
    [
        (SmaCross, {"fats": [5]}, "has no parameter 'fats'. Did you mean 'fast'?"),
        (SmaCross, {"fast": []}, "the range of fast is empty"),
        (SmaCross, {"fast": [60], "slow": [50]}, "no set of the grid meets fast < slow"),
        (SmaCross, {"fast": [5.5]}, "must be a whole number"),
        (BuyAndHold, {}, "buy_and_hold has no parameter to search"),
    ],
)
def test_what_cannot_be_searched_is_refused(strategy: Any, ranges: Any, line: str) -> None:
    with pytest.raises(UsageError, match=line.replace("?", r"\?")):
        space_of(strategy, ranges)


def test_an_uneven_range_is_for_exhaustive_search_only() -> None:
    space = space_of(SmaCross, {"fast": [5, 6, 9]})
    assert space.size == 3 * 200
    with pytest.raises(UsageError, match="the values of fast are not evenly spaced"):
        _ = space.distributions
