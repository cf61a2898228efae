"""Order lists over HTTP: a pair (OCO), one that follows another (OTO), a pair that follows (OTOCO)."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from binance.exceptions import BinanceAPIException
from tests.contracts import shapes
from tests.contracts.test_market_data import assert_shape
from tests.contracts.venue import LocalVenue, Market, Venue, new_id

Parameters = dict[str, Any]


def exits(market: Market, prefix: str = "") -> Parameters:
    """A seller's take-profit above the market and stop below it; parameter names begin with `prefix`."""
    above, below = (prefix + "Above", prefix + "Below") if prefix else ("above", "below")
    stop = market.price("0.95")
    return {
        f"{above}Type": "LIMIT_MAKER",
        f"{above}Price": market.price("1.05"),
        f"{below}Type": "STOP_LOSS_LIMIT",
        f"{below}StopPrice": stop,
        f"{below}Price": market.price("0.94"),
        f"{below}TimeInForce": "GTC",
    }


def pair(market: Market) -> Parameters:
    quantity = market.quantity(market.below(), "2")
    named = {"symbol": market.name, "side": "SELL", "quantity": quantity, "listClientOrderId": new_id("list")}
    return {**named, **exits(market)}


def working(market: Market, price: str, kind: str = "LIMIT") -> Parameters:
    """The order that comes first: a buyer."""
    order = {"workingType": kind, "workingSide": "BUY", "workingPrice": price}
    if kind == "LIMIT":
        order["workingTimeInForce"] = "GTC"
    quantity = market.quantity(market.below(), "3")
    return {"symbol": market.name, **order, "workingQuantity": quantity, "listClientOrderId": new_id("list")}


def follower(market: Market) -> Parameters:
    """One seller that waits for the buyer; less, because the buyer pays commission in what it buys."""
    price = market.above()
    order = {"pendingType": "LIMIT", "pendingSide": "SELL", "pendingPrice": price, "pendingTimeInForce": "GTC"}
    return {**order, "pendingQuantity": market.quantity(market.below(), "2")}


def following_pair(market: Market) -> Parameters:
    quantity = market.quantity(market.below(), "2")
    return {"pendingSide": "SELL", "pendingQuantity": quantity, **exits(market, "pending")}


def statuses(answer: Parameters) -> list[str]:
    return [report["status"] for report in answer["orderReports"]]


# A pair


def test_a_pair_waits_on_both_sides_of_the_market(venue: Venue) -> None:
    sent = pair(venue.market)
    answer = venue.client.create_oco_order(**sent)
    assert_shape(venue, answer, shapes.PLACED_LIST)
    assert (answer["contingencyType"], answer["listStatusType"]) == ("OCO", "EXEC_STARTED")
    assert (answer["listOrderStatus"], answer["listClientOrderId"]) == ("EXECUTING", sent["listClientOrderId"])
    assert {report["type"] for report in answer["orderReports"]} == {"LIMIT_MAKER", "STOP_LOSS_LIMIT"}
    assert {report["orderListId"] for report in answer["orderReports"]} == {answer["orderListId"]}


def test_a_pair_locks_its_quantity_once(venue: Venue) -> None:
    before, sent = venue.free(venue.market.base), pair(venue.market)
    venue.client.create_oco_order(**sent)
    assert venue.free(venue.market.base) == before - Decimal(sent["quantity"])


def test_a_list_is_found_by_its_number_and_among_the_open_ones(venue: Venue) -> None:
    placed = venue.client.create_oco_order(**pair(venue.market))
    found = venue.client._get("orderList", signed=True, data={"orderListId": placed["orderListId"]})
    assert_shape(venue, found, shapes.ORDER_LIST)
    by_id = venue.client._get("orderList", signed=True, data={"origClientOrderId": placed["listClientOrderId"]})
    assert by_id == found
    still_open = venue.client.get_open_oco_orders()
    assert_shape(venue, still_open, [shapes.ORDER_LIST])
    assert placed["orderListId"] in {one["orderListId"] for one in still_open}
    every = venue.client._get("allOrderList", signed=True, data={"fromId": placed["orderListId"]})
    assert placed["orderListId"] in {one["orderListId"] for one in every}


def test_a_list_is_cancelled_whole(venue: Venue) -> None:
    placed = venue.client.create_oco_order(**pair(venue.market))
    named = {"symbol": venue.symbol, "orderListId": placed["orderListId"]}
    answer = venue.client._delete("orderList", signed=True, data=named)
    assert_shape(venue, answer, shapes.CANCELLED_LIST)
    assert (answer["listStatusType"], answer["listOrderStatus"]) == ("ALL_DONE", "ALL_DONE")
    assert statuses(answer) == ["CANCELED"] * 2
    assert venue.client.get_open_orders(symbol=venue.symbol) == []


