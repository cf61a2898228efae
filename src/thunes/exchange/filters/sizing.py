"""How much an order is for: what was asked, cut to what the rules and the balance allow, never more."""

from __future__ import annotations

from decimal import Decimal

from thunes.exchange.filters.amounts import cut
from thunes.exchange.filters.conditions import Holdings
from thunes.exchange.filters.rules import SymbolRules
from thunes.exchange.orders import Side

KEEPS_SELLABLE = Decimal("1.1")  # of the least notional: what must stay for a rest that can be sold some day


def base_quantity(
    rules: SymbolRules, side: Side, wanted: Decimal, holdings: Holdings | None, *, market: bool
) -> Decimal:
    """The wanted quantity (base), cut to the largest order, a SELL to what is free, and down to the grid.

    Nothing sellable at all is not cut to: the balance check says it then.
    """
    step, largest = rules.step_of(market=market), rules.largest(market=market)
    bounds = [wanted] if largest is None else [wanted, largest]
    if side == "SELL" and holdings is not None and holdings.base_free >= step:
        bounds.append(holdings.base_free)
    return cut(min(bounds), step)


def without_dust(
    rules: SymbolRules, quantity: Decimal, price: Decimal | None, holdings: Holdings, *, market: bool
) -> Decimal:
    """The quantity of a SELL, or everything sellable where the rest could not be sold later.

    `price` (quote) is the lowest that the rest may be judged by; unknown, nothing changes.
    """
    rest = holdings.base_free - quantity
    if price is None or quantity == 0 or rest <= 0 or is_sellable(rules, rest, price):
        return quantity
    return base_quantity(rules, "SELL", holdings.base_free, holdings, market=market)


def is_sellable(rules: SymbolRules, quantity: Decimal, price: Decimal) -> bool:
    """Whether a quantity would pass on its own, with room for a price that falls."""
    if quantity < rules.lot.minimum or quantity < rules.market_lot.minimum:
        return False
    return quantity * price >= rules.least_notional * KEEPS_SELLABLE
