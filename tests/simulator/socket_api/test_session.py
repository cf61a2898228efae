from __future__ import annotations

import hmac
from typing import Any

import orjson
import pytest
from tests.simulator.socket_api.client import (
    ED25519_KEY,
    HMAC_KEY,
    OTHER_KEY,
    WALL_MS,
    Client,
    Place,
    buy,
    sign,
)

from thunes.simulator.api.security import Key, socket_payload
from thunes.simulator.socket_api.messages import texts


@pytest.fixture
def place() -> Place:
    return Place()


@pytest.fixture
def client(place: Place) -> Client:
    return place.connect()


# Rate limits


def test_an_answer_shows_the_weight_and_an_orders_answer_the_orders(client: Client) -> None:
    kinds = [limit["rateLimitType"] for limit in client.ask("time")["rateLimits"]]
    assert kinds == ["REQUEST_WEIGHT"]
    assert len(client.ask("account.status", **client.signed())["rateLimits"]) == 1
    resting = buy(type="LIMIT", timeInForce="GTC", price=client.place.below_the_market())
    limits = client.ask("order.place", **client.signed(**resting))["rateLimits"]
    assert [limit["rateLimitType"] for limit in limits] == ["ORDERS", "ORDERS", "REQUEST_WEIGHT"]
    assert limits[0] == {"rateLimitType": "ORDERS", "interval": "SECOND", "intervalNum": 10, "limit": 100, "count": 1}


def test_connecting_weighs_two(client: Client) -> None:
    [limit] = client.ask("ping")["rateLimits"]
    assert limit["count"] == 3


def test_an_order_weighs_nothing_unless_it_fails(client: Client) -> None:
    weight = client.ask("order.place", **client.signed(**buy()))["rateLimits"][-1]["count"]
    assert weight == 2
    refused = client.ask("order.place", **client.signed(**buy(quantity="0.0000001")))
    assert refused["rateLimits"][-1]["count"] == 3


@pytest.mark.parametrize("hidden", [False, "false"])
def test_a_request_may_ask_for_no_rate_limits(client: Client, hidden: Any) -> None:
    assert set(client.ask("time", returnRateLimits=hidden)) == {"id", "status", "result"}


def test_a_connection_may_ask_for_no_rate_limits_and_a_request_for_them(place: Place) -> None:
    client = place.connect("?returnRateLimits=false")
    assert "rateLimits" not in client.ask("time")
    assert "rateLimits" in client.ask("time", returnRateLimits=True)
    assert client.ask("session.status")["result"]["returnRateLimits"] is False


def test_another_word_for_rate_limits_is_refused(client: Client) -> None:
    assert client.error("time", returnRateLimits="no") == (400, -1130)


def test_too_much_weight_is_told_with_the_time_to_ask_again(place: Place, client: Client) -> None:
    place.limiter.settle("127.0.0.1", 6_000, WALL_MS)
    answer = client.ask("time")
    assert (answer["status"], answer["error"]["code"]) == (429, -1003)
    data = answer["error"]["data"]
    assert data["serverTime"] == place.exchange.server_time
    assert data["retryAfter"] - data["serverTime"] == 60_000 - WALL_MS % 60_000
    assert client.connection.is_open


def test_who_goes_on_is_banned_and_disconnected(place: Place, client: Client) -> None:
    place.limiter.settle("127.0.0.1", 6_000, WALL_MS)
    answers = [client.ask("time") for _ in range(11)]
    assert [answer["status"] for answer in answers] == [429] * 10 + [418]
    assert answers[-1]["error"]["data"]["retryAfter"] == place.exchange.server_time + 120_000
    assert client.connection.closed == (1008, "banned")


# Signed requests


@pytest.mark.parametrize("key", [HMAC_KEY, ED25519_KEY])
def test_a_signed_request_speaks_for_its_keys_account(client: Client, key: Any) -> None:
    answer = client.ask("order.place", **client.signed(key, **buy()))
    assert answer["result"]["status"] == "FILLED"


