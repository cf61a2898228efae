"""What goes into the ledger and comes out of it. Amounts are `Decimal`, times epoch ms."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Literal

from thunes.exchange.orders import Fill, OrderTicket
from thunes.trading.ledger.numbers import ZERO, minus

OutcomeName = Literal["NOT_SENT", "REFUSED", "ACCEPTED", "UNKNOWN"]
FlowKind = Literal["opening", "deposit", "withdrawal", "conversion", "adjustment"]


@dataclass(frozen=True)
class Intent:
    """An order that is about to be sent, and the decision it comes from: the bar is named by its open time."""

    ticket: OrderTicket
    strategy: str
    bar_ms: int
    time_ms: int

    @property
    def client_id(self) -> str:
        return self.ticket.client_order_id


@dataclass(frozen=True)
class OrderRecord:
    """An order as the ledger knows it. `outcome` is None until one is recorded, `status` until the exchange told one.

    `resolved`: nothing more is expected of it; otherwise it has to be asked for. `may_resend`: it is sure that the
    exchange's engine never saw it. `note`: why it was refused or is not known. An order of unknown fate that turned out
    never to have been placed stays UNKNOWN, resolved, and is never sent again.
    """

    intent: Intent
    outcome: OutcomeName | None
    order_id: int | None
    status: str | None
    executed: Decimal
    quote_executed: Decimal
    resolved: bool
    may_resend: bool
    note: str
    updated_ms: int


@dataclass(frozen=True)
class Valuation:
    """What booking a symbol's fills must know: its assets, the price in quote of any third asset that pays commission,
    and the base quantity below which nothing can be sold: a remainder smaller than that is dust."""

    base: str
    quote: str
    prices: Mapping[str, Decimal] = field(default_factory=dict)
    least_sellable: Decimal = ZERO


@dataclass(frozen=True)
class BookedFill:
    """A fill and what it did. The P&L is in quote, all commissions in; None where nothing was realised.

    `commission_value`: the commission in quote, None where it was paid in an asset without a price. `uncovered`: base
    quantity sold that the ledger had not seen bought; it has no cost and makes no P&L.
    """

    fill: Fill
    realised: Decimal | None
    realised_fifo: Decimal | None
    commission_value: Decimal | None
    uncovered: Decimal
    external: bool


@dataclass(frozen=True)
class Position:
    """One round trip. `quantity` is what is held now (base, dust of an earlier one included) and `cost` what that cost
    (quote, commissions in); `entry_price` is that of its own fills, the one that stops are measured from."""

    symbol: str
    strategy: str
    opened_trade_id: int
    opened_ms: int
    closed_ms: int | None
    quantity: Decimal
    cost: Decimal
    bought: Decimal
    bought_quote: Decimal
    sold: Decimal
    sold_quote: Decimal
    fees: Decimal
    realised: Decimal
    realised_fifo: Decimal

    @property
    def is_open(self) -> bool:
        return self.closed_ms is None

    @property
    def entry_price(self) -> Decimal:
        """Average price of its buys, in quote, to 28 digits."""
        return self.bought_quote / self.bought

    @property
    def average_cost(self) -> Decimal | None:
        """What a unit held cost, commissions in, to 28 digits; None where nothing is held."""
        return self.cost / self.quantity if self.quantity else None


@dataclass(frozen=True)
class Settled:
    """What telling of an order came to: the order, the fills that were new, and what its symbol's open position holds
    then, 0 without one."""

    record: OrderRecord
    booked: tuple[BookedFill, ...]
    held: Decimal


@dataclass(frozen=True)
class Dust:
    """What is left of closed positions of a symbol: base quantity, and what it cost in quote."""

    symbol: str
    quantity: Decimal
    cost: Decimal


@dataclass(frozen=True)
class Flow:
    """Money that came from outside (negative: left), or changed its form there; never P&L.

    `reference` names it once and for all, such as the exchange's id of a deposit. `value`: in the account's quote asset
    at that time, None where nobody knows.
    """

    reference: str
    kind: FlowKind
    asset: str
    amount: Decimal
    time_ms: int
    value: Decimal | None = None


@dataclass(frozen=True)
class Difference:
    """An asset of which the exchange has not what the ledger expects."""

    asset: str
    expected: Decimal
    actual: Decimal

    @property
    def amount(self) -> Decimal:
        """Above 0: the exchange has more."""
        return minus(self.actual, self.expected)


@dataclass(frozen=True)
class Equity:
    """What the account was worth at a time, in quote, and the part of it that was cash."""

    time_ms: int
    equity: Decimal
    cash: Decimal


@dataclass(frozen=True)
class Latch:
    """After a stop-out a strategy stays flat on a symbol until its exposure has been 0 once."""

    strategy: str
    symbol: str
    bar_ms: int
    reason: str


@dataclass(frozen=True)
class SymbolPause:
    """No entry in a symbol until a person has looked; `lifted_ms` says when one had."""

    symbol: str
    code: str
    reason: str
    since_ms: int
    lifted_ms: int | None = None

    @property
    def holds(self) -> bool:
        return self.lifted_ms is None


@dataclass(frozen=True)
class Standing:
    """Where a strategy stands on a symbol, at one moment. `last_executed`: its newest order of which something was
    executed. `newest`: all its orders of the newest bar that has any, oldest first; those of earlier bars are not
    here, `Ledger.order` tells them. `pause`: the symbol's last, lifted or not."""

    position: Position | None
    last_executed: OrderRecord | None
    newest: tuple[OrderRecord, ...]
    pause: SymbolPause | None


@dataclass(frozen=True)
class Owned:
    """What was bought and is there, at one moment: open positions and dust, by symbol. `expected`: what one asset
    should hold, whoever bought it."""

    positions: tuple[Position, ...]
    dust: tuple[Dust, ...]
    expected: Decimal


@dataclass(frozen=True)
class Anchor:
    """The last line of a chain of files, such as the audit trail, as it was told to the ledger."""

    sequence: int
    hash: str
    time_ms: int
