"""The order path: from the decision's data in hand to the wire, and durable orders a second, quiet and busy."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from statistics import median
from typing import Any

from benchmarks.exchange import servers
from benchmarks.measure import Timing, process
from benchmarks.rows import Goal, Row
from benchmarks.setting import Setting
from thunes.kernels.sweep import available_cores

PATH = "Order path: over TCP, one synced write before the wire, one after"
BARE = "bare python-binance"  # between two synced lines
BUSY = "while True: pass"
Found = dict[str, Any]


def order_path(setting: Setting) -> Iterator[Row]:
    """Rounds of trader and bare client by turns, each on an exchange of its own; then with all cores busy."""
    amount, rounds = (100, 1) if setting.quick else (600, 3)
    with servers.exchange() as ours, servers.exchange() as plain:
        quiet = [(_asked("trader", ours.http, amount), _asked("bare", plain.http, amount)) for _ in range(rounds)]
        with busy():
            loaded = [(_asked("trader", ours.http, amount), _asked("bare", plain.http, amount)) for _ in range(rounds)]
    yield _wire("to the wire, p99, quiet", quiet, 2.0)
    yield _wire("to the wire, p99, busy", loaded, 10.0)
    yield _rate("orders, quiet", quiet, 400)
    yield _rate("orders, busy", loaded, None)


@contextmanager
def busy() -> Iterator[None]:
    """As many processes that compute as there are cores."""
    command = [sys.executable, "-c", BUSY]
    with ExitStack() as stack:
        for _ in range(available_cores()):
            stack.callback(stack.enter_context(subprocess.Popen(command)).kill)
        yield


def _asked(kind: str, url: str, count: int) -> Found:
    found: Found = json.loads(process([sys.executable, "-m", "benchmarks.trading.clients", kind, url, str(count)])[1])
    return found


def _of(rounds: list[tuple[Found, Found]], which: int, what: str, figure: str) -> float:
    return median(pair[which][what][figure] for pair in rounds)


def _wire(case: str, rounds: list[tuple[Found, Found]], bound: float) -> Row:
    p50, p99 = (1e3 * _of(rounds, 0, "wire", figure) for figure in ("p50", "p99"))
    sync = {figure: 1e3 * _of(rounds, 0, "sync", figure) for figure in ("p50", "p99")}
    asked = 1e3 * _of(rounds, 0, "asked", "p50")
    note = (
        f"p50 {p50:.2f} ms; one bare synced write of the same run: p50 {sync['p50']:.2f}, p99 {sync['p99']:.2f} ms; "
        f"the questions before (candle, prices, account, time): p50 {asked:.1f} ms"
    )
    facts = {"p50_ms": p50, "sync_p50_ms": sync["p50"], "sync_p99_ms": sync["p99"], "asked_p50_ms": asked}
    return Row(PATH, case, p99, "ms", goal=Goal(bound, least=False), note=note, facts={**facts, "rounds": rounds})


def _rate(case: str, rounds: list[tuple[Found, Found]], least: float | None) -> Row:
    ours, bare, whole = (_times(rounds, *which) for which in ((0, "order"), (1, "order"), (0, "whole")))
    rate, peer_rate = 1 / ours.median, 1 / bare.median
    p50, p99 = (1e3 * _of(rounds, 0, "order", figure) for figure in ("p50", "p99"))
    note = (
        f"intent to books; {rate / peer_rate:.2f} × {BARE} ({peer_rate:,.0f}/s); p50 {p50:.2f}, p99 {p99:.2f} ms; "
        f"with the decision: {1 / whole.median:,.0f}/s"
    )
    facts = {"peer_rate": peer_rate, "ratio": rate / peer_rate, "with_decision": 1 / whole.median}
    goal = Goal(least, least=True) if least else None
    return Row(PATH, case, rate, "orders/s", ours, peer="bare", peer_timing=bare, goal=goal, note=note, facts=facts)


def _times(rounds: list[tuple[Found, Found]], which: int, what: str) -> Timing:
    """Mean seconds of each round."""
    return Timing(tuple(pair[which][what]["mean"] for pair in rounds), tuple(pair[which]["cpu"] for pair in rounds))
