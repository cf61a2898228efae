"""The trading wing of one environment, wired from the settings: venue, ledger, risk, trail."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager, suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from thunes.audit.events import RiskState
    from thunes.audit.lines import Head
    from thunes.audit.trail import Trail
    from thunes.clock import Clock
    from thunes.exchange.binance.shared import Shared
    from thunes.exchange.binance.venue import BinanceVenue
    from thunes.model import Candles
    from thunes.risk.events import RiskEvent
    from thunes.risk.manager import RiskManager
    from thunes.settings import Settings
    from thunes.simulator import LocalExchange
    from thunes.strategies.artefact import Artefact
    from thunes.strategies.promoted import Promoted, Slot
    from thunes.trading.ledger.ledger import Ledger
    from thunes.trading.ledger.reserve_file import ReserveFile
    from thunes.trading.trader import Trader

KEY, SECRET = "local", "local"  # of the one account of the embedded exchange; nothing outside knows it
OPENING = "USDT=10000"
YEAR_MS = 365 * 86_400_000


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


def state_folder(settings: Settings) -> Path:
    """Where an environment keeps its state."""
    return settings.state_dir / "state" / settings.environment


@contextmanager
def only_trader(settings: Settings) -> Iterator[None]:
    """Be the one trader of an environment, and so of its account. `LockHeld` where another process is it; the system
    frees the lock when that process ends, however it ends."""
    from thunes.clock import SystemClock
    from thunes.errors import LockHeld
    from thunes.storage.locking import POLL, locked

    path = state_folder(settings) / "trader.lock"
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with ExitStack() as life:
        try:
            life.enter_context(locked(path, SystemClock(), wait=POLL))
        except LockHeld as error:
            told = f"another process trades in {settings.environment}: it holds {path}."
            raise LockHeld("E-LOCK-TRADER", told, "Stop it first: two traders would share one account.") from error
        yield


def in_environment(environment: str | None) -> Settings:
    """The settings in force, for another environment where one is named."""
    from thunes.settings import load_settings

    settings = load_settings()
    return settings.model_copy(update={"environment": environment}) if environment else settings


def clock_of(settings: Settings) -> Clock:
    """The time of an environment: in sim that of the embedded exchange as the trail last told it, else the wall's."""
    from thunes.clock import ManualClock, SystemClock

    return ManualClock(_stood_at(settings)) if settings.environment == "sim" else SystemClock()


def _stood_at(settings: Settings) -> int:
    """When the embedded exchange stopped last, or will begin; before anything is promoted, the oldest day it knows."""
    from thunes.audit.history import History
    from thunes.clock import to_ms
    from thunes.errors import ThunesError
    from thunes.market.synthetic import START

    with suppress(ThunesError):  # a broken trail is told where it is needed
        told = (entry.ts for entry in History(settings.state_dir / "logs").backwards() if entry.env == "sim")
        if (last := next(told, None)) is not None:
            return last
    with suppress(ThunesError):
        store = promoted_store(settings)
        return min(to_ms(store.current(*slot).provenance["candles"]["last"]) for slot in store.slots())
    return START


def promoted_store(settings: Settings) -> Promoted:
    """What is promoted for an environment. `DataError` where nothing is."""
    from thunes.clock import SystemClock
    from thunes.errors import DataError
    from thunes.strategies.promoted import Promoted, folder_of

    store = Promoted(settings.state_dir / folder_of(settings.environment), SystemClock())
    if not store.slots():
        # Where prices are real, what was judged on made-up ones is refused.
        real = settings.environment != "sim"
        first, data = (f"ENVIRONMENT={settings.environment} ", "archive") if real else ("", "synthetic:7,edge=2")
        hint = f"Promote something first: {first}thunes promote --strategy sma_cross --data {data} --last 26280"
        raise DataError("E-NO-ARTEFACT", f"nothing is promoted for {settings.environment}.", hint)
    return store


def artefact_of(settings: Settings, symbol: str | None = None) -> Artefact:
    """The one that is current for a symbol (else for any): whose market the embedded exchange plays."""
    store, wanted = promoted_store(settings), symbol or settings.default_symbol

    def rank(slot: Slot) -> tuple[bool, bool]:
        return slot.symbol != wanted, not exchange_folder(settings, slot.symbol, slot.interval).exists()

    return store.current(*min(store.slots(), key=rank))


def exchange_folder(settings: Settings, symbol: str, interval: str) -> Path:
    """Where the embedded exchange that plays a market keeps its account."""
    return state_folder(settings) / f"exchange-{symbol}-{interval}"


def risk_alone(settings: Settings, tell: Callable[[RiskEvent], None] = lambda _: None) -> RiskManager:
    """Risk without ledger and trail: it stops, and says how it stands, whatever else is broken."""
    from thunes.cli.limits import limits_of
    from thunes.risk.manager import RiskManager
    from thunes.risk.store import RiskStore

    folder = state_folder(settings)
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    return RiskManager(limits_of(settings), RiskStore(folder), clock_of(settings), tell)


@contextmanager
def opened(settings: Settings, clock: Clock | None = None, shared: Shared | None = None) -> Iterator[Wing]:
    """Everything that remembers, without an exchange: what questions need. Errors: those of ledger, risk and trail.

    `shared`: of the exchange's venues; risk looks at its circuit breaker of entries."""
    from thunes.audit.redaction import secrets_of
    from thunes.audit.trail import Trail
    from thunes.cli.limits import limits_of
    from thunes.risk.manager import RiskManager
    from thunes.risk.store import RiskStore
    from thunes.trading.ledger.ledger import Ledger
    from thunes.trading.ledger.reserve_file import ReserveFile

    clock, folder = clock or clock_of(settings), state_folder(settings)
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    with ExitStack() as life:
        ledger = life.enter_context(Ledger.of(settings.state_dir, settings.environment, clock))
        trail = life.enter_context(
            Trail(
                settings.state_dir / "logs",
                settings.environment,
                clock,
                secrets=secrets_of(settings),
                anchor=_kept_head(ledger),
                on_head=lambda head: ledger.note_head(head.seq, head.hash),
            )
        )
        risk = RiskManager(
            limits_of(settings), RiskStore(folder), clock, _told(trail), breaker=lambda: _breaker_of(shared)
        )
        reserve = life.enter_context(ReserveFile(folder / "reserve"))
        yield Wing(settings.environment, clock, ledger, risk, trail, reserve)


