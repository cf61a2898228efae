"""A trader with all that it stands on, opened in a folder as a command opens it, on an exchange elsewhere."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

from pydantic import SecretStr
from tests.trading.crash.exchange import INTERVAL, SECRET, SYMBOL, Control
from tests.trading.desk import WIDE, Scripted

from thunes.audit.trail import Trail
from thunes.cli.wing import tell_of
from thunes.clock import ManualClock
from thunes.exchange.binance.shared import Shared
from thunes.exchange.binance.venue import BinanceVenue
from thunes.risk.manager import RiskManager
from thunes.risk.store import RiskStore
from thunes.trading.books import Step, unwatched
from thunes.trading.decision import Sizing
from thunes.trading.ledger.ledger import Ledger
from thunes.trading.ledger.reserve_file import ReserveFile
from thunes.trading.passes import Job
from thunes.trading.trader import Trader

SOURCE = "synthetic:7"
STATE = Path("state") / "sim"


@dataclass(frozen=True)
class Assignment:
    """What is traded from a folder: wanted fractions by bar after the anchor, for so much quote currency."""

    folder: Path
    key: str
    anchor_ms: int
    wishes: tuple[tuple[int, float], ...]
    quote: Decimal = Decimal(100)

    @property
    def job(self) -> Job:
        strategy = Scripted()
        object.__setattr__(strategy, "wishes", self.wishes)
        return Job(strategy, "scripted", SYMBOL, INTERVAL, self.anchor_ms, Sizing(quote_amount=self.quote))


class RemoteClock:
    """The exchange's time, as last heard: nobody but us moves it. Whoever sleeps lets it pass."""

    def __init__(self, control: Control) -> None:
        self._control = control
        self._now = control.now()

    def now_ms(self) -> int:
        return self._now

    def sleep(self, seconds: float) -> None:
        self._now = self._control.advance(until=self._now + round(seconds * 1000))

    def advance(self) -> None:
        """Let a candle close."""
        self._now = self._control.advance(bars=1)


@dataclass(frozen=True)
class Post:
    """Everything open."""

    clock: RemoteClock
    venue: BinanceVenue
    ledger: Ledger
    risk: RiskManager
    trail: Trail
    trader: Trader


@contextmanager
def opened(assignment: Assignment, control: Control, step: Step = unwatched) -> Iterator[Post]:
    """Open it; wired as the commands wire it."""
    folder, clock = assignment.folder, RemoteClock(control)
    with ExitStack() as life:
        ledger = life.enter_context(Ledger.of(folder, "sim", clock))
        trail = Trail(folder / "logs", "sim", clock, on_head=lambda head: ledger.note_head(head.seq, head.hash))
        life.enter_context(trail)
        store = RiskStore(folder / STATE)
        life.callback(store.close)
        risk = RiskManager(WIDE, store, clock, lambda event: trail.append(tell_of(event)) and None)
        reserve = life.enter_context(ReserveFile(folder / STATE / "reserve"))
        venue = BinanceVenue(
            control.url, SecretStr(assignment.key), SecretStr(SECRET), clock, source=SOURCE,
            shared=Shared(clock, counts=False),
        )  # fmt: skip
        life.callback(venue.close)
        trader = Trader(assignment.job, venue, ledger, risk, trail, reserve, clock, step)
        yield Post(clock, venue, ledger, risk, trail, trader)


def prepare(template: Path) -> None:
    """A folder with empty books, to be copied: making them takes longer than a pass."""
    clock = ManualClock(0)
    Ledger.of(template, "sim", clock).close()
    store = RiskStore(template / STATE)
    RiskManager(WIDE, store, clock, lambda _: None).standing()
    store.close()
    ReserveFile(template / STATE / "reserve").close()


def copied(template: Path, folder: Path) -> Path:
    shutil.copytree(template, folder)
    return folder
