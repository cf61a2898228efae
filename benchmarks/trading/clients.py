"""Processes that send orders: `python -m benchmarks.trading.clients KIND URL COUNT`; what they found as JSON on stdout.

`trader`: the whole order path. `bare`: python-binance alone, a line written and synced before each order and after it.
Durations are in seconds; `syncs`: how long one write of 400 bytes and its fdatasync take, between the orders.
"""

from __future__ import annotations

import json
import os
import statistics
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.exchange import scene
from benchmarks.exchange.clients import binance_client
from benchmarks.setting import ROOT

WARM = 60  # orders that do not count
LINE = b"x" * 399 + b"\n"
SPANS = {
    "asked": ("look", "decide"),
    "wire": ("decide", "wire"),
    "order": ("intent", "done"),
    "whole": ("decide", "done"),
}
Found = dict[str, list[float]]
durable = getattr(os, "fdatasync", os.fsync)  # macOS has no fdatasync


@contextmanager
def folder() -> Iterator[Path]:
    """An empty one on the disk of the project: what lies in memory needs no sync."""
    place = ROOT / "artifacts" / "bench"
    place.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(dir=place, prefix="orders-") as name:
        yield Path(name)


class Synced:
    """A file in which every write is durable on return."""

    def __init__(self, path: Path) -> None:
        self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)

    def write(self, content: bytes = LINE) -> float:
        """How long it took."""
        began = time.perf_counter()
        os.write(self._file, content)
        durable(self._file)
        return time.perf_counter() - began


def trader(url: str, count: int) -> Found:
    """Passes of the trader, one order each. `asked`: its questions, a round trip each, the closed candle last; `wire`:
    from the last answer to the order's request; `order`: from the intent to all books written; `whole`: from the last
    answer to there; `sync`: a plain line beside each order."""
    from benchmarks.trading.desk import desk

    found: Found = {name: [] for name in (*SPANS, "sync")}
    with folder() as place, desk(url, place) as trading:
        plain = Synced(place / "plain")
        trading.look()  # the first bar may be one to stay out
        for number in range(WARM + count):
            trading.run()
            sync = plain.write()
            if number >= WARM:
                for name, (first, last) in SPANS.items():
                    found[name].append(trading.watch.between(first, last))
                found["sync"].append(sync)
    return found


def bare(url: str, count: int) -> Found:
    """`order`: a synced line, python-binance's order, a synced line; `sync`: the first line alone."""
    client, found = binance_client(url), Found(order=[], sync=[])
    with folder() as place:
        trail = Synced(place / "plain")
        for number in range(WARM + count):
            began = time.perf_counter()
            sync = trail.write()
            client.create_order(
                symbol=scene.SYMBOL, side=scene.side(number), type="MARKET", quantity=scene.QUANTITY,
                newClientOrderId=f"bare-{number}",
            )  # fmt: skip
            trail.write()
            if number >= WARM:
                found["order"].append(time.perf_counter() - began)
                found["sync"].append(sync)
    return found


def told(durations: Sequence[float]) -> dict[str, float]:
    """Mean and percentiles."""
    cuts = statistics.quantiles(durations, n=100)
    return {"mean": statistics.fmean(durations), "p50": cuts[49], "p99": cuts[98]}


KINDS: dict[str, Callable[[str, int], Found]] = {"trader": trader, "bare": bare}

if __name__ == "__main__":
    kind, given_url, given_count = sys.argv[1:]
    measured = KINDS[kind](given_url, int(given_count))
    cpu = time.process_time() / (WARM + int(given_count))  # seconds an order, the start of the process in it
    print(
        json.dumps({"count": int(given_count), "cpu": cpu, **{name: told(found) for name, found in measured.items()}})
    )
