"""A risk manager on a desk: a clock that stands, a store in a folder, everything it told."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from decimal import Decimal
from pathlib import Path

from thunes.clock import ManualClock, to_ms
from thunes.risk.book import Reservation
from thunes.risk.events import RiskEvent
from thunes.risk.limits import PROFILES, RiskLimits
from thunes.risk.manager import RiskManager
from thunes.risk.request import Action, Prices, RiskFill, RiskRequest
from thunes.risk.store import RiskStore
from thunes.risk.verdict import Denial

NOON = to_ms("2026-03-01T12:00")
HOUR = 3_600_000
TINY = PROFILES["tiny"]


def entry(name: str, symbol: str = "BTCUSDT", notional: str = "25", *, at: int = NOON, **more: object) -> RiskRequest:
    """A request whose price is fresh and as decided."""
    prices = Prices(Decimal(100), Decimal(100), at)
    given = {"strategy": "sma", "bar_ms": at - HOUR, "prices": prices, **more}
    return RiskRequest(name, symbol, "entry", Decimal(notional), **given)  # type: ignore[arg-type]


def leaving(symbol: str = "BTCUSDT", action: Action = "exit") -> RiskRequest:
    return RiskRequest(f"{action}-{symbol}", symbol, action, Decimal(25))


def fill(trade_id: int, side: str, price: str, quantity: str, *, held: str, fee: str = "0") -> RiskFill:
    numbers = (Decimal(price), Decimal(quantity), Decimal(fee), Decimal(held))
    return RiskFill("BTCUSDT", trade_id, side, *numbers)  # type: ignore[arg-type]


def reserved(answer: Reservation | Denial) -> Reservation:
    assert isinstance(answer, Reservation), answer
    return answer


def code(answer: Reservation | Denial | None) -> str:
    assert isinstance(answer, Denial), answer
    return answer.code


@dataclass
class Desk:
    """One environment's risk; `another()` is what a second process would see."""

    folder: Path
    limits: RiskLimits = TINY
    clock: ManualClock = field(default_factory=lambda: ManualClock(NOON))
    events: list[RiskEvent] = field(default_factory=list)
    breaker: str = "closed"
    stores: list[RiskStore] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.manager = self.another()

    def another(self, **changed: object) -> RiskManager:
        self.stores.append(RiskStore(self.folder, wait=2.0))
        limits = replace(self.limits, **changed)  # type: ignore[arg-type]
        return RiskManager(limits, self.stores[-1], self.clock, self.events.append, breaker=lambda: self.breaker)

    def opened(self, equity: str = "1000") -> RiskManager:
        """The manager after its first mark."""
        self.manager.on_mark(Decimal(equity))
        return self.manager

    def hold(self, symbol: str = "BTCUSDT") -> None:
        """25 quote of a symbol bought at 100, without a fee."""
        numbers = (Decimal(100), Decimal("0.25"), Decimal(0), Decimal("0.25"))
        self.manager.on_fill(RiskFill(symbol, 1, "BUY", *numbers))

    def close(self) -> None:
        for store in self.stores:
            store.close()
