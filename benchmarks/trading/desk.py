"""A trader with all that it stands on, on an exchange in another process: what `thunes paper` runs, bar after bar."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import requests
from pydantic import SecretStr

from benchmarks.exchange import scene
from thunes.audit.lines import Head
from thunes.audit.trail import Trail
from thunes.exchange.binance.shared import Shared
from thunes.exchange.binance.venue import BinanceVenue
from thunes.model import Candles, Float1D
from thunes.risk.limits import RiskLimits
from thunes.risk.manager import RiskManager
from thunes.risk.store import RiskStore
from thunes.strategies.base import Strategy
from thunes.strategies.sma_cross import SmaCross
from thunes.trading.decision import Sizing
from thunes.trading.ledger.ledger import Ledger
from thunes.trading.ledger.reserve_file import ReserveFile
from thunes.trading.passes import Job, Pass
from thunes.trading.trader import Trader

ENOUGH = Decimal(10**12)
LIMITS = RiskLimits(
    order_notional=ENOUGH, loss_per_trade=ENOUGH, daily_loss=ENOUGH, positions=10, gross_exposure=ENOUGH,
    cool_down_minutes=0, drawdown=Decimal(1), price_deviation=ENOUGH, orders_per_day=10**9,
)  # fmt: skip
AMOUNT = Decimal(50)  # quote currency of an entry
CONTROL = "/sim/v1/clock"


class Flipping(Strategy):
    """In at one bar, out at the next: an order in every pass. It computes what a moving-average cross does."""

    def exposure(self, candles: Candles) -> Float1D:
        """1 and 0 by turns."""
        SmaCross().exposure(candles)
        return np.arange(len(candles)) % 2.0


class Clock:
    """The exchange's time, as of the last step."""

    def __init__(self, url: str) -> None:
        self._url, self._session = url + CONTROL, requests.Session()
        self._session.trust_env = False
        self.told = self._session.get(self._url).json()

    def step(self) -> None:
        """Play one candle."""
        self.told = self._session.post(self._url + "/advance", json={"bars": 1}).json()

    def now_ms(self) -> int:
        return int(self.told["serverTime"])

    def sleep(self, seconds: float) -> None:
        time.sleep(seconds)


class Watch:
    """When each step of a pass began, in seconds."""

    def __init__(self) -> None:
        self.at: dict[str, float] = {}

    def __call__(self, step: str) -> None:
        self.at[step] = time.perf_counter()

    def between(self, first: str, last: str) -> float:
        return self.at[last] - self.at[first]


class Desk:
    """Runs passes, one for each candle that closes."""

    def __init__(self, trader: Trader, shared: Shared, clock: Clock, watch: Watch) -> None:
        self.trader, self.watch = trader, watch
        self._shared, self._clock = shared, clock

    def look(self) -> Pass:
        """A candle closes, and the trader looks at it."""
        self._clock.step()
        self._shared.time.measure(self._clock.now_ms)  # our clock is the exchange's: need not be asked for
        return self.trader.run()

    def run(self) -> Pass:
        """The same; a pass without a fill is an error."""
        done = self.look()
        if not done.fills:
            raise RuntimeError(f"no order: {done.code} {done.reason}")
        return done


@contextmanager
def desk(url: str, folder: Path) -> Iterator[Desk]:
    """On the exchange at `url`, its files in `folder`."""
    clock, watch = Clock(url), Watch()
    shared = Shared(clock, counts=False)
    key, secret = SecretStr(scene.KEY), SecretStr(scene.SECRET)

    def keep(head: Head) -> None:
        ledger.note_head(head.seq, head.hash)

    with (
        BinanceVenue(url, key, secret, clock, shared=shared, mount=_without_proxy) as venue,
        Ledger.of(folder, "sim", clock) as ledger,
        Trail(folder / "logs", "sim", clock, on_head=keep) as trail,
        ReserveFile(folder / "reserve") as reserve,
    ):
        risk = RiskManager(LIMITS, RiskStore(folder / "state"), clock, lambda _: None)
        anchor = int(clock.told["start"]) - (scene.PAST - 1) * 3_600_000
        job = Job(Flipping(), "flipping", scene.SYMBOL, scene.INTERVAL, anchor, Sizing(quote_amount=AMOUNT))
        yield Desk(Trader(job, venue, ledger, risk, trail, reserve, clock, watch), shared, clock, watch)


def _without_proxy(session: Any) -> None:
    session.trust_env = False
