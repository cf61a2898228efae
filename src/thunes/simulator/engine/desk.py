"""The order desk: turns what clients ask into orders on the floor, or refuses it before anything has changed."""

from __future__ import annotations

from dataclasses import dataclass, replace
from decimal import Decimal
from itertools import pairwise
from typing import Literal

from thunes.simulator.engine.accounts import ZERO, Account
from thunes.simulator.engine.book import Book
from thunes.simulator.engine.floor import Floor
from thunes.simulator.engine.matching import PREVENTION
from thunes.simulator.engine.orders import Amendment, ListRequest, Order, OrderList, Status
from thunes.simulator.request import OrderRequest, Refused

Restriction = Literal["ONLY_NEW", "ONLY_PARTIALLY_FILLED"]
ALLOWED: dict[Restriction, Status] = {"ONLY_NEW": "NEW", "ONLY_PARTIALLY_FILLED": "PARTIALLY_FILLED"}
RELATION = "The relationship of the prices for the orders is not correct."


@dataclass(frozen=True)
class Which:
    """The order that is meant: by id, by client id, or by both, which must then agree."""

    order_id: int | None = None
    client_order_id: str | None = None


class Desk:
    """Inside a turn of the floor, one method a wish."""

    def __init__(self, floor: Floor) -> None:
        self._floor, self._registry = floor, floor.registry

    def book(self, symbol: str) -> Book:
        book = self._floor.books.get(symbol)
        if book is None:
            raise Refused(400, -1121, "Invalid symbol.")
        return book

    def sized(self, account: Account, request: OrderRequest) -> OrderRequest:
        """The request with its quantity in base: a market order by quote quantity gets what its money pays for."""
        if request.quote_quantity is None or request.quantity is not None:
            return request
        book = self.book(request.symbol)
        mode = request.self_trade_prevention or book.symbol.default_self_trade_prevention
        own = account if mode in PREVENTION else None
        offers = book.facing(request.side).offers()
        levels = ((price, quantity) for price, maker, quantity in offers if maker is None or maker.account is not own)
        return replace(request, quantity=self._floor.gate.quantity(book.symbol, request.quote_quantity, levels))

    def check(self, account: Account, request: OrderRequest) -> None:
        book = self.book(request.symbol)
        self._floor.gate.check(book.symbol, request, self._floor.standing(account, book))

    def place(self, account: Account, request: OrderRequest) -> Order:
        """Take in a sized request that the gate has let through."""
        if self._registry.is_taken(account.name, request.symbol, request.client_order_id):
            raise Refused(400, -2010, "Duplicate order sent.")
        order = self._build(account, request)
        plans, need = self._floor.admit((order,))
        order.id = self._registry.new_id()
        self._registry.add(order)
        self._floor.enter((order,), need)
        self._floor.work((order,), plans)
        return order

    def reject(self, account: Account, request: OrderRequest, refused: Refused) -> None:
        """Tell the account of an order that was refused after the one it should replace was cancelled."""
        order = self._build(account, replace(request, quantity=request.quantity or ZERO), "PENDING_NEW", checked=False)
        order.id = self._registry.new_id()
        order.become("REJECTED", self._floor.now)
        self._floor.announcer.report(order, "REJECTED", reject_reason=refused.message)

    def place_list(self, account: Account, request: ListRequest) -> OrderList:
        """Take in a list that the gate has let through."""
        book = self.book(request.symbol)
        self._refuse_names(account.name, request)
        _refuse_prices(request, book.last_price)
        first = tuple(self._build(account, one) for one in request.requests[: 1 if request.working else 2])
        rest = request.followers if request.working else ()
        plans, need = self._floor.admit(first)
        waiting = tuple(self._build(account, one, "PENDING_NEW") for one in rest)
        group = OrderList(
            id=self._registry.new_list_id(),
            client_order_id=request.client_order_id,
            symbol=request.symbol,
            account=account,
            working=first[0] if request.working else None,
            followers=waiting or first,
            time_ms=self._floor.now,
        )
        for order in group.orders:
            order.id, order.group = self._registry.new_id(), group
            self._registry.add(order)
        self._registry.count_list(group, 1)
        self._floor.enter(first, need)
        for order in waiting:
            self._floor.announcer.report(order, "NEW")
        self._floor.announcer.report_list(group, "EXEC_STARTED")
        self._floor.work(first, plans)
        return group

    def cancel(
        self, account: str, symbol: str, which: Which, new_client_order_id: str | None, restriction: Restriction | None
    ) -> Order:
        order = self._registry.find(account, symbol, which.order_id, which.client_order_id)
        if order is None or not order.is_open:
            raise Refused(400, -2011, "Unknown order sent.")
        if restriction is not None and order.status != ALLOWED[restriction]:
            raise Refused(400, -2011, "Order was not canceled due to cancel restrictions.")
        self._floor.cancel(order, new_client_order_id)
        return order

    def amend(self, order: Order, quantity: Decimal, new_client_order_id: str | None) -> None:
        """Make an open order smaller, and with it the other of its pair, which holds the same money."""
        book, floor = self.book(order.request.symbol), self._floor
        request = replace(order.request, quantity=order.quantity)
        standing = floor.standing(order.account, book)
        floor.gate.check_amendment(book.symbol, request, quantity, len(order.amendments), standing)
        if quantity >= order.quantity:
            raise Refused(400, -2038, "Order amend (quantity increase) is not supported.")
        sharing = floor.lists.sharing(order)
        for one in sharing:
            name = new_client_order_id if one is order else one.client_order_id
            self._shrink(one, quantity, name or floor.new_name())
        if order.remaining <= 0:
            floor.expire(order, "NONE")
        elif order.status != "PENDING_NEW":
            floor.shrink(sharing)

    def _shrink(self, order: Order, quantity: Decimal, name: str) -> None:
        original, previous = order.client_order_id, order.quantity
        order.quantity = max(quantity, order.executed + order.prevented)
        self._registry.rename(order, name)
        order.become(order.status, self._floor.now)
        report = self._floor.announcer.report(order, "REPLACED", original_id=original)
        order.amendments.append(Amendment(report, previous))
        if order.group and name != original:
            self._floor.announcer.report_list(order.group, "UPDATED")

    def _build(self, account: Account, request: OrderRequest, status: Status = "NEW", *, checked: bool = True) -> Order:
        """An order that nobody knows of yet."""
        quantity = request.quantity or ZERO
        if checked and (quantity <= 0 or (request.price is not None and request.price <= 0)):
            raise Refused(400, -2010, "Price * QTY is zero or less.")
        symbol = self.book(request.symbol).symbol
        return Order(
            id=0,
            request=request,
            account=account,
            quantity=quantity,
            time_ms=self._floor.now,
            mode=request.self_trade_prevention or symbol.default_self_trade_prevention,
            client_order_id=request.client_order_id,
            status=status,
            updated_ms=self._floor.now,
        )

    def _refuse_names(self, account: str, request: ListRequest) -> None:
        names = [one.client_order_id for one in request.requests]
        known = any(self._registry.is_taken(account, request.symbol, name) for name in names)
        group = self._registry.find_list(account, request.symbol, None, request.client_order_id)
        if known or len(set(names)) < len(names) or (group is not None and not group.done):
            raise Refused(400, -2010, "Duplicate order sent.")


def _refuse_prices(request: ListRequest, last: Decimal | None) -> None:
    """A pair must be a stop loss and its opposite, on both sides of the market where it stands already."""
    if len(request.followers) < 2:
        return
    losses = [one for one in request.followers if one.type.startswith("STOP_LOSS")]
    gains = [one for one in request.followers if one.type.startswith("TAKE_PROFIT") or one.type == "LIMIT_MAKER"]
    if len(losses) != 1 or len(gains) != 1:
        raise Refused(400, -1014, "Unsupported order combination.")
    loss, gain = losses[0].stop_price, gains[0].price or gains[0].stop_price
    market = last if request.working is None else None  # a follower's market is not there yet
    prices = [price for price in (loss, market, gain) if price is not None]
    rising = prices if losses[0].side == "SELL" else prices[::-1]
    if any(high <= low for low, high in pairwise(rising)):
        raise Refused(400, -2010, RELATION)
