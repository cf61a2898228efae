"""What streams tell of the market: trades, candles, tickers, in the order of time and never of the future."""

from decimal import Decimal
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.simulator.streams.listening import COMBINED, RAW, Listener, exchange, flat, hub_of, listen

from thunes.simulator.api.call import Call
from thunes.simulator.api.market import klines
from thunes.simulator.api.tickers import ticker_day
from thunes.simulator.feed.damage import CandleFault
from thunes.simulator.feed.reference import PriceRange
from thunes.simulator.streams.names import UnknownStream, parse_stream
from thunes.simulator.streams.topics import Manner

MINUTE = 60_000
STEP = st.integers(1, 400_000) | st.sampled_from([1, 59_999, 60_000, 60_001])
STEPS = st.lists(STEP, min_size=1, max_size=8)
EVERYTHING = (
    *("btcusdt@trade", "btcusdt@aggTrade", "btcusdt@kline_1m", "btcusdt@kline_3m", "btcusdt@kline_1h@+08:00"),
    *("btcusdt@miniTicker", "btcusdt@ticker", "!miniTicker@arr", "btcusdt@ticker_1h", "btcusdt@bookTicker"),
    *("btcusdt@avgPrice", "btcusdt@referencePrice", "btcusdt@depth", "btcusdt@depth5", "btcusdt@depth@100ms"),
)


def rest(venue, interval, limit=1_000):
    sent = {"symbol": "BTCUSDT", "interval": interval, "limit": str(limit)}
    return klines(Call(venue, sent))


def row(told):
    bar = told["k"]
    return [*(bar[name] for name in "tohlcvTqnVQ"), bar["B"]]


@given(STEPS, st.sampled_from(["1m", "3m", "15m", "1h"]))
@settings(max_examples=30, deadline=None)
def test_closed_candles_of_a_stream_are_those_of_rest_each_once_and_in_order(steps, interval):
    venue = exchange()
    listener = listen(hub_of(venue), f"btcusdt@kline_{interval}")
    began = venue.now_ms
    for step in steps:
        venue.advance_to(venue.now_ms + step)
    closed = [told for told in listener.read() if told["k"]["x"]]
    expected = [bar for bar in rest(venue, interval) if began <= bar[6] < venue.now_ms]
    assert [row(told) for told in closed] == expected
    assert all(told["E"] == told["k"]["T"] + 1 for told in closed)


@given(STEPS)
@settings(max_examples=20, deadline=None)
def test_a_forming_candle_is_what_rest_says_at_that_moment(steps):
    venue, other = exchange(), exchange()
    listener = listen(hub_of(venue), "btcusdt@kline_3m")
    for step in steps:
        before = venue.now_ms
        venue.advance_to(before + step)
        forming = [told for told in listener.read() if not told["k"]["x"]]
        boundary = venue.now_ms - venue.now_ms % 2_000
        assert [told["E"] for told in forming] == [boundary] * (boundary > before)
        for told in forming:
            other.advance_to(boundary)
            assert row(told) == rest(other, "3m", 1)[0]


@given(STEPS)
@settings(max_examples=20, deadline=None)
def test_trades_are_told_each_once_and_add_up_to_the_candles(steps):
    venue = exchange()
    listener = listen(hub_of(venue), "btcusdt@trade", "btcusdt@aggTrade")
    began = venue.now_ms
    for step in [*steps, 5 * MINUTE]:
        venue.advance_to(venue.now_ms + step)
    told = listener.read()
    trades = [message for message in told if message["e"] == "trade"]
    ticks = [tick for tick in venue.feed.ticks(began, venue.now_ms) if tick.quantity]
    assert [trade["t"] for trade in trades] == [tick.number for tick in ticks]
    assert [Decimal(trade["p"]) for trade in trades] == [tick.price for tick in ticks]
    assert [trade["m"] for trade in trades] == [tick.taker == "SELL" for tick in ticks]
    for bar in rest(venue, "1m"):
        if bar[0] > began and bar[6] < venue.now_ms:
            inside = [trade for trade in trades if bar[0] <= trade["T"] <= bar[6]]
            assert sum(Decimal(trade["q"]) for trade in inside) == Decimal(bar[5])
    whole = sum(Decimal(message["q"]) for message in told if message["e"] == "aggTrade")
    assert whole == sum(Decimal(trade["q"]) for trade in trades)


@given(STEPS)
@settings(max_examples=15, deadline=None)
def test_events_come_in_the_order_of_time_and_never_before_it(steps):
    venue = exchange("BTCUSDT", "ETHUSDT")
    venue.price_ranges["BTCUSDT"] = PriceRange()
    names = (*EVERYTHING, *(name.replace("btcusdt", "ethusdt") for name in EVERYTHING[:4]))
    listener = listen(hub_of(venue), *names, manner=COMBINED)
    for step in steps:
        before = venue.now_ms
        venue.advance_to(before + step)
        told = [message["data"] for message in listener.read()]
        times = [moment for data in told if (moment := time_of(data)) is not None]
        assert all(earlier <= later for earlier, later in pairwise(times))
        assert all(before < moment <= venue.now_ms for moment in times)


