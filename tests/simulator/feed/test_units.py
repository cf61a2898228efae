from decimal import Decimal

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_array_equal

from thunes.errors import DataError, UsageError
from thunes.simulator.feed.units import exact_sums, to_decimal, to_units

UNITS = st.sampled_from([Decimal(unit) for unit in ("0.01", "0.00001000", "1", "1.00", "0.5", "1e-8")])


@given(st.integers(0, 10**9), UNITS)
def test_a_number_on_the_grid_comes_back_exactly_as_a_decimal(count, unit):
    exact = count * unit
    assert to_decimal(int(to_units(np.array([float(exact)]), unit)[0]), unit) == exact


@given(st.floats(0, 1e6), UNITS)
def test_a_number_beside_the_grid_moves_by_half_a_unit_at_most(value, unit):
    moved = abs(to_decimal(int(to_units(np.array([value]), unit)[0]), unit) - Decimal(value))
    assert moved <= unit / 2 + Decimal(value) * Decimal("1e-15")


@given(st.lists(st.floats(0, 1e6), min_size=2), UNITS)
def test_rounding_keeps_the_order(values, unit):
    assert (np.diff(to_units(np.sort(values), unit)) >= 0).all()


def test_a_tie_goes_to_the_even_unit():
    assert_array_equal(to_units(np.array([0.125, 0.375]), Decimal("0.25")), [0, 2])


@pytest.mark.parametrize("unit", ["0", "-0.01", "NaN", "Infinity"])
def test_a_unit_that_is_no_positive_number_is_refused(unit):
    with pytest.raises(UsageError, match="E-FEED-UNIT"):
        to_units(np.array([1.0]), Decimal(unit))


@pytest.mark.parametrize("value", [1e9, np.nan, np.inf])
def test_a_value_that_cannot_be_counted_is_refused(value):
    with pytest.raises(DataError, match="E-FEED-RANGE"):
        to_units(np.array([value]), Decimal("1e-8"))


@given(st.lists(st.integers(0, 2**62), min_size=1, max_size=20), st.data())
def test_sums_are_exact_beyond_64_bits(values, data):
    first = sorted(data.draw(st.sets(st.integers(0, len(values) - 1), min_size=1)) | {0})
    expected = [sum(values[a:b]) for a, b in zip(first, [*first[1:], None], strict=True)]
    assert exact_sums(np.array(values), np.array(first)) == expected
