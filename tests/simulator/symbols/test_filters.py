"""Each filter lets through what its definition allows, and names itself for what it does not."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.simulator.symbols.cases import BITCOIN, limit, order, symbol

from thunes.simulator.request import OrderRequest, Refused
from thunes.simulator.symbols.filters import (
    FILTER_ORDER,
    Rules,
    View,
    check,
    check_amend,
    check_list,
    failure,
    failure_at_trigger,
)
from thunes.simulator.symbols.symbol import parse_limits

D = Decimal
AT_100 = View(average_price=D(100), last_price=D(100))

PRICE = {"filterType": "PRICE_FILTER", "minPrice": "0.756", "maxPrice": "1.404", "tickSize": "0.0001"}
LOT = {"filterType": "LOT_SIZE", "minQty": "0.003", "maxQty": "9", "stepSize": "0.002"}
MARKET_LOT = {"filterType": "MARKET_LOT_SIZE", "minQty": "0", "maxQty": "119.27356195", "stepSize": "0"}
PERCENT = {"filterType": "PERCENT_PRICE", "multiplierUp": "1.3", "multiplierDown": "0.7", "avgPriceMins": 5}
BY_SIDE = {
    "filterType": "PERCENT_PRICE_BY_SIDE",
    "bidMultiplierUp": "1.2",
    "bidMultiplierDown": "0.5",
    "askMultiplierUp": "2",
    "askMultiplierDown": "0.8",
    "avgPriceMins": 5,
}
NOTIONAL = {
    "filterType": "NOTIONAL",
    "minNotional": "10",
    "applyMinToMarket": True,
    "maxNotional": "9000",
    "applyMaxToMarket": False,
    "avgPriceMins": 5,
}
MIN_NOTIONAL = {"filterType": "MIN_NOTIONAL", "minNotional": "1", "applyToMarket": True, "avgPriceMins": 0}
ICEBERG = {"filterType": "ICEBERG_PARTS", "limit": 10}
POSITION = {"filterType": "MAX_POSITION", "maxPosition": "10"}
TRAILING = {
    "filterType": "TRAILING_DELTA",
    "minTrailingAboveDelta": 10,
    "maxTrailingAboveDelta": 2000,
    "minTrailingBelowDelta": 20,
    "maxTrailingBelowDelta": 1000,
}


def market(quantity: str, side: str = "BUY") -> OrderRequest:
    return order("MARKET", side, quantity=quantity)


def stop(price: str, kind: str = "STOP_LOSS", side: str = "SELL", quantity: str = "1") -> OrderRequest:
    return order(kind, side, quantity=quantity, stopPrice=price)


def trailing(kind: str, side: str, delta: str) -> OrderRequest:
    return order(kind, side, quantity="1", trailingDelta=delta)


@pytest.mark.parametrize(
    ("rule", "good", "bad"),
    [
        (PRICE, limit("1", "0.756"), limit("1", "0.7559")),
        (PRICE, limit("1", "1.404"), limit("1", "1.4041")),
        (PRICE, limit("1", "0.9001"), limit("1", "0.90005")),
        (PRICE, stop("0.756"), stop("0.7559")),
        (PRICE, market("1"), stop("1.4041")),
        (LOT, limit("0.004", "1"), limit("0.002", "1")),
        (LOT, limit("8", "1"), limit("10", "1")),
        (LOT, market("0.004"), market("0.003")),  # the grid starts at 0, not at the minimum
        (LOT, limit("4", "1", icebergQty="2"), limit("4", "1", icebergQty="2.001")),
        (MARKET_LOT, market("119.27356195"), market("119.27356196")),
        (MARKET_LOT, limit("120", "1"), market("120")),
        (MARKET_LOT, stop("1", quantity="120"), market("120")),
        (PERCENT, limit("1", "130"), limit("1", "130.01")),
        (PERCENT, limit("1", "70", "SELL"), limit("1", "69.99", "SELL")),
        (BY_SIDE, limit("1", "120"), limit("1", "120.01")),
        (BY_SIDE, limit("1", "50"), limit("1", "49.99")),
        (BY_SIDE, limit("1", "200", "SELL"), limit("1", "200.01", "SELL")),
        (BY_SIDE, limit("1", "80", "SELL"), limit("1", "79.99", "SELL")),
        (BY_SIDE, stop("1"), order("LIMIT_MAKER", quantity="1", price="300")),
        (NOTIONAL, limit("0.1", "100"), limit("0.1", "99.99")),
        (NOTIONAL, limit("90", "100"), limit("90", "100.01")),
        (NOTIONAL, market("0.1"), market("0.09999")),
        (NOTIONAL, market("1000"), limit("1000", "100")),  # the maximum is not for market orders
        (NOTIONAL, stop("10"), stop("9.99")),
        (NOTIONAL, order("MARKET", quoteOrderQty="10"), order("MARKET", quoteOrderQty="9.99")),
        (
            NOTIONAL,
            trailing("STOP_LOSS", "SELL", "10"),
            replace(trailing("STOP_LOSS", "SELL", "10"), quantity=D("0.09")),
        ),
        (MIN_NOTIONAL, limit("0.01", "100"), limit("0.00999", "100")),
        (MIN_NOTIONAL, market("0.01"), market("0.00999")),
        (ICEBERG, limit("10", "1", icebergQty="1"), limit("10.00001", "1", icebergQty="1")),
        (POSITION, limit("4", "1"), limit("4.00001", "1")),
        (POSITION, limit("99", "1", "SELL"), limit("99", "1")),
        (TRAILING, trailing("STOP_LOSS", "BUY", "10"), trailing("STOP_LOSS", "BUY", "9")),
        (TRAILING, trailing("TAKE_PROFIT", "SELL", "2000"), trailing("TAKE_PROFIT", "SELL", "2001")),
        (TRAILING, trailing("STOP_LOSS", "SELL", "20"), trailing("STOP_LOSS", "SELL", "10")),
        (TRAILING, trailing("TAKE_PROFIT", "BUY", "1000"), trailing("TAKE_PROFIT", "BUY", "1001")),
    ],
)
def test_a_filter_passes_one_order_and_fails_the_next(
    rule: dict[str, Any], good: OrderRequest, bad: OrderRequest
) -> None:
    view = replace(AT_100, base_total=D("3.5"), open_buys=D("2.5"))
    assert failure(symbol(rule), (good,), view) is None
    assert failure(symbol(rule), (bad,), view) == rule["filterType"]


def test_a_market_order_is_refused_at_the_average_though_the_last_price_would_do() -> None:
    seen = View(average_price=D("23.30"), last_price=D("23.93"))  # 0.428 × 23.93 = 10.24, 0.428 × 23.30 = 9.97
    assert failure(symbol(NOTIONAL), (market("0.428"),), seen) == "NOTIONAL"
    of_last = {**NOTIONAL, "avgPriceMins": 0}
    assert failure(symbol(of_last), (market("0.428"),), seen) is None


def test_the_reference_price_comes_before_average_and_last() -> None:
    low = View(average_price=D(100), last_price=D(100), reference_price=D(9))
    assert failure(symbol(NOTIONAL), (market("1"),), low) == "NOTIONAL"
    assert failure(symbol(BY_SIDE), (limit("1", "100"),), low) == "PERCENT_PRICE_BY_SIDE"


def test_a_symbol_that_never_traded_takes_limits_at_any_price_and_no_market_orders() -> None:
    assert failure(symbol(BY_SIDE, NOTIONAL), (limit("1", "777"),), View()) is None
    assert failure(symbol(BY_SIDE, NOTIONAL), (market("1"),), View()) == "NOTIONAL"
    unbounded = {**NOTIONAL, "applyMinToMarket": False}
    assert failure(symbol(unbounded), (market("1"),), View()) is None


def test_zero_switches_a_bound_off() -> None:
    off = {"filterType": "PRICE_FILTER", "minPrice": "0", "maxPrice": "0", "tickSize": "0"}
    assert failure(symbol(off), (limit("1", "0.00000007"),), AT_100) is None
    lot = {"filterType": "LOT_SIZE", "minQty": "0", "maxQty": "0", "stepSize": "0"}
    assert failure(symbol(lot), (market("0.00000007"),), AT_100) is None
    assert failure(symbol(lot), (market("1"),), AT_100, Rules(zero_disables_lot_size=False)) == "LOT_SIZE"


def test_the_undocumented_notionals_are_switches() -> None:
    stopped, quoted = stop("9.99"), order("MARKET", quoteOrderQty="9.99")
    assert failure(symbol(NOTIONAL), (stopped,), AT_100, Rules(stop_notional="market_price")) is None
    assert failure(symbol(NOTIONAL), (quoted,), AT_100, Rules(quote_notional=False)) is None


COUNTS = {
    "MAX_NUM_ORDERS": ("maxNumOrders", "orders", limit("1", "1")),
    "MAX_NUM_ALGO_ORDERS": ("maxNumAlgoOrders", "algo_orders", stop("1")),
    "MAX_NUM_ICEBERG_ORDERS": ("maxNumIcebergOrders", "iceberg_orders", limit("4", "1", icebergQty="2")),
}


@pytest.mark.parametrize("name", COUNTS)
def test_one_more_open_order_than_the_limit_is_refused(name: str) -> None:
    key, counted, request = COUNTS[name]
    here = symbol({"filterType": name, key: 5})
    assert failure(here, (request,), View(**{counted: 4})) is None
    assert failure(here, (request,), View(**{counted: 5})) == name


@pytest.mark.parametrize("name", COUNTS)
def test_one_more_open_order_than_the_account_may_have_is_refused(name: str) -> None:
    key, counted, request = COUNTS[name]
    limits = parse_limits([{"filterType": f"EXCHANGE_{name}", key: 5}])
    assert failure(symbol(), (request,), View(**{f"account_{counted}": 4}, limits=limits)) is None
    assert failure(symbol(), (request,), View(**{f"account_{counted}": 5}, limits=limits)) == f"EXCHANGE_{name}"


def test_orders_of_another_kind_do_not_count() -> None:
    full = symbol({"filterType": "MAX_NUM_ALGO_ORDERS", "maxNumAlgoOrders": 5})
    assert failure(full, (limit("1", "1"),), View(algo_orders=5)) is None


def test_an_asset_has_a_most_of_one_order_as_base_and_as_quote() -> None:
    base = parse_limits([{"filterType": "MAX_ASSET", "asset": "BTC", "limit": "2"}])
    quote = parse_limits([{"filterType": "MAX_ASSET", "asset": "USDT", "limit": "42"}])
    assert failure(symbol(), (market("2"),), View(limits=base)) is None
    assert failure(symbol(), (market("2.00001"),), View(limits=base)) == "MAX_ASSET"
    assert failure(symbol(), (limit("1", "42"),), View(limits=quote)) is None
    assert failure(symbol(), (limit("1", "42.01"),), View(limits=quote)) == "MAX_ASSET"
    assert failure(symbol(), (market("1"),), View(last_price=D(43), limits=quote)) == "MAX_ASSET"


def test_of_several_failures_the_first_in_order_is_named() -> None:
    here, both = symbol(LOT, NOTIONAL), (limit("0.001", "1"),)
    assert failure(here, both, AT_100) == "LOT_SIZE"
    assert failure(here, both, AT_100, Rules(order=FILTER_ORDER[::-1])) == "NOTIONAL"


def test_a_failure_is_told_with_the_exchange_s_words() -> None:
    with pytest.raises(Refused) as refused:
        check(BITCOIN, market("0.000001"), AT_100)
    assert (refused.value.status, refused.value.code) == (400, -1013)
    assert refused.value.message == "Filter failure: LOT_SIZE"


def test_an_order_that_keeps_every_filter_is_let_through() -> None:
    check(BITCOIN, limit("0.1", "100"), AT_100)
    check(BITCOIN, order("MARKET", quoteOrderQty="10"), AT_100)


def test_a_market_order_by_quote_is_judged_by_the_quantity_found_for_it() -> None:
    found = replace(order("MARKET", quoteOrderQty="50"), quantity=D("0.5000001"))
    with pytest.raises(Refused, match="LOT_SIZE"):
        check(BITCOIN, found, AT_100)


def test_an_iceberg_shows_no_more_than_it_has() -> None:
    check(BITCOIN, limit("0.1", "100", icebergQty="0.1"), AT_100)
    with pytest.raises(Refused, match="IcebergQty exceeds QTY") as refused:
        check(BITCOIN, limit("0.1", "100", icebergQty="0.2"), AT_100)
    assert refused.value.code == -2010


OCO = (limit("1", "100", "SELL"), stop("90"))


@pytest.mark.parametrize(
    ("view", "name"),
    [
        (View(orders=199), "MAX_NUM_ORDERS"),
        (View(algo_orders=5), "MAX_NUM_ALGO_ORDERS"),
        (View(order_lists=20), "MAX_NUM_ORDER_LISTS"),
    ],
)
def test_a_list_is_refused_as_a_whole_when_its_orders_would_be_too_many(view: View, name: str) -> None:
    view = replace(view, average_price=D(100))
    room = replace(view, orders=view.orders and 198, algo_orders=view.algo_orders and 4)
    check_list(BITCOIN, OCO, replace(room, order_lists=view.order_lists and 19))
    check(BITCOIN, OCO[0], view)
    with pytest.raises(Refused, match=f"{name}$"):
        check_list(BITCOIN, OCO, view)


def test_a_list_is_refused_when_one_of_its_orders_is() -> None:
    with pytest.raises(Refused, match="PRICE_FILTER"):
        check_list(BITCOIN, (OCO[0], stop("90.001")), AT_100)
    with pytest.raises(Refused, match="IcebergQty"):
        check_list(BITCOIN, (limit("1", "100", "SELL", icebergQty="2"), OCO[1]), AT_100)


def amend(new: str, amends: int = 0, view: View = AT_100) -> None:
    check_amend(BITCOIN, limit("1", "100"), D(new), amends, view)


def test_an_amended_order_may_only_shrink() -> None:
    amend("0.5")
    with pytest.raises(Refused, match="would change no state") as same:
        amend("1")
    with pytest.raises(Refused, match=r"\(quantity increase\) is not supported") as more:
        amend("1.1")
    assert same.value.code == more.value.code == -2038


def test_an_amended_order_must_still_pass_the_filters() -> None:
    with pytest.raises(Refused, match="Filter failure: NOTIONAL") as refused:
        amend("0.04")
    assert refused.value.code == -1013


def test_an_order_is_amended_ten_times_at_most() -> None:
    amend("0.5", amends=9)
    with pytest.raises(Refused, match="Filter failure: MAX_NUM_ORDER_AMENDS") as refused:
        amend("0.5", amends=10)
    assert refused.value.code == -2038


def test_an_amended_order_is_not_counted_twice() -> None:
    amend("0.5", view=replace(AT_100, orders=200, account_orders=10**6))


def test_a_symbol_without_amendments_says_so() -> None:
    with pytest.raises(Refused, match="amend is not supported") as refused:
        check_amend(symbol(amendAllowed=False), limit("1", "100"), D("0.5"), 0, AT_100)
    assert refused.value.code == -2038


def test_a_triggered_stop_is_judged_as_the_market_order_it_becomes() -> None:
    big, small = stop("90", quantity="200"), stop("90", quantity="0.06")
    view = replace(AT_100, orders=200, algo_orders=5)
    assert failure_at_trigger(BITCOIN, big, view) == "MARKET_LOT_SIZE"
    assert failure_at_trigger(BITCOIN, small, view) is None
    assert failure_at_trigger(BITCOIN, small, replace(view, average_price=D(80))) == "NOTIONAL"
    assert failure_at_trigger(BITCOIN, limit("200", "1"), view) is None


@settings(max_examples=50)
@given(
    st.decimals(0, 10**20 - 1, places=20, allow_nan=False, allow_infinity=False),
    st.decimals(0, 10**20 - 1, places=20, allow_nan=False, allow_infinity=False),
)
def test_no_number_that_can_be_sent_is_too_long_for_the_filters(quantity: Decimal, price: Decimal) -> None:
    view = replace(AT_100, reference_price=D("0.00000000000000000001"))
    everything = symbol(PRICE, LOT, MARKET_LOT, PERCENT, BY_SIDE, NOTIONAL, MIN_NOTIONAL, ICEBERG, POSITION)
    request = replace(limit("1", "1", icebergQty="1"), quantity=quantity, price=price)
    product = int(quantity.scaleb(20)) * int(price.scaleb(20))  # scaled by 10^40
    alone = failure(symbol(NOTIONAL), (request,), view)
    assert (alone is None) == (10 * 10**40 <= product <= 9000 * 10**40)
    assert failure(everything, (request,), view) is not None or alone is None
