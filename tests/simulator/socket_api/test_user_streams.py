from __future__ import annotations

from decimal import Decimal

import pytest
from tests.simulator.socket_api.client import ED25519_KEY, HMAC_KEY, OTHER_KEY, Client, Place, buy

from thunes.simulator.api import user_data
from thunes.simulator.api.security import Key
from thunes.simulator.exchange import Customer
from thunes.simulator.socket_api import subscriptions

SUBSCRIBE = "userDataStream.subscribe.signature"


@pytest.fixture
def place() -> Place:
    return Place(limits=False)


@pytest.fixture
def client(place: Place) -> Client:
    return place.connect()


def subscribe(client: Client, key: Key = HMAC_KEY) -> int:
    number = client.ask(SUBSCRIBE, **client.signed(key))["result"]["subscriptionId"]
    assert isinstance(number, int)
    return number


def kinds(client: Client) -> list[tuple[int, str]]:
    return [(told["subscriptionId"], told["event"]["e"]) for told in client.events]


@pytest.mark.parametrize("key", [HMAC_KEY, ED25519_KEY])
def test_a_subscription_by_signature_tells_of_every_order(client: Client, key: Key) -> None:
    assert subscribe(client, key) == 0
    client.ask("order.place", **client.signed(**buy()))
    assert kinds(client) == [(0, "executionReport"), (0, "executionReport"), (0, "outboundAccountPosition")]
    assert [told["event"]["x"] for told in client.events[:2]] == ["NEW", "TRADE"]


def test_events_go_out_before_the_answer_to_the_order(client: Client) -> None:
    subscribe(client)
    told = client.send({"id": "o", "method": "order.place", "params": client.signed(**buy())})
    assert ["event" in message for message in told] == [True, True, True, False]


def test_events_are_those_of_the_engine_in_its_order(place: Place, client: Client) -> None:
    heard: list[bytes] = []
    place.exchange.listeners.append(lambda event: heard.append(user_data.encode(event)))
    subscribe(client)
    client.ask("order.place", **client.signed(**buy()))
    place.exchange.engine.deposit("ann", "USDT", Decimal(5), place.exchange.now_ms)
    sent = [raw for raw in client.connection.raw if b'"event"' in raw]
    assert sent == [b'{"subscriptionId":0,"event":' + payload + b"}" for payload in heard]


def test_nobody_hears_of_anothers_orders(place: Place, client: Client) -> None:
    subscribe(client, OTHER_KEY)
    client.ask("order.place", **client.signed(**buy()))
    assert client.events == []
    place.connect().ask("order.place", **client.signed(OTHER_KEY, **buy()))
    assert len(client.events) == 3


