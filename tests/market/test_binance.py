"""Klines by page: exactly what was asked for, exactly once, nothing unfinished."""

from __future__ import annotations

import itertools
from typing import Any

import pytest
from tests.market.loopback import LISTED, NOW, Answer, Exchange, as_json, klines, market

from thunes.clock import ManualClock, to_ms
from thunes.errors import DataError, NetworkError, UsageError
from thunes.market.binance import BinanceRest
from thunes.market.http import Http, Patience
from thunes.market.provider import update
from thunes.market.ranges import Range
from thunes.market.store import Series, Store

pytestmark = pytest.mark.loopback
HOUR = 3_600_000
DAY = 24 * HOUR
LAST_CLOSED = to_ms("2024-03-10T12:00")  # NOW is 12:34:56: the candle of 12:00 is not finished


def fetch(exchange: Exchange, clock: ManualClock, series: Series, start: int, end: int) -> list[tuple[int, int]]:
    """Bring the series up to date; returns the progress."""
    seen: list[tuple[int, int]] = []
    with Http(exchange.url, clock, Patience(attempts=2, read=0.3)) as http:
        update(series, BinanceRest(http), Range(start, end), progress=lambda done, total: seen.append((done, total)))
    return seen


@pytest.fixture
def series(store: Store) -> Series:
    return store.series("binance", "BTCUSDT", "1h")


@pytest.mark.parametrize("page", [1000, 500, 7])
def test_pages_join_without_a_seam_whatever_their_size(
    exchange: Exchange, clock: ManualClock, series: Series, page: int
) -> None:
    exchange.page = page
    start, bars = to_ms("2024-01-05"), 60 if page == 7 else 1300
    fetch(exchange, clock, series, start, start + bars * HOUR)
    candles = series.read()
    assert candles is not None
    assert candles.fingerprint() == market(start, bars).fingerprint()


def test_a_page_asks_for_its_own_range_with_the_end_excluded(
    exchange: Exchange, clock: ManualClock, series: Series
) -> None:
    start, end = to_ms("2024-01-05"), to_ms("2024-02-25")  # 1,224 hours
    fetch(exchange, clock, series, start, end)
    assert exchange.asked_ranges == [(start, end - 1), (start + 1000 * HOUR, end - 1)]
    assert "limit=1000" in exchange.asked[1]


def test_the_unfinished_candle_is_dropped_and_asked_for_later(
    exchange: Exchange, clock: ManualClock, series: Series
) -> None:
    fetch(exchange, clock, series, NOW - 5 * HOUR, NOW)
    candles = series.read()
    assert candles is not None
    assert candles.end_time == LAST_CLOSED
    exchange.now = NOW + HOUR
    fetch(exchange, clock, series, NOW - 5 * HOUR, NOW + HOUR)
    assert exchange.asked_ranges[-1] == (LAST_CLOSED, NOW + HOUR - 1)
    later = series.read()
    assert later is not None
    assert later.end_time == LAST_CLOSED + HOUR


def test_the_exchange_says_what_is_finished_not_our_clock(exchange: Exchange, series: Series) -> None:
    fetch(exchange, ManualClock(NOW + 300 * DAY), series, NOW - 5 * HOUR, NOW + DAY)
    candles = series.read()
    assert candles is not None
    assert candles.end_time == LAST_CLOSED


def test_a_candle_cut_short_by_its_close_time_is_not_finished_early(
    exchange: Exchange, clock: ManualClock, series: Series
) -> None:
    exchange.bad_row = lambda row: [*row[:6], NOW - 1, *row[7:]] if row[0] == LAST_CLOSED else row
    fetch(exchange, clock, series, NOW - 5 * HOUR, NOW)
    candles = series.read()
    assert candles is not None
    assert candles.end_time == LAST_CLOSED


def test_what_is_stored_is_not_asked_for_again(exchange: Exchange, clock: ManualClock, series: Series) -> None:
    start = to_ms("2024-02-01")
    fetch(exchange, clock, series, start + 10 * HOUR, start + 20 * HOUR)
    fetch(exchange, clock, series, start, start + 30 * HOUR)
    assert exchange.asked_ranges[1:] == [(start, start + 10 * HOUR - 1), (start + 20 * HOUR, start + 30 * HOUR - 1)]
    fetch(exchange, clock, series, start, start + 30 * HOUR)
    assert len(exchange.asked_ranges) == 3


def test_an_outage_is_asked_for_once_and_stays_a_gap(exchange: Exchange, clock: ManualClock, series: Series) -> None:
    start = to_ms("2024-02-01")
    exchange.outages = [(start + 5 * HOUR, start + 9 * HOUR), (start + 18 * HOUR, start + 20 * HOUR)]
    for _ in range(3):
        fetch(exchange, clock, series, start, start + 20 * HOUR)
    candles = series.read()
    assert candles is not None
    assert len(candles) == 14
    assert len(exchange.asked_ranges) == 2  # the candles; then the empty end, once


def test_the_time_before_the_listing_is_asked_for_once(exchange: Exchange, clock: ManualClock, series: Series) -> None:
    for _ in range(2):
        fetch(exchange, clock, series, LISTED - 400 * DAY, LISTED + 10 * HOUR)
        fetch(exchange, clock, series, LISTED - 800 * DAY, LISTED - 400 * DAY)
    assert len(exchange.asked_ranges) == 2


