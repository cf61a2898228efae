"""Every order the exchange knows: open and finished, by its id and by its client's, and how many of which kind."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from decimal import Decimal

from thunes.simulator.engine.accounts import ZERO, Account
from thunes.simulator.engine.orders import STOPS, Fill, Order, OrderList, Symbol
from thunes.simulator.engine.rules import Rules
from thunes.simulator.request import Refused

Place = tuple[str, str]  # account, symbol


@dataclass(slots=True)
class Tally:
    """Open orders by kind, as the counting filters want them."""

    orders: int = 0
    stops: int = 0
    icebergs: int = 0
    lists: int = 0

    def count(self, order: Order, change: int) -> None:
        self.orders += change
        if order.request.type in STOPS:
            self.stops += change
        if order.request.iceberg_quantity:
            self.icebergs += change


class Shelf:
    """What one account has on one symbol: by client id, `open` by order id, the newest `keep` fills.

    Of orders that bear the same client id `named` has the newest, `namesakes` the ones before it, oldest first.
    """

    __slots__ = ("fills", "named", "namesakes", "of_account", "open", "tally")

    def __init__(self, of_account: Tally, keep: int) -> None:
        self.named: dict[str, Order] = {}
        self.namesakes: dict[str, deque[Order]] = {}
        self.open: dict[int, Order] = {}
        self.fills: deque[Fill] = deque(maxlen=keep)
        self.tally, self.of_account = Tally(), of_account

    def count(self, order: Order, change: int) -> None:
        self.tally.count(order, change)
        self.of_account.count(order, change)

    def is_taken(self, client_order_id: str) -> bool:
        order = self.named.get(client_order_id)
        return order is not None and order.is_open

    def name(self, order: Order) -> None:
        """From now on the order is the one that its client id means."""
        name = order.client_order_id
        before = self.named.get(name)
        if before is not None:
            self.namesakes.setdefault(name, deque()).append(before)
        self.named[name] = order

    def unname(self, order: Order) -> None:
        """The order no longer bears its client id, which then means the one that had it before."""
        name = order.client_order_id
        namesakes = self.namesakes.get(name)
        if self.named.get(name) is not order:
            if namesakes and order in namesakes:
                namesakes.remove(order)
        elif namesakes:
            self.named[name] = namesakes.pop()
        else:
            del self.named[name]
        if namesakes is not None and not namesakes:
            del self.namesakes[name]


class Registry:
    """Orders, lists and fills, of which the last `rules.keep` that are finished are remembered."""

    def __init__(self, rules: Rules) -> None:
        self._rules = rules
        self._orders: dict[int, Order] = {}
        self._shelves: dict[Place, Shelf] = {}
        self._tallies: dict[str, Tally] = {}  # by account
        self._finished: deque[Order] = deque()
        self.lists: dict[int, OrderList] = {}
        self._last_id = self._last_list_id = 0

    @property
    def next_id(self) -> int:
        """The id that the next order gets."""
        return self._last_id + 1

    def new_id(self) -> int:
        self._last_id += 1
        return self._last_id

    def new_list_id(self) -> int:
        self._last_list_id += 1
        return self._last_list_id

    def add(self, order: Order) -> None:
        """Enter an order that has its id."""
        shelf = self._shelf_of(order)
        self._orders[order.id] = shelf.open[order.id] = order
        shelf.name(order)
        shelf.count(order, 1)

    def close(self, order: Order) -> None:
        """The order is finished: it keeps its name, but no longer bars others from it."""
        shelf = self._shelf_of(order)
        del shelf.open[order.id]
        shelf.count(order, -1)
        self._finished.append(order)
        if len(self._finished) > self._rules.keep:
            self._forget(self._finished.popleft())

    def rename(self, order: Order, client_order_id: str, *, keep_old: bool = False) -> None:
        """Give an order another client id; the old one is free again."""
        shelf = self._shelf_of(order)
        if not keep_old:
            shelf.unname(order)
        order.client_order_id = client_order_id
        if not shelf.is_taken(client_order_id):  # the name of an open order stays that order's
            shelf.name(order)

    def count_list(self, group: OrderList, change: int) -> None:
        """Count a list in (1) or out (−1)."""
        self.lists[group.id] = group
        shelf = self.shelf(group.account.name, group.symbol)
        shelf.tally.lists += change
        shelf.of_account.lists += change

    def record(self, account: str, fill: Fill) -> None:
        self.shelf(account, fill.symbol).fills.append(fill)

    def is_taken(self, account: str, symbol: str, client_order_id: str) -> bool:
        """Whether an open order of this account and symbol bears the id."""
        return self.shelf(account, symbol).is_taken(client_order_id)

    def find(self, account: str, symbol: str, order_id: int | None, client_order_id: str | None) -> Order | None:
        """The order with these ids, or None; `Refused` when both are given and belong to different ones."""
        if order_id is None:
            return self.shelf(account, symbol).named.get(client_order_id or "")
        order = self._orders.get(order_id)
        if order is None or order.account.name != account or order.request.symbol != symbol:
            return None
        if client_order_id is not None and order.client_order_id != client_order_id:
            raise Refused(400, -2039, "Client order ID is not correct for this order ID.")
        return order

    def find_list(
        self, account: str, symbol: str, list_id: int | None, client_order_id: str | None
    ) -> OrderList | None:
        """The order list with this id, else the newest with this client id."""
        if list_id is not None:
            group = self.lists.get(list_id)
            return group if group and group.account.name == account and group.symbol == symbol else None
        name = (account, symbol, client_order_id)
        found = (
            group for group in self.lists.values() if (group.account.name, group.symbol, group.client_order_id) == name
        )
        return max(found, key=lambda group: group.id, default=None)

    def open_orders(self, account: str, symbol: str | None = None) -> list[Order]:
        """Oldest first, of one symbol or of all."""
        if symbol is not None:
            return list(self.shelf(account, symbol).open.values())
        shelves = (shelf for (name, _), shelf in self._shelves.items() if name == account)
        found = (order for shelf in shelves for order in shelf.open.values())
        return sorted(found, key=lambda order: order.id)

    def all_orders(self, account: str, symbol: str) -> list[Order]:
        """Open and finished ones, oldest first."""
        orders = self._orders.values()
        return [order for order in orders if order.account.name == account and order.request.symbol == symbol]

    def fills(self, account: str, symbol: str) -> list[Fill]:
        return list(self.shelf(account, symbol).fills)

    def shelf(self, account: str, symbol: str) -> Shelf:
        """All that an account has on a symbol, which may be nothing yet."""
        shelf = self._shelves.get((account, symbol))
        if shelf is None:
            of_account = self._tallies.setdefault(account, Tally())
            shelf = self._shelves[account, symbol] = Shelf(of_account, self._rules.keep)
        return shelf

    def _shelf_of(self, order: Order) -> Shelf:
        return self.shelf(order.account.name, order.request.symbol)

    def _forget(self, order: Order) -> None:
        del self._orders[order.id]
        self._shelf_of(order).unname(order)
        if order.group and all(other.id not in self._orders for other in order.group.orders):
            self.lists.pop(order.group.id, None)


class Standing:
    """What filters need of an account and a symbol at this moment; each figure is worked out when asked for."""

    def __init__(self, registry: Registry, account: Account, symbol: Symbol, last_price: Decimal | None) -> None:
        self._registry = registry
        self.account, self.symbol, self.last_price = account, symbol, last_price

    @property
    def on_symbol(self) -> Tally:
        return self._registry.shelf(self.account.name, self.symbol.name).tally

    @property
    def on_account(self) -> Tally:
        return self._registry.shelf(self.account.name, self.symbol.name).of_account

    @property
    def base(self) -> Decimal:
        """Free and locked base."""
        return self.account.free(self.symbol.base) + self.account.locked(self.symbol.base)

    @property
    def buying(self) -> Decimal:
        """What the open BUY orders have still to buy, in base."""
        orders = self._registry.open_orders(self.account.name, self.symbol.name)
        return sum((order.remaining for order in orders if order.request.side == "BUY"), ZERO)
