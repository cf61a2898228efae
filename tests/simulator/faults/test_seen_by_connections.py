"""What clients see of faults of WebSocket connections: those of accounts, and those of market streams."""

from __future__ import annotations

import threading
from typing import Any

import pytest
import websocket
from tests.contracts.sockets import SignedSocket, Socket
from tests.contracts.venue import LocalVenue
from tests.simulator.faults.over_sockets import (
    Script,
    close_code,
    events,
    frame,
    heard,
    place,
    proves,
    statuses,
)
from tests.simulator.faults.over_sockets import emptied as emptied
from tests.simulator.faults.over_sockets import exchange as exchange
from tests.simulator.faults.over_sockets import script as script
from tests.simulator.faults.over_sockets import trader as trader

pytestmark = pytest.mark.loopback
KLINE, OTHER = "btcusdt@kline_1m", "btcusdt@bookTicker"
PING, PONG, CLOSE = websocket.ABNF.OPCODE_PING, websocket.ABNF.OPCODE_PONG, websocket.ABNF.OPCODE_CLOSE
ENDED = (ConnectionResetError, websocket.WebSocketConnectionClosedException)


@pytest.fixture
def listener(trader: LocalVenue) -> SignedSocket:
    """A connection that hears of the account."""
    api = trader.api()
    api.subscribe()
    return api


def bought(api: SignedSocket) -> list[int]:
    """The orders of which a connection has been told that they were filled."""
    return [event["i"] for event in events(api) if event["X"] == "FILLED"]


def is_silent(socket: Socket, patience: float = 0.15) -> bool:
    """Whether nothing comes for so many seconds, neither a frame nor the end."""
    socket._wire.settimeout(patience)
    try:
        socket._wire.recv_frame()
    except websocket.WebSocketTimeoutException:
        return True
    return False


def answers_pings(socket: Socket) -> bool:
    """Whether a ping is answered before the exchange answers what is asked behind it."""
    socket._wire.ping("there?")
    socket.send({"id": 9, "method": "ping"})
    opcode, data = frame(socket)
    if opcode == PONG:
        assert data == b"there?"
        frame(socket)
    return opcode == PONG


# The end


@proves("disconnect")
def test_nothing_is_told_again_after_a_cut(trader: LocalVenue, script: Script, listener: SignedSocket) -> None:
    before = trader.client.create_order(**trader.market.market())["orderId"]
    assert bought(listener) == [before]
    script.fault("disconnect", connection="user")
    with pytest.raises(ENDED):
        listener.receive()
    missed = trader.client.create_order(**trader.market.market())["orderId"]
    again = trader.api()
    assert again.subscribe() == 0
    later = trader.client.create_order(**trader.market.market())["orderId"]
    assert bought(again) == [later]
    assert [order["orderId"] for order in trader.client.get_all_orders(symbol=trader.symbol)] == [before, missed, later]
    assert script.struck() == [("disconnect", "user")]


@proves("disconnect")
def test_a_new_connection_hears_nothing_until_it_subscribes(
    trader: LocalVenue, script: Script, listener: SignedSocket
) -> None:
    script.fault("disconnect", connection="api")
    again = trader.api()
    trader.client.create_order(**trader.market.market())
    assert events(again) == []
    assert again.ask("session.subscriptions")["result"] == []


@pytest.mark.parametrize(("code", "told"), [(None, 1_001), (1_012, 1_012), (4_000, 4_000)])
@proves("disconnect")
def test_a_closing_handshake_has_its_code(trader: LocalVenue, script: Script, code: int | None, told: int) -> None:
    stream = trader.stream(f"/ws/{KLINE}")
    heard(stream)
    script.fault("disconnect", connection="market", form="close", **({} if code is None else {"code": code}))
    opcode, data = frame(stream)
    assert (opcode, close_code(data)) == (CLOSE, told)
    assert script.struck() == [("disconnect", "market")]


