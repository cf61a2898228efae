"""One account on Binance Spot, or on anything that speaks like it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from decimal import Decimal
from types import TracebackType
from typing import Any, Self, TypeVar

from pydantic import SecretStr

from thunes.clock import Clock
from thunes.errors import Blocked, NetworkError, UsageError
from thunes.exchange.binance import answers
from thunes.exchange.binance.answer import Answer
from thunes.exchange.binance.candles import closed_candles
from thunes.exchange.binance.client import Login, Mount, Patience, Unanswered, Unsent, Wire
from thunes.exchange.binance.clock_offset import MOST_REFUSALS
from thunes.exchange.binance.errors import BAD_TIME, FILTER, NO_ORDER, PARAMETERS, QuestionRefused, outcome_of
from thunes.exchange.binance.host import Host, Parameters, Question
from thunes.exchange.binance.order_request import cancel_id, order_parameters, which_order
from thunes.exchange.binance.shared import Shared
from thunes.exchange.filters.rules import SymbolRules, parse_rules
from thunes.exchange.orders import Balance, Fees, Fill, OrderState, OrderTicket, Quote
from thunes.exchange.outcomes import Accepted, NotSent, Outcome, Refused, Unknown
from thunes.model import Candles

T = TypeVar("T")
MARKET_DATA, ACCOUNT, ENTRIES = "market_data", "account", "entries"  # what has a circuit breaker of its own


class BinanceVenue:
    """A `Venue`. For one thread at a time: each has its own, all of an account with the same `Shared`.

    What buys is an entry: it stops where its circuit breaker is open, and where its part of the exchange's limits is
    used up. What sells, cancels and asks after orders does not, nor does anything inside `urgent`.
    """

    page = 1_000  # the most orders or trades of one answer

    def __init__(
        self,
        base_url: str,
        api_key: SecretStr,
        secret: SecretStr,
        clock: Clock,
        *,
        data_url: str | None = None,
        source: str = "binance",
        mount: Mount | None = None,
        shared: Shared | None = None,
        patience: Patience | None = None,
    ) -> None:
        """`data_url`: where candles come from, where that is another place; `source`: what they are marked with.
        `mount`: may give each `requests.Session` other adapters. Nothing is asked yet. Error: `SettingsError`."""
        self.shared = shared or Shared(clock)
        self._clock, self._source = clock, source
        now_ms, login = self.shared.time.now_ms, Login(api_key, secret)
        self._host = Host(Wire(base_url, now_ms, login, mount, patience), self.shared.budget)
        self._data = self._host
        if data_url is not None and data_url.rstrip("/") != base_url.rstrip("/"):
            self._data = Host(Wire(data_url, now_ms, None, mount, patience), self.shared.data_budget)
        self._breakers = {name: self.shared.monitor.breaker(name) for name in (MARKET_DATA, ACCOUNT, ENTRIES)}
        self._urgent = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """Give back the connections."""
        self._host.wire.close()
        self._data.wire.close()

    @contextmanager
    def urgent(self) -> Iterator[None]:
        """Inside, whatever is asked serves an exit: no circuit breaker stops it, and it may use the whole budget."""
        before, self._urgent = self._urgent, True
        try:
            yield
        finally:
            self._urgent = before

    # Asking

    def _ask(self, group: str, question: Question, reader: Callable[[Any], T], *, always: bool = False) -> T:
        """What is read in the answer; asked once more where only our time was wrong."""
        urgent = always or self._urgent
        asked = replace(question, urgent=urgent)
        return self._breakers[group].call(lambda: self._host.read(reader, self._answered(asked)), always=urgent)

    def _answered(self, question: Question) -> Any:
        if not question.signed:
            return self._host.ask(question)
        self._require_steady(urgent=question.urgent)
        if self.shared.time.is_due:
            self._measure()
        try:
            return self._signed(question)
        except QuestionRefused as refused:
            if refused.number != BAD_TIME:
                raise
        self._require_steady(urgent=False)  # what was urgent has been tried: that is enough
        self._measure()
        return self._signed(question)

    def _signed(self, question: Question) -> Any:
        try:
            return self._host.ask(question)
        except QuestionRefused as refused:
            if refused.number == BAD_TIME:
                self.shared.time.distrust()
            raise

    def _require_steady(self, *, urgent: bool) -> None:
        """`Blocked` where our time was refused again and again: somebody must look at the clock of this machine."""
        if self.shared.time.is_unsteady and not urgent:
            text = f"{self._host.name} refused our time more than {MOST_REFUSALS} times in five minutes."
            raise Blocked("E-VENUE-CLOCK", text, "Look at this machine's clock.")

    def _measure(self) -> None:
        self.shared.time.measure(lambda: self._time(urgent=True))

    def _time(self, *, urgent: bool) -> int:
        return self._host.read(answers.server_time, self._host.ask(Question("time", {}, 1, urgent=urgent)))

    # Market

    def server_time(self) -> int:
        """The exchange's clock, epoch ms; asked now."""
        return self._time(urgent=self._urgent)

    def rules(self, symbol: str, *, fresh: bool = False) -> SymbolRules:
        """What the exchange asks of a symbol; inside `urgent` an old answer where no new one is to be had."""
        try:
            return self.shared.rules.get(symbol, lambda: self._rules(symbol), fresh=fresh)
        except NetworkError:
            last = self.shared.rules.last(symbol) if self._urgent and not fresh else None
            if last is None:
                raise
            return last

    def _rules(self, symbol: str) -> SymbolRules:
        try:
            entry = self._ask(MARKET_DATA, Question("exchangeInfo", {"symbol": symbol}, 20), self._learned(symbol))
        except QuestionRefused as refused:
            if refused.number not in PARAMETERS:  # −1121, or another of them for what no symbol could be called
                raise
            raise UsageError("E-SYMBOL-UNKNOWN", f"{self._host.name} lists no symbol {symbol!r}.") from None
        return parse_rules(entry)

    def _learned(self, symbol: str) -> Callable[[Any], dict[str, Any]]:
        def reader(document: Any) -> dict[str, Any]:
            entry = answers.symbol_entry(document, symbol)
            self.shared.budget.learn(document["rateLimits"])
            return entry

        return reader

    def closed_candles(self, symbol: str, interval: str, start_ms: int) -> Candles:
        """All candles from `start_ms` (open time, inclusive) to the last one that is over by the data host's clock.

        Errors also: `UsageError` for an unknown symbol, `DataError` where no candle is over yet, or one is none.
        """
        return self._breakers[MARKET_DATA].call(
            lambda: closed_candles(self._data, self._source, symbol, interval, start_ms, urgent=self._urgent),
            always=self._urgent,
        )

    def quote(self, symbol: str) -> Quote:
        """Best prices, received now by our clock."""
        question = Question("ticker/bookTicker", {"symbol": symbol}, 2)
        return self._ask(MARKET_DATA, question, lambda found: answers.quote(found, symbol, self._clock.now_ms()))

    def average_price(self, symbol: str) -> Decimal:
        """The average that the exchange's filters judge market orders by."""
        return self._ask(MARKET_DATA, Question("avgPrice", {"symbol": symbol}, 2), answers.average_price)

    # Account

    def balances(self) -> dict[str, Balance]:
        """By asset, those not zero."""
        question = Question("account", {"omitZeroBalances": "true"}, 20, signed=True)
        return self._ask(ACCOUNT, question, answers.balances)

    def fees(self, symbol: str) -> Fees:
        """What a fill costs, before any discount for paying in BNB."""
        return self._ask(ACCOUNT, Question("account/commission", {"symbol": symbol}, 20, signed=True), answers.fees)

    # Orders

    def submit(self, ticket: OrderTicket) -> Outcome:
        """Send an order once, in one request."""
        urgent = ticket.side == "SELL" or self._urgent
        try:
            outcome = self._breakers[ENTRIES].call(lambda: self._placed(ticket, urgent), always=urgent, judge=_health)
        except NetworkError as error:
            return NotSent(str(error))
        if isinstance(outcome, Refused) and outcome.code == FILTER:
            self.shared.rules.doubt(ticket.symbol)
        return outcome

    def _placed(self, ticket: OrderTicket, urgent: bool) -> Outcome:
        outcome = self._sent("post", order_parameters(ticket), answers.placed, orders=1, urgent=urgent)
        return _if_of(outcome, ticket)

    def cancel(self, symbol: str, *, order_id: int | None = None, client_order_id: str | None = None) -> Outcome:
        """Cancel an order. `Refused` with code −2011 may mean that it is filled: ask for it by its id.

        Give both ids where both are known: the exchange gives a cancelled order another client id, and so it is one
        from which the first can be told.
        """
        which = _which(symbol, order_id, client_order_id)
        parameters = {**which, "newClientOrderId": cancel_id(order_id, client_order_id)}
        try:
            return self._sent("delete", parameters, answers.cancelled, orders=0, urgent=True)
        except NetworkError as error:
            return NotSent(str(error))

    def _sent(
        self, method: str, parameters: Parameters, reader: Callable[[Any], OrderState], *, orders: int, urgent: bool
    ) -> Outcome:
        """The outcome of what was sent, once. `NetworkError` where it may not be, or our time is not to be had."""
        self._require_steady(urgent=urgent)
        if not self.shared.time.is_known:
            self._measure()
        self._host.budget.admit(0, orders=orders, urgent=urgent)
        try:
            answer = self._host.send(method, "order", parameters, signed=True)
        except Unsent as error:
            return NotSent(str(error))
        except Unanswered as error:
            return Unknown(str(error))
        return self._understood(answer, reader)

    def _understood(self, answer: Answer, reader: Callable[[Any], OrderState]) -> Outcome:
        if answer.ok:
            try:
                return Accepted(answers.read(reader, answer.document))
            except answers.Malformed as error:
                return Unknown(f"HTTP {answer.status}, {error}")
        outcome = outcome_of(answer)
        if isinstance(outcome, Refused) and outcome.resync_clock:
            self.shared.time.distrust()
        return outcome

    def order(
        self, symbol: str, *, order_id: int | None = None, client_order_id: str | None = None
    ) -> OrderState | None:
        """The order, or None where the exchange does not know it (yet: −2013 is no proof)."""
        found = self._order(_which(symbol, order_id, client_order_id))
        if found is not None or order_id is not None or client_order_id is None:
            return found
        return self._order(_which(symbol, None, cancel_id(None, client_order_id)))  # what our cancel has renamed it

    def _order(self, which: Parameters) -> OrderState | None:
        try:
            return self._ask(ACCOUNT, Question("order", which, 4, signed=True), answers.order, always=True)
        except QuestionRefused as refused:
            if refused.number != NO_ORDER:
                raise
        return None

    def open_orders(self, symbol: str | None = None) -> Sequence[OrderState]:
        """Those of a symbol, or all; oldest first."""
        named = {} if symbol is None else {"symbol": symbol}
        question = Question("openOrders", named, 80 if symbol is None else 6, signed=True)
        return self._ask(ACCOUNT, question, answers.orders, always=True)

    def orders_since(self, symbol: str, start_ms: int) -> Sequence[OrderState]:
        """Orders of any status placed since then, oldest first."""
        found = page = self._orders(symbol, {"startTime": start_ms})
        while len(page) == self.page:
            page = self._orders(symbol, {"orderId": page[-1].order_id + 1})
            found = found + page
        return found

    def _orders(self, symbol: str, since: Parameters) -> list[OrderState]:
        question = Question("allOrders", {"symbol": symbol, "limit": self.page, **since}, 20, signed=True)
        return self._ask(ACCOUNT, question, answers.orders, always=True)

    def fills(self, symbol: str, *, order_id: int | None = None, from_id: int | None = None) -> Sequence[Fill]:
        """Trades of an order, or of the symbol from a trade id on (all, where none is given), oldest first."""
        named = {} if order_id is None else {"orderId": order_id}
        found = page = self._trades(symbol, {**named, "fromId": from_id or 0})
        while len(page) == self.page:
            page = self._trades(symbol, {**named, "fromId": page[-1].trade_id + 1})
            found = found + page
        return found

    def _trades(self, symbol: str, which: Parameters) -> list[Fill]:
        weight = 5 if "orderId" in which else 20
        question = Question("myTrades", {"symbol": symbol, "limit": self.page, **which}, weight, signed=True)
        return self._ask(ACCOUNT, question, answers.trades, always=True)


def _which(symbol: str, order_id: int | None, client_order_id: str | None) -> dict[str, str | int]:
    try:
        return which_order(symbol, order_id, client_order_id)
    except ValueError as error:
        raise UsageError("E-ORDER-ID", f"{error}.") from None


def _health(outcome: Outcome) -> bool | None:
    """What an order's outcome says of the exchange's health; a refusal says nothing."""
    return None if isinstance(outcome, Refused) else isinstance(outcome, Accepted)


def _if_of(outcome: Outcome, ticket: OrderTicket) -> Outcome:
    """An answer about another order than ours leaves ours in doubt."""
    if isinstance(outcome, Accepted):
        told, sent = outcome.order, ticket
        if (told.symbol, told.client_order_id, told.side) != (sent.symbol, sent.client_order_id, sent.side):
            return Unknown(f"an answer about order {told.client_order_id} of {told.symbol}")
    return outcome
