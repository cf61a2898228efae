"""Daily returns from a curve, and trades in order."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_allclose

from thunes.errors import DataError
from thunes.model import DAY_MS, Float1D
from thunes.ops.realised import Realised, from_equity, from_trades

HOUR = DAY_MS // 24
MIDNIGHT = 20_000 * DAY_MS


def hourly(hours: int, first: int = 0) -> Realised:
    """An account that earns 1 % an hour, from an hour of the first day on."""
    return from_equity(MIDNIGHT + HOUR * np.arange(first, first + hours), 100 * 1.01 ** np.arange(hours))


def code(times: Float1D, equity: Float1D) -> str:
    with pytest.raises(DataError) as caught:
        from_equity(times.astype(np.int64), equity)
    return caught.value.code


def test_a_day_leads_from_the_last_value_of_the_day_before_to_its_own() -> None:
    found = hourly(72)
    assert_allclose(found.returns, [1.01**24 - 1] * 2)
    assert (found.unit, found.days, found.trades) == ("days", 2.0, None)


def test_a_day_that_is_not_over_does_not_count() -> None:
    assert hourly(71).returns.size == 1
    assert hourly(72).returns.size == 2
    assert hourly(73).returns.size == 2


def test_a_first_day_that_begins_late_gives_the_base() -> None:
    assert_allclose(hourly(49, first=23).returns, [1.01**24 - 1] * 2)


def test_daily_values_count_each() -> None:
    found = from_equity(MIDNIGHT + DAY_MS * np.arange(3), np.array([100.0, 110.0, 99.0]))
    assert_allclose(found.returns, [0.1, -0.1])


def test_days_without_a_value_add_to_the_next() -> None:
    days = MIDNIGHT + DAY_MS * np.array([0, 1, 4, 5])
    found = from_equity(days, np.array([100.0, 110.0, 121.0, 121.0]))
    assert_allclose(found.returns, [0.1, 0.1, 0.0])


@pytest.mark.parametrize("count", [0, 1])
def test_next_to_nothing_is_no_day(count: int) -> None:
    found = from_equity(np.arange(count, dtype=np.int64), np.full(count, 100.0))
    assert (found.returns.size, found.days) == (0, 0.0)


def test_disorder_and_worthless_accounts_are_refused() -> None:
    times = np.array([0.0, HOUR, HOUR])
    assert code(times, np.ones(3)) == "E-RESULTS-ORDER"
    for value in (0.0, -1.0, np.nan, np.inf):
        assert code(np.arange(3.0), np.array([1.0, value, 1.0])) == "E-RESULTS-NUMBER"


def test_trades_are_put_in_the_order_in_which_they_closed() -> None:
    exits = MIDNIGHT + DAY_MS * np.array([9, 1, 4])
    found = from_trades(exits, np.array([0.3, 0.1, 0.2]))
    assert found.returns.tolist() == [0.1, 0.2, 0.3]
    assert (found.unit, found.days, found.trades) == ("trades", 8.0, 3)
    assert from_trades(np.empty(0, np.int64), np.empty(0)).days == 0.0


@pytest.mark.parametrize("value", [np.nan, np.inf, -1.01])
def test_a_return_that_cannot_be_is_refused(value: float) -> None:
    with pytest.raises(DataError, match="return 1 is"):
        from_trades(np.arange(2), np.array([0.1, value]))
