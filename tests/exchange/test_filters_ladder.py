"""Each rule: what just passes, what just fails, and in which words."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from tests.exchange.filters_cases import AT_100, ENTRY, RICH, D, denied, entry, filters, ticket

from thunes.exchange.filters.conditions import Holdings, Prices
from thunes.exchange.filters.prepare import ExchangeFilters
from thunes.exchange.filters.rules import parse_rules
from thunes.exchange.filters.verdict import Denied
from thunes.exchange.orders import OrderTicket

MAKE = filters()


def test_a_denial_names_rule_value_and_bound_and_shows_all_checks() -> None:
    found = denied(MAKE.prepare_market_order("BTCUSDT", "BUY", quantity="0.05"))
    assert (found.code, found.filter, found.value, found.bound) == (
        "E-FILTER-NOTIONAL", "NOTIONAL", D(5), D("5.10"),
    )  # fmt: skip
    assert str(found) == (
        "BTCUSDT BUY not sent: notional 5 must be ≥ 5.1 (NOTIONAL). Change the amount. [E-FILTER-NOTIONAL]"
    )
    assert {check.filter for check in found.checks} >= {"STATUS", "LOT_SIZE", "MARKET_LOT_SIZE", "NOTIONAL", "BALANCE"}
    assert [check.filter for check in found.checks if not check.passed] == ["NOTIONAL"]


def test_the_ladder_of_an_order_that_is_sent_shows_the_same_rungs() -> None:
    found = ticket(MAKE.prepare_market_order("BTCUSDT", "BUY", quantity="0.06"))
    rungs = MAKE.checks(found)
    assert all(check.passed for check in rungs)
    assert {check.filter for check in rungs} >= {"AMOUNT", "STATUS", "PERMISSION", "LOT_SIZE", "NOTIONAL", "BALANCE"}
    assert str(rungs[0]) == "quantity 0.06 is a number from 0 to 10^20 (AMOUNT)"


# The price that a market order is judged by


@pytest.mark.parametrize(
    ("prices", "quantity", "passes"),
    [
        (AT_100, "0.051", True),  # 0.051 · 100 = 5.1 = 5 · 1.02
        (AT_100, "0.05099", False),
        (replace(AT_100, average=D(99)), "0.051", False),  # the lowest counts
        (replace(AT_100, reference=D(99)), "0.051", False),
        (replace(AT_100, last=D(99)), "0.051", False),
        (replace(AT_100, reference=D(100), last=D(99)), "0.051", True),  # the reference stands for the last price
        (replace(AT_100, ask=D(99)), "0.051", False),
        (replace(AT_100, bid=D(99)), "0.051", True),  # a BUY meets the ask
    ],
)
def test_the_lowest_price_that_may_count_decides_with_a_margin(prices: Prices, quantity: str, passes: bool) -> None:
    found = MAKE.prepare_market_order("BTCUSDT", "BUY", quantity=quantity, prices=prices)
    assert isinstance(found, OrderTicket) is passes
    if isinstance(found, Denied):
        assert found.filter == "NOTIONAL"


@pytest.mark.parametrize(("amount", "passes"), [("5.11", True), ("5.09", False)])
def test_an_amount_of_quote_has_the_same_margin(amount: str, passes: bool) -> None:
    assert isinstance(MAKE.prepare_market_order("BTCUSDT", "BUY", amount), OrderTicket) is passes


def test_an_amount_of_quote_must_buy_a_step_though_the_price_rises() -> None:
    make = filters({"filterType": "LOT_SIZE", "minQty": "0", "stepSize": "1"})
    assert denied(make.prepare_market_order("BTCUSDT", "BUY", "101.9")).filter == "LOT_SIZE"
    assert isinstance(make.prepare_market_order("BTCUSDT", "BUY", "102.1"), OrderTicket)


UNKNOWN = Prices()


@pytest.mark.parametrize(
    ("prices", "side", "passes"),
    [
        (UNKNOWN, "BUY", False),
        (replace(AT_100, average_age=10.0), "BUY", True),
        (replace(AT_100, average_age=10.1), "BUY", False),
        (replace(AT_100, average_age=float("nan")), "BUY", False),
        (replace(AT_100, average_age=3600.0), "SELL", True),  # an exit goes with what is known
        (replace(AT_100, average_age=3600.0, reference=D(100)), "BUY", True),  # the average does not count then
        (replace(AT_100, average=None), "BUY", False),
        (replace(AT_100, average=D(0)), "BUY", False),  # the exchange's way of saying that there is none
        (replace(AT_100, average=None), "SELL", True),
    ],
)
@pytest.mark.parametrize("by", ["quantity", "quote_qty"])
def test_nothing_is_opened_at_a_price_that_is_old_or_unknown(prices: Prices, side: Any, passes: bool, by: Any) -> None:
    found = MAKE.prepare_market_order("BTCUSDT", side, prices=prices, **{by: 50})
    assert isinstance(found, OrderTicket) is passes
    if isinstance(found, Denied):
        assert found.filter == "AVERAGE_PRICE"


def test_an_exit_by_quantity_is_tried_without_any_price() -> None:
    found = MAKE.prepare_market_order("BTCUSDT", "SELL", quantity=1, prices=UNKNOWN, sweep_dust=True)
    assert ticket(found).quantity == 1
    unpriced = denied(MAKE.prepare_market_order("BTCUSDT", "SELL", 50, prices=UNKNOWN))
    assert (unpriced.filter, unpriced.value) == ("AVERAGE_PRICE", "unknown")


def test_without_minutes_the_last_price_is_the_one() -> None:
    make = filters({"filterType": "NOTIONAL", "avgPriceMins": 0})
    prices = replace(AT_100, average=None)
    assert isinstance(make.prepare_market_order("BTCUSDT", "BUY", 25, prices=prices), OrderTicket)
    found = denied(make.prepare_market_order("BTCUSDT", "BUY", 25, prices=replace(prices, last=None)))
    assert found.filter == "AVERAGE_PRICE"


def test_market_orders_have_the_bounds_that_apply_to_them() -> None:
    free = filters({"filterType": "NOTIONAL", "applyMinToMarket": False})
    assert isinstance(free.prepare_market_order("BTCUSDT", "BUY", 1), OrderTicket)
    bound = filters({"filterType": "NOTIONAL", "applyMaxToMarket": True, "maxNotional": "102"})
    assert isinstance(bound.prepare_market_order("BTCUSDT", "BUY", quantity=1), OrderTicket)
    assert denied(bound.prepare_market_order("BTCUSDT", "BUY", quantity="1.00001")).filter == "NOTIONAL"


# One rule at a time

POSITION = {"filterType": "MAX_POSITION", "maxPosition": "3"}
ACCOUNT = (
    {"filterType": "EXCHANGE_MAX_NUM_ORDERS", "maxNumOrders": 10},
    {"filterType": "MAX_ASSET", "asset": "BTC", "limit": "2"},
    {"filterType": "MAX_ASSET", "asset": "USDT", "limit": "150"},
)


@pytest.mark.parametrize(
    ("make", "call", "holdings", "filter_"),
    [
        (MAKE, ("BUY", "118.00", "0.05"), RICH, None),
        (MAKE, ("BUY", "118.50", "0.05"), RICH, None),  # 120 less the margin of 1.25 %
        (MAKE, ("BUY", "118.51", "0.05"), RICH, "PERCENT_PRICE_BY_SIDE"),
        (MAKE, ("BUY", "50.63", "0.1"), RICH, None),
        (MAKE, ("BUY", "50.62", "0.1"), RICH, "PERCENT_PRICE_BY_SIDE"),
        (MAKE, ("SELL", "197.5", "0.05"), RICH, None),
        (MAKE, ("SELL", "197.51", "0.05"), RICH, "PERCENT_PRICE_BY_SIDE"),
        (MAKE, ("SELL", "81", "0.1"), RICH, None),
        (MAKE, ("SELL", "80.99", "0.1"), RICH, "PERCENT_PRICE_BY_SIDE"),
        (MAKE, ("BUY", "100", "0.05"), RICH, None),  # its own price: no margin
        (MAKE, ("BUY", "100", "0.04999"), RICH, "NOTIONAL"),
        (MAKE, ("BUY", "100", "0.000009"), RICH, "LOT_SIZE"),
        (MAKE, ("BUY", "0.001", "100"), RICH, "PRICE_FILTER"),
        (MAKE, ("SELL", "1000000.01", "1"), RICH, "PRICE_FILTER"),
        (MAKE, ("SELL", "100", "2"), Holdings(base_free=D(1)), None),
        (MAKE, ("BUY", "100", "1"), Holdings(quote_free=D("99.99")), "BALANCE"),
        (MAKE, ("BUY", "100", "1"), Holdings(quote_free=D(100)), None),
        (MAKE, ("BUY", "100", "1"), replace(RICH, open_orders=199), None),
        (MAKE, ("BUY", "100", "1"), replace(RICH, open_orders=200), "MAX_NUM_ORDERS"),
        (MAKE, ("BUY", "100", "1"), replace(RICH, open_algo_orders=5), None),
        (filters(POSITION), ("BUY", "100", "1"), replace(RICH, base_free=D(1), base_locked=D(1)), None),
        (filters(POSITION), ("BUY", "100", "1"), replace(RICH, base_free=D(2), base_locked=D("0.1")), "MAX_POSITION"),
        (filters(POSITION), ("BUY", "100", "1"), replace(RICH, base_free=D(2), open_buy_quantity=D(1)), "MAX_POSITION"),
        (filters(POSITION), ("SELL", "100", "1"), replace(RICH, base_free=D(9)), None),
        (filters(account=ACCOUNT), ("BUY", "100", "1"), replace(RICH, account_orders=9), None),
        (filters(account=ACCOUNT), ("BUY", "100", "1"), replace(RICH, account_orders=10), "EXCHANGE_MAX_NUM_ORDERS"),
        (filters(account=ACCOUNT), ("BUY", "60", "2.1"), RICH, "MAX_ASSET"),
        (filters(account=ACCOUNT), ("BUY", "100", "1.51"), RICH, "MAX_ASSET"),
        (filters(status="HALT"), ("SELL", "100", "1"), RICH, "STATUS"),
        (filters(status="ECLIPSE"), ("BUY", "100", "1"), RICH, "STATUS"),
        (filters(permissionSets=[["SPOT"], ["TRD_GRP_1", "B", "C", "D"]]), ("BUY", "100", "1"), RICH, "PERMISSION"),
        (filters(isSpotTradingAllowed=False), ("BUY", "100", "1"), RICH, "PERMISSION"),
        (filters(orderTypes=["MARKET"]), ("BUY", "100", "1"), RICH, "ORDER_TYPE"),
        (filters({"filterType": "MOON_PHASE"}), ("BUY", "100", "1"), RICH, "UNKNOWN_FILTERS"),
        (filters({"filterType": "MOON_PHASE"}), ("SELL", "100", "1"), RICH, None),  # an exit
    ],
)
def test_a_limit_order_meets_each_rule_at_its_edge(
    make: ExchangeFilters, call: tuple[Any, str, str], holdings: Holdings, filter_: str | None
) -> None:
    found = make.prepare_limit_order("BTCUSDT", *call, holdings=holdings)
    assert (found.filter if isinstance(found, Denied) else None) == filter_


def test_without_an_average_a_limit_order_opens_nothing_and_closes() -> None:
    nothing = Prices()
    assert denied(MAKE.prepare_limit_order("BTCUSDT", "BUY", 100, 1, prices=nothing)).filter == "PERCENT_PRICE_BY_SIDE"
    assert isinstance(MAKE.prepare_limit_order("BTCUSDT", "SELL", 100, 1, prices=nothing), OrderTicket)


def test_the_largest_notional_holds_for_limit_orders() -> None:
    make = filters({"filterType": "NOTIONAL", "maxNotional": "100"})
    assert isinstance(make.prepare_limit_order("BTCUSDT", "BUY", 100, 1), OrderTicket)
    assert denied(make.prepare_limit_order("BTCUSDT", "BUY", 100, "1.00001")).bound == D(100)


@pytest.mark.parametrize(
    ("side", "stop", "passes"),
    [("SELL", "99.99", True), ("SELL", "100", False), ("BUY", "100.01", True), ("BUY", "100", False)],
)
def test_a_stop_lies_beyond_the_market(side: Any, stop: str, passes: bool) -> None:
    found = MAKE.prepare_stop_order("BTCUSDT", side, stop, stop, 1)
    assert isinstance(found, OrderTicket) is passes
    if isinstance(found, Denied):
        assert found.filter == "STOP_SIDE"


def test_stops_are_few() -> None:
    holdings = replace(RICH, open_algo_orders=5)
    assert (
        denied(MAKE.prepare_stop_order("BTCUSDT", "SELL", 95, 94, 1, holdings=holdings)).filter == "MAX_NUM_ALGO_ORDERS"
    )


@pytest.mark.parametrize(
    ("make", "change", "filter_"),
    [
        (MAKE, {}, None),
        (MAKE, {"price": "99.98"}, "MAKER_SIDE"),
        (MAKE, {"stop_price": "101"}, "STOP_SIDE"),
        (MAKE, {"holdings": replace(RICH, open_orders=198)}, None),
        (MAKE, {"holdings": replace(RICH, open_orders=199)}, "MAX_NUM_ORDERS"),
        (MAKE, {"holdings": replace(RICH, open_algo_orders=5)}, "MAX_NUM_ALGO_ORDERS"),
        (MAKE, {"holdings": replace(RICH, open_order_lists=20)}, "MAX_NUM_ORDER_LISTS"),
        (MAKE, {"quantity": "0.05"}, "NOTIONAL"),  # of the stop: 0.05 · 94
        (filters(ocoAllowed=False), {}, "ORDER_TYPE"),
        (filters(orderTypes=["LIMIT", "STOP_LOSS_LIMIT"]), {}, "ORDER_TYPE"),
    ],
)
def test_an_oco_meets_the_rules_of_both_its_orders(make: ExchangeFilters, change: Any, filter_: str | None) -> None:
    given = {"quantity": 1, "price": 110, "stop_price": 95, "stop_limit_price": 94, **change}
    found = make.prepare_oco("BTCUSDT", "SELL", **given)
    assert (found.filter if isinstance(found, Denied) else None) == filter_


def test_both_orders_of_a_purchase_in_pairs_count_for_the_position() -> None:
    make, held = filters(POSITION), replace(RICH, base_free=D(0))
    assert not isinstance(make.prepare_oco("BTCUSDT", "BUY", "1.5", 90, 105, 106, holdings=held), Denied)
    assert denied(make.prepare_oco("BTCUSDT", "BUY", "1.6", 90, 105, 106, holdings=held)).filter == "MAX_POSITION"


@pytest.mark.parametrize(("name", "passes"), [("a-B_9", True), ("a" * 36, True), ("a" * 37, False), ("a b", False)])
def test_a_client_id_has_the_exchanges_shape(name: str, passes: bool) -> None:
    found = MAKE.prepare_market_order("BTCUSDT", "BUY", 25, client_order_id=name)
    assert isinstance(found, OrderTicket) is passes
    if isinstance(found, Denied):
        assert found.code == "E-FILTER-CLIENT-ORDER-ID"


# Orders made elsewhere, or under rules that have changed


def failing(order: OrderTicket, make: ExchangeFilters = MAKE, **seen: Any) -> set[str]:
    return {check.filter for check in make.checks(order, **seen) if not check.passed}


def test_an_order_is_judged_anew_under_the_rules_of_now() -> None:
    order = ticket(MAKE.prepare_limit_order("BTCUSDT", "BUY", "100.01", "0.12345"))
    assert failing(order) == set()
    coarser = filters(
        {"filterType": "LOT_SIZE", "stepSize": "0.001"}, {"filterType": "PRICE_FILTER", "tickSize": "0.1"}
    )
    assert failing(order, coarser) == {"LOT_SIZE", "PRICE_FILTER"}
    assert failing(order, filters(baseAssetPrecision=3)) == {"PRECISION"}
    assert failing(order, filters(quoteAssetPrecision=1)) == {"PRECISION"}


def test_any_order_whatever_can_be_judged() -> None:
    order = OrderTicket("BTCUSDT", "SELL", "MARKET", "x", quote_quantity=D(50))
    assert failing(order) == set()
    assert failing(order, holdings=Holdings()) == {"BALANCE"}
    assert failing(order, holdings=Holdings(), prices=Prices()) == set()
    assert failing(replace(order, side="BUY"), holdings=Holdings(), prices=Prices()) == {"AVERAGE_PRICE", "BALANCE"}
    assert failing(order, filters(quoteOrderQtyMarketAllowed=False)) == {"ORDER_TYPE"}
    assert failing(replace(order, quote_quantity=None, quantity=D("NaN"))) == {"AMOUNT"}
    assert "LOT_SIZE" in failing(replace(order, quote_quantity=None, quantity=D(0)))
    assert failing(replace(order, quote_quantity=D("1e9"))) == {"LOT_SIZE", "MARKET_LOT_SIZE", "BALANCE"}


def test_what_the_account_has_need_not_be_asked() -> None:
    make = ExchangeFilters({"BTCUSDT": parse_rules(entry(POSITION))}, prices=lambda _: AT_100)
    rungs = make.checks(ticket(make.prepare_market_order("BTCUSDT", "BUY", quantity=5)))
    assert not {"BALANCE", "MAX_POSITION", "MAX_NUM_ORDERS"} & {check.filter for check in rungs}


def test_a_purchase_at_the_market_is_paid_at_the_ask() -> None:
    make = ExchangeFilters({"BTCUSDT": parse_rules(ENTRY)}, prices=lambda _: AT_100)
    assert isinstance(
        make.prepare_market_order("BTCUSDT", "BUY", quantity=1, holdings=Holdings(quote_free=D(100))), OrderTicket
    )
    poor = Holdings(quote_free=D("99.9"))
    assert denied(make.prepare_market_order("BTCUSDT", "BUY", quantity=1, holdings=poor)).filter == "BALANCE"
    unpriced = OrderTicket("BTCUSDT", "BUY", "MARKET", "x", quantity=D(1))
    assert failing(unpriced, make, prices=Prices(), holdings=poor) == {"AVERAGE_PRICE"}


def test_where_the_exchange_gives_a_reference_prices_are_measured_from_it() -> None:
    moved = replace(AT_100, reference=D(200))
    assert isinstance(MAKE.prepare_limit_order("BTCUSDT", "BUY", 200, 1, prices=moved), OrderTicket)
    assert denied(MAKE.prepare_limit_order("BTCUSDT", "BUY", 99, 1, prices=moved)).filter == "PERCENT_PRICE_BY_SIDE"


def test_an_amount_that_might_buy_too_much_were_the_price_to_fall_is_counted_in_base() -> None:
    assert ticket(MAKE.prepare_market_order("BTCUSDT", "BUY", 11_600)).quote_quantity == 11_600  # 118.32 of 119.27
    assert ticket(MAKE.prepare_market_order("BTCUSDT", "BUY", 11_900)).quantity == 119
