"""What goes through a connection, and how it ends; without a socket."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.simulator.transport.peer import Desk, Peer, closed, closing, connected, ping, text
from websockets.exceptions import ProtocolError
from websockets.frames import Frame, Opcode

from thunes.simulator.transport.contract import Limits

UNLIMITED = Limits(frames_per_second=None)


def codes(peer: Peer) -> list[int]:
    return [int.from_bytes(payload[:2], "big") for kind, payload in peer.hear() if kind == "CLOSE"]


def test_a_message_goes_out_as_text() -> None:
    peer = connected()
    peer.connection.send("日本".encode())
    assert peer.hear() == [("TEXT", "日本".encode())]


def test_a_message_in_parts_is_told_whole_and_a_ping_between_them_is_answered() -> None:
    peer = connected()
    euro = "€".encode()
    peer.say(
        text(euro[:1], fin=False), ping(b"!"), Frame(Opcode.CONT, euro[1:2], fin=False), Frame(Opcode.CONT, euro[2:])
    )
    assert peer.desk.messages == [euro]
    assert peer.hear() == [("PONG", b"!")]


def test_answered_pings_leave_nothing_behind() -> None:
    peer = connected(UNLIMITED)
    peer.say(*(ping(b"%d" % number) for number in range(100)))
    assert len(peer.hear()) == 100
    assert peer.connection._protocol.data_to_send() == []


def test_a_binary_message_is_told_as_it_is() -> None:
    peer = connected()
    peer.say(Frame(Opcode.BINARY, b"\xff\x00"))
    assert peer.desk.messages == [b"\xff\x00"]
    assert peer.connection.is_open


@given(st.lists(st.text(max_size=200).map(str.encode), min_size=1, max_size=8), st.integers(1, 50))
def test_messages_arrive_whole_however_they_are_cut(messages: list[bytes], piece: int) -> None:
    peer = connected(UNLIMITED)
    stream = b"".join(text(message).serialize(mask=True) for message in messages)
    for start in range(0, len(stream), piece):
        peer.raw(stream[start : start + piece])
    assert peer.desk.messages == messages


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (text(b"\xff").serialize(mask=True), 1007),
        (text(b"\xe2", fin=False).serialize(mask=True) + Frame(Opcode.CONT, b"a").serialize(mask=True), 1007),
        (text(b"unmasked").serialize(mask=False), 1002),
        (b"\x83\x80\x00\x00\x00\x00", 1002),  # an opcode that does not exist
        (b"\xc1\x80\x00\x00\x00\x00", 1002),  # a compressed frame, which nobody agreed upon
        (b"\x09\x80\x00\x00\x00\x00", 1002),  # a ping in parts
        (Frame(Opcode.CONT, b"of nothing").serialize(mask=True), 1002),
        (closing(1000, b"\xff").serialize(mask=True), 1007),
        (b"\x88\x81\x00\x00\x00\x00\x01", 1002),  # half a close code
        (text(b"x" * 65_537).serialize(mask=True), 1009),
        (text(b"x" * 40_000, fin=False).serialize(mask=True) + b"\x80\xfe\x9c\x40\x00\x00\x00\x00", 1009),
    ],
    ids=range(11),  # masks are random, and workers must find the same names
)
def test_what_breaks_the_protocol_ends_the_connection_with_its_code(
    data: bytes, code: int, caplog: pytest.LogCaptureFixture
) -> None:
    peer = connected()
    peer.raw(data)
    assert codes(peer) == [code]
    assert not peer.connection.is_open
    assert peer.desk.messages == []
    for _ in range(5):
        peer.raw(b"more" * 100)
    assert len(peer.loop.pending()) == 2  # the peer's moment, and the connection's day
    peer.advance(1.1)
    assert peer.desk.ends == 1
    assert [record for record in caplog.records if record.levelname in ("WARNING", "ERROR")] == []


def test_after_a_broken_frame_the_last_word_is_sent_before_the_end() -> None:
    peer = connected()
    peer.raw(text(b"unmasked").serialize(mask=False))
    assert peer.wires.sent_eof
    assert not peer.wires.is_closing()
    peer.connection.eof_received()
    peer.wires.close()
    peer.loop.turn()
    assert peer.desk.ends == 1
    assert peer.loop.pending() == []


def encoded(opcode: Opcode, data: bytes, fin: bool) -> bytes:
    return Frame(opcode, data, fin or opcode >= Opcode.CLOSE).serialize(mask=True)


FRAMES = st.builds(encoded, st.sampled_from(Opcode), st.binary(max_size=125), st.booleans())


@given(st.lists(st.one_of(st.binary(max_size=60), FRAMES), max_size=8))
def test_no_bytes_raise_and_the_end_is_told_at_most_once(pieces: list[bytes]) -> None:
    peer = connected(UNLIMITED)
    for piece in pieces:
        if not peer.wires.is_closing():
            peer.raw(piece)
    peer.connection.cut()
    peer.advance(5)
    assert peer.desk.ends == 1


def test_the_peers_close_is_echoed_and_what_came_before_it_is_answered() -> None:
    peer = connected()
    peer.desk.on_message = lambda message: peer.connection.send(message)
    peer.say(text(b"last"), ping(b"p"), closing(1000, b"bye"))
    assert peer.hear() == [("TEXT", b"last"), ("PONG", b"p"), closed(1000, b"bye")]
    assert peer.wires.was_closed
    assert peer.desk.ends == 1
    assert peer.connections == set()


def test_a_session_that_closes_as_the_peer_does_answers_once() -> None:
    peer = connected()
    peer.desk.on_message = lambda _: peer.connection.close(4000)
    peer.say(text(b"last"), closing(1000))
    assert peer.hear() == [closed(1000)]
    assert peer.desk.ends == 1


def test_closing_waits_for_the_peers_part() -> None:
    peer = connected()
    peer.connection.send(b"before")
    peer.connection.close(1000, "done")
    peer.connection.send(b"after")
    peer.connection.close(1000, "again")
    peer.loop.turn()
    assert bytes(peer.wires.sent).endswith(b"\x88\x06\x03\xe8done")
    assert peer.hear() == [("TEXT", b"before"), closed(1000, b"done")]
    peer.say(text(b"too late"))
    assert peer.desk.messages == []
    assert peer.desk.ends == 0
    peer.say(closing(1000))
    assert peer.wires.was_closed
    assert peer.desk.ends == 1


def test_a_peer_that_never_closes_its_part_is_cut() -> None:
    peer = connected()
    peer.connection.close()
    peer.advance(0.9)
    assert not peer.wires.was_aborted
    peer.advance(0.2)
    assert peer.wires.was_aborted
    assert peer.desk.ends == 1


@pytest.mark.parametrize(("code", "reason"), [(1005, ""), (99, ""), (1000, "x" * 124)])
def test_a_close_that_cannot_be_said_is_the_callers_error(code: int, reason: str) -> None:
    peer = connected()
    with pytest.raises(ProtocolError):
        peer.connection.close(code, reason)
    assert peer.connection.is_open


def test_a_cut_loses_what_waits() -> None:
    peer = connected()
    peer.connection.send(b"lost")
    peer.connection.cut()
    peer.connection.cut()
    assert peer.hear() == []
    assert peer.wires.was_aborted
    assert peer.desk.ends == 1
    assert peer.loop.pending() == []


def test_a_silent_connection_swallows_messages_alone() -> None:
    peer = connected()
    peer.connection.silent = True
    peer.connection.send(b"swallowed")
    peer.say(ping(b"p"), text(b"heard"))
    peer.advance(20)
    assert [kind for kind, _ in peer.hear()] == ["PONG", "PING"]
    assert peer.desk.messages == [b"heard"]
    peer.connection.silent = False
    peer.connection.send(b"sent")
    assert peer.hear() == [("TEXT", b"sent")]


def test_half_open_neither_reads_nor_sends_and_stays() -> None:
    peer = connected()
    peer.connection.send(b"waiting")
    peer.connection.stop_reading()
    peer.connection.stop_reading()
    peer.connection.send(b"later")
    peer.advance(3_600)
    assert peer.hear() == []
    assert not peer.wires.reads
    assert not peer.wires.is_closing()
    assert peer.connection.is_open


def test_half_open_in_the_middle_of_a_piece_says_nothing_more() -> None:
    peer = connected()
    peer.desk.on_message = lambda _: peer.connection.stop_reading()
    peer.say(text(b"one"), text(b"two"), ping(b"p"), closing(1000))
    assert peer.desk.messages == [b"one"]
    assert peer.hear() == []
    assert not peer.wires.is_closing()


@pytest.mark.parametrize(
    "end", [Peer.advance, lambda peer, _: peer.connection.close(), lambda peer, _: peer.connection.shutdown()]
)
def test_half_open_ends_by_a_cut(end: Callable[[Peer, float], None]) -> None:
    peer = connected()
    peer.connection.stop_reading()
    end(peer, 24 * 3_600)
    peer.loop.turn()
    assert peer.wires.was_aborted
    assert peer.hear() == []
    assert peer.desk.ends == 1
    peer.connection.stop_reading()


def test_a_connection_lives_a_day() -> None:
    peer = connected(Limits(ping_interval=1e9))
    peer.advance(24 * 3_600 - 1)
    assert peer.connection.is_open
    peer.advance(1)
    assert codes(peer) == [1001]


def test_the_servers_shutdown_says_goodbye() -> None:
    peer = connected()
    peer.connection.shutdown()
    assert codes(peer) == [1001]
    peer.connection.shutdown()
    assert peer.hear() == []


def test_a_peer_that_says_no_more_is_gone() -> None:
    peer = connected()
    peer.connection.eof_received()
    assert not peer.connection.is_open
    peer.wires.close()  # as event loops do
    peer.loop.turn()
    assert peer.desk.ends == 1
    assert peer.hear() == []


def test_a_session_that_fails_is_logged_and_closed(caplog: pytest.LogCaptureFixture) -> None:
    desk = Desk()
    desk.on_message = lambda _: 1 / 0
    peer = connected(desk=desk)
    peer.say(text(b"x"))
    assert codes(peer) == [1011]
    assert "ZeroDivisionError" in caplog.text


def test_a_session_that_fails_at_its_end_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    class Broken(Desk):
        def lost(self) -> None:
            raise ValueError("at the end")

    connected(desk=Broken()).raw(closing(1000).serialize(mask=True))
    assert "at the end" in caplog.text


def test_the_application_may_let_any_number_of_frames_in() -> None:
    peer = connected(Limits(frames_per_second=2))
    peer.connection.allow_frames(None)
    for _ in range(10):
        peer.raw(text(b"{}").serialize(mask=True))
    assert len(peer.desk.messages) == 10
