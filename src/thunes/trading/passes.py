"""A pass of the trader in values: what it trades, what it saw, what it did."""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal

import numpy as np

from thunes.audit.events import Check
from thunes.errors import DataError
from thunes.exchange.filters.amounts import to_decimal
from thunes.exchange.filters.rules import SymbolRules
from thunes.exchange.orders import Quote
from thunes.model import Candles, Float1D
from thunes.strategies.base import Strategy, evaluate
from thunes.trading.decision import Plan, Sizing
from thunes.trading.ledger.values import BookedFill, OrderRecord, Standing
from thunes.trading.recovery import Recovered
from thunes.trading.worth import Worth

MILLIONTH = Decimal("0.000001")


@dataclass(frozen=True)
class Job:
    """What is traded: a promoted strategy, where, since when, for how much."""

    strategy: Strategy
    name: str
    symbol: str
    interval: str
    anchor_ms: int
    sizing: Sizing
    artefact: str = ""  # its id


@dataclass(frozen=True)
class Market:
    """What a pass saw: candles to the last closed one, the wanted fraction of every bar, prices, account, rules, and
    what the ledger knew."""

    candles: Candles
    exposure: Float1D
    quote: Quote
    average: Decimal
    account: Worth
    rules: SymbolRules
    now_ms: int
    standing: Standing  # in the ledger, before the pass

    @property
    def bar_ms(self) -> int:
        """Open time of the candle decided on."""
        return int(self.candles.open_time[-1])

    @property
    def price(self) -> Decimal:
        """What the account is valued at: the best bid, else the average."""
        return self.quote.bid or self.average


@dataclass(frozen=True)
class Pass:
    """What one pass did. `code` says why; `order` is None where none was sent."""

    bar_ms: int
    exposure: Decimal
    held: Decimal
    equity: Decimal
    plan: Plan
    code: str
    reason: str
    order: OrderRecord | None = None
    fills: tuple[BookedFill, ...] = ()
    checks: tuple[Check, ...] = ()
    recovered: Recovered = field(default_factory=lambda: Recovered((), ()))


def fraction(exposure: float) -> Decimal:
    """A wanted fraction of equity as an exact number, to a millionth."""
    return to_decimal(round(float(exposure), 6), MILLIONTH).normalize()


def exposures(strategy: Strategy, candles: Candles) -> Float1D:
    """The exposure of every bar; nothing is wanted while there are fewer candles than the longest line needs."""
    try:
        return evaluate(strategy, candles)
    except DataError as error:
        if error.code != "E-DATA-SHORT":
            raise
        return np.zeros(len(candles))
