"""The WebSocket API: the requests of HTTP as messages, by websocket-client and by python-binance's own calls."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from binance.exceptions import BinanceAPIException
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from tests.contracts import shapes
from tests.contracts.sockets import SignedSocket, ed25519_signer, public_pem
from tests.contracts.test_market_data import assert_shape
from tests.contracts.venue import LocalVenue, Login, Venue, new_id

ENVELOPE = {
    "id": shapes.ANYTHING,
    "status": shapes.said(200),
    "result": shapes.ANYTHING,
    "rateLimits": [shapes.ORDER_COUNT],
}


def result(venue: Venue, answer: dict[str, Any], shape: Any = shapes.ANYTHING) -> Any:
    """What a request was answered, which must have succeeded."""
    assert_shape(venue, answer, ENVELOPE)
    assert_shape(venue, answer["result"], shape)
    return answer["result"]


def error(answer: dict[str, Any]) -> tuple[int, int]:
    """The status and the code of a refusal."""
    assert {"id", "status", "error"} <= answer.keys(), answer
    assert shapes.TEXT(answer["error"]["msg"])
    return answer["status"], answer["error"]["code"]


# By websocket-client


def test_answers_bear_the_id_of_their_request(venue: Venue) -> None:
    api = venue.api()
    for request_id in (7, "a-name", None):
        api.send({"id": request_id, "method": "ping"})
        answer = api.receive()
        assert (answer["id"], answer["status"], answer["result"]) == (request_id, 200, {})


def test_the_time_and_the_symbols_are_those_of_http(venue: Venue) -> None:
    api = venue.api()
    result(venue, api.ask("time"), {"serverTime": shapes.TIME})
    info = result(venue, api.ask("exchangeInfo", {"symbol": venue.symbol}), shapes.EXCHANGE_INFO)
    assert info["symbols"] == [venue.market.info]


def test_rate_limits_can_be_left_out(venue: Venue) -> None:
    assert "rateLimits" not in venue.api().ask("ping", {"returnRateLimits": False})


def test_an_order_is_placed_found_and_cancelled(venue: Venue) -> None:
    api, order = venue.api(), venue.market.resting()
    placed = result(venue, api.signed("order.place", **order), shapes.FULL)
    assert (placed["status"], placed["clientOrderId"]) == ("NEW", order["newClientOrderId"])
    named = {"symbol": venue.symbol, "orderId": placed["orderId"]}
    found = result(venue, api.signed("order.status", **named), shapes.ORDER)
    assert found == venue.client.get_order(**named)
    cancelled = result(venue, api.signed("order.cancel", **named), shapes.CANCELLED)
    assert (cancelled["status"], cancelled["origClientOrderId"]) == ("CANCELED", order["newClientOrderId"])


def test_a_market_order_is_filled(venue: Venue) -> None:
    placed = result(venue, venue.api().signed("order.place", **venue.market.market()), shapes.FULL)
    assert placed["status"] == "FILLED"
    assert sum(Decimal(fill["qty"]) for fill in placed["fills"]) == Decimal(placed["executedQty"])


def test_numbers_may_come_as_numbers(venue: Venue) -> None:
    order = venue.market.resting()
    assert result(venue, venue.api().signed("order.test", **order, strategyId=12)) == {}


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"symbol": "NOSUCHUSDT"}, (400, -1121)),
        ({"price": "0.001"}, (400, -1013)),
        ({"side": "HOLD"}, (400, -1117)),
        ({"surplus": "1"}, (400, -1104)),
    ],
)
def test_a_refused_order_says_why(venue: Venue, change: dict[str, str], expected: tuple[int, int]) -> None:
    assert error(venue.api().signed("order.place", **{**venue.market.resting(), **change})) == expected


def test_a_bad_signature_is_refused(venue: Venue) -> None:
    assert error(venue.api(Login(venue.login.api_key, "not the secret")).signed("account.status")) == (400, -1022)


def test_an_unknown_key_is_refused(venue: Venue) -> None:
    assert error(venue.api(Login("x" * 64, "secret")).signed("account.status")) == (401, -2015)


def test_what_is_no_json_is_refused(venue: Venue) -> None:
    api = venue.api()
    api.send_text("{")
    assert error(api.receive()) == (400, -1135)


def test_a_signed_request_needs_a_key(venue: Venue) -> None:
    answer = venue.api().ask("account.status", {"timestamp": venue.now_ms()})
    assert error(answer)[1] == -1102


def test_more_than_five_requests_a_second_are_fine(venue: Venue) -> None:
    api = venue.api()
    assert [api.ask("ping")["status"] for _ in range(20)] == [200] * 20


# By python-binance


def test_python_binance_asks_over_the_socket(venue: Venue) -> None:
    client = venue.client
    assert client.ws_ping() == {}
    assert_shape(venue, client.ws_get_time(), {"serverTime": shapes.TIME})
    rows = client.ws_get_klines(symbol=venue.symbol, interval="1h", limit=3)
    assert_shape(venue, rows, [shapes.KLINE])
    assert rows[:2] == client.get_klines(symbol=venue.symbol, interval="1h", limit=3)[:2]
    assert_shape(venue, client.ws_get_order_book(symbol=venue.symbol, limit=5), shapes.DEPTH)
    assert_shape(venue, client.ws_get_orderbook_ticker(symbol=venue.symbol), shapes.BOOK_TICKER)


def test_python_binance_trades_over_the_socket(venue: Venue) -> None:
    client, order = venue.client, venue.market.resting()
    placed = client.ws_create_order(**order)
    assert_shape(venue, placed, shapes.FULL)
    named = {"symbol": venue.symbol, "origClientOrderId": order["newClientOrderId"]}
    assert_shape(venue, client.ws_get_order(**named), shapes.ORDER)
    assert [one["orderId"] for one in client.ws_get_open_orders(symbol=venue.symbol)] == [placed["orderId"]]
    assert client.ws_cancel_order(**named)["status"] == "CANCELED"
    assert_shape(venue, client.ws_get_account(omitZeroBalances="true"), shapes.ACCOUNT)


def test_python_binance_places_lists_over_the_socket(venue: Venue) -> None:
    market, stop = venue.market, venue.market.price("0.95")
    sent = {"symbol": market.name, "side": "SELL", "quantity": market.quantity(stop, "2")}
    above = {"aboveType": "LIMIT_MAKER", "abovePrice": market.above()}
    placed = venue.client.ws_create_oco_order(**sent, **above, belowType="STOP_LOSS", belowStopPrice=stop)
    assert_shape(venue, placed, {**shapes.ORDER_LIST, "orderReports": [shapes.ANYTHING]})
    named = {"symbol": market.name, "orderListId": placed["orderListId"]}
    assert_shape(venue, venue.client.ws_cancel_oco_order(**named), shapes.CANCELLED_LIST)


def test_python_binance_is_told_of_refusals(venue: Venue) -> None:
    with pytest.raises(BinanceAPIException, match="-1121"):
        venue.client.ws_get_avg_price(symbol="NOSUCHUSDT")


# Sessions


def test_a_connection_tells_who_is_logged_on(venue: Venue) -> None:
    state = result(venue, venue.api().ask("session.status"), shapes.SESSION)
    assert (state["apiKey"], state["authorizedSince"], state["userDataStream"]) == (None, None, False)


def test_a_secret_does_not_log_on(venue: Venue) -> None:
    """Only Ed25519 keys do."""
    assert error(venue.api().signed("session.logon"))[0] == 400


@pytest.fixture
def logged_on(local: LocalVenue) -> SignedSocket:
    """A connection that is logged on with a key of its own."""
    pair, login = Ed25519PrivateKey.generate(), Login(new_id("ed25519"), "")
    body = {"apiKey": login.api_key, "publicKey": public_pem(pair), "balances": {"USDT": "1000"}}
    answer = local.client.session.post(f"{local.addresses.http}/sim/v1/accounts", json=body)
    assert answer.status_code == 200, answer.text
    api = local.api(login)
    api.sign = ed25519_signer(pair)
    state = result(local, api.signed("session.logon"), shapes.SESSION)
    assert state["apiKey"] == login.api_key
    assert shapes.TIME(state["authorizedSince"])
    return api


@pytest.mark.loopback
def test_a_session_needs_no_signatures(local: LocalVenue, logged_on: SignedSocket) -> None:
    order = {**local.market.market(), "timestamp": local.now_ms()}
    placed = result(local, logged_on.ask("order.place", order), shapes.FULL)
    assert placed["status"] == "FILLED"
    assert result(local, logged_on.ask("account.status", {"timestamp": local.now_ms()}), shapes.ACCOUNT)


@pytest.mark.loopback
def test_a_session_subscribes_to_its_account(local: LocalVenue, logged_on: SignedSocket) -> None:
    subscription = result(local, logged_on.ask("userDataStream.subscribe"))
    assert shapes.WHOLE(subscription["subscriptionId"])
    logged_on.ask("order.place", {**local.market.market(), "timestamp": local.now_ms()})
    assert_shape(local, logged_on.event("executionReport", x="TRADE"), shapes.REPORT)


@pytest.mark.loopback
def test_a_session_ends_when_it_is_logged_out(local: LocalVenue, logged_on: SignedSocket) -> None:
    assert result(local, logged_on.ask("session.logout"), shapes.SESSION)["apiKey"] is None
    assert error(logged_on.ask("account.status", {"timestamp": local.now_ms()}))[0] == 400
