"""Order lists: of a pair at most one order executes, and what follows a working order waits for its fill."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from thunes.simulator.engine.accounts import ZERO
from thunes.simulator.engine.orders import Order, OrderList
from thunes.simulator.request import Refused

if TYPE_CHECKING:
    from thunes.simulator.engine.floor import Floor


ENDED_BY_LIST = ("OCO_TRIGGER", "OTO_PHASE_ONE_EXPIRED", "EXCHANGE_CANCELED")


class Lists:
    """What happens to the other orders of a list when something happens to one."""

    def __init__(self, floor: Floor) -> None:
        self._floor = floor

    def sharing(self, order: Order) -> tuple[Order, ...]:
        """The open orders that the same money is set aside for, the one that holds it first."""
        twin = order.group.twin(order) if order.group else None
        if twin is None:
            return (order,)
        return (order, twin) if order.locked else (twin, order)

    def engage(self, order: Order) -> None:
        """An order begins to execute: the other of its pair expires, and leaves it the money."""
        twin = order.group.twin(order) if order.group else None
        if twin is not None:
            order.locked, twin.locked = order.locked + twin.locked, ZERO
            self._floor.expire(twin, "OCO_TRIGGER")

    def closed(self, order: Order) -> None:
        """An order of a list has ended: the others go on, or end with it."""
        group = order.group
        if group is None or group.done:
            return
        if order.status == "FILLED" and order is group.working:
            self._floor.later(partial(self._open_followers, group))
        elif order.expiry_reason not in ENDED_BY_LIST:
            self._end_others(group, order)
        self._conclude(group)

    def _conclude(self, group: OrderList) -> None:
        if group.done or any(order.is_open for order in group.orders):
            return
        group.done = True
        self._floor.registry.count_list(group, -1)
        self._floor.announcer.report_list(group, "ALL_DONE")

    def _end_others(self, group: OrderList, order: Order) -> None:
        for other in group.orders:
            if other.is_open and order.status == "CANCELED":
                self._floor.cancel(other, None)
            elif other.is_open:
                first = order is group.working
                self._floor.expire(other, "OTO_PHASE_ONE_EXPIRED" if first else "EXCHANGE_CANCELED")

    def _open_followers(self, group: OrderList) -> None:
        """The working order is filled; followers that the engine would now refuse expire."""
        floor = self._floor
        try:
            plans, need = floor.admit(group.followers)
        except Refused:
            for order in group.followers:
                if order.is_open:
                    floor.expire(order, "REJECTED")
            return
        floor.enter(group.followers, need)
        floor.announcer.report_list(group, "UPDATED")
        floor.work(group.followers, plans)
