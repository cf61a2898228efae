from __future__ import annotations

import asyncio
from typing import Any

import orjson
import pytest
from tests.simulator.socket_api.client import HMAC_KEY, Client, Place, buy

from thunes.simulator.api.messages import Answer, page
from thunes.simulator.socket_api.distortion import distorted
from thunes.simulator.socket_api.user_streams import UserStreams

SUBSCRIBE = "userDataStream.subscribe.signature"


@pytest.fixture
def place() -> Place:
    return Place(limits=False)


@pytest.fixture
def client(place: Place) -> Client:
    return place.connect()


def orders(client: Client) -> int:
    return len(client.place.exchange.engine.all_orders("ann", "BTCUSDT"))


def test_an_answer_may_come_late(place: Place, client: Client) -> None:
    place.board.set("delay", "time", delay_ms=250)
    assert client.send({"id": 1, "method": "time"}) == []
    [(seconds, send)] = place.later
    assert seconds == 0.25
    send()
    assert orjson.loads(client.connection.raw[-1])["result"]["serverTime"] == place.exchange.server_time


def test_a_connection_may_be_cut_before_the_order_and_after_it(place: Place) -> None:
    for name, placed in (("drop_before", 0), ("drop_after_accept", 1)):
        client = place.connect()
        place.board.set(name, "order.place", count=1)
        assert client.send({"id": 1, "method": "order.place", "params": client.signed(**buy())}) == []
        assert client.connection.is_cut
        assert orders(client) == placed


def test_an_answer_may_never_come(place: Place, client: Client) -> None:
    place.board.set("half_open", "time")
    assert client.send({"id": 1, "method": "time"}) == []
    assert client.connection.is_open
    assert place.later == []


@pytest.mark.parametrize(("form", "code"), [("json", -1007), ("html", -1000)])
def test_a_server_error_after_the_order_is_an_error_of_that_status(
    place: Place, client: Client, form: str, code: int
) -> None:
    place.board.set("error_after_accept", "order.place", status=503, form=form)
    assert client.error("order.place", **client.signed(**buy())) == (503, code)
    assert orders(client) == 1


@pytest.mark.parametrize(("name", "status"), [("too_many_requests", 429), ("banned", 418)])
def test_a_limit_that_a_fault_invents_says_when_to_ask_again(
    place: Place, client: Client, name: str, status: int
) -> None:
    place.board.set(name, "time", retry_after=7)
    answer = client.ask("time")
    assert (answer["status"], answer["error"]["code"]) == (status, -1003)
    now = place.exchange.server_time
    assert answer["error"]["data"] == {"serverTime": now, "retryAfter": now + 7_000}
    assert client.connection.is_open is (status == 429)


def test_a_firewalls_page_is_an_error_of_its_status(place: Place, client: Client) -> None:
    place.board.set("forbidden_html", "time")
    assert client.error("time") == (403, -1000)


@pytest.mark.parametrize(("name", "result"), [("null_json", None), ("list_json", [])])
def test_an_odd_body_is_an_odd_result(place: Place, client: Client, name: str, result: Any) -> None:
    place.board.set(name, "time")
    assert client.ask("time")["result"] == result


@pytest.mark.parametrize(
    ("name", "start"), [("empty_body", b""), ("html_200", b"<html>"), ("truncated_json", b'{"id":1')]
)
def test_what_is_no_json_goes_out_as_it_is(place: Place, client: Client, name: str, start: bytes) -> None:
    place.board.set(name, "time")
    client.session.receive(b'{"id":1,"method":"time"}')
    [raw] = client.connection.raw
    assert raw.startswith(start)
    assert not raw.endswith(b"}")
    with pytest.raises(orjson.JSONDecodeError):
        orjson.loads(raw)


@pytest.mark.parametrize("body", [b"[]", b'{"code":1}', b"null"])
def test_an_error_without_code_is_an_unknown_one(body: bytes) -> None:
    told = orjson.loads(distorted(3, Answer(500, body, ((b"Retry-After", b"soon"),)), None, 0))
    message = "An unknown error occurred while processing the request."
    assert told == {"id": 3, "status": 500, "error": {"code": -1000, "msg": message}}


def test_a_page_that_asks_to_wait_is_told_so() -> None:
    told = Answer(429, page(429, "").body, ((b"retry-after", b"3"),), b"text/html")
    assert orjson.loads(distorted(3, told, None, 1_000))["error"]["data"] == {"serverTime": 1_000, "retryAfter": 4_000}


def test_a_delayed_refusal_keeps_its_data(place: Place, client: Client) -> None:
    place.board.set("delay", "order.cancelReplace", delay_ms=1)
    asked = client.signed(**buy(cancelReplaceMode="STOP_ON_FAILURE", cancelOrderId=99))
    client.send({"id": 1, "method": "order.cancelReplace", "params": asked})
    place.later[0][1]()
    assert orjson.loads(client.connection.raw[-1])["error"]["data"]["cancelResponse"]["code"] == -2011


def test_events_pass_the_board_and_late_ones_come_as_time_moves(place: Place, client: Client) -> None:
    client.ask(SUBSCRIBE, **client.signed(HMAC_KEY))
    place.board.set("user_delay", "ann", count=1, delay_ms=1_000)
    client.ask("order.place", **client.signed(**buy()))
    assert client.events == []  # those behind a late one wait as well
    place.exchange.advance_to(place.exchange.now_ms + 2_000)
    assert [told["event"].get("x") for told in client.events] == ["NEW", "TRADE", None]


def test_late_events_of_somebody_who_has_left_are_dropped(place: Place, client: Client) -> None:
    client.ask(SUBSCRIBE, **client.signed(HMAC_KEY))
    place.board.set("user_delay", "ann", delay_ms=1_000)
    client.ask("order.place", **client.signed(**buy()))
    client.session.lost()
    place.exchange.advance_to(place.exchange.now_ms + 2_000)
    assert client.events == []
    assert place.board.late_accounts() == []


@pytest.mark.loopback  # an event loop has a pair of sockets of its own
def test_without_another_clock_the_event_loop_waits() -> None:
    place = Place()

    async def wait() -> list[str]:
        done: list[str] = []
        finished = asyncio.Event()
        users = UserStreams(place.exchange, place.board)
        users.call_later(0, lambda: (done.append("done"), finished.set()))
        await finished.wait()
        return done

    assert asyncio.run(wait()) == ["done"]
