"""The one that is asked before an order and told after it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from decimal import Decimal, InvalidOperation

from thunes.clock import Clock
from thunes.errors import RiskError
from thunes.risk import changes
from thunes.risk.book import ZERO, Book, Position, Reservation, Standing
from thunes.risk.events import RiskEvent
from thunes.risk.limits import RiskLimits
from thunes.risk.request import Prices, RiskFill, RiskRequest, amount
from thunes.risk.rules import ASKED, PRICED, RULES, Case, Rule, breaker, first_denial, first_failed, ladder, state
from thunes.risk.shared_book import SharedBook
from thunes.risk.status import RiskStatus, status, unreadable
from thunes.risk.store import RiskStore, Transaction
from thunes.risk.switch import KillReceipt, KillSwitch
from thunes.risk.verdict import Check, Denial

SIDES = {"BUY": "entry", "SELL": "exit"}


class RiskManager:
    """Decides and reserves in one step, under a lock of all threads and processes of one environment.

    `events` is told each change of state, once. `breaker` says how the circuit breaker of entries stands: closed,
    half-open or open. Questions never raise: where the state cannot be read they answer as if HALTED. What is told
    (`on_…`, `filled`, `kill`, `resume`) raises `RiskError` where it cannot be kept; a mark that is told with a question
    (`decide`) denies it there.
    """

    def __init__(
        self,
        limits: RiskLimits,
        store: RiskStore,
        clock: Clock,
        events: Callable[[RiskEvent], None],
        *,
        breaker: Callable[[], str] = lambda: "closed",
    ) -> None:
        self.limits = limits
        self._store = store
        self._book = SharedBook(limits, store, clock, events, breaker)
        self._switch = KillSwitch(self._book, limits)

    # Before an order

    def validate_trade(
        self, symbol: str, quote_qty: Decimal | float | str, side: str, strategy_id: str
    ) -> tuple[bool, str]:
        """Whether a market order of this size would pass now, and why not. Nothing is reserved, no price looked at."""
        action = SIDES.get(side.upper())
        notional = _decimal(quote_qty)
        if action is None or notional is None:
            return False, f"{side} {quote_qty} {symbol} is no order [E-RISK-AMOUNT]"
        request = RiskRequest("", symbol, "entry" if action == "entry" else "exit", notional, strategy_id)
        denial = self._asked(request, ASKED if action == "entry" else RULES["exit"])
        return denial is None, str(denial or "")

    def preview(self, request: RiskRequest, equity: Decimal | None = None) -> tuple[Check, ...]:
        """Each rule with value, bound, passed or not; the first that fails would decide.

        `equity`: what the account is worth, where no mark has told it yet; it is not kept."""
        try:
            book, now = self._book.seen()
        except RiskError as e:
            return (_no_state(e),)
        if equity is not None and book.equity is None:
            book = changes.marked(book, equity, {})
        return ladder(RULES[request.action], Case(request, book, self.limits, now))

    def reserve(self, request: RiskRequest) -> Reservation | Denial:
        """Let an order pass and hold room for it, or say why not.

        Only entries take room; an exit looks at the state, waiting for nobody; cancels and a person's flatten pass.
        """
        if request.action == "entry":
            return self._reserve(request)
        denial = self._asked(request, RULES[request.action])
        return denial or changes.reservation(request, self._book.now())

    def decide(
        self, request: RiskRequest, *, equity: Decimal | None = None, prices: Mapping[str, Decimal] | None = None
    ) -> tuple[tuple[Check, ...], Reservation | Denial]:
        """`on_mark`, `preview` and `reserve` in one step under the lock: the whole ladder, and what comes of it.

        `equity`, `prices`: those of the mark; none is made without equity, nor for what is no entry: an exit waits for
        nobody and writes nothing, so its mark is told after it. A long log is left to the next `on_mark`.
        """
        if request.action != "entry":
            return self._looked_at(request)
        known = _known(equity, prices)

        def step(book: Book, now: int, _: Transaction) -> tuple[Book, tuple[tuple[Check, ...], Reservation | Denial]]:
            if equity is not None:
                book = changes.tripped(changes.marked(book, equity, known), self.limits, now)
            checks = ladder(RULES["entry"], Case(request, book, self.limits, now))
            denial = first_failed(checks)
            book, answer = (book, denial) if denial else changes.reserved(book, request, now)
            return book, (checks, answer)

        try:
            return self._book.change(step)
        except RiskError as e:
            return self.preview(request), _unreadable(e)

    def before_submit(self, reservation: Reservation, prices: Prices | None = None) -> Denial | None:
        """The last look before the wire: may it still go? With `prices`, their age and deviation are looked at anew.

        An order starts when this lets it pass: none does after a kill was seen, and a kill that comes later names the
        entry as under way.
        """
        request = _request(reservation, prices)
        if reservation.action != "entry":
            return self._asked(request, RULES[reservation.action])
        rules = (state, breaker, *(PRICED if prices else ()))

        def step(book: Book, now: int, _: Transaction) -> tuple[Book, Denial | None]:
            if reservation.client_order_id not in book.reservations:
                return book, _not_reserved(reservation)
            denial = first_denial(rules, Case(request, book, self.limits, now, brief=True))
            return (book, denial) if denial else (changes.submitted(book, reservation.client_order_id, now), None)

        try:
            return self._book.change(step)
        except RiskError as e:
            return _unreadable(e)

    # After it

    def release(self, client_order_id: str) -> bool:
        """Free the room of an order that did not fill; whether there was any."""

        def step(book: Book, _now: int, _: Transaction) -> tuple[Book, bool]:
            return changes.released(book, client_order_id), client_order_id in book.reservations

        return self._book.change(step)

    def filled(self, client_order_id: str, *fills: RiskFill, done: bool = True) -> None:
        """Book the order's trades and free the room they no longer need: all of it when the order is done.

        A trade told twice counts once.
        """

        def step(book: Book, now: int, transaction: Transaction) -> tuple[Book, None]:
            held = book.reservations.get(client_order_id)
            whose = held.strategy if held else ""
            for fill in fills:
                if transaction.first_sight(f"{fill.symbol} {fill.trade_id}", now):
                    book = changes.filled(book, fill, now, whose)
                    book = book if done else changes.shrunk(book, client_order_id, fill.quote)
            book = changes.released(book, client_order_id) if done else book
            return changes.tripped(book, self.limits, now), None

        self._book.change(step)

    def on_fill(self, fill: RiskFill) -> None:
        """Book a trade of an order that holds no room: an exit, or one found later."""
        self.filled("", fill, done=False)

    def on_mark(self, equity: Decimal, prices: Mapping[str, Decimal] | None = None) -> None:
        """The account's worth in quote, and the last prices of what is held; tell flows first. Stops what lost too
        much."""
        known = _known(equity, prices)
        self._store.tidy(self._book.now())

        def step(book: Book, now: int, _: Transaction) -> tuple[Book, None]:
            return changes.tripped(changes.marked(book, equity, known), self.limits, now), None

        self._book.change(step)

    def on_external_flow(self, money: Decimal, reference: str) -> None:
        """A deposit (more than 0) or withdrawal, valued in quote: neither profit nor loss. Each reference counts once.

        Tell it before the first mark that contains it.
        """
        amount("flow", abs(money))

        def step(book: Book, now: int, transaction: Transaction) -> tuple[Book, None]:
            new = transaction.first_sight(f"flow {reference}", now)
            return (changes.flowed(book, money) if new else book), None

        self._book.change(step)

    # At start-up

    def adopt(self, positions: Mapping[str, Position]) -> None:
        """What the ledger holds, in place of what was remembered."""
        self._book.change(lambda book, _now, _: (changes.adopted(book, positions), None))

    def restore(self, request: RiskRequest) -> None:
        """Hold room, whatever the rules say, for an order that is under way already."""

        def step(book: Book, now: int, _: Transaction) -> tuple[Book, None]:
            known = request.client_order_id in book.reservations
            return (book if known else changes.reserved(book, request, now)[0]), None

        self._book.change(step)

    def reservations(self) -> tuple[Reservation, ...]:
        """Entries under way, oldest first. `RiskError` where they cannot be read."""
        return tuple(sorted(self._book.seen()[0].reservations.values(), key=lambda held: held.created_ms))

    # The switch

    def kill(self, reason: str, *, halt: bool = False, actor: str) -> KillReceipt:
        """Stop entries (with `halt`, exits too) in every process, before the next submission of any."""
        return self._switch.kill(reason, halt=halt, actor=actor)

    def resume(self, reason: str, budget: Decimal, actor: str) -> Standing:
        """Re-arm: the day's loss so far is acknowledged, `budget` (quote) is what more may be lost until 00:00 UTC."""
        return self._switch.resume(reason, budget, actor)

    def standing(self) -> Standing:
        """The state in force. `RiskError` where it cannot be read: then everything behaves as HALTED."""
        return self._book.seen()[0].standing

    def get_risk_status(self) -> RiskStatus:
        try:
            book, now = self._book.seen()
        except RiskError as e:
            return unreadable(e.message, e.code, self.limits, self._book.breaker())
        return status(book, self.limits, now)

    # Inside

    def _reserve(self, request: RiskRequest) -> Reservation | Denial:
        def step(book: Book, now: int, _: Transaction) -> tuple[Book, Reservation | Denial]:
            denial = first_denial(RULES["entry"], Case(request, book, self.limits, now, brief=True))
            return (book, denial) if denial else changes.reserved(book, request, now)

        try:
            return self._book.change(step)
        except RiskError as e:
            return _unreadable(e)

    def _looked_at(self, request: RiskRequest) -> tuple[tuple[Check, ...], Reservation | Denial]:
        """Ladder and answer for what needs no room; what no rule is asked for passes even where nothing can be read."""
        rules = RULES[request.action]
        try:
            book, now = self._book.seen()
        except RiskError as e:
            answer = _unreadable(e) if rules else changes.reservation(request, self._book.now())
            return (_no_state(e),), answer
        checks = ladder(rules, Case(request, book, self.limits, now))
        return checks, first_failed(checks) or changes.reservation(request, now)

    def _asked(self, request: RiskRequest, rules: tuple[Rule, ...]) -> Denial | None:
        """The answer of rules that need no room; what no rule is asked for passes even where nothing can be read."""
        if not rules:
            return None
        try:
            book, now = self._book.seen()
        except RiskError as e:
            return _unreadable(e)
        return first_denial(rules, Case(request, book, self.limits, now, brief=True))


