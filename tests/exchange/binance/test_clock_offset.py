"""The exchange's time by our clock."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from thunes.clock import ManualClock
from thunes.exchange.binance.client import Moment
from thunes.exchange.binance.clock_offset import ExchangeTime

NOW = 1_800_000_000_000


class Far:
    """An exchange whose clock is ahead, and whose answers take their time, each way."""

    def __init__(self, clock: ManualClock, ahead_ms: int, ways: list[tuple[int, int]]) -> None:
        self.clock, self.ahead_ms, self.asked = clock, ahead_ms, 0
        self._ways: Iterator[tuple[int, int]] = iter(ways)

    def __call__(self) -> int:
        there, back = next(self._ways)
        self.asked += 1
        self.clock.sleep(there / 1000)
        told = self.clock.now_ms() + self.ahead_ms
        self.clock.sleep(back / 1000)
        return told


def test_it_is_unknown_until_it_is_measured() -> None:
    time = ExchangeTime(ManualClock(NOW))
    assert (time.is_known, time.is_due, time.now_ms()) == (False, True, NOW)


def test_one_slow_answer_says_nothing_of_the_clocks() -> None:
    clock = ManualClock(NOW)
    time = ExchangeTime(clock)
    far = Far(clock, 500, [(20, 20), (20, 20), (4_000, 20), (20, 20), (20, 9_000)])
    assert time.measure(far) == 500
    assert far.asked == 5
    assert time.now_ms() == clock.now_ms() + 500


@given(st.integers(-(10**12), 10**9), st.lists(st.integers(0, 3_000), min_size=5, max_size=5))
def test_answers_as_slow_there_as_back_are_exact(ahead_ms: int, ways: list[int]) -> None:
    clock = ManualClock(NOW)
    time = ExchangeTime(clock)
    assert time.measure(Far(clock, ahead_ms, [(way, way) for way in ways])) == ahead_ms


def test_it_is_measured_every_ten_minutes_and_after_a_refusal() -> None:
    clock = ManualClock(NOW)
    time = ExchangeTime(clock)
    time.measure(clock.now_ms)
    clock.sleep(599)
    assert not time.is_due
    clock.sleep(1)
    assert (time.is_due, time.is_known) == (True, True)
    time.measure(clock.now_ms)
    time.distrust()
    assert (time.is_due, time.is_known) == (True, False)


def test_a_clock_that_is_set_back_makes_it_due() -> None:
    clock = ManualClock(NOW)
    time = ExchangeTime(clock)
    time.measure(clock.now_ms)
    clock.sleep(-1)
    assert time.is_due


def test_a_measurement_that_fails_leaves_it_as_it_was() -> None:
    clock = ManualClock(NOW)
    time = ExchangeTime(clock)
    time.measure(lambda: clock.now_ms() + 9)
    with pytest.raises(OSError, match="away"):
        time.measure(lambda: (_ for _ in ()).throw(OSError("away")))
    assert (time.offset_ms, time.is_known) == (9, True)


@pytest.mark.parametrize("machine_ms", [0.0, 1_795_000_000_123.7])
def test_a_timestamp_is_our_time_whatever_the_machine_shows(machine_ms: float) -> None:
    """For clocks that stand, or run fast."""
    clock = ManualClock(NOW)
    moment = Moment(clock.now_ms)
    assert int(machine_ms + moment) == NOW
    clock.sleep(3_600)
    assert int(machine_ms + moment) == NOW + 3_600_000


@pytest.mark.covers("fault 15")
def test_a_time_that_is_refused_too_often_in_five_minutes_is_unsteady() -> None:
    clock = ManualClock(NOW)
    time = ExchangeTime(clock)
    for _ in range(5):
        time.distrust()
        clock.sleep(10)
    assert not time.is_unsteady
    time.distrust()
    assert time.is_unsteady
    clock.sleep(260)
    assert not time.is_unsteady  # the first are forgotten
