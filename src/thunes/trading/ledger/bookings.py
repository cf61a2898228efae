"""Booking fills: each once, whoever tells it and how often, in whatever order."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from sqlalchemy import Connection, Row, bindparam, delete, func, insert, select, update

from thunes.errors import DataError, UsageError
from thunes.exchange.orders import Fill
from thunes.trading.ledger.balances import shift
from thunes.trading.ledger.holdings import load_book, save_book
from thunes.trading.ledger.numbers import ZERO, minus, require_finite
from thunes.trading.ledger.orders import settle, strategy_of
from thunes.trading.ledger.pnl import commission_value
from thunes.trading.ledger.round_trips import Entry, booked, rebuilt
from thunes.trading.ledger.schema import fills, holdings, positions
from thunes.trading.ledger.values import BookedFill, Valuation

FILL = (fills.c.symbol == bindparam("of_symbol")) & (fills.c.trade_id == bindparam("of_trade"))
KNOWN = select(fills.c.trade_id).where(
    fills.c.symbol == bindparam("of_symbol"), fills.c.trade_id.in_(bindparam("trade_ids", expanding=True))
)
ADD = insert(fills)
CHANGE = update(fills).where(FILL)
SIDES = ("BUY", "SELL")


@dataclass(frozen=True)
class Booking:
    """Fills of one symbol to be booked; `external`: of orders that are not ours, they move balances alone."""

    fills: Sequence[Fill]
    valuation: Valuation
    external: bool
    now_ms: int


def book(connection: Connection, booking: Booking) -> list[BookedFill]:
    """What is newly booked, by trade id. Errors: `DataError` for a fill that cannot be, `UsageError` for a mixture."""
    told = {fill.trade_id: fill for fill in booking.fills}
    if not told:
        return []
    symbol = _checked(booking)
    known = _known(connection, symbol, told)
    fresh = [told[number] for number in sorted(told.keys() - known)]
    if not fresh:
        return []
    results = _external(fresh, booking) if booking.external else _booked(connection, fresh, booking)
    for result in results:
        _insert(connection, result, booking.valuation)
    shift(connection, (move for fill in fresh for move in movements(fill, booking.valuation)))
    settle(connection, symbol, {fill.order_id for fill in fresh}, booking.now_ms)
    return results


def movements(fill: Fill, valuation: Valuation) -> list[tuple[str, Decimal]]:
    """Asset and amount of everything that a fill moved; a plain minus would round to 28 digits."""
    base, quote = fill.quantity, fill.quote.copy_negate()
    if fill.side == "SELL":
        base, quote = base.copy_negate(), fill.quote
    return [(valuation.base, base), (valuation.quote, quote), (fill.commission_asset, fill.commission.copy_negate())]


def _checked(booking: Booking) -> str:
    symbols = {fill.symbol for fill in booking.fills}
    if len(symbols) > 1:
        raise UsageError("E-LEDGER-FILL", f"fills of {len(symbols)} symbols at once.", "Book each symbol's alone.")
    for fill in booking.fills:
        _check(fill, booking.valuation)
    return symbols.pop()


def _check(fill: Fill, valuation: Valuation) -> None:
    for name in ("price", "quantity", "quote", "commission"):
        require_finite(f"{name} of trade {fill.trade_id}", getattr(fill, name), least=ZERO)
    brought = fill.commission if (fill.side, fill.commission_asset) == ("BUY", valuation.base) else ZERO
    if fill.side not in SIDES or fill.quantity == 0 or minus(fill.quantity, brought) < 0:
        raise DataError("E-LEDGER-FILL", f"trade {fill.trade_id} of {fill.symbol} cannot be.", "It was not booked.")


def _known(connection: Connection, symbol: str, trade_ids: Iterable[int]) -> set[int]:
    return set(connection.execute(KNOWN, {"of_symbol": symbol, "trade_ids": list(trade_ids)}).scalars())


def _external(fresh: list[Fill], booking: Booking) -> list[BookedFill]:
    return [
        BookedFill(fill, None, None, commission_value(fill, booking.valuation), ZERO, external=True) for fill in fresh
    ]


def _booked(connection: Connection, fresh: list[Fill], booking: Booking) -> list[BookedFill]:
    """Add them to the symbol's book; one that comes after a later trade has the book made anew."""
    symbol, valuation = fresh[0].symbol, booking.valuation
    entries = [
        Entry(
            fill,
            valuation.base,
            commission_value(fill, valuation),
            valuation.least_sellable,
            strategy_of(connection, symbol, fill.order_id),
        )
        for fill in fresh
    ]
    current = load_book(connection, symbol)
    if fresh[0].trade_id < current.last_trade_id:
        return _rebuild(connection, symbol, entries)
    results = []
    for entry in entries:
        current, result = booked(current, entry)
        results.append(result)
    save_book(connection, symbol, current)
    return results