def test_the_exchanges_own_worked_example_of_a_signature_holds() -> None:
    # From the official documentation of the WebSocket API: the key, the payload and what comes out.
    secret = b"NhqPtmdSJYdKjVHjA7PZj4Mge3R5YNiP1e3UZjInClVN65XAbvqqM6A7H5fATj0j"  # pragma: allowlist secret
    parameters = {
        "symbol": "BTCUSDT",
        "side": "SELL",
        "type": "LIMIT",
        "timeInForce": "GTC",
        "quantity": "0.01000000",
        "price": "52000.00",
        "newOrderRespType": "ACK",
        "recvWindow": 100,
        "timestamp": 1645423376532,
        "apiKey": "vmPUZE6mv9SD5VNHk4HlWFsOr6aKE2zvsw0MuIgwCIPy6utIco14y7Ju91duEh8A",  # pragma: allowlist secret
    }
    signature = hmac.digest(secret, socket_payload(texts(parameters)), "sha256").hex()
    assert signature == "cc15477742bd704c29492d96c7ead9414dfd8e0ec4a00f947bb5bb454ddbd08a"  # pragma: allowlist secret


def test_the_signature_covers_every_parameter_also_the_one_about_rate_limits(client: Client) -> None:
    parameters = client.signed(returnRateLimits=False)
    assert set(client.ask("account.status", **parameters)) == {"id", "status", "result"}
    del parameters["returnRateLimits"]
    assert client.error("account.status", **parameters) == (400, -1022)
    assert client.ask("session.logon", **client.signed(ED25519_KEY, returnRateLimits=False))["status"] == 200


@pytest.mark.parametrize("missing", ["apiKey", "signature", "timestamp"])
def test_a_signed_request_needs_key_signature_and_time(client: Client, missing: str) -> None:
    parameters = client.signed()
    del parameters[missing]
    answer = client.ask("account.status", **parameters)
    assert answer["error"]["code"] == -1102
    assert f"'{missing}'" in answer["error"]["msg"]


def test_an_unknown_key_and_a_late_time_are_refused(client: Client) -> None:
    assert client.error("account.status", **{**client.signed(), "apiKey": "nobody"}) == (401, -2015)
    late = client.signed(timestamp=client.place.exchange.server_time - 5_001)
    assert client.error("account.status", **late) == (400, -1021)


def test_a_key_that_may_only_read_places_no_order(place: Place, client: Client) -> None:
    reader = Key("ann-reads", "ann", secret="another secret", may_trade=False)
    place.keyring.add(reader)
    assert client.ask("account.status", **client.signed(reader))["status"] == 200
    assert client.error("order.place", **client.signed(reader, **buy())) == (401, -2015)


# Logon


def test_a_session_that_is_logged_on_needs_no_signature(place: Place, client: Client) -> None:
    place.clock.sleep(1)
    state = client.log_on()["result"]
    assert state == {
        "apiKey": "ann-ed25519",
        "authorizedSince": place.exchange.server_time,
        "connectedSince": place.exchange.server_time,
        "returnRateLimits": True,
        "serverTime": place.exchange.server_time,
        "userDataStream": False,
    }
    assert client.ask("order.place", **client.timed(**buy()))["status"] == 200
    assert client.error("order.place", **buy()) == (400, -1102)


def test_only_ed25519_keys_log_on(client: Client) -> None:
    answer = client.ask("session.logon", **client.signed(HMAC_KEY))
    assert answer["error"] == {"code": -2028, "msg": "HMAC-SHA-256 API key is not supported."}
    assert client.ask("session.status")["result"]["apiKey"] is None


def test_logon_checks_the_signature_and_wants_a_key(client: Client) -> None:
    assert client.error("session.logon", **{**client.signed(ED25519_KEY), "recvWindow": 9}) == (400, -1022)
    assert client.error("session.logon") == (400, -1102)
    assert client.error("session.logon", **client.signed(ED25519_KEY, symbol="BTCUSDT")) == (400, -1104)


