"""A symbol's fills as round trips: what opens a position, what closes it, what stays as dust. Pure.

A buy opens a position where none is open. A sell closes it when less remains than can be sold; that remainder is dust:
it keeps its cost, is part of the next position's holding, and counts for no position until then. Dust that is sold
belongs to the round trip it is from.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from decimal import Decimal

from thunes.exchange.orders import Fill
from thunes.trading.ledger.numbers import ZERO, plus
from thunes.trading.ledger.pnl import Holding, Realised, trade_of, traded
from thunes.trading.ledger.values import BookedFill, Dust, Position


@dataclass(frozen=True)
class Entry:
    """A fill with what its booking must know; see `Valuation`."""

    fill: Fill
    base: str
    commission_value: Decimal | None
    least_sellable: Decimal
    strategy: str = ""


@dataclass(frozen=True)
class RoundTrip:
    """A position without what is held: that is the holding's."""

    symbol: str
    strategy: str
    opened_trade_id: int
    opened_ms: int
    closed_ms: int | None = None
    bought: Decimal = ZERO
    bought_quote: Decimal = ZERO
    sold: Decimal = ZERO
    sold_quote: Decimal = ZERO
    fees: Decimal = ZERO
    realised: Decimal = ZERO
    realised_fifo: Decimal = ZERO


@dataclass(frozen=True)
class SymbolBook:
    """A symbol's holding and its round trips; only the last one can still change."""

    holding: Holding = field(default_factory=Holding)
    last_trade_id: int = -1
    trips: tuple[RoundTrip, ...] = ()

    @property
    def current(self) -> RoundTrip | None:
        """The round trip that is open."""
        return self.trips[-1] if self.trips and self.trips[-1].closed_ms is None else None

    @property
    def position(self) -> Position | None:
        """The open position."""
        return position_of(self.current, self.holding) if self.current else None

    def dust(self, symbol: str) -> Dust | None:
        """What is held without an open position."""
        if self.current or self.holding.quantity == 0:
            return None
        return Dust(symbol, self.holding.quantity, self.holding.cost)


def position_of(trip: RoundTrip, holding: Holding) -> Position:
    """A round trip with what is held; a closed one holds nothing."""
    held = holding if trip.closed_ms is None else Holding()
    return Position(**vars(trip), quantity=held.quantity, cost=held.cost)


def booked(book: SymbolBook, entry: Entry) -> tuple[SymbolBook, BookedFill]:
    """The book after a fill, and what the fill did."""
    fill = entry.fill
    holding, realised = traded(book.holding, trade_of(fill, entry.base, entry.commission_value))
    result = BookedFill(
        fill, realised.average, realised.fifo, entry.commission_value, realised.uncovered, external=False
    )
    trips = _after_buy(book, entry) if fill.side == "BUY" else _after_sell(book, entry, holding, realised)
    return SymbolBook(holding, fill.trade_id, trips), result


def rebuilt(entries: Iterable[Entry]) -> tuple[SymbolBook, list[BookedFill]]:
    """The book of all fills, by trade id; what each did."""
    book, results = SymbolBook(), []
    for entry in sorted(entries, key=lambda entry: entry.fill.trade_id):
        book, result = booked(book, entry)
        results.append(result)
    return book, results


def _after_buy(book: SymbolBook, entry: Entry) -> tuple[RoundTrip, ...]:
    fill, trips = entry.fill, book.trips
    if book.current is None:
        trips = (*trips, RoundTrip(fill.symbol, entry.strategy, fill.trade_id, fill.time_ms))
    last = trips[-1]
    return *trips[:-1], replace(
        last,
        bought=plus(last.bought, fill.quantity),
        bought_quote=plus(last.bought_quote, fill.quote),
        fees=plus(last.fees, entry.commission_value or ZERO),
    )


def _after_sell(book: SymbolBook, entry: Entry, left: Holding, realised: Realised) -> tuple[RoundTrip, ...]:
    if not book.trips or realised.average is None:
        return book.trips  # coins that were not bought here
    last, fill = book.trips[-1], entry.fill
    over = left.quantity == 0 or left.quantity < entry.least_sellable
    closed_ms = fill.time_ms if over and last.closed_ms is None else last.closed_ms
    return *book.trips[:-1], replace(
        last,
        closed_ms=closed_ms,
        sold=plus(last.sold, fill.quantity),
        sold_quote=plus(last.sold_quote, fill.quote),
        fees=plus(last.fees, entry.commission_value or ZERO),
        realised=plus(last.realised, realised.average),
        realised_fifo=plus(last.realised_fifo, realised.fifo or ZERO),
    )