def time_of(data):
    return data[0]["E"] if isinstance(data, list) else data.get("E", data.get("t"))


def test_what_streams_tell_does_not_depend_on_how_time_moves():
    sent = []
    for step in (MINUTE, 7 * MINUTE + 13):
        venue = exchange("BTCUSDT", "ETHUSDT")
        listener = listen(hub_of(venue), "btcusdt@trade", "ethusdt@trade", "btcusdt@kline_1m", "btcusdt@bookTicker")
        until = venue.now_ms + 60 * MINUTE
        while venue.now_ms < until:
            venue.advance_to(min(until, venue.now_ms + step))
        sent.append([told for told in listener.read() if not ("k" in told and not told["k"]["x"])])
    assert sent[0] == sent[1]


def test_tickers_say_what_rest_says():
    venue = exchange()
    venue.price_ranges["BTCUSDT"] = PriceRange()
    names = ("btcusdt@ticker", "btcusdt@miniTicker", "btcusdt@ticker_1h", "btcusdt@avgPrice", "btcusdt@referencePrice")
    listener = listen(hub_of(venue), *names)
    venue.advance_to(venue.now_ms + 2 * MINUTE)
    told = {message["e"]: message for message in listener.read()}
    asked = ticker_day(Call(venue, {"symbol": "BTCUSDT"}))
    day = told["24hrTicker"]
    assert list(day) == [*"eEspPwxcQbBaAohlvqOCFLn"]  # pragma: allowlist secret
    assert [day[name] for name in "spPwxcQbBaAohlvqOCFLn"] == list(asked.values())
    mini = told["24hrMiniTicker"]
    assert list(mini) == [*"eEscohlvq"]
    assert [mini[name] for name in "cohlvq"] == [day[name] for name in "cohlvq"]
    hour = told["1hTicker"]
    assert list(hour) == [*"eEspPohlcwvqOCFLn"]
    assert hour["C"] - hour["O"] == 60 * MINUTE
    assert told["avgPrice"]["w"] == f"{venue.prices('BTCUSDT').average:.8f}"
    assert told["referencePrice"]["r"] == f"{venue.reference_price('BTCUSDT'):.8f}"


def test_a_ticker_is_silent_while_nothing_happens_and_a_candle_is_not():
    venue = exchange()
    listener = listen(hub_of(venue), "btcusdt@miniTicker", "!miniTicker@arr", "btcusdt@kline_1m")
    venue.advance_to(venue.now_ms + 10_000)  # a tick each 6.7 seconds
    assert len(listener.read()) == 3
    venue.advance_to(venue.now_ms + 2_000)
    assert [told["e"] for told in listener.read()] == ["kline"]


def test_all_mini_tickers_are_those_of_the_symbols_that_changed():
    venue = exchange("BTCUSDT", "ETHUSDT")
    listener = listen(hub_of(venue), "!miniTicker@arr", "btcusdt@miniTicker")
    venue.advance_bars(1)
    several, one = sorted(listener.read(), key=lambda told: isinstance(told, dict))
    assert [ticker["s"] for ticker in several] == ["BTCUSDT", "ETHUSDT"]
    assert several[0] == one


@pytest.mark.parametrize(("kind", "count"), [("gap", 0), ("duplicate", 2), ("nan", 1), ("spike", 1)])
def test_candle_faults_are_told_as_in_rest(kind, count):
    venue = exchange()
    venue.candle_faults["BTCUSDT"] = [CandleFault(kind, venue.now_ms)]
    listener = listen(hub_of(venue), "btcusdt@kline_1m")
    struck = venue.now_ms
    venue.advance_bars(2)
    closed = [row(told) for told in listener.read() if told["k"]["x"] and told["k"]["t"] == struck]
    assert len(closed) == count
    assert closed == [bar for bar in rest(venue, "1m") if bar[0] == struck]


def test_each_manner_gets_the_same_event_in_its_own_form():
    venue = exchange()
    hub = hub_of(venue)
    manners = (RAW, COMBINED, Manner(scale=1_000), Manner(combined=True, scale=1_000))
    raw, combined, micro, both = (listen(hub, "btcusdt@trade", manner=manner) for manner in manners)
    venue.advance_bars(1)
    plain, fine = raw.read(), micro.read()
    assert combined.read() == [{"stream": "btcusdt@trade", "data": trade} for trade in plain]
    assert both.read() == [{"stream": "btcusdt@trade", "data": trade} for trade in fine]
    assert [trade["T"] for trade in fine] == [trade["T"] * 1_000 for trade in plain]


def test_an_event_is_encoded_once_for_all_who_read_it_alike():
    venue, encoded = exchange(), []
    hub = hub_of(venue)
    hub.encode = lambda payload: encoded.append(payload) or payload
    raw = [listen(hub, "btcusdt@trade") for _ in range(5)]
    combined = [listen(hub, "btcusdt@trade", manner=COMBINED) for _ in range(5)]
    venue.advance_bars(1)
    assert len(encoded) == 2 * len(raw[0].sent)
    assert all(listener.sent == raw[0].sent for listener in raw)
    assert all(listener.sent == combined[0].sent for listener in combined)


