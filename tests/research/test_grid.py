from __future__ import annotations

import itertools
import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from thunes.errors import UsageError
from thunes.research.grid import grid, parse_range
from thunes.strategies.base import Strategy, param
from thunes.strategies.bollinger_reversion import BollingerReversion
from thunes.strategies.buy_and_hold import BuyAndHold
from thunes.strategies.sma_cross import SmaCross

NAMES = st.text("abcdefgh_", min_size=1, max_size=8)
WHOLE = st.integers(-200, 200)


class Three(Strategy):
    """Three parameters of small spaces."""

    a: int = param(1, "x", first=0, last=2)
    b: float = param(0.5, "x", first=0.0, last=1.0, step=0.5)
    c: int = param(2, "x", first=1, last=3)
    constraints = ("a < c", "b <= 1")

    @staticmethod
    def rule(held: int) -> bool:
        return True


# -- sets


@given(a=st.lists(st.integers(-3, 6), min_size=1), c=st.lists(st.integers(-3, 6), min_size=1))
def test_a_grid_is_every_feasible_set_once_first_parameter_slowest(a: list[int], c: list[int]) -> None:
    expected = [(x, 0.5, y) for x, y in itertools.product(sorted(set(a)), sorted(set(c))) if x < y]
    if not expected:
        with pytest.raises(UsageError, match="no set of the grid meets a < c and b <= 1"):
            grid(Three, {"a": a, "c": c})
        return
    columns = grid(Three, {"a": a, "c": c})
    assert list(zip(*(columns[n].tolist() for n in "abc"), strict=True)) == expected


def test_without_ranges_it_is_the_declared_space_in_its_order() -> None:
    for strategy in (Three, SmaCross, BollingerReversion):
        columns = grid(strategy, {})
        rows = [
            dict(zip(columns, row, strict=True)) for row in zip(*(v.tolist() for v in columns.values()), strict=True)
        ]
        assert rows == list(strategy.space())


def test_with_a_range_the_others_keep_their_defaults() -> None:
    columns = grid(SmaCross, {"fast": range(5, 8)})
    assert columns["fast"].tolist() == [5, 6, 7]
    assert columns["slow"].tolist() == [50, 50, 50]


def test_a_single_value_is_a_range_of_one() -> None:
    assert grid(SmaCross, {"fast": 5, "slow": 9})["slow"].tolist() == [9]
    assert grid(SmaCross, {"fast": np.int64(5), "slow": np.arange(9, 11)})["slow"].tolist() == [9, 10]
    assert grid(SmaCross, {"fast": "5", "slow": "54"})["slow"].tolist() == [54]


def test_columns_have_the_type_of_their_parameter() -> None:
    columns = grid(BollingerReversion, {"window": [20.0, 10.0], "width": [1, 2]})
    assert {name: column.dtype.kind for name, column in columns.items()} == {"window": "i", "width": "f"}
    assert all(column.flags.c_contiguous for column in columns.values())


def test_a_strategy_without_parameters_has_one_set() -> None:
    assert grid(BuyAndHold, {}) == {}


@pytest.mark.parametrize(
    ("strategy", "ranges", "text"),
    [
        (SmaCross, {"fats": [1]}, "sma_cross has no parameter 'fats'. Did you mean 'fast'"),
        (BuyAndHold, {"fast": [1]}, "buy_and_hold has no parameter 'fast'"),
        (SmaCross, {"fast": []}, "the range of fast is empty"),
        (SmaCross, {"fast": range(60, 70), "slow": 50}, "no set of the grid meets fast < slow"),
        (SmaCross, {"fast": range(1, 10**9)}, "one sweep takes up to 5,000,000"),
        (SmaCross, {"fast": range(1, 3_001), "slow": range(1, 3_001)}, "the grid has 9,000,000 sets"),
        (SmaCross, {"fast": [5, 5.5]}, "fast=5.5 must be a whole number"),
        (SmaCross, {"fast": [0, 5]}, "fast=0 must be at least 1 bar"),
        (BollingerReversion, {"width": [math.nan]}, "width=nan must be a number"),
        (BollingerReversion, {"width": [math.inf]}, "width=inf must be a number"),
        (BollingerReversion, {"width": ["wide"]}, "width='wide' must be a number"),
        (BollingerReversion, {"width": None}, "width=None must be a number"),
    ],
)
def test_a_grid_that_cannot_be_is_refused(strategy: type[Strategy], ranges: dict[str, Any], text: str) -> None:
    with pytest.raises(UsageError) as caught:
        grid(strategy, ranges)
    assert text in str(caught.value)
    assert "\n" not in str(caught.value)


# -- text


@given(name=NAMES, first=WHOLE, last=WHOLE, step=st.integers(1, 50))
def test_a_range_includes_its_last_value(name: str, first: int, last: int, step: int) -> None:
    assert parse_range(f"{name}={first}:{last}:{step}") == (name, list(range(first, last + 1, step)))
    assert parse_range(f"{name}={first}:{last}") == (name, list(range(first, last + 1)))


@given(first=WHOLE, count=st.integers(1, 200), step=st.integers(1, 99))
def test_a_range_of_decimals_has_exactly_the_decimals_written(first: int, count: int, step: int) -> None:
    last = first + (count - 1) * step
    _, values = parse_range(f"width={first / 100}:{last / 100}:{step / 100}")
    assert values == [(first + k * step) / 100 for k in range(count)]


@given(name=NAMES, values=st.lists(st.one_of(WHOLE, st.floats(-1e6, 1e6)), min_size=1, max_size=9))
def test_a_list_is_its_values_in_order(name: str, values: list[float]) -> None:
    found = parse_range(f"{name}={','.join(map(repr, values))}")
    assert found == (name, values)
    assert [type(v) for v in found[1]] == [type(v) for v in values]


@given(first=st.floats(-10, 10), last=st.floats(-10, 10), step=st.floats(0.1, 3))
def test_no_value_lies_outside_its_range(first: float, last: float, step: float) -> None:
    _, values = parse_range(f"x={first}:{last}:{step}")
    assert all(first - 1e-9 <= value <= last + step * 1e-6 for value in values)
    assert bool(values) == (last >= first - step * 1e-9) or abs(last - first) < 1e-6


@pytest.mark.parametrize("text", ["x=5:4", "x=5:4.5", "x=2:1.5:1", "x=1:0:0.5"])
def test_a_range_that_ends_before_it_starts_is_empty(text: str) -> None:
    assert parse_range(text) == ("x", [])


@pytest.mark.parametrize(
    "text",
    [
        *("", "fast", "=5", "fast=", "fast=a", "fast=5,,7", "fast=5:", "fast=:5", "fast=1:9:0", "fast=1:9:-1"),
        *("fast=1:2:3:4", "fast=1:inf", "fast=-inf:5", "fast=nan:5", "fast=1:9:nan", "fast=1:9:inf"),
    ],
)
def test_what_is_no_range_is_refused_with_the_forms(text: str) -> None:
    with pytest.raises(UsageError, match="NAME=FIRST:LAST") as caught:
        parse_range(text)
    assert repr(text) in str(caught.value)