def test_an_empty_answer_about_the_last_day_is_not_trusted_for_ever(
    exchange: Exchange, clock: ManualClock, series: Series
) -> None:
    exchange.outages = [(NOW - 40 * HOUR, NOW + DAY)]
    fetch(exchange, clock, series, NOW - 50 * HOUR, NOW)
    exchange.outages = []  # it was maintenance, and the candles come late
    fetch(exchange, clock, series, NOW - 50 * HOUR, NOW)
    candles = series.read()
    assert candles is not None
    assert candles.end_time == LAST_CLOSED
    assert exchange.asked_ranges[-1][0] == NOW - DAY


def test_an_interrupted_fetch_keeps_what_came_and_goes_on_there(
    exchange: Exchange, clock: ManualClock, series: Series
) -> None:
    start, end = to_ms("2024-01-05"), to_ms("2024-02-25")
    exchange.script.extend([as_json({"serverTime": NOW}), as_json(klines(start, 1000)), *[Answer(500)] * 2])
    with pytest.raises(NetworkError):
        fetch(exchange, clock, series, start, end)
    fetch(exchange, clock, series, start, end)
    assert exchange.asked_ranges[-1] == (start + 1000 * HOUR, end - 1)
    candles = series.read()
    assert candles is not None
    assert candles.fingerprint() == market(start, 1224).fingerprint()


def test_progress_ends_at_the_whole(exchange: Exchange, clock: ManualClock, series: Series) -> None:
    start = to_ms("2024-01-05")
    seen = fetch(exchange, clock, series, start, start + 1300 * HOUR)
    assert seen == [(1000, 1300), (1300, 1300), (1300, 1300)]


def test_an_unknown_symbol_is_a_usage_error(exchange: Exchange, clock: ManualClock, store: Store) -> None:
    with pytest.raises(UsageError, match="Binance knows no symbol 'BTCUSDC'") as caught:
        fetch(exchange, clock, store.series("binance", "BTCUSDC", "1h"), NOW - DAY, NOW)
    assert caught.value.exit_code == 2


def shifted(row: list[Any], by: int) -> list[Any]:
    return [row[0] + by, *row[1:6], row[6] + by, *row[7:]]


@pytest.mark.parametrize(
    ("body", "why"),
    [
        (None, "klines are a list, this is 'None'"),
        ({"code": 0}, "klines are a list"),
        ([None], "'None' is no kline"),
        ([[1, 2]], "is no kline"),
        ([["1", *klines(LISTED, 1)[0][1:]]], "is no kline"),
        (klines(LISTED - HOUR, 1), "was asked for"),
        (klines(LISTED + 10 * HOUR, 1), "was asked for"),
        (list(reversed(klines(LISTED, 3))), "out of order"),
        (klines(LISTED, 1) * 2, "out of order"),
        ([[*klines(LISTED, 1)[0][:4], "four", *klines(LISTED, 1)[0][5:]]], "no number"),
    ],
)
def test_nonsense_is_refused_and_nothing_is_stored(
    exchange: Exchange, clock: ManualClock, series: Series, body: Any, why: str
) -> None:
    exchange.script.extend([as_json({"serverTime": NOW}), as_json(body)])
    with pytest.raises(NetworkError, match=why) as caught:
        fetch(exchange, clock, series, LISTED, LISTED + 10 * HOUR)
    assert "\n" not in str(caught.value)
    assert series.manifest() is None


@pytest.mark.parametrize("bad", ["NaN", "-1.0", "0", "1e999"])
def test_a_candle_that_cannot_be_one_is_refused(
    exchange: Exchange, clock: ManualClock, series: Series, bad: str
) -> None:
    exchange.bad_row = lambda row: [*row[:4], bad, *row[5:]] if row[0] == LISTED + 3 * HOUR else row
    with pytest.raises(DataError, match="price not finite and > 0: row 3"):
        fetch(exchange, clock, series, LISTED, LISTED + 10 * HOUR)
    assert series.manifest() is None


@pytest.mark.parametrize("answer", [{"serverTime": "soon"}, {"serverTime": 12}, [], None])
def test_a_time_that_is_none_is_refused(exchange: Exchange, clock: ManualClock, series: Series, answer: Any) -> None:
    exchange.script.append(as_json(answer))
    with pytest.raises(NetworkError, match="its time is"):
        fetch(exchange, clock, series, LISTED, NOW)


def test_months_follow_the_calendar(exchange: Exchange, clock: ManualClock, store: Store) -> None:
    series = store.series("binance", "BTCUSDT", "1M")
    months = [to_ms(m) for m in ("2023-12-01", "2024-01-01", "2024-02-01", "2024-03-01", "2024-04-01")]
    rows = [[t, "1", "1", "1", "1", "1", after - 1, "0", 0, "0", "0", "0"] for t, after in itertools.pairwise(months)]
    exchange.script.extend([as_json({"serverTime": NOW}), as_json(rows)])
    fetch(exchange, clock, series, months[0], NOW)
    candles = series.read()
    assert candles is not None
    assert candles.open_time.tolist() == months[:3]
    assert "interval=1M" in exchange.asked[1]
