"""The trading wing of one environment, wired from the settings: venue, ledger, risk, trail."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from thunes.audit.trail import Trail
    from thunes.clock import Clock
    from thunes.exchange.binance.venue import BinanceVenue
    from thunes.model import Candles
    from thunes.risk.events import RiskEvent
    from thunes.risk.limits import RiskLimits
    from thunes.risk.manager import RiskManager
    from thunes.settings import Settings
    from thunes.simulator import LocalExchange
    from thunes.strategies.artefact import Artefact
    from thunes.trading.ledger.ledger import Ledger
    from thunes.trading.ledger.reserve_file import ReserveFile
    from thunes.trading.trader import Trader

KEY, SECRET = "local", "local"  # of the one account of the embedded exchange; nothing outside knows it
OPENING = "USDT=10000"
YEAR_MS = 365 * 86_400_000
# Which settings bound which limit, when they are set; otherwise the profile does.
BOUNDS = {
    "max_loss_per_trade": "loss_per_trade",
    "max_daily_loss": "daily_loss",
    "max_positions": "positions",
    "cool_down_minutes": "cool_down_minutes",
}


@dataclass(frozen=True)
class Wing:
    """What one environment trades with. `exchange` is the embedded one, None elsewhere."""

    environment: str
    clock: Clock
    ledger: Ledger
    risk: RiskManager
    trail: Trail
    reserve: ReserveFile
    venue: BinanceVenue | None = None
    exchange: LocalExchange | None = None


def limits_of(settings: Settings) -> RiskLimits:
    """The limits in force: those of the profile, and what is set beside it."""
    from thunes.risk.limits import PROFILES

    given = {BOUNDS[name]: getattr(settings, name) for name in settings.model_fields_set if name in BOUNDS}
    return replace(PROFILES[settings.risk_profile], **given)


def order_amount(settings: Settings) -> Decimal:
    """Quote currency of one entry: what is set, else the largest order of the profile."""
    if "default_quote_amount" in settings.model_fields_set:
        return settings.default_quote_amount
    return limits_of(settings).order_notional


def state_folder(settings: Settings) -> Path:
    """Where an environment keeps its state."""
    return settings.state_dir / "state" / settings.environment


@contextmanager
def opened(settings: Settings, clock: Clock | None = None) -> Iterator[Wing]:
    """Everything that remembers, without an exchange: what questions need. Errors: those of ledger, risk and trail."""
    from thunes.audit.redaction import secrets_of
    from thunes.audit.trail import Trail
    from thunes.clock import SystemClock
    from thunes.risk.manager import RiskManager
    from thunes.risk.store import RiskStore
    from thunes.trading.ledger.ledger import Ledger
    from thunes.trading.ledger.reserve_file import ReserveFile

    clock, folder = clock or SystemClock(), state_folder(settings)
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    with ExitStack() as life:
        ledger = life.enter_context(Ledger.of(settings.state_dir, settings.environment, clock))
        trail = life.enter_context(
            Trail(
                settings.state_dir / "logs",
                settings.environment,
                clock,
                secrets=secrets_of(settings),
                on_head=lambda head: _kept(ledger, head.seq, head.hash),
            )
        )
        risk = RiskManager(limits_of(settings), RiskStore(folder), clock, _told(trail))
        reserve = ReserveFile(folder / "reserve")
        yield Wing(settings.environment, clock, ledger, risk, trail, reserve)


def _kept(ledger: Ledger, seq: int, digest: str) -> None:
    ledger.anchor(seq, digest)


def _told(trail: Trail) -> Callable[[RiskEvent], None]:
    from thunes.audit.events import RiskState

    def tell(event: RiskEvent) -> None:
        trail.append(
            RiskState(
                id=f"risk-{event.time_ms}",
                state=event.after,
                former=event.before,
                code=event.code or "E-RISK",
                reason=event.reason or "none given",
                actor=event.actor or None,
                details=dict(event.details),
            )
        )

    return tell


# With an exchange


class ExchangeClock:
    """The embedded exchange's time: stepped, it moves when somebody waits."""

    def __init__(self, exchange: LocalExchange) -> None:
        self._exchange = exchange

    def now_ms(self) -> int:
        return self._exchange.now_ms

    def sleep(self, seconds: float) -> None:
        self._exchange.advance(until=self.now_ms() + round(seconds * 1000))


