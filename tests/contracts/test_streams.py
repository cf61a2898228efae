"""Market streams, raw and combined, and what they have in common with the answers over HTTP."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from decimal import Decimal
from itertools import pairwise
from typing import Any

import pytest
from tests.contracts import shapes
from tests.contracts.sockets import Socket
from tests.contracts.test_market_data import assert_shape
from tests.contracts.venue import LocalVenue, Venue, tape

from thunes.clock import Clock
from thunes.simulator import LocalExchange
from thunes.simulator.server import host
from thunes.simulator.transport.contract import Limits
from thunes.simulator.transport.websocket import connection_class

SUBJECTS = [
    ("trade", shapes.STREAM_TRADE),
    ("aggTrade", shapes.STREAM_AGGREGATE),
    ("kline_1m", shapes.STREAM_KLINE),
    ("bookTicker", shapes.STREAM_BOOK_TICKER),
    ("depth", shapes.STREAM_DEPTH),
    ("depth@100ms", shapes.STREAM_DEPTH),
    ("depth5", shapes.DEPTH),
    ("miniTicker", shapes.STREAM_MINI_TICKER),
    ("ticker", shapes.STREAM_TICKER),
    ("avgPrice", shapes.STREAM_AVERAGE),
]


def name_of(venue: Venue, subject: str) -> str:
    return f"{venue.symbol.lower()}@{subject}"


def listen(venue: Venue, subject: str, seconds: int = 20) -> Socket:
    """A raw stream, after some time has passed where time has to be moved."""
    socket = venue.stream(f"/ws/{name_of(venue, subject)}")
    venue.play(seconds)
    return socket


def anything(message: Any) -> bool:
    return True


@pytest.mark.parametrize(("subject", "shape"), SUBJECTS, ids=[subject for subject, _ in SUBJECTS])
def test_a_raw_stream_has_its_fields_and_types(venue: Venue, subject: str, shape: Any) -> None:
    socket = listen(venue, subject)
    for _ in range(2):
        message = socket.receive()
        assert_shape(venue, message, shape)
        assert message.get("s", venue.symbol) == venue.symbol


def test_the_stream_of_all_symbols_is_an_array(venue: Venue) -> None:
    socket = venue.stream("/ws/!miniTicker@arr")
    venue.play(5)
    assert_shape(venue, socket.receive(), [shapes.STREAM_MINI_TICKER])


# The same as over HTTP


def test_a_closed_candle_is_the_one_of_http(venue: Venue) -> None:
    socket = listen(venue, "kline_1m", 130)
    candle = socket.expect(lambda message: message["k"]["x"])["k"]
    row = venue.client.get_klines(symbol=venue.symbol, interval="1m", startTime=candle["t"], limit=1)[0]
    assert [candle[name] for name in "tohlcvTqnVQB"] == row


def test_forming_candles_come_before_the_closed_one(venue: Venue) -> None:
    socket = venue.stream(f"/ws/{name_of(venue, 'kline_1m')}")
    venue.play(70)
    first = socket.receive()["k"]
    closed = socket.expect(lambda message: message["k"]["x"])["k"]
    assert closed["t"] in (first["t"], first["t"] + 60_000)
    assert closed["T"] == closed["t"] + 59_999


def test_trades_are_those_of_http(venue: Venue) -> None:
    socket = listen(venue, "trade", 60)
    first, second = socket.receive(), socket.receive()
    assert first["t"] < second["t"]
    rows = venue.client.get_historical_trades(symbol=venue.symbol, fromId=first["t"], limit=1)
    assert (rows[0]["id"], rows[0]["price"], rows[0]["qty"]) == (first["t"], first["p"], first["q"])
    assert (rows[0]["time"], rows[0]["isBuyerMaker"]) == (first["T"], first["m"])


def test_aggregate_trades_are_those_of_http(venue: Venue) -> None:
    told = listen(venue, "aggTrade", 60).receive()
    row = venue.client.get_aggregate_trades(symbol=venue.symbol, fromId=told["a"], limit=1)[0]
    assert {name: told[name] for name in row} == row


def test_the_best_prices_never_cross_and_their_number_rises(venue: Venue) -> None:
    socket = listen(venue, "bookTicker", 60)
    told = [socket.receive() for _ in range(3)]
    assert all(Decimal(one["b"]) < Decimal(one["a"]) for one in told)
    assert all(earlier["u"] < later["u"] for earlier, later in pairwise(told))


# A book kept up to date


def applied(side: dict[Decimal, Decimal], levels: list[list[str]]) -> None:
    for price, quantity in levels:
        side[Decimal(price)] = Decimal(quantity)
        if not Decimal(quantity):
            del side[Decimal(price)]


def as_levels(side: list[list[str]]) -> dict[Decimal, Decimal]:
    return {Decimal(price): Decimal(quantity) for price, quantity in side}


def test_depth_updates_follow_each_other_without_a_gap(venue: Venue) -> None:
    socket = venue.stream(f"/ws/{name_of(venue, 'depth')}")
    venue.play(40)
    told = [socket.receive() for _ in range(4)]
    assert all(later["U"] == earlier["u"] + 1 for earlier, later in pairwise(told))
    assert all(one["U"] <= one["u"] for one in told)


@pytest.mark.loopback
def test_depth_updates_turn_one_snapshot_into_the_next(local: LocalVenue) -> None:
    socket = local.stream(f"/ws/{name_of(local, 'depth')}")
    local.play(3)
    book = local.client.get_order_book(symbol=local.symbol, limit=5_000)
    sides = {"b": as_levels(book["bids"]), "a": as_levels(book["asks"])}
    for turn in range(30):
        local.play(2)
        if turn % 7 == 0:
            local.client.create_order(**local.market.resting())
    local.play(1)
    after = local.client.get_order_book(symbol=local.symbol, limit=5_000)
    for update in updates(socket, after["lastUpdateId"]):
        if update["u"] > book["lastUpdateId"]:
            for side, levels in sides.items():
                applied(levels, update[side])
    assert sides == {"b": as_levels(after["bids"]), "a": as_levels(after["asks"])}


def updates(socket: Socket, until: int) -> Iterator[Any]:
    """Updates up to that number."""
    while True:
        update = socket.receive()
        yield update
        if update["u"] >= until:
            return


# Subscriptions


def test_a_combined_stream_says_which_stream_speaks(venue: Venue) -> None:
    names = [name_of(venue, "trade"), name_of(venue, "kline_1m")]
    socket = venue.stream("/stream?streams=" + "/".join(names))
    venue.play(20)
    for name, kind in zip(names, ("trade", "kline"), strict=True):
        message = socket.expect(lambda message, name=name: message["stream"] == name)
        assert message.keys() == {"stream", "data"}
        assert message["data"]["e"] == kind


def test_subscriptions_change_while_connected(venue: Venue) -> None:
    socket, name = venue.stream("/ws"), name_of(venue, "trade")
    assert socket.ask("SUBSCRIBE", [name]) == {"result": None, "id": 1}
    assert socket.ask("LIST_SUBSCRIPTIONS")["result"] == [name]
    venue.play(20)
    assert socket.expect(lambda message: message.get("e") == "trade")["s"] == venue.symbol
    assert socket.ask("UNSUBSCRIBE", [name])["result"] is None
    assert socket.ask("LIST_SUBSCRIPTIONS")["result"] == []


def test_a_connection_may_become_a_combined_one(venue: Venue) -> None:
    socket = venue.stream(f"/ws/{name_of(venue, 'trade')}")
    assert socket.ask("GET_PROPERTY", ["combined"])["result"] is False
    assert socket.ask("SET_PROPERTY", ["combined", True])["result"] is None
    venue.play(20)
    message = socket.expect(lambda message: "stream" in message)
    assert message["stream"] == name_of(venue, "trade")


def test_a_stream_is_silent_about_other_symbols(venue: Venue) -> None:
    socket = listen(venue, "trade", 60)
    assert {socket.receive()["s"] for _ in range(3)} == {venue.symbol}


@pytest.mark.parametrize("frame", ['{"method":"SUBSCRIBED","params":[],"id":1}', "{"], ids=["method", "json"])
def test_a_frame_that_is_no_request_gets_an_error(venue: Venue, frame: str) -> None:
    socket = venue.stream("/ws")
    socket.send_text(frame)
    answer = socket.receive()
    error = answer.get("error", answer)
    assert shapes.WHOLE(error["code"])
    assert error["msg"].startswith("Invalid")


# The connection itself


def in_a_hurry(parts: Any, limits: Limits, clock: Clock) -> Any:
    """What takes the server a minute takes this one a second."""
    hasty = replace(limits, ping_interval=0.1, pong_timeout=1.0, frames_per_second=None)
    return connection_class(parts, hasty, clock)


@pytest.mark.loopback
def test_a_client_that_answers_pings_stays_connected(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(host, "connection_class", in_a_hurry)
    exchange = LocalExchange(tape("BTCUSDT", 60), stepped=True)
    with exchange, closing(LocalVenue(exchange)) as venue:
        quiet, pinged = venue.stream("/ws"), venue.stream("/ws")
        assert pinged.pings(15) == 15  # more than the server would wait for an answer
        assert quiet.is_cut()
        assert pinged.ask("LIST_SUBSCRIPTIONS")["result"] == []
