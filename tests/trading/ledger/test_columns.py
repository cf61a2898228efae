"""Money comes back from a database as it went in."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy.dialects import sqlite
from tests.trading.ledger.making import D

from thunes.errors import DataError
from thunes.trading.ledger.columns import Money
from thunes.trading.ledger.ledger import Ledger
from thunes.trading.ledger.values import Equity

WHOLE_AND_PARTS = st.builds(
    lambda sign, digits, exponent: Decimal((sign, tuple(digits), exponent)),
    st.integers(0, 1),
    st.lists(st.integers(0, 9), min_size=1, max_size=50),
    st.integers(-50, 10),
)


@pytest.mark.covers("pitfall X17")
@given(WHOLE_AND_PARTS)
def test_fifty_digits_make_the_round_trip(amount: Decimal) -> None:
    column, dialect = Money(), sqlite.dialect()
    text = column.process_bind_param(amount, dialect)
    assert text is not None
    assert "E" not in text
    assert column.process_result_value(text, dialect) == amount


@pytest.mark.parametrize("amount", ["0.123456789123456789", "0", "-0.00000001", "9" * 50 + ".1", "1E-50", "1E+20"])
def test_a_database_keeps_every_digit(ledger: Ledger, amount: str) -> None:
    ledger.record_equity(Equity(1, D(amount), D(0)))
    (found,) = ledger.equity()
    assert (found.equity, found.cash) == (D(amount), D(0))


def test_nothing_is_not_zero() -> None:
    column, dialect = Money(), sqlite.dialect()
    assert column.process_bind_param(None, dialect) is None
    assert column.process_result_value(None, dialect) is None


@pytest.mark.parametrize(("amount", "error"), [(0.1, TypeError), (D("NaN"), ValueError), (D("Infinity"), ValueError)])
def test_what_is_no_money_is_refused(amount: Decimal, error: type[Exception]) -> None:
    with pytest.raises(error):
        Money().process_bind_param(amount, sqlite.dialect())


def test_a_snapshot_that_is_no_number_is_refused(fresh: Callable[[], Ledger]) -> None:
    with pytest.raises(DataError, match="equity cannot be NaN"):
        fresh().record_equity(Equity(1, D("NaN"), D(0)))
