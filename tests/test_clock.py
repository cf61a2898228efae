from __future__ import annotations

import ast
import time
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from thunes.clock import Clock, ManualClock, SystemClock, iso, to_datetime, to_ms
from thunes.errors import UsageError

TIMES = st.integers(-2_000_000_000_000, 4_000_000_000_000)


def test_the_system_clock_tells_the_machines_time_in_milliseconds() -> None:
    before = time.time() * 1000
    now = SystemClock().now_ms()
    assert isinstance(now, int)
    assert before - 1 <= now <= time.time() * 1000 + 1


def test_a_manual_clock_moves_only_by_sleeping() -> None:
    clock = ManualClock(5_000)
    assert [clock.now_ms(), clock.now_ms()] == [5_000, 5_000]
    clock.sleep(1.5)
    clock.sleep(0)
    assert clock.now_ms() == 6_500
    assert clock.slept == [1.5, 0]


def test_both_are_clocks() -> None:
    clocks: list[Clock] = [SystemClock(), ManualClock(0)]
    clocks[0].sleep(0)
    assert all(clock.now_ms() >= 0 for clock in clocks)


@given(ms=TIMES)
def test_a_moment_comes_back_from_every_form(ms: int) -> None:
    moment = to_datetime(ms)
    assert moment.utcoffset() == timedelta(0)
    assert to_ms(moment) == to_ms(ms) == to_ms(moment.isoformat()) == ms
    assert to_ms(moment.astimezone(timezone(timedelta(hours=5, minutes=30)))) == ms


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2021-03-01", datetime(2021, 3, 1, tzinfo=UTC)),
        ("2021-03-01T12:30", datetime(2021, 3, 1, 12, 30, tzinfo=UTC)),
        ("2021-03-01 12:30:15.250", datetime(2021, 3, 1, 12, 30, 15, 250_000, tzinfo=UTC)),
        ("2021-03-01T12:30+02:00", datetime(2021, 3, 1, 10, 30, tzinfo=UTC)),
        ("2021-03-01T12:30Z", datetime(2021, 3, 1, 12, 30, tzinfo=UTC)),
    ],
)
def test_text_without_a_zone_is_utc(text: str, expected: datetime) -> None:
    assert to_ms(text) == expected.timestamp() * 1000


def test_a_naive_datetime_is_refused() -> None:
    with pytest.raises(UsageError, match=r"naive datetime 2021-03-01T00:00:00.*E-TIME-NAIVE"):
        to_ms(datetime(2021, 3, 1))  # noqa: DTZ001 (what is tried here)


@pytest.mark.parametrize("text", ["", "yesterday", "2021-13-01", "2021-02-30", "01/03/2021"])
def test_what_is_no_date_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="E-TIME-FORMAT"):
        to_ms(text)


def test_iso_shows_minutes_and_seconds_only_where_they_matter() -> None:
    assert iso(0) == "1970-01-01 00:00"
    assert iso(1_700_000_000_000) == "2023-11-14 22:13:20"
    assert iso(1_700_000_040_000) == "2023-11-14 22:14"


@given(ms=TIMES)
def test_iso_is_read_back_to_the_second(ms: int) -> None:
    assert to_ms(iso(ms)) == ms // 1000 * 1000


def test_nothing_but_the_clock_reads_the_wall(root: Path) -> None:
    asking = {"now", "utcnow", "today", "time", "time_ns", "localtime", "gmtime", "strftime"}
    for path in (root / "src" / "thunes").rglob("*.py"):
        if path.name == "clock.py" or "__pycache__" in path.parts:
            continue
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.attr in asking:
                assert node.value.id not in {"time", "datetime", "date"}, f"{path}:{node.lineno}"


@pytest.mark.parametrize("kind", [np.int64, np.int32, np.uint64])
def test_numpys_integers_are_milliseconds_and_become_plain_ones(kind: type[np.integer[Any]]) -> None:
    assert to_ms(kind(1_700_000)) == 1_700_000
    assert type(to_ms(kind(1_700_000))) is int


@pytest.mark.parametrize("moment", [True, 1.5, None, b"2021-03-01"])
def test_what_is_no_moment_is_refused(moment: Any) -> None:
    with pytest.raises(UsageError, match=r"is no moment.*E-TIME-FORMAT"):
        to_ms(moment)
