"""From a decision to an order ready to send: known answers."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.exchange.filters_cases import AT_100, ENTRY, RICH, D, denied, entry, filters, ticket

from thunes.errors import UsageError
from thunes.exchange.filters.amounts import Number
from thunes.exchange.filters.conditions import Holdings, Prices
from thunes.exchange.filters.prepare import ExchangeFilters, OcoTickets
from thunes.exchange.filters.rules import parse_rules
from thunes.exchange.filters.verdict import Denied
from thunes.exchange.orders import OrderTicket

MAKE = filters()


def test_a_purchase_by_quote_goes_out_as_such() -> None:
    found = MAKE.prepare_market_order("BTCUSDT", "BUY", D("25.123456789"), client_order_id="t-1")
    assert found == OrderTicket("BTCUSDT", "BUY", "MARKET", "t-1", quote_quantity=D("25.12345678"))


def test_a_sale_by_quote_is_counted_in_base_at_the_bid() -> None:
    found = ticket(MAKE.prepare_market_order("BTCUSDT", "SELL", 25))
    assert found.quote_quantity is None
    assert found.quantity == D("0.25002")  # 25 / 99.99 = 0.250025…


def test_a_quantity_is_cut_to_the_step_and_written_with_its_decimals() -> None:
    found = ticket(MAKE.prepare_market_order("BTCUSDT", "BUY", quantity="0.123456789"))
    assert format(found.quantity or 0, "f") == "0.12345"


def test_at_the_market_both_grids_hold() -> None:
    make = filters({"filterType": "MARKET_LOT_SIZE", "stepSize": "0.00003"})
    found = ticket(make.prepare_market_order("BTCUSDT", "BUY", quantity="0.10000"))
    assert found.quantity == D("0.09999")
    assert ticket(make.prepare_limit_order("BTCUSDT", "BUY", 100, "0.10000")).quantity == D("0.1")


def test_the_largest_market_order_is_on_the_grid() -> None:
    found = ticket(MAKE.prepare_market_order("BTCUSDT", "SELL", quantity=5_000))
    assert found.quantity == D("119.27356")  # the bound is 119.27356195


def test_an_amount_that_buys_more_than_one_order_may_is_counted_in_base() -> None:
    found = ticket(MAKE.prepare_market_order("BTCUSDT", "BUY", 1_000_000))
    assert (found.quote_quantity, found.quantity) == (None, D("119.27356"))


def test_where_a_quote_quantity_is_not_taken_the_purchase_is_counted_in_base() -> None:
    make = filters(quoteOrderQtyMarketAllowed=False)
    assert ticket(make.prepare_market_order("BTCUSDT", "BUY", 25)).quantity == D("0.25")


@pytest.mark.parametrize(("side", "price"), [("BUY", "100.12"), ("SELL", "100.13")])
def test_a_limit_price_is_rounded_in_favour_of_the_one_who_gives_it(side: Any, price: str) -> None:
    found = ticket(MAKE.prepare_limit_order("BTCUSDT", side, "100.129", 1, client_order_id="a"))
    assert found == OrderTicket(
        "BTCUSDT", side, "LIMIT", "a", quantity=D("1.00000"), price=D(price), time_in_force="GTC"
    )
    assert MAKE.round_price("BTCUSDT", "100.129", side) == D(price)


def test_a_limit_order_by_quote_is_counted_at_its_own_price() -> None:
    found = ticket(MAKE.prepare_limit_order("BTCUSDT", "BUY", 90, quote_qty=45, time_in_force="IOC"))
    assert (found.quantity, found.time_in_force) == (D("0.5"), "IOC")


def test_a_stop_keeps_its_two_prices() -> None:
    found = ticket(MAKE.prepare_stop_order("BTCUSDT", "SELL", "94.999", "94.5", "0.5", client_order_id="s"))
    assert found == OrderTicket(
        "BTCUSDT", "SELL", "STOP_LOSS_LIMIT", "s",
        quantity=D("0.50000"), price=D("94.50"), stop_price=D("95.00"), time_in_force="GTC",
    )  # fmt: skip


def test_an_oco_is_a_resting_order_and_a_stop() -> None:
    found = MAKE.prepare_oco("BTCUSDT", "SELL", "0.5", 110, 95, "94.5", client_order_ids=("up", "down"))
    assert isinstance(found, OcoTickets)
    assert (found.resting.price, found.resting.time_in_force, found.resting.client_order_id) == (D(110), None, "up")
    assert (found.stop.stop_price, found.stop.price, found.stop.client_order_id) == (D(95), D("94.5"), "down")
    assert found.resting.quantity == found.stop.quantity == D("0.5")
    assert all(check.passed for check in MAKE.checks(found))


def test_an_oco_purchase_waits_on_both_sides_of_the_market() -> None:
    found = MAKE.prepare_oco("BTCUSDT", "BUY", "0.5", 90, 105, 106)
    assert isinstance(found, OcoTickets)
    assert (found.resting.price, found.stop.stop_price) == (D(90), D(105))


# Sales: from what is free, and what is left


def holding(base: str) -> Holdings:
    return Holdings(base_free=D(base))


def test_a_sale_of_more_than_is_free_sells_what_is() -> None:
    """The fee of the purchase was taken in base: 1 · 0.999."""
    found = ticket(MAKE.prepare_market_order("BTCUSDT", "SELL", quantity=1, holdings=holding("0.999004")))
    assert found.quantity == D("0.99900")


def test_nothing_free_is_said_as_that() -> None:
    found = denied(MAKE.prepare_market_order("BTCUSDT", "SELL", quantity=1, holdings=holding("0.000001")))
    assert found.code == "E-FILTER-BALANCE"


@pytest.mark.parametrize(
    ("wanted", "sweep", "sold"),
    [
        ("0.9", True, "0.9"),  # the rest, 0.1, is worth 10
        ("0.95", True, "1"),  # the rest is worth 5.00, which may not be sold a little lower: taken along
        ("0.95", False, "0.95"),
        ("0.945", True, "1"),  # 0.055 · 99.99 = 5.499 < 5.5
        ("0.9449", True, "0.9449"),  # 0.0551 · 99.99 = 5.509
    ],
)
def test_a_rest_too_small_to_be_sold_is_taken_along_when_the_caller_says_so(
    wanted: str, sweep: bool, sold: str
) -> None:
    found = MAKE.prepare_market_order("BTCUSDT", "SELL", quantity=wanted, holdings=holding("1"), sweep_dust=sweep)
    assert ticket(found).quantity == D(sold)


def test_dust_is_swept_by_limit_orders_as_well_at_their_lower_price() -> None:
    found = MAKE.prepare_limit_order(
        "BTCUSDT", "SELL", "99.00", "0.9447", holdings=holding("1.000004"), sweep_dust=True
    )
    assert ticket(found).quantity == D("1")  # 0.0553 · 99 = 5.475


def test_a_purchase_leaves_no_dust_to_sweep() -> None:
    found = MAKE.prepare_market_order("BTCUSDT", "BUY", quantity="0.95", holdings=RICH, sweep_dust=True)
    assert ticket(found).quantity == D("0.95")


# Names that users know


def test_an_order_is_valid_or_says_why_not() -> None:
    assert MAKE.validate_order("BTCUSDT", 25.0) == (True, "")
    is_valid, reason = MAKE.validate_order("BTCUSDT", 4.0)
    assert not is_valid
    assert reason.endswith("[E-FILTER-NOTIONAL]")


@pytest.mark.parametrize("amount", [0, -1, "1e-12", "NaN", float("nan"), float("inf"), "1e25", "ten", D("-0.0")])
@pytest.mark.parametrize("side", ["BUY", "SELL"])
def test_no_amount_is_a_denial_in_one_line(amount: Number, side: Any) -> None:
    tiny = amount == "1e-12"  # an amount, of which rounding leaves nothing
    for found in (
        MAKE.prepare_market_order("BTCUSDT", side, amount),
        MAKE.prepare_market_order("BTCUSDT", side, quantity=amount),
        MAKE.prepare_limit_order("BTCUSDT", side, 100, amount),
        MAKE.prepare_stop_order("BTCUSDT", side, 95 if side == "SELL" else 105, 100, amount),
        MAKE.prepare_oco("BTCUSDT", side, amount, 110 if side == "SELL" else 90, 100, 100),
    ):
        assert "\n" not in str(denied(found))
        assert tiny or denied(found).code == "E-FILTER-AMOUNT"


@pytest.mark.parametrize("price", [0, -1, "NaN", float("inf"), "1e25"])
def test_no_price_is_a_denial_in_one_line(price: Number) -> None:
    for found in (
        MAKE.prepare_limit_order("BTCUSDT", "SELL", price, 1),
        MAKE.prepare_stop_order("BTCUSDT", "SELL", price, 90, 1),
        MAKE.prepare_stop_order("BTCUSDT", "SELL", 95, price, 1),
        MAKE.prepare_oco("BTCUSDT", "SELL", 1, price, 95, 94),
        MAKE.prepare_oco("BTCUSDT", "SELL", 1, 110, 95, price),
    ):
        assert denied(found).code == "E-FILTER-AMOUNT"


def test_rounding_takes_only_amounts() -> None:
    assert MAKE.round_quantity("BTCUSDT", 0.123456) == D("0.12345")
    assert MAKE.round_quantity("BTCUSDT", "0.000001", market=True) == 0
    assert MAKE.round_price("BTCUSDT", 0.1 + 0.2) == D("0.30")
    for wrong in (0, -1, "NaN"):
        with pytest.raises(UsageError, match="E-AMOUNT"):
            MAKE.round_price("BTCUSDT", wrong)
        with pytest.raises(UsageError, match="E-AMOUNT"):
            MAKE.round_quantity("BTCUSDT", wrong)


def test_what_is_wrong_in_a_call_is_an_error_of_usage() -> None:
    with pytest.raises(UsageError, match="Did you mean 'BTCUSDT'"):
        MAKE.prepare_market_order("BTCUSD", "BUY", 25)
    with pytest.raises(UsageError, match="lists no symbol"):
        ExchangeFilters({}).rules("BTCUSDT")
    with pytest.raises(UsageError, match="E-SIDE"):
        MAKE.prepare_market_order("BTCUSDT", "HOLD", 25)  # type: ignore[arg-type]
    for both in ({}, {"quantity": 1, "quote_qty": 25}):
        with pytest.raises(UsageError, match="Give one of them"):
            MAKE.prepare_market_order("BTCUSDT", "BUY", **both)


def test_rules_may_be_asked_for_one_symbol_at_a_time() -> None:
    asked: list[str] = []

    def rules(symbol: str) -> Any:
        asked.append(symbol)
        return parse_rules(ENTRY)

    make = ExchangeFilters(rules)
    assert isinstance(make.prepare_market_order("BTCUSDT", "BUY", 25, prices=AT_100), OrderTicket)
    assert set(asked) == {"BTCUSDT"}


# What must hold for every input

WIDE = st.decimals(min_value="1e-12", max_value="1e15", allow_nan=False, allow_infinity=False)
PRICES = st.decimals(min_value="0.01", max_value="1e6", places=2)
COARSE = parse_rules(
    entry({"filterType": "LOT_SIZE", "stepSize": "0.10000000"}, {"filterType": "MARKET_LOT_SIZE", "stepSize": "0.25"})
)


@given(WIDE, PRICES, st.sampled_from(["BUY", "SELL"]), st.booleans(), st.booleans())
def test_what_is_prepared_is_never_for_more_than_was_asked(
    amount: Decimal, price: Decimal, side: Any, by_quote: bool, at_market: bool
) -> None:
    make, prices = ExchangeFilters({"BTCUSDT": COARSE}), Prices(price, 0.0, None, price, price, price)
    sizes: dict[str, Any] = {"quote_qty": amount} if by_quote else {"quantity": amount}
    if at_market:
        found = make.prepare_market_order("BTCUSDT", side, prices=prices, **sizes)
    else:
        found = make.prepare_limit_order("BTCUSDT", side, price, prices=prices, **sizes)
    if isinstance(found, Denied):
        assert any(not check.passed for check in found.checks)
        return
    asked = amount / price if by_quote else amount
    assert (found.quote_quantity or 0) <= amount
    assert (found.quantity or 0) <= asked
    assert (found.quantity or 0) % (D("0.5") if at_market else D("0.1")) == 0
    assert all(check.passed for check in make.checks(found, prices=prices))
