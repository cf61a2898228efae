"""A symbol's book at any moment of the recent past, put together from the market's ladder and users' orders.

The engine knows its book as it stands now; what a stream tells of a moment in between is made of the same parts here.
"""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal

from thunes.simulator.api.updates import update_id
from thunes.simulator.engine.events import ExecutionReport
from thunes.simulator.engine.orders import Order
from thunes.simulator.feed.depth import Depth, Level
from thunes.simulator.feed.tape import Tick
from thunes.simulator.request import Side

Rows = tuple[list[Level], list[Level]]  # bids and asks, the best first
OPEN = ("NEW", "PARTIALLY_FILLED")
ZERO = Decimal(0)


class BookView:
    """One symbol. It is told the market's ticks and the reports of users' orders in the order of time."""

    def __init__(self, depth: Depth | None, changes: int) -> None:
        self._depth = depth  # None: a symbol without a market
        self.tick: Tick | None = None
        self.changes = changes  # by users' orders
        self._users: dict[int, tuple[Side, Decimal, Decimal]] = {}
        self._taken: dict[Decimal, Decimal] = {}  # of the market's levels, since its last tick
        self._taker_trade = -1

    @property
    def id(self) -> int:
        """The number of this state: `lastUpdateId`, `u`."""
        return update_id(None if self.tick is None else self.tick.number, self.changes)

    def adopt(self, orders: Iterable[Order]) -> None:
        """Begin with these orders of users, and no other ones."""
        self._users.clear()
        self._taken.clear()
        for order in orders:
            if order.request.price is not None and not order.waits_for_stop and order.working_ms is not None:
                self._users[order.id] = (order.request.side, order.request.price, order.remaining)

    def hear(self, tick: Tick | None) -> None:
        """The market's newest tick: its levels are whole again."""
        if tick is not self.tick and (self.tick is None or tick is None or tick.number != self.tick.number):
            self.tick = tick
            self._taken.clear()

    def report(self, report: ExecutionReport) -> None:
        """What happened to a user's order."""
        self.changes += 1
        price = report.request.price
        left = report.quantity - report.executed - report.prevented
        if price is not None and report.working and report.status in OPEN and left > 0:
            self._users[report.order_id] = (report.request.side, price, left)
        else:
            self._users.pop(report.order_id, None)
        if report.execution == "TRADE":
            self._trade(report)

    def _trade(self, report: ExecutionReport) -> None:
        """A taker takes from the market's level unless the maker of the same trade is a user, who reports next."""
        if not report.maker:
            self._taker_trade = report.trade_id
            self._take(report.last_price, report.last_quantity)
        elif report.trade_id == self._taker_trade:
            self._take(report.last_price, -report.last_quantity)

    def _take(self, price: Decimal, quantity: Decimal) -> None:
        self._taken[price] = self._taken.get(price, ZERO) + quantity

    def rows(self, limit: int) -> Rows:
        """At most `limit` prices on each side with all that is on offer at each."""
        ladder = self._depth.around(self.tick) if self._depth and self.tick else ((), ())
        return self._side("BUY", ladder[0], limit), self._side("SELL", ladder[1], limit)

    def _side(self, side: Side, levels: Iterable[Level], limit: int) -> list[Level]:
        taken = self._taken
        market = [(price, left) for price, size in levels if (left := size - taken.get(price, ZERO)) > 0]
        mine = [(price, left) for owner, price, left in self._users.values() if owner == side]
        if not mine:
            return market[:limit]
        merged: dict[Decimal, Decimal] = {}
        for price, left in market + mine:
            merged[price] = merged.get(price, ZERO) + left
        return sorted(merged.items(), reverse=side == "BUY")[:limit]

    def best(self) -> tuple[Level, Level]:
        """The best bid and the best ask, zeros where a side is empty."""
        if self._depth and self.tick and not self._users and not self._taken:
            bids, asks = self._depth.around(self.tick, 1)
        else:
            bids, asks = (tuple(side) for side in self.rows(1))
        return bids[0] if bids else (ZERO, ZERO), asks[0] if asks else (ZERO, ZERO)
