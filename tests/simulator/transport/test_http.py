"""An application that cuts its client off, or leaves it hanging."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Iterator
from typing import Any

import pytest
from tests.simulator.transport.server import PATIENCE, Running, serving

from thunes.simulator.transport.http import EXTENSION, MOST_HEAD, Reply, Wire

pytestmark = pytest.mark.loopback

REQUEST = b"GET %s HTTP/1.1\r\nHost: here\r\n\r\n"
ANSWER = [
    {"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]},
    {"type": "http.response.body", "body": b"ok"},
]


class Venue:
    """An ASGI application whose paths say what it does."""

    def __init__(self) -> None:
        self.wires: list[Wire] = []
        self.done = threading.Semaphore(0)

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        wire = scope["extensions"][EXTENSION]
        self.wires.append(wire)
        path = scope["path"]
        assert (await receive())["type"] == "http.request"
        if path.startswith("/drip"):
            await send(ANSWER[0])
        if path.endswith("cut"):
            wire.cut()
        if path.endswith("hang"):
            wire.stop_reading()
        for message in ANSWER[1:] if path.startswith("/drip") else ANSWER:
            await send(message)
        if path.endswith("after"):
            wire.stop_reading()
        self.done.release()


@pytest.fixture
def venue() -> Venue:
    return Venue()


@pytest.fixture
def running(venue: Venue) -> Iterator[Running]:
    with serving(venue) as running:
        yield running


def client(running: Running) -> socket.socket:
    return socket.create_connection(("127.0.0.1", running.port), PATIENCE)


def ask(connection: socket.socket, path: bytes) -> bytes:
    """A request, and what comes of its answer's last line."""
    connection.sendall(REQUEST % path)
    answer = b""
    while not answer.endswith(b"ok"):
        piece = connection.recv(4096)
        if not piece:
            break
        answer += piece
    return answer


def listen(connection: socket.socket) -> None:
    while connection.recv(4096):
        pass


def test_requests_of_one_connection_share_a_wire_and_others_do_not(running: Running, venue: Venue) -> None:
    with client(running) as one, client(running) as two:
        for connection in (one, one, two):
            assert ask(connection, b"/").startswith(b"HTTP/1.1 200")
    first, second, third = venue.wires
    assert first is second
    assert first is not third


@pytest.mark.parametrize("path", [b"/cut", b"/drip/cut"])
def test_a_cut_is_a_reset_without_an_answer(running: Running, path: bytes) -> None:
    with client(running) as connection:
        ask(connection, b"/")
        connection.sendall(REQUEST % path)
        with pytest.raises(ConnectionResetError):
            listen(connection)
    with client(running) as other:
        assert ask(other, b"/").endswith(b"ok")


def test_who_has_gone_cannot_be_cut_off(running: Running, venue: Venue) -> None:
    with client(running) as connection:
        ask(connection, b"/")
        [protocol] = running.server.server_state.connections
        running.call(protocol.timeout_keep_alive_handler)  # type: ignore[union-attr]
        assert connection.recv(1) == b""
    with client(running) as other:
        ask(other, b"/")  # by now the first one's transport is closed
        running.call(venue.wires[0].cut)
        assert ask(other, b"/").endswith(b"ok")


def test_a_cut_client_that_sent_ahead_gets_nothing_of_either(running: Running, venue: Venue) -> None:
    with client(running) as connection:
        connection.sendall(REQUEST % b"/cut" + REQUEST % b"/")
        with pytest.raises(ConnectionResetError):
            connection.recv(4096)
    assert len(venue.wires) == 1


@pytest.mark.parametrize("more", [b"", REQUEST % b"/"])
def test_half_open_answers_nothing_and_the_socket_stays(running: Running, venue: Venue, more: bytes) -> None:
    with client(running) as connection:
        connection.sendall(REQUEST % b"/hang" + more)
        assert venue.done.acquire(timeout=PATIENCE)
        [protocol] = running.server.server_state.connections
        assert not running.call(protocol.transport.is_reading)  # type: ignore[union-attr]
        connection.sendall(REQUEST % b"/")
        connection.settimeout(0.1)
        with pytest.raises(TimeoutError):
            connection.recv(1)
        assert len(venue.wires) == 1
        assert len(running.server.server_state.connections) == 1
        with client(running) as other:
            assert ask(other, b"/").endswith(b"ok")


def test_half_open_after_an_answer_outlives_the_keep_alive(running: Running, venue: Venue) -> None:
    with client(running) as connection:
        assert ask(connection, b"/after").endswith(b"ok")
        assert venue.done.acquire(timeout=PATIENCE)
        [protocol] = running.server.server_state.connections
        running.call(protocol.timeout_keep_alive_handler)  # type: ignore[union-attr]
        assert not running.call(protocol.transport.is_closing)  # type: ignore[union-attr]


def test_an_idle_connection_ends_with_the_keep_alive(running: Running) -> None:
    with client(running) as connection:
        ask(connection, b"/")
        [protocol] = running.server.server_state.connections
        running.call(protocol.timeout_keep_alive_handler)  # type: ignore[union-attr]
        assert connection.recv(1) == b""


