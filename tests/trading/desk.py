"""A trader on a local exchange inside the process: everything real, time stepped."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path

import numpy as np
from pydantic import SecretStr
from requests.adapters import BaseAdapter

from thunes.audit.trail import Trail
from thunes.exchange.binance.shared import Shared
from thunes.exchange.binance.venue import BinanceVenue
from thunes.market.synthetic import generate
from thunes.model import Candles, Float1D
from thunes.risk.events import RiskEvent
from thunes.risk.limits import RiskLimits
from thunes.risk.manager import RiskManager
from thunes.risk.store import RiskStore
from thunes.simulator import LocalExchange
from thunes.simulator.server.clock import ExchangeClock
from thunes.strategies.base import Strategy
from thunes.trading.decision import Sizing
from thunes.trading.ledger.ledger import Ledger
from thunes.trading.ledger.reserve_file import ReserveFile
from thunes.trading.passes import Job, Pass
from thunes.trading.trader import Trader

D = Decimal
CANDLES = generate("BTCUSDT", "1h", 300, seed=7)
START = 100  # bars that lie in the past
ENOUGH = D(10**9)
WIDE = RiskLimits(
    order_notional=ENOUGH, loss_per_trade=ENOUGH, daily_loss=ENOUGH, positions=3, gross_exposure=ENOUGH,
    cool_down_minutes=0, drawdown=D(1), orders_per_day=10_000,
)  # fmt: skip


class Scripted(Strategy):
    """Wants what a test says, by bar; the last word holds on."""

    wishes = ()  # no parameter: not annotated

    def exposure(self, candles: Candles) -> Float1D:
        wanted = np.zeros(len(candles))
        for bar, fraction in self.wishes:
            wanted[bar:] = fraction
        return wanted


def script(*wishes: tuple[int, float]) -> Strategy:
    """A strategy that wants these fractions from these bars on, counted from the first bar that is traded."""
    made = Scripted()
    object.__setattr__(made, "wishes", tuple((START + bar, fraction) for bar, fraction in wishes))
    return made


@dataclass
class Desk:
    """A trader with all that it stands on; `again` opens everything anew, as a restart does."""

    folder: Path
    strategy: Strategy
    limits: RiskLimits = WIDE
    sizing: Sizing = field(default_factory=lambda: Sizing(quote_amount=D(100)))
    money: str = "USDT=10000"
    step: Callable[[str], None] = lambda _: None
    risk_events: list[RiskEvent] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.exchange = self.opened_exchange()
        self.clock = ExchangeClock(self.exchange)
        self._open()

    def opened_exchange(self) -> LocalExchange:
        return LocalExchange(
            CANDLES, [f"key:secret:{self.money}"], start=int(CANDLES.open_time[START]), serve=False, limits=False
        )

    def adapter(self) -> BaseAdapter:
        """The way to the exchange."""
        return self.exchange.adapter()

    def _open(self) -> None:
        self.venue = BinanceVenue(
            self.exchange.http_url, SecretStr("key"), SecretStr("secret"), self.clock, source=CANDLES.source,
            mount=lambda session: session.mount(self.exchange.http_url, self.adapter()),
            shared=Shared(self.clock, counts=False),
        )  # fmt: skip
        self.ledger = Ledger.of(self.folder, "sim", self.clock)
        self.trail = Trail(self.folder / "logs", "sim", self.clock)
        self.risk = RiskManager(self.limits, RiskStore(self.folder / "state"), self.clock, self.risk_events.append)
        self.reserve = ReserveFile(self.folder / "reserve")
        job = Job(self.strategy, "scripted", "BTCUSDT", "1h", int(CANDLES.open_time[0]), self.sizing)
        self.trader = Trader(
            job, self.venue, self.ledger, self.risk, self.trail, self.reserve, self.clock, lambda at: self.step(at)
        )

    def close(self) -> None:
        self.venue.close()
        self.ledger.close()
        self.trail.close()
        self.reserve.close()

    def again(self) -> None:
        self.close()
        self._open()

    def run(self, bars: int = 1) -> Pass:
        """Let so many candles close, with a pass after each; the last pass."""
        for _ in range(bars):
            self.exchange.advance(1)
            done = self.trader.run()
        return done

    @property
    def fault(self) -> Callable[..., object]:
        return self.exchange.parts.board.set

    def orders(self) -> list[str]:
        """Statuses of all orders that the exchange has had, oldest first."""
        engine = self.exchange.parts.exchange.engine
        return [order.status for order in engine.all_orders("key", "BTCUSDT")]

    def held(self) -> Decimal:
        return self.exchange.parts.exchange.engine.account("key").free("BTC")


OpenDesk = Callable[..., Desk]
