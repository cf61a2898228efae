"""Clients in crowds that come, say half a word and go, or stay and never listen; others notice nothing of it."""

from __future__ import annotations

import gc
import resource
import socket
import sys
import threading
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

import pytest
import websocket
from tests.simulator.server.abuse import HOST, PATIENCE, handshake, port_of, rest_of, unflappable

from thunes.simulator import LocalExchange

pytestmark = pytest.mark.loopback
HALVES = (
    b"",
    b"GET /api/v3/ti",
    b"POST /api/v3/order HTTP/1.1\r\n" + HOST + b"Content-Length: 300\r\n\r\nsymbol=",
    b"GET /api/v3/time HTTP/1.1\r\n" + HOST + b"\r\n",  # whole, and the answer is not waited for
    handshake("/ws/btcusdt@trade")[:-30],
    handshake("/ws/btcusdt@trade"),
    handshake("/ws-api/v3") + b"\x81\xfe\xff",  # half a frame
)
BATCH = 200
ROOM = 16 << 20  # bytes that memory may be larger by afterwards
DEAF, LISTENERS = 200, 10
PROC = Path("/proc/self")
needs_proc = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")


def open_files() -> int:
    return len(list((PROC / "fd").iterdir()))


def memory() -> int:
    """Resident bytes."""
    gc.collect()
    return int((PROC / "statm").read_text().split()[1]) * resource.getpagesize()


def wait_until(holds: Callable[[], bool]) -> None:
    """Until the server has seen to what was said; it is another thread."""
    until = time.monotonic() + PATIENCE
    while not holds():
        assert time.monotonic() < until
        threading.Event().wait(0.01)


def rush(exchange: LocalExchange, connections: int) -> None:
    """So many connections, opened in batches and dropped, each after another half of something."""
    address = ("127.0.0.1", port_of(exchange))
    batch = min(BATCH, resource.getrlimit(resource.RLIMIT_NOFILE)[0] // 4)
    for begin in range(0, connections, batch):
        with ExitStack() as peers:
            for number in range(begin, min(begin + batch, connections)):
                peer = peers.enter_context(socket.create_connection(address, PATIENCE))
                if said := HALVES[number % len(HALVES)]:
                    peer.sendall(said)


def check_flood(connections: int) -> None:
    with unflappable() as exchange, rest_of(exchange) as rest:
        rush(exchange, 2 * BATCH)  # what is imported and allocated once
        assert rest.ask("GET", "/api/v3/ping") == (200, {})
        rest.close()
        wait_until(lambda: not exchange.parts.users.connections())
        files, size = open_files(), memory()
        rush(exchange, connections)
        wait_until(lambda: open_files() <= files + 2)
        assert memory() < size + ROOM
        wait_until(lambda: not exchange.parts.users.connections())
        exchange.advance(1)
        wait_until(lambda: not exchange.parts.hub.topics)
        order = {"symbol": "BTCUSDT", "side": "BUY", "type": "MARKET", "quoteOrderQty": "100"}
        assert rest.sign("POST", "/api/v3/order", **order)[1]["status"] == "FILLED"


@needs_proc
def test_connections_that_come_and_go_leave_nothing() -> None:
    check_flood(1_000)


@needs_proc
@pytest.mark.long
def test_ten_thousand_connections_that_come_and_go_leave_nothing() -> None:
    check_flood(10_000)


class Listener(threading.Thread):
    """Takes everything from a stream until the last bar's message."""

    def __init__(self, exchange: LocalExchange, bars: int) -> None:
        super().__init__()
        self.stream = websocket.create_connection(
            f"{exchange.ws_url}/ws/btcusdt@trade/btcusdt@kline_1h", timeout=PATIENCE
        )
        self.bars, self.heard = bars, list[str]()

    def run(self) -> None:
        while self.bars:
            self.heard.append(self.stream.recv())
            self.bars -= '"x":true' in self.heard[-1]
        self.stream.shutdown()


def deaf(exchange: LocalExchange, peers: ExitStack) -> None:
    """A client that subscribes and never reads, with little room for what waits."""
    peer = peers.enter_context(socket.socket())
    peer.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
    peer.connect(("127.0.0.1", port_of(exchange)))
    peer.sendall(handshake("/ws/btcusdt@trade/btcusdt@kline_1h/btcusdt@depth@100ms"))


def test_who_never_reads_keeps_nothing_from_those_who_do() -> None:
    with unflappable() as exchange, ExitStack() as peers:
        for _ in range(DEAF):
            deaf(exchange, peers)
        listeners = [Listener(exchange, bars=60) for _ in range(LISTENERS)]
        wait_until(lambda: len(list(exchange.parts.peers.connections("market"))) == DEAF + LISTENERS)
        for listener in listeners:
            listener.start()
        for _ in range(60):
            exchange.advance(1)
        for listener in listeners:
            listener.join(PATIENCE)
        assert all(listener.bars == 0 for listener in listeners)
        assert all(listener.heard == listeners[0].heard for listener in listeners)
