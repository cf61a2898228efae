"""A quote quantity becomes the most base that the book gives for it."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.simulator.symbols.cases import BITCOIN, ladder, symbol

from thunes.simulator.request import Refused
from thunes.simulator.symbols.quote_quantity import quantity_for_quote

D = Decimal
LOT = {"filterType": "LOT_SIZE", "minQty": "0.1", "maxQty": "10", "stepSize": "0.1"}


def test_one_deep_level_gives_the_largest_multiple_of_the_step() -> None:
    assert quantity_for_quote(symbol(LOT), D(10), ladder(("3", "100"))) == D("3.3")  # 3.4 would cost 10.2


def test_the_book_is_walked_level_by_level() -> None:
    # 1 at 3, 1 at 4, and of the 3 that are left 0.6 at 5
    assert quantity_for_quote(symbol(LOT), D(10), ladder(("3", "1"), ("4", "1"), ("5", "9"))) == D("2.6")


def test_what_the_book_cannot_serve_is_counted_at_its_last_price() -> None:
    # 1 at 3 and 1.05 at 4; the 12.8 that are left are worth 3.2 at 4
    assert quantity_for_quote(symbol(LOT), D(20), ladder(("3", "1"), ("4", "1.05"))) == D("5.2")


def test_a_quote_that_the_book_serves_to_the_last_is_no_thin_book() -> None:
    assert quantity_for_quote(symbol(LOT), D(3), ladder(("3", "1"))) == 1
    with pytest.raises(Refused, match="Filter failure: LOT_SIZE"):
        quantity_for_quote(symbol({**LOT, "minQty": "2"}), D(3), ladder(("3", "1")))


def test_without_a_lot_size_the_base_precision_is_the_step() -> None:
    assert quantity_for_quote(symbol(), D(1), ladder(("3", "1"))) == D("0.33333333")


@pytest.mark.parametrize(
    ("quote", "levels", "code", "message"),
    [
        ("10", [], -2010, "Order book liquidity is less than symbol minimum quantity."),
        ("10", [("3", "0.09")], -2010, "Order book liquidity is less than `LOT_SIZE` filter minimum quantity."),
        ("0.2", [("3", "1")], -1013, "Filter failure: LOT_SIZE"),
        ("100", [("3", "50")], -1013, "Filter failure: LOT_SIZE"),
    ],
)
def test_a_quantity_outside_the_lot_size_is_refused(
    quote: str, levels: list[tuple[str, str]], code: int, message: str
) -> None:
    with pytest.raises(Refused) as refused:
        quantity_for_quote(symbol(LOT), D(quote), ladder(*levels))
    assert (refused.value.status, refused.value.code, refused.value.message) == (400, code, message)


@pytest.mark.parametrize("name", ["LOT_SIZE", "MARKET_LOT_SIZE"])
def test_a_book_thinner_than_the_least_quantity_is_refused(name: str) -> None:
    least = {**LOT, "filterType": name, "minQty": "1"}
    with pytest.raises(Refused) as refused:
        quantity_for_quote(symbol(least), D(10), ladder(("3", "0.5")))
    assert (refused.value.status, refused.value.code) == (400, -2010)
    assert refused.value.message == f"Order book liquidity is less than `{name}` filter minimum quantity."


def test_more_than_a_market_order_may_have_is_refused() -> None:
    assert quantity_for_quote(BITCOIN, D(119), ladder(("1", "999"))) == 119
    with pytest.raises(Refused, match="Filter failure: MARKET_LOT_SIZE"):
        quantity_for_quote(BITCOIN, D(120), ladder(("1", "999")))


def test_a_quote_that_buys_nothing_is_refused() -> None:
    with pytest.raises(Refused) as refused:
        quantity_for_quote(symbol(), D("0.00000001"), ladder(("1000", "1")))
    assert (refused.value.status, refused.value.code) == (400, -2010)
    assert refused.value.message == "Price * QTY is zero or less."


AMOUNTS = st.integers(1, 10**6).map(lambda cents: D(cents) / 100)


@given(AMOUNTS, st.lists(st.tuples(AMOUNTS, st.integers(1, 500).map(lambda tenths: D(tenths) / 10)), min_size=1))
def test_no_more_than_the_quote_is_spent_and_one_step_more_would_be_too_much(
    quote: Decimal, levels: list[tuple[Decimal, Decimal]]
) -> None:
    wide = symbol({**LOT, "minQty": "0", "maxQty": "0"})
    levels = sorted(levels)
    try:
        quantity = quantity_for_quote(wide, quote, levels)
    except Refused:
        quantity = D(0)
    assert cost(levels, quantity) <= quote
    assert cost(levels, quantity + D("0.1")) > quote


def cost(levels: list[tuple[Decimal, Decimal]], quantity: Decimal) -> Fraction:
    left, paid = Fraction(quantity), Fraction(0)
    for price, size in levels:
        taken = min(left, Fraction(size))
        left, paid = left - taken, paid + taken * Fraction(price)
    return paid + left * Fraction(levels[-1][0])
