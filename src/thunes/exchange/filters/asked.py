"""An order with all that it is judged by."""

from __future__ import annotations

from decimal import Decimal

from thunes.exchange.filters.amounts import TOO_LARGE, ZERO, cut
from thunes.exchange.filters.conditions import Holdings, Prices
from thunes.exchange.filters.rules import SymbolRules
from thunes.exchange.orders import OrderTicket

MARGIN = Decimal("1.02")  # how far the price of a market order may move before the exchange judges it


class Asked:
    """An order with all that it is judged by; its numbers are on the grid, or no amounts at all.

    Made in `EXACT`, and never changed: what several checks ask for is computed once, here.

    `holdings`: None where what the account has is not asked. `exchange_type`: as the exchange calls it, LIMIT_MAKER for
    the resting leg of an OCO. `is_sound`: whether there is something to compute with; 0 is what rounding leaves of too
    little. `known_prices`: what the order may be judged or filled at, in quote currency. `least`: the quantity that it
    asks for; by quote quantity, what that buys `MARGIN` dearer, and `most`, `MARGIN` cheaper. None: nobody knows.
    """

    __slots__ = (
        "exchange_type", "holdings", "is_entry", "is_market", "is_sound", "known_prices", "least", "most", "numbers",
        "permissions", "prices", "rules", "ticket",
    )  # fmt: skip

    def __init__(
        self,
        rules: SymbolRules,
        ticket: OrderTicket,
        prices: Prices,
        holdings: Holdings | None,
        permissions: frozenset[str],
        exchange_type: str,
    ) -> None:
        self.rules, self.ticket, self.prices, self.holdings = rules, ticket, prices, holdings
        self.permissions, self.exchange_type = permissions, exchange_type
        self.is_market, self.is_entry = ticket.type == "MARKET", ticket.side == "BUY"  # on spot a BUY opens
        self.numbers = numbers_of(ticket)
        self.is_sound = all(map(is_readable, self.numbers.values()))
        self.known_prices = prices.known(ticket.side) if ticket.price is None else (ticket.price,)
        self.least, self.most = self._quantities() if self.is_sound else (None, None)

    def _quantities(self) -> tuple[Decimal | None, Decimal | None]:
        quantity, quote, step = self.ticket.quantity, self.ticket.quote_quantity, self.rules.market_step
        if quantity is not None:
            return quantity, quantity
        assert quote is not None, "an order has a quantity or a quote quantity"
        dear, cheap = self.prices.opposite(self.ticket.side), min(self.known_prices, default=None)
        least = cut(quote / (dear * MARGIN), step) if dear else None
        most = cut(quote * MARGIN / cheap, step) if cheap else None
        return least, most


def numbers_of(ticket: OrderTicket) -> dict[str, Decimal]:
    """Every number of an order, by name."""
    named = (
        ("quantity", ticket.quantity),
        ("quote quantity", ticket.quote_quantity),
        ("price", ticket.price),
        ("stop price", ticket.stop_price),
    )
    return {name: number for name, number in named if number is not None}


def is_readable(number: Decimal) -> bool:
    """Whether the exchange could read a number at all: an amount, or 0."""
    return number.is_finite() and ZERO <= number < TOO_LARGE
