"""Market data as python-binance gets it over HTTP."""

from __future__ import annotations

from decimal import Decimal
from itertools import pairwise
from typing import Any

import pytest
from binance.exceptions import BinanceAPIException
from tests.contracts import shapes
from tests.contracts.conftest import PAST
from tests.contracts.venue import LocalVenue, Venue, tape

MINUTE_MS = 60_000
PAGE = 1_000


def assert_shape(venue: Venue, document: Any, shape: Any) -> None:
    assert list(shapes.mismatches(document, shape, exact=venue.exact)) == []


# What the exchange is


def test_it_answers_a_ping_with_nothing(venue: Venue) -> None:
    assert venue.client.ping() == {}


def test_it_tells_its_time(venue: Venue) -> None:
    told = venue.client.get_server_time()
    assert_shape(venue, told, {"serverTime": shapes.TIME})


def test_exchange_info_lists_symbols_with_everything_an_order_needs(venue: Venue) -> None:
    info = venue.client.get_exchange_info()
    assert_shape(venue, info, shapes.EXCHANGE_INFO)
    limits = {limit["rateLimitType"] for limit in info["rateLimits"]}
    assert limits == {"REQUEST_WEIGHT", "ORDERS", "RAW_REQUESTS"}
    names = [symbol["symbol"] for symbol in info["symbols"]]
    assert venue.symbol in names
    assert len(set(names)) == len(names) > 1


def test_every_filter_has_its_fields_and_types(venue: Venue) -> None:
    kinds = {"filterType": shapes.TEXT}
    for name, shape in shapes.FILTERS.items():
        assert_shape(venue, venue.market.filters[name], {**kinds, **shape})


def test_exchange_info_of_one_symbol_and_of_several(venue: Venue) -> None:
    one = venue.client._get("exchangeInfo", data={"symbol": venue.symbol})
    assert [symbol["symbol"] for symbol in one["symbols"]] == [venue.symbol]
    two = venue.client._get("exchangeInfo", data={"symbols": '["BTCUSDT","ETHUSDT"]'})
    assert {symbol["symbol"] for symbol in two["symbols"]} == {"BTCUSDT", "ETHUSDT"}


def test_every_answer_says_what_weight_was_used(venue: Venue) -> None:
    venue.client.ping()
    before = int(venue.client.response.headers["X-MBX-USED-WEIGHT-1M"])
    venue.client.get_avg_price(symbol=venue.symbol)
    after = int(venue.client.response.headers["X-MBX-USED-WEIGHT-1M"])
    assert after == before + 2 or after <= 2  # a new minute may have begun


# Candles


def test_klines_are_rows_of_twelve_on_the_grid(venue: Venue) -> None:
    rows = venue.client.get_klines(symbol=venue.symbol, interval="1m", limit=50)
    assert_shape(venue, rows, [shapes.KLINE])
    assert len(rows) == 50
    assert all(later[0] - earlier[0] == MINUTE_MS for earlier, later in pairwise(rows))
    for row in rows:
        opened, high, low, close = map(Decimal, row[1:5])
        assert row[6] == row[0] + MINUTE_MS - 1
        assert low <= min(opened, close) <= max(opened, close) <= high


def test_the_last_kline_is_the_unfinished_one(venue: Venue) -> None:
    rows = venue.client.get_klines(symbol=venue.symbol, interval="1h", limit=2)
    assert rows[0][6] < venue.client.get_server_time()["serverTime"] <= rows[1][6] + MINUTE_MS


def test_klines_from_a_time_on_are_the_oldest_first(venue: Venue) -> None:
    newest = venue.client.get_klines(symbol=venue.symbol, interval="1m", limit=20)
    start = newest[0][0]
    assert venue.client.get_klines(symbol=venue.symbol, interval="1m", startTime=start, limit=5) == newest[:5]
    ended = venue.client.get_klines(symbol=venue.symbol, interval="1m", startTime=start, endTime=newest[3][0])
    assert ended == newest[:4]
    assert venue.client.get_ui_klines(symbol=venue.symbol, interval="1m", startTime=start, limit=5) == newest[:5]


