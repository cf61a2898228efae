"""An order with all that it is judged by."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from functools import cached_property

from thunes.exchange.filters.amounts import TOO_LARGE, ZERO, floor_to
from thunes.exchange.filters.conditions import Holdings, Prices
from thunes.exchange.filters.rules import SymbolRules
from thunes.exchange.orders import OrderTicket

MARGIN = Decimal("1.02")  # how far the price of a market order may move before the exchange judges it


@dataclass(frozen=True)
class Asked:
    """An order with all that it is judged by; its numbers are on the grid, or no amounts at all."""

    rules: SymbolRules
    ticket: OrderTicket
    prices: Prices
    holdings: Holdings | None  # None: what the account has is not asked
    permissions: frozenset[str]
    exchange_type: str  # as the exchange calls it: LIMIT_MAKER for the resting leg of an OCO

    @property
    def is_market(self) -> bool:
        return self.ticket.type == "MARKET"

    @property
    def is_entry(self) -> bool:
        """On spot a BUY opens, a SELL closes."""
        return self.ticket.side == "BUY"

    @cached_property
    def is_sound(self) -> bool:
        """Whether there is something to compute with; 0 is what rounding leaves of too little."""
        return all(number.is_finite() and ZERO <= number < TOO_LARGE for _, number in self.numbers)

    @cached_property
    def numbers(self) -> tuple[tuple[str, Decimal], ...]:
        ticket = self.ticket
        named = {
            "quantity": ticket.quantity,
            "quote quantity": ticket.quote_quantity,
            "price": ticket.price,
            "stop price": ticket.stop_price,
        }
        return tuple((name, number) for name, number in named.items() if number is not None)

    @cached_property
    def known_prices(self) -> tuple[Decimal, ...]:
        """What the order may be judged or filled at, in quote currency."""
        return (self.ticket.price,) if self.ticket.price is not None else self.prices.known(self.ticket.side)

    @cached_property
    def least(self) -> Decimal | None:
        """The quantity that it asks for; by quote quantity, what that buys `MARGIN` dearer. None: nobody knows."""
        if self.ticket.quantity is not None:
            return self.ticket.quantity
        price = self.prices.opposite(self.ticket.side)
        assert self.ticket.quote_quantity is not None, "an order has a quantity or a quote quantity"
        return floor_to(self.ticket.quote_quantity / (price * MARGIN), self.rules.market_step) if price else None

    @cached_property
    def most(self) -> Decimal | None:
        """As `least`, `MARGIN` cheaper."""
        if self.ticket.quantity is not None:
            return self.ticket.quantity
        price = min(self.known_prices, default=None)
        assert self.ticket.quote_quantity is not None, "an order has a quantity or a quote quantity"
        return floor_to(self.ticket.quote_quantity * MARGIN / price, self.rules.market_step) if price else None