@contextmanager
def embedded(settings: Settings, artefact: Artefact) -> Iterator[Wing]:
    """The wing on the embedded exchange, which goes on where it stood; time is the exchange's."""
    from pydantic import SecretStr

    from thunes.exchange.binance.shared import Shared
    from thunes.exchange.binance.venue import BinanceVenue
    from thunes.simulator import LocalExchange

    candles = market_of(artefact)
    start = artefact.provenance["candles"]["last"]
    with ExitStack() as life:
        exchange = life.enter_context(
            LocalExchange(
                candles,
                [f"{KEY}:{SECRET}:{OPENING}"],
                start=start,
                state=state_folder(settings) / f"exchange-{artefact.symbol}-{artefact.interval}",
                limits=False,
                serve=False,
            )
        )
        clock = ExchangeClock(exchange)
        wing = life.enter_context(opened(settings, clock))
        venue = BinanceVenue(
            exchange.http_url,
            SecretStr(KEY),
            SecretStr(SECRET),
            clock,
            source=candles.source,
            mount=lambda session: session.mount(exchange.http_url, exchange.adapter()),
            shared=Shared(clock, counts=False),
        )
        life.callback(venue.close)
        yield replace(wing, venue=venue, exchange=exchange)


def market_of(artefact: Artefact) -> Candles:
    """The candles that an artefact was judged on, from its anchor, and a year of what came after."""
    from thunes.cli.loading import load_candles
    from thunes.clock import iso, to_ms
    from thunes.errors import DataError

    told = artefact.provenance["candles"]
    source, last = str(told["source"]), to_ms(told["last"])
    data = source if source.startswith("synthetic") else "store"
    candles = load_candles(
        artefact.symbol, artefact.interval, data, start=iso(artefact.anchor), end=iso(last + YEAR_MS)
    )
    if int(candles.open_time[-1]) <= last:
        raise DataError(
            "E-PAPER-CANDLES", f"there are no candles after {told['last']} to trade on.", "See thunes data fetch."
        )
    return candles


@contextmanager
def on_testnet(settings: Settings) -> Iterator[Wing]:
    """The wing on Binance's testnet: its orders, production's candles. `SettingsError` without keys."""
    from thunes.clock import SystemClock
    from thunes.errors import SettingsError
    from thunes.exchange.binance.shared import Shared
    from thunes.exchange.binance.venue import BinanceVenue

    key, secret = settings.binance_testnet_api_key, settings.binance_testnet_api_secret
    if key is None or secret is None:
        hint = "Set BINANCE_TESTNET_API_KEY and BINANCE_TESTNET_API_SECRET in .env."
        raise SettingsError("E-SETTINGS-KEYS", "testnet needs its keys.", hint)
    clock = SystemClock()
    with (
        opened(settings, clock) as wing,
        BinanceVenue(
            settings.binance_testnet_url,
            key,
            secret,
            clock,
            data_url=settings.binance_data_url,
            shared=Shared(clock, state_folder(settings)),
        ) as venue,
    ):
        yield replace(wing, venue=venue)


def trader_of(wing: Wing, settings: Settings, artefact: Artefact) -> Trader:
    """The trader of an artefact. Errors: those of `load_strategy`."""
    from thunes.strategies.artefact import load_strategy
    from thunes.trading.decision import Sizing
    from thunes.trading.passes import Job
    from thunes.trading.trader import Trader

    assert wing.venue is not None
    job = Job(
        strategy=load_strategy(artefact),
        name=artefact.strategy,
        symbol=artefact.symbol,
        interval=artefact.interval,
        anchor_ms=artefact.anchor,
        sizing=Sizing(quote_amount=order_amount(settings)),
        artefact=artefact.id,
    )
    return Trader(job, wing.venue, wing.ledger, wing.risk, wing.trail, wing.reserve, wing.clock)
