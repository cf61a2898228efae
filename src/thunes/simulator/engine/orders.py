"""An order's life: its statuses and which may follow which, fills, prevented matches, lists of orders."""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal
from typing import TYPE_CHECKING, Literal, NamedTuple, Protocol

from thunes.simulator.engine.accounts import ZERO, Account
from thunes.simulator.request import OrderRequest, Side

if TYPE_CHECKING:
    from thunes.simulator.engine.events import ExecutionReport

Status = Literal[
    "PENDING_NEW", "NEW", "PARTIALLY_FILLED", "FILLED", "CANCELED", "EXPIRED", "EXPIRED_IN_MATCH", "REJECTED"
]
Reason = Literal[
    "NONE", "REJECTED", "EXCHANGE_CANCELED", "OCO_TRIGGER", "OTO_PHASE_ONE_EXPIRED", "UNFILLED_IOC_QUANTITY_EXPIRED",
    "UNFILLED_FOK_ORDER_EXPIRED", "INSUFFICIENT_LIQUIDITY", "EXECUTION_RULE_PRICE_RANGE_EXCEEDED",
]  # fmt: skip

CLOSED: frozenset[Status] = frozenset({"FILLED", "CANCELED", "EXPIRED", "EXPIRED_IN_MATCH", "REJECTED"})
_WORKING: frozenset[Status] = frozenset({"PARTIALLY_FILLED", "FILLED", "CANCELED", "EXPIRED", "EXPIRED_IN_MATCH"})
TRANSITIONS: dict[Status, frozenset[Status]] = {
    "PENDING_NEW": frozenset({"PENDING_NEW", "NEW", "CANCELED", "EXPIRED", "REJECTED"}),
    "NEW": _WORKING | {"NEW"},  # a stop that triggers, or an amended order, is NEW again
    "PARTIALLY_FILLED": _WORKING,
    **dict.fromkeys(CLOSED, frozenset()),
}
STOPS = frozenset({"STOP_LOSS", "STOP_LOSS_LIMIT", "TAKE_PROFIT", "TAKE_PROFIT_LIMIT"})
BIPS = 10_000


class Symbol(Protocol):
    """What matching must know of a symbol; `step` is the grid of quantities, 0 for none but the precision."""

    @property
    def name(self) -> str: ...
    @property
    def base(self) -> str: ...
    @property
    def quote(self) -> str: ...
    @property
    def step(self) -> Decimal: ...
    @property
    def base_precision(self) -> int: ...
    @property
    def default_self_trade_prevention(self) -> str: ...


class Fill(NamedTuple):
    """One trade as one of its two orders saw it; `quote` is price · quantity."""

    trade_id: int
    order_id: int
    order_list_id: int
    symbol: str
    side: Side
    price: Decimal
    quantity: Decimal
    quote: Decimal
    commission: Decimal
    commission_asset: str
    maker: bool
    time_ms: int


@dataclass(frozen=True, slots=True)
class PreventedMatch:
    """A trade of an account with itself that did not take place; the quantities are what each order lost."""

    id: int
    symbol: str
    taker_order_id: int
    maker_order_id: int
    mode: str
    price: Decimal
    taker_quantity: Decimal
    maker_quantity: Decimal
    time_ms: int


@dataclass(frozen=True)
class ListRequest:
    """Orders that depend on each other: a pair of which one executes (OCO), or a working order and what follows it
    (OTO: one order, OTOCO: a pair)."""

    symbol: str
    client_order_id: str
    working: OrderRequest | None
    followers: tuple[OrderRequest, ...]

    @property
    def requests(self) -> tuple[OrderRequest, ...]:
        return (self.working, *self.followers) if self.working else self.followers


@dataclass(slots=True, eq=False)
class OrderList:
    """A list on the exchange. `followers` hold two orders for a pair, of which at most one executes."""

    id: int
    client_order_id: str
    symbol: str
    account: Account
    working: Order | None
    followers: tuple[Order, ...]
    time_ms: int
    done: bool = False

    @property
    def contingency(self) -> Literal["OCO", "OTO"]:
        return "OTO" if self.working else "OCO"

    @property
    def orders(self) -> tuple[Order, ...]:
        return (self.working, *self.followers) if self.working else self.followers

    def twin(self, order: Order) -> Order | None:
        """The other order of the pair, while it is open."""
        if order is self.working or len(self.followers) < 2:
            return None
        first, second = self.followers
        twin = second if order is first else first
        return twin if twin.is_open else None


class Amendment(NamedTuple):
    """An order made smaller: what was reported of it, and the quantity that it had before."""

    report: ExecutionReport
    previous: Decimal


@dataclass(slots=True, eq=False)
class Order:
    """An order on the exchange: quantities in base, `quote_executed` and `worth` in quote.

    `worth` is the price at which a BUY's money is set aside, unless it takes what the book asks. `locked` is what is
    set aside now, in quote for a BUY, in base for a SELL. `peak` is the best price that a trailing stop has seen.
    """

    id: int
    request: OrderRequest
    account: Account
    quantity: Decimal
    time_ms: int
    mode: str
    client_order_id: str
    worth: Decimal = ZERO
    status: Status = "NEW"
    updated_ms: int = 0
    working_ms: int | None = None
    executed: Decimal = ZERO
    quote_executed: Decimal = ZERO
    prevented: Decimal = ZERO
    locked: Decimal = ZERO
    expiry_reason: Reason = "NONE"
    group: OrderList | None = None
    fills: list[Fill] = field(default_factory=list)
    prevented_matches: list[PreventedMatch] = field(default_factory=list)
    amendments: list[Amendment] = field(default_factory=list)
    peak: Decimal | None = None
    trailing_ms: int | None = None

    @property
    def remaining(self) -> Decimal:
        return self.quantity - self.executed - self.prevented

    @property
    def is_open(self) -> bool:
        return self.status not in CLOSED

    @property
    def waits_for_stop(self) -> bool:
        return self.working_ms is None and self.request.type in STOPS

    @property
    def list_id(self) -> int:
        return self.group.id if self.group else -1

    def become(self, status: Status, time_ms: int) -> None:
        """Change the status; one that may not follow is a mistake of ours."""
        assert status in TRANSITIONS[self.status], f"{self.status} → {status}"
        self.status, self.updated_ms = status, time_ms

    def hears(self, price: Decimal, time_ms: int) -> bool:
        """Whether a trade at `price` triggers this stop; a trailing one also notes the best price."""
        delta = self.request.trailing_delta
        if delta is None:
            return reached(self.request, price)
        if self.peak is None and not reached(self.request, price):
            return False
        buys = self.request.side == "BUY"
        if self.peak is None:
            self.peak, self.trailing_ms = price, time_ms
        self.peak = min(self.peak, price) if buys else max(self.peak, price)
        turn = self.peak * (BIPS + delta if buys else BIPS - delta)
        return price * BIPS >= turn if buys else price * BIPS <= turn


def rises(request: OrderRequest) -> bool:
    """Whether a stop's price lies above the market: STOP_LOSS of a BUY, TAKE_PROFIT of a SELL."""
    return request.type.startswith("STOP_LOSS") == (request.side == "BUY")


def reached(request: OrderRequest, price: Decimal) -> bool:
    """Whether the market at `price` has come to the stop price; a trailing stop without one follows from the start."""
    if request.stop_price is None:
        return True
    return price >= request.stop_price if rises(request) else price <= request.stop_price
