"""User events and streams that are late, lost, twice there, or in the wrong order."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.simulator.faults.market import Seat, seat
from tests.simulator.faults.market import desk as desk

from thunes.simulator.faults.catalogue import CATALOGUE

ONE, TWO, THREE, FOUR = b"1", b"2", b"3", b"4"
STREAM = "btcusdt@kline_1m"
# A fault that strikes the second of four events: what goes out.
SEEN = {
    "delay": [ONE],
    "withhold": [ONE, THREE, FOUR],
    "duplicate": [ONE, TWO, TWO, THREE, FOUR],
    "reorder": [ONE, THREE, TWO, FOUR],
}


def of_account(desk: Seat, *payloads: bytes) -> list[bytes]:
    return desk.board.user_events("ann", list(payloads))


def of_stream(desk: Seat, *payloads: bytes) -> list[bytes]:
    return [sent for payload in payloads for sent in desk.board.stream_events(STREAM, payload)]


WAYS: dict[str, Any] = {"user": (of_account, "ann"), "stream": (of_stream, STREAM)}
NAMES = {"withhold": {"stream": "stream_silent"}}


def name_of(way: str, fault: str) -> str:
    return NAMES.get(fault, {}).get(way, f"{way}_{fault}")


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("fault", SEEN)
def test_the_second_of_four_is_struck(desk: Seat, way: str, fault: str) -> None:
    send, place = WAYS[way]
    assert send(desk, ONE) == [ONE]
    desk.board.set(name_of(way, fault), place, count=1)
    assert [ONE, *send(desk, TWO), *send(desk, THREE), *send(desk, FOUR)] == SEEN[fault]
    assert desk.struck() == [(name_of(way, fault), place)]


def test_every_fault_of_events_is_looked_at_here() -> None:
    names = {name_of(way, fault) for way in WAYS for fault in SEEN}
    assert names == {name for name, kind in CATALOGUE.items() if kind.strikes in ("account", "stream")}


@pytest.mark.parametrize("way", WAYS)
def test_what_is_late_comes_in_order_once_the_time_has_come(desk: Seat, way: str) -> None:
    send, place = WAYS[way]
    desk.board.set(f"{way}_delay", place, count=1, delay_ms=2_000)
    begun = desk.exchange.now_ms
    assert send(desk, ONE, TWO) == []
    desk.exchange.advance_to(begun + 1_999)
    assert send(desk, THREE) == []
    desk.exchange.advance_to(begun + 2_000)
    assert send(desk, FOUR) == [ONE, TWO, THREE, FOUR]
    assert send(desk, ONE) == [ONE]


def test_a_longer_delay_holds_back_what_would_be_due_sooner(desk: Seat) -> None:
    desk.board.set("user_delay", "ann", count=1, delay_ms=5_000)
    desk.board.set("user_delay", "ann", count=1, delay_ms=1_000)
    begun = desk.exchange.now_ms
    assert of_account(desk, ONE, TWO) == []
    desk.exchange.advance_to(begun + 4_999)
    assert of_account(desk) == []
    desk.exchange.advance_to(begun + 5_000)
    assert of_account(desk) == [ONE, TWO]


def test_what_is_due_can_be_asked_for_without_a_new_event(desk: Seat) -> None:
    desk.board.set("user_delay", "ann", delay_ms=1_000)
    desk.board.set("stream_delay", STREAM, delay_ms=1_000)
    of_account(desk, ONE)
    of_stream(desk, TWO)
    assert (desk.board.late_accounts(), desk.board.late_streams()) == (["ann"], {})
    desk.exchange.advance_to(desk.exchange.now_ms + 1_000)
    assert of_account(desk) == [ONE]
    assert desk.board.late_streams() == {STREAM: [TWO]}
    assert (desk.board.late_accounts(), desk.board.late_streams()) == ([], {})


def test_one_batch_is_struck_event_by_event(desk: Seat) -> None:
    desk.board.set("user_reorder", "ann", count=1)
    assert of_account(desk, ONE, TWO, THREE) == [TWO, ONE, THREE]
    desk.board.set("user_duplicate", "ann", count=1, copies=2)
    assert of_account(desk, ONE, TWO) == [ONE, ONE, ONE, TWO]


def test_the_first_fault_that_strikes_has_an_event_for_itself(desk: Seat) -> None:
    desk.board.set("user_withhold", "ann", count=1)
    desk.board.set("user_duplicate", "ann", count=1)
    assert of_account(desk, ONE, TWO, THREE) == [TWO, TWO, THREE]


@pytest.mark.parametrize("name", ["user_delay", "user_reorder"])
def test_removing_a_fault_lets_go_what_it_kept(desk: Seat, name: str) -> None:
    fault = desk.board.set(name, "ann")
    assert of_account(desk, ONE) == []
    desk.board.remove(fault.number)
    assert of_account(desk, TWO) == [ONE, TWO]
    assert desk.board.late_accounts() == []


def test_others_hear_nothing_of_it(desk: Seat) -> None:
    desk.board.set("user_withhold", "ann")
    desk.board.set("stream_silent", "btcusdt@*")
    assert desk.board.user_events("bob", [ONE]) == [ONE]
    assert of_account(desk, ONE) == []
    assert list(desk.board.stream_events("ethusdt@trade", TWO)) == [TWO]
    assert list(desk.board.stream_events("btcusdt@trade", TWO)) == []


@given(
    st.lists(st.sampled_from(["user_delay", "user_duplicate", "user_reorder"]), max_size=3),
    st.lists(st.integers(0, 3_000), max_size=30),
    st.integers(0, 100),
)
def test_nothing_is_lost_but_what_is_withheld(names: list[str], waits: list[int], seed: int) -> None:
    desk = seat(seed)
    for name in names:
        desk.board.set(name, probability=0.3)
    sent: list[bytes] = []
    for number, wait in enumerate(waits):
        sent += of_account(desk, str(number).encode())
        desk.exchange.advance_to(desk.exchange.now_ms + wait)
    desk.board.clear()
    sent += of_account(desk)
    assert set(sent) == {str(number).encode() for number in range(len(waits))}
    twice = sum(name == "user_duplicate" for name, _ in desk.struck())
    assert len(sent) == len(waits) + twice
