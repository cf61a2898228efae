"""The numbers of a book's states: what `lastUpdateId` of a snapshot and the ids of streams have in common."""

from __future__ import annotations

from collections import Counter

from thunes.simulator.engine.events import ExecutionReport
from thunes.simulator.exchange import Exchange


class UpdateIds:
    """Counts what users' orders change in each book; with the ticks of the market that numbers its states.

    An id never falls, and rises whenever the book may have changed. It hears every report of one exchange.
    """

    def __init__(self, exchange: Exchange) -> None:
        self._exchange = exchange
        self._changes: Counter[str] = Counter()

    def __call__(self, report: ExecutionReport) -> None:
        self._changes[report.request.symbol] += 1

    def changes(self, name: str) -> int:
        """By users' orders, so far."""
        return self._changes[name]

    def now(self, name: str) -> int:
        """The id of a symbol's book as it stands; 0 where nothing has happened."""
        tick = self._exchange.last_tick(name)
        return update_id(None if tick is None else tick.number, self._changes[name])


def update_id(tick: int | None, changes: int) -> int:
    """The id of a book after the tick of that number (None: before the first) and so many changes by users."""
    return changes + (0 if tick is None else tick + 1)


def update_ids(exchange: Exchange) -> UpdateIds:
    """The counter of an exchange: the one among its listeners, which the first who asks puts there."""
    for listener in exchange.report_listeners:
        if isinstance(listener, UpdateIds):
            return listener
    counter = UpdateIds(exchange)
    exchange.report_listeners.append(counter)
    return counter
