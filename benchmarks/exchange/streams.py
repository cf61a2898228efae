"""Fan-out of a market stream, and what becomes of a subscriber that reads nothing."""

from __future__ import annotations

import base64
import json
import select
import socket
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from statistics import median
from subprocess import PIPE, Popen

from benchmarks.exchange import scene, servers
from benchmarks.exchange.servers import Server
from benchmarks.measure import Timing, process
from benchmarks.rows import Goal, Row
from benchmarks.setting import ROOT, Setting

STREAMS = "Local exchange: one stream of trades, ten aiohttp subscribers"
PATIENCE = 30.0  # seconds until a stalled subscriber counts as never dropped
Found = dict[str, float]


def streams(setting: Setting) -> Iterator[Row]:
    """Deliveries a second beside a bare broadcast, none lost; then with a subscriber that stalls."""
    rounds, each = (1, 1_000) if setting.quick else (3, 20_000)
    pairs = [(_flow("exchange", each), _flow("trades", each)) for _ in range(rounds)]
    ours, bare = ([pair[k] for pair in pairs] for k in (0, 1))
    rate, peer = median(map(_rate, ours)), median(map(_rate, bare))
    cpu = median(one["cpu"] / one["deliveries"] for one in ours) * 1e6
    note = f"{rate / peer:.2f} × bare broadcast of websockets ({peer:,.0f}/s), {cpu:.1f} µs of processor a delivery"
    facts = {"peer_rate": peer, "ratio": rate / peer, "rounds": ours, "peer_rounds": bare}
    yield Row(
        STREAMS,
        "fan-out",
        rate,
        "msg/s",
        _timing(ours),
        peer="bare",
        peer_timing=_timing(bare),
        goal=Goal(100_000, least=True),
        note=note,
        facts=facts,
    )
    yield Row(STREAMS, "  lost or out of order", sum(map(_wrong, ours)), "msg", goal=Goal(0, least=False))
    yield from _stalled(each)


def _flow(kind: str, each: int) -> Found:
    with servers.small(*(("served",) if kind == "exchange" else ("bare", kind))) as server:
        return _subscribed(server, kind, each)


def _subscribed(server: Server, kind: str, each: int) -> Found:
    before = server.cpu_seconds()
    found: Found = json.loads(process(_subscribers(server, kind, each))[1])
    return {**found, "cpu": server.cpu_seconds() - before}


def _subscribers(server: Server, kind: str, each: int) -> list[str]:
    return [sys.executable, "-m", "benchmarks.exchange.subscribers", kind, str(server.port), str(each)]


def _rate(found: Found) -> float:
    return found["deliveries"] / found["seconds"]


def _wrong(found: Found) -> float:
    return found["lost"] + found["disorder"]


def _timing(rounds: list[Found]) -> Timing:
    """Seconds a delivery, on the wall and of the server's processor."""
    return Timing(
        tuple(1 / _rate(found) for found in rounds), tuple(found["cpu"] / found["deliveries"] for found in rounds)
    )


def _stalled(each: int) -> Iterator[Row]:
    """Seconds from the first message that a stalled subscriber has no room for until its connection is reset."""
    with servers.small("served") as server, stalled(server.port) as peer:
        others = Popen(_subscribers(server, "exchange", 3 * each), stdout=PIPE, text=True, cwd=ROOT)
        seconds = until_dropped(peer)
        out, _ = others.communicate(timeout=60)
    found: Found = json.loads(out)
    note = f"meanwhile the ten others got {found['deliveries']:,.0f} messages, {_wrong(found):.0f} lost or out of order"
    facts = {"others": found}
    goal = Goal(2, least=False)
    yield Row(STREAMS, "a stalled one is dropped", seconds, "s", goal=goal, note=note, facts=facts)


@contextmanager
def stalled(port: int) -> Iterator[socket.socket]:
    """A subscriber that has shaken hands and reads nothing from then on; its kernel keeps little for it."""
    with closing(socket.socket()) as peer:
        peer.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
        peer.connect(("127.0.0.1", port))
        key = base64.b64encode(bytes(16)).decode()
        upgrade = f"Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13"
        peer.sendall(f"GET {scene.STREAM} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n{upgrade}\r\n\r\n".encode())
        if not peer.recv(12).endswith(b" 101"):
            raise RuntimeError("the handshake was refused")
        yield peer


def until_dropped(peer: socket.socket) -> float:
    """Wait for the reset without reading a byte; the clock starts when what has come grows no more."""
    events = select.poll()
    events.register(peer, 0)  # errors and hang-ups are told all the same
    full, size, deadline = time.perf_counter(), 0, time.perf_counter() + PATIENCE
    while not events.poll(2):
        now, came = time.perf_counter(), _waiting(peer)
        if came != size:
            full, size = now, came
        if now > deadline:
            return float("inf")
    return time.perf_counter() - full


def _waiting(peer: socket.socket) -> int:
    """Bytes that have come and were not read."""
    return len(peer.recv(1 << 20, socket.MSG_PEEK | socket.MSG_DONTWAIT))
