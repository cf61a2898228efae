"""Which candles a start, an end and a number of bars mean."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from tests.market.loopback import market

from thunes.clock import to_ms
from thunes.errors import DataError, UsageError
from thunes.market.period import DEFAULT_BARS, Moment, Period

HOUR = 3_600_000
START = to_ms("2024-01-01")


@pytest.mark.parametrize(
    "start", ["2024-01-01T02:00", "2024-01-01T03:00+01:00", START + 2 * HOUR, datetime(2024, 1, 1, 2, tzinfo=UTC)]
)
def test_a_start_is_the_first_open_time_however_it_is_written(start: Moment) -> None:
    assert Period.of(start, None, None).cut(market(START, 5)).open_time[0] == START + 2 * HOUR


def test_an_end_is_excluded_and_last_counts_from_there() -> None:
    cut = Period.of(None, START + 4 * HOUR, 2).cut(market(START, 9))
    assert cut.open_time.tolist() == [START + 2 * HOUR, START + 3 * HOUR]


@pytest.mark.parametrize(
    ("start", "end", "last"),
    [("2024-01-02", "2024-01-02", None), ("2024-01-02", "2024-01-01", None), (None, None, 0), (None, None, -5)],
)
def test_a_period_that_holds_nothing_is_refused(start: str | None, end: str | None, last: int | None) -> None:
    with pytest.raises(UsageError):
        Period.of(start, end, last)


def test_no_candle_in_the_period_is_a_data_error_that_says_what_there_is() -> None:
    with pytest.raises(DataError, match="5 bars, 2024-01-01 00:00") as caught:
        Period.of("2025-01-01", None, None).cut(market(START, 5))
    assert caught.value.exit_code == 4


def test_a_source_that_ends_now_is_asked_for_one_bar_more() -> None:
    now = START + 100 * HOUR + 1
    assert Period(last=10).range_until(now, "1h") == (now - 11 * HOUR, now)
    assert Period().range_until(now, "1h") == (now - (DEFAULT_BARS + 1) * HOUR, now)
    assert Period(START, now + HOUR).range_until(now, "1h") == (START, now)
    assert Period(end=START, last=1).range_until(now, "1h") == (START - 2 * HOUR, START)


def test_months_are_asked_for_at_their_longest() -> None:
    now = to_ms("2024-09-01")  # July and August have 31 days each
    assert Period(last=2).range_until(now, "1M").start <= to_ms("2024-07-01")


@pytest.mark.parametrize(
    ("period", "interval", "expected"),
    [
        (Period(), "1h", (DEFAULT_BARS, None)),
        (Period(last=5), "1h", (5, None)),
        (Period(end=START, last=5), "1h", (5, START)),
        (Period(START, START + 7 * HOUR), "1h", (7, START + 7 * HOUR)),
        (Period(START + 1, START + 7 * HOUR + 1), "1h", (7, START + 8 * HOUR)),
        (Period(START, to_ms("2024-03-15")), "1M", (3, to_ms("2024-04-01"))),
    ],
)
def test_a_source_without_a_present_is_asked_for_bars_and_an_end(
    period: Period, interval: str, expected: tuple[int, int | None]
) -> None:
    assert period.bars_and_end(interval) == expected
