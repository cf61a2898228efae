"""Tickers: figures that anybody can add up from the trades, of one symbol, several or all."""

from decimal import Decimal

import pytest
from tests.simulator.api.test_market import ask, code_of
from tests.simulator.streams.listening import exchange

from thunes.simulator.api.tickers import rolling

MINUTE, DAY = 60_000, 86_400_000
MINI = ["symbol", "openPrice", "highPrice", "lowPrice", "lastPrice", "volume", "quoteVolume"]
COUNTS = ["openTime", "closeTime", "firstId", "lastId", "count"]
CHANGE = ["priceChange", "priceChangePercent", "weightedAvgPrice"]
BOOK = ["prevClosePrice", "lastPrice", "lastQty", "bidPrice", "bidQty", "askPrice", "askQty"]


@pytest.fixture(scope="module")
def venue():
    return exchange("BTCUSDT", "ETHUSDT", bars=4_000, past=3_333)


def summed(venue, opened):
    """By plain counting of the ticks since then."""
    ticks = list(venue.tape("BTCUSDT").ticks(opened - 1, venue.now_ms))
    volume = sum(tick.quantity for tick in ticks)
    quote = sum(tick.price * tick.quantity for tick in ticks)
    prices = [tick.price for tick in ticks]
    change = prices[-1] - prices[0]
    return {
        "priceChange": f"{change:.8f}",
        "priceChangePercent": f"{100 * change / prices[0]:.3f}",
        "weightedAvgPrice": f"{quote / volume:.8f}",
        "openPrice": f"{prices[0]:.8f}",
        "highPrice": f"{max(prices):.8f}",
        "lowPrice": f"{min(prices):.8f}",
        "lastPrice": f"{prices[-1]:.8f}",
        "volume": f"{volume:.8f}",
        "quoteVolume": f"{quote:.8f}",
        "firstId": ticks[0].number,
        "lastId": ticks[-1].number,
        "count": sum(tick.quantity > 0 for tick in ticks),
    }


def test_fields_stand_in_the_exchanges_order(venue):
    full, mini = (ask(venue, "ticker/24hr", symbol="BTCUSDT", type=kind) for kind in ("FULL", "MINI"))
    assert list(full) == ["symbol", *CHANGE, *BOOK, *MINI[1:4], *MINI[5:], *COUNTS]
    assert list(mini) == [*MINI, *COUNTS]
    assert mini.items() <= full.items()
    assert full == ask(venue, "ticker/24hr", symbol="BTCUSDT")
    for path in ("ticker", "ticker/tradingDay"):
        assert list(ask(venue, path, symbol="BTCUSDT")) == ["symbol", *CHANGE, *MINI[1:], *COUNTS]
        assert list(ask(venue, path, symbol="BTCUSDT", type="MINI")) == [*MINI, *COUNTS]


def test_the_day_is_the_last_24_hours(venue):
    found = ask(venue, "ticker/24hr", symbol="BTCUSDT")
    assert summed(venue, venue.now_ms - DAY + 1).items() <= found.items()
    assert (found["openTime"], found["closeTime"]) == (venue.now_ms - DAY, venue.now_ms)
    book = ask(venue, "ticker/bookTicker", symbol="BTCUSDT")
    assert book.items() <= found.items()
    assert Decimal(book["bidPrice"]) < Decimal(found["lastPrice"]) < Decimal(book["askPrice"])


@pytest.mark.parametrize(("sent", "minutes"), [("1m", 1), ("59m", 59), ("23h", 23 * 60), ("2d", 2 * 1_440)])
def test_a_window_begins_on_a_minute(venue, sent, minutes):
    venue.advance_to(venue.now_ms + 12_345)
    opened = (venue.now_ms - minutes * MINUTE) // MINUTE * MINUTE
    found = ask(venue, "ticker", symbol="BTCUSDT", windowSize=sent)
    assert summed(venue, opened).items() <= found.items()
    assert (found["openTime"], found["closeTime"]) == (opened, venue.now_ms)


