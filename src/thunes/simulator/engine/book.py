"""One symbol's order book: users' resting orders by price and time, the market's levels, and waiting stops."""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Iterator, Sequence
from decimal import Decimal
from heapq import merge
from operator import itemgetter
from typing import NamedTuple

from thunes.simulator.engine.accounts import ZERO
from thunes.simulator.engine.orders import Order, Symbol, rises
from thunes.simulator.request import Side

Level = tuple[Decimal, Decimal]  # price, quantity
Offer = tuple[Decimal, Order | None, Decimal]  # price, a user's order or None for the market's, quantity


def crosses(side: Side, limit: Decimal | None, price: Decimal) -> bool:
    """Whether an order with this limit (None: any price) trades at `price`."""
    return limit is None or (price <= limit if side == "BUY" else price >= limit)


class Half:
    """One side of a book. At equal prices users come before the market, and earlier orders before later ones."""

    def __init__(self, side: Side) -> None:
        self.side = side
        self.prices: list[Decimal] = []  # rising
        self.queues: dict[Decimal, dict[int, Order]] = {}
        self.levels: Sequence[Level] = ()  # best first
        self.taken: dict[Decimal, Decimal] = {}  # of the market's levels, since they were last given

    def add(self, order: Order) -> None:
        price = order.request.price
        assert price is not None
        if price not in self.queues:
            insort(self.prices, price)
            self.queues[price] = {}
        self.queues[price][order.id] = order

    def remove(self, order: Order) -> None:
        price = order.request.price
        queue = self.queues.get(price) if price is not None else None
        if price is None or queue is None or queue.pop(order.id, None) is None:
            return
        if not queue:
            del self.queues[price]
            del self.prices[bisect_left(self.prices, price)]

    def refresh(self, levels: Sequence[Level]) -> None:
        """New levels of the market, best price first."""
        self.levels = levels
        if self.taken:
            self.taken = {}

    def take(self, price: Decimal, quantity: Decimal) -> None:
        self.taken[price] = self.taken.get(price, ZERO) + quantity

    def offers(self) -> Iterator[Offer]:
        """Everything on offer, best first."""
        if not self.prices:
            return self._market()
        return merge(self._users(), self._market(), key=itemgetter(0), reverse=self.side == "BUY")

    def best(self) -> Decimal | None:
        return next((price for price, _, _ in self.offers()), None)

    def depth(self, limit: int) -> list[Level]:
        """Prices with all that is on offer at each, best first, at most `limit` of them."""
        rows: dict[Decimal, Decimal] = {}
        for price, _, quantity in self.offers():
            if price not in rows and len(rows) == limit:
                break
            rows[price] = rows.get(price, ZERO) + quantity
        return list(rows.items())

    def reached_by(self, price: Decimal, *, at: bool) -> list[Order]:
        """Users' orders that a trade at `price` went through (`at`: or came to), best first."""
        if not self.prices:
            return []
        return [
            order for limit, order, _ in self._users() if crosses(self.side, limit, price) and (at or limit != price)
        ]

    def _users(self) -> Iterator[tuple[Decimal, Order, Decimal]]:
        for price in reversed(self.prices) if self.side == "BUY" else self.prices:
            for order in self.queues[price].values():
                yield price, order, order.remaining

    def _market(self) -> Iterator[Offer]:
        for price, quantity in self.levels:
            taken = self.taken.get(price)
            left = quantity if taken is None else quantity - taken
            if left > 0:
                yield price, None, left


class Concern(NamedTuple):
    """Prices at or under `below`, and at or over `above`, matter to an order that waits; None: none there."""

    below: Decimal | None
    above: Decimal | None


class Book:
    """One symbol: both sides, the stops that wait, the last price, and the counters of its trades."""

    def __init__(self, symbol: Symbol) -> None:
        self.symbol = symbol
        self.halves: dict[Side, Half] = {"BUY": Half("BUY"), "SELL": Half("SELL")}
        self.stops: dict[int, Order] = {}
        self.last_price: Decimal | None = None
        self.trades = 0
        self.prevented = 0

    @property
    def is_idle(self) -> bool:
        """Whether a trade of the market concerns nobody."""
        return not (self.stops or self.halves["BUY"].prices or self.halves["SELL"].prices)

    def concerned(self) -> Concern | None:
        """What prices of the market matter to somebody who waits here; None: every one, as for a trailing stop."""
        buys, sells = self.halves["BUY"].prices, self.halves["SELL"].prices
        low, high = buys[-1:], sells[:1]
        for order in self.stops.values():
            stop = order.request.stop_price
            if stop is None or order.request.trailing_delta is not None:
                return None
            (high if rises(order.request) else low).append(stop)
        return Concern(max(low, default=None), min(high, default=None))

    def facing(self, side: Side) -> Half:
        """The side that an order of `side` trades with."""
        return self.halves["SELL" if side == "BUY" else "BUY"]

    def add(self, order: Order) -> None:
        if order.waits_for_stop:
            self.stops[order.id] = order
        else:
            self.halves[order.request.side].add(order)

    def remove(self, order: Order) -> None:
        self.stops.pop(order.id, None)
        self.halves[order.request.side].remove(order)

    def next_trade(self) -> int:
        self.trades += 1
        return self.trades

    def next_prevented(self) -> int:
        self.prevented += 1
        return self.prevented
