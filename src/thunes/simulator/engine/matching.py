"""What an incoming order would do to a book, decided before anything is done."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from decimal import Decimal
from typing import NamedTuple

from thunes.simulator.engine.accounts import ZERO, Account
from thunes.simulator.engine.book import Offer, crosses
from thunes.simulator.engine.orders import Order
from thunes.simulator.request import Side

# What taker and maker lose when they belong together, from what is left of each.
PREVENTION: dict[str, Callable[[Decimal, Decimal], tuple[Decimal, Decimal]]] = {
    "EXPIRE_TAKER": lambda taker, maker: (taker, ZERO),  # noqa: ARG005
    "EXPIRE_MAKER": lambda taker, maker: (ZERO, maker),  # noqa: ARG005
    "EXPIRE_BOTH": lambda taker, maker: (taker, maker),
    "DECREMENT": lambda taker, maker: (min(taker, maker), min(taker, maker)),
    "TRANSFER": lambda taker, maker: (min(taker, maker), min(taker, maker)),  # within one account: as DECREMENT
}


class Match(NamedTuple):
    """A trade to be made; no maker means the market."""

    price: Decimal
    quantity: Decimal
    maker: Order | None


class Prevention(NamedTuple):
    """A trade with oneself, and what each order loses instead."""

    price: Decimal
    maker: Order
    taker_lost: Decimal
    maker_lost: Decimal


class Plan(NamedTuple):
    """Steps in order; `executed` in base and `cost` in quote are their trades' sums.

    `out_of_range`: what came next in the book lies where the execution rule lets nobody take.
    """

    steps: tuple[Match | Prevention, ...]
    executed: Decimal
    cost: Decimal
    out_of_range: bool = False


class Range(NamedTuple):
    """Lowest and highest price at which a taker may trade; None: no bound."""

    low: Decimal | None = None
    high: Decimal | None = None

    def holds(self, price: Decimal) -> bool:
        return (self.low is None or self.low <= price) and (self.high is None or price <= self.high)


EMPTY, ANYWHERE = Plan((), ZERO, ZERO), Range()


def plan(
    offers: Iterable[Offer],
    side: Side,
    limit: Decimal | None,
    quantity: Decimal,
    owner: Account,
    mode: str,
    allowed: Range = ANYWHERE,
) -> Plan:
    """Walk the offers until the quantity is spent or the limit reached; `limit` None takes any price."""
    steps: list[Match | Prevention] = []
    left, executed, cost = quantity, ZERO, ZERO
    for price, maker, available in offers:
        if limit is not None and not crosses(side, limit, price):
            break
        if allowed is not ANYWHERE and not allowed.holds(price):
            return Plan(tuple(steps), executed, cost, out_of_range=True)
        if maker is not None and maker.account is owner and mode in PREVENTION:
            taker_lost, maker_lost = PREVENTION[mode](left, available)
            steps.append(Prevention(price, maker, taker_lost, maker_lost))
            left -= taker_lost
        else:
            traded = available if available < left else left
            steps.append(Match(price, traded, maker))
            left, executed, cost = left - traded, executed + traded, cost + price * traded
        if left <= 0:
            break
    return Plan(tuple(steps), executed, cost)
