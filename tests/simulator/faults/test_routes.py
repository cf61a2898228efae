"""What a client sees of each fault of a route, and whether the engine was reached."""

from __future__ import annotations

from collections.abc import Callable

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.simulator.faults.market import ACCEPTED, ORDER, REFUSED, WALL_MS, Seat, error, seat
from tests.simulator.faults.market import desk as desk

from thunes.simulator.api.messages import HTML, Answer, Manner
from thunes.simulator.faults.board import UNTOUCHED
from thunes.simulator.faults.catalogue import CATALOGUE

# Of each fault: what the client sees of an accepted order; whether the engine was reached.
SEEN: dict[str, tuple[Callable[[Answer], bool], bool]] = {
    "delay": (lambda seen: seen.manner == Manner(delay_ms=1_000) and seen.body == ACCEPTED.body, True),
    "drop_before": (lambda seen: seen.manner.cut, False),
    "drop_after_accept": (lambda seen: seen.manner.cut, True),
    "error_after_accept": (lambda seen: seen.status == 503 and seen.content_type == HTML, True),
    "too_many_requests": (
        lambda seen: error(seen) == (429, -1003) and seen.headers == ((b"retry-after", b"60"),),
        False,
    ),
    "banned": (
        lambda seen: (
            error(seen) == (418, -1003)
            and seen.headers == ((b"retry-after", b"120"),)
            and str(WALL_MS + 120_000).encode() in seen.body
        ),
        False,
    ),
    "forbidden_html": (lambda seen: seen.status == 403 and seen.content_type == HTML, False),
    "html_200": (lambda seen: seen.status == 200 and seen.content_type == HTML, False),
    "null_json": (lambda seen: (seen.status, seen.body) == (200, b"null"), True),
    "list_json": (lambda seen: (seen.status, seen.body) == (200, b"[]"), True),
    "empty_body": (lambda seen: (seen.status, seen.body) == (200, b""), True),
    "truncated_json": (lambda seen: seen.body == ACCEPTED.body[: len(ACCEPTED.body) // 2], True),
    "slow_drip": (lambda seen: seen.manner == Manner(drip_bytes=1) and seen.body == ACCEPTED.body, True),
    "half_open": (lambda seen: seen.manner.hang, False),
}


@pytest.mark.parametrize("name", SEEN)
def test_a_fault_strikes_once_and_is_written_down(desk: Seat, name: str) -> None:
    seen, reached = SEEN[name]
    desk.board.set(name, ORDER, count=1)
    assert seen(desk.ask())
    assert desk.asked == int(reached)
    assert desk.struck() == [(name, ORDER)]
    assert desk.ask() is ACCEPTED


def test_every_fault_of_a_route_is_looked_at_here() -> None:
    names = {name for name, kind in CATALOGUE.items() if kind.strikes == "route"}
    assert set(SEEN) | {"order_lag"} == names


@pytest.mark.parametrize("name", ["drop_after_accept", "error_after_accept"])
def test_a_refusal_was_not_accepted(desk: Seat, name: str) -> None:
    desk.board.set(name, ORDER, count=1)
    assert desk.ask(answer=REFUSED) is REFUSED
    assert desk.struck() == []
    assert desk.ask() is not ACCEPTED


@pytest.mark.parametrize("name", ["too_many_requests", "html_200", "half_open", "null_json"])
@pytest.mark.parametrize("accept", [True, False])
def test_somebody_may_choose_whether_the_engine_acts(desk: Seat, name: str, accept: bool) -> None:
    desk.board.set(name, accept=accept)
    assert SEEN[name][0](desk.ask())
    assert desk.asked == int(accept)


def test_the_engine_s_own_error_can_be_asked_for(desk: Seat) -> None:
    desk.board.set("error_after_accept", form="json", status=502)
    assert error(desk.ask()) == (502, -1007)
    desk.board.clear()
    desk.board.set("error_after_accept", status=599)
    assert desk.ask().status == 599


def test_an_answer_is_cut_to_so_many_bytes(desk: Seat) -> None:
    desk.board.set("truncated_json", bytes=3)
    assert desk.ask().body == ACCEPTED.body[:3]


def test_an_order_is_not_found_until_it_is_old_enough(desk: Seat) -> None:
    def query(name: str = "GET /api/v3/order") -> Answer:
        return desk.ask(name, Answer(200, orjson.dumps({"orderId": 1, "time": placed})))

    placed = desk.exchange.now_ms
    desk.board.set("order_lag", seconds=20)
    for route in ("GET /api/v3/order", "order.status"):
        assert error(query(route)) == (400, -2013)
    assert desk.ask() is ACCEPTED
    assert desk.ask("GET /api/v3/order", REFUSED) is REFUSED
    desk.exchange.advance_to(placed + 19_999)
    assert error(query()) == (400, -2013)
    desk.exchange.advance_to(placed + 20_000)
    assert query().status == 200
    assert [name for name, _ in desk.struck()] == ["order_lag"] * 3


def test_a_damaged_answer_lags_no_further(desk: Seat) -> None:
    desk.board.set("null_json")
    desk.board.set("order_lag")
    assert desk.ask("order.status").body == b"null"


def test_faults_add_up(desk: Seat) -> None:
    desk.board.set("delay", delay_ms=10)
    desk.board.set("delay", delay_ms=5)
    desk.board.set("null_json")
    seen = desk.ask()
    assert (seen.body, seen.manner) == (b"null", Manner(delay_ms=15))
    desk.board.set("banned", count=1)
    assert (error(desk.ask())[0], desk.board.struck[-1].name) == (418, "delay")


def test_a_ban_can_be_late(desk: Seat) -> None:
    desk.board.set("banned")
    desk.board.set("delay", delay_ms=10)
    desk.board.set("drop_after_accept")
    assert desk.ask().manner == Manner(delay_ms=10)


@pytest.mark.parametrize(
    ("target", "hit"),
    [("*", True), (ORDER, True), ("POST /api/v3/*", True), ("GET /api/v3/order", False), ("POST /api/v3/orde", False)],
)
def test_a_target_means_a_route_or_a_beginning(desk: Seat, target: str, hit: bool) -> None:
    desk.board.set("drop_before", target)
    assert (desk.ask() is not ACCEPTED) == hit


def test_nothing_happens_where_nothing_is_set(desk: Seat) -> None:
    assert desk.board.before(ORDER) is UNTOUCHED
    fault = desk.board.set("drop_before", count=1)
    assert desk.board.before(ORDER) is not UNTOUCHED
    assert desk.board.before(ORDER) is UNTOUCHED
    assert desk.board.left(fault.number) == 0
    assert desk.board.faults == [fault]


@given(st.floats(0.05, 0.95), st.integers(0, 100))
def test_chances_are_thrown_by_the_seed(probability: float, seed: int) -> None:
    stories = []
    for _ in range(2):
        desk = seat(seed)
        desk.board.set("drop_before", probability=probability, count=5)
        stories.append([desk.ask() is ACCEPTED for _ in range(100)])
    assert stories[0] == stories[1]
    assert stories[0].count(False) <= 5


def test_a_chance_is_about_what_it_says(desk: Seat) -> None:
    desk.board.set("drop_before", probability=0.25)
    dropped = sum(desk.ask() is not ACCEPTED for _ in range(2_000))
    assert 400 < dropped < 600  # 500, five deviations of 19 around it


def test_another_fault_does_not_change_the_throws_of_the_first() -> None:
    alone, beside = seat(), seat()
    for one in (alone, beside):
        one.board.set("drop_before", probability=0.5)
    beside.board.set("delay", probability=0.5)
    stories = [[one.ask().manner.cut for _ in range(50)] for one in (alone, beside)]
    assert stories[0] == stories[1]


def test_a_strike_has_the_time_at_which_the_request_came() -> None:
    desk = seat(speed=1.0)
    desk.board.set("drop_before")
    begun = desk.exchange.now_ms
    desk.exchange.clock.sleep(3)
    desk.ask()
    assert desk.board.struck[0].time_ms == begun + 3_000


def test_two_faults_throw_independently(desk: Seat) -> None:
    desk.board.set("delay", probability=0.5)
    desk.board.set("slow_drip", probability=0.5)
    manners = [desk.ask().manner for _ in range(100)]
    assert {(manner.delay_ms > 0, manner.drip_bytes > 0) for manner in manners} == {
        (late, slow) for late in (True, False) for slow in (True, False)
    }


def test_only_the_last_ten_thousand_strikes_are_remembered(desk: Seat) -> None:
    desk.board.set("drop_before")
    for _ in range(10_002):
        desk.ask()
    struck = desk.board.struck
    assert (len(struck), struck[0].number, struck[-1].number) == (10_000, 3, 10_002)
    assert struck[0].time_ms == desk.exchange.now_ms