def test_longer_klines_are_made_of_shorter_ones(venue: Venue) -> None:
    hour = venue.client.get_klines(symbol=venue.symbol, interval="1h", limit=2)[0]
    rows = venue.client.get_klines(symbol=venue.symbol, interval="1m", startTime=hour[0], endTime=hour[6], limit=60)
    assert rows[0][1] == hour[1]
    assert rows[-1][4] == hour[4]
    assert max(Decimal(row[2]) for row in rows) == Decimal(hour[2])
    assert min(Decimal(row[3]) for row in rows) == Decimal(hour[3])
    assert sum(Decimal(row[5]) for row in rows) == Decimal(hour[5])
    assert sum(row[8] for row in rows) == hour[8]


def paged(venue: Venue, start: int, rows: int) -> list[list[Any]]:
    found: list[list[Any]] = []
    while len(found) < rows:
        page = venue.client.get_klines(symbol=venue.symbol, interval="1m", startTime=start, limit=PAGE)
        found += page
        start = page[-1][0] + MINUTE_MS
    return found


@pytest.mark.loopback
def test_ten_thousand_klines_are_the_source_to_the_last_digit(local: LocalVenue) -> None:
    source = tape(local.symbol, PAST)
    rows = paged(local, int(source.open_time[0]), 10_000)[:10_000]
    assert [row[0] for row in rows] == source.open_time[:10_000].tolist()
    for place, name in enumerate(("open", "high", "low", "close", "volume"), start=1):
        told = [Decimal(row[place]) for row in rows]
        assert told == [Decimal(repr(value)) for value in getattr(source, name)[:10_000].tolist()]


@pytest.mark.loopback
def test_the_clients_own_paging_finds_the_same(local: LocalVenue) -> None:
    start = int(tape(local.symbol, PAST).open_time[PAST - 1_500])
    found = local.client.get_historical_klines(local.symbol, "1m", start_str=start)
    assert found == paged(local, start, 1_500)


# Trades and the book


def test_depth_is_sorted_from_the_best_price_outwards(venue: Venue) -> None:
    book = venue.client.get_order_book(symbol=venue.symbol, limit=10)
    assert_shape(venue, book, shapes.DEPTH)
    bids, asks = ([Decimal(price) for price, _ in book[side]] for side in ("bids", "asks"))
    assert 0 < len(bids) <= 10
    assert bids == sorted(bids, reverse=True)
    assert asks == sorted(asks)
    assert bids[0] < asks[0]


def test_trades_follow_each_other(venue: Venue) -> None:
    trades = venue.client.get_recent_trades(symbol=venue.symbol, limit=20)
    assert_shape(venue, trades, [shapes.TRADE])
    assert [trade["id"] for trade in trades] == sorted({trade["id"] for trade in trades})
    for trade in trades:
        assert Decimal(trade["quoteQty"]) == Decimal(trade["price"]) * Decimal(trade["qty"])


def test_old_trades_are_found_by_their_id(venue: Venue) -> None:
    trades = venue.client.get_recent_trades(symbol=venue.symbol, limit=20)
    found = venue.client.get_historical_trades(symbol=venue.symbol, fromId=trades[3]["id"], limit=5)
    assert found == trades[3:8]


def test_aggregate_trades_name_the_trades_that_they_hold(venue: Venue) -> None:
    found = venue.client.get_aggregate_trades(symbol=venue.symbol, limit=20)
    assert_shape(venue, found, [shapes.AGGREGATE_TRADE])
    assert all(earlier["l"] < later["f"] for earlier, later in pairwise(found))
    assert venue.client.get_aggregate_trades(symbol=venue.symbol, fromId=found[4]["a"], limit=3) == found[4:7]


