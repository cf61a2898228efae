"""How much may be sent: what the headers tell, what is kept back, what a wait does."""

from __future__ import annotations

import threading
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from thunes.clock import ManualClock
from thunes.errors import RateLimited
from thunes.exchange.binance.budget import DEFAULTS, Budget, parse_limits
from thunes.exchange.binance.pause import Pause

MINUTE = 60_000
NOW = 1_800_000_000_000 // MINUTE * MINUTE
WEIGHT, COUNT = "x-mbx-used-weight-1m", "x-mbx-order-count-10s"
LIMITS = [
    {"rateLimitType": "REQUEST_WEIGHT", "interval": "MINUTE", "intervalNum": 1, "limit": 100},
    {"rateLimitType": "ORDERS", "interval": "SECOND", "intervalNum": 10, "limit": 10},
    {"rateLimitType": "RAW_REQUESTS", "interval": "MINUTE", "intervalNum": 5, "limit": 1_000},
    {"rateLimitType": "NEWEST_KIND", "interval": "MINUTE", "intervalNum": 1, "limit": 1},
    {"rateLimitType": "ORDERS", "interval": "FORTNIGHT", "intervalNum": 1, "limit": 1},
]


def budget(**options: Any) -> tuple[Budget, ManualClock]:
    clock = ManualClock(NOW)
    made = Budget(clock, **options)
    made.learn(LIMITS)
    return made, clock


def spend(made: Budget, weight: int, **options: Any) -> int:
    """How many requests of this weight are let through."""
    for sent in range(10_000):
        try:
            made.admit(weight, **options)
        except RateLimited:
            return sent
    raise AssertionError("there is no end")


def test_limits_that_are_not_known_are_left_out() -> None:
    assert [(limit.kind, limit.most, limit.length_ms, limit.header) for limit in parse_limits(LIMITS)] == [
        ("REQUEST_WEIGHT", 100, MINUTE, WEIGHT),
        ("ORDERS", 10, 10_000, COUNT),
        ("RAW_REQUESTS", 1_000, 5 * MINUTE, ""),
    ]
    assert len(parse_limits(DEFAULTS)) == 3


def test_a_fifth_of_every_limit_is_kept_for_what_cannot_wait() -> None:
    made, _ = budget()
    assert spend(made, 1) == 80
    assert spend(made, 1, urgent=True) == 20
    assert spend(made, 0, orders=1) == 8
    assert spend(made, 0, orders=1, urgent=True) == 2


def test_what_costs_no_weight_is_not_stopped_by_it() -> None:
    made, _ = budget()
    spend(made, 1, urgent=True)
    made.admit(0)


def test_raw_requests_are_counted_by_ourselves() -> None:
    made, _ = budget()
    assert spend(made, 0, urgent=True) == 1_000


def test_a_new_window_begins_with_the_clock() -> None:
    made, clock = budget()
    clock.sleep(59.5)
    assert spend(made, 1) == 80
    with pytest.raises(RateLimited) as limited:
        made.admit(1)
    assert limited.value.retry_after == 0.5
    clock.sleep(0.5)
    assert spend(made, 1) == 80


def test_the_headers_are_believed() -> None:
    """Others share the address; and orders that were filled are given back."""
    made, _ = budget()
    made.note({WEIGHT: "79", COUNT: "8"})
    assert spend(made, 1) == 1
    assert spend(made, 0, orders=1) == 0
    made.note({WEIGHT: "10", COUNT: "3", "x-mbx-order-count-1d": "nonsense"})
    assert (spend(made, 1), spend(made, 0, orders=1)) == (70, 5)
    assert made.used() == {WEIGHT: (80, 100), COUNT: (8, 10), "RAW_REQUESTS": (76, 1_000)}


@pytest.mark.parametrize("told", ["", "-1", "1e3", "٣x", "many"])
def test_a_header_that_is_no_number_is_not(told: str) -> None:
    made, _ = budget()
    made.note({WEIGHT: told})
    assert made.used()[WEIGHT][0] == 0


def test_what_is_refused_is_not_counted() -> None:
    made, _ = budget()
    spend(made, 0, orders=1)
    before = made.used()
    with pytest.raises(RateLimited):
        made.admit(5, orders=1)
    assert made.used() == before


def test_limits_that_change_are_taken_over_and_counts_of_others_stay() -> None:
    made, _ = budget()
    made.note({WEIGHT: "50", COUNT: "5"})
    made.learn([{**LIMITS[0], "limit": 60}, LIMITS[1]])
    assert made.used() == {WEIGHT: (0, 60), COUNT: (5, 10)}


def test_our_own_exchange_is_not_counted_but_its_silence_is_kept() -> None:
    made, clock = budget(counts=False)
    for _ in range(200):
        made.admit(100, orders=5)
    made.note({WEIGHT: "99"})
    made.pause.begin(3)
    with pytest.raises(RateLimited) as limited:
        made.admit(0, urgent=True)
    assert limited.value.retry_after == 3
    clock.sleep(3)
    made.admit(100)


def test_a_wait_is_for_all_and_after_it_the_rest_goes_at_half_its_rate() -> None:
    made, clock = budget()
    made.pause.begin(2 * 60)
    for urgent in (False, True):
        with pytest.raises(RateLimited, match="silence"):
            made.admit(0, urgent=urgent)
    clock.sleep(2 * 60)
    assert spend(made, 1) == 40
    assert spend(made, 1, urgent=True) == 60
    clock.sleep(600)
    assert spend(made, 1) == 80


def test_threads_never_pass_a_limit_together() -> None:
    made, _ = budget()
    sent = []

    def work() -> None:
        sent.append(spend(made, 1, urgent=True))

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(sent) == 100


STEPS = st.lists(
    st.tuples(st.integers(0, 40), st.integers(0, 2), st.booleans(), st.integers(0, 40_000)), min_size=1, max_size=60
)


@given(STEPS)
def test_no_window_is_ever_overspent(steps: list[tuple[int, int, bool, int]]) -> None:
    made, clock = budget()
    weights: dict[int, int] = {}
    orders: dict[int, int] = {}
    for weight, count, urgent, wait in steps:
        try:
            made.admit(weight, orders=count, urgent=urgent)
        except RateLimited:
            pass
        else:
            window, ten = clock.now_ms() // MINUTE, clock.now_ms() // 10_000
            weights[window] = weights.get(window, 0) + weight
            orders[ten] = orders.get(ten, 0) + count
        clock.sleep(wait / 1000)
    assert max(weights.values(), default=0) <= 100
    assert max(orders.values(), default=0) <= 10


def test_a_budget_has_a_pause_of_its_own_where_none_is_given() -> None:
    clock = ManualClock(NOW)
    assert Budget(clock).pause.left() == Pause(clock).left() == 0