def _breaker_of(shared: Shared | None) -> str:
    """How the circuit breaker of entries stands."""
    from thunes.exchange.binance.venue import ENTRIES

    return "closed" if shared is None else shared.monitor.breaker(ENTRIES).state


def _kept_head(ledger: Ledger) -> Head | None:
    """The last head that was told to the ledger: a trail that was cut or put away is no trail to go on with."""
    from thunes.audit.lines import Head

    kept = ledger.last_anchor()
    return Head(kept.sequence, kept.hash) if kept else None


def _told(trail: Trail) -> Callable[[RiskEvent], None]:
    def tell(event: RiskEvent) -> None:
        trail.append(tell_of(event))

    return tell


def tell_of(event: RiskEvent) -> RiskState:
    """A change of risk's state as the trail has it."""
    from thunes.audit.events import RiskState

    return RiskState(
        id=f"risk-{event.time_ms}",
        state=event.after,
        former=event.before,
        code=event.code or "E-RISK",
        reason=event.reason or "none given",
        actor=event.actor or None,
        details=dict(event.details),
    )


# With an exchange


@contextmanager
def embedded(settings: Settings, artefact: Artefact) -> Iterator[Wing]:
    """The wing on the embedded exchange, which goes on where it stood; time is the exchange's."""
    from pydantic import SecretStr

    from thunes.exchange.binance.shared import Shared
    from thunes.exchange.binance.venue import BinanceVenue
    from thunes.simulator.server.clock import ExchangeClock

    candles = market_of(artefact)
    with ExitStack() as life:
        exchange = life.enter_context(_played(settings, artefact, candles))
        clock = ExchangeClock(exchange)
        shared = Shared(clock, counts=False)
        wing = life.enter_context(opened(settings, clock, shared))
        venue = BinanceVenue(
            exchange.http_url,
            SecretStr(KEY),
            SecretStr(SECRET),
            clock,
            source=candles.source,
            mount=lambda session: session.mount(exchange.http_url, exchange.adapter()),
            shared=shared,
        )
        life.callback(venue.close)
        yield replace(wing, venue=venue, exchange=exchange)


def _played(settings: Settings, artefact: Artefact, candles: Candles) -> LocalExchange:
    """`DataError` where it has begun with other candles: it plays on what it began with, or not at all."""
    from thunes.errors import DataError
    from thunes.simulator import LocalExchange

    folder = exchange_folder(settings, artefact.symbol, artefact.interval)
    start, account = artefact.provenance["candles"]["last"], f"{KEY}:{SECRET}:{OPENING}"
    try:
        return LocalExchange(candles, [account], start=start, state=folder, limits=False, serve=False)
    except DataError as error:
        if error.code != "E-STATE-OTHER":
            raise
        told = f"artefact {artefact.id} was judged on other candles than those that {folder} began with."
        hint = "Give it a STATE_DIR of its own, or roll back: thunes promoted rollback."
        if "candles" not in error.message.rpartition(": ")[2]:  # what differs, by name
            told = f"{folder} was begun by another version of thunes, whose exchange is not this one's."
            hint = "Go on with that version, or give a new STATE_DIR."
        raise DataError("E-PAPER-MARKET", told, hint) from error


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
    shared = Shared(clock, state_folder(settings))
    with (
        opened(settings, clock, shared) as wing,
        BinanceVenue(
            settings.binance_testnet_url,
            key,
            secret,
            clock,
            data_url=settings.binance_data_url,
            shared=shared,
        ) as venue,
    ):
        yield replace(wing, venue=venue)


def connected(settings: Settings, artefact: Callable[[], Artefact]) -> AbstractContextManager[Wing]:
    """The wing with an exchange: in sim the one that an artefact's market is played on. `UsageError` elsewhere."""
    from thunes.errors import UsageError

    if settings.environment == "sim":
        return embedded(settings, artefact())
    if settings.environment == "testnet":
        return on_testnet(settings)
    told = f"there is no exchange to ask in {settings.environment}."
    raise UsageError("E-PAPER-ENVIRONMENT", told, "Give --environment sim or testnet.")


def require_market(wing: Wing, symbol: str) -> None:
    """`UsageError` for a symbol that the embedded exchange does not list, `DataError` for one that it lists and does
    not play: it has no price there. Of other exchanges nothing is asked."""
    from thunes.errors import DataError

    if wing.exchange is None or wing.venue is None:
        return
    wing.venue.rules(symbol)
    played = wing.exchange.parts.exchange.feed.symbols
    if symbol not in played:
        told = f"the embedded exchange plays {', '.join(played)}; nothing is promoted for {symbol}."
        raise DataError("E-NO-MARKET", told, "See thunes promoted list.")


def operator() -> str:
    """Who gives the command, as the trail names it."""
    import getpass

    try:
        return f"cli:{getpass.getuser()}"
    except (OSError, KeyError):  # a container's user may have no name
        return "cli"


def trader_of(wing: Wing, settings: Settings, artefact: Artefact) -> Trader:
    """The trader of an artefact. Errors: those of `load_strategy`."""
    from thunes.cli.limits import order_amount
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