def test_the_average_price_lies_within_its_minutes(venue: Venue) -> None:
    average = venue.client.get_avg_price(symbol=venue.symbol)
    assert_shape(venue, average, shapes.AVERAGE_PRICE)
    rows = venue.client.get_klines(symbol=venue.symbol, interval="1m", limit=average["mins"] + 2)
    assert min(Decimal(row[3]) for row in rows) <= Decimal(average["price"]) <= max(Decimal(row[2]) for row in rows)


# Tickers


def test_the_last_price_of_one_symbol_of_some_and_of_all(venue: Venue) -> None:
    one = venue.client.get_symbol_ticker(symbol=venue.symbol)
    assert_shape(venue, one, shapes.PRICE)
    some = venue.client.get_symbol_ticker(symbols='["BTCUSDT","ETHUSDT"]')
    assert_shape(venue, some, [shapes.PRICE])
    assert [ticker["symbol"] for ticker in some] == ["BTCUSDT", "ETHUSDT"]
    every = venue.client.get_all_tickers()
    assert venue.symbol in {ticker["symbol"] for ticker in every}
    assert len(every) > 2


def test_the_book_ticker_is_the_top_of_the_book(venue: Venue) -> None:
    ticker = venue.client.get_orderbook_ticker(symbol=venue.symbol)
    assert_shape(venue, ticker, shapes.BOOK_TICKER)
    assert Decimal(ticker["bidPrice"]) < Decimal(ticker["askPrice"])
    assert_shape(venue, venue.client.get_orderbook_tickers(), [shapes.BOOK_TICKER])


@pytest.mark.parametrize(("kind", "shape"), [("FULL", shapes.TICKER_DAY), ("MINI", shapes.TICKER_MINI)])
def test_the_ticker_of_a_day(venue: Venue, kind: str, shape: Any) -> None:
    ticker = venue.client.get_ticker(symbol=venue.symbol, type=kind)
    assert_shape(venue, ticker, shape)
    low, last, high = (Decimal(ticker[name]) for name in ("lowPrice", "lastPrice", "highPrice"))
    assert low <= last <= high
    assert ticker["lastId"] - ticker["firstId"] + 1 >= ticker["count"] > 0


def test_the_ticker_of_a_window_opens_on_a_minute(venue: Venue) -> None:
    ticker = venue.client.get_symbol_ticker_window(symbol=venue.symbol, windowSize="2h")
    assert_shape(venue, ticker, shapes.TICKER_WINDOW)
    assert ticker["openTime"] % MINUTE_MS == 0
    assert 0 <= ticker["closeTime"] - ticker["openTime"] - 120 * MINUTE_MS < MINUTE_MS


def test_the_ticker_of_a_trading_day_opens_at_midnight(venue: Venue) -> None:
    ticker = venue.client._get("ticker/tradingDay", data={"symbol": venue.symbol})
    assert_shape(venue, ticker, shapes.TICKER_WINDOW)
    assert ticker["openTime"] % (1_440 * MINUTE_MS) == 0


# Refusals


@pytest.mark.parametrize(
    ("path", "params", "code"),
    [
        ("klines", {"symbol": "NOSUCHUSDT", "interval": "1m"}, -1121),
        ("klines", {"symbol": "BTCUSDT", "interval": "7m"}, -1120),
        ("klines", {"symbol": "BTCUSDT"}, -1102),
        ("klines", {"interval": "1m"}, -1102),
        ("depth", {"symbol": "BTCUSDT", "limit": "ten"}, -1100),
        ("depth", {"symbol": "btcusdt"}, -1100),
        ("exchangeInfo", {"symbol": "NOSUCHUSDT"}, -1121),
    ],
)
def test_what_cannot_be_asked_is_refused(venue: Venue, path: str, params: dict[str, str], code: int) -> None:
    with pytest.raises(BinanceAPIException) as refused:
        venue.client._get(path, data=params)
    assert (refused.value.code, refused.value.status_code) == (code, 400)
