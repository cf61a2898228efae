"""An exchange that writes down every change before it is made, and is made again from what it wrote.

The engine is deterministic: candles, symbols, rules and seed (its `identity`) and the same calls at the same times give
the same accounts, orders, ids and events. Faults and rate limits are not kept: they begin anew.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from decimal import Decimal
from math import ceil
from typing import Any

import orjson

from thunes.errors import DataError, ThunesError
from thunes.simulator.api.security import Key, Keyring
from thunes.simulator.engine.desk import Restriction, Which
from thunes.simulator.engine.engine import Engine, Replacement, ReplaceMode
from thunes.simulator.engine.orders import ListRequest, Order, OrderList
from thunes.simulator.exchange import Customer, Exchange
from thunes.simulator.feed.playback import Pace
from thunes.simulator.feed.reference import PriceRange
from thunes.simulator.request import OrderRequest, Refused
from thunes.simulator.state import values
from thunes.simulator.state.journal import Journal, Line
from thunes.simulator.symbols.symbol import Document, Symbol

RESERVE_MS = 1_000  # of the wall: a paced clock is written down so far ahead, not at every look at it
Record = Callable[..., None]


def forget(*_: object) -> None:
    """Write nothing down."""


class LastingEngine(Engine):
    """An engine that has each call written down before it obeys; refused ones too: they may use up made-up ids."""

    record: Record = staticmethod(forget)

    def deposit(self, account: str, asset: str, amount: Decimal, time_ms: int) -> None:
        self.record("deposit", account, asset, amount, time_ms)
        super().deposit(account, asset, amount, time_ms)

    def place(self, account: str, request: OrderRequest, time_ms: int) -> Order:
        self.record("place", account, values.fields(request), time_ms)
        return super().place(account, request, time_ms)

    def place_list(self, account: str, request: ListRequest, time_ms: int) -> OrderList:
        self.record("place_list", account, values.list_fields(request), time_ms)
        return super().place_list(account, request, time_ms)

    def cancel(
        self,
        account: str,
        symbol: str,
        which: Which,
        time_ms: int,
        *,
        new_client_order_id: str | None = None,
        restriction: Restriction | None = None,
    ) -> Order:
        more = {"new_client_order_id": new_client_order_id, "restriction": restriction}
        self.record("cancel", account, symbol, values.fields(which), time_ms, more)
        return super().cancel(
            account, symbol, which, time_ms, new_client_order_id=new_client_order_id, restriction=restriction
        )

    def cancel_all(self, account: str, symbol: str, time_ms: int) -> list[Order]:
        self.record("cancel_all", account, symbol, time_ms)
        return super().cancel_all(account, symbol, time_ms)

    def cancel_list(
        self, account: str, symbol: str, time_ms: int, *, list_id: int | None = None, client_order_id: str | None = None
    ) -> OrderList:
        self.record("cancel_list", account, symbol, time_ms, {"list_id": list_id, "client_order_id": client_order_id})
        return super().cancel_list(account, symbol, time_ms, list_id=list_id, client_order_id=client_order_id)

    def cancel_replace(
        self,
        account: str,
        request: OrderRequest,
        which: Which,
        time_ms: int,
        *,
        mode: ReplaceMode = "STOP_ON_FAILURE",
        new_client_order_id: str | None = None,
        restriction: Restriction | None = None,
    ) -> Replacement:
        more = {"mode": mode, "new_client_order_id": new_client_order_id, "restriction": restriction}
        self.record("cancel_replace", account, values.fields(request), values.fields(which), time_ms, more)
        return super().cancel_replace(
            account,
            request,
            which,
            time_ms,
            mode=mode,
            new_client_order_id=new_client_order_id,
            restriction=restriction,
        )

    def amend(
        self,
        account: str,
        symbol: str,
        which: Which,
        quantity: Decimal,
        time_ms: int,
        *,
        new_client_order_id: str | None = None,
    ) -> Order:
        more = {"new_client_order_id": new_client_order_id}
        self.record("amend", account, symbol, values.fields(which), quantity, time_ms, more)
        return super().amend(account, symbol, which, quantity, time_ms, new_client_order_id=new_client_order_id)


class LastingKeyring(Keyring):
    """Keys that are known again after a restart."""

    def __init__(self, record: Record) -> None:
        super().__init__()
        self._record = record

    def add(self, key: Key) -> None:
        self._record("add_key", values.key_fields(key))
        super().add(key)

    def revoke(self, api_key: str) -> Key | None:
        self._record("revoke_key", api_key)
        return super().revoke(api_key)


class LastingExchange(Exchange):
    """An exchange with a journal, from `resume` on; `keyring` holds its keys."""

    engine_class = LastingEngine

    def __init__(self, *given: Any, **options: Any) -> None:
        """As `Exchange`."""
        self._journal: Journal | None = None
        self._horizon = 0  # until when time may have been told to somebody (epoch ms)
        self._primed: dict[str, int] = {}  # when a book was last looked at, by symbol, since the last line
        super().__init__(*given, **options)
        self._began_ms = self.now_ms
        self.keyring = LastingKeyring(self._record)

    def _new_engine(self) -> Engine:
        engine = super()._new_engine()
        assert isinstance(engine, LastingEngine)
        engine.record = self._record
        return engine

    def identity(self) -> dict[str, str]:
        """What a replay depends on, by name."""
        tapes, terms = [self.feed[name] for name in self.feed.symbols], self.terms
        symbols = [symbol.document for symbol in self.info.symbols.values()]
        listed = orjson.dumps([symbols, self.info.rate_limits, self.info.exchange_filters])
        return {
            "candles": " ".join(tape.candles.fingerprint() for tape in tapes),
            "ticks and steps": " ".join(f"{tape.tick}/{tape.step}" for tape in tapes),
            "price paths": " ".join(map(repr, dict.fromkeys(tape.path for tape in tapes))),
            "symbols": hashlib.sha256(listed).hexdigest(),
            "rules": f"{terms.rules} {terms.filters}",
            "depth": repr(terms.depth),
            "seed": str(terms.seed),
            "start": str(self._began_ms),
        }

    # Writing

    def _record(self, do: str, *what: object) -> None:
        """One line: the time, the books that were looked at since the last line, the call."""
        if self._journal is None:
            return
        primed, self._primed = self._primed, {}
        self._put(self._journal, [self.now_ms, primed, do, *what])

    def _put(self, journal: Journal, line: Line) -> None:
        try:
            journal.append(line)
        except DataError as error:
            raise Refused(500, -1000, "An unknown error occurred while processing the request.") from error

    @contextmanager
    def _recorded(self, do: str, *what: object) -> Iterator[None]:
        """One line for a call that makes others."""
        self._record(do, *what)
        journal, self._journal = self._journal, None
        try:
            yield
        finally:
            self._journal = journal

    def advance_to(self, until: int) -> int:
        if self._journal is not None and until > self._horizon:
            self._horizon = until + ceil(RESERVE_MS * (self.speed or 0) if self.pace else 0)
            self._put(self._journal, [self._horizon, {}, "time"])
        return super().advance_to(until)

    def turn(self, name: str) -> int:
        heard = self._heard.get(name)
        now = super().turn(name)
        if self._journal is not None and self._heard.get(name) != heard:
            self._primed[name] = now
        return now

    def open_account(self, customer: Customer) -> None:
        with self._recorded("open_account", values.customer_fields(customer)):
            super().open_account(customer)

    def change_symbol(self, name: str, status: str | None = None, filters: Iterable[Document] = ()) -> Symbol:
        given = list(filters)
        with self._recorded("change_symbol", name, status, given):
            return super().change_symbol(name, status, given)

    def set_price_range(self, name: str, price_range: PriceRange | None) -> None:
        wire = None if price_range is None else values.fields(price_range)
        with self._recorded("set_price_range", name, wire):
            super().set_price_range(name, price_range)

    def delist(self, name: str) -> None:
        with self._recorded("delist", name):
            super().delist(name)

    def reset(self) -> None:
        with self._recorded("reset"):
            super().reset()

    # Doing it again

    def resume(self, journal: Journal) -> int:
        """Do again what a journal holds, then write on in it; how many calls that were. Once, before any other call.

        Whoever listens already hears it all again. Time goes on at or after the last that anybody was told.
        Error: `DataError` for a line that cannot be done again.
        """
        assert self._journal is None, "an exchange resumes once"
        assert not self.customers, "resume before any account is opened"
        calls = 0
        for number, line in journal.lines():
            try:
                calls += self._redo(*line)
            except (KeyError, TypeError, ValueError, ArithmeticError, AssertionError, AttributeError) as error:
                raise journal.damaged(number, f"{error!r}") from error
        self.advance_to(self._horizon)
        self._journal, self._horizon = journal, self.now_ms
        if self.pace is not None:
            self.pace = Pace(self.now_ms, self.clock.now_ms(), self.pace.speed)
        return calls

    def _redo(self, time_ms: int, primed: dict[str, int], do: str, *what: Any) -> bool:
        """One line again; whether it was a call."""
        self._horizon = max(self._horizon, time_ms)
        if do == "time":
            return False
        for name, moment in sorted(primed.items(), key=lambda pair: pair[1]):
            self.advance_to(moment)
            self.turn(name)
        self.advance_to(time_ms)
        with suppress(Refused, ThunesError):  # what was refused then is refused again
            CALLS[do](self, *what)
        return True


CALLS: dict[str, Callable[..., object]] = {
    "open_account": lambda exchange, wire: exchange.open_account(values.customer(wire)),
    "change_symbol": lambda exchange, *what: exchange.change_symbol(*what),
    "set_price_range": lambda exchange, name, wire: exchange.set_price_range(name, values.price_range(wire)),
    "delist": lambda exchange, name: exchange.delist(name),
    "reset": lambda exchange: exchange.reset(),
    "add_key": lambda exchange, wire: exchange.keyring.add(values.key(wire)),
    "revoke_key": lambda exchange, api_key: exchange.keyring.revoke(api_key),
    "deposit": lambda exchange, account, asset, amount, time: exchange.engine.deposit(
        account, asset, Decimal(amount), time
    ),
    "place": lambda exchange, account, wire, time: exchange.engine.place(account, values.order(wire), time),
    "place_list": lambda exchange, account, wire, time: exchange.engine.place_list(
        account, values.order_list(wire), time
    ),
    "cancel": lambda exchange, account, symbol, which, time, more: exchange.engine.cancel(
        account, symbol, values.which(which), time, **more
    ),
    "cancel_all": lambda exchange, *what: exchange.engine.cancel_all(*what),
    "cancel_list": lambda exchange, account, symbol, time, more: exchange.engine.cancel_list(
        account, symbol, time, **more
    ),
    "cancel_replace": lambda exchange, account, wire, which, time, more: exchange.engine.cancel_replace(
        account, values.order(wire), values.which(which), time, **more
    ),
    "amend": lambda exchange, account, symbol, which, quantity, time, more: exchange.engine.amend(
        account, symbol, values.which(which), Decimal(quantity), time, **more
    ),
}
