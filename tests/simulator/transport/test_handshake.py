"""How a WebSocket begins, or does not."""

from __future__ import annotations

import pytest
from tests.simulator.transport.peer import Desk, Peer, closed, connected, text

from thunes.simulator.transport.contract import Connection, Limits, Rejection


def test_the_handshake_of_the_standard_is_answered_as_the_standard_says() -> None:
    peer = Peer()
    answer = peer.ask("/stream?streams=btcusdt@trade/ethusdt@kline_1m")
    assert answer.startswith(b"HTTP/1.1 101 Switching Protocols\r\n")
    assert b"Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=" in answer  # the example of RFC 6455, 1.3
    assert peer.desk.opened == [("/stream?streams=btcusdt@trade/ethusdt@kline_1m", "10.0.0.7")]
    assert peer.connection.is_open
    assert peer.connections == {peer.connection}


def test_a_client_without_an_address_has_an_empty_one() -> None:
    peer = Peer(address=None)
    peer.ask()
    assert peer.desk.opened == [("/ws", "")]


def test_compression_is_not_offered() -> None:
    answer = Peer().ask(Sec_WebSocket_Extensions="permessage-deflate; client_max_window_bits")
    assert answer.startswith(b"HTTP/1.1 101 ")
    assert b"Extensions" not in answer


def test_the_names_of_a_thousand_streams_are_no_line_too_long() -> None:
    peer = Peer()
    target = "/stream?streams=" + "/".join(f"coin{number}usdt@kline_15m" for number in range(1024))
    assert peer.ask(target).startswith(b"HTTP/1.1 101 ")
    assert peer.desk.opened[0][0] == target


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Sec_WebSocket_Key": None}, b"400"),
        ({"Sec_WebSocket_Key": "short"}, b"400"),
        ({"Sec_WebSocket_Version": "8"}, b"400"),
        ({"Upgrade": "h2c"}, b"426"),
        ({"Connection": "keep-alive"}, b"426"),
    ],
)
def test_what_is_no_handshake_is_refused(headers: dict[str, str | None], status: bytes) -> None:
    peer = Peer()
    answer = peer.ask(**headers)
    assert answer.startswith(b"HTTP/1.1 " + status)
    assert peer.wires.was_closed
    assert peer.desk.opened == []


def test_a_websocket_is_opened_by_get_alone() -> None:
    peer = Peer()
    assert peer.ask(method="POST").startswith(b"HTTP/1.1 405 ")
    assert peer.desk.opened == []


def test_a_rejection_is_the_answer_and_no_session_begins() -> None:
    desk = Desk()
    desk.rejection = Rejection(429, b'{"code":-1003}')
    desk.on_open = lambda connection: connection.send(b"swallowed")
    peer = Peer(desk=desk)
    head, _, body = peer.ask().partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 429 Too Many Requests\r\n")
    assert b"Content-Type: application/json;charset=UTF-8\r\nContent-Length: 14\r\n" in head + b"\r\n"
    assert body == b'{"code":-1003}'
    assert peer.wires.was_closed
    assert not peer.connection.is_open
    assert desk.ends == 0
    assert peer.connections == set()


def test_a_rejected_client_that_does_not_read_is_cut() -> None:
    desk = Desk()
    desk.rejection = Rejection(404, b"")
    peer = Peer(desk=desk)
    peer.wires.stuck = True
    peer.ask()
    assert not peer.connection.is_open
    peer.connection.send(b"swallowed")
    assert peer.connection.waiting == len(peer.wires.held)
    peer.advance(1.1)
    assert peer.wires.was_aborted
    assert peer.connections == set()


def test_an_application_that_fails_is_an_error_of_the_server(caplog: pytest.LogCaptureFixture) -> None:
    desk = Desk()
    desk.on_open = lambda _: 1 / 0
    peer = Peer(desk=desk)
    assert peer.ask("/ws/x").startswith(b"HTTP/1.1 500 ")
    assert "the handshake for /ws/x failed" in caplog.text
    assert peer.wires.was_closed


def test_what_is_sent_while_opening_follows_the_answer() -> None:
    desk = Desk()

    def greet(connection: Connection) -> None:
        for _ in range(3):
            connection.send(b"x" * 50_000)

    desk.on_open = greet
    peer = connected(desk=desk)
    assert [len(payload) for _, payload in peer.hear()] == [50_000] * 3


def test_what_is_closed_while_opening_is_opened_and_closed() -> None:
    desk = Desk()
    desk.on_open = lambda connection: connection.close(1013, "later")
    peer = connected(desk=desk)
    assert peer.hear() == [closed(1013, b"later")]
    peer.advance(2)
    assert peer.wires.was_aborted
    assert desk.ends == 1


def test_what_is_cut_while_opening_is_told_that_it_is_lost() -> None:
    desk = Desk()
    desk.on_open = lambda connection: connection.cut()
    peer = Peer(desk=desk)
    assert peer.ask() == b""
    assert peer.wires.was_aborted
    assert desk.ends == 1
    peer.raw(b"anything")
    peer.advance(100)


def test_half_open_from_the_start_is_no_answer_at_all() -> None:
    desk = Desk()
    desk.on_open = lambda connection: connection.stop_reading()
    peer = Peer(desk=desk)
    assert peer.ask() == b""
    assert not peer.wires.reads
    peer.advance(100)
    assert not peer.wires.is_closing()


def test_an_overflow_while_opening_ends_the_connection() -> None:
    desk = Desk()
    desk.on_open = lambda connection: connection.send(b"x" * 2_000)
    peer = Peer(Limits(buffer=1_000), desk)
    peer.wires.stuck = True
    peer.ask()
    assert peer.wires.was_aborted
    assert desk.ends == 1
    assert peer.loop.pending() == []


def test_messages_after_the_handshake_are_the_sessions() -> None:
    peer = connected()
    peer.say(text(b'{"id":1}'))
    assert peer.desk.messages == [b'{"id":1}']
