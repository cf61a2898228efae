"""What an order is made from, and the orders that are made from it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Literal

from thunes.exchange.filters.amounts import ceil_to, floor_to
from thunes.exchange.filters.conditions import Holdings, Prices
from thunes.exchange.filters.rules import SymbolRules
from thunes.exchange.filters.sizing import base_quantity, without_dust
from thunes.exchange.orders import OrderTicket, Side


@dataclass(frozen=True)
class Wanted:
    """What an order is made from. Of `quantity` (base) and `quote` there is exactly one."""

    rules: SymbolRules
    side: Side
    quantity: Decimal | None
    quote: Decimal | None
    prices: Prices
    holdings: Holdings | None
    client_order_id: str
    sweep_dust: bool = False

    def __str__(self) -> str:
        return f"{self.rules.symbol} {self.side}"

    @property
    def amount(self) -> tuple[str, Decimal]:
        if self.quantity is not None:
            return "quantity", self.quantity
        assert self.quote is not None, "an order is for a quantity or a quote quantity"
        return "quote quantity", self.quote

    def in_base(self, price: Decimal | None, *, market: bool) -> Decimal:
        """The quantity for the wanted amount, on the grid; an amount of quote currency needs a price (quote)."""
        wanted = self.quote / price if self.quote is not None and price is not None else self.quantity
        assert wanted is not None, "an amount of quote currency is counted at a price"
        found = base_quantity(self.rules, self.side, wanted, self.holdings, market=market)
        if not self.sweep_dust or self.side == "BUY" or self.holdings is None:
            return found
        known = self.prices.known("SELL")
        lowest = min(known if price is None else (*known, price), default=None)
        return without_dust(self.rules, found, lowest, self.holdings, market=market)


def on_tick(rules: SymbolRules, price: Decimal, side: Side) -> Decimal:
    """The price on the grid, rounded in favour of the one who gives it."""
    return floor_to(price, rules.tick) if side == "BUY" else ceil_to(price, rules.tick)


def limit_order(
    wanted: Wanted,
    price: Decimal,
    stop: Decimal | None = None,
    time_in_force: Literal["GTC", "IOC", "FOK"] = "GTC",
) -> OrderTicket:
    """An order at a price, on the grid, with a stop where there is one."""
    rules, side = wanted.rules, wanted.side
    limit = on_tick(rules, price, side)
    quantity = wanted.in_base(limit or price, market=False)
    made = replace(quantity_order(wanted, "LIMIT", quantity), price=limit, time_in_force=time_in_force)
    return made if stop is None else replace(made, type="STOP_LOSS_LIMIT", stop_price=on_tick(rules, stop, side))


def quantity_order(wanted: Wanted, kind: Literal["MARKET", "LIMIT"], quantity: Decimal) -> OrderTicket:
    """An order for a quantity (base) that is on the grid."""
    return OrderTicket(wanted.rules.symbol, wanted.side, kind, wanted.client_order_id, quantity=quantity)


def beside(wanted: Wanted, other: OrderTicket) -> Wanted:
    """As the second order of a list sees it: the first is open already, and the same money covers both."""
    if wanted.holdings is None or wanted.side == "SELL" or other.quantity is None:
        return wanted
    buying = wanted.holdings.open_buy_quantity + other.quantity
    return replace(wanted, holdings=replace(wanted.holdings, open_buy_quantity=buying))