def test_cancelling_one_of_a_pair_cancels_the_other(venue: Venue) -> None:
    placed = venue.client.create_oco_order(**pair(venue.market))
    one = placed["orderReports"][0]
    answer = venue.client.cancel_order(symbol=venue.symbol, orderId=one["orderId"])
    assert_shape(venue, answer, shapes.CANCELLED_LIST)
    assert venue.client.get_open_orders(symbol=venue.symbol) == []


def test_all_open_orders_end_with_their_list(venue: Venue) -> None:
    placed = venue.client.create_oco_order(**pair(venue.market))
    answer = venue.client.cancel_all_open_orders(symbol=venue.symbol)
    assert_shape(venue, answer, [shapes.CANCELLED_LIST])
    assert [one["orderListId"] for one in answer] == [placed["orderListId"]]


def test_a_pair_on_one_side_of_the_market_is_refused(venue: Venue) -> None:
    wrong = {**pair(venue.market), "abovePrice": venue.market.price("0.96")}
    with pytest.raises(BinanceAPIException) as refused:
        venue.client.create_oco_order(**wrong)
    assert (refused.value.code, refused.value.status_code) == (-2010, 400)


def test_the_old_names_of_a_pair_are_still_understood(venue: Venue) -> None:
    market = venue.market
    sent = {"symbol": market.name, "side": "SELL", "quantity": market.quantity(market.below(), "2")}
    prices = {"price": market.price("1.05"), "stopPrice": market.price("0.95"), "stopLimitPrice": market.price("0.94")}
    answer = venue.client._post("order/oco", signed=True, data={**sent, **prices, "stopLimitTimeInForce": "GTC"})
    assert_shape(venue, answer, shapes.PLACED_LIST)
    assert answer["contingencyType"] == "OCO"


@pytest.mark.loopback
def test_when_one_of_a_pair_fills_the_other_expires(sliding: Callable[[float], LocalVenue]) -> None:
    local = sliding(10)
    _, ask = local.market.best()
    near = local.market.price("1.002", ask)
    placed = local.client.create_oco_order(**{**pair(local.market), "abovePrice": near})
    local.exchange.advance(bars=10)
    ends = {}
    for report in placed["orderReports"]:
        found = local.client.get_order(symbol=local.symbol, orderId=report["orderId"])
        ends[found["type"]] = found["status"]
    assert ends == {"LIMIT_MAKER": "FILLED", "STOP_LOSS_LIMIT": "EXPIRED"}


# One that follows another


def test_what_follows_waits_for_what_comes_first(venue: Venue) -> None:
    market = venue.market
    sent = {**working(market, market.below()), **follower(market)}
    answer = venue.client._post("orderList/oto", signed=True, data=sent)
    assert_shape(venue, answer, shapes.PLACED_LIST)
    assert answer["contingencyType"] == "OTO"
    assert sorted(statuses(answer)) == ["NEW", "PENDING_NEW"]
    pending = next(report for report in answer["orderReports"] if report["status"] == "PENDING_NEW")
    assert pending["workingTime"] == -1


def test_what_follows_is_placed_when_the_first_is_filled(venue: Venue) -> None:
    market = venue.market
    sent = {**working(market, market.price("1.01")), **follower(market)}
    answer = venue.client._post("orderList/oto", signed=True, data=sent)
    waiting = venue.client.get_open_orders(symbol=venue.symbol)
    assert [(order["side"], order["status"]) for order in waiting] == [("SELL", "NEW")]
    assert waiting[0]["orderListId"] == answer["orderListId"]


def test_a_pair_waits_for_what_comes_first(venue: Venue) -> None:
    market = venue.market
    sent = {**working(market, market.below(), "LIMIT_MAKER"), **following_pair(market)}
    answer = venue.client._post("orderList/otoco", signed=True, data=sent)
    assert_shape(venue, answer, shapes.PLACED_LIST)
    assert sorted(statuses(answer)) == ["NEW", "PENDING_NEW", "PENDING_NEW"]


def test_a_pair_is_placed_when_the_first_is_filled(venue: Venue) -> None:
    market = venue.market
    sent = {**working(market, market.price("1.01")), **following_pair(market)}
    venue.client.v3_post_order_list_otoco(**sent)
    waiting = venue.client.get_open_orders(symbol=venue.symbol)
    assert {order["type"] for order in waiting} == {"LIMIT_MAKER", "STOP_LOSS_LIMIT"}
    assert {order["status"] for order in waiting} == {"NEW"}


def test_a_cancelled_first_takes_what_follows_along(venue: Venue) -> None:
    market = venue.market
    placed = venue.client._post(
        "orderList/oto", signed=True, data={**working(market, market.below()), **follower(market)}
    )
    first = next(report for report in placed["orderReports"] if report["status"] == "NEW")
    venue.client.cancel_order(symbol=venue.symbol, orderId=first["orderId"])
    found = venue.client._get("orderList", signed=True, data={"orderListId": placed["orderListId"]})
    assert found["listOrderStatus"] == "ALL_DONE"
    assert venue.client.get_open_orders(symbol=venue.symbol) == []
