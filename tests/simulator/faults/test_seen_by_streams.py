"""What subscribers of market streams see of faults of streams and of candles, and what REST says meanwhile."""

from __future__ import annotations

import math
from typing import Any

import pytest
from tests.contracts.sockets import Socket
from tests.contracts.venue import LocalVenue
from tests.simulator.faults.over_sockets import MINUTE, Script, heard, proves
from tests.simulator.faults.over_sockets import emptied as emptied
from tests.simulator.faults.over_sockets import exchange as exchange
from tests.simulator.faults.over_sockets import script as script
from tests.simulator.faults.over_sockets import trader as trader

pytestmark = pytest.mark.loopback
KLINE, TRADE, BOOK = "btcusdt@kline_1m", "btcusdt@trade", "btcusdt@bookTicker"


@pytest.fixture
def stream(trader: LocalVenue) -> Socket:
    """A connection that hears of minutes."""
    listening = trader.stream(f"/ws/{KLINE}")
    heard(listening)
    return listening


def closed(told: list[Any]) -> list[int]:
    """The open times of the candles that were told to be over."""
    return [message["k"]["t"] for message in told if message["k"]["x"]]


def next_open(trader: LocalVenue) -> int:
    """When the next candle opens (epoch ms): what "next" means to a fault."""
    return trader.exchange.now_ms // MINUTE * MINUTE + MINUTE


def rows(trader: LocalVenue, opens: int, count: int = 3) -> list[Any]:
    """What REST has of so many candles from one on."""
    last = opens + (count - 1) * MINUTE
    found = trader.client.get_klines(symbol=trader.symbol, interval="1m", startTime=opens, endTime=last)
    assert isinstance(found, list)
    return found


# Streams


@proves("stream_silent")
def test_a_silent_stream_leaves_the_connection_alive(trader: LocalVenue, script: Script, stream: Socket) -> None:
    script.fault("stream_silent", stream=KLINE)
    begun = next_open(trader)
    trader.exchange.advance(3)
    assert heard(stream) == []
    stream._wire.ping("there?")
    assert stream._wire.recv_frame().data == b"there?"
    assert [row[0] for row in rows(trader, begun)] == [begun, begun + MINUTE, begun + 2 * MINUTE]
    assert set(script.struck()) == {("stream_silent", KLINE)}
    script.clear()
    trader.exchange.advance(1)
    assert closed(heard(stream)) == [begun + 2 * MINUTE]


@proves("stream_silent")
def test_a_star_silences_all_streams_of_a_symbol(trader: LocalVenue, script: Script) -> None:
    combined = trader.stream(f"/stream?streams={KLINE}/{TRADE}/!miniTicker@arr")
    heard(combined)
    script.fault("stream_silent", stream="btcusdt@*")
    trader.exchange.advance(2)
    assert {message["stream"] for message in heard(combined)} == {"!miniTicker@arr"}
    assert {hit for _, hit in script.struck()} == {KLINE, TRADE}


@proves("stream_duplicate")
def test_a_candle_is_told_again_word_for_word(trader: LocalVenue, script: Script, stream: Socket) -> None:
    script.fault("stream_duplicate", stream=KLINE, copies=2, count=1)
    trader.exchange.advance(1)
    told = heard(stream)
    assert closed(told) == [next_open(trader) - 2 * MINUTE] * 3
    assert told[0] == told[1] == told[2] != told[3]
    assert script.struck() == [("stream_duplicate", KLINE)]


@proves("stream_reorder")
def test_a_candle_comes_behind_the_one_that_follows_it(trader: LocalVenue, script: Script, stream: Socket) -> None:
    first = next_open(trader) - MINUTE
    script.fault("stream_reorder", stream=KLINE, count=1)
    trader.exchange.advance(1)
    told = heard(stream)
    assert [(message["k"]["t"], message["k"]["x"]) for message in told] == [(first + MINUTE, False), (first, True)]
    assert told[0]["E"] >= told[1]["E"]
    assert script.struck() == [("stream_reorder", KLINE)]


@proves("stream_reorder")
def test_trades_lose_their_order_and_their_numbers_restore_it(trader: LocalVenue, script: Script) -> None:
    trades = trader.stream(f"/ws/{TRADE}")
    heard(trades)
    script.fault("stream_reorder", stream=TRADE, probability=0.3)
    trader.exchange.advance(3)
    script.clear()
    trader.exchange.advance(1)
    told = [message["t"] for message in heard(trades)]
    assert told != sorted(told)
    assert len(set(told)) == len(told) > 30
    assert set(script.struck()) == {("stream_reorder", TRADE)}


@proves("stream_delay")
def test_a_candle_is_told_late_by_the_exchange_s_clock(trader: LocalVenue, script: Script, stream: Socket) -> None:
    over = next_open(trader)
    script.fault("stream_delay", stream=KLINE, delay_ms=7_000, count=1)
    trader.exchange.advance(until=over)
    assert heard(stream) == []
    trader.exchange.advance(until=over + 6_999)
    assert heard(stream) == []
    trader.exchange.advance(until=over + 7_000)
    told = heard(stream)
    assert closed(told) == [over - MINUTE]
    assert told[0]["E"] == over
    assert script.struck() == [("stream_delay", KLINE)]


