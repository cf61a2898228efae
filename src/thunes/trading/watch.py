"""What a trader must not act upon, said once: doubtful candles, refusals that come again, a key that is not taken.

Entries stop, never exits: of a symbol by a pause that a person lifts, of everything by risk's own switch. What is told
here makes no order and takes none back.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from thunes.audit.events import Anomaly
from thunes.clock import Clock
from thunes.errors import Blocked, DataError, NetworkError, RiskError, StrategyError, UsageError
from thunes.exchange.outcomes import Outcome, Refused
from thunes.risk.manager import RiskManager
from thunes.trading.decision import Plan
from thunes.trading.guards import DATA_REVISED, PRICE_JUMP, Doubt, doubts
from thunes.trading.history import History
from thunes.trading.ledger.ledger import Ledger
from thunes.trading.ledger.values import OrderRecord, SymbolPause
from thunes.trading.passes import Market
from thunes.trading.story import Story

FILTER, BALANCE = -1013, -2010  # the exchange's codes
PATIENCE = {FILTER: 3, BALANCE: 2}  # refusals in a row, after which a symbol's entries pause
MOST_REFUSALS = 5  # of any kind
DAYS_MS = 7 * 86_400_000
UNTRUSTED = ("E-DATA", "E-NET-NONSENSE", "E-STRATEGY")  # candles that cannot be, or what was made of them


class Watch:
    """The guard of one trader and its symbol. It remembers in the ledger; what was told in this process is not told
    again."""

    def __init__(self, symbol: str, ledger: Ledger, risk: RiskManager, trail: Story, clock: Clock) -> None:
        self._symbol, self._ledger, self._risk, self._trail, self._clock = symbol, ledger, risk, trail, clock
        self._told: set[tuple[str, int]] = set()
        self._doubts: tuple[Doubt, ...] = ()
        self._known: SymbolPause | None = None  # the last pause, as this pass found it
        self._last_ms = self._revised_ms = -1

    # What is seen

    def look(self, seen: Market, history: History) -> bool:
        """Judge what a pass saw; what is new is told. False where the account must not be valued at its price: one
        that has jumped up would be the peak that every later loss is measured from. Errors: of ledger and trail."""
        self._known = seen.standing.pause
        looked_at = (self._known.lifted_ms or 0) if self._known else 0
        self._doubts = tuple(doubts(seen.candles, seen.price, looked_at))
        self._revised(seen, history)
        for doubt in self._doubts:
            if doubt.code == PRICE_JUMP:
                self._pause(doubt.code, doubt.reason)
            else:
                self._tell(doubt.code, doubt.reason, doubt.bar_ms)
        return not any(doubt.code == PRICE_JUMP and doubt.upwards for doubt in self._doubts)

    def _revised(self, seen: Market, history: History) -> None:
        if self._last_ms == seen.bar_ms and seen.bar_ms in history.revised:
            self._revised_ms = seen.bar_ms
        self._last_ms = seen.bar_ms
        for code, verb, times in (
            (DATA_REVISED, "told otherwise than before", history.revised),
            ("E-DATA-FILLED", "told that were missing", history.filled),
        ):
            if times:
                self._tell(code, f"{len(times)} candles are {verb}", times[-1])

    def objection(self, seen: Market, plan: Plan) -> tuple[str, str] | None:
        """Code and reason why this order may not even be prepared."""
        if self._revised_ms == seen.bar_ms:  # it was decided on; the next bar decides on what is told now
            return DATA_REVISED, "the candle that was decided on is told otherwise now"
        for doubt in self._doubts:
            if plan.action == "BUY" or doubt.stops == "orders":
                return doubt.code, doubt.reason
        if plan.action != "BUY" or self._known is None or not self._known.holds:
            return None
        return "E-SYMBOL-PAUSED", f"entries are paused until thunes unpause {self._symbol}: {self._known.reason}"

    # What the exchange says

    def answered(self, record: OrderRecord, outcome: Outcome) -> None:
        """An order's outcome: a key that is not taken stops entries, refusals in a row pause those of the symbol."""
        if not isinstance(outcome, Refused):
            return
        if outcome.fatal:
            self._stop_entries(f"the exchange refuses the key: {outcome.message} ({outcome.code})")
        elif outcome.retry_after is None and not outcome.resync_clock:
            self._count(record, outcome)

    def _count(self, record: OrderRecord, outcome: Refused) -> None:
        notes = self._refusals(record.intent.time_ms)
        alike = _in_a_row(notes, f"{outcome.code} ")
        if alike >= PATIENCE.get(outcome.code, MOST_REFUSALS):
            self._pause("E-SYMBOL-REFUSED", f"{alike} orders in a row refused with {outcome.code} {outcome.message}")
        elif len(notes) >= MOST_REFUSALS:
            told = f"{len(notes)} orders in a row refused, the last with {outcome.code} {outcome.message}"
            self._pause("E-SYMBOL-REFUSED", told)

    def _refusals(self, now_ms: int) -> list[str]:
        """What the symbol's last orders were refused with, the newest first, since one was taken or a pause lifted."""
        pause = self._ledger.pause_of(self._symbol)
        since = max(now_ms - DAYS_MS, (pause.lifted_ms or 0) if pause else 0)
        found = []
        for record in reversed(self._ledger.orders(since)):
            if record.intent.ticket.symbol != self._symbol or record.outcome == "NOT_SENT":
                continue
            if record.outcome != "REFUSED":
                break
            found.append(record.note)
        return found

    @contextmanager
    def telling(self) -> Iterator[None]:
        """Inside, what ends a pass is told before it goes on to the caller."""
        try:
            yield
        except Blocked as error:
            self._stop_entries(error.message)
            raise
        except (DataError, NetworkError, StrategyError) as error:
            if error.code.startswith(UNTRUSTED):
                self._tell(error.code, error.message, self._last_ms)
            raise
        except UsageError as error:
            if error.code == "E-SYMBOL-UNKNOWN":
                self._gone()
            raise

    def _gone(self) -> None:
        """The exchange lists it no more: what is held of it is frozen, and worth nobody knows what."""
        held = self._ledger.position(self._symbol)
        if held is None:
            return
        reason = f"the exchange lists it no more; {held.quantity:f} are held, frozen, at a price that is not known"
        self._pause("E-SYMBOL-GONE", reason)
        raise DataError("E-SYMBOL-GONE", f"{self._symbol}: {reason}.", "Ask the exchange what became of it.") from None

    # Telling

    def _pause(self, code: str, reason: str) -> None:
        """No more entries of the symbol; told once."""
        pause = self._ledger.pause_of(self._symbol)
        if pause is not None and pause.holds and pause.code == code:
            return
        self._known = SymbolPause(self._symbol, code, reason, self._clock.now_ms())
        self._ledger.pause(self._known)
        event = Anomaly(id=self._symbol, code=code, reason=f"entries are paused: {reason}", symbol=self._symbol)
        self._trail.append_many([event])

    def _stop_entries(self, reason: str) -> None:
        """No more entries at all, until a person resumes; risk tells it."""
        try:
            if self._risk.standing().state != "ACTIVE":
                return
        except RiskError:  # then nothing passes anyway
            return
        self._risk.kill(reason, actor="trader")
        self._trail.append_many([Anomaly(id=self._symbol, code="E-VENUE-BLOCKED", reason=reason, symbol=self._symbol)])

    def _tell(self, code: str, reason: str, bar_ms: int) -> None:
        if (code, bar_ms) not in self._told:
            self._trail.append_many([Anomaly(id=self._symbol, code=code, reason=reason, symbol=self._symbol)])
            self._told.add((code, bar_ms))


def _in_a_row(notes: list[str], start: str) -> int:
    """How many of the first ones begin alike."""
    return next((place for place, note in enumerate(notes) if not note.startswith(start)), len(notes))
