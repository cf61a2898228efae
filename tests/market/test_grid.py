"""Opening times against calendars."""

from __future__ import annotations

from datetime import UTC, datetime

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from thunes.clock import to_datetime, to_ms
from thunes.market.grid import bars_apart, opening
from thunes.model import INTERVALS, next_open_time

MOMENTS = st.integers(to_ms("2001-09-09"), to_ms("2080-01-01"))


@pytest.mark.parametrize(
    ("interval", "expected"),
    [
        ("1s", "2024-02-29T13:37:42"),
        ("15m", "2024-02-29T13:30"),
        ("4h", "2024-02-29T12:00"),
        ("12h", "2024-02-29T12:00"),
        ("1d", "2024-02-29"),
        ("1w", "2024-02-26"),  # a Monday
        ("1M", "2024-02-01"),
    ],
)
def test_a_moment_on_leap_day_belongs_to_this_bar(interval: str, expected: str) -> None:
    moment = np.array([to_ms("2024-02-29T13:37:42.123")])
    assert opening(moment, interval)[0] == to_ms(expected)


@given(MOMENTS)
def test_weeks_open_on_mondays_at_midnight(moment: int) -> None:
    opened = to_datetime(int(opening(np.array([moment]), "1w")[0]))
    assert (opened.weekday(), opened.hour, opened.minute) == (0, 0, 0)


@given(MOMENTS, st.sampled_from(INTERVALS))
def test_a_moment_lies_inside_its_bar(moment: int, interval: str) -> None:
    opened = int(opening(np.array([moment]), interval)[0])
    assert opened <= moment < next_open_time(opened, interval)
    assert opening(np.array([opened]), interval)[0] == opened


def test_bars_of_months_are_counted_by_the_calendar() -> None:
    months = [datetime(y, m, 1, tzinfo=UTC) for y, m in ((2023, 12), (2024, 1), (2024, 3), (2025, 3))]
    assert bars_apart(np.array([to_ms(m) for m in months]), "1M").tolist() == [1, 2, 12]


def test_bars_of_hours_are_counted_by_the_clock() -> None:
    hours = np.array([to_ms(f"2024-01-01T{h:02}:00") for h in (0, 1, 5, 6)])
    assert bars_apart(hours, "1h").tolist() == [1, 4, 1]