@pytest.mark.parametrize("code", [999, 1_004, 1_005, 1_006, 1_015, 2_999, 5_000, True, "1001"])
@proves()
def test_a_code_that_cannot_be_sent_is_refused(trader: LocalVenue, script: Script, code: object) -> None:
    stream = trader.stream(f"/ws/{KLINE}")
    fault = {"name": "disconnect", "connection": "market", "form": "close", "code": code}
    answer = script.http.post("/faults", json=fault)
    assert (answer.status_code, "a code that can be sent" in answer.json()["error"]) == (400, True)
    assert heard(stream) == []
    assert script.struck() == []


@pytest.mark.parametrize("target", ["api", "user"])
@proves("disconnect")
def test_a_connection_that_is_ending_is_not_struck_again(
    trader: LocalVenue, script: Script, listener: SignedSocket, target: str
) -> None:
    for _ in range(2):  # the client has not answered the first
        script.fault("disconnect", connection=target, form="close")
    assert script.struck() == [("disconnect", target)]


@proves("disconnect")
def test_who_hears_another_stream_stays(trader: LocalVenue, script: Script) -> None:
    cut, kept = trader.stream(f"/ws/{KLINE}"), trader.stream(f"/ws/{OTHER}")
    script.fault("disconnect", connection=KLINE)
    with pytest.raises(ENDED):
        cut.receive()
    assert heard(kept) == []
    assert script.struck() == [("disconnect", KLINE)]


@proves("disconnect")
def test_what_closed_while_nobody_listened_is_asked_for(trader: LocalVenue, script: Script) -> None:
    stream = trader.stream(f"/ws/{KLINE}")
    trader.exchange.advance(1)
    last = stream.expect(lambda told: told["k"]["x"])["k"]["t"]
    script.fault("disconnect", connection="market")
    trader.exchange.advance(3)
    with pytest.raises(ENDED):
        stream.expect(lambda told: told["k"]["x"])
    again = trader.stream(f"/ws/{KLINE}")
    trader.exchange.advance(1)
    closed = again.expect(lambda told: told["k"]["x"])["k"]["t"]
    assert closed == last + 4 * 60_000
    rows = trader.client.get_klines(symbol=trader.symbol, interval="1m", startTime=last, endTime=closed)
    assert [row[0] for row in rows] == list(range(last, closed + 1, 60_000))


# Silence


@proves("half_open_stream")
def test_a_half_open_connection_is_noticed_by_its_silence_alone(
    trader: LocalVenue, script: Script, listener: SignedSocket
) -> None:
    script.fault("half_open_stream", connection="user")
    placed = trader.client.create_order(**trader.market.market())
    listener._wire.ping("there?")
    assert is_silent(listener)
    again = trader.api()
    again.subscribe()
    later = trader.client.create_order(**trader.market.market())["orderId"]
    assert bought(again) == [later]
    assert placed["status"] == "FILLED"
    assert script.struck() == [("half_open_stream", "user")]
    script.fault("disconnect", connection="user")
    with pytest.raises(ENDED):
        listener.receive()


@proves("half_open_stream")
def test_an_order_over_a_half_open_connection_never_arrives(
    trader: LocalVenue, script: Script, listener: SignedSocket
) -> None:
    script.fault("half_open_stream", connection="api")
    listener.send({"id": 1, "method": "order.place", "params": listener.with_signature(trader.market.market())})
    assert is_silent(listener)
    assert statuses(trader) == []
    script.fault("disconnect")


@proves("half_open_stream")
def test_candles_go_on_for_others_only(trader: LocalVenue, script: Script) -> None:
    deaf, other = trader.stream(f"/ws/{KLINE}"), trader.stream(f"/ws/{OTHER}")
    script.fault("half_open_stream", connection=KLINE)
    trader.exchange.advance(2)
    assert heard(other) != []
    assert is_silent(deaf)
    fresh = trader.stream(f"/ws/{KLINE}")
    trader.exchange.advance(1)
    assert fresh.expect(lambda told: told["k"]["x"])
    assert is_silent(deaf)
    script.fault("disconnect")


# Pings


