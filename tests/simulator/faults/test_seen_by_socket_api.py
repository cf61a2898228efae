"""What a client of the WebSocket API sees of faults of routes, and of its account's events."""

from __future__ import annotations

from typing import Any

import orjson
import pytest
import websocket
from tests.contracts.sockets import SignedSocket
from tests.contracts.venue import LocalVenue
from tests.simulator.faults.over_sockets import (
    Script,
    close_code,
    events,
    frame,
    place,
    proves,
    statuses,
)
from tests.simulator.faults.over_sockets import emptied as emptied
from tests.simulator.faults.over_sockets import exchange as exchange
from tests.simulator.faults.over_sockets import script as script
from tests.simulator.faults.over_sockets import trader as trader

pytestmark = pytest.mark.loopback
PLACE, STATUS = "order.place", "order.status"
# Of each fault that is an answer: parameters, status, code, and whether the order is there.
REFUSALS: dict[str, tuple[dict[str, Any], int, int, bool]] = {
    "error_after_accept": ({}, 503, -1000, True),
    "too_many_requests": ({"retry_after": 7}, 429, -1003, False),
    "banned": ({"accept": True}, 418, -1003, True),
    "forbidden_html": ({}, 403, -1000, False),
}
# Of each fault that leaves no answer to read: what the message is in its place, and whether the order is there.
DAMAGED: dict[str, tuple[str, bool]] = {
    "html_200": ("<html>", False),
    "empty_body": ("", True),
    "truncated_json": ('{"id":1,"status":200,"result":{"symbol"', True),
}


@pytest.fixture
def api(trader: LocalVenue) -> SignedSocket:
    return trader.api()


# Answers


@pytest.mark.parametrize("name", REFUSALS)
@proves(*REFUSALS)
def test_an_order_is_answered_as_the_fault_has_it(
    trader: LocalVenue, script: Script, api: SignedSocket, name: str
) -> None:
    parameters, status, code, accepted = REFUSALS[name]
    script.fault(name, route=PLACE, count=1, **parameters)
    answer = place(api, trader.market.market())
    assert (answer["status"], answer["error"]["code"]) == (status, code)
    assert statuses(trader) == ["FILLED"] * accepted
    assert script.struck() == [(name, PLACE)]


@proves("error_after_accept")
def test_the_engine_s_own_timeout_is_told(trader: LocalVenue, script: Script, api: SignedSocket) -> None:
    script.fault("error_after_accept", route=PLACE, count=1, form="json")
    answer = place(api, trader.market.market())
    assert (answer["status"], answer["error"]["code"]) == (503, -1007)
    assert statuses(trader) == ["FILLED"]


@proves("too_many_requests", "banned")
def test_limits_say_when_to_come_again_and_a_ban_ends_the_connection(
    trader: LocalVenue, script: Script, api: SignedSocket
) -> None:
    script.fault("too_many_requests", route="time", count=1, retry_after=7)
    data = api.ask("time")["error"]["data"]
    assert data == {"serverTime": trader.exchange.now_ms, "retryAfter": trader.exchange.now_ms + 7_000}
    script.fault("banned", route="time", count=1)
    assert api.ask("time")["error"]["data"]["retryAfter"] == trader.exchange.now_ms + 120_000
    opcode, data = frame(api)
    assert (opcode, close_code(data)) == (websocket.ABNF.OPCODE_CLOSE, 1_008)


@pytest.mark.parametrize("name", DAMAGED)
@proves(*DAMAGED)
def test_a_damaged_answer_comes_as_it_is(trader: LocalVenue, script: Script, api: SignedSocket, name: str) -> None:
    script.fault(name, route=PLACE, count=1)
    order = trader.market.market()
    api.send({"id": 1, "method": PLACE, "params": api.with_signature(order)})
    _, message = frame(api)
    beginning, accepted = DAMAGED[name]
    assert message.decode().startswith(beginning)
    assert bool(message) == bool(beginning)
    with pytest.raises(orjson.JSONDecodeError):
        orjson.loads(message)
    assert statuses(trader) == ["FILLED"] * accepted


@pytest.mark.parametrize(("name", "result"), [("null_json", None), ("list_json", [])])
@proves("null_json", "list_json")
def test_an_answer_may_hold_nothing(
    trader: LocalVenue, script: Script, api: SignedSocket, name: str, result: object
) -> None:
    script.fault(name, route=PLACE, count=1)
    answer = place(api, trader.market.market())
    assert (answer["status"], answer["result"]) == (200, result)
    assert statuses(trader) == ["FILLED"]


@pytest.mark.parametrize(("name", "accepted"), [("drop_before", False), ("drop_after_accept", True)])
@proves("drop_before", "drop_after_accept")
def test_the_connection_is_reset_under_an_order(
    trader: LocalVenue, script: Script, api: SignedSocket, name: str, accepted: bool
) -> None:
    script.fault(name, route=PLACE, count=1)
    with pytest.raises((ConnectionResetError, websocket.WebSocketConnectionClosedException)):
        place(api, trader.market.market())
    assert statuses(trader) == ["FILLED"] * accepted
    assert place(trader.api(), trader.market.market())["status"] == 200


@proves("half_open")
def test_an_order_is_never_answered_while_others_are(trader: LocalVenue, script: Script, api: SignedSocket) -> None:
    script.fault("half_open", route=PLACE, count=1, accept=True)
    api.send({"id": "order", "method": PLACE, "params": api.with_signature(trader.market.market())})
    assert api.ask("ping")["status"] == 200
    assert api.kept() == []
    assert statuses(trader) == ["FILLED"]


