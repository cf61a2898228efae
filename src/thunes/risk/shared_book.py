"""The one book of all threads and processes, changed in turns; what changes its state is told."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TypeVar

from thunes.clock import Clock
from thunes.risk import changes
from thunes.risk.book import Book, Standing, but
from thunes.risk.events import RiskEvent, change
from thunes.risk.flag import KillFile
from thunes.risk.limits import RiskLimits
from thunes.risk.store import RiskStore, Transaction
from thunes.risk.verdict import plain

Told = TypeVar("Told")
Step = Callable[[Book, int, Transaction], tuple[Book, Told]]  # book, now, and what else is under the lock


class SharedBook:
    """Reads and changes the book as of now: day begun, kill file looked at, losses judged."""

    def __init__(
        self,
        limits: RiskLimits,
        store: RiskStore,
        clock: Clock,
        events: Callable[[RiskEvent], None],
        breaker: Callable[[], str],
    ) -> None:
        self.flag = KillFile(store.folder)
        self._limits, self._store, self._clock = limits, store, clock
        self._events, self._breaker = events, breaker
        self._latch: Standing | None = None  # a stop that is not on disk yet
        self._latching = threading.Lock()

    def now(self) -> int:
        return self._clock.now_ms()

    def breaker(self) -> str:
        return self._breaker()

    def seen(self) -> tuple[Book, int]:
        """The book as it counts now, and the time; waits for no lock."""
        book, now = self._store.read(), self._clock.now_ms()
        return self._as_of(book, now), now

    def change(self, step: Step[Told]) -> Told:
        """Decide and write in one step under the lock of all threads and processes.

        A stop is on disk before it is told; a re-arming is told first, for what cannot be recorded is not armed.
        """
        latch = self._latch
        with self._store.transaction() as transaction:
            now, before = self._clock.now_ms(), transaction.book
            book, told = step(self._as_of(before, now), now, transaction)
            is_same = book.standing.state == before.standing.state
            event = None if is_same else change(before.standing, book.standing, now, _figures(book))
            if event and event.after == "ACTIVE":
                self._events(event)
            if book is not before and book != before:
                transaction.save(book)
        if latch is not None:
            self._unlatch(latch)
        if event and event.after != "ACTIVE":
            self._store.sync()
            self._events(event)
        return told

    def latch(self, standing: Standing) -> None:
        """Stop this process now, whatever the disk does next."""
        with self._latching:
            self._latch = standing.or_worse(self._latch)

    def tell(self, event: RiskEvent) -> None:
        self._events(event)

    def _unlatch(self, written: Standing) -> None:
        with self._latching:
            if self._latch is written:
                self._latch = None

    def _as_of(self, book: Book, now: int) -> Book:
        book = changes.rolled(book, now)
        standing, breaker = book.standing, self._breaker()
        for other in (self.flag.standing(now), self._latch):
            standing = standing if other is None else standing.or_worse(other)
        if standing is not book.standing or breaker != book.breaker:
            book = but(book, standing=standing, breaker=breaker)
        return changes.tripped(book, self._limits, now)


def _figures(book: Book) -> tuple[tuple[str, str], ...]:
    figures = {"loss": book.loss, "new_loss": book.new_loss, "drawdown": book.drawdown}
    if book.acknowledged:
        figures |= {"acknowledged_loss": book.acknowledged.loss, "budget": book.acknowledged.budget}
    if book.equity is not None:
        figures |= {"equity": book.equity}
    return tuple((name, plain(value)) for name, value in figures.items())