def test_every_subscriber_hears_of_an_event_that_is_encoded_once(
    place: Place, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    encoded: list[object] = []
    told = dict(user_data.PAYLOADS)
    for kind, make in told.items():
        monkeypatch.setitem(user_data.PAYLOADS, kind, lambda event, make=make: encoded.append(event) or make(event))
    others = [place.connect() for _ in range(3)]
    subscribe(others[0], OTHER_KEY)  # its second subscription has another id
    for subscriber in (client, *others):
        subscribe(subscriber)
    client.ask("order.place", **client.signed(**buy()))
    assert len(encoded) == 3
    assert [kinds(other)[0][0] for other in (client, *others)] == [0, 1, 0, 0]
    assert all(len(other.events) == 3 for other in (client, *others))


def test_a_logged_on_session_subscribes_without_a_signature(client: Client) -> None:
    client.log_on()
    assert client.ask("userDataStream.subscribe")["result"] == {"subscriptionId": 0}
    assert client.ask("session.status")["result"]["userDataStream"] is True


def test_without_a_logon_a_subscription_needs_a_signature(client: Client) -> None:
    answer = client.ask("userDataStream.subscribe")
    assert (answer["status"], answer["error"]["code"]) == (400, -1193)
    assert answer["error"]["msg"].startswith("WebSocket session not authenticated.")
    assert client.error("userDataStream.subscribe", apiKey="ann-hmac") == (400, -1104)
    assert client.error(SUBSCRIBE) == (400, -1102)


def test_a_logon_is_no_signature(client: Client) -> None:
    client.log_on()
    assert client.error(SUBSCRIBE, **client.timed()) == (400, -1102)


def test_an_account_has_one_subscription_on_a_connection(place: Place, client: Client) -> None:
    subscribe(client)
    answer = client.ask(SUBSCRIBE, **client.signed(ED25519_KEY))
    assert answer["error"] == {"code": -2035, "msg": "User Data Stream subscription already active."}
    assert subscribe(place.connect()) == 0
    assert subscribe(client, OTHER_KEY) == 1
    assert client.ask("session.subscriptions")["result"] == [{"subscriptionId": 0}, {"subscriptionId": 1}]


def test_one_subscription_ends_and_its_id_is_not_used_again(client: Client) -> None:
    subscribe(client)
    subscribe(client, OTHER_KEY)
    assert client.ask("userDataStream.unsubscribe", subscriptionId=0)["result"] == {}
    assert client.events == [
        {"subscriptionId": 0, "event": {"e": "eventStreamTerminated", "E": client.place.exchange.now_ms}}
    ]
    client.ask("order.place", **client.signed(**buy()))
    assert len(client.events) == 1
    assert subscribe(client) == 2


def test_all_subscriptions_end_without_an_id(client: Client) -> None:
    subscribe(client)
    subscribe(client, OTHER_KEY)
    assert client.ask("userDataStream.unsubscribe")["status"] == 200
    assert kinds(client) == [(0, "eventStreamTerminated"), (1, "eventStreamTerminated")]
    assert client.ask("session.status")["result"]["userDataStream"] is False


def test_what_is_not_active_cannot_end(client: Client) -> None:
    inactive = {"code": -2036, "msg": "User Data Stream subscription not active."}
    assert client.ask("userDataStream.unsubscribe")["error"] == inactive
    subscribe(client)
    assert client.ask("userDataStream.unsubscribe", subscriptionId=1)["error"] == inactive
    assert client.error("userDataStream.unsubscribe", subscriptionId="first") == (400, -1100)


def test_logout_ends_what_the_session_subscribed_to_and_nothing_else(client: Client) -> None:
    client.log_on()
    client.ask("userDataStream.subscribe")
    subscribe(client, OTHER_KEY)
    client.ask("session.logout")
    assert kinds(client) == [(0, "eventStreamTerminated")]
    assert client.ask("session.subscriptions")["result"] == [{"subscriptionId": 1}]


def test_a_revoked_key_ends_its_subscriptions_on_every_connection(place: Place, client: Client) -> None:
    other = place.connect()
    subscribe(client)
    subscribe(client, OTHER_KEY)
    subscribe(other, ED25519_KEY)
    place.keyring.revoke("ann-hmac")
    place.users.revoked("ann-hmac")
    assert kinds(client) == [(0, "eventStreamTerminated")]
    assert other.events == []
    assert client.error(SUBSCRIBE, **client.signed()) == (401, -2015)


def test_a_connection_that_is_lost_hears_nothing_more(place: Place, client: Client) -> None:
    other = place.connect()
    subscribe(client)
    subscribe(client, OTHER_KEY)
    subscribe(other)
    client.session.lost()
    sent = len(client.connection.raw)
    other.ask("order.place", **other.signed(**buy()))
    assert len(client.connection.raw) == sent
    assert place.users.connections() == [other.connection]
    assert place.users.listening() == [other.connection]


def test_a_connection_holds_a_thousand_subscriptions(
    place: Place, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(subscriptions, "MOST_AT_ONCE", 2)
    monkeypatch.setattr(subscriptions, "MOST_EVER", 3)
    place.exchange.open_account(Customer("eve"))
    eve = Key("eve-hmac", "eve", secret="eve's secret")
    place.keyring.add(eve)
    subscribe(client)
    subscribe(client, OTHER_KEY)
    assert client.error(SUBSCRIBE, **client.signed(eve)) == (400, -1191)
    client.ask("userDataStream.unsubscribe", subscriptionId=0)
    assert subscribe(client, eve) == 2
    client.ask("userDataStream.unsubscribe")
    assert client.error(SUBSCRIBE, **client.signed()) == (400, -2042)


def test_the_limits_are_the_exchanges() -> None:
    assert (subscriptions.MOST_AT_ONCE, subscriptions.MOST_EVER) == (1_000, 65_535)


def test_a_shutdown_is_told_to_every_connection(place: Place, client: Client) -> None:
    other = place.connect()
    subscribe(client)
    place.users.shutdown()
    announced = {"event": {"e": "serverShutdown", "E": place.exchange.server_time}}
    assert client.events[-1] == other.events[-1] == announced
    assert client.connection.is_open
    assert place.later == []


def test_a_shutdown_may_close_the_connections_later(place: Place, client: Client) -> None:
    place.users.shutdown(2.5)
    [(seconds, close)] = place.later
    assert (seconds, client.connection.is_open) == (2.5, True)
    close()
    assert client.connection.closed == (1001, "server shutdown")