@proves("delay")
def test_a_late_answer_is_overtaken(trader: LocalVenue, script: Script, api: SignedSocket) -> None:
    script.fault("delay", route="time", count=1, delay_ms=300)
    api.send({"id": "late", "method": "time"})
    assert api.ask("ping")["status"] == 200
    assert api.kept() == []
    assert api.answer("late")["result"] == {"serverTime": trader.exchange.now_ms}


@proves("slow_drip")
def test_a_message_does_not_drip(trader: LocalVenue, script: Script, api: SignedSocket) -> None:
    script.fault("slow_drip", route="time", count=1, every_ms=60_000)
    assert api.ask("time")["status"] == 200


@proves("order_lag")
def test_a_filled_order_is_not_found(trader: LocalVenue, script: Script, api: SignedSocket) -> None:
    script.fault("order_lag", route=STATUS, seconds=5)
    placed = place(api, trader.market.market())["result"]
    wish = {"symbol": trader.symbol, "orderId": placed["orderId"]}
    assert api.signed(STATUS, **wish)["error"]["code"] == -2013
    trader.exchange.advance(until=trader.exchange.now_ms + 5_000)
    assert api.signed(STATUS, **wish)["result"]["status"] == "FILLED"
    assert script.struck() == [("order_lag", STATUS)]


# Events


@pytest.fixture
def listener(api: SignedSocket) -> SignedSocket:
    """A connection that hears of the account."""
    api.subscribe()
    return api


def story(told: list[dict[str, Any]]) -> list[tuple[str, str]]:
    """What happened, by the events: what kind each is, and the order's status."""
    return [(event["x"], event["X"]) for event in told]


BOUGHT = [("NEW", "NEW"), ("TRADE", "FILLED")]


@proves("user_withhold")
def test_a_fill_that_nobody_told_is_found_by_asking(trader: LocalVenue, script: Script, listener: SignedSocket) -> None:
    account = trader.login.api_key
    script.fault("user_withhold", account=account)
    placed = trader.client.create_order(**trader.market.market())
    assert (placed["status"], events(listener)) == ("FILLED", [])
    assert trader.client.get_order(symbol=trader.symbol, orderId=placed["orderId"])["status"] == "FILLED"
    assert len(trader.client.get_my_trades(symbol=trader.symbol)) == len(placed["fills"])
    assert script.struck() == [("user_withhold", account)] * 3  # the balances that follow, too
    script.clear()
    trader.client.create_order(**trader.market.market())
    assert story(events(listener)) == BOUGHT


@proves("user_withhold")
def test_one_event_may_be_missing(trader: LocalVenue, script: Script, listener: SignedSocket) -> None:
    script.fault("user_withhold", count=1)
    trader.client.create_order(**trader.market.market())
    assert story(events(listener)) == BOUGHT[1:]


@proves("user_duplicate")
def test_what_is_told_twice_has_one_execution_id(trader: LocalVenue, script: Script, listener: SignedSocket) -> None:
    account = trader.login.api_key
    script.fault("user_duplicate", account=account, count=2, copies=2)
    trader.client.create_order(**trader.market.market())
    told = events(listener)
    assert story(told) == [BOUGHT[0]] * 3 + [BOUGHT[1]] * 3
    once = {(event["s"], event["I"]): event for event in told}
    assert story(list(once.values())) == BOUGHT
    assert len({(event["s"], event["t"]) for event in told if event["x"] == "TRADE"}) == 1
    assert script.struck() == [("user_duplicate", account)] * 2


@proves("user_reorder")
def test_a_fill_comes_before_its_order_and_execution_ids_restore_them(
    trader: LocalVenue, script: Script, listener: SignedSocket
) -> None:
    account = trader.login.api_key
    script.fault("user_reorder", account=account, count=1)
    trader.client.create_order(**trader.market.market())
    told = events(listener)
    assert story(told) == BOUGHT[::-1]
    assert story(sorted(told, key=lambda event: int(event["I"]))) == BOUGHT
    assert float(told[0]["z"]) > float(told[1]["z"]) == 0
    assert script.struck() == [("user_reorder", account)]


@proves("user_delay")
def test_events_come_late_in_order_by_the_exchange_s_clock(
    trader: LocalVenue, script: Script, listener: SignedSocket
) -> None:
    account, begun = trader.login.api_key, trader.exchange.now_ms
    script.fault("user_delay", account=account, delay_ms=5_000, count=1)
    assert trader.client.create_order(**trader.market.market())["status"] == "FILLED"
    trader.exchange.advance(until=begun + 4_999)
    assert events(listener) == []
    trader.exchange.advance(until=begun + 5_000)
    told = events(listener)
    assert story(told) == BOUGHT
    assert [event["E"] for event in told] == [begun, begun]
    assert script.struck() == [("user_delay", account)]


@proves("user_delay")
def test_removing_the_fault_lets_the_events_go(trader: LocalVenue, script: Script, listener: SignedSocket) -> None:
    number = script.fault("user_delay", account=trader.login.api_key, delay_ms=86_400_000)
    trader.client.create_order(**trader.market.market())
    assert events(listener) == []
    script.remove(number)
    trader.exchange.advance(until=trader.exchange.now_ms + 1)
    assert story(events(listener)) == BOUGHT


@proves("user_withhold")
def test_other_accounts_hear_everything(trader: LocalVenue, script: Script, listener: SignedSocket) -> None:
    script.fault("user_withhold", account="somebody else")
    script.fault("user_withhold", account=trader.login.api_key, count=1)
    trader.client.create_order(**trader.market.market())
    assert len(events(listener)) == 1
    trader.client.create_order(**trader.market.market())
    assert story(events(listener)) == BOUGHT
    assert len(script.struck()) == 1