def test_a_filter_changes_what_is_sent():
    venue = exchange()
    hub = hub_of(venue)
    trades, books = listen(hub, "btcusdt@trade"), listen(hub, "btcusdt@bookTicker")
    hub.filter = lambda stream, payload: () if stream.endswith("@trade") else (payload, payload)
    venue.advance_bars(1)
    assert not trades.read()
    told = books.read()
    assert told[0::2] == told[1::2]


def test_a_filter_is_asked_once_for_all_who_listen():
    venue, asked = exchange(), []
    hub = hub_of(venue)
    manners = (RAW, COMBINED, Manner(scale=1_000))
    raw, combined, micro = (listen(hub, "btcusdt@trade", manner=manner) for manner in manners)
    hub.filter = lambda stream, payload: asked.append(stream) or (payload, b'{"T":0}')
    venue.advance_bars(1)
    told = raw.read()
    assert len(told) == 2 * len(asked)
    assert [message["data"] for message in combined.read()] == told
    assert [trade["T"] for trade in micro.read()] == [1_000 * trade["T"] for trade in told]


def test_what_was_held_back_goes_to_all_who_listen_by_then():
    hub = hub_of(exchange())
    raw, combined = listen(hub, "btcusdt@trade"), listen(hub, "btcusdt@trade", manner=COMBINED)
    hub.filter = lambda *_: ()
    hub.send("btcusdt@trade", [b'{"t":1}', b'{"t":2}'])
    hub.send("ethusdt@trade", [b'{"t":3}'])
    assert raw.read() == [{"t": 1}, {"t": 2}]
    assert [message["data"]["t"] for message in combined.read()] == [1, 2]


def test_who_leaves_while_being_told_harms_nobody():
    venue = exchange()
    hub = hub_of(venue)
    stream = parse_stream("btcusdt@trade")

    class Quitter(Listener):
        def send_frame(self, frame):
            super().send_frame(frame)
            hub.unsubscribe(stream.name, self, RAW)

    quitter, stayer = Quitter(), Listener()
    hub.subscribe(stream, quitter, RAW)
    hub.subscribe(stream, stayer, RAW)
    venue.advance_bars(1)
    assert len(quitter.sent) == 1
    assert len(stayer.sent) > 1


def test_candles_finer_than_those_played_are_no_stream():
    venue = exchange(interval="1h", bars=100)
    hub = hub_of(venue)
    with pytest.raises(UnknownStream):
        listen(hub, "btcusdt@kline_1m")
    assert not hub.topics


def test_unsubscribing_from_what_nobody_listens_to_changes_nothing():
    hub = hub_of(exchange())
    hub.unsubscribe("btcusdt@trade", Listener(), RAW)
    first, second = listen(hub, "btcusdt@depth"), listen(hub, "btcusdt@ticker")
    hub.unsubscribe("btcusdt@depth", second, RAW)
    hub.unsubscribe("btcusdt@depth", first, COMBINED)
    assert set(hub.topics) == {"btcusdt@depth", "btcusdt@ticker"}


def test_the_aggregate_of_a_candle_in_utc_plus_eight_begins_at_its_midnight():
    venue = exchange(bars=1_500)
    listener = listen(hub_of(venue), "btcusdt@kline_1d@+08:00")
    venue.advance_bars(1_430)
    days = {told["k"]["t"] for told in listener.read()}
    assert all((opened + 8 * 60 * MINUTE) % (24 * 60 * MINUTE) == 0 for opened in days)
    assert days


def test_a_delisted_symbol_falls_silent():
    venue = exchange("BTCUSDT", "ETHUSDT")
    listener = listen(hub_of(venue), *EVERYTHING)
    venue.delist("BTCUSDT")
    venue.advance_bars(2)
    told = listener.read()
    assert {ticker["s"] for array in told for ticker in array} == {"ETHUSDT"}


def test_a_price_that_moved_with_nothing_traded_is_no_trade():
    venue = flat(volume=0.00003)
    listener = listen(hub_of(venue), "btcusdt@trade", "btcusdt@aggTrade")
    venue.advance_to(venue.now_ms + 59_999)
    told = listener.read()
    assert [len([one for one in told if one["e"] == kind]) for kind in ("trade", "aggTrade")] == [3, 3]


def test_when_the_candles_are_over_none_forms():
    venue = flat(volume=1.0, past=59)
    listener = listen(hub_of(venue), "btcusdt@kline_1m")
    venue.advance_to(venue.now_ms + 60_000)
    assert [told["k"]["x"] for told in listener.read()] == [True]
    venue.advance_to(venue.now_ms + 60_000)
    assert not listener.read()


def test_a_message_is_built_once_for_all_who_read_the_same_unit_of_time():
    hub, built = hub_of(exchange()), []
    for manner in (RAW, COMBINED, Manner(scale=1_000)):
        listen(hub, "btcusdt@trade", manner=manner)
    hub.publish(hub.topics["btcusdt@trade"], lambda scale: built.append(scale) or b"{}")
    assert built == [1, 1_000]
