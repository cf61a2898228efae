"""What waits for a peer: gathered in a turn, bounded in size and in time."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from tests.simulator.transport.peer import ManualLoop, Wires, connected

from thunes.simulator.transport.contract import Limits
from thunes.simulator.transport.frames import text_frame
from thunes.simulator.transport.outbox import CHUNK, Outbox, Stall


def test_the_frames_of_one_turn_are_one_write() -> None:
    peer = connected()
    before = peer.wires.writes
    for number in range(50):
        peer.connection.send_frame(text_frame(b"%d" % number))
    assert peer.wires.writes == before
    assert len(peer.loop.soon) == 1
    assert [payload for _, payload in peer.hear()] == [b"%d" % number for number in range(50)]
    assert peer.wires.writes == before + 1


def test_a_burst_is_written_in_pieces_before_the_turn_ends() -> None:
    peer = connected()
    before = peer.wires.writes
    for _ in range(10):
        peer.connection.send(b"x" * (CHUNK // 2))
    assert peer.wires.writes == before + 5
    assert peer.connection.waiting == 0
    assert len(peer.hear()) == 10


def test_what_waits_is_counted_before_and_after_the_transport_has_it() -> None:
    peer = connected()
    peer.wires.stuck = True
    peer.connection.send(b"12345678")
    assert peer.connection.waiting == 10
    peer.loop.turn()
    assert peer.connection.waiting == 10
    peer.wires.take(4)
    assert peer.connection.waiting == 6


def test_a_peer_that_leaves_more_than_the_buffer_holds_is_cut() -> None:
    peer = connected(Limits(buffer=1_000))
    peer.wires.stuck = True
    peer.connection.send(b"x" * 990)
    peer.loop.turn()
    assert peer.connection.is_open
    assert peer.connection.waiting == 994
    peer.connection.send(b"x" * 5)
    peer.loop.turn()
    assert peer.wires.was_aborted
    assert not peer.connection.is_open
    assert peer.connection.waiting == 0
    assert peer.desk.ends == 1


def test_the_application_hears_of_an_overflow_only_after_its_round_of_sends() -> None:
    peer = connected(Limits(buffer=1_000))
    peer.wires.stuck = True
    peer.connection.send(b"x" * CHUNK)
    assert peer.wires.was_aborted
    assert peer.desk.ends == 0
    peer.connection.send(b"x" * CHUNK)  # nothing happens
    peer.loop.turn()
    assert peer.desk.ends == 1


def test_a_peer_that_takes_nothing_is_cut_in_under_two_seconds() -> None:
    peer = connected()
    peer.wires.stuck = True
    peer.connection.send(b"a")
    peer.loop.turn()
    peer.advance(1.4)
    peer.connection.send(b"b")  # more of it is no sign of life
    peer.loop.turn()
    assert peer.connection.is_open
    peer.advance(0.4)
    assert peer.wires.was_aborted
    assert peer.desk.ends == 1


def test_a_slow_peer_is_left_alone() -> None:
    peer = connected()
    peer.wires.stuck = True
    peer.connection.send(b"x" * 100)
    peer.loop.turn()
    for _ in range(20):
        peer.advance(1.2)
        peer.wires.take(1)
    assert peer.connection.is_open
    peer.advance(2)
    assert peer.wires.was_aborted


def test_a_peer_that_has_caught_up_is_not_watched() -> None:
    peer = connected()
    peer.wires.stuck = True
    peer.connection.send(b"x")
    peer.loop.turn()
    peer.advance(1)
    peer.wires.take(100)
    peer.advance(5)
    assert peer.connection.is_open


def test_two_signs_that_something_waits_are_one_watch() -> None:
    loop = ManualLoop()
    stall = Stall(loop, 1.0, lambda: 0, lambda: None)
    stall.watch()
    stall.watch()
    assert len(loop.pending()) == 1
    stall.rest()
    assert loop.pending() == []


@given(
    st.lists(st.one_of(st.binary(min_size=1, max_size=40), st.none(), st.just("turn"), st.just("take")), max_size=60)
)
def test_every_byte_arrives_once_and_in_order(steps: list[bytes | str | None]) -> None:
    loop = ManualLoop()
    wires = Wires(loop)
    outbox = Outbox(wires, loop, Limits(), lambda: None)
    wires.protocol = type("Deaf", (), {"pause_writing": outbox.paused, "resume_writing": outbox.resumed})
    outbox.release()
    expected = b""
    for step in steps:
        if isinstance(step, bytes):
            outbox.put(step)
            expected += step
        elif step is None:
            wires.stuck = not wires.stuck
        elif step == "turn":
            loop.turn()
        else:
            wires.take(7)
        assert outbox.waiting + len(wires.sent) == len(expected)
    loop.turn()
    wires.take(len(wires.held))
    assert bytes(wires.sent) == expected
