"""Orders of every type over HTTP: what each is answered, and how it is found, cancelled, replaced and amended."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from binance.exceptions import BinanceAPIException
from tests.contracts import shapes
from tests.contracts.test_market_data import assert_shape
from tests.contracts.venue import LocalVenue, Venue, new_id

FILLED = ("FILLED", "PARTIALLY_FILLED", "EXPIRED")  # a thin book may not hold all that is wanted


def placed(venue: Venue, order: dict[str, Any]) -> dict[str, Any]:
    answer: dict[str, Any] = venue.client.create_order(**order)
    return answer


def looked_up(venue: Venue, order: dict[str, Any]) -> dict[str, Any]:
    """The order as GET order tells it, by its number."""
    found: dict[str, Any] = venue.client.get_order(symbol=venue.symbol, orderId=order["orderId"])
    return found


def assert_filled(answer: dict[str, Any]) -> None:
    """Executed quantities are those of the fills."""
    assert answer["status"] == "FILLED", answer
    assert Decimal(answer["executedQty"]) == sum(Decimal(fill["qty"]) for fill in answer["fills"]) > 0
    spent = sum(Decimal(fill["qty"]) * Decimal(fill["price"]) for fill in answer["fills"])
    assert Decimal(answer["cummulativeQuoteQty"]) == spent


# Every type


def test_a_limit_order_waits_in_the_book(venue: Venue) -> None:
    order = venue.market.resting()
    answer = placed(venue, order)
    assert_shape(venue, answer, shapes.FULL)
    assert answer["clientOrderId"] == order["newClientOrderId"]
    assert (answer["status"], answer["fills"], answer["orderListId"]) == ("NEW", [], -1)
    for sent, told in (("price", "price"), ("quantity", "origQty")):
        assert Decimal(answer[told]) == Decimal(order[sent])
    assert answer["workingTime"] == answer["transactTime"]


def test_a_limit_order_across_the_book_is_filled_at_once(venue: Venue) -> None:
    order = venue.market.crossing()
    answer = placed(venue, order)
    assert_shape(venue, answer, shapes.FULL)
    assert_filled(answer)
    assert all(Decimal(fill["price"]) <= Decimal(order["price"]) for fill in answer["fills"])


def test_an_ioc_order_that_finds_nothing_expires(venue: Venue) -> None:
    answer = placed(venue, venue.market.resting(timeInForce="IOC"))
    assert_shape(venue, answer, shapes.FULL)
    assert (answer["status"], answer["expiryReason"]) == ("EXPIRED", "UNFILLED_IOC_QUANTITY_EXPIRED")
    assert looked_up(venue, answer)["status"] == "EXPIRED"


def test_an_ioc_order_takes_what_is_there(venue: Venue) -> None:
    assert placed(venue, venue.market.crossing(timeInForce="IOC"))["status"] in FILLED


def test_a_fok_order_that_cannot_be_filled_expires_whole(venue: Venue) -> None:
    answer = placed(venue, venue.market.resting(timeInForce="FOK"))
    assert (answer["status"], answer["expiryReason"]) == ("EXPIRED", "UNFILLED_FOK_ORDER_EXPIRED")
    assert Decimal(answer["executedQty"]) == 0


def test_a_fok_order_is_filled_whole(venue: Venue) -> None:
    assert_filled(placed(venue, venue.market.crossing(timeInForce="FOK")))


@pytest.mark.parametrize("side", ["BUY", "SELL"])
def test_a_market_order_by_quantity(venue: Venue, side: str) -> None:
    order = venue.market.market(side)
    answer = placed(venue, order)
    assert_shape(venue, answer, shapes.FULL)
    assert_filled(answer)
    assert Decimal(answer["executedQty"]) == Decimal(order["quantity"])
    assert Decimal(answer["price"]) == 0


@pytest.mark.parametrize("side", ["BUY", "SELL"])
def test_a_market_order_by_what_it_costs(venue: Venue, side: str) -> None:
    market = venue.market
    amount = str(market.least * 2)
    order = {"symbol": market.name, "side": side, "type": "MARKET", "quoteOrderQty": amount}
    answer = placed(venue, order)
    assert_filled(answer)
    assert Decimal(answer["origQuoteOrderQty"]) == Decimal(amount)
    assert Decimal(answer["executedQty"]) % market.step == 0
    spent = Decimal(answer["cummulativeQuoteQty"])
    assert spent <= Decimal(amount) if side == "BUY" else spent > 0


def test_a_buyer_pays_commission_in_what_was_bought(venue: Venue) -> None:
    answer = placed(venue, venue.market.market())
    assets = {fill["commissionAsset"] for fill in answer["fills"]}
    assert assets <= {venue.market.base, "BNB"}
    assert all(Decimal(fill["commission"]) >= 0 for fill in answer["fills"])


def test_a_limit_maker_order_waits(venue: Venue) -> None:
    order = venue.market.resting(type="LIMIT_MAKER", newOrderRespType="RESULT")
    del order["timeInForce"]
    answer = placed(venue, order)
    assert_shape(venue, answer, shapes.RESULT)
    assert (answer["status"], answer["type"]) == ("NEW", "LIMIT_MAKER")


STOPS = [("STOP_LOSS", "SELL"), ("STOP_LOSS", "BUY"), ("TAKE_PROFIT", "SELL"), ("TAKE_PROFIT", "BUY")]


def stop_price(venue: Venue, kind: str, side: str) -> str:
    """Where such an order waits: above the market or below it."""
    over = (kind.startswith("STOP_LOSS"), side) in ((True, "BUY"), (False, "SELL"))
    return venue.market.price("1.05" if over else "0.95")


@pytest.mark.parametrize(("kind", "side"), STOPS)
def test_a_stop_order_is_acknowledged_and_waits(venue: Venue, kind: str, side: str) -> None:
    stop = stop_price(venue, kind, side)
    order = {"symbol": venue.symbol, "side": side, "type": kind, "stopPrice": stop}
    answer = placed(venue, {**order, "quantity": venue.market.quantity(stop, "2"), "newClientOrderId": new_id()})
    assert_shape(venue, answer, shapes.ACK)
    found = looked_up(venue, answer)
    assert_shape(venue, found, shapes.ORDER)
    assert (found["status"], found["isWorking"], found["workingTime"]) == ("NEW", False, -1)
    assert Decimal(found["stopPrice"]) == Decimal(stop)


@pytest.mark.parametrize(("kind", "side"), STOPS)
def test_a_stop_limit_order_waits_with_its_price(venue: Venue, kind: str, side: str) -> None:
    stop = stop_price(venue, kind, side)
    order = venue.market.resting(side, type=kind + "_LIMIT", stopPrice=stop, price=stop, newOrderRespType="RESULT")
    answer = placed(venue, {**order, "quantity": venue.market.quantity(stop, "2")})
    assert_shape(venue, answer, shapes.RESULT)
    assert (answer["status"], Decimal(answer["price"]), Decimal(answer["stopPrice"])) == ("NEW", *[Decimal(stop)] * 2)


def test_a_trailing_stop_says_by_how_much(venue: Venue) -> None:
    order = {"symbol": venue.symbol, "side": "SELL", "type": "STOP_LOSS", "trailingDelta": 500}
    quantity = venue.market.quantity(venue.market.below(), "2")
    answer = placed(venue, {**order, "quantity": quantity, "newOrderRespType": "RESULT"})
    assert_shape(venue, answer, shapes.RESULT)
    assert answer["trailingDelta"] == 500
    assert shapes.TIME(answer["trailingTime"])


def test_an_iceberg_shows_its_parts(venue: Venue) -> None:
    price = venue.market.below()
    quantity = venue.market.quantity(price, "4")
    answer = placed(
        venue, venue.market.resting(price=price, quantity=quantity, icebergQty=venue.market.quantity(price))
    )
    assert_shape(venue, answer, shapes.FULL)
    assert Decimal(answer["icebergQty"]) > 0


@pytest.mark.parametrize(("kind", "shape"), [("ACK", shapes.ACK), ("RESULT", shapes.RESULT), ("FULL", shapes.FULL)])
def test_the_answer_is_as_long_as_asked_for(venue: Venue, kind: str, shape: Any) -> None:
    assert_shape(venue, placed(venue, venue.market.market(newOrderRespType=kind)), shape)


def test_labels_of_a_strategy_come_back(venue: Venue) -> None:
    answer = placed(venue, venue.market.resting(strategyId=7, strategyType=1_000_001))
    assert (answer["strategyId"], answer["strategyType"]) == (7, 1_000_001)


def test_an_order_without_an_id_is_given_one_by_the_client(venue: Venue) -> None:
    order = venue.market.resting()
    del order["newClientOrderId"]
    assert placed(venue, order)["clientOrderId"].startswith("x-HNA2TXFJ")


# Trying


def test_a_test_order_leaves_nothing_behind(venue: Venue) -> None:
    order = venue.market.resting()
    assert venue.client.create_test_order(**order) == {}
    with pytest.raises(BinanceAPIException, match="Order does not exist"):
        venue.client.get_order(symbol=venue.symbol, origClientOrderId=order["newClientOrderId"])


def test_a_test_order_tells_what_commission_it_would_pay(venue: Venue) -> None:
    told = venue.client.create_test_order(**venue.market.resting(), computeCommissionRates="true")
    assert_shape(venue, told, shapes.ORDER_COMMISSION)


# Finding


def test_an_order_is_found_by_its_number_and_by_its_id(venue: Venue) -> None:
    answer = placed(venue, venue.market.resting())
    by_number = looked_up(venue, answer)
    assert_shape(venue, by_number, shapes.ORDER)
    assert by_number["isWorking"]
    by_id = venue.client.get_order(symbol=venue.symbol, origClientOrderId=answer["clientOrderId"])
    assert by_id == by_number


def test_open_orders_are_those_that_wait(venue: Venue) -> None:
    waiting = [placed(venue, venue.market.resting(side)) for side in ("BUY", "SELL")]
    placed(venue, venue.market.market())
    found = venue.client.get_open_orders(symbol=venue.symbol)
    assert_shape(venue, found, [shapes.ORDER])
    assert {order["orderId"] for order in found} == {order["orderId"] for order in waiting}
    assert {order["orderId"] for order in venue.client.get_open_orders()} >= {order["orderId"] for order in waiting}


def test_all_orders_are_listed_by_number(venue: Venue) -> None:
    first, second = (placed(venue, order) for order in (venue.market.resting(), venue.market.market()))
    found = venue.client.get_all_orders(symbol=venue.symbol, orderId=first["orderId"])
    assert_shape(venue, found, [shapes.ORDER])
    assert [order["orderId"] for order in found] == [first["orderId"], second["orderId"]]


# Cancelling


def test_a_cancel_renames_the_order(venue: Venue) -> None:
    order, name = placed(venue, venue.market.resting()), new_id("cancel")
    answer = venue.client.cancel_order(symbol=venue.symbol, orderId=order["orderId"], newClientOrderId=name)
    assert_shape(venue, answer, shapes.CANCELLED)
    assert (answer["status"], answer["origClientOrderId"], answer["clientOrderId"]) == (
        *("CANCELED", order["clientOrderId"], name),
    )
    assert looked_up(venue, order)["status"] == "CANCELED"
    assert venue.client.get_open_orders(symbol=venue.symbol) == []


def test_a_cancel_by_id_frees_what_was_locked(venue: Venue) -> None:
    before = venue.free(venue.market.quote)
    order = placed(venue, venue.market.resting())
    assert venue.free(venue.market.quote) == before - Decimal(order["price"]) * Decimal(order["origQty"])
    venue.client.cancel_order(symbol=venue.symbol, origClientOrderId=order["clientOrderId"])
    assert venue.free(venue.market.quote) == before


def test_all_open_orders_are_cancelled_at_once(venue: Venue) -> None:
    waiting = [placed(venue, venue.market.resting(side)) for side in ("BUY", "SELL")]
    answer = venue.client.cancel_all_open_orders(symbol=venue.symbol)
    assert_shape(venue, answer, [shapes.CANCELLED])
    assert {order["orderId"] for order in answer} == {order["orderId"] for order in waiting}
    assert venue.client.get_open_orders(symbol=venue.symbol) == []


# Replacing and amending


def swap(venue: Venue, order: dict[str, Any], **more: Any) -> dict[str, Any]:
    """What cancelReplace is sent to replace an order by a like one."""
    wanted = {"cancelReplaceMode": "STOP_ON_FAILURE", "cancelOrderId": order["orderId"], **venue.market.resting()}
    return {**wanted, **more}


def test_one_order_replaces_another(venue: Venue) -> None:
    old = placed(venue, venue.market.resting())
    answer = venue.client.cancel_replace_order(**swap(venue, old))
    assert_shape(venue, answer, shapes.REPLACED)
    assert answer["cancelResponse"]["orderId"] == old["orderId"]
    waiting = venue.client.get_open_orders(symbol=venue.symbol)
    assert [order["orderId"] for order in waiting] == [answer["newOrderResponse"]["orderId"]]


def test_a_replacement_without_anything_to_cancel_is_not_attempted(venue: Venue) -> None:
    gone = placed(venue, venue.market.market())
    with pytest.raises(BinanceAPIException) as refused:
        venue.client.cancel_replace_order(**swap(venue, gone))
    assert (refused.value.code, refused.value.status_code) == (-2022, 400)
    told = refused.value.response.json()["data"]
    assert (told["cancelResult"], told["newOrderResult"]) == ("FAILURE", "NOT_ATTEMPTED")
    assert told["cancelResponse"]["code"] == -2011
    assert told["newOrderResponse"] is None


def test_a_replacement_may_go_on_where_the_cancel_failed(venue: Venue) -> None:
    gone = placed(venue, venue.market.market())
    with pytest.raises(BinanceAPIException) as half:
        venue.client.cancel_replace_order(**swap(venue, gone, cancelReplaceMode="ALLOW_FAILURE"))
    assert (half.value.code, half.value.status_code) == (-2021, 409)
    told = half.value.response.json()["data"]
    assert (told["cancelResult"], told["newOrderResult"]) == ("FAILURE", "SUCCESS")
    assert_shape(venue, told["newOrderResponse"], shapes.FULL)


def test_an_amended_order_keeps_its_place_and_loses_quantity(venue: Venue) -> None:
    price = venue.market.below()
    order = placed(venue, venue.market.resting(price=price, quantity=venue.market.quantity(price, "4")))
    less, name = venue.market.quantity(price, "2"), new_id("amend")
    named = {"symbol": venue.symbol, "orderId": order["orderId"], "newQty": less, "newClientOrderId": name}
    answer = venue.client._put("order/amend/keepPriority", signed=True, data=named)
    assert_shape(venue, answer, shapes.AMENDED)
    amended = answer["amendedOrder"]
    assert (amended["orderId"], amended["clientOrderId"]) == (order["orderId"], name)
    assert Decimal(amended["qty"]) == Decimal(less)
    found = venue.client._get(
        "order/amendments", signed=True, data={"symbol": venue.symbol, "orderId": order["orderId"]}
    )
    assert_shape(venue, found, [shapes.AMENDMENT])
    assert [Decimal(row["newQty"]) for row in found] == [Decimal(less)]


# What only a market that moves by hand can show


@pytest.mark.loopback
def test_a_resting_order_is_filled_when_the_price_comes(sliding: Callable[[float], LocalVenue]) -> None:
    local = sliding(-10)
    bid, _ = local.market.best()
    price = local.market.price("0.998", bid)
    order = placed(local, local.market.resting(price=price, quantity=local.market.quantity(price)))
    assert order["status"] == "NEW"
    local.exchange.advance(bars=10)
    found = looked_up(local, order)
    assert found["status"] == "FILLED"
    trades = local.client.get_my_trades(symbol=local.symbol, orderId=order["orderId"])
    assert all(trade["isMaker"] and trade["isBuyer"] for trade in trades)


@pytest.mark.loopback
@pytest.mark.parametrize("trigger", ["stopPrice", "trailingDelta"])
def test_a_stop_is_triggered_when_the_price_comes(sliding: Callable[[float], LocalVenue], trigger: str) -> None:
    local = sliding(-10)
    bid, _ = local.market.best()
    at = local.market.price("0.998", bid) if trigger == "stopPrice" else 20
    order = {"symbol": local.symbol, "side": "SELL", "type": "STOP_LOSS", trigger: at}
    answer = placed(local, {**order, "quantity": local.market.quantity(bid, "3")})
    assert looked_up(local, answer)["status"] == "NEW"
    local.exchange.advance(bars=10)
    found = looked_up(local, answer)
    assert (found["status"], found["isWorking"]) == ("FILLED", True)
    assert shapes.TIME(found["workingTime"])