@proves("stream_delay")
def test_each_subscriber_has_what_is_late_in_its_own_form(trader: LocalVenue, script: Script) -> None:
    raw, combined = trader.stream(f"/ws/{KLINE}"), trader.stream(f"/stream?streams={KLINE}")
    script.fault("stream_delay", stream=KLINE, delay_ms=1_000, count=1)
    trader.exchange.advance(1)
    assert [heard(raw), heard(combined)] == [[], []]
    trader.exchange.advance(until=trader.exchange.now_ms + 1_000)
    plain = heard(raw)
    assert heard(combined) == [{"stream": KLINE, "data": message} for message in plain]
    assert len(closed(plain)) == 1


@proves("stream_silent")
def test_only_the_stream_that_was_named_is_struck(trader: LocalVenue, script: Script) -> None:
    combined = trader.stream(f"/stream?streams={KLINE}/{BOOK}")
    heard(combined)
    script.fault("stream_silent", stream=BOOK)
    trader.exchange.advance(1)
    assert {message["stream"] for message in heard(combined)} == {KLINE}


# Candles


@proves("candle_gap")
def test_a_missing_candle_is_missing_everywhere(trader: LocalVenue, script: Script, stream: Socket) -> None:
    opens = next_open(trader)
    script.fault("candle_gap", symbol="BTCUSDT")
    trader.exchange.advance(3)
    assert closed(heard(stream)) == [opens - MINUTE, opens + MINUTE]
    assert [row[0] for row in rows(trader, opens)] == [opens + MINUTE, opens + 2 * MINUTE]
    assert script.struck() == [("candle_gap", f"BTCUSDT {opens}")]
    script.clear()
    assert [row[0] for row in rows(trader, opens)] == [opens, opens + MINUTE, opens + 2 * MINUTE]


@proves("candle_duplicate")
def test_a_candle_is_there_twice(trader: LocalVenue, script: Script, stream: Socket) -> None:
    opens = next_open(trader)
    script.fault("candle_duplicate", symbol="BTCUSDT")
    trader.exchange.advance(2)
    assert closed(heard(stream)) == [opens - MINUTE, opens, opens]
    found = rows(trader, opens, 2)
    assert [row[0] for row in found] == [opens, opens, opens + MINUTE]
    assert found[0] == found[1]
    assert script.struck() == [("candle_duplicate", f"BTCUSDT {opens}")]


@proves("candle_nan")
def test_prices_may_be_no_numbers(trader: LocalVenue, script: Script, stream: Socket) -> None:
    opens = next_open(trader)
    script.fault("candle_nan", symbol="BTCUSDT")
    trader.exchange.advance(2)
    told = next(message["k"] for message in heard(stream) if message["k"]["t"] == opens and message["k"]["x"])
    assert [told[name] for name in "ohlc"] == ["NaN"] * 4
    row = rows(trader, opens, 1)[0]
    assert all(math.isnan(float(price)) for price in row[1:5])
    assert float(told["v"]) == float(row[5]) > 0
    assert script.struck() == [("candle_nan", f"BTCUSDT {opens}")]


@pytest.mark.parametrize(("factor", "column", "other"), [("10", 2, 3), ("0.1", 3, 2)])
@proves("candle_spike")
def test_a_spike_is_seen_and_nobody_traded_there(
    trader: LocalVenue, script: Script, stream: Socket, factor: str, column: int, other: int
) -> None:
    opens, close = next_open(trader), float(trader.market.best()[0])
    waits = trader.client.create_order(**trader.market.resting("SELL" if column == 2 else "BUY"))
    number = script.fault("candle_spike", symbol="BTCUSDT", factor=factor)
    trader.exchange.advance(2)
    told = next(message["k"] for message in heard(stream) if message["k"]["t"] == opens and message["k"]["x"])
    row = rows(trader, opens, 1)[0]
    assert [told["h"], told["l"]] == [row[2], row[3]]
    script.remove(number)
    true = rows(trader, opens, 1)[0]
    assert float(row[column]) == pytest.approx(float(true[column]) * float(factor))
    assert row[other] == true[other]
    assert abs(float(row[column]) / close - 1) > 0.8
    assert trader.client.get_order(symbol="BTCUSDT", orderId=waits["orderId"])["status"] == "NEW"
    assert script.struck() == [("candle_spike", f"BTCUSDT {opens}")]


@proves("candle_gap")
def test_a_candle_of_the_past_can_be_struck(trader: LocalVenue, script: Script) -> None:
    opens = next_open(trader) - 10 * MINUTE
    before = rows(trader, opens)
    script.fault("candle_gap", symbol="BTCUSDT", open_time=opens + MINUTE)
    assert rows(trader, opens) == [before[0], before[2]]
    hours = trader.client.get_klines(symbol="BTCUSDT", interval="5m", startTime=opens)
    assert hours, "longer candles are made of the market, not of what was told"
    assert script.struck() == [("candle_gap", f"BTCUSDT {opens + MINUTE}")]
