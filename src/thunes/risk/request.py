"""What risk is asked and told. Money and prices are in quote currency, quantities in base, times in epoch ms."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Literal

from thunes.errors import UsageError
from thunes.exchange.orders import Side
from thunes.risk.limits import WORST_CASE_MOVE

Action = Literal["entry", "exit", "cancel", "flatten"]  # flatten: a person's; exit: the trader's


@dataclass(frozen=True)
class Prices:
    """The price that the decision was made at, the price now, and when the latter was received."""

    decided: Decimal
    current: Decimal
    received_ms: int


@dataclass(frozen=True)
class RiskRequest:
    """An order that somebody wants to send. `bar_ms`: open time of the candle decided on. `stop_distance`: of the
    stop that will protect it, as a fraction of the entry price."""

    client_order_id: str
    symbol: str
    action: Action
    notional: Decimal
    strategy: str = ""
    bar_ms: int = 0
    prices: Prices | None = None
    stop_distance: Decimal | None = None

    @property
    def worst_move(self) -> Decimal:
        """Fraction of what is held that may be lost at worst."""
        return WORST_CASE_MOVE if self.stop_distance is None else self.stop_distance

    @property
    def worst_loss(self) -> Decimal:
        return self.notional * self.worst_move


@dataclass(frozen=True)
class RiskFill:
    """A trade of ours, unique by (symbol, trade_id). `fee`: its commission, valued in quote. `held`: what the ledger
    holds of the symbol after it; 0 where what is left is dust. `UsageError` where a number cannot be right."""

    symbol: str
    trade_id: int
    side: Side
    price: Decimal
    quantity: Decimal
    fee: Decimal
    held: Decimal

    def __post_init__(self) -> None:
        amount("price", self.price)
        amount("quantity", self.quantity)
        amount("fee", self.fee)
        amount("held", self.held)

    @property
    def quote(self) -> Decimal:
        return self.price * self.quantity


def amount(name: str, value: Decimal) -> Decimal:
    """The value; `UsageError` where it is negative or no number."""
    if not value.is_finite() or value < 0:
        raise UsageError("E-RISK-AMOUNT", f"{name} is {value}.", "Give a number of at least 0.")
    return value
