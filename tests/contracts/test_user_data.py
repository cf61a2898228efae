"""What an account is told of its orders and balances, after `userDataStream.subscribe.signature`."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal

import pytest
from tests.contracts import shapes
from tests.contracts.sockets import SignedSocket
from tests.contracts.test_market_data import assert_shape
from tests.contracts.test_order_lists import pair
from tests.contracts.venue import LocalVenue, Venue, new_id


@pytest.fixture
def told(venue: Venue) -> SignedSocket:
    """A connection that hears of the account."""
    api = venue.api()
    api.subscribe()
    return api


def test_a_subscription_is_numbered_and_listed(venue: Venue) -> None:
    api = venue.api()
    number = api.subscribe()
    assert api.ask("session.subscriptions")["result"] == [{"subscriptionId": number}]
    assert api.ask("session.status")["result"]["userDataStream"] is True


def test_an_account_is_subscribed_to_once_a_connection(venue: Venue, told: SignedSocket) -> None:
    answer = told.signed("userDataStream.subscribe.signature")
    assert (answer["status"], answer["error"]["code"]) == (400, -2035)


def test_a_new_order_is_reported(venue: Venue, told: SignedSocket) -> None:
    order = venue.market.resting()
    answer = venue.client.create_order(**order)
    report = told.event("executionReport", i=answer["orderId"])
    assert_shape(venue, report, shapes.REPORT)
    assert (report["x"], report["X"], report["c"], report["C"]) == ("NEW", "NEW", order["newClientOrderId"], "")
    assert (report["N"], report["t"], report["w"], report["r"]) == (None, -1, True, "NONE")
    assert (Decimal(report["p"]), Decimal(report["q"])) == (Decimal(order["price"]), Decimal(order["quantity"]))


def test_after_the_report_comes_what_the_order_locked(venue: Venue, told: SignedSocket) -> None:
    order = venue.client.create_order(**venue.market.resting())
    told.event("executionReport", i=order["orderId"])
    position = told.event("outboundAccountPosition")
    assert_shape(venue, position, shapes.POSITION)
    held = next(balance for balance in position["B"] if balance["a"] == venue.market.quote)
    known = venue.client.get_asset_balance(venue.market.quote)
    assert (Decimal(held["f"]), Decimal(held["l"])) == (Decimal(known["free"]), Decimal(known["locked"]))


def test_every_fill_is_reported_once(venue: Venue, told: SignedSocket) -> None:
    answer = venue.client.create_order(**venue.market.market())
    first = told.event("executionReport", i=answer["orderId"])
    assert first["x"] == "NEW"
    filled = Decimal(0)
    for fill in answer["fills"]:
        report = told.event("executionReport", i=answer["orderId"])
        assert_shape(venue, report, shapes.REPORT)
        filled += Decimal(fill["qty"])
        assert (report["x"], report["t"], report["m"]) == ("TRADE", fill["tradeId"], False)
        assert [report[name] for name in "lLnN"] == [
            fill[name] for name in ("qty", "price", "commission", "commissionAsset")
        ]
        assert Decimal(report["z"]) == filled
        assert Decimal(report["Y"]) == Decimal(fill["qty"]) * Decimal(fill["price"])
    assert report["X"] == "FILLED"
    assert Decimal(report["Z"]) == Decimal(answer["cummulativeQuoteQty"])


def test_a_cancelled_order_is_reported_under_the_cancels_id(venue: Venue, told: SignedSocket) -> None:
    order, name = venue.client.create_order(**venue.market.resting()), new_id("cancel")
    venue.client.cancel_order(symbol=venue.symbol, orderId=order["orderId"], newClientOrderId=name)
    report = told.event("executionReport", x="CANCELED")
    assert_shape(venue, report, shapes.REPORT)
    assert (report["X"], report["c"], report["C"]) == ("CANCELED", name, order["clientOrderId"])
    assert report["i"] == order["orderId"]


def test_an_expired_order_is_reported_with_its_reason(venue: Venue, told: SignedSocket) -> None:
    order = venue.client.create_order(**venue.market.resting(timeInForce="IOC"))
    report = told.event("executionReport", i=order["orderId"], x="EXPIRED")
    assert_shape(venue, report, shapes.REPORT)
    assert (report["X"], report["eR"]) == ("EXPIRED", "UNFILLED_IOC_QUANTITY_EXPIRED")


def test_an_amended_order_is_reported_as_replaced(venue: Venue, told: SignedSocket) -> None:
    price = venue.market.below()
    order = venue.client.create_order(**venue.market.resting(price=price, quantity=venue.market.quantity(price, "4")))
    less = {"symbol": venue.symbol, "orderId": order["orderId"], "newQty": venue.market.quantity(price, "2")}
    venue.client._put("order/amend/keepPriority", signed=True, data=less)
    report = told.event("executionReport", x="REPLACED")
    assert_shape(venue, report, shapes.REPORT)
    assert (report["X"], report["C"]) == ("NEW", order["clientOrderId"])
    assert Decimal(report["q"]) == Decimal(less["newQty"])


def test_a_stop_is_reported_as_not_yet_working(venue: Venue, told: SignedSocket) -> None:
    stop = venue.market.price("0.95")
    order = {"symbol": venue.symbol, "side": "SELL", "type": "STOP_LOSS", "stopPrice": stop}
    venue.client.create_order(**order, quantity=venue.market.quantity(stop, "2"))
    report = told.event("executionReport", x="NEW")
    assert_shape(venue, report, shapes.REPORT)
    assert (report["w"], Decimal(report["P"]), "W" in report) == (False, Decimal(stop), False)


def test_a_list_is_reported_with_its_orders(venue: Venue, told: SignedSocket) -> None:
    placed = venue.client.create_oco_order(**pair(venue.market))
    status = told.event("listStatus")
    assert_shape(venue, status, shapes.LIST_STATUS)
    assert (status["g"], status["C"]) == (placed["orderListId"], placed["listClientOrderId"])
    assert (status["l"], status["L"]) == ("EXEC_STARTED", "EXECUTING")
    assert {member["i"] for member in status["O"]} == {member["orderId"] for member in placed["orders"]}
    venue.client.cancel_all_open_orders(symbol=venue.symbol)
    assert told.event("listStatus")["L"] == "ALL_DONE"


def test_execution_ids_rise(venue: Venue, told: SignedSocket) -> None:
    venue.client.create_order(**venue.market.resting())
    venue.client.cancel_all_open_orders(symbol=venue.symbol)
    new, cancelled = told.event("executionReport"), told.event("executionReport")
    assert new["I"] < cancelled["I"]


def test_who_unsubscribes_hears_no_more(venue: Venue) -> None:
    api = venue.api()
    number = api.subscribe()
    assert api.ask("userDataStream.unsubscribe", {"subscriptionId": number})["status"] == 200
    assert api.ask("session.subscriptions")["result"] == []
    venue.client.create_order(**venue.market.market())
    assert api.ask("ping")["result"] == {}
    assert [message for message in api.kept() if message["event"]["e"] == "executionReport"] == []


# What only a market that moves by hand can show


@pytest.fixture
def heard(local: LocalVenue) -> SignedSocket:
    api = local.api()
    api.subscribe()
    return api


@pytest.mark.loopback
def test_a_deposit_is_told_as_a_change_and_as_a_balance(local: LocalVenue, heard: SignedSocket) -> None:
    body = {"asset": "BTC", "amount": "0.25"}
    path = f"{local.addresses.http}/sim/v1/accounts/{local.login.api_key}/deposit"
    assert local.client.session.post(path, json=body).status_code == 200
    update = heard.event("balanceUpdate")
    assert_shape(local, update, shapes.BALANCE_UPDATE)
    assert (update["a"], Decimal(update["d"])) == ("BTC", Decimal("0.25"))


@pytest.mark.loopback
def test_a_fill_of_a_waiting_order_is_told_when_the_price_comes(sliding: Callable[[float], LocalVenue]) -> None:
    local = sliding(-10)
    heard = local.api()
    heard.subscribe()
    bid, _ = local.market.best()
    price = local.market.price("0.998", bid)
    order = local.client.create_order(**local.market.resting(price=price, quantity=local.market.quantity(price)))
    local.exchange.advance(bars=10)
    report = heard.event("executionReport", i=order["orderId"], x="TRADE")
    assert_shape(local, report, shapes.REPORT)
    assert (report["m"], Decimal(report["L"])) == (True, Decimal(price))
    assert report["T"] > order["transactTime"]


@pytest.mark.loopback
def test_another_account_hears_nothing(local: LocalVenue, heard: SignedSocket) -> None:
    stranger = LocalVenue(local.exchange)
    stranger.client.create_order(**stranger.market.market())
    stranger.close()
    heard.ask("ping")
    assert heard.kept() == []