def test_a_server_with_half_open_connections_can_stop(venue: Venue) -> None:
    with serving(venue) as running, client(running) as connection, client(running) as idle:
        ask(idle, b"/")
        connection.sendall(REQUEST % b"/hang")
        assert venue.done.acquire(timeout=PATIENCE)
        running.stop()
        with pytest.raises(ConnectionResetError):
            connection.recv(1)
        assert idle.recv(1) == b""


BIG = bytes(8 << 20)


class Direct(Venue):
    """One that may also be asked directly."""

    def __init__(self) -> None:
        super().__init__()
        self.released = asyncio.Event()

    def at_once(self, scope: Any, body: bytes) -> Any:
        match scope["path"]:
            case "/wrong":
                raise ValueError("a mistake of ours")
            case "/slow":
                return self
            case "/held":
                return self.hold
            case "/big":
                body = BIG
        return Reply(200, [(b"content-length", b"%d" % len(body))], body)

    async def hold(self, scope: Any, receive: Any, send: Any) -> None:
        """Answer once it is released."""
        self.done.release()
        await self.released.wait()
        await self(scope, receive, send)


def post(body: bytes, path: bytes = b"/", more: bytes = b"") -> bytes:
    return b"POST %s HTTP/1.1\r\nHost: here\r\nContent-Length: %d\r\n%s\r\n%s" % (path, len(body), more, body)


@pytest.fixture
def application() -> Direct:
    return Direct()


@pytest.fixture
def direct(application: Direct) -> Iterator[Running]:
    with serving(application) as running:
        yield running


def test_a_whole_request_is_answered_without_asgi(direct: Running) -> None:
    with client(direct) as connection:
        connection.sendall(post(b"first ok") + post(b"second"))
        assert ask(connection, b"/slow").count(b"HTTP/1.1 200 OK") == 3


def test_a_request_in_pieces_is_answered_by_asgi(direct: Running) -> None:
    """Also one whose client waits to be told to go on."""
    with client(direct) as connection:
        whole = post(b"12345", more=b"Expect: 100-continue\r\n")
        connection.sendall(whole[:-5])
        assert connection.recv(4096) == b"HTTP/1.1 100 Continue\r\n\r\n"
        connection.sendall(whole[-5:])
        assert connection.recv(4096).startswith(b"HTTP/1.1 200 OK")


def test_a_mistake_of_ours_is_a_500(direct: Running) -> None:
    with client(direct) as connection:
        connection.sendall(post(b"", b"/wrong"))
        assert connection.recv(4096).startswith(b"HTTP/1.1 500")


def test_a_connection_that_is_to_close_is_closed_after_its_answer(direct: Running) -> None:
    with client(direct) as connection:
        connection.sendall(post(b"last", more=b"Connection: close\r\n"))
        answer = b""
        while piece := connection.recv(4096):
            answer += piece
    assert answer.endswith(b"connection: close\r\n\r\nlast")


def test_a_client_that_does_not_read_is_waited_for(direct: Running) -> None:
    with client(direct) as connection:
        connection.sendall(post(b"", b"/big") * 2 + post(b""))  # the last one has to wait, and ASGI says ok
        got = connection.recv(1 << 20)
        while not got.endswith(b"ok"):
            piece = connection.recv(1 << 20)
            assert piece
            got += piece
    assert len(got) > 2 * len(BIG)


def test_many_requests_sent_ahead_are_not_one_that_is_too_large(direct: Running) -> None:
    ahead = 1_000  # a megabyte: the server reads a quarter of it at a time, and what is cut in two there are heads
    request = post(b"ok", more=b"X-Padding: %s\r\n" % (b"x" * 1_000))
    with client(direct) as connection:
        sender = threading.Thread(target=connection.sendall, args=(request * ahead,))
        sender.start()
        answers = b""
        while answers.count(b"\r\n\r\nok") < ahead:
            piece = connection.recv(1 << 20)
            assert piece
            answers += piece
        sender.join()
    assert answers.count(b"HTTP/1.1 200 OK") == ahead


@pytest.mark.parametrize("pieces", [1, 8])
def test_a_head_that_is_too_large_is_refused(direct: Running, pieces: int) -> None:
    head = REQUEST % (b"/?" + b"a" * 4 * MOST_HEAD)
    size = len(head) // pieces
    with client(direct) as connection:
        connection.sendall(post(b"first"))
        assert connection.recv(4096).endswith(b"first")
        for start in range(0, len(head), size):
            try:
                connection.sendall(head[start : start + size])
            except ConnectionError:
                break
        assert connection.recv(4096).startswith(b"HTTP/1.1 400")


def test_an_answer_that_takes_its_time_is_waited_for_also_behind_another(direct: Running, application: Direct) -> None:
    with client(direct) as connection:
        connection.sendall(post(b"first") + post(b"", b"/held"))
        assert application.done.acquire(timeout=PATIENCE)
        [protocol] = direct.server.server_state.connections
        assert protocol.timeout_keep_alive_task is None  # type: ignore[union-attr]
        direct.call(application.released.set)
        answers = b""
        while not answers.endswith(b"ok"):
            answers += connection.recv(4096)
    assert answers.count(b"HTTP/1.1 200 OK") == 2
