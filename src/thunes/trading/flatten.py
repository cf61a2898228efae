"""A person's way out: open orders are cancelled, what can be sold is sold, whatever else still works.

No rule stands in the way. What cannot be written into the trail goes into the reserve file, as for any exit; what could
not be booked is booked by the next pass, which asks for every order that it knows of.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import TypeVar

from thunes.audit.events import Event, OperatorAction
from thunes.clock import Clock
from thunes.errors import AuditError, DataError, LockHeld, RiskError, UsageError
from thunes.exchange.filters.conditions import Holdings, Prices
from thunes.exchange.filters.prepare import ExchangeFilters
from thunes.exchange.filters.rules import SymbolRules
from thunes.exchange.filters.verdict import Denied
from thunes.exchange.orders import Balance, OrderState
from thunes.exchange.outcomes import Accepted
from thunes.exchange.venue import Venue
from thunes.risk.manager import RiskManager
from thunes.risk.request import RiskRequest
from thunes.risk.verdict import Denial
from thunes.trading import story
from thunes.trading.books import Books, least_sellable
from thunes.trading.decision import ZERO
from thunes.trading.identity import client_order_id, is_ours
from thunes.trading.ledger.documents import intent_record, read_intent
from thunes.trading.ledger.ledger import Ledger
from thunes.trading.ledger.reserve_file import ReserveFile
from thunes.trading.ledger.values import Intent, OrderRecord
from thunes.trading.recovery import Recovery
from thunes.trading.story import Story
from thunes.trading.worth import holding

MINUTE = 60_000  # ms
MOST_SALES = 10  # of one symbol: the largest market order may be smaller than the position, the book thin
UNBOOKED = (AuditError, DataError, LockHeld, RiskError)

Told = TypeVar("Told")


@dataclass(frozen=True)
class Flattened:
    """What became of a symbol. `left`: base that is still held; `problem`: why, empty where it is dust or nothing."""

    symbol: str
    cancelled: tuple[str, ...] = ()  # client ids
    orders: tuple[str, ...] = ()  # client ids
    sold: Decimal = ZERO  # base
    received: Decimal = ZERO  # quote
    left: Decimal = ZERO
    problem: str = ""


class Flattener:
    """Flattens symbols; one at a time. `untold` collects what could not be written down."""

    def __init__(
        self, venue: Venue, ledger: Ledger, risk: RiskManager, trail: Story, reserve: ReserveFile, clock: Clock
    ) -> None:
        self._venue, self._ledger, self._risk, self._trail, self._reserve = venue, ledger, risk, trail, reserve
        self._books = Books(venue, ledger, risk, trail)
        self._recovery = Recovery(venue, ledger, self._books, trail, clock)
        self._filters = ExchangeFilters(venue.rules)
        self.untold: list[str] = []

    def run(self, symbols: Sequence[str] | None, actor: str, reason: str) -> list[Flattened]:
        """Flatten these, or all that is held, ordered or open at the exchange by our orders.

        Errors: `NetworkError` where the exchange cannot be asked, `UsageError` for a symbol that it does not list.
        """
        now = self._venue.server_time()
        named = {"symbols": list(symbols or ())}
        action = OperatorAction(id=f"flatten-{now}", action="flatten", actor=actor, reason=reason, details=named)
        self._kept(lambda: self._trail.append_many([action]))
        with self._venue.urgent():
            self._resolve()
            return [self._tried(symbol) for symbol in (self._concerned() if symbols is None else symbols)]

    def _resolve(self) -> None:
        """First of all: what is under way may have changed what is held."""
        for record in self._reserve.records():
            self._kept(lambda record=record: self._ledger.intend(read_intent(record)))  # type: ignore[misc]
        self._kept(self._recovery.resolve)

    def _concerned(self) -> list[str]:
        held = {position.symbol for position in self._ledger.positions()}
        meant = {record.intent.ticket.symbol for record in self._ledger.open_intents()}
        there = {order.symbol for order in self._venue.open_orders() if is_ours(order.client_order_id)}
        return sorted(held | meant | there)

    def _kept(self, write: Callable[[], Told]) -> Told | None:
        """What is written, or None where it cannot be: an exit goes on."""
        try:
            return write()
        except UNBOOKED as error:
            if str(error) not in self.untold:
                self.untold.append(str(error))
            return None

    # One symbol

    def _tried(self, symbol: str) -> Flattened:
        """What became of it; one that is held and no longer listed does not stand in the way of the others."""
        try:
            return self._one(symbol)
        except UsageError as error:
            left = holding(self._ledger, symbol)
            if error.code != "E-SYMBOL-UNKNOWN" or not left:
                raise
            return Flattened(symbol, left=left, problem="the exchange lists it no more")

    def _one(self, symbol: str) -> Flattened:
        rules = self._venue.rules(symbol)
        orders = self._venue.open_orders(symbol)
        cancelled = [order.client_order_id for order in orders if self._cancel(rules, order)]
        done = Flattened(symbol, tuple(cancelled))
        if len(cancelled) < len(orders):
            done = replace(done, problem=f"{len(orders) - len(cancelled)} of {len(orders)} orders are still open")
        for _ in range(MOST_SALES):
            sale = self._sale(rules)
            if sale is None or isinstance(sale, str):
                done = replace(done, problem=sale or done.problem)
                break
            record = self._sell(rules, sale)
            done = _with_sale(done, record)
            if record.executed == 0:
                done = replace(done, problem=f"{record.outcome}, {record.status or 'no status'} {record.note}".strip())
                break
        return replace(done, left=holding(self._ledger, symbol), problem=done.problem or self._doubt(symbol))

    def _doubt(self, symbol: str) -> str:
        """In words, where an order may still turn out to have bought or sold."""
        open_ones = [one.intent.client_id for one in self._ledger.open_intents() if one.intent.ticket.symbol == symbol]
        return f"what became of {', '.join(open_ones)} is not known yet" if open_ones else ""

    def _cancel(self, rules: SymbolRules, order: OrderState) -> bool:
        """Whether it is over now; one that filled meanwhile is."""
        name = order.client_order_id
        found = self._venue.cancel(order.symbol, order_id=order.order_id, client_order_id=name)
        if not isinstance(found, Accepted):
            state = self._venue.order(order.symbol, order_id=order.order_id)
            found = found if state is None else Accepted(state)
        if self._ledger.order(name) is None:  # a person's own
            self._kept(lambda: self._trail.append_many([story.outcome(name, order.symbol, found)]))
        else:
            self._kept(lambda: self._books.settle(rules, self._price(order.symbol), name, found))
        return isinstance(found, Accepted) and not found.order.is_open

    def _price(self, symbol: str) -> Decimal:
        return self._venue.quote(symbol).bid or self._venue.average_price(symbol)

    # Selling

    def _sale(self, rules: SymbolRules) -> Intent | str | None:
        """The order that sells what is held; None where only dust is; in words why it cannot be."""
        symbol, quote = rules.symbol, self._venue.quote(rules.symbol)
        average = self._venue.average_price(symbol)
        position = self._ledger.position(symbol)
        if position is None or position.quantity < least_sellable(rules, quote.bid or average):
            return None
        free = self._venue.balances().get(rules.base, Balance(rules.base, ZERO, ZERO)).free
        if free <= 0:
            return f"{position.quantity:f} {rules.base} are held by the ledger, none is free at the exchange"
        name, moment = self._name(position.strategy, symbol)
        found = self._filters.prepare_market_order(
            symbol,
            "SELL",
            quantity=min(position.quantity, free),
            prices=Prices(average=average, bid=quote.bid, ask=quote.ask),
            holdings=Holdings(base_free=free),
            client_order_id=name,
            sweep_dust=True,
        )
        if isinstance(found, Denied):
            return str(found)
        return Intent(found, position.strategy, moment, self._venue.server_time())

    def _name(self, strategy: str, symbol: str) -> tuple[str, int]:
        """A new id, and the moment that stands for its bar: never the open time of a candle."""
        moment = self._venue.server_time() // MINUTE * MINUTE + 1
        while self._ledger.order(client_order_id(strategy, symbol, moment, "SELL")) is not None:
            moment += 1
        return client_order_id(strategy, symbol, moment, "SELL"), moment

    def _sell(self, rules: SymbolRules, intent: Intent) -> OrderRecord:
        ticket, price = intent.ticket, self._price(rules.symbol)
        request = RiskRequest(
            intent.client_id, rules.symbol, "flatten", (ticket.quantity or ZERO) * price, intent.strategy
        )
        reserved = self._risk.reserve(request)
        if isinstance(reserved, Denial):
            return _unsent(intent, str(reserved))
        self._note(intent)
        found = self._venue.submit(ticket)
        self._kept(lambda: self._books.settle(rules, price, intent.client_id, found))
        self._kept(self._recovery.resolve)  # where its fate is not known yet
        record = self._ledger.order(intent.client_id)
        return record if record is not None else _unsent(intent, "sent; the ledger could not be told")

    def _note(self, intent: Intent) -> None:
        """Durable before the wire: in the trail, else in the reserve file. `DataError` where neither can be."""
        told: Event = story.intent(intent.ticket, "flatten", intent.strategy, intent.bar_ms, intent.client_id)
        in_trail = self._kept(lambda: self._trail.append_many([told])) is not None
        in_ledger = self._kept(lambda: self._ledger.intend(intent)) is not None
        if not in_trail or not in_ledger:
            self._reserve.append(intent_record(intent))


def _with_sale(done: Flattened, record: OrderRecord) -> Flattened:
    return replace(
        done,
        orders=(*done.orders, record.intent.client_id),
        sold=done.sold + record.executed,
        received=done.received + record.quote_executed,
    )


def _unsent(intent: Intent, note: str) -> OrderRecord:
    return OrderRecord(
        intent=intent,
        outcome=None,
        order_id=None,
        status=None,
        executed=ZERO,
        quote_executed=ZERO,
        resolved=False,
        may_resend=False,
        note=note,
        updated_ms=intent.time_ms,
    )
