"""The trading floor: orders enter, trade, wait, and end; every plan is carried out here."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from decimal import Decimal, getcontext, setcontext
from functools import partial
from random import Random

from thunes.simulator.engine.accounts import EXACT, POOR, ZERO, Account
from thunes.simulator.engine.announcer import Announcer
from thunes.simulator.engine.book import Book
from thunes.simulator.engine.events import Event, Loss
from thunes.simulator.engine.gate import Gate
from thunes.simulator.engine.lists import Lists
from thunes.simulator.engine.matching import EMPTY, Match, Plan, Prevention, plan
from thunes.simulator.engine.orders import Order, PreventedMatch, Reason, Symbol, reached
from thunes.simulator.engine.registry import Registry, Standing
from thunes.simulator.engine.rules import Rules
from thunes.simulator.engine.treasury import Treasury
from thunes.simulator.request import Refused


class Turn:
    """One call from outside: exact arithmetic while it lasts, then what follows, then the balances.

    A class and no generator: it is entered for every order and every tick that concerns one.
    """

    __slots__ = ("_floor", "_outside")

    def __init__(self, floor: Floor) -> None:
        self._floor = floor

    def __enter__(self) -> None:
        self._outside = getcontext()
        setcontext(EXACT)

    def __exit__(self, kind: object, error: object, traceback: object) -> None:
        try:
            if kind is None:
                self._floor.follow()
        finally:
            self._floor.tell_positions()
            setcontext(self._outside)


class Floor:
    """Books, money and orders, and every change to them.

    A change happens inside `turn`, which does what follows (stops trigger, lists go on) and then tells the balances.
    """

    def __init__(
        self,
        symbols: Iterable[Symbol],
        gate: Gate,
        publish: Callable[[Event], object],
        rules: Rules,
        seed: int,
        price_of: Callable[[str], Decimal | None] | None = None,
    ) -> None:
        self.books = {symbol.name: Book(symbol) for symbol in symbols}
        self.gate, self.rules = gate, rules
        self.treasury = Treasury(rules, price_of or self._last_price)
        self.registry = Registry(rules)
        self.announcer = Announcer(publish)
        self.now = 0  # the time of the turn, epoch ms
        self.lists = Lists(self)
        self._names = Random(seed)
        self._busy: set[str] = set()
        self._tasks: deque[Callable[[], None]] = deque()

    def turn(self, time_ms: int) -> Turn:
        """One call from outside, at `time_ms`, with everything that follows from it."""
        self.now = self.announcer.now = time_ms
        return Turn(self)

    def follow(self) -> None:
        """Do what the order at hand left to be done."""
        while self._tasks:
            self._tasks.popleft()()

    def tell_positions(self) -> None:
        """The balances that changed."""
        if self.treasury.touched:
            self.announcer.report_positions(self.treasury.touched.values())
            self.treasury.touched.clear()

    def later(self, task: Callable[[], None]) -> None:
        """Do this once the order at hand is done with."""
        self._tasks.append(task)

    def new_name(self) -> str:
        """A client id as the exchange makes them up: 22 characters."""
        return f"{self._names.getrandbits(88):022x}"

    def book_of(self, order: Order) -> Book:
        return self.books[order.request.symbol]

    def busy(self) -> set[str]:
        """The symbols in which orders wait."""
        self._busy = {name for name in self._busy if not self.books[name].is_idle}
        return self._busy

    def _rest(self, order: Order) -> None:
        self.book_of(order).add(order)
        self._busy.add(order.request.symbol)

    def standing(self, account: Account, book: Book) -> Standing:
        return Standing(self.registry, account, book.symbol, book.last_price)

    def _last_price(self, symbol: str) -> Decimal | None:
        book = self.books.get(symbol)
        return book.last_price if book else None

    # Entering

    def plan(self, order: Order) -> Plan:
        """What the order would do to the book now; nothing while it waits for its stop."""
        request = order.request
        if order.waits_for_stop:
            return EMPTY
        book = self.book_of(order)
        offers, allowed = book.facing(request.side).offers(), self.gate.range(book.symbol, request.side)
        return plan(offers, request.side, request.price, order.remaining, order.account, order.mode, allowed)

    def admit(self, orders: Sequence[Order]) -> tuple[list[Plan], Decimal]:
        """What one order, or a pair that shares its money, would do, and what must be set aside for it.

        `Refused` for what the engine does not take.
        """
        book = self.book_of(orders[0])
        for order in orders:
            order.worth = order.request.price or order.request.stop_price or book.last_price or ZERO
        plans = [self.plan(order) for order in orders]
        need = self._shared_need(orders, plans)
        if need > self.treasury.spendable(orders[0], book.symbol):
            raise Refused(400, -2010, POOR)
        for order, intended in zip(orders, plans, strict=True):
            if order.request.type == "LIMIT_MAKER" and intended.steps:
                raise Refused(400, -2010, "Order would immediately match and take.")
            if order.waits_for_stop and self._would_trigger(order):
                raise Refused(400, -2010, "Order would trigger immediately.")
        return plans, need

    def _would_trigger(self, order: Order) -> bool:
        """A trailing stop on the wrong side only begins to follow the market."""
        last, request = self.book_of(order).last_price, order.request
        return request.trailing_delta is None and last is not None and reached(request, last)

    def enter(self, orders: Sequence[Order], need: Decimal) -> None:
        """Set their money aside (a pair's once) and take admitted orders in: they are NEW."""
        self.treasury.set_aside(orders[0], self.book_of(orders[0]).symbol, need)
        for order in orders:
            order.become("NEW", self.now)
            if order.waits_for_stop:
                self._wait(order)
            else:
                order.working_ms = self.now
            self.announcer.report(order, "NEW")

    def work(self, orders: Sequence[Order], plans: Sequence[Plan]) -> None:
        """Let orders that have entered trade, or rest."""
        for order, intended in zip(orders, plans, strict=True):
            if not order.waits_for_stop:
                self.take(order, intended)

    def _wait(self, order: Order) -> None:
        """A trailing stop without a stop price follows the market from where it stands."""
        book = self.book_of(order)
        if order.request.trailing_delta is not None and order.request.stop_price is None:
            order.peak, order.trailing_ms = book.last_price, self.now
        self._rest(order)

    # Money set aside

    def _shared_need(self, orders: Sequence[Order], plans: Sequence[Plan]) -> Decimal:
        if len(orders) == 1:
            return self._need(orders[0], plans[0])
        return max(self._need(order, intended) for order, intended in zip(orders, plans, strict=True))

    def _need(self, order: Order, intended: Plan) -> Decimal:
        """What must be set aside for an order: quote of a BUY, base of a SELL."""
        if order.request.side == "SELL":
            return order.remaining
        if order.request.price is None and not order.waits_for_stop:
            return intended.cost
        return order.worth * order.remaining

    def shrink(self, orders: Sequence[Order]) -> None:
        """Give back what orders made smaller no longer need; a BUY at the market keeps what its plan costs."""
        first = orders[0]
        if first.request.side == "SELL" or first.request.price is not None or first.waits_for_stop:
            need = self._shared_need(orders, [EMPTY] * len(orders))
            self.treasury.set_aside(first, self.book_of(first).symbol, need)

    # Trading

    def take(self, order: Order, intended: Plan) -> None:
        """Trade as planned; what is left rests or expires."""
        if order.request.time_in_force == "FOK" and intended.executed < order.remaining:
            self.expire(order, "UNFILLED_FOK_ORDER_EXPIRED")
            return
        for step in intended.steps:
            if isinstance(step, Match):
                self._match(order, step)
            else:
                self._prevent(order, step)
        if order.is_open:
            self._leave(order, out_of_range=intended.out_of_range)

    def _leave(self, order: Order, *, out_of_range: bool) -> None:
        if out_of_range:
            self.expire(order, "EXECUTION_RULE_PRICE_RANGE_EXCEEDED")
        elif order.request.price is None:
            self.expire(order, "INSUFFICIENT_LIQUIDITY")
        elif order.request.time_in_force == "IOC":
            self.expire(order, "UNFILLED_IOC_QUANTITY_EXPIRED")
        else:
            self._rest(order)

    def _match(self, taker: Order, step: Match) -> None:
        book = self.book_of(taker)
        trade_id = book.next_trade()
        self._settle(taker, book, trade_id, step.price, step.quantity, maker=False)
        if step.maker is not None:
            self._settle(step.maker, book, trade_id, step.price, step.quantity, maker=True)
        else:
            book.facing(taker.request.side).take(step.price, step.quantity)
            self.treasury.settle_market(taker, book.symbol, step.price, step.quantity)
        self.printed(book, step.price)

    def sweep(self, book: Book, price: Decimal, quantity: Decimal) -> None:
        """Fill the resting orders that a trade of the market went through, as far as its quantity goes."""
        at = self.rules.fill_at == "at"
        for order in [order for half in book.halves.values() for order in half.reached_by(price, at=at)]:
            traded, limit = min(quantity, order.remaining), order.request.price
            if traded <= 0 or limit is None:
                break
            self.treasury.settle_market(order, book.symbol, limit, traded)
            self._settle(order, book, book.next_trade(), limit, traded, maker=True)
            self.printed(book, limit)
            quantity -= traded

    def _settle(
        self, order: Order, book: Book, trade_id: int, price: Decimal, quantity: Decimal, *, maker: bool
    ) -> None:
        self.lists.engage(order)
        fill = self.treasury.settle(order, book.symbol, trade_id, price, quantity, self.now, maker=maker)
        order.executed += quantity
        order.quote_executed += fill.quote
        order.fills.append(fill)
        self.registry.record(order.account.name, fill)
        done = order.remaining <= 0
        # An order that self-trade prevention made smaller is not called filled.
        order.become("PARTIALLY_FILLED" if not done else "EXPIRED_IN_MATCH" if order.prevented else "FILLED", self.now)
        self.announcer.report(order, "TRADE", fill=fill)
        self._finish(order) if done else self.shrink((order,))

    def _prevent(self, taker: Order, step: Prevention) -> None:
        maker, book = step.maker, self.book_of(taker)
        match = PreventedMatch(
            id=book.next_prevented(),
            symbol=book.symbol.name,
            taker_order_id=taker.id,
            maker_order_id=maker.id,
            mode=taker.mode,
            price=step.price,
            taker_quantity=step.taker_lost,
            maker_quantity=step.maker_lost,
            time_ms=self.now,
        )
        for order, lost, other in ((maker, step.maker_lost, taker), (taker, step.taker_lost, maker)):
            order.prevented_matches.append(match)
            if lost:
                self._lose(order, Loss(match, lost, other.id))

    def _lose(self, order: Order, loss: Loss) -> None:
        order.prevented += loss.quantity
        order.become("EXPIRED_IN_MATCH" if order.remaining <= 0 else order.status, self.now)
        self.announcer.report(order, "TRADE_PREVENTION", loss=loss)
        self.shrink(self.lists.sharing(order)) if order.is_open else self._finish(order)

    # Stops

    def printed(self, book: Book, price: Decimal) -> None:
        """A trade took place at `price`: stops may trigger, once the order at hand is done with."""
        book.last_price = price
        if book.stops:
            self.later(partial(self._trigger, book, price))

    def _trigger(self, book: Book, price: Decimal) -> None:
        for order in [order for order in book.stops.values() if order.hears(price, self.now)]:
            if order.id in book.stops:  # its pair's other order may have triggered first
                self._release(order)

    def _release(self, order: Order) -> None:
        """A stop has triggered: it works from now on, or expires when it no longer can."""
        self.lists.engage(order)
        book = self.book_of(order)
        book.remove(order)
        order.working_ms = self.now
        intended = self.plan(order)
        need = self._need(order, intended)
        if need > self.treasury.spendable(order, book.symbol) or not self._still_passes(order):
            self.expire(order, "REJECTED")
            return
        self.treasury.set_aside(order, book.symbol, need)
        order.become("NEW", self.now)
        self.announcer.report(order, "NEW")
        self.take(order, intended)

    def _still_passes(self, order: Order) -> bool:
        book, request = self.book_of(order), replace(order.request, quantity=order.quantity)
        try:
            self.gate.check_trigger(book.symbol, request, self.standing(order.account, book))
        except Refused:
            return False
        return True

    # Ending

    def cancel(self, order: Order, new_client_order_id: str | None) -> None:
        """End an order at its owner's wish; it takes the cancel's name, and its old one is free."""
        original = order.client_order_id
        keep = self.rules.cancelled_id_answers
        self.registry.rename(order, new_client_order_id or self.new_name(), keep_old=keep)
        order.become("CANCELED", self.now)
        self.announcer.report(order, "CANCELED", original_id=original)
        self._finish(order)

    def expire(self, order: Order, reason: Reason) -> None:
        order.expiry_reason = reason
        order.become("EXPIRED", self.now)
        self.announcer.report(order, "EXPIRED")
        self._finish(order)

    def _finish(self, order: Order) -> None:
        book = self.book_of(order)
        book.remove(order)
        self.treasury.set_aside(order, book.symbol, ZERO)
        self.registry.close(order)
        self.lists.closed(order)
