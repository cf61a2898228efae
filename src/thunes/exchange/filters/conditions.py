"""What an order is judged by besides the rules of its symbol: prices, and what the account holds and has open."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from thunes.exchange.filters.amounts import TOO_LARGE, ZERO, is_amount
from thunes.exchange.orders import Side

FRESH = 10.0  # seconds: an average older than this is read again before anything is bought at the market


def usable(price: Decimal | None) -> Decimal | None:
    """The exchange writes 0 where there is no price, and nobody computes with what is no number."""
    return price if price is not None and price.is_finite() and ZERO < price < TOO_LARGE else None


@dataclass(frozen=True)
class Prices:
    """Prices of a symbol in quote currency; None (or 0) where there is none, or it was not asked for.

    `average`: what the exchange's filters judge market orders by; `average_age` seconds ago it was read. `reference`:
    what the exchange uses in its place, where it gives one.
    """

    average: Decimal | None = None
    average_age: float = 0.0
    reference: Decimal | None = None
    bid: Decimal | None = None
    ask: Decimal | None = None
    last: Decimal | None = None

    def judged(self, minutes: int) -> Decimal | None:
        """What the exchange takes for the price: the reference, else its average, of 0 minutes the last price."""
        return usable(self.reference) or usable(self.average if minutes else self.last)

    def opposite(self, side: Side) -> Decimal | None:
        """The best price that a market order of a side meets; the worst known one where the book was not asked."""
        best = usable(self.ask if side == "BUY" else self.bid)
        return best or (max if side == "BUY" else min)(self.known(side), default=None)

    def known(self, side: Side) -> tuple[Decimal, ...]:
        """Every price that the exchange may judge a market order of a side by."""
        current = self.last if usable(self.reference) is None else self.reference
        found = (self.average, current, self.ask if side == "BUY" else self.bid)
        return tuple([price for price in found if price is not None and is_amount(price)])


@dataclass(frozen=True)
class Holdings:
    """What the account has, free and locked, and how many orders are open (an order list counts each of its orders).

    The counts of the whole account matter only where the rules hold such limits.
    """

    base_free: Decimal = ZERO
    quote_free: Decimal = ZERO
    base_locked: Decimal = ZERO
    open_buy_quantity: Decimal = ZERO  # base, over the open BUY orders of the symbol
    open_orders: int = 0
    open_algo_orders: int = 0  # stops and take-profits
    open_order_lists: int = 0
    account_orders: int = 0
    account_algo_orders: int = 0
    account_order_lists: int = 0
