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
    """Steps in order; `executed` in base and `cost` in quote are their trades' sums."""

    steps: tuple[Match | Prevention, ...]
    executed: Decimal
    cost: Decimal


EMPTY = Plan((), ZERO, ZERO)


def plan(
    offers: Iterable[Offer], side: Side, limit: Decimal | None, quantity: Decimal, owner: Account, mode: str
) -> Plan:
    """Walk the offers until the quantity is spent or the limit reached; `limit` None takes any price."""
    steps: list[Match | Prevention] = []
    left, executed, cost = quantity, ZERO, ZERO
    for price, maker, available in offers:
        if left <= 0 or not crosses(side, limit, price):
            break
        if maker is not None and maker.account is owner and mode in PREVENTION:
            taker_lost, maker_lost = PREVENTION[mode](left, available)
            steps.append(Prevention(price, maker, taker_lost, maker_lost))
            left -= taker_lost
            continue
        traded = min(left, available)
        steps.append(Match(price, traded, maker))
        left, executed, cost = left - traded, executed + traded, cost + price * traded
    return Plan(tuple(steps), executed, cost)


def quantity_for(budget: Decimal, offers: Iterable[Offer], step: Decimal, own: Account | None) -> Decimal:
    """The largest multiple of `step` that trades for at most `budget` of quote; what the offers cannot serve is
    counted at their last price. Offers of the account `own` do not count. 0 when the budget pays for no step."""
    wanted, last = ZERO, None
    for price, maker, available in offers:
        if maker is not None and maker.account is own:
            continue
        last, affordable = price, budget // (price * step) * step
        if affordable <= available:
            return wanted + affordable
        wanted, budget = wanted + available, budget - price * available
    return wanted + budget // (last * step) * step if last is not None else ZERO
