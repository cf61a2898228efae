"""What a client of REST sees of each fault of a route: by python-binance, and by bytes where that hides it."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import httpx
import orjson
import pytest
from binance.exceptions import BinanceAPIException, BinanceRequestException
from tests.contracts.venue import CLOCK, LocalVenue
from tests.simulator.faults.over_sockets import (
    BROKEN,
    DONE,
    ORDER,
    TIMED_OUT,
    TIMEOUT,
    Outcome,
    Raw,
    Script,
    opened,
    outcome,
    proves,
    scripting,
    send,
    statuses,
    trading,
)
from tests.simulator.faults.over_sockets import emptied as emptied
from tests.simulator.faults.over_sockets import exchange as exchange
from tests.simulator.faults.over_sockets import script as script
from tests.simulator.faults.over_sockets import trader as trader

from thunes.simulator import LocalExchange

pytestmark = pytest.mark.loopback
NO_JSON = Outcome("BinanceRequestException")
Buy = Callable[[], dict[str, Any]]
# Of each fault that strikes one market order: how the call ends, and whether the order is there.
SEEN: dict[str, tuple[dict[str, Any], Outcome, bool]] = {
    "delay": ({"delay_ms": 400}, TIMED_OUT, True),
    "drop_before": ({}, BROKEN, False),
    "drop_after_accept": ({}, BROKEN, True),
    "error_after_accept": ({}, Outcome("refused", 503, 0), True),
    "too_many_requests": ({"retry_after": 7}, Outcome("refused", 429, -1003, "7"), False),
    "banned": ({}, Outcome("refused", 418, -1003, "120"), False),
    "forbidden_html": ({}, Outcome("refused", 403, 0), False),
    "html_200": ({}, NO_JSON, False),
    "null_json": ({}, DONE, True),
    "list_json": ({}, DONE, True),
    "empty_body": ({}, DONE, True),
    "truncated_json": ({}, NO_JSON, True),
    "slow_drip": ({"bytes": 200, "every_ms": 30}, DONE, True),
    "half_open": ({}, TIMED_OUT, False),
}
CHOSEN = ["too_many_requests", "banned", "forbidden_html", "html_200", "null_json", "list_json", "empty_body",
          "half_open"]  # fmt: skip


@pytest.fixture
def order(trader: LocalVenue) -> dict[str, Any]:
    return trader.market.market()


@pytest.mark.parametrize("name", SEEN)
@proves(*SEEN)
def test_one_order_is_struck_the_next_is_not(
    trader: LocalVenue, script: Script, order: dict[str, Any], name: str
) -> None:
    parameters, seen, accepted = SEEN[name]
    script.fault(name, route=ORDER, count=1, **parameters)
    assert send(trader, order, seen) == seen
    assert statuses(trader) == ["FILLED"] * accepted
    assert script.struck() == [(name, ORDER)]
    assert outcome(trader.client.create_order, **trader.market.market()) == DONE
    assert statuses(trader) == ["FILLED"] * (accepted + 1)


@pytest.mark.parametrize("accept", [True, False])
@pytest.mark.parametrize("name", CHOSEN)
@proves(*CHOSEN)
def test_a_script_chooses_whether_the_order_is_there(
    trader: LocalVenue, script: Script, order: dict[str, Any], name: str, accept: bool
) -> None:
    script.fault(name, route=ORDER, count=1, accept=accept)
    seen = SEEN[name][1]._replace(retry_after=_wait(name))
    assert send(trader, order, seen) == seen
    assert statuses(trader) == ["FILLED"] * accept


def _wait(name: str) -> str:
    return {"too_many_requests": "60", "banned": "120"}.get(name, "")


# What comes through as an answer and is none


@pytest.mark.parametrize(("name", "answer"), [("null_json", None), ("list_json", []), ("empty_body", {})])
@proves("null_json", "list_json", "empty_body")
def test_the_client_hands_on_what_is_no_order(
    trader: LocalVenue, script: Script, order: dict[str, Any], name: str, answer: object
) -> None:
    script.fault(name, route=ORDER, count=1)
    assert trader.client.create_order(**order) == answer  # python-binance makes {} of nothing
    assert statuses(trader) == ["FILLED"]


@proves("html_200", "forbidden_html", "error_after_accept")
def test_pages_come_as_pages(trader: LocalVenue, script: Script, order: dict[str, Any]) -> None:
    script.fault("html_200", route=ORDER, count=1)
    with pytest.raises(BinanceRequestException, match="<html>"):
        trader.client.create_order(**order)
    script.fault("forbidden_html", route=ORDER, count=1)
    with pytest.raises(BinanceAPIException) as forbidden:
        trader.client.create_order(**order)
    script.fault("error_after_accept", route=ORDER, count=1, status=504)
    with pytest.raises(BinanceAPIException) as late:
        trader.client.create_order(**order)
    for error in (forbidden.value, late.value):
        assert error.response.headers["content-type"] == "text/html"
        assert "Invalid JSON" in error.message
    assert "504 Gateway Timeout" in late.value.response.text
    assert statuses(trader) == ["FILLED"]


@proves("truncated_json")
def test_a_torn_answer_is_whole_to_http(trader: LocalVenue, script: Script) -> None:
    url = f"{trader.addresses.http}/api/v3/time"
    script.fault("truncated_json", route="GET /api/v3/time", bytes=9)
    answer = httpx.get(url, trust_env=False)
    assert (answer.status_code, answer.headers["content-length"], answer.content) == (200, "9", b'{"serverT')


@pytest.mark.parametrize(("accept", "seen"), [(True, NO_JSON), (False, DONE)])
@proves("truncated_json")
def test_nothing_is_left_of_an_answer_that_nobody_gave(
    trader: LocalVenue, script: Script, order: dict[str, Any], accept: bool, seen: Outcome
) -> None:
    script.fault("truncated_json", route=ORDER, count=1, accept=accept)
    assert outcome(trader.client.create_order, **order) == seen
    assert statuses(trader) == ["FILLED"] * accept


@proves("banned")
def test_a_ban_says_until_when(trader: LocalVenue, script: Script) -> None:
    script.fault("banned", route="GET /api/v3/*", retry_after=300)
    begun = CLOCK.now_ms()
    with pytest.raises(BinanceAPIException, match="banned until") as banned:
        trader.client.get_account()
    until = int("".join(filter(str.isdigit, banned.value.message.split("until")[1])))
    assert begun + 300_000 <= until <= CLOCK.now_ms() + 300_000
    assert script.struck() == [("banned", "GET /api/v3/account")]


# What lies below HTTP


@pytest.mark.parametrize("name", ["drop_before", "drop_after_accept"])
@proves("drop_before", "drop_after_accept")
def test_a_dropped_connection_is_reset(exchange: LocalExchange, script: Script, name: str) -> None:
    script.fault(name, route="GET /api/v3/ping")
    with Raw(exchange) as wire:
        wire.ask("/api/v3/ping")
        with pytest.raises(ConnectionResetError):
            wire.socket.recv(1)
    assert script.struck() == [(name, "GET /api/v3/ping")]


@proves("half_open")
def test_a_half_open_connection_takes_everything_and_says_nothing(exchange: LocalExchange, script: Script) -> None:
    number = script.fault("half_open", route="GET /api/v3/ping")
    with Raw(exchange, patience=0.2) as old, Raw(exchange) as new:
        old.ask("/api/v3/ping")
        for path in ("/api/v3/time", "/api/v3/ping"):  # nothing is heard on it any more
            with pytest.raises(TimeoutError):
                old.socket.recv(1)
            old.ask(path)
        script.remove(number)
        new.ask("/api/v3/ping")
        assert new.socket.recv(100).startswith(b"HTTP/1.1 200")
        with pytest.raises(TimeoutError):
            old.socket.recv(1)
    assert script.struck() == [("half_open", "GET /api/v3/ping")]


@proves("slow_drip")
def test_a_dripping_answer_outlives_the_read_timeout(trader: LocalVenue, script: Script, order: dict[str, Any]) -> None:
    script.fault("slow_drip", route=ORDER, count=1, bytes=20, every_ms=30)
    begun = CLOCK.now_ms()
    told = trader.client.create_order(**order, requests_params={"timeout": (1, TIMEOUT)})
    lasted = CLOCK.now_ms() - begun
    assert told["status"] == "FILLED"
    assert lasted >= 30 * (len(orjson.dumps(told)) // 20) * 0.9 > 1_000 * TIMEOUT


@proves("delay")
def test_a_late_answer_is_the_same_answer(trader: LocalVenue, script: Script, order: dict[str, Any]) -> None:
    script.fault("delay", route=ORDER, count=1, delay_ms=100)
    begun = CLOCK.now_ms()
    told = trader.client.create_order(**order)
    assert CLOCK.now_ms() - begun >= 95
    assert told["status"] == "FILLED"
    assert script.strikes()[0]["time_ms"] == told["transactTime"] == trader.exchange.now_ms


def test_an_answer_that_waits_is_lost_when_the_exchange_stops(caplog: pytest.LogCaptureFixture) -> None:
    with opened() as exchange, Raw(exchange) as late, Raw(exchange) as slow:
        exchange.fault("delay", "GET /api/v3/ping", delay_ms=60_000)
        exchange.fault("slow_drip", "GET /api/v3/time", every_ms=60_000)
        late.ask("/api/v3/ping")
        slow.ask("/api/v3/time")
        assert slow.socket.recv(1_000).endswith(b"{")
        while len(exchange.struck) < 2:  # each look lets the exchange read on
            pass
        exchange.stop()
        for wire in (late, slow):
            with pytest.raises(ConnectionResetError):
                wire.socket.recv(1)
    assert [record for record in caplog.records if record.exc_info] == []


# How often


@proves("drop_before")
def test_a_fault_strikes_as_often_as_it_was_told(trader: LocalVenue, script: Script) -> None:
    script.fault("drop_before", route="GET /api/v3/time", count=2)
    seen = [outcome(trader.client.get_server_time) for _ in range(4)]
    assert seen == [BROKEN, BROKEN, DONE, DONE]
    assert script.http.get("/faults").json()["faults"][-1]["left"] == 0


def story(seed: int) -> tuple[list[bool], int]:
    """Which of two dozen orders at a fresh exchange were dropped, and how many are there."""
    with opened(seed=seed) as exchange, scripting(exchange, {"drop_before"}) as script, trading(exchange) as trader:
        order = trader.market.market()
        del order["newClientOrderId"]
        script.fault("drop_before", route=ORDER, probability=0.5)
        dropped = [outcome(trader.client.create_order, **order) == BROKEN for _ in range(24)]
        script.clear()
        assert script.struck() == [("drop_before", ORDER)] * sum(dropped)
        return dropped, len(statuses(trader))


@proves("drop_before")
def test_the_same_seed_strikes_the_same_requests(script: Script, trader: LocalVenue) -> None:
    script.fault("drop_before", route="GET /api/v3/time", count=1)
    assert outcome(trader.client.get_server_time) == BROKEN
    first, again, other = story(3), story(3), story(4)
    assert first == again
    assert first[0] != other[0]
    assert first[1] == 24 - sum(first[0])


# The next request


@proves("drop_after_accept", "half_open", "banned")
def test_each_request_after_a_fault_finds_a_good_connection(trader: LocalVenue, script: Script) -> None:
    free = trader.free("USDT")
    for name in ("drop_after_accept", "half_open", "banned"):
        script.fault(name, route=ORDER, count=1)
        seen = SEEN[name][1]
        assert send(trader, trader.market.market(), seen) == seen
        assert trader.client.get_server_time() == {"serverTime": trader.exchange.now_ms}
    spent = free - trader.free("USDT")
    paid = sum(Decimal(order["cummulativeQuoteQty"]) for order in trader.client.get_all_orders(symbol=trader.symbol))
    assert spent == paid > 0
