"""What the exchange refuses, with the code and the HTTP status that clients act on."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from binance.exceptions import BinanceAPIException
from tests.contracts.venue import Login, Market, Venue, closing_client, new_id, text

Order = dict[str, Any]


def refusal(venue: Venue, order: Order, client: Any = None) -> BinanceAPIException:
    with pytest.raises(BinanceAPIException) as refused:
        (client or venue.client).create_order(**order)
    return refused.value


def assert_refused(error: BinanceAPIException, code: int, message: str = "", status: int = 400) -> None:
    assert (error.code, error.status_code) == (code, status), str(error)
    assert message in error.message
    assert error.response.json().keys() == {"code", "msg"}


# Filters


def off_tick(market: Market) -> Order:
    return market.resting(price=text(Decimal(market.below()) + market.tick / 10))


def off_step(market: Market) -> Order:
    order = market.resting()
    return {**order, "quantity": text(Decimal(order["quantity"]) + market.step / 10)}


def too_small(market: Market) -> Order:
    return market.resting(quantity=text(market.step))


def too_far(market: Market) -> Order:
    price = market.price("0.1")
    return market.resting(price=price, quantity=market.quantity(price))


def too_much(market: Market) -> Order:
    largest = Decimal(market.filters["LOT_SIZE"]["maxQty"])
    return market.resting(quantity=text(largest + market.step))


@pytest.mark.parametrize(
    ("order", "name"),
    [
        (off_tick, "PRICE_FILTER"),
        (off_step, "LOT_SIZE"),
        (too_much, "LOT_SIZE"),
        (too_small, "NOTIONAL"),
        (too_far, "PERCENT_PRICE_BY_SIDE"),
    ],
)
def test_a_filter_refuses_and_says_its_name(venue: Venue, order: Any, name: str) -> None:
    assert_refused(refusal(venue, order(venue.market)), -1013, f"Filter failure: {name}")
    assert venue.client.get_open_orders(symbol=venue.symbol) == []


def test_a_market_order_of_too_little_is_refused(venue: Venue) -> None:
    order = venue.market.market(quantity=text(venue.market.step))
    assert_refused(refusal(venue, order), -1013, "Filter failure: NOTIONAL")


def test_an_amendment_can_only_take_away(venue: Venue) -> None:
    order = venue.client.create_order(**venue.market.resting())
    more = {"symbol": venue.symbol, "orderId": order["orderId"], "newQty": text(Decimal(order["origQty"]) * 2)}
    with pytest.raises(BinanceAPIException) as refused:
        venue.client._put("order/amend/keepPriority", signed=True, data=more)
    assert_refused(refused.value, -2038)


# The engine


def test_an_order_beyond_the_balance_is_refused(venue: Venue) -> None:
    market, price = venue.market, venue.market.above()
    many = (venue.free(market.base) * 2 + 1) // market.step * market.step
    if many > Decimal(market.filters["LOT_SIZE"]["maxQty"]):
        pytest.skip("this account is richer than the largest order")
    order = market.resting("SELL", price=price, quantity=text(many))
    assert_refused(refusal(venue, order), -2010, "Account has insufficient balance for requested action.")


def test_an_id_serves_one_open_order(venue: Venue) -> None:
    order = venue.market.resting()
    venue.client.create_order(**order)
    assert_refused(refusal(venue, order), -2010, "Duplicate order sent.")


def test_the_id_of_a_filled_order_is_free_again(venue: Venue) -> None:
    order = venue.market.market()
    first, second = (venue.client.create_order(**order) for _ in range(2))
    assert first["clientOrderId"] == second["clientOrderId"]
    assert first["orderId"] != second["orderId"]
    assert [answer["status"] for answer in (first, second)] == ["FILLED"] * 2


def test_a_maker_may_not_take(venue: Venue) -> None:
    order = venue.market.crossing(type="LIMIT_MAKER")
    del order["timeInForce"]
    assert_refused(refusal(venue, order), -2010, "Order would immediately match and take.")


def test_a_stop_that_the_market_has_passed_is_refused(venue: Venue) -> None:
    stop = venue.market.price("1.05")
    order = {"symbol": venue.symbol, "side": "SELL", "type": "STOP_LOSS", "stopPrice": stop}
    error = refusal(venue, {**order, "quantity": venue.market.quantity(stop, "2")})
    assert_refused(error, -2010, "Order would trigger immediately.")


@pytest.mark.parametrize("which", [{"orderId": 999_999_999_999}, {"origClientOrderId": "nobody-has-this"}])
def test_nothing_is_known_of_an_order_that_is_not_there(venue: Venue, which: Order) -> None:
    with pytest.raises(BinanceAPIException) as refused:
        venue.client.get_order(symbol=venue.symbol, **which)
    assert_refused(refused.value, -2013, "Order does not exist.")
    with pytest.raises(BinanceAPIException) as refused:
        venue.client.cancel_order(symbol=venue.symbol, **which)
    assert_refused(refused.value, -2011, "Unknown order sent.")


def test_an_order_that_is_filled_cannot_be_cancelled(venue: Venue) -> None:
    order = venue.client.create_order(**venue.market.market())
    with pytest.raises(BinanceAPIException) as refused:
        venue.client.cancel_order(symbol=venue.symbol, orderId=order["orderId"])
    assert_refused(refused.value, -2011, "Unknown order sent.")


def test_where_nothing_is_open_nothing_is_cancelled(venue: Venue) -> None:
    with pytest.raises(BinanceAPIException) as refused:
        venue.client.cancel_all_open_orders(symbol=venue.symbol)
    assert_refused(refused.value, -2011, "Unknown order sent.")


# Parameters


@pytest.mark.parametrize(
    ("name", "value", "code"),
    [
        ("price", "1e-05", -1100),
        ("quantity", "-1", -1100),
        ("newClientOrderId", "a.b", -1100),
        ("price", None, -1102),
        ("quantity", None, -1102),
        ("side", None, -1102),
        ("timeInForce", None, -1102),
        ("surplus", "1", -1104),
        ("price", "", -1105),
        ("type", "MARKET", -1106),
        ("quantity", "0.123456789", -1111),
        ("timeInForce", "GTX", -1115),
        ("type", "LIMITED", -1116),
        ("side", "HOLD", -1117),
        ("symbol", "NOSUCHUSDT", -1121),
    ],
)
def test_a_malformed_order_is_refused(venue: Venue, name: str, value: str | None, code: int) -> None:
    assert_refused(refusal(venue, {**venue.market.resting(), name: value}), code)  # the client leaves out None


def test_a_market_order_needs_one_amount_and_only_one(venue: Venue) -> None:
    order = {"symbol": venue.symbol, "side": "BUY", "type": "MARKET"}
    assert_refused(refusal(venue, order), -1102)
    assert_refused(refusal(venue, {**order, "quantity": "1", "quoteOrderQty": "10"}), -1106)


# Who asks, and when


def signed_by(venue: Venue, login: Login) -> BinanceAPIException:
    """The refusal of a question of this key."""
    with closing_client(venue.addresses, login) as client:
        client.timestamp_offset = venue.client.timestamp_offset
        with pytest.raises(BinanceAPIException) as refused:
            client.get_account()
    return refused.value


def test_a_signature_with_another_secret_is_refused(venue: Venue) -> None:
    login = Login(venue.login.api_key, "not the secret")
    assert_refused(signed_by(venue, login), -1022, "Signature for this request is not valid.")


def test_a_key_that_nobody_has_is_refused(venue: Venue) -> None:
    error = signed_by(venue, Login("x" * 64, "secret"))
    assert_refused(error, -2015, "Invalid API-key, IP, or permissions for action.", status=401)


def test_a_key_that_cannot_be_one_is_refused(venue: Venue) -> None:
    assert_refused(signed_by(venue, Login("no key at all", "secret")), -2014, "API-key format invalid.", status=401)


@pytest.mark.parametrize(
    ("off_ms", "why"), [(-60_000, "recvWindow"), (5_000, "ahead of the server's time")], ids=["late", "early"]
)
def test_a_request_of_another_time_is_refused(venue: Venue, off_ms: int, why: str) -> None:
    client = venue.punctual()
    assert client.get_account()["canTrade"]
    client.timestamp_offset += off_ms
    with pytest.raises(BinanceAPIException) as refused:
        client.get_account()
    client.timestamp_offset -= off_ms
    assert_refused(refused.value, -1021, why)


@pytest.mark.parametrize("ask", ["stream_get_listen_key", "stream_keepalive", "stream_close"])
def test_the_listen_key_is_gone(venue: Venue, ask: str) -> None:
    question = getattr(venue.client, ask)
    with pytest.raises(BinanceAPIException) as refused:
        question(*(() if ask == "stream_get_listen_key" else (new_id(),)))
    assert (refused.value.status_code, refused.value.code) == (410, 0)
    assert refused.value.response.headers["Content-Type"].startswith("text/html")
    assert "410 Gone" in refused.value.response.text
