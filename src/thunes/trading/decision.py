"""What to do at a bar, from what is wanted and what is held: pure, without prices of tomorrow or orders of today."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Literal

from thunes.errors import UsageError
from thunes.exchange.orders import Side

ZERO, ONE = Decimal(0), Decimal(1)


@dataclass(frozen=True)
class Sizing:
    """How much an exposure of 1 is worth: a fixed amount of quote currency, or a fraction of equity. One of the two."""

    quote_amount: Decimal | None = None
    fraction: Decimal | None = None

    def __post_init__(self) -> None:
        given = [value for value in (self.quote_amount, self.fraction) if value is not None]
        if len(given) != 1 or not given[0].is_finite() or given[0] <= 0 or (self.fraction or ZERO) > 1:
            hint = "Give a quote amount above 0, or a fraction of equity in (0, 1]."
            raise UsageError("E-SIZING", f"{self} is no size.", hint)

    def value(self, exposure: Decimal, equity: Decimal) -> Decimal:
        """What the position should be worth, in quote."""
        whole = self.quote_amount if self.quote_amount is not None else equity * (self.fraction or ZERO)
        return exposure * whole


@dataclass(frozen=True)
class Seen:
    """A strategy and its account at the close of a bar.

    `exposure` is the fraction wanted now, `achieved` the one that the last executed order stood for. `held` and
    `sellable` are in base (0 sellable: dust, or nothing), `price` and money in quote.
    """

    exposure: Decimal
    achieved: Decimal
    held: Decimal
    sellable: Decimal
    price: Decimal
    equity: Decimal
    cash: Decimal


@dataclass(frozen=True)
class Plan:
    """BUY for `quote`, SELL `quantity`, or HOLD; the code says why."""

    action: Literal["BUY", "SELL", "HOLD"]
    code: str
    reason: str
    quote: Decimal | None = None
    quantity: Decimal | None = None

    @property
    def side(self) -> Side:
        """Of the order that it asks for."""
        return "BUY" if self.action == "BUY" else "SELL"


def decide(seen: Seen, sizing: Sizing) -> Plan:
    """The order that brings what is held to what is wanted.

    Only a wanted fraction that differs from the achieved one makes an order, never drift; it does so at every bar until
    it is achieved, so a bar that was missed, or refused, heals itself. Nothing wanted means nothing held: a rest that
    can be sold is sold, whatever was achieved.
    """
    if seen.exposure == 0:
        return _flat(seen)
    if seen.exposure == seen.achieved and (seen.held > 0 or seen.achieved == 0):
        return Plan("HOLD", "E-HOLD-AS-WANTED", f"{seen.exposure:f} of equity is wanted and was bought")
    missing = sizing.value(seen.exposure, seen.equity) - seen.held * seen.price
    if seen.exposure > seen.achieved:
        return _more(seen, missing)
    return _less(seen, -missing)


def _flat(seen: Seen) -> Plan:
    if seen.sellable > 0:
        return Plan("SELL", "E-EXIT", "nothing is wanted any more", quantity=seen.sellable)
    return Plan("HOLD", "E-HOLD-FLAT", "nothing is wanted, nothing is held that could be sold")


def _more(seen: Seen, missing: Decimal) -> Plan:
    quote = min(missing, seen.cash)
    if quote <= 0:
        reason = f"{missing:.8f} more is wanted, {seen.cash:f} is free"
        return Plan("HOLD", "E-HOLD-NO-ROOM", reason)
    return Plan("BUY", "E-ENTRY", f"{seen.exposure:f} of equity is wanted, {seen.achieved:f} was", quote=quote)


def _less(seen: Seen, surplus: Decimal) -> Plan:
    quantity = min(surplus / seen.price, seen.sellable)
    if quantity <= 0:
        return Plan("HOLD", "E-HOLD-NO-SURPLUS", "less is wanted, and no more than that is held")
    return Plan("SELL", "E-REDUCE", f"{seen.exposure:f} of equity is wanted, {seen.achieved:f} was", quantity=quantity)
