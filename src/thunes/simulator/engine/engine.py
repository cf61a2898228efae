"""The local exchange itself: synchronous, deterministic, without clock, disk or network.

Every call carries its time (epoch ms); the same calls give the same events. A call either does what it says or raises
`Refused` with the exchange's own code and text, and then nothing has changed.

Icebergs trade like plain orders: their whole quantity shows. A stop triggers on any trade, the feed's or a user's.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal, localcontext
from typing import Literal

from thunes.simulator.engine.accounts import EXACT, POOR, Account, Conservation
from thunes.simulator.engine.book import Book, Concern, Level
from thunes.simulator.engine.desk import Desk, Restriction, Which
from thunes.simulator.engine.events import Event
from thunes.simulator.engine.floor import Floor
from thunes.simulator.engine.gate import Gate
from thunes.simulator.engine.orders import Fill, ListRequest, Order, OrderList, Symbol
from thunes.simulator.engine.registry import Standing
from thunes.simulator.engine.rules import Rules
from thunes.simulator.request import OrderRequest, Refused

ReplaceMode = Literal["STOP_ON_FAILURE", "ALLOW_FAILURE"]


def ignore(event: Event) -> None:
    """Publish to nobody."""


@dataclass(frozen=True)
class Replacement:
    """What cancelReplace did: each half an order or its refusal; `placed` is None where it was not tried."""

    cancelled: Order | Refused
    placed: Order | Refused | None

    @property
    def error(self) -> Refused | None:
        """What the whole call answers unless both halves succeeded."""
        done = [half for half in (self.cancelled, self.placed) if isinstance(half, Order)]
        if len(done) == 2:
            return None
        if done:
            return Refused(409, -2021, "Order cancel-replace partially failed.")
        return Refused(400, -2022, "Order cancel-replace failed.")


class Engine:
    """Symbols, accounts, orders. Balances and orders that it hands out are its own: read them, never write."""

    def __init__(
        self,
        symbols: Iterable[Symbol],
        *,
        gate: Gate | None = None,
        publish: Callable[[Event], object] = ignore,
        rules: Rules | None = None,
        price_of: Callable[[str], Decimal | None] | None = None,
        seed: int = 0,
    ) -> None:
        """`price_of` gives a symbol's price for commission in BNB; without it, its last trade here."""
        self._floor = Floor(symbols, gate or Gate(), publish, rules or Rules(), seed, price_of)
        self._desk = Desk(self._floor)
        self._registry, self._treasury = self._floor.registry, self._floor.treasury

    # The world

    def tick(
        self,
        symbol: str,
        time_ms: int,
        price: Decimal,
        quantity: Decimal,
        bids: Sequence[Level] = (),
        asks: Sequence[Level] = (),
    ) -> None:
        """A trade of the market and the levels it leaves, best first.

        Resting orders that the trade went through are filled at their own price, the best and oldest first, with
        `quantity` in all. Stops trigger afterwards, on the new levels.
        """
        book = self._desk.book(symbol)
        book.halves["BUY"].refresh(bids)
        book.halves["SELL"].refresh(asks)
        if book.is_idle:
            book.last_price = price
        else:
            with self._floor.turn(time_ms):
                self._floor.sweep(book, price, quantity)
                self._floor.printed(book, price)

    def prime(self, symbol: str, price: Decimal, bids: Sequence[Level], asks: Sequence[Level]) -> None:
        """Where the market of a symbol stands after ticks that concerned no order and were not told."""
        book = self._desk.book(symbol)
        book.halves["BUY"].refresh(bids)
        book.halves["SELL"].refresh(asks)
        book.last_price = price

    def watched(self) -> set[str]:
        """The symbols in which orders wait: their ticks must be told."""
        return self._floor.busy()

    def concerned(self, symbol: str) -> Concern | None:
        """Which ticks of a watched symbol must be told; None: all."""
        return self._desk.book(symbol).concerned()

    def depth(self, symbol: str, limit: int) -> tuple[list[Level], list[Level]]:
        """Bids and asks from the best price outwards, users' orders and the market's together, one row a price."""
        halves = self._desk.book(symbol).halves
        return halves["BUY"].depth(limit), halves["SELL"].depth(limit)

    @property
    def next_order_id(self) -> int:
        return self._registry.next_id

    def set_symbol(self, symbol: Symbol) -> None:
        """List a symbol, or change one: its status and filters hold from now on, its orders stay."""
        book = self._floor.books.get(symbol.name)
        if book is None:
            self._floor.books[symbol.name] = Book(symbol)
        else:
            book.symbol = symbol

    def last_price(self, symbol: str) -> Decimal | None:
        return self._desk.book(symbol).last_price

    # Accounts

    def open_account(
        self,
        name: str,
        *,
        maker_rate: Decimal = Decimal("0.001"),
        taker_rate: Decimal = Decimal("0.001"),
        pays_in_bnb: bool = False,
    ) -> Account:
        """A new, empty account; a name is given once."""
        assert name not in self._treasury.accounts, f"account {name!r} exists"
        account = Account(name, maker_rate, taker_rate, pays_in_bnb)
        self._treasury.accounts[name] = account
        return account

    def account(self, name: str) -> Account:
        return self._treasury.accounts[name]

    def deposit(self, account: str, asset: str, amount: Decimal, time_ms: int) -> None:
        """Bring money in; a negative amount takes it out, refused where it is not free."""
        owner = self.account(account)
        if owner.free(asset) + amount < 0:
            raise Refused(400, -2010, POOR)
        with self._floor.turn(time_ms):
            self._treasury.transfer(owner, asset, amount)
            self._floor.announcer.report_transfer(owner, asset, amount)

    def conservation(self) -> dict[str, Conservation]:
        """Per asset: deposits, balances and fees of all accounts, the market's included."""
        with localcontext(EXACT):
            return self._treasury.conservation()

    # Orders

    def check(self, account: str, request: OrderRequest, time_ms: int) -> None:
        """Raise what would be refused before the engine; nothing reaches the book (`order/test`)."""
        with self._floor.turn(time_ms):
            self._checked(self.account(account), request)

    def place(self, account: str, request: OrderRequest, time_ms: int) -> Order:
        """Take an order in and do what it does at once; it comes back as it then stands."""
        owner = self.account(account)
        with self._floor.turn(time_ms):
            return self._desk.place(owner, self._checked(owner, request))

    def place_list(self, account: str, request: ListRequest, time_ms: int) -> OrderList:
        """Take a list of orders in, whole or not at all."""
        book, owner = self._desk.book(request.symbol), self.account(account)
        with self._floor.turn(time_ms):
            self._floor.gate.check_list(book.symbol, request.requests, self._floor.standing(owner, book))
            return self._desk.place_list(owner, request)

    def _checked(self, account: Account, request: OrderRequest) -> OrderRequest:
        """The request with its quantity in base, past the gate."""
        sized = self._desk.sized(account, request)
        self._desk.check(account, sized)
        return sized

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
        """End an open order, and with it the others of its list. Its client id becomes the cancel's."""
        with self._floor.turn(time_ms):
            return self._desk.cancel(account, symbol, which, new_client_order_id, restriction)

    def cancel_all(self, account: str, symbol: str, time_ms: int) -> list[Order]:
        """End every open order of a symbol, lists included; refused when there is none."""
        with self._floor.turn(time_ms):
            orders = self.open_orders(account, symbol)
            if not orders:
                raise Refused(400, -2011, "Unknown order sent.")
            for order in orders:
                if order.is_open:
                    self._floor.cancel(order, None)
            return orders

    def cancel_list(
        self, account: str, symbol: str, time_ms: int, *, list_id: int | None = None, client_order_id: str | None = None
    ) -> OrderList:
        """End an order list."""
        group = self._registry.find_list(account, symbol, list_id, client_order_id)
        if group is None or group.done:
            raise Refused(400, -2011, "Unknown order list sent.")
        with self._floor.turn(time_ms):
            self._floor.cancel(next(order for order in group.orders if order.is_open), None)
        return group

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
        """Cancel one order and place another; the new one's filters are judged first, as if both were there."""
        owner = self.account(account)
        with self._floor.turn(time_ms):
            sized = self._checked(owner, request)
            try:
                old = self._desk.cancel(account, request.symbol, which, new_client_order_id, restriction)
            except Refused as refused:
                return Replacement(refused, self._try(owner, sized) if mode == "ALLOW_FAILURE" else None)
            new = self._try(owner, sized)
            if isinstance(new, Refused):
                self._desk.reject(owner, sized, new)
            return Replacement(old, new)

    def _try(self, account: Account, request: OrderRequest) -> Order | Refused:
        try:
            return self._desk.place(account, request)
        except Refused as refused:
            return refused

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
        """Make an open order, and the other of its pair, smaller; it keeps its place in the queue.

        One that has traded as much already expires.
        """
        order = self.order(account, symbol, which)
        if not order.is_open:
            raise Refused(400, -2013, "Order does not exist.")
        with self._floor.turn(time_ms):
            self._desk.amend(order, quantity, new_client_order_id)
        return order

    # Questions

    def order(self, account: str, symbol: str, which: Which) -> Order:
        self._desk.book(symbol)
        order = self._registry.find(account, symbol, which.order_id, which.client_order_id)
        if order is None:
            raise Refused(400, -2013, "Order does not exist.")
        return order

    def open_orders(self, account: str, symbol: str | None = None) -> list[Order]:
        """Oldest first."""
        return self._registry.open_orders(account, symbol)

    def all_orders(self, account: str, symbol: str) -> list[Order]:
        """Open and remembered finished ones, oldest first."""
        return self._registry.all_orders(account, symbol)

    def fills(self, account: str, symbol: str) -> list[Fill]:
        """An account's trades, oldest first."""
        return self._registry.fills(account, symbol)

    def lists(self, account: str) -> list[OrderList]:
        """Order lists, open and remembered, oldest first."""
        return [group for group in self._registry.lists.values() if group.account.name == account]

    def standing(self, account: str, symbol: str) -> Standing:
        """What filters look at."""
        return self._floor.standing(self.account(account), self._desk.book(symbol))
