"""How much may be asked: the exchange's limits, counted as its answers tell, with a part kept for what cannot wait."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from thunes.clock import Clock
from thunes.errors import RateLimited
from thunes.exchange.binance.pause import Pause

KEPT = 0.2  # of every limit: for cancels, exits and queries of open intents
CAREFUL_SECONDS = 600.0  # so long after a pause everything else has half of its share
INTERVALS_MS = {"SECOND": 1_000, "MINUTE": 60_000, "HOUR": 3_600_000, "DAY": 86_400_000}
HEADERS = {"REQUEST_WEIGHT": "x-mbx-used-weight-", "ORDERS": "x-mbx-order-count-"}
DEFAULTS: tuple[dict[str, Any], ...] = (  # until exchangeInfo was read
    {"rateLimitType": "REQUEST_WEIGHT", "interval": "MINUTE", "intervalNum": 1, "limit": 6_000},
    {"rateLimitType": "ORDERS", "interval": "SECOND", "intervalNum": 10, "limit": 100},
    {"rateLimitType": "ORDERS", "interval": "DAY", "intervalNum": 1, "limit": 200_000},
)


@dataclass(frozen=True)
class Limit:
    """So much per window of `length_ms`; windows begin at whole multiples of their length. `header`: what tells the
    count, empty where nothing does."""

    kind: str
    most: int
    length_ms: int
    header: str

    def window(self, now_ms: int) -> int:
        """The number of the window at a moment."""
        return now_ms // self.length_ms

    def left_ms(self, now_ms: int) -> int:
        """Until the next window."""
        return self.length_ms - now_ms % self.length_ms


def parse_limits(documents: Iterable[Mapping[str, Any]]) -> tuple[Limit, ...]:
    """`rateLimits` of exchangeInfo; kinds and intervals that are not known are left out."""
    known = [one for one in documents if one["interval"] in INTERVALS_MS]
    return tuple(_limit(one) for one in known if one["rateLimitType"] in (*HEADERS, "RAW_REQUESTS"))


def _limit(document: Mapping[str, Any]) -> Limit:
    kind, interval, count = document["rateLimitType"], document["interval"], int(document["intervalNum"])
    header = f"{HEADERS[kind]}{count}{interval[0]}".lower() if kind in HEADERS else ""
    return Limit(kind, int(document["limit"]), count * INTERVALS_MS[interval], header)


class _Count:
    """What is used of a limit in its current window."""

    __slots__ = ("_used", "_window", "limit")

    def __init__(self, limit: Limit) -> None:
        self.limit, self._window, self._used = limit, -1, 0

    def used(self, now_ms: int) -> int:
        return self._used if self._window == self.limit.window(now_ms) else 0

    def set(self, used: int, now_ms: int) -> None:
        self._used, self._window = used, self.limit.window(now_ms)


class Budget:
    """The limits of one host, for all threads. Nothing is sent that would pass them, or while it is to be silent."""

    def __init__(self, clock: Clock, pause: Pause | None = None, *, counts: bool = True) -> None:
        """`counts` false: limits are not looked at, as where the exchange is our own; a pause is."""
        self._clock, self._counts = clock, counts
        self.pause = pause or Pause(clock)
        self._lock = threading.Lock()
        self._kept: dict[Limit, _Count] = {}
        self.learn(DEFAULTS)

    def learn(self, documents: Sequence[Mapping[str, Any]]) -> None:
        """Take over the limits of exchangeInfo; counts of those that stay go on."""
        with self._lock:
            self._kept = {limit: self._kept.get(limit, _Count(limit)) for limit in parse_limits(documents)}

    def admit(self, weight: int, *, orders: int = 0, urgent: bool = False) -> None:
        """Count what is about to be sent; `RateLimited` where it would be too much, and then nothing is counted.

        `urgent`: a cancel, an exit, a query of an open intent, which may use up what is kept for them.
        """
        if wait := self.pause.left():
            raise _limited("the exchange asked for silence", wait)
        if not self._counts:
            return
        amounts = {"REQUEST_WEIGHT": weight, "ORDERS": orders, "RAW_REQUESTS": 1}
        with self._lock:
            now = self._clock.now_ms()
            share = 1.0 if urgent else self._share(now)
            wanted = [(count, count.used(now), amounts[count.limit.kind]) for count in self._kept.values()]
            for count, used, amount in wanted:
                if amount and used + amount > count.limit.most * share:
                    why = f"the budget is used up ({used} of {count.limit.most})"
                    raise _limited(why, count.limit.left_ms(now) / 1000)
            for count, used, amount in wanted:
                count.set(used + amount, now)

    def _share(self, now_ms: int) -> float:
        careful = 0 <= now_ms - self.pause.until_ms < CAREFUL_SECONDS * 1000
        return (1 - KEPT) / 2 if careful else 1 - KEPT

    def note(self, headers: Mapping[str, str]) -> None:
        """Believe an answer's headers: the exchange counts for all who share address and account, and gives orders
        back that were filled."""
        if not self._counts:
            return
        with self._lock:
            now = self._clock.now_ms()
            for count in self._kept.values():
                told = headers.get(count.limit.header) if count.limit.header else None
                if told is not None and told.isdecimal():
                    count.set(int(told), now)

    def used(self) -> dict[str, tuple[int, int]]:
        """By header (or kind, where there is none): what is used now, and the limit."""
        now = self._clock.now_ms()
        with self._lock:
            counts = list(self._kept.items())
        return {limit.header or limit.kind: (count.used(now), limit.most) for limit, count in counts}


def _limited(why: str, wait: float) -> RateLimited:
    return RateLimited("E-VENUE-BUDGET", f"not sent: {why}.", f"Wait {wait:.0f} s.", retry_after=wait)
