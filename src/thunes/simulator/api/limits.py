"""How often may be asked: weights and raw requests of an address, unfilled orders of an account, connections.

Windows are aligned to the clock: a minute begins at :00. Times are the wall's (epoch ms), as a client can only wait in
real time, whatever the market's clock does.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from thunes.simulator.request import Refused

Document = dict[str, Any]
Header = tuple[bytes, bytes]

INTERVALS_MS = {"SECOND": 1_000, "MINUTE": 60_000, "HOUR": 3_600_000, "DAY": 86_400_000}
CONNECTIONS: Document = {"rateLimitType": "CONNECTIONS", "interval": "MINUTE", "intervalNum": 5, "limit": 300}
FIRST_BAN_MS, LONGEST_BAN_MS = 120_000, 3 * 86_400_000
FILL_OF_TAKER, FILL_OF_MAKER = 1, 5  # unfilled orders given back by an order's first fill
ADVICE = "Please use WebSocket Streams for live updates to avoid"
TOO_MUCH_WEIGHT = (
    f"Too much request weight used; current limit is {{}} request weight per {{}}. {ADVICE} polling the API."
)
TOO_MANY_REQUESTS = f"Too many requests; current limit is {{}} requests per {{}}. {ADVICE} polling the API."
BANNED = f"Way too much request weight used; IP banned until {{}}. {ADVICE} bans."


@dataclass(frozen=True, slots=True)
class Limit:
    """One rate limit: so many per window of `length_ms`."""

    document: Document
    most: int
    length_ms: int
    words: str  # "10 SECOND"
    letters: str  # "10S"

    def retry_after(self, now_ms: int) -> int:
        """Whole seconds until the window ends, at least one."""
        return -(-(self.length_ms - now_ms % self.length_ms) // 1_000)


def parse_limit(document: Document) -> Limit:
    """A limit from an entry of `rateLimits` in exchangeInfo."""
    interval, count = document["interval"], int(document["intervalNum"])
    return Limit(
        document=document,
        most=int(document["limit"]),
        length_ms=count * INTERVALS_MS[interval],
        words=f"{count} {interval}",
        letters=f"{count}{interval[0]}",
    )


class Count:
    """How much of a limit is used in its current window."""

    __slots__ = ("_begins", "_ends", "_used", "limit")

    def __init__(self, limit: Limit) -> None:
        self.limit, self._used = limit, 0
        self._begins = self._ends = 0  # of the window, epoch ms

    def add(self, amount: int, now_ms: int) -> int:
        """Use more, or give back when negative, never under 0; what is used now."""
        if not self._begins <= now_ms < self._ends:
            self._begins = now_ms - now_ms % self.limit.length_ms
            self._ends, self._used = self._begins + self.limit.length_ms, 0
        used = self._used + amount
        self._used = used if used > 0 else 0
        return self._used

    def used(self, now_ms: int) -> int:
        return self._used if self._begins <= now_ms < self._ends else 0

    def document(self, now_ms: int) -> Document:
        """The limit as clients are told it, with its count."""
        return {**self.limit.document, "count": self.used(now_ms)}


class Visitor:
    """What one address has used, the refusals that it ran into this window, and its bans."""

    __slots__ = ("banned_until", "bans", "connections", "raw", "refusals", "weight")

    def __init__(self, weight: Limit, raw: Limit, connections: Limit) -> None:
        self.weight, self.raw, self.connections = Count(weight), Count(raw), Count(connections)
        self.refusals = Count(weight)
        self.banned_until, self.bans = 0, 0


class Limiter:
    """The rate limits of an exchangeInfo document, kept for every address and account.

    With `on` false nothing is refused, but everything is counted. `patience`: how many further requests an address
    may send after its first 429 of a window; the last of them bans it.
    """

    def __init__(self, rate_limits: Iterable[Mapping[str, Any]], *, on: bool = True, patience: int = 10) -> None:
        limits = [parse_limit(dict(document)) for document in rate_limits]
        self.on, self._patience = on, patience
        self._weight, self._raw = _first(limits, "REQUEST_WEIGHT"), _first(limits, "RAW_REQUESTS")
        self._orders = [limit for limit in limits if limit.document["rateLimitType"] == "ORDERS"]
        self._order_headers = [f"x-mbx-order-count-{limit.letters}".lower().encode() for limit in self._orders]
        self._weight_header = f"x-mbx-used-weight-{self._weight.letters}".lower().encode()
        self._connections = parse_limit(CONNECTIONS)
        self._visitors: dict[str, Visitor] = {}
        self._accounts: dict[str, list[Count]] = {}

    # Requests

    def charge(self, ip: str, weight: int, now_ms: int) -> None:
        """Count a request before it is done. `Refused`: 429 past a limit, 418 for an address that went on after it.

        An order's route is charged 0, and `settle`d with 1 if it fails.
        """
        visitor = self._visitor(ip)
        if now_ms < visitor.banned_until and self.on:
            raise _banned(visitor.banned_until, now_ms)
        used, requests = visitor.weight.add(weight, now_ms), visitor.raw.add(1, now_ms)
        if used > self._weight.most:
            self._refuse(visitor, self._weight, TOO_MUCH_WEIGHT, now_ms)
        elif requests > self._raw.most:
            self._refuse(visitor, self._raw, TOO_MANY_REQUESTS, now_ms)

    def settle(self, ip: str, weight: int, now_ms: int) -> None:
        """Count what a request turned out to cost beyond its charge (below it when negative); nothing is refused."""
        self._visitor(ip).weight.add(weight, now_ms)

    def connections(self, ip: str, now_ms: int) -> None:
        """Count an attempt to open a WebSocket. `Refused` with 429 after 300 in five minutes."""
        used = self._visitor(ip).connections.add(1, now_ms)
        if used > self._connections.most and self.on:
            # What the exchange says here is not documented.
            raise _refusal(self._connections, TOO_MANY_REQUESTS, now_ms)

    def _refuse(self, visitor: Visitor, limit: Limit, text: str, now_ms: int) -> None:
        if not self.on:
            return
        if visitor.refusals.add(1, now_ms) <= self._patience:
            raise _refusal(limit, text, now_ms)
        visitor.banned_until = now_ms + min(FIRST_BAN_MS << min(visitor.bans, 16), LONGEST_BAN_MS)
        visitor.bans += 1
        raise _banned(visitor.banned_until, now_ms)

    def _visitor(self, ip: str) -> Visitor:
        visitor = self._visitors.get(ip)
        if visitor is None:
            visitor = self._visitors[ip] = Visitor(self._weight, self._raw, self._connections)
        return visitor

    # Orders

    def admit_order(self, account: str, now_ms: int, orders: int) -> None:
        """Count orders that are about to be placed; `Refused` as in `check_order`, and then none is counted."""
        counts = self._account(account)
        past = [count for count in counts if count.add(orders, now_ms) > count.limit.most]
        if past and self.on:
            self.count_order(account, now_ms, -orders)
            self.check_order(account, now_ms, orders)

    def check_order(self, account: str, now_ms: int, orders: int = 1) -> None:
        """`Refused` with −1015 where so many more orders would pass a limit; before they reach the engine."""
        for count in self._account(account):
            if count.used(now_ms) + orders > count.limit.most and self.on:
                limit = count.limit
                text = f"Too many new orders; current limit is {limit.most} orders per {limit.words}."
                raise Refused(429, -1015, text, retry_after=limit.retry_after(now_ms))

    def count_order(self, account: str, now_ms: int, orders: int = 1) -> None:
        """Orders were accepted. A cancel or an expiry gives nothing back."""
        for count in self._account(account):
            count.add(orders, now_ms)

    def first_fill(self, account: str, now_ms: int, *, maker: bool) -> None:
        """An order traded for the first time: it, or more for a maker's, is no longer counted as unfilled."""
        for count in self._account(account):
            count.add(-(FILL_OF_MAKER if maker else FILL_OF_TAKER), now_ms)

    def _account(self, account: str) -> list[Count]:
        counts = self._accounts.get(account)
        if counts is None:
            counts = self._accounts[account] = [Count(limit) for limit in self._orders]
        return counts

    # What clients are told

    def headers(self, ip: str, account: str | None, now_ms: int) -> list[Header]:
        """The response headers, names in lower case; with an account (an order was placed or cancelled) its counts."""
        weight = b"%d" % self._visitor(ip).weight.used(now_ms)
        told = [(b"x-mbx-used-weight", weight), (self._weight_header, weight)]
        if account is not None:
            counts = zip(self._order_headers, self._account(account), strict=True)
            told += [(name, b"%d" % count.used(now_ms)) for name, count in counts]
        return told

    def order_usage(self, account: str, now_ms: int) -> list[Document]:
        """The answer of `GET /api/v3/rateLimit/order`."""
        return [count.document(now_ms) for count in self._account(account)]

    def usage(self, ip: str, account: str | None, now_ms: int) -> list[Document]:
        """`rateLimits` of a WebSocket API answer: an account's orders, where one was placed, and the weight."""
        orders = [] if account is None else self.order_usage(account, now_ms)
        return [*orders, self._visitor(ip).weight.document(now_ms)]


def _first(limits: Iterable[Limit], kind: str) -> Limit:
    found = next((limit for limit in limits if limit.document["rateLimitType"] == kind), None)
    return found or parse_limit({"rateLimitType": kind, "interval": "MINUTE", "intervalNum": 1, "limit": 2**62})


def _refusal(limit: Limit, text: str, now_ms: int) -> Refused:
    message = text.format(limit.most, limit.words)
    return Refused(429, -1003, message, retry_after=limit.retry_after(now_ms))


def _banned(until_ms: int, now_ms: int) -> Refused:
    return Refused(418, -1003, BANNED.format(until_ms), retry_after=-(-(until_ms - now_ms) // 1_000))
