"""The real trader driven through candles of the past, bar by bar, on a local exchange that plays them.

Everything is what runs on paper: venue, ledger, risk, trail, synced files. Only the way to the exchange is short.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import ExitStack
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import numpy as np
import requests
from pydantic import SecretStr

from thunes.audit.trail import Trail
from thunes.clock import ManualClock
from thunes.errors import UsageError
from thunes.exchange.binance.rules_cache import RulesCache
from thunes.exchange.binance.shared import Shared
from thunes.exchange.binance.venue import BinanceVenue
from thunes.exchange.filters.rules import SymbolRules
from thunes.kernels.simulation import START_CASH
from thunes.model import Candles
from thunes.risk.limits import RiskLimits
from thunes.risk.manager import RiskManager
from thunes.risk.store import RiskStore
from thunes.simulator import LocalExchange
from thunes.simulator.feed.depth import Level
from thunes.simulator.server.clock import ExchangeClock
from thunes.strategies.base import Strategy
from thunes.trading.decision import Sizing
from thunes.trading.ledger.ledger import Ledger
from thunes.trading.ledger.reserve_file import ReserveFile
from thunes.trading.passes import Job, Pass
from thunes.trading.trader import Trader

KEY, SECRET = "parity", "parity"  # of the one account of an exchange that nobody else can ask
CASH = Decimal(repr(START_CASH))
ZERO, ENOUGH = Decimal(0), Decimal(10**12)
WIDE = RiskLimits(
    order_notional=ENOUGH, loss_per_trade=ENOUGH, daily_loss=ENOUGH, positions=1_000, gross_exposure=ENOUGH,
    cool_down_minutes=0, drawdown=Decimal(1), price_deviation=ENOUGH, orders_per_day=10**9,
)  # fmt: skip
Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class Step:
    """The pass that was made in a bar."""

    bar: int
    done: Pass
    booked: bool = True  # whether its fills are, level for level, what the book had

    @property
    def code(self) -> str:
        return self.done.code


@dataclass(frozen=True)
class Replay:
    """What the trader did. `base` and `quote` are what the exchange says it has at the end."""

    steps: tuple[Step, ...]
    rules: SymbolRules
    base: Decimal
    quote: Decimal
    reconciled: bool  # ledger and exchange agree to the last digit


def replay(
    strategy: Strategy, name: str, candles: Candles, folder: Path, progress: Progress = lambda _done, _all: None
) -> Replay:
    """Trade candles from the open of the second one to that of the last, with all of START_CASH.

    The anchor is the first candle. `folder`: where ledger and trail are written, empty. Errors: those of a pass, but
    for too few candles while a strategy warms up; `UsageError` for fewer than two, `DataError` for an unknown symbol.
    """
    if len(candles) < 2:
        raise UsageError("E-PARITY-SHORT", "parity needs two candles at least.", "Give more.")
    with ExitStack() as life:
        start = int(candles.open_time[1])
        account = f"{KEY}:{SECRET}"
        exchange = life.enter_context(LocalExchange(candles, [account], serve=False, start=start, limits=False))
        quote = exchange.parts.exchange.symbol(candles.symbol).quote
        exchange.parts.exchange.engine.deposit(KEY, quote, CASH, start)
        return _driven(life, exchange, strategy, name, candles, folder, progress)


def _driven(
    life: ExitStack,
    exchange: LocalExchange,
    strategy: Strategy,
    name: str,
    candles: Candles,
    folder: Path,
    progress: Progress,
) -> Replay:
    clock = ExchangeClock(exchange)
    shared = Shared(clock, counts=False)
    shared.rules = RulesCache(ManualClock(exchange.now_ms))  # this exchange's rules never change: asked for once
    venue = BinanceVenue(
        exchange.http_url, SecretStr(KEY), SecretStr(SECRET), clock, source=candles.source, shared=shared,
        mount=lambda session: _mount(session, exchange),
    )  # fmt: skip
    life.callback(venue.close)
    ledger = life.enter_context(Ledger.of(folder, "sim", clock))
    trail = Trail(folder / "logs", "sim", clock)
    life.callback(trail.close)
    risk = RiskManager(WIDE, RiskStore(folder / "state"), clock, lambda _: None)
    reserve = life.enter_context(ReserveFile(folder / "reserve"))
    sizing = Sizing(fraction=Decimal(1))
    job = Job(strategy, name, candles.symbol, candles.interval, int(candles.open_time[0]), sizing)
    trader = Trader(job, venue, ledger, risk, trail, reserve, clock)
    steps = []
    for bar in range(1, len(candles)):
        shared.time.measure(lambda: exchange.now_ms)  # our clock is the exchange's: no need to ask five times an hour
        steps.append(_step(trader, exchange, candles, bar))
        if bar + 1 < len(candles):
            exchange.advance(until=int(candles.open_time[bar + 1]))
        progress(bar, len(candles) - 1)
    rules, balances = venue.rules(candles.symbol), venue.balances()
    agreed = not ledger.reconcile(balances)
    base, quote = (balances[asset].total if asset in balances else ZERO for asset in (rules.base, rules.quote))
    return Replay(tuple(steps), rules, base, quote, agreed)


def _step(trader: Trader, exchange: LocalExchange, candles: Candles, bar: int) -> Step:
    ladder = exchange.parts.exchange.depths[candles.symbol].at(exchange.now_ms)
    done = trader.run()
    if not done.fills:
        return Step(bar, done)
    at = int(np.searchsorted(candles.open_time, done.fills[0].fill.time_ms, side="right")) - 1
    levels = ladder.asks if done.fills[0].fill.side == "BUY" else ladder.bids
    told = [(one.fill.price, one.fill.quantity) for one in done.fills]
    return Step(at, done, booked=told == _taken(levels, sum((quantity for _, quantity in told), ZERO)))


def _taken(levels: Iterable[Level], quantity: Decimal) -> list[tuple[Decimal, Decimal]]:
    """What taking a quantity out of a ladder means, level by level."""
    found = []
    for price, offered in levels:
        if quantity <= 0:
            break
        found.append((price, min(offered, quantity)))
        quantity -= found[-1][1]
    return found


def _mount(session: requests.Session, exchange: LocalExchange) -> None:
    """Hand each request to the exchange as it is: what `requests` does on the way to a socket is most of a pass."""
    adapter = exchange.adapter()

    def request(method: str, url: str, **given: Any) -> requests.Response:
        asked, body = requests.PreparedRequest(), given.get("data")
        asked.method, asked.headers = method.upper(), session.headers  # type: ignore[assignment]
        asked.url = f"{url}?{given['params']}" if given.get("params") else url
        asked.body = urlencode(body) if body else None
        return adapter.send(asked, timeout=given.get("timeout"))

    session.request = request  # type: ignore[method-assign, assignment]
