"""Names of streams: all that the exchange has, and nothing else."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from thunes.model import INTERVALS
from thunes.simulator.streams.names import Stream, UnknownStream, parse_stream


@pytest.mark.parametrize(
    ("name", "stream"),
    [
        ("btcusdt@trade", Stream("btcusdt@trade", "trade", "BTCUSDT")),
        ("btcusdt@aggTrade", Stream("btcusdt@aggTrade", "aggTrade", "BTCUSDT")),
        ("btcusdt@bookTicker", Stream("btcusdt@bookTicker", "bookTicker", "BTCUSDT")),
        ("!miniTicker@arr", Stream("!miniTicker@arr", "allMiniTickers", period=1_000)),
        ("btcusdt@ticker_4h", Stream("btcusdt@ticker_4h", "windowTicker", "BTCUSDT", window="4h", period=1_000)),
        ("btcusdt@depth", Stream("btcusdt@depth", "depth", "BTCUSDT", period=1_000)),
        ("btcusdt@depth@100ms", Stream("btcusdt@depth@100ms", "depth", "BTCUSDT", period=100)),
        ("btcusdt@depth20", Stream("btcusdt@depth20", "partialDepth", "BTCUSDT", levels=20, period=1_000)),
        ("btcusdt@depth5@100ms", Stream("btcusdt@depth5@100ms", "partialDepth", "BTCUSDT", levels=5, period=100)),
        ("币安usdt@avgPrice", Stream("币安usdt@avgPrice", "avgPrice", "币安USDT", period=1_000)),
    ],
)
def test_a_name_says_what_is_asked_for(name, stream):
    assert parse_stream(name) == stream


@pytest.mark.parametrize("interval", INTERVALS)
def test_every_interval_has_a_stream_in_utc_and_one_in_utc_plus_eight(interval):
    plain, ahead = (parse_stream(f"btcusdt@kline_{interval}{zone}") for zone in ("", "@+08:00"))
    assert (plain.interval, plain.zone, ahead.interval, ahead.zone) == (interval, 0, interval, 8 * 3_600_000)
    assert plain.period == ahead.period == (1_000 if interval == "1s" else 2_000)


@pytest.mark.parametrize(
    "name",
    [
        *("", "@", "btcusdt", "btcusdt@", "@trade", "BTCUSDT@trade", "btcusdt@Trade", "btcusdt@trade@100ms"),
        *("btcusdt@kline_", "btcusdt@kline_2m", "btcusdt@kline_1m@+07:00", "btcusdt@depth7", "btcusdt@depth@250ms"),
        *("!ticker@arr", "!bookTicker", "btcusdt@ticker_2h", "btc usdt@trade", "btcusdt@trade\n"),
    ],
)
def test_other_names_are_no_streams(name):
    with pytest.raises(UnknownStream):
        parse_stream(name)


@given(st.text(max_size=40))
def test_no_text_does_anything_else_than_be_a_stream_or_none(name):
    with suppress(UnknownStream):
        assert parse_stream(name).name == name
