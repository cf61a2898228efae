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
        self.stops += change * (order.request.type in STOPS)
        self.icebergs += change * bool(order.request.iceberg_quantity)


class Registry:
    """Orders, lists and fills, of which the last `rules.keep` that are finished are remembered."""

    def __init__(self, rules: Rules) -> None:
        self._rules = rules
        self._orders: dict[int, Order] = {}
        self._named: dict[tuple[str, str, str], Order] = {}
        self._open: dict[Place, dict[int, Order]] = {}
        self._tallies: dict[Place | str, Tally] = {}
        self._finished: deque[Order] = deque()
        self._fills: dict[Place, deque[Fill]] = {}
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
        place = (order.account.name, order.request.symbol)
        self._orders[order.id] = order
        self._named[*place, order.client_order_id] = order
        self._open.setdefault(place, {})[order.id] = order
        for tally in self._both(place):
            tally.count(order, 1)

    def close(self, order: Order) -> None:
        """The order is finished: it keeps its name, but no longer bars others from it."""
        place = (order.account.name, order.request.symbol)
        del self._open[place][order.id]
        for tally in self._both(place):
            tally.count(order, -1)
        self._finished.append(order)
        if len(self._finished) > self._rules.keep:
            self._forget(self._finished.popleft())

    def rename(self, order: Order, client_order_id: str, *, keep_old: bool = False) -> None:
        """Give an order another client id; the old one is free again."""
        place = (order.account.name, order.request.symbol)
        if not keep_old:
            self._named.pop((*place, order.client_order_id), None)
        order.client_order_id = client_order_id
        if not self.is_taken(*place, client_order_id):  # the name of an open order stays that order's
            self._named[*place, client_order_id] = order

    def count_list(self, group: OrderList, change: int) -> None:
        """Count a list in (1) or out (−1)."""
        self.lists[group.id] = group
        for tally in self._both((group.account.name, group.symbol)):
            tally.lists += change

    def record(self, account: str, fill: Fill) -> None:
        fills = self._fills.get((account, fill.symbol))
        if fills is None:
            fills = self._fills[account, fill.symbol] = deque(maxlen=self._rules.keep)
        fills.append(fill)

    def is_taken(self, account: str, symbol: str, client_order_id: str) -> bool:
        """Whether an open order of this account and symbol bears the id."""
        order = self._named.get((account, symbol, client_order_id))
        return order is not None and order.is_open

    def find(self, account: str, symbol: str, order_id: int | None, client_order_id: str | None) -> Order | None:
        """The order with these ids, or None; `Refused` when both are given and belong to different ones."""
        if order_id is None:
            return self._named.get((account, symbol, client_order_id or ""))
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
            return list(self._open.get((account, symbol), {}).values())
        found = (order for (name, _), orders in self._open.items() if name == account for order in orders.values())
        return sorted(found, key=lambda order: order.id)

    def all_orders(self, account: str, symbol: str) -> list[Order]:
        """Open and finished ones, oldest first."""
        orders = self._orders.values()
        return [order for order in orders if order.account.name == account and order.request.symbol == symbol]

    def fills(self, account: str, symbol: str) -> list[Fill]:
        return list(self._fills.get((account, symbol), ()))

    def tally(self, place: Place | str) -> Tally:
        """Open orders of an account on a symbol, or of an account."""
        tally = self._tallies.get(place)
        if tally is None:
            tally = self._tallies[place] = Tally()
        return tally

    def _both(self, place: Place) -> tuple[Tally, Tally]:
        return self.tally(place), self.tally(place[0])

    def _forget(self, order: Order) -> None:
        del self._orders[order.id]
        name = (order.account.name, order.request.symbol, order.client_order_id)
        if self._named.get(name) is order:
            del self._named[name]
        if order.group and all(other.id not in self._orders for other in order.group.orders):
            self.lists.pop(order.group.id, None)


class Standing:
    """What filters need of an account and a symbol at this moment; each figure is worked out when asked for."""

    def __init__(self, registry: Registry, account: Account, symbol: Symbol, last_price: Decimal | None) -> None:
        self._registry = registry
        self.account, self.symbol, self.last_price = account, symbol, last_price

    @property
    def on_symbol(self) -> Tally:
        return self._registry.tally((self.account.name, self.symbol.name))

    @property
    def on_account(self) -> Tally:
        return self._registry.tally(self.account.name)

    @property
    def base(self) -> Decimal:
        """Free and locked base."""
        return self.account.free(self.symbol.base) + self.account.locked(self.symbol.base)

    @property
    def buying(self) -> Decimal:
        """What the open BUY orders have still to buy, in base."""
        orders = self._registry.open_orders(self.account.name, self.symbol.name)
        return sum((order.remaining for order in orders if order.request.side == "BUY"), ZERO)
