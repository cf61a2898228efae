"""Real clients at a real server."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import aiohttp
import pytest
import websocket
from tests.simulator.transport.peer import Desk
from tests.simulator.transport.server import PATIENCE, Running, serving
from websockets.exceptions import ConnectionClosedError
from websockets.sync.client import ClientConnection, connect

from thunes.simulator.transport.contract import Connection, Limits, Rejection
from thunes.simulator.transport.frames import text_frame
from thunes.simulator.transport.websocket import connection_class

pytestmark = pytest.mark.loopback


class Hall(Desk):
    """Echoes, and keeps its connections."""

    def __init__(self) -> None:
        super().__init__()
        self.connections: list[Connection] = []
        self.left = threading.Event()

    def open(self, connection: Connection, target: str, client: str) -> Desk | Rejection:
        self.connections.append(connection)
        outcome = super().open(connection, target, client)
        return outcome if isinstance(outcome, Rejection) else Guest(self, connection)

    def publish(self, payload: bytes, times: int) -> None:
        frame = text_frame(payload)
        for _ in range(times):
            for connection in self.connections:
                connection.send_frame(frame)


class Guest(Desk):
    def __init__(self, hall: Hall, connection: Connection) -> None:
        super().__init__()
        self._hall, self._connection = hall, connection

    def receive(self, message: bytes) -> None:
        self._connection.send(message)

    def lost(self) -> None:
        self._hall.ends += 1
        self._hall.left.set()


@pytest.fixture
def hall() -> Hall:
    return Hall()


@contextmanager
def open_hall(hall: Hall, limits: Limits | None = None) -> Iterator[Running]:
    with serving(None, connection_class(hall, limits or Limits())) as running:
        yield running


@pytest.fixture
def running(hall: Hall) -> Iterator[Running]:
    with open_hall(hall) as running:
        yield running


def url(running: Running) -> str:
    return f"ws://127.0.0.1:{running.port}/ws/btcusdt@trade?timeUnit=MICROSECOND"


def test_websocket_client_talks_and_leaves(running: Running, hall: Hall) -> None:
    client = websocket.create_connection(url(running), timeout=PATIENCE)
    client.send("h€llo")
    assert client.recv() == "h€llo"
    client.ping("x")
    assert client.recv_data(control_frame=True) == (websocket.ABNF.OPCODE_PONG, b"x")
    client.close()
    assert hall.left.wait(PATIENCE)
    assert hall.opened == [("/ws/btcusdt@trade?timeUnit=MICROSECOND", "127.0.0.1")]


def test_aiohttp_talks_and_leaves(running: Running, hall: Hall) -> None:
    async def talk() -> tuple[str, int | None]:
        async with aiohttp.ClientSession() as session, session.ws_connect(url(running)) as client:
            await client.send_str("x" * 60_000)
            answer = await client.receive_str()
            await client.close()
            return answer, client.close_code

    assert asyncio.run(talk()) == ("x" * 60_000, 1000)
    assert hall.left.wait(PATIENCE)


def test_websockets_is_told_that_it_talks_too_fast(running: Running, hall: Hall) -> None:
    with connect(url(running), compression="deflate") as client, pytest.raises(ConnectionClosedError) as caught:
        flood(client)
    assert caught.value.rcvd is not None
    assert (caught.value.rcvd.code, caught.value.rcvd.reason) == (1008, "Too many requests")
    assert hall.left.wait(PATIENCE)


def flood(client: ClientConnection) -> None:
    """Send on while the server closes: its last word must arrive all the same."""
    for number in range(10_000):
        client.send(str(number))


def test_a_rejected_client_sees_the_status(running: Running, hall: Hall) -> None:
    hall.rejection = Rejection(429, b"{}")
    with pytest.raises(websocket.WebSocketBadStatusException) as caught:
        websocket.create_connection(url(running), timeout=PATIENCE)
    assert (caught.value.status_code, caught.value.resp_body) == (429, b"{}")


def test_a_cut_is_a_reset(running: Running, hall: Hall) -> None:
    client = websocket.create_connection(url(running), timeout=PATIENCE)
    running.call(hall.connections[0].cut)
    with pytest.raises(ConnectionResetError):
        client.sock.recv(1)
    client.shutdown()
    assert hall.left.wait(PATIENCE)


def test_clients_are_told_that_the_server_stops(hall: Hall) -> None:
    with open_hall(hall) as running:
        client = websocket.create_connection(url(running), timeout=PATIENCE)
        hung = websocket.create_connection(url(running), timeout=PATIENCE)
        running.call(hall.connections[1].stop_reading)
        running.server.should_exit = True
        opcode, payload = client.recv_data(control_frame=True)
        assert (opcode, payload[:2]) == (websocket.ABNF.OPCODE_CLOSE, (1001).to_bytes(2, "big"))
        running.stop()
        client.shutdown()
        hung.shutdown()
    assert hall.ends == 2


def test_nine_get_everything_and_the_tenth_which_stalls_is_dropped(hall: Hall) -> None:
    limits = Limits(send_buffer=64 * 1024, stall=0.8)
    with open_hall(hall, limits) as running:
        stalled = socket.create_connection(("127.0.0.1", running.port), PATIENCE)
        stalled.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 64 * 1024)
        deaf = websocket.create_connection(url(running), timeout=PATIENCE, socket=stalled)
        counts = asyncio.run(nine(running, hall))
        assert counts == [3_000] * 9
        assert hall.ends >= 1
        assert not hall.connections[0].is_open
        deaf.shutdown()


async def nine(running: Running, hall: Hall) -> list[int]:
    """Nine subscribers beside the stalled one, 1.5 MB for each; how many messages each got."""
    async with aiohttp.ClientSession() as session:
        clients = [await session.ws_connect(url(running)) for _ in range(9)]
        running.loop.call_soon_threadsafe(hall.publish, b"x" * 500, 3_000)
        counts = [await count(client) for client in clients]
        await asyncio.to_thread(hall.left.wait, PATIENCE)
        assert hall.ends == 1
        for client in clients:
            await client.close()
        return counts


async def count(client: aiohttp.ClientWebSocketResponse) -> int:
    for number in range(3_000):
        message = await client.receive(PATIENCE)
        if message.type is not aiohttp.WSMsgType.TEXT:
            return number
    return 3_000
