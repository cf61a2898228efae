"""Orders, fills and balances as the trading wing sees them: exact, frozen, free of any client library.

Amounts are `Decimal`: quantities in base, `quote…` in quote currency. Times are epoch ms, as the exchange tells them.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Literal

Side = Literal["BUY", "SELL"]
OrderType = Literal["MARKET", "LIMIT", "STOP_LOSS_LIMIT"]
Status = Literal[
    "PENDING_NEW", "NEW", "PARTIALLY_FILLED", "FILLED", "CANCELED", "EXPIRED", "EXPIRED_IN_MATCH", "REJECTED"
]
CLOSED: frozenset[str] = frozenset({"FILLED", "CANCELED", "EXPIRED", "EXPIRED_IN_MATCH", "REJECTED"})


@dataclass(frozen=True)
class OrderTicket:
    """An order ready to send: every number on the symbol's grid. A MARKET order has a quantity or a quote quantity."""

    symbol: str
    side: Side
    type: OrderType
    client_order_id: str
    quantity: Decimal | None = None
    quote_quantity: Decimal | None = None
    price: Decimal | None = None
    stop_price: Decimal | None = None
    time_in_force: Literal["GTC", "IOC", "FOK"] | None = None


@dataclass(frozen=True)
class Fill:
    """One trade of an order. `quote` is price · quantity; unique by (symbol, trade_id)."""

    symbol: str
    trade_id: int
    order_id: int
    side: Side
    price: Decimal
    quantity: Decimal
    quote: Decimal
    commission: Decimal
    commission_asset: str
    maker: bool
    time_ms: int


@dataclass(frozen=True)
class OrderState:
    """An order as the exchange tells it; `fills` are those told with it, which need not be all."""

    symbol: str
    order_id: int
    client_order_id: str
    side: Side
    type: str
    status: str  # a Status, or one that is not known yet
    quantity: Decimal
    executed: Decimal
    quote_executed: Decimal
    time_ms: int
    price: Decimal | None = None
    stop_price: Decimal | None = None
    fills: tuple[Fill, ...] = ()

    @property
    def is_open(self) -> bool:
        """Whether it may still trade; a status that is not known counts as open."""
        return self.status not in CLOSED


@dataclass(frozen=True)
class Balance:
    """What the account holds of one asset."""

    asset: str
    free: Decimal
    locked: Decimal

    @property
    def total(self) -> Decimal:
        return self.free + self.locked


@dataclass(frozen=True)
class Quote:
    """Best prices and their quantities; None where a side is empty. `time_ms`: when they were received."""

    symbol: str
    bid: Decimal | None
    ask: Decimal | None
    bid_quantity: Decimal
    ask_quantity: Decimal
    time_ms: int


@dataclass(frozen=True)
class Fees:
    """What a fill costs, as fractions of what it brings in; `in_bnb`: paid in BNB while there is any."""

    maker: Decimal
    taker: Decimal
    in_bnb: bool
