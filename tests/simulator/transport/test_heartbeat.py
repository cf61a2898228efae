"""Pings that must be answered, and frames that must not come too fast."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.simulator.transport.peer import START_MS, ManualLoop, Peer, closed, connected, ping, pong, text

from thunes.clock import ManualClock
from thunes.simulator.transport.contract import Limits
from thunes.simulator.transport.heartbeat import Heartbeat, Pace

LATER = b"%d" % (START_MS + 20_000)


def test_a_ping_carries_the_epoch_milliseconds_every_interval() -> None:
    peer = connected()
    for beat in (1, 2, 3):
        peer.advance(19.9)
        assert peer.hear() == []
        peer.advance(0.1)
        [(kind, payload)] = peer.hear()
        assert (kind, int(payload)) == ("PING", START_MS + beat * 20_000)
        peer.say(pong(payload))


def test_a_peer_that_answers_stays() -> None:
    peer = connected()
    for _ in range(100):
        peer.advance(20)
        peer.say(*(pong(payload) for kind, payload in peer.hear() if kind == "PING"))
    assert peer.connection.is_open


def test_a_peer_without_a_pong_is_disconnected_a_minute_after_the_ping() -> None:
    peer = connected()
    peer.advance(79.9)
    assert [kind for kind, _ in peer.hear()] == ["PING"] * 3
    assert peer.connection.is_open
    peer.advance(0.2)
    assert peer.hear() == [closed(1008, b"Pong timeout")]
    assert not peer.connection.is_open


@pytest.mark.parametrize("payload", [b"", b"hello", LATER + b"0"])
def test_an_unsolicited_pong_does_not_count(payload: bytes) -> None:
    peer = connected()
    for _ in range(7):
        peer.advance(10)
        peer.say(pong(payload))
    assert peer.connection.is_open
    peer.advance(10.1)
    assert not peer.connection.is_open


def test_a_pong_answers_the_pings_before_it_too() -> None:
    peer = connected()
    peer.advance(60)
    first, second, third = [payload for _, payload in peer.hear()]
    peer.say(pong(second))
    peer.advance(59.9)  # the third ping, of a minute, has until 120
    assert peer.connection.is_open
    peer.advance(0.2)
    assert not peer.connection.is_open
    assert first < second < third


def test_the_clients_ping_is_answered_at_once() -> None:
    peer = connected()
    peer.say(ping(b"are you there"))
    assert peer.hear() == [("PONG", b"are you there")]


def test_withheld_pongs_do_not_come_later_either() -> None:
    peer = connected()
    peer.connection.withhold_pongs = True
    peer.say(ping(b"one"), text(b"{}"))
    assert peer.hear() == []
    assert peer.desk.messages == [b"{}"]
    peer.connection.withhold_pongs = False
    peer.say(ping(b"two"))
    assert peer.hear() == [("PONG", b"two")]
    peer.connection.close()
    assert peer.hear() == [closed(1000)]


def test_a_clock_that_stands_still_is_no_dead_peer() -> None:
    loop, sent, dead = ManualLoop(), list[bytes](), list[float]()
    heartbeat = Heartbeat(loop, ManualClock(5), Limits(), sent.append, lambda: dead.append(loop.now))
    heartbeat.start()
    loop.advance(45)
    assert sent == [b"5", b"5"]
    heartbeat.answered(b"5")
    loop.advance(54.9)  # the next ping goes out at 60, and has until 120
    assert dead == []
    loop.advance(100)
    assert dead == [pytest.approx(100 + 120)]


def six(peer: Peer, gap: float) -> None:
    for frame in (text(b"1"), ping(b"2"), pong(b"3"), text(b"4"), ping(b"5"), text(b"6")):
        peer.say(frame)
        peer.advance(gap)


def test_a_sixth_frame_within_a_second_is_one_too_many_whatever_its_kind() -> None:
    peer = connected()
    six(peer, 0.19)
    assert peer.desk.messages == [b"1", b"4"]
    assert peer.hear()[-1] == closed(1008, b"Too many requests")


def test_five_frames_a_second_are_allowed() -> None:
    peer = connected()
    six(peer, 0.2001)
    assert peer.desk.messages == [b"1", b"4", b"6"]
    assert peer.connection.is_open


def test_frames_in_one_piece_count_each() -> None:
    peer = connected()
    peer.say(*(text(b"%d" % number) for number in range(9)))
    assert peer.desk.messages == [b"0", b"1", b"2", b"3", b"4"]
    assert peer.hear() == [closed(1008, b"Too many requests")]


def test_without_a_limit_as_many_as_come() -> None:
    peer = connected(Limits(frames_per_second=None))
    peer.say(*(text(b"%d" % number) for number in range(500)))
    assert len(peer.desk.messages) == 500


def test_no_frame_at_all_may_be_allowed() -> None:
    assert Pace(ManualLoop(), 0).is_exceeded()


@given(st.lists(st.floats(0, 2), max_size=40), st.integers(1, 6))
def test_the_pace_is_that_of_any_one_second(gaps: list[float], allowed: int) -> None:
    loop = ManualLoop()
    pace, times = Pace(loop, allowed), list[float]()
    for gap in gaps:
        loop.now += gap
        times.append(loop.now)
        recent = [time for time in times if loop.now - time < 1.0]
        assert pace.is_exceeded() == (len(recent) > allowed)
