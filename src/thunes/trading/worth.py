"""What an account is worth to those who trade with it: its cash, and what was bought with it.

Coins that the ledger did not buy are a person's own: they are not valued, so that their price is no loss of ours, and
not sold.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

from thunes.errors import UsageError
from thunes.exchange.filters.rules import SymbolRules
from thunes.exchange.orders import Balance
from thunes.exchange.venue import Venue
from thunes.trading.ledger.ledger import Ledger
from thunes.trading.ledger.values import Dust, Owned, Position

ZERO = Decimal(0)


@dataclass(frozen=True)
class Worth:
    """In a symbol's quote asset: `equity` with what is locked, `cash` free alone. In its base: `base_free` at the
    exchange, a person's own with it, and `held`, ours. `prices`: by symbol, of all that is valued."""

    equity: Decimal
    cash: Decimal
    base_free: Decimal
    held: Decimal
    prices: Mapping[str, Decimal]


def worth(venue: Venue, balances: Mapping[str, Balance], owned: Owned, rules: SymbolRules, price: Decimal) -> Worth:
    """An account with these balances at a price of the symbol; other positions in its quote asset at theirs.

    `owned`: what the ledger knows, of the symbol's base asset. Errors: what the venue raises.
    """
    base, quote = (balances.get(asset, Balance(asset, ZERO, ZERO)) for asset in (rules.base, rules.quote))
    held = base.total - _not_ours(owned, rules.symbol)
    others = {one.symbol: one for one in owned.positions if one.symbol != rules.symbol}
    prices = {symbol: found for symbol, one in others.items() if (found := _price(venue, one, rules.quote)) is not None}
    equity = quote.total + held * price + sum((others[symbol].quantity * prices[symbol] for symbol in prices), ZERO)
    return Worth(equity, quote.free, base.free, held, {**prices, rules.symbol: price})


def _not_ours(owned: Owned, symbol: str) -> Decimal:
    """Base that lies in the account, as the ledger knows, and was not bought for this symbol."""
    held: tuple[Position | Dust, ...] = (*owned.positions, *owned.dust)
    bought = sum((one.quantity for one in held if one.symbol == symbol), ZERO)
    return max(ZERO, owned.expected - bought)


def holding(ledger: Ledger, symbol: str) -> Decimal:
    """What the ledger holds of a symbol (base), be it a position or dust."""
    position = ledger.position(symbol)
    if position is not None:
        return position.quantity
    return next((dust.quantity for dust in ledger.dust() if dust.symbol == symbol), ZERO)


def _price(venue: Venue, held: Position, quote: str) -> Decimal | None:
    """Of a position in another symbol; what it cost where that is listed no more, None where it is in other money."""
    try:
        if venue.rules(held.symbol).quote != quote:
            return None
    except UsageError:
        return held.average_cost if held.symbol.endswith(quote) else None
    return venue.quote(held.symbol).bid or venue.average_price(held.symbol)