@proves("pong_withheld")
def test_pings_stay_unanswered_until_the_fault_is_removed(
    trader: LocalVenue, script: Script, listener: SignedSocket
) -> None:
    assert answers_pings(listener)
    number = script.fault("pong_withheld", connection="api")
    later = trader.api()
    assert [answers_pings(listener), answers_pings(later)] == [False, False]
    assert place(listener, trader.market.market())["status"] == 200
    script.remove(number)
    assert [answers_pings(listener), answers_pings(later)] == [True, True]
    assert script.struck() == [("pong_withheld", "api")] * 2


@proves("pong_withheld")
def test_who_becomes_what_the_fault_names_is_struck_then(trader: LocalVenue, script: Script) -> None:
    script.fault("pong_withheld", connection="user")
    script.fault("pong_withheld", connection=KLINE)
    api, stream = trader.api(), trader.stream(f"/ws/{OTHER}")
    assert [answers_pings(api), answers_pings(stream)] == [True, True]
    assert script.struck() == []
    api.subscribe()
    stream.ask("SUBSCRIBE", [KLINE])
    assert [answers_pings(api), answers_pings(stream)] == [False, False]
    assert script.struck() == [("pong_withheld", "user"), ("pong_withheld", KLINE)]


@proves("pong_withheld")
def test_who_is_everybody_is_struck_once(trader: LocalVenue, script: Script) -> None:
    script.fault("pong_withheld")
    api, stream = trader.api(), trader.stream(f"/ws/{OTHER}")
    api.subscribe()
    stream.ask("SUBSCRIBE", [KLINE])
    assert script.struck() == [("pong_withheld", "*")] * 2


def run_until_it_ends(url: str) -> list[Any]:
    """A client of websocket-client's own loop, which asks every fifth of a second whether the exchange is there."""
    errors: list[Any] = []
    client = websocket.WebSocketApp(url, on_error=lambda _, error: errors.append(error))
    stop = threading.Timer(5, client.close)
    stop.start()
    client.run_forever(ping_interval=0.2, ping_timeout=0.1)
    stop.cancel()
    stop.join()
    return errors


@pytest.mark.parametrize("target", ["market", KLINE, "*"])
@proves("pong_withheld")
def test_a_client_that_pings_notices(trader: LocalVenue, script: Script, target: str) -> None:
    script.fault("pong_withheld", connection=target)
    (error,) = run_until_it_ends(f"{trader.addresses.streams}/ws/{KLINE}")
    assert isinstance(error, websocket.WebSocketTimeoutException)
    assert str(error) == "ping/pong timed out"
    assert script.struck() == [("pong_withheld", target)]


# The server goes


@pytest.mark.parametrize("cut", [False, True])
@proves("server_shutdown")
def test_an_account_is_told_without_a_subscription_s_number(
    trader: LocalVenue, script: Script, listener: SignedSocket, cut: bool
) -> None:
    script.fault("server_shutdown", connection="user", cut=cut)
    assert listener.receive() == {"event": {"e": "serverShutdown", "E": trader.exchange.now_ms}}
    if cut:
        opcode, data = frame(listener)
        assert (opcode, close_code(data), data[2:]) == (CLOSE, 1_001, b"server shutdown")
    else:
        assert place(listener, trader.market.market())["status"] == 200
    assert script.struck() == [("server_shutdown", "user")]


@proves("server_shutdown")
def test_streams_are_told_each_in_its_own_form(trader: LocalVenue, script: Script) -> None:
    raw, combined = trader.stream(f"/ws/{KLINE}"), trader.stream(f"/stream?streams={KLINE}")
    script.fault("server_shutdown", connection="market", cut=True)
    told = {"e": "serverShutdown", "E": trader.exchange.now_ms}
    assert raw.receive() == told
    assert combined.receive() == {"stream": "!serverShutdown", "data": told}
    assert [close_code(frame(stream)[1]) for stream in (raw, combined)] == [1_001, 1_001]
    assert script.struck() == [("server_shutdown", "market")] * 2
