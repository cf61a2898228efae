"""One stream with those who listen to it, and what its next message needs to know of the last one."""

from __future__ import annotations

from decimal import Decimal
from typing import NamedTuple, Protocol

from thunes.simulator.feed.depth import Level
from thunes.simulator.streams.books import ZERO, Rows
from thunes.simulator.streams.names import Stream


class Subscriber(Protocol):
    """Whom frames go to: a connection."""

    def send_frame(self, frame: bytes) -> None:
        """One frame as it goes over the wire."""
        ...


class Manner(NamedTuple):
    """How a subscriber wants its messages: wrapped with the stream's name or bare; units of time in a millisecond."""

    combined: bool = False
    scale: int = 1


class Topic:
    """A stream that somebody listens to."""

    def __init__(self, stream: Stream) -> None:
        self.stream = stream
        self.groups: dict[Manner, dict[Subscriber, None]] = {}  # in the order in which they came
        self.told: dict[str, int] = {}  # by symbol: what was last told, so that only changes are
        self.best: tuple[Level, Level] | None = None
        self.diff: DepthDiff | None = None

    def add(self, subscriber: Subscriber, manner: Manner) -> None:
        """Tell this one too; who already listens stays as it is."""
        self.groups.setdefault(manner, {})[subscriber] = None

    def remove(self, subscriber: Subscriber, manner: Manner) -> None:
        """Tell this one no more."""
        group = self.groups.get(manner, {})
        group.pop(subscriber, None)
        if not group:
            self.groups.pop(manner, None)

    def is_news(self, symbol: str, number: int) -> bool:
        """Whether this number (of a tick, of a book's state) has not been told yet; from now on it has."""
        known = self.told.get(symbol) == number
        self.told[symbol] = number
        return not known


class Difference(NamedTuple):
    """What a depth update tells: ids of its first and last change, and the levels touched, 0 where none is left."""

    first: int
    last: int
    bids: list[Level]
    asks: list[Level]


class DepthDiff:
    """What a depth stream has told of a book, and what a snapshot taken since may have shown.

    A level that changed and changed back is told as well: a snapshot in between may hold it.
    """

    def __init__(self, rows: Rows, update: int) -> None:
        self._told, self._id = _sides(rows), update
        self._touched: tuple[set[Decimal], set[Decimal]] = (set(), set())

    def knows(self, update: int) -> bool:
        """Whether this state of the book is the one that was told last."""
        return update == self._id

    def touch(self, rows: Rows) -> None:
        """The book as somebody could see it."""
        for touched, told, seen in zip(self._touched, self._told, _sides(rows), strict=True):
            touched.update(price for price, _ in told.items() ^ seen.items())

    def due(self, rows: Rows, update: int) -> Difference | None:
        """What is to be told now; None where nothing changed."""
        if update <= self._id:
            return None
        self.touch(rows)
        now = _sides(rows)
        bids, asks = (
            [(price, seen.get(price, ZERO)) for price in sorted(touched)]
            for touched, seen in zip(self._touched, now, strict=True)
        )
        if not bids and not asks:
            return None
        found = Difference(self._id + 1, update, bids[::-1], asks)
        self._told, self._id, self._touched = now, update, (set(), set())
        return found


def _sides(rows: Rows) -> tuple[dict[Decimal, Decimal], dict[Decimal, Decimal]]:
    return dict(rows[0]), dict(rows[1])
