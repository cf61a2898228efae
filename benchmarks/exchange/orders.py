"""Signed orders a second, by clients in other processes, and by one client in the exchange's own."""

from __future__ import annotations

import json
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from benchmarks.exchange import scene, servers
from benchmarks.exchange.servers import Server
from benchmarks.measure import Timing, process
from benchmarks.rows import Goal, Row
from benchmarks.setting import Setting

ORDERS = "Local exchange: signed orders, limits off"
BARE = "bare uvicorn"
SCRIPT = Path(__file__).with_name("orders.lua")


@dataclass(frozen=True)
class Client:
    """A kind of client: how many orders (wrk: seconds) one round takes, and what is asked of rate and p99."""

    case: str
    kind: str
    amount: int
    rate: float
    p99_ms: float


WRK = Client("wrk, 16 connections", "wrk", 4, 6_000, 6)
CLIENTS = (
    Client("aiohttp, 16 in flight", "aiohttp", 12_000, 4_000, 8),
    Client("python-binance over TCP", "binance", 3_000, 900, 3),
)
IN_PROCESS = Client("python-binance in process", "in_process", 6_000, 2_500, 3)


@dataclass(frozen=True)
class Round:
    """One client's round against one server; `cpu` are the server's seconds an order."""

    rate: float
    p50_ms: float
    p99_ms: float
    cpu: float = 0.0


def orders(setting: Setting) -> Iterator[Row]:
    """All clients, each by turns against the exchange and against a bare application on the same server."""
    rounds = 1 if setting.quick else 5
    with ExitStack() as stack:
        ours, bare = stack.enter_context(servers.exchange()), stack.enter_context(servers.small("bare", "http"))
        yield from _with_wrk(setting, rounds, ours, bare)
        for client in CLIENTS:
            amount = client.amount // (20 if setting.quick else 1)
            pairs = [(_asked(client, ours, amount), _asked(client, bare, amount)) for _ in range(rounds)]
            yield from _rows(client, pairs, BARE)
    amount = IN_PROCESS.amount // (20 if setting.quick else 1)
    alone = [(_alone("ours", amount), _alone("bare", amount)) for _ in range(rounds)]
    yield from _rows(IN_PROCESS, alone, "bare adapter")


def _with_wrk(setting: Setting, rounds: int, ours: Server, bare: Server) -> Iterator[Row]:
    program = shutil.which("wrk")
    if program is None:
        note = "skipped, wrk is not installed (Debian: apt-get install wrk)"
        yield Row(ORDERS, WRK.case, 0.0, "orders/s", note=note, facts={"skipped": True})
        return
    seconds = 1 if setting.quick else WRK.amount
    with tempfile.TemporaryDirectory() as folder:
        bodies = Path(folder) / "bodies"
        bodies.write_bytes(b"\n".join(scene.body(number) for number in range(scene.BODIES)) + b"\n")

        def one(server: Server) -> Round:
            arguments = ["-t1", "-c16", f"-d{seconds}s", "-s", str(SCRIPT), server.http]
            return _measured(server, [program, *arguments], {"BODIES": str(bodies)})

        pairs = [(one(ours), one(bare)) for _ in range(rounds)]
    yield from _rows(WRK, pairs, BARE)


def _asked(client: Client, server: Server, count: int) -> Round:
    command = [sys.executable, "-m", "benchmarks.exchange.clients", client.kind, server.http, str(count)]
    return _measured(server, command)


def _alone(which: str, count: int) -> Round:
    command = [sys.executable, "-m", "benchmarks.exchange.clients", IN_PROCESS.kind, which, str(count)]
    return _round(process(command)[1])


def _measured(server: Server, command: list[str], environment: dict[str, str] | None = None) -> Round:
    before = server.cpu_seconds()
    out = process(command, environment)[1]
    return _round(out, server.cpu_seconds() - before)


def _round(out: str, cpu: float = 0.0) -> Round:
    """From the last line of a client's stdout; a request that failed ends the bench."""
    found = json.loads(out.splitlines()[-1])
    if found["failed"]:
        raise RuntimeError(f"{found['failed']:.0f} of {found['requests']:.0f} orders failed")
    requests = found["requests"]
    return Round(requests / found["seconds"], found["p50"] * 1e3, found["p99"] * 1e3, cpu / requests)


def _rows(client: Client, pairs: list[tuple[Round, Round]], peer: str) -> Iterator[Row]:
    """The rate and the 99th percentile of the latency: medians over the rounds."""
    ours, bare = ([pair[k] for pair in pairs] for k in (0, 1))
    rate, peer_rate = _median(ours, lambda one: one.rate), _median(bare, lambda one: one.rate)
    cpu, peer_cpu = (_median(rounds, lambda one: one.cpu) * 1e6 for rounds in (ours, bare))
    spent = f"; processor of the server {cpu:.0f} µs an order, bare {peer_cpu:.0f}" if cpu else ""
    yield Row(
        ORDERS,
        client.case,
        rate,
        "orders/s",
        _timing(ours),
        peer=peer,
        peer_timing=_timing(bare),
        goal=Goal(client.rate, least=True),
        note=f"{rate / peer_rate:.2f} × {peer} ({peer_rate:,.0f}/s){spent}",
        facts={"peer_rate": peer_rate, "ratio": rate / peer_rate, "rounds": _facts(ours), "peer_rounds": _facts(bare)},
    )
    p99, peer_p99 = _median(ours, lambda one: one.p99_ms), _median(bare, lambda one: one.p99_ms)
    p50 = _median(ours, lambda one: one.p50_ms)
    note = f"p50 {p50:.2f} ms; {peer}: p99 {peer_p99:.2f} ms"
    goal, facts = Goal(client.p99_ms, least=False), {"p50_ms": p50, "peer_p99_ms": peer_p99}
    yield Row(ORDERS, "  its p99", p99, "ms", goal=goal, note=note, facts=facts)


def _median(rounds: list[Round], figure: Callable[[Round], float]) -> float:
    return median(figure(one) for one in rounds)


def _timing(rounds: list[Round]) -> Timing:
    """Seconds an order, on the wall and of the server's processor."""
    return Timing(tuple(1 / one.rate for one in rounds), tuple(one.cpu for one in rounds))


def _facts(rounds: list[Round]) -> list[dict[str, float]]:
    return [vars(one) for one in rounds]
