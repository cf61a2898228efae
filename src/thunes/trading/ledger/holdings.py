"""Holdings and positions in the database."""

from __future__ import annotations

from dataclasses import fields
from decimal import Decimal

import orjson
from sqlalchemy import and_, bindparam, delete, func, select

from thunes.trading.ledger.connections import Database
from thunes.trading.ledger.numbers import ZERO
from thunes.trading.ledger.pnl import Holding, Lot
from thunes.trading.ledger.round_trips import RoundTrip, SymbolBook, position_of
from thunes.trading.ledger.rows import putting
from thunes.trading.ledger.schema import holdings, positions
from thunes.trading.ledger.statements import Statement
from thunes.trading.ledger.values import Dust, Position

TRIP = [positions.c[field.name] for field in fields(RoundTrip)]
POSITION = [(holdings if field.name in ("quantity", "cost") else positions).c[field.name] for field in fields(Position)]
OPEN = positions.c.closed_ms.is_(None)
HELD = holdings.c.symbol == positions.c.symbol
OPEN_POSITIONS = select(*POSITION).join_from(positions, holdings, HELD).where(OPEN).order_by(positions.c.symbol)
OPEN_ONES = Statement(OPEN_POSITIONS)
OPEN_ONE = Statement(OPEN_POSITIONS.where(positions.c.symbol == bindparam("of_symbol")))
QUANTITY = Statement(
    select(holdings.c.quantity)
    .join_from(positions, holdings, HELD)
    .where(OPEN, positions.c.symbol == bindparam("of_symbol"))
)
COUNT = Statement(select(func.count()).select_from(positions).where(OPEN))
CLOSED_ONES = Statement(
    select(*TRIP).where(positions.c.closed_ms >= bindparam("start_ms")).order_by(positions.c.closed_ms)
)
DUST = Statement(
    select(*holdings.c["symbol", "quantity", "cost"])
    .where(holdings.c.symbol.not_in(select(positions.c.symbol).where(OPEN)))
    .order_by(holdings.c.symbol)
)
LATEST = select(func.max(positions.c.opened_trade_id)).where(positions.c.symbol == bindparam("of_symbol"))
BOOK = Statement(
    select(*holdings.c["quantity", "cost", "lots", "last_trade_id"], *TRIP)
    .join_from(holdings, positions, and_(HELD, positions.c.opened_trade_id == LATEST.scalar_subquery()), isouter=True)
    .where(holdings.c.symbol == bindparam("of_symbol"))
)
PUT_TRIP, PUT_HOLDING = putting(positions), putting(holdings)
FORGET_TRIPS = Statement(delete(positions).where(positions.c.symbol == bindparam("of_symbol")))
FORGET_HOLDING = Statement(delete(holdings).where(holdings.c.symbol == bindparam("of_symbol")))


def load_book(database: Database, symbol: str) -> SymbolBook:
    """A symbol's holding and its last round trip."""
    row = database.row(BOOK, {"of_symbol": symbol})
    if row is None:
        return SymbolBook()
    quantity, cost, lots, last_trade_id, *trip = row
    trips = (RoundTrip(*trip),) if trip[0] is not None else ()
    return SymbolBook(Holding(quantity, cost, _lots(lots)), last_trade_id, trips)


def save_book(database: Database, symbol: str, book: SymbolBook, known: SymbolBook | None = None) -> None:
    """Write a symbol's holding and the round trips that the book tells of, but those that the `known` one has so."""
    for trip in book.trips:
        if known is None or trip not in known.trips:
            database.change(PUT_TRIP, vars(trip))
    held = book.holding
    values = {"quantity": held.quantity, "cost": held.cost, "lots": _lots_json(held)}
    database.change(PUT_HOLDING, {"symbol": symbol, **values, "last_trade_id": book.last_trade_id})


def forget_book(database: Database, symbol: str) -> None:
    """Before it is made anew."""
    database.change(FORGET_TRIPS, {"of_symbol": symbol})
    database.change(FORGET_HOLDING, {"of_symbol": symbol})


def open_positions(database: Database) -> list[Position]:
    """By symbol."""
    return [Position(*row) for row in database.rows(OPEN_ONES, {})]


def open_position(database: Database, symbol: str) -> Position | None:
    """The one of a symbol."""
    row = database.row(OPEN_ONE, {"of_symbol": symbol})
    return Position(*row) if row else None


def held(database: Database, symbol: str) -> Decimal:
    """What the open position of a symbol holds, 0 without one."""
    row = database.row(QUANTITY, {"of_symbol": symbol})
    return row[0] if row else ZERO


def closed_positions(database: Database, start_ms: int) -> list[Position]:
    """Those closed since then, in the order they were."""
    trips = [RoundTrip(*row) for row in database.rows(CLOSED_ONES, {"start_ms": start_ms})]
    return [position_of(trip, Holding()) for trip in trips]


def count_open(database: Database) -> int:
    """How many positions are open."""
    return int(database.rows(COUNT, {})[0][0])


def dust(database: Database) -> list[Dust]:
    """What is held of symbols without an open position, by symbol."""
    return [found for found in (Dust(*row) for row in database.rows(DUST, {})) if found.quantity]


def _lots(told: str) -> tuple[Lot, ...]:
    return tuple([Lot(Decimal(quantity), Decimal(cost)) for quantity, cost in orjson.loads(told)])


def _lots_json(holding: Holding) -> str:
    return orjson.dumps([(format(lot.quantity, "f"), format(lot.cost, "f")) for lot in holding.lots]).decode()
