"""The kill switch: stops at once and everywhere, and is re-armed by a person alone."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from thunes.errors import RiskError, UsageError
from thunes.risk import changes
from thunes.risk.book import Book, Reservation, Standing
from thunes.risk.events import change
from thunes.risk.limits import RiskLimits
from thunes.risk.shared_book import SharedBook
from thunes.risk.store import Transaction
from thunes.risk.verdict import plain


@dataclass(frozen=True)
class KillReceipt:
    """The state in force, and the entries that were past their last check when it came: they must be looked after.
    `recorded` is False where only the kill file could be written; `in_flight` is unknown then, and empty."""

    standing: Standing
    in_flight: tuple[Reservation, ...] = ()
    recorded: bool = True


class KillSwitch:
    """Memory first, then the book, then the file: each failure leaves the stop that stands before it."""

    def __init__(self, book: SharedBook, limits: RiskLimits) -> None:
        self._book, self._limits = book, limits

    def kill(self, reason: str, *, halt: bool, actor: str) -> KillReceipt:
        """`RiskError` where nothing could be written: then the stop holds in this process alone."""
        standing = Standing("HALTED" if halt else "REDUCING", self._book.now(), "E-RISK-KILLED", reason, actor)
        self._book.latch(standing)
        try:
            return self._book.change(lambda book, _now, _: _killed(book, standing))
        except RiskError as e:
            self._by_file(standing, e)
        return KillReceipt(standing, recorded=False)

    def _by_file(self, standing: Standing, cause: RiskError) -> None:
        word = "HALT" if standing.state == "HALTED" else "STOP"
        try:
            self._book.flag.create(f"{word} {standing.actor}: {standing.reason}")
        except OSError as e:
            told = f"stopped in this process alone: {cause.message} {self._book.flag.path}: {e.strerror}."
            raise RiskError("E-RISK-UNWRITABLE", told, "Stop every other process by hand.") from cause
        event = change(Standing(), standing, standing.since_ms)
        if event:
            self._book.tell(event)

    def resume(self, reason: str, budget: Decimal, actor: str) -> Standing:
        """The new state. `UsageError` where nothing is stopped, no reason is given or the budget is none.

        The kill file is taken into the book before it is removed: should anything fail then, trading stays stopped.
        """
        self._check(reason, budget)
        self._book.change(lambda book, _now, _: (book, None))

        def step(book: Book, now: int, _: Transaction) -> tuple[Book, Standing]:
            if book.standing.state == "ACTIVE":
                raise UsageError("E-RISK-ACTIVE", "nothing is stopped.", "There is nothing to resume.")
            self._book.flag.remove()
            armed = Standing("ACTIVE", now, "E-RISK-RESUMED", reason, actor)
            return changes.resumed(book, self._limits, armed, budget), armed

        return self._book.change(step)

    def _check(self, reason: str, budget: Decimal) -> None:
        if not reason.strip():
            raise UsageError("E-RISK-REASON", "no reason is given.", "Say why trading may go on.")
        if not budget.is_finite() or not 0 < budget <= self._limits.daily_loss:
            allowed = f"more than 0 and at most the daily limit, {plain(self._limits.daily_loss)}"
            raise UsageError("E-RISK-BUDGET", f"a budget of {budget} is none.", f"Give {allowed}.")


def _killed(book: Book, standing: Standing) -> tuple[Book, KillReceipt]:
    """A severer state stays."""
    after = changes.stopped(book, standing)
    sent = tuple(held for held in after.reservations.values() if held.submitted_ms is not None)
    return after, KillReceipt(after.standing, sent)