@pytest.mark.parametrize(("zone", "hours"), [("0", 0), ("8", 8), ("-5:30", -5.5)])
def test_a_trading_day_begins_at_midnight_of_the_time_zone(venue, zone, hours):
    found = ask(venue, "ticker/tradingDay", symbol="BTCUSDT", timeZone=zone)
    assert (found["openTime"] + hours * 3_600_000) % DAY == 0
    assert found["openTime"] <= venue.now_ms <= found["closeTime"] == found["openTime"] + DAY - 1
    assert summed(venue, found["openTime"]).items() <= found.items()


def test_one_is_a_document_and_several_are_a_list(venue):
    for path in ("ticker/24hr", "ticker/price", "ticker/bookTicker"):
        every = ask(venue, path)
        assert [entry["symbol"] for entry in every] == list(venue.info.symbols)
        one, *rest = ask(venue, path, symbols='["ETHUSDT"]')
        assert one == ask(venue, path, symbol="ETHUSDT")
        assert not rest
        assert one in every


def test_a_symbol_without_a_market_has_zeros(venue):
    found = ask(venue, "ticker/24hr", symbol="BNBUSDT")
    assert (found["lastPrice"], found["firstId"], found["lastId"], found["count"]) == ("0.00000000", -1, -1, 0)
    assert found["closeTime"] == venue.now_ms
    assert ask(venue, "ticker/price", symbol="BNBUSDT")["price"] == "0.00000000"
    assert ask(venue, "ticker", symbol="BNBUSDT")["count"] == ask(venue, "ticker/tradingDay", symbol="BNBUSDT")["count"]


def test_a_window_before_the_first_tick_has_nothing(venue):
    tape = venue.tape("BTCUSDT")
    assert rolling(tape, tape.start_ms - 1, MINUTE) is None
    assert rolling(tape, tape.start_ms + 2 * MINUTE - 1, MINUTE).open_time == tape.start_ms


def test_symbols_of_another_status_are_left_out_or_refused():
    venue = exchange("BTCUSDT")
    venue.change_symbol("ETHUSDT", "HALT")
    assert [entry["symbol"] for entry in ask(venue, "ticker/price", symbolStatus="HALT")] == ["ETHUSDT"]
    assert ask(venue, "ticker/price", symbols='["BTCUSDT"]', symbolStatus="HALT") == []
    assert code_of(venue, "ticker/price", symbol="BTCUSDT", symbolStatus="HALT") == -1220
    assert code_of(venue, "ticker/price", symbolStatus="OPEN") == -1122


HUNDRED = "[" + ",".join(f'"S{number}"' for number in range(101)) + "]"


@pytest.mark.parametrize(
    ("path", "sent", "code"),
    [
        ("ticker/24hr", {"symbol": "BTCUSDT", "symbols": '["BTCUSDT"]'}, -1128),
        ("ticker/price", {"symbols": '["BTCUSDT","BTCUSDT"]'}, -1151),
        ("ticker/price", {"symbol": "NOTHING"}, -1121),
        ("ticker/price", {"symbol": "bad symbol"}, -1100),
        ("ticker/price", {"symbols": '["BTCUSDT", "ETHUSDT"]'}, -1100),
        ("ticker/24hr", {"type": "HALF"}, -1130),
        ("ticker", {}, -1102),
        ("ticker/tradingDay", {"type": "MINI"}, -1102),
        ("ticker", {"symbols": HUNDRED}, -1130),
        ("ticker/tradingDay", {"symbol": "BTCUSDT", "timeZone": "15"}, -1130),
        *(
            ("ticker", {"symbol": "BTCUSDT", "windowSize": size}, -1130)
            for size in ("60m", "24h", "8d", "1d2h", "0m", "")
        ),
    ],
)
def test_wrong_questions_are_refused(venue, path, sent, code):
    assert code_of(venue, path, **sent) == code