def _known(equity: Decimal | None, prices: Mapping[str, Decimal] | None) -> Mapping[str, Decimal]:
    """The prices of a mark; `UsageError` where one of its numbers cannot be right."""
    if equity is not None:
        amount("equity", equity)
    return {symbol: amount(f"price of {symbol}", price) for symbol, price in (prices or {}).items()}


def _no_state(error: RiskError) -> Check:
    return Check("state", "E-RISK-HALTED", "unreadable", "ACTIVE", passed=False, text=str(error))


def _unreadable(error: RiskError) -> Denial:
    return Denial(error.code, "state", "unreadable", "readable", error.message)


def _not_reserved(reservation: Reservation) -> Denial:
    text = f"no room is held for {reservation.client_order_id}"
    return Denial("E-RISK-NOT-RESERVED", "reservation", "none", "reserved", text)


def _request(reservation: Reservation, prices: Prices | None) -> RiskRequest:
    held = reservation
    return RiskRequest(held.client_order_id, held.symbol, held.action, held.notional, held.strategy, prices=prices)


def _decimal(value: Decimal | float | str) -> Decimal | None:
    """What a person typed as a number; None where it is not above 0 or none at all."""
    try:
        number = Decimal(str(value))
    except InvalidOperation:
        return None
    return number if number.is_finite() and number > ZERO else None
