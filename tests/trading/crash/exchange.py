"""A local exchange in a process of its own: whoever trades there may be killed, and it goes on."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection
from typing import Any

from thunes.market.synthetic import generate
from thunes.model import Candles
from thunes.simulator import LocalExchange

SYMBOL, INTERVAL = "BTCUSDT", "1h"
HOUR_MS = 3_600_000
PAST = 48  # bars that lie behind the first that is traded
SECRET = "secret"


def market(bars: int) -> Candles:
    """So many candles to trade on, and a past."""
    return generate(SYMBOL, INTERVAL, PAST + bars, seed=7)


@dataclass(frozen=True)
class Control:
    """The exchange's control API, one connection a question: nothing is shared over a fork."""

    url: str

    def now(self) -> int:
        return int(self._ask("GET", "clock")["now"])

    def advance(self, **how: int) -> int:
        """`bars=1`, or `until=` a moment (epoch ms); the time then."""
        return int(self._ask("POST", "clock/advance", how)["now"])

    def open_account(self, key: str, **balances: str) -> None:
        self._ask("POST", "accounts", {"apiKey": key, "secret": SECRET, "balances": balances})

    def fault(self, name: str, route: str, **parameters: Any) -> None:
        self._ask("POST", "faults", {"name": name, "route": route, **parameters})

    def clear_faults(self) -> None:
        self._ask("DELETE", "faults")

    def is_conserved(self) -> bool:
        """Whether what came in is what everyone holds and was charged."""
        return all(float(row["difference"]) == 0 for row in self._ask("GET", "conservation").values())

    def _ask(self, method: str, path: str, body: dict[str, Any] | None = None) -> Any:
        content = None if body is None else json.dumps(body).encode()
        connection = HTTPConnection(self.url.removeprefix("http://"), timeout=30)
        try:
            connection.request(method, f"/sim/v1/{path}", content)
            answer = connection.getresponse()
            told = json.loads(answer.read())
        finally:
            connection.close()
        if answer.status != 200:
            raise RuntimeError(f"{method} {path}: {told}")
        return told


@contextmanager
def in_another_process(candles: Candles) -> Iterator[Control]:
    """The exchange, forked off this process (which has no threads yet); it ends with the `with`, or with us."""
    told, tells = os.pipe()
    ended, ends = os.pipe()
    child = os.fork()
    if not child:
        os.close(ends)
        _serve(candles, tells, ended)
    os.close(tells), os.close(ended)
    try:
        with os.fdopen(told) as pipe:
            yield Control(pipe.readline().strip())
    finally:
        os.close(ends)
        os.waitpid(child, 0)


def _serve(candles: Candles, tells: int, ended: int) -> None:
    try:
        with LocalExchange(candles, start=int(candles.open_time[PAST]), limits=False) as exchange:
            os.write(tells, f"{exchange.http_url}\n".encode())
            os.read(ended, 1)  # until nobody holds the other end
    finally:
        os._exit(0)