def _rebuild(connection: Connection, symbol: str, added: Sequence[Entry] = ()) -> list[BookedFill]:
    """Make the symbol's book from all its fills; what the added ones did. Rows of the others are brought up to date."""
    book, results = rebuilt([*_entries(connection, symbol), *added])
    connection.execute(delete(positions).where(positions.c.symbol == symbol))
    connection.execute(delete(holdings).where(holdings.c.symbol == symbol))
    save_book(connection, symbol, book)
    fresh = {entry.fill.trade_id for entry in added}
    for result in results:
        if result.fill.trade_id not in fresh:
            _update(connection, result)
    return [result for result in results if result.fill.trade_id in fresh]


def value_commission(connection: Connection, symbol: str, trade_id: int, value: Decimal) -> None:
    """Give a commission that was booked without a price its value in quote; the P&L follows."""
    require_finite("a commission's value", value, least=ZERO)
    waiting = CHANGE.where(fills.c.commission_value.is_(None))
    one = {"of_symbol": symbol, "of_trade": trade_id, "commission_value": value}
    changed = connection.execute(waiting, one)
    if changed.rowcount != 1:
        raise UsageError("E-LEDGER-FILL", f"trade {trade_id} of {symbol} waits for no value.", "See the fills.")
    if load_book(connection, symbol).last_trade_id >= 0:
        _rebuild(connection, symbol)


def _entries(connection: Connection, symbol: str) -> list[Entry]:
    mine = select(fills).where((fills.c.symbol == symbol) & ~fills.c.external)
    return [
        Entry(
            _fill(row),
            row.base_asset,
            row.commission_value,
            row.least_sellable,
            strategy_of(connection, symbol, row.order_id),
        )
        for row in connection.execute(mine).all()
    ]


def booked_fills(connection: Connection, *conditions: Any) -> list[BookedFill]:
    """In the order they were booked."""
    rows = connection.execute(select(fills).where(*conditions).order_by(fills.c.number)).all()
    return [_booked_fill(row) for row in rows]


def last_trade_id(connection: Connection, symbol: str) -> int | None:
    """The greatest that is booked."""
    return connection.execute(select(func.max(fills.c.trade_id)).where(fills.c.symbol == symbol)).scalar()


def _fill(row: Row[Any]) -> Fill:
    return Fill(
        symbol=row.symbol,
        trade_id=row.trade_id,
        order_id=row.order_id,
        side=row.side,
        price=row.price,
        quantity=row.quantity,
        quote=row.quote,
        commission=row.commission,
        commission_asset=row.commission_asset,
        maker=row.maker,
        time_ms=row.time_ms,
    )


def _booked_fill(row: Row[Any]) -> BookedFill:
    return BookedFill(
        _fill(row), row.realised, row.realised_fifo, row.commission_value, row.uncovered, external=row.external
    )


def _insert(connection: Connection, result: BookedFill, valuation: Valuation) -> None:
    connection.execute(
        ADD,
        {
            **vars(result.fill),
            "base_asset": valuation.base,
            "quote_asset": valuation.quote,
            "least_sellable": valuation.least_sellable,
            "external": result.external,
            "commission_value": result.commission_value,
            **_verdict(result),
        },
    )


def _update(connection: Connection, result: BookedFill) -> None:
    one = {"of_symbol": result.fill.symbol, "of_trade": result.fill.trade_id}
    connection.execute(CHANGE, {**one, **_verdict(result)})


def _verdict(result: BookedFill) -> dict[str, Any]:
    return {
        "realised": result.realised,
        "realised_fifo": result.realised_fifo,
        "uncovered": result.uncovered,
    }
