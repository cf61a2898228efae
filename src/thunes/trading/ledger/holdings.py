"""Holdings and positions in the database."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import orjson
from sqlalchemy import Connection, Row, bindparam, func, select

from thunes.trading.ledger.pnl import Holding, Lot
from thunes.trading.ledger.round_trips import RoundTrip, SymbolBook, position_of
from thunes.trading.ledger.rows import put
from thunes.trading.ledger.schema import holdings, positions
from thunes.trading.ledger.values import Dust, Position

OPEN = positions.c.closed_ms.is_(None)
HOLDING = select(holdings).where(holdings.c.symbol == bindparam("of_symbol"))
WITH_HOLDINGS = (
    select(positions, holdings.c.quantity, holdings.c.cost, holdings.c.lots)
    .join(holdings, holdings.c.symbol == positions.c.symbol)
    .order_by(positions.c.symbol)
)
OPEN_ONES = WITH_HOLDINGS.where(OPEN)
OPEN_ONE = OPEN_ONES.where(positions.c.symbol == bindparam("of_symbol"))
LATEST = (
    select(positions)
    .where(positions.c.symbol == bindparam("of_symbol"))
    .order_by(positions.c.opened_trade_id.desc())
    .limit(1)
)


def load_book(connection: Connection, symbol: str) -> SymbolBook:
    """A symbol's holding and its last round trip."""
    of = {"of_symbol": symbol}
    row = connection.execute(HOLDING, of).first()
    if row is None:
        return SymbolBook()
    trips = tuple(_trip(found) for found in connection.execute(LATEST, of).all())
    return SymbolBook(_holding(row), row.last_trade_id, trips)


def save_book(connection: Connection, symbol: str, book: SymbolBook) -> None:
    """Write a symbol's holding and the round trips that the book tells of."""
    for trip in book.trips:
        put(connection, positions, **vars(trip))
    put(
        connection,
        holdings,
        symbol=symbol,
        quantity=book.holding.quantity,
        cost=book.holding.cost,
        lots=_lots_json(book.holding),
        last_trade_id=book.last_trade_id,
    )


def open_positions(connection: Connection) -> list[Position]:
    """By symbol."""
    return [_position(row) for row in connection.execute(OPEN_ONES).all()]


def open_position(connection: Connection, symbol: str) -> Position | None:
    """The one of a symbol."""
    row = connection.execute(OPEN_ONE, {"of_symbol": symbol}).first()
    return _position(row) if row else None


def closed_positions(connection: Connection, start_ms: int) -> list[Position]:
    """Those closed since then, in the order they were."""
    asked = WITH_HOLDINGS.where(positions.c.closed_ms >= start_ms).order_by(None)
    return [_position(row) for row in connection.execute(asked.order_by(positions.c.closed_ms)).all()]


def count_open(connection: Connection) -> int:
    """How many positions are open."""
    return int(connection.execute(select(func.count()).select_from(positions).where(OPEN)).scalar_one())


def dust(connection: Connection) -> list[Dust]:
    """What is held of symbols without an open position, by symbol."""
    standing = select(positions.c.symbol).where(OPEN)
    asked = select(holdings).where(holdings.c.symbol.not_in(standing)).order_by(holdings.c.symbol)
    rows = connection.execute(asked).all()
    return [Dust(row.symbol, row.quantity, row.cost) for row in rows if row.quantity]


def _position(row: Row[Any]) -> Position:
    return position_of(_trip(row), _holding(row))


def _trip(row: Row[Any]) -> RoundTrip:
    return RoundTrip(**{column.name: getattr(row, column.name) for column in positions.columns})


def _holding(row: Row[Any]) -> Holding:
    lots = tuple(Lot(Decimal(quantity), Decimal(cost)) for quantity, cost in orjson.loads(row.lots))
    return Holding(row.quantity, row.cost, lots)


def _lots_json(holding: Holding) -> str:
    return orjson.dumps([(format(lot.quantity, "f"), format(lot.cost, "f")) for lot in holding.lots]).decode()
