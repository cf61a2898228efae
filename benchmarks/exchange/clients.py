"""Clients of one kind each, run as processes of their own: `python -m benchmarks.exchange.clients KIND URL COUNT`.

What they found goes to stdout as JSON: requests, seconds, failed ones, and percentiles of the latency in seconds.
"""

from __future__ import annotations

import asyncio
import json
import statistics
import sys
import time
from collections.abc import Callable
from typing import Any

import aiohttp
import uvloop
from binance.client import Client

from benchmarks.exchange import scene
from benchmarks.exchange.bare import Constant

IN_FLIGHT = 16
WARM = 200  # orders that do not count
HEADERS = {"X-MBX-APIKEY": scene.KEY, "Content-Type": "application/x-www-form-urlencoded"}
Found = dict[str, float]


def found(latencies: list[float], seconds: float, failed: int = 0) -> Found:
    """The result of one client."""
    cuts = statistics.quantiles(latencies, n=100)
    return {"requests": len(latencies), "seconds": seconds, "failed": failed, "p50": cuts[49], "p99": cuts[98]}


async def aiohttp_client(url: str, count: int) -> Found:
    """Sixteen requests in flight over one session."""
    bodies = [scene.body(number) for number in range(scene.BODIES)]
    latencies: list[float] = []
    failed = 0

    async def worker(session: aiohttp.ClientSession, first: int, orders: int) -> None:
        nonlocal failed
        for number in range(first, first + orders):
            began = time.perf_counter()
            async with session.post(url + scene.ORDER, data=bodies[number % scene.BODIES], headers=HEADERS) as answer:
                await answer.read()
            latencies.append(time.perf_counter() - began)
            failed += answer.status != 200

    async with aiohttp.ClientSession() as session:
        await worker(session, 0, WARM)
        latencies.clear()
        began = time.perf_counter()
        each = count // IN_FLIGHT
        await asyncio.gather(*(worker(session, worker_number * each, each) for worker_number in range(IN_FLIGHT)))
        return found(latencies, time.perf_counter() - began, failed)


def binance_client(url: str) -> Client:
    """python-binance for a server on this machine; an address in the environment for a proxy is not asked."""

    class Local(Client):  # type: ignore[misc]
        API_URL = API_TESTNET_URL = API_DEMO_URL = url + "/api"

    client = Local(scene.KEY, scene.SECRET, {"timeout": (3.05, 15)}, ping=False)
    client.session.trust_env = False
    return client


def in_sequence(client: Client, count: int) -> Found:
    """One order after the other; a refused one raises."""

    def order(number: int) -> None:
        client.create_order(
            symbol=scene.SYMBOL,
            side=scene.side(number),
            type="MARKET",
            quantity=scene.QUANTITY,
            newClientOrderId=f"bench-{number}",
        )

    return timed_calls(order, count)


def timed_calls(call: Callable[[int], Any], count: int) -> Found:
    """Latencies of numbered calls, after some that do not count."""
    for number in range(WARM):
        call(number)
    latencies, began = [], time.perf_counter()
    for number in range(count):
        start = time.perf_counter()
        call(number)
        latencies.append(time.perf_counter() - start)
    return found(latencies, time.perf_counter() - began)


def in_process(count: int, *, bare: bool) -> Found:
    """python-binance and the exchange in one process, no socket between them."""
    with scene.local() as exchange:
        client = binance_client(exchange.http_url)
        client.session.mount(exchange.http_url, Constant() if bare else exchange.adapter())
        return in_sequence(client, count)


KINDS: dict[str, Callable[[str, int], Found]] = {
    "aiohttp": lambda url, count: uvloop.run(aiohttp_client(url, count)),
    "binance": lambda url, count: in_sequence(binance_client(url), count),
    "in_process": lambda url, count: in_process(count, bare=url == "bare"),
}

if __name__ == "__main__":
    kind, given_url, given_count = sys.argv[1:]
    print(json.dumps(KINDS[kind](given_url, int(given_count))))
