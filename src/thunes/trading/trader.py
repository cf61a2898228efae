"""One pass of a promoted strategy: from closed candles to a booked fill, or to the reason why there is none.

Candles from the anchor to the last closed bar, exposure, target against ledger, size, filters, risk, intent, wire,
outcome, books. Nothing is remembered between passes but what ledger, risk and trail hold: a pass that was killed
anywhere is finished by the next.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext, suppress
from dataclasses import replace
from decimal import Decimal

import numpy as np

from thunes.audit.events import Anomaly, Check, Event
from thunes.clock import Clock, iso
from thunes.errors import AuditError, DataError, ReconcileError, ThunesError
from thunes.exchange.filters.amounts import to_decimal
from thunes.exchange.filters.conditions import Holdings, Prices
from thunes.exchange.filters.prepare import ExchangeFilters
from thunes.exchange.filters.rules import SymbolRules
from thunes.exchange.filters.verdict import Denied
from thunes.exchange.orders import Balance, OrderTicket, Quote
from thunes.exchange.outcomes import NotSent
from thunes.exchange.venue import Venue
from thunes.market.grid import last_closed
from thunes.risk import request as risk_request
from thunes.risk.book import Reservation
from thunes.risk.manager import RiskManager
from thunes.risk.request import RiskRequest
from thunes.risk.verdict import Denial
from thunes.trading import report, story
from thunes.trading.books import Books, Step, least_sellable, unwatched
from thunes.trading.decision import ZERO, Plan, Seen, decide
from thunes.trading.history import History
from thunes.trading.identity import client_order_id
from thunes.trading.late import book_late
from thunes.trading.ledger.documents import intent_record, read_intent
from thunes.trading.ledger.ledger import Ledger
from thunes.trading.ledger.reserve_file import ReserveFile
from thunes.trading.ledger.values import Equity, Intent, Position, Standing
from thunes.trading.mending import ReadableStory, mend
from thunes.trading.passes import Job, Market, Pass, exposures, fraction
from thunes.trading.recovery import Recovered, Recovery
from thunes.trading.unwritten import Unwritten
from thunes.trading.watch import Watch
from thunes.trading.worth import Worth, worth

PROMPT_MS = 1_000  # within it candles have come at once, and what was asked before them is fresh


class Trader:
    """Runs passes of one job. One at a time per environment: whoever calls holds its lock."""

    def __init__(
        self,
        job: Job,
        venue: Venue,
        ledger: Ledger,
        risk: RiskManager,
        trail: ReadableStory,
        reserve: ReserveFile,
        clock: Clock,
        step: Step = unwatched,
    ) -> None:
        self.job = job
        self._venue, self._ledger, self._risk, self._trail, self._reserve = venue, ledger, risk, trail, reserve
        self._books = Books(venue, ledger, risk, trail, step)
        self._recovery = Recovery(venue, ledger, self._books, trail, clock)
        self._filters = ExchangeFilters(venue.rules)
        self._history = History(job.symbol, job.interval, job.anchor_ms)
        self._watch = Watch(job.symbol, ledger, risk, trail, clock)
        self._unwritten = Unwritten(risk)
        self._noted: frozenset[str] = frozenset()  # orders in the reserve file that the ledger has not taken
        self._clock, self._step, self._mended = clock, step, False
        self._balances: dict[str, Balance] | None = None  # as this pass found them
        self._is_valued = self._unmarked = False  # whether this pass knows the account's worth; and has not told risk

    def run(self) -> Pass:
        """One pass. Errors: `NetworkError` where the exchange cannot be asked, `ReconcileError` where the account is
        not what the ledger expects, `AuditError` and `DataError` where an entry cannot be written down."""
        with self._unwritten.stopping(), self._watch.telling():
            with self._hurry(self._ledger.position(self.job.symbol) is not None):
                recovered = self.recover()
                seen = self._look()
                plan = self._decide(seen)
            try:
                if plan.action == "BUY":
                    self._unwritten.complain()
                with self._hurry(plan.action == "SELL"):
                    done = self._acted(seen, plan, recovered)
            except BaseException:
                with suppress(ThunesError):  # the first error is the one to be told
                    self._end(seen)
                raise
            with nullcontext() if done.order is None else suppress(ThunesError):  # what was sent is told in any case
                self._end(seen)
            self._unwritten.complain()
            return done

    def _hurry(self, is_for_exit: bool) -> AbstractContextManager[None]:
        """For an exit, or to see whether one is due: no circuit breaker and no share of the limits holds it back."""
        return self._venue.urgent() if is_for_exit else nullcontext()

    def _acted(self, seen: Market, plan: Plan, recovered: Recovered) -> Pass:
        if plan.action == "HOLD":
            return self._held(seen, plan, plan.code, plan.reason, recovered)
        blocked = self._blocked(seen, plan, recovered)
        if blocked is not None:
            return self._held(seen, plan, *blocked, recovered)
        return self._order(seen, plan, recovered)

    # Before anything else

    def recover(self) -> Recovered:
        """Finish what an earlier pass began; then the account must be what the ledger expects.

        Where books cannot be written it ends early, and says so to `_unwritten` alone: an exit may still go.
        """
        self._step("recover")
        recovered, self._balances = Recovered((), ()), None
        noted = [read_intent(record) for record in self._reserve.records()]
        self._noted = frozenset(intent.client_id for intent in noted)
        with self._unwritten.forgiven():
            for intent in noted:
                self._ledger.intend(intent)
            self._noted = frozenset()
            if not self._mended:
                mend(self._ledger, self._risk, self._trail, self._venue.server_time())
                self._mended = True
            recovered = self._recovery.resolve()
            if noted:  # a durable write, which an empty file does not need
                self._reserve.clear()
            balances = self._venue.balances()
            if not self._ledger.open_account(balances) and not recovered.unknown:
                balances = self._reconciled(balances)
            self._balances = balances
        return recovered

    def _reconciled(self, balances: dict[str, Balance]) -> dict[str, Balance]:
        """What the account holds, which is what the ledger expects."""
        rules = self._venue.rules(self.job.symbol)
        ours = {rules.base, rules.quote, "BNB"}
        found = [one for one in self._ledger.reconcile(balances) if one.asset in ours]
        if found and book_late(self._venue, self._ledger, self._books, rules, self._venue.server_time()):
            balances = self._venue.balances()
            found = [one for one in self._ledger.reconcile(balances) if one.asset in ours]
        if not found:
            return balances
        told = ", ".join(f"{one.asset} {one.actual:f} instead of {one.expected:f}" for one in found)
        self._trail.append_many([Anomaly(id=self.job.symbol, code="E-RECONCILE", reason=told)])
        self._risk.kill(f"the account is not what the ledger expects: {told}", halt=True, actor="trader")
        hint = "Look at it; then thunes resume --adopt takes the account as it is."
        raise ReconcileError("E-RECONCILE", f"the exchange has {told}.", hint)

    # Looking

    def _look(self) -> Market:
        """The candles last, so that nothing has to be asked between them and the order; the rest anew where they took
        long: a whole history, a slow answer."""
        self._step("look")
        asked, began = self._asked(self._balances), self._clock.now_ms()
        candles = self._history.to_now(self._venue)
        if abs(self._clock.now_ms() - began) > PROMPT_MS:
            asked = self._asked(None)
        self._step("decide")
        seen = Market(candles, exposures(self.job.strategy, candles), *asked)
        self._is_valued = False
        with self._unwritten.forgiven():
            self._is_valued = self._watch.look(seen, self._history)
        self._unmarked = self._is_valued
        return seen

    def _asked(self, balances: dict[str, Balance] | None) -> tuple[Quote, Decimal, Worth, SymbolRules, int, Standing]:
        """What a pass sees beside candles; `balances` where they were asked for already."""
        job, venue = self.job, self._venue
        standing = self._ledger.standing(job.name, job.symbol, job.anchor_ms)
        rules, quote = venue.rules(job.symbol), venue.quote(job.symbol)
        average = venue.average_price(job.symbol)
        balances = venue.balances() if balances is None else balances
        account = worth(venue, balances, self._ledger.owned(rules.base), rules, quote.bid or average)
        return quote, average, account, rules, venue.server_time(), standing

    def _mark(self, seen: Market) -> None:
        """Tell risk, once a pass, what the account is worth."""
        if self._unmarked:
            self._unmarked = False
            with self._unwritten.forgiven():
                self._risk.on_mark(seen.account.equity, seen.account.prices)

    def _end(self, seen: Market) -> None:
        """What no order waits for."""
        self._mark(seen)
        with self._unwritten.forgiven():
            if self._is_valued:
                self._ledger.record_equity(Equity(seen.now_ms, seen.account.equity, seen.account.cash))
            self._ledger.keep_head()  # of the trail, where no other write has taken it along

    def _decide(self, seen: Market) -> Plan:
        position = seen.standing.position
        is_ours = position is not None and position.strategy in (self.job.name, "")  # another strategy's is not sold
        held = position.quantity if position and is_ours else ZERO
        sellable = min(held, seen.account.base_free)
        if sellable < least_sellable(seen.rules, seen.price):
            sellable = ZERO
        return decide(
            Seen(
                exposure=fraction(seen.exposure[-1]),
                achieved=self._achieved(seen),
                held=held,
                sellable=sellable,
                price=seen.price,
                equity=seen.account.equity,
                cash=seen.account.cash,
            ),
            self.job.sizing,
        )

    def _achieved(self, seen: Market) -> Decimal:
        """The fraction wanted at the bar of the last order that executed: what is held stands for that."""
        last = seen.standing.last_executed
        if last is None:
            return ZERO
        row = int(np.searchsorted(seen.candles.open_time, last.intent.bar_ms))
        known = row < len(seen.candles) and seen.candles.open_time[row] == last.intent.bar_ms
        return fraction(seen.exposure[row]) if known else ZERO

    def _blocked(self, seen: Market, plan: Plan, recovered: Recovered) -> tuple[str, str] | None:
        """Why no order may even be prepared; exits wait only for the fate of another order."""
        if any(record.intent.ticket.symbol == self.job.symbol for record in recovered.unknown) or self._unsure(seen):
            return "E-ORDER-UNKNOWN", "the fate of an earlier order is not known yet"
        due = last_closed(seen.now_ms, self.job.interval)
        if plan.action == "BUY" and seen.bar_ms < due:
            return "E-DATA-STALE", f"the last closed candle is of {iso(seen.bar_ms)}, that of {iso(due)} is due"
        return self._watch.objection(seen, plan)

    def _unsure(self, seen: Market) -> bool:
        """Whether the ledger may lack an order that the exchange has. All that is free may be sold even then."""
        behind = self._unwritten.error is not None and bool(self._noted or self._ledger.open_intents())
        return behind and seen.exposure[-1] > 0

    # Ordering

    def _order(self, seen: Market, plan: Plan, recovered: Recovered) -> Pass:
        self._step("prepare")
        name = client_order_id(self.job.name, self.job.symbol, seen.bar_ms, plan.side)
        if self._is_decided(seen, name):
            return self._held(seen, plan, "E-DECIDED", "this bar's order was sent already", recovered)
        if plan.action == "SELL" and self._is_other(seen.standing.position):
            return self._held(
                seen, plan, "E-POSITION-CHANGED", "somebody else has just changed what is held", recovered
            )
        ticket, checks = self._prepared(seen, plan, name)
        if isinstance(ticket, Denied):
            refusal = report.filters_refusal(self.job, plan, name, ticket)
            return self._held(seen, plan, ticket.code, str(ticket), recovered, [refusal], checks)
        wish = self._wish(seen, plan, ticket)
        equity = seen.account.equity if self._unmarked else None
        rungs, reserved = self._risk.decide(wish, equity=equity, prices=seen.account.prices)
        checks += story.risk_checks(rungs)
        if isinstance(reserved, Denial):  # where risk could not be written, too: then its mark fails at the end as well
            return self._denied(seen, plan, name, reserved, recovered, checks)
        self._unmarked = self._unmarked and plan.action == "SELL"  # of an exit risk is told after the wire
        return self._send(seen, plan, ticket, reserved, wish, recovered, checks)

    def _is_decided(self, seen: Market, name: str) -> bool:
        """Whether this order was sent; one that surely never reached the exchange's engine may go again."""
        newest = seen.standing.newest
        if newest and seen.bar_ms < newest[-1].intent.bar_ms:  # a bar that was passed already
            known = self._ledger.order(name)
        else:
            known = next((record for record in newest if record.intent.client_id == name), None)
        return (known is not None and not known.may_resend) or name in self._noted

    def _is_other(self, position: Position | None) -> bool:
        """Whether the position is another by now: a person's flatten waits for no pass."""
        found = position
        with self._unwritten.forgiven():
            found = self._ledger.position(self.job.symbol)
        return found != position

    def _prepared(self, seen: Market, plan: Plan, name: str) -> tuple[OrderTicket | Denied, list[Check]]:
        """The order, or why it is none, and every filter with its value and bound."""
        rules, account = seen.rules, seen.account
        prices = Prices(average=seen.average, bid=seen.quote.bid, ask=seen.quote.ask)
        holdings = Holdings(base_free=account.base_free, quote_free=account.cash)
        judged = self._filters.judge_market_order(
            rules.symbol, plan.side, plan.quote, quantity=plan.quantity, prices=prices, holdings=holdings,
            client_order_id=name, sweep_dust=plan.action == "SELL",
        )  # fmt: skip
        return judged.found, story.filter_checks(judged.checks)

    def _wish(self, seen: Market, plan: Plan, ticket: OrderTicket) -> RiskRequest:
        decided = to_decimal(float(seen.candles.close[-1]), seen.rules.tick)
        current = (seen.quote.ask if plan.action == "BUY" else seen.quote.bid) or seen.average
        return RiskRequest(
            client_order_id=ticket.client_order_id,
            symbol=self.job.symbol,
            action="entry" if plan.action == "BUY" else "exit",
            notional=ticket.quote_quantity or (ticket.quantity or ZERO) * current,
            strategy=self.job.name,
            bar_ms=seen.bar_ms,
            prices=risk_request.Prices(decided, current, seen.quote.time_ms),
        )

    def _send(
        self,
        seen: Market,
        plan: Plan,
        ticket: OrderTicket,
        reserved: Reservation,
        wish: RiskRequest,
        recovered: Recovered,
        checks: Sequence[Check],
    ) -> Pass:
        """Intent, last look, wire, books. What is not on disk before the wire is not sent, exits by the reserve."""
        is_entry, name = plan.action == "BUY", ticket.client_order_id
        intent = Intent(ticket, self.job.name, seen.bar_ms, seen.now_ms)
        self._mended = False  # until all books have all of it
        try:
            self._step("intent")
            is_in_ledger = self._note(seen, plan, intent, checks, is_entry=is_entry)
        except (AuditError, DataError):
            with self._unwritten.forgiven():
                self._risk.release(name)
            raise
        self._step("submit")
        late = self._risk.before_submit(reserved, wish.prices)
        if late is not None:
            self._give_up(name, late)
            return self._denied(seen, plan, name, late, recovered, checks)
        self._step("wire")
        found = self._venue.submit(ticket)
        self._step("settle")
        with suppress(ThunesError):  # what hinders a mark hinders risk's booking, too, and is told there
            self._mark(seen)  # before the fills: it is worth what was seen before them
        if not is_in_ledger:
            self._ledger.intend(intent)
        record, booked = self._books.settle(seen.rules, seen.price, name, found)
        self._mended = True
        self._watch.answered(record, found)
        self._step("done")
        done = report.result(seen, plan, plan.code, plan.reason, recovered, checks)
        return replace(done, order=record, fills=booked)

    def _note(self, seen: Market, plan: Plan, intent: Intent, checks: Sequence[Check], *, is_entry: bool) -> bool:
        """Make the intent durable: in the trail, or for an exit in the reserve file. One write that is synced.

        Whether the ledger has it, too."""
        decision = report.decision(self.job, seen, plan, plan.code, plan.reason, checks, intent.client_id)
        told = story.intent(intent.ticket, "entry" if is_entry else "exit", self.job.name, seen.bar_ms, decision.id)
        is_reserved = False
        try:
            self._trail.append_many([decision, told])
        except (AuditError, DataError):
            if is_entry:
                raise
            self._reserve.append(intent_record(intent))
            is_reserved = True
        self._step("trail told")
        try:
            self._ledger.intend(intent)
        except DataError:
            if is_entry:
                raise
            if not is_reserved:
                self._reserve.append(intent_record(intent))
            return False
        return True

    def _give_up(self, name: str, denial: Denial) -> None:
        """An intent that was noted and never sent is closed."""
        self._risk.release(name)
        found = NotSent(str(denial))
        self._ledger.record_outcome(name, found)
        self._trail.append_many([story.outcome(name, self.job.symbol, found)])

    # Telling

    def _denied(
        self, seen: Market, plan: Plan, name: str, denial: Denial, recovered: Recovered, checks: Sequence[Check]
    ) -> Pass:
        refusal = report.risk_refusal(self.job, plan, name, denial)
        return self._held(seen, plan, denial.code, str(denial), recovered, [refusal], checks)

    def _held(
        self,
        seen: Market,
        plan: Plan,
        code: str,
        reason: str,
        recovered: Recovered,
        more: Sequence[Event] = (),
        checks: Sequence[Check] = (),
    ) -> Pass:
        """Nothing was sent: say why."""
        self._trail.append_many([report.decision(self.job, seen, plan, code, reason, checks), *more])
        return report.result(seen, plan, code, reason, recovered, checks)