def test_one_request_may_speak_for_another_key(client: Client) -> None:
    client.log_on()
    mine = client.ask("account.status", **client.timed())["result"]
    assert client.ask("order.place", **client.signed(OTHER_KEY, **buy()))["result"]["status"] == "FILLED"
    assert client.ask("account.status", **client.timed())["result"]["balances"] == mine["balances"]


def test_a_signature_without_a_key_is_the_sessions_and_is_looked_at(client: Client) -> None:
    client.log_on()
    good = sign(ED25519_KEY, client.timed())
    assert client.ask("account.status", **good)["status"] == 200
    assert client.error("account.status", **client.timed(signature="bm8=")) == (400, -1022)


def test_logout_forgets_the_key_and_keeps_the_connection(client: Client) -> None:
    client.log_on()
    state = client.ask("session.logout")["result"]
    assert (state["apiKey"], state["authorizedSince"]) == (None, None)
    assert client.error("account.status", **client.timed()) == (400, -1102)
    assert client.ask("session.logout")["status"] == 200


def test_after_its_key_is_revoked_the_next_request_ends_the_session(place: Place, client: Client) -> None:
    client.log_on()
    place.keyring.revoke("ann-ed25519")
    [told] = client.send({"id": 5, "method": "ping"})
    assert told == {
        "id": None,
        "status": 401,
        "error": {"code": -2015, "msg": "Invalid API-key, IP, or permissions for action."},
    }
    assert client.ask("session.status")["result"]["apiKey"] is None


@pytest.mark.parametrize("method", ["session.status", "session.logout", "session.subscriptions"])
def test_methods_about_the_session_read_no_parameters_and_weigh_two(client: Client, method: str) -> None:
    before = client.ask("ping")["rateLimits"][-1]["count"]
    assert client.ask(method)["rateLimits"][-1]["count"] == before + 2
    answer = client.ask(method, apiKey="mine")
    text = "Not all sent parameters were read; read '0' parameter(s) but was sent '1'."
    assert answer["error"] == {"code": -1104, "msg": text}


@pytest.mark.parametrize("verb", ["start", "ping", "stop"])
def test_listen_keys_are_gone(client: Client, verb: str) -> None:
    assert client.error(f"userDataStream.{verb}", apiKey="ann-hmac") == (410, -1016)


def test_a_list_in_parameters_reaches_its_handler(client: Client) -> None:
    symbols = client.ask("exchangeInfo", symbols=["BTCUSDT", "BNBUSDT"])["result"]["symbols"]
    assert {symbol["symbol"] for symbol in symbols} == {"BTCUSDT", "BNBUSDT"}


def test_a_partial_failure_keeps_its_data(client: Client) -> None:
    replaced = client.signed(**buy(cancelReplaceMode="STOP_ON_FAILURE", cancelOrderId=99))
    answer = client.ask("order.cancelReplace", **replaced)
    assert answer["error"]["code"] == -2022
    assert answer["error"]["data"]["cancelResponse"]["code"] == -2011


# The handshake


@pytest.mark.parametrize("query", ["", "?timeUnit=MICROSECOND", "?timeUnit=millisecond&x=%FF", "?responseFormat=json"])
def test_a_connection_opens(place: Place, query: str) -> None:
    assert place.connect(query).ask("ping")["status"] == 200


@pytest.mark.parametrize(
    ("query", "code"),
    [("timeUnit=NANOSECOND", -1194), ("responseFormat=sbe", -1155), ("returnRateLimits=maybe", -1130)],
)
def test_a_handshake_with_a_bad_word_is_rejected(place: Place, query: str, code: int) -> None:
    rejection = place.reject(f"/ws-api/v3?{query}")
    assert (rejection.status, orjson.loads(rejection.body)["code"]) == (400, code)
    assert place.users.connections() == []


def test_another_path_is_not_found(place: Place) -> None:
    rejection = place.reject("/ws-api/v4")
    assert (rejection.status, rejection.content_type) == (404, "text/html")


def test_who_has_used_up_its_weight_cannot_connect(place: Place) -> None:
    place.limiter.settle("127.0.0.1", 6_000, WALL_MS)
    assert place.reject("/ws-api/v3").status == 429
