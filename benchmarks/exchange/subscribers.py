"""Ten aiohttp subscribers of one stream, and who makes it flow.

`python -m benchmarks.exchange.subscribers KIND PORT N`: they check that every trade comes, once and in order. What they
found goes to stdout as JSON.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections.abc import Awaitable, Callable
from typing import Any

import aiohttp
import uvloop

from benchmarks.exchange import scene

SUBSCRIBERS = 10
AHEAD = 4_000  # messages on their way to a subscriber, at most: less than its connection may leave unread
BARS = 50  # played by one request
EACH = 500  # trades of the bare server asked for by one message
Flow = Callable[[], Awaitable[int]]  # makes some more messages flow; how many


class Subscriber:
    """One connection, what it was sent, and whether it came in order."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self.socket, self.seen, self.last, self.disorder = socket, 0, -1, 0

    async def read(self) -> None:
        """Until the connection ends."""
        async for message in self.socket:
            number = trade_id(message.data)
            self.disorder += number <= self.last
            self.last = number
            self.seen += 1


def trade_id(message: str) -> int:
    """The number of a trade, without parsing the rest."""
    start = message.index('"t":') + 4
    return int(message[start : message.index(",", start)])


async def run(kind: str, port: int, total: int) -> dict[str, Any]:
    """Let about `total` messages flow to each subscriber; how many came, and how long it took."""
    url = f"http://127.0.0.1:{port}"
    async with aiohttp.ClientSession() as session:
        address = f"ws://127.0.0.1:{port}{scene.STREAM}"
        listeners = [Subscriber(await session.ws_connect(address, max_msg_size=0)) for _ in range(SUBSCRIBERS)]
        readers = [asyncio.create_task(one.read()) for one in listeners]
        flow = exchange_flow(session, url) if kind == "exchange" else await bare_flow(session, address)
        await until_read(listeners, await flow(), 0)  # connections are warm
        before, began, sent = listeners[0].seen, time.perf_counter(), listeners[0].seen
        while sent - before < total:
            sent += await flow()
            await until_read(listeners, sent, AHEAD)
        await until_read(listeners, sent, 0)
        seconds = time.perf_counter() - began
        for reader in readers:
            reader.cancel()
        return {
            "deliveries": sum(one.seen - before for one in listeners),
            "lost": sum(sent - one.seen for one in listeners),
            "disorder": sum(one.disorder for one in listeners),
            "seconds": seconds,
        }


async def until_read(listeners: list[Subscriber], sent: int, ahead: int) -> None:
    """Wait for the slowest; for one that is not told any more only as long as it takes to be sure."""
    deadline = time.perf_counter() + 10
    while min(one.seen for one in listeners) < sent - ahead and time.perf_counter() < deadline:
        await asyncio.sleep(0.0005)


def exchange_flow(session: aiohttp.ClientSession, url: str) -> Flow:
    """Time moves on; how many trades that makes, the same tape tells here."""
    exchange = scene.local(scene.candles(scene.MANY)).parts.exchange
    tape = exchange.feed[scene.SYMBOL]

    async def flow() -> int:
        before = exchange.now_ms
        exchange.playback.now_ms = exchange.playback.after_bars(BARS)
        await advance(session, url, exchange.now_ms)
        return sum(int((piece.quantity > 0).sum()) for piece in tape.columns(before, exchange.now_ms))

    return flow


async def advance(session: aiohttp.ClientSession, url: str, until: int) -> None:
    """Play until a moment (epoch ms)."""
    async with session.post(f"{url}/sim/v1/clock/advance", json={"until": until}) as answer:
        if answer.status != 200:
            raise RuntimeError(await answer.text())


async def bare_flow(session: aiohttp.ClientSession, address: str) -> Flow:
    """One more connection tells the bare server how many trades to make, and hears them as all do."""
    teller = Subscriber(await session.ws_connect(address, max_msg_size=0))
    asyncio.create_task(teller.read())  # noqa: RUF006  # as long as the session

    async def flow() -> int:
        await teller.socket.send_str(str(EACH))
        return EACH

    return flow


if __name__ == "__main__":
    kind, port, total = sys.argv[1:]
    print(json.dumps(uvloop.run(run(kind, int(port), int(total)))))
