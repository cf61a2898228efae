"""Circuit breakers open, are tried again by time, and know whose fault a failure was."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable
from typing import NoReturn

import pytest
from hypothesis import given
from hypothesis import strategies as st

from thunes.clock import ManualClock
from thunes.errors import Blocked, NetworkError, RateLimited
from thunes.exchange.binance.breaker import (
    Breaker,
    BreakerOpen,
    BreakerStatus,
    CircuitMonitor,
    circuit_monitor,
    with_circuit_breaker,
)
from thunes.market.http import Refused

NOW = 1_800_000_000_000
DOWN = NetworkError("E-NET-SERVER", "down")
ANSWERED = [
    Refused("E-NET-REFUSED", "no", status=400, body=b""),
    Blocked("E-NET-BLOCKED", "no"),
    RateLimited("E-NET-RATE", "wait", retry_after=1),
]


def fails(error: Exception = DOWN) -> Callable[[], NoReturn]:
    def ask() -> NoReturn:
        raise error

    return ask


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(NOW)


@pytest.fixture
def breaker(clock: ManualClock) -> Breaker:
    return Breaker("group", clock)


def break_it(breaker: Breaker, times: int = 5) -> None:
    for _ in range(times):
        with pytest.raises(NetworkError, match="down"):
            breaker.call(fails())


def test_five_failures_in_a_row_open_it(breaker: Breaker) -> None:
    break_it(breaker, 4)
    assert breaker.state == "closed"
    break_it(breaker, 1)
    assert breaker.state == "open"
    asked: list[int] = []
    with pytest.raises(BreakerOpen, match=r"5 times in a row.*in 60 s"):
        breaker.call(lambda: asked.append(1))
    assert asked == []


def test_a_success_begins_the_count_anew(breaker: Breaker) -> None:
    break_it(breaker, 4)
    assert breaker.call(lambda: 7) == 7
    break_it(breaker, 4)
    assert breaker.state == "closed"


@pytest.mark.parametrize("error", ANSWERED, ids=lambda error: type(error).__name__)
def test_a_refusal_neither_counts_nor_makes_up_for_anything(breaker: Breaker, error: NetworkError) -> None:
    for _ in range(20):
        with pytest.raises(type(error)):
            breaker.call(fails(error))
    assert breaker.status.failures == 0
    break_it(breaker, 4)
    with pytest.raises(type(error)):
        breaker.call(fails(error))
    break_it(breaker, 1)
    assert breaker.state == "open"


def test_our_own_mistakes_do_not_count(breaker: Breaker) -> None:
    for _ in range(20):
        with pytest.raises(FileNotFoundError):
            breaker.call(fails(FileNotFoundError()))
    assert breaker.state == "closed"


def test_it_is_tried_again_by_time_alone_and_closes(breaker: Breaker, clock: ManualClock) -> None:
    break_it(breaker)
    clock.sleep(59)
    assert breaker.status == BreakerStatus("open", 5, 5, 1.0)
    clock.sleep(1)
    assert breaker.status.state == "half-open"
    assert breaker.call(lambda: 7) == 7
    assert breaker.status == BreakerStatus("closed", 0, 5, 0.0)


def test_a_try_that_fails_opens_it_for_another_minute(breaker: Breaker, clock: ManualClock) -> None:
    break_it(breaker)
    clock.sleep(60)
    break_it(breaker, 1)
    assert breaker.state == "open"
    clock.sleep(59)
    assert breaker.state == "open"
    clock.sleep(1)
    assert breaker.state == "half-open"


def test_one_at_a_time_tries_it(breaker: Breaker, clock: ManualClock) -> None:
    break_it(breaker)
    clock.sleep(60)
    breaker.admit()
    with pytest.raises(BreakerOpen):
        breaker.admit()
    breaker.record(success=None)  # a refusal: the next one may try
    breaker.admit()
    breaker.record(success=True)
    assert breaker.state == "closed"


def test_a_clock_that_is_set_back_does_not_keep_it_open(breaker: Breaker, clock: ManualClock) -> None:
    break_it(breaker)
    clock.sleep(-86_400)
    assert breaker.state == "half-open"


def test_what_cannot_wait_passes_an_open_one_and_changes_nothing(breaker: Breaker, clock: ManualClock) -> None:
    break_it(breaker)
    assert breaker.call(lambda: 7, always=True) == 7
    assert breaker.state == "open"
    clock.sleep(60)
    with pytest.raises(NetworkError):
        breaker.call(fails(), always=True)
    assert breaker.state == "half-open"


def test_what_cannot_wait_counts_while_it_is_closed(breaker: Breaker) -> None:
    for _ in range(5):
        with pytest.raises(NetworkError):
            breaker.call(fails(), always=True)
    assert breaker.state == "open"


def test_what_was_under_way_when_it_opened_does_not_close_it(breaker: Breaker) -> None:
    breaker.admit()
    break_it(breaker)
    breaker.record(success=True)
    assert breaker.state == "open"


def test_an_outcome_may_be_judged(breaker: Breaker) -> None:
    for _ in range(5):
        assert breaker.call(lambda: "unknown", judge=lambda outcome: outcome != "unknown") == "unknown"
    assert breaker.state == "open"


def test_a_slow_answer_keeps_nobody_waiting(breaker: Breaker) -> None:
    """No lock is held while the exchange is asked."""
    begun, go_on = threading.Event(), threading.Event()

    def slow() -> bool:
        begun.set()
        return go_on.wait(10)

    thread = threading.Thread(target=breaker.call, args=(slow,))
    thread.start()
    assert begun.wait(10)
    assert breaker.call(lambda: 7) == 7
    go_on.set()
    thread.join()


@given(st.lists(st.sampled_from(["ok", "down", "refused", "wait"]), max_size=60))
def test_it_is_open_exactly_after_five_failures_without_a_success(events: list[str]) -> None:
    clock = ManualClock(NOW)
    breaker, row, opened = Breaker("group", clock), 0, None
    for event in events:
        if event == "wait":
            clock.sleep(25)
        before = "closed" if opened is None else "open" if clock.now_ms() - opened < 60_000 else "half-open"
        assert breaker.state == before
        if event == "wait" or before == "open":
            continue
        with contextlib.suppress(NetworkError):
            breaker.call({"ok": lambda: 7, "down": fails(), "refused": fails(ANSWERED[0])}[event])
        if event == "ok":
            row, opened = 0, None
        elif event == "down":
            row += 1
            opened = clock.now_ms() if before == "half-open" or row == 5 else None


# The monitor


def test_the_monitor_shows_every_breaker_and_hears_of_changes(clock: ManualClock) -> None:
    heard: list[tuple[str, str, str]] = []
    monitor = CircuitMonitor(clock, lambda *change: heard.append(change))
    first = monitor.breaker("first", failures=1)
    monitor.breaker("second")
    assert monitor.breaker("first") is first
    break_it(first, 1)
    assert (monitor.is_open("first"), monitor.is_open("second"), monitor.is_open()) == (True, False, True)
    assert {name: one.state for name, one in monitor.get_status().items()} == {"first": "open", "second": "closed"}
    clock.sleep(60)
    assert monitor.is_open("first")  # until it was tried
    first.call(lambda: 7)
    assert heard == [("first", "closed", "open"), ("first", "open", "half-open"), ("first", "half-open", "closed")]
    assert not monitor.is_open()


def test_a_person_may_close_them(clock: ManualClock) -> None:
    monitor = CircuitMonitor(clock)
    for name in ("first", "second"):
        break_it(monitor.breaker(name, failures=1), 1)
    monitor.reset("first")
    assert (monitor.is_open("first"), monitor.is_open("second")) == (False, True)
    monitor.reset()
    assert not monitor.is_open()


def test_a_function_can_stand_behind_a_breaker(clock: ManualClock) -> None:
    monitor = CircuitMonitor(clock)

    @with_circuit_breaker("mine", monitor)
    def ask(number: int) -> int:
        """Ask."""
        if number < 0:
            raise DOWN
        return number

    assert (ask(3), ask.__name__, ask.__doc__) == (3, "ask", "Ask.")
    for _ in range(5):
        with pytest.raises(NetworkError):
            ask(-1)
    with pytest.raises(BreakerOpen):
        ask(3)


def test_the_process_has_a_monitor() -> None:
    @with_circuit_breaker("a test's own")
    def ask() -> int:
        return 7

    assert ask() == 7
    assert circuit_monitor.get_status()["a test's own"].state == "closed"
