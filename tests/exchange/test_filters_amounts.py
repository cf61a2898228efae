"""Exact numbers on a grid."""

from __future__ import annotations

from decimal import Decimal, localcontext

import pytest
from hypothesis import given
from hypothesis import strategies as st

from thunes.errors import UsageError
from thunes.exchange.filters.amounts import (
    ceil_to,
    common_step,
    decimals_of,
    floor_to,
    is_amount,
    plain,
    read,
    to_decimal,
)

D = Decimal
STEPS = st.builds(lambda digits, exponent: D(digits).scaleb(exponent), st.integers(1, 999), st.integers(-12, 3))
AMOUNTS = st.decimals(min_value=0, max_value=D(10) ** 19, allow_nan=False, allow_infinity=False)


@pytest.mark.parametrize(
    ("step", "decimals"), [("0.01000000", 2), ("1.00", 0), ("10", 0), ("0.00000001", 8), ("2.5", 1)]
)
def test_decimals_are_those_of_the_normalized_step(step: str, decimals: int) -> None:
    assert decimals_of(D(step)) == decimals


@pytest.mark.parametrize(
    ("first", "second", "common"),
    [
        ("0.02", "0.03", "0.06"),
        ("0.5", "0.2", "1"),
        ("0.001", "0", "0.001"),
        ("0", "5", "5"),
        ("0.00001", "1E-8", "0.00001"),
    ],
)
def test_the_common_step_lies_on_both_grids(first: str, second: str, common: str) -> None:
    assert common_step(D(first), D(second)) == common_step(D(second), D(first)) == D(common)


@given(AMOUNTS, STEPS)
def test_floor_is_the_nearest_multiple_that_is_not_above(number: Decimal, step: Decimal) -> None:
    found = floor_to(number, step)
    with localcontext() as context:
        context.prec = 200
        assert found % step == 0
        assert found <= number < found + step


@given(AMOUNTS, STEPS)
def test_ceil_is_the_nearest_multiple_that_is_not_below(number: Decimal, step: Decimal) -> None:
    found = ceil_to(number, step)
    with localcontext() as context:
        context.prec = 200
        assert found % step == 0
        assert found - step < number <= found


@given(AMOUNTS, STEPS)
def test_what_is_on_the_grid_is_written_without_exponent_and_with_the_decimals_of_the_step(
    number: Decimal, step: Decimal
) -> None:
    found = floor_to(number, step)
    text = format(found, "f")
    assert text == plain(found, step)
    assert set(text) <= set("0123456789.")
    assert len(text.partition(".")[2]) == decimals_of(step)
    assert D(text) == found


def test_a_small_quantity_is_written_with_its_decimals() -> None:
    assert plain(D("5E-8"), D("0.00000001")) == "0.00000005"
    assert plain(D("5.00000000"), D("1.00000000")) == "5"


@given(st.floats(0, 1e15), STEPS)
def test_the_crossing_from_float_cuts_what_the_float_prints_as(value: float, step: Decimal) -> None:
    found = to_decimal(value, step)
    assert found == floor_to(D(repr(value)), step)
    assert to_decimal(-value, step) == -found


def test_the_crossing_from_float_does_not_see_binary_tails() -> None:
    assert to_decimal(0.1 + 0.2, D("0.00000001")) == D("0.3")
    assert to_decimal(0.29, D("0.01")) == D("0.29")


@pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf")])
def test_a_float_that_is_not_finite_does_not_cross(value: float) -> None:
    with pytest.raises(UsageError, match="E-AMOUNT"):
        to_decimal(value, D(1))


@pytest.mark.parametrize(
    "given_", ["NaN", "ten", "", True, float("nan"), float("inf"), "-1", -1.5, 0, "1e20", D("-Infinity")]
)
def test_what_is_no_amount_is_read_and_known_for_it(given_: Decimal | int | float | str) -> None:
    assert not is_amount(read(given_, D("0.01")))


@pytest.mark.parametrize("given_", ["25.5", 25.5, D("25.5"), 25.509])
def test_amounts_are_read_from_every_kind_of_number(given_: Decimal | float | str) -> None:
    assert read(given_, D("0.01")) in (D("25.5"), D("25.50"))
    assert read(25, D("0.01")) == D(25)


def test_the_callers_context_does_not_matter() -> None:
    with localcontext() as context:
        context.prec = 3
        assert floor_to(D("123456.789"), D("0.01")) == D("123456.78")
