"""All that risk remembers, as one frozen value. Money in quote currency, times in epoch ms."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Annotated, Any, Literal, TypeVar

from pydantic import PlainSerializer

from thunes.risk.request import Action

# The method itself, as a function around it would be called for each amount of each book that is written.
Money = Annotated[Decimal, PlainSerializer("{:f}".format, return_type=str)]
State = Literal["ACTIVE", "REDUCING", "HALTED"]
SEVERITY: Mapping[State, int] = {"ACTIVE": 0, "REDUCING": 1, "HALTED": 2}
ZERO = Decimal(0)


@dataclass(frozen=True)
class Standing:
    """ACTIVE; REDUCING: no entries, exits and cancels pass; HALTED: only cancels, queries and a person's flatten."""

    state: State = "ACTIVE"
    since_ms: int = 0
    code: str = ""
    reason: str = ""
    actor: str = ""

    def or_worse(self, other: Standing | None) -> Standing:
        """The severer of the two; this one where they are alike."""
        worse = other is not None and SEVERITY[other.state] > SEVERITY[self.state]
        return other if worse and other is not None else self


@dataclass(frozen=True)
class Acknowledged:
    """What a person knew when re-arming: the day's loss until then, and what more may be lost until its end."""

    loss: Money
    budget: Money


@dataclass(frozen=True)
class Position:
    """What is held of a symbol. `cost`: paid for it, without fees; `price`: the last one known; `strategy`: whose it
    is, empty where nobody knows."""

    quantity: Money
    cost: Money
    price: Money
    realised: Money = ZERO  # by partial exits so far, before fees
    fees: Money = ZERO  # since it was opened
    strategy: str = ""

    @property
    def value(self) -> Decimal:
        return self.quantity * self.price


@dataclass(frozen=True)
class Reservation:
    """Room held for an order until it is filled or released. `submitted_ms`: when it passed the last check before
    the wire, so that a kill can name what it came too late for."""

    client_order_id: str
    action: Action
    symbol: str
    notional: Money
    worst_loss: Money
    created_ms: int
    submitted_ms: int | None = None
    strategy: str = ""


@dataclass(frozen=True)
class BarCount:
    """Entries that were let pass for the candle that opened at `bar_ms`."""

    bar_ms: int
    entries: int


@dataclass(frozen=True)
class Book:
    """The state of one environment. `equity` is as of the last mark or fill; None before the first mark."""

    day: int = 0  # whole UTC days since 1970
    standing: Standing = field(default_factory=Standing)
    acknowledged: Acknowledged | None = None  # until the UTC day ends
    opening: Money | None = None  # the day's opening equity
    equity: Money | None = None
    peak: Money | None = None  # highest equity, moved by deposits and withdrawals in proportion
    flows: Money = ZERO  # deposits less withdrawals of the day
    realised: Money = ZERO  # of the day, before fees
    fees: Money = ZERO  # of the day
    entries: int = 0  # let pass on this day
    bars: Mapping[str, BarCount] = field(default_factory=dict)  # by symbol
    positions: Mapping[str, Position] = field(default_factory=dict)  # by symbol
    reservations: Mapping[str, Reservation] = field(default_factory=dict)  # by client order id
    losing_exit_ms: int | None = None  # the last one, unless a winning one followed
    breaker: str = field(default="closed", compare=False)  # as it is now; not remembered

    @property
    def unrealised(self) -> Decimal:
        return sum((p.value - p.cost for p in self.positions.values()), ZERO)

    @property
    def loss(self) -> Decimal:
        """The day's loss, negative for a profit: against its opening equity, deposits and withdrawals left out.

        Before the first mark there is no equity: then what was booked, and what is held at its last price.
        """
        if self.opening is None or self.equity is None:
            return self.fees - self.realised - self.unrealised
        return self.opening + self.flows - self.equity

    @property
    def new_loss(self) -> Decimal:
        """The loss that counts: what came after a person acknowledged the rest."""
        return self.loss - (self.acknowledged.loss if self.acknowledged else ZERO)

    @property
    def drawdown(self) -> Decimal:
        """Fraction of the peak that is lost, 0 where nothing is known."""
        if self.equity is None or not self.peak:
            return ZERO
        return 1 - self.equity / self.peak

    @property
    def reserved_loss(self) -> Decimal:
        total = ZERO
        for held in self.reservations.values():
            total += held.worst_loss
        return total

    @property
    def gross_exposure(self) -> Decimal:
        reserved = value = ZERO
        for held in self.reservations.values():
            reserved += held.notional
        for position in self.positions.values():
            value += position.quantity * position.price
        return reserved + value

    def own_position(self, symbol: str, strategy: str) -> Position | None:
        """What this very strategy holds of a symbol."""
        held = self.positions.get(symbol)
        return held if held is not None and strategy and held.strategy == strategy else None

    def is_being_bought(self, symbol: str) -> bool:
        return any(r.symbol == symbol for r in self.reservations.values())

    @property
    def symbols(self) -> frozenset[str]:
        """Those held or being bought."""
        return frozenset(self.positions) | {r.symbol for r in self.reservations.values()}

    def loss_bound(self, daily_loss: Decimal) -> Decimal:
        """What `new_loss` is measured against."""
        return self.acknowledged.budget if self.acknowledged else daily_loss


Value = TypeVar("Value", Book, Position, Reservation)


def but(value: Value, **changed: Any) -> Value:
    """The same with some fields otherwise. `dataclasses.replace` looks up each of the others: a call per field."""
    return type(value)(**(value.__dict__ | changed))
