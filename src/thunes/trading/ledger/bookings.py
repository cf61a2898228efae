"""Booking fills: each once, whoever tells it and how often, in whatever order."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from sqlalchemy import bindparam, func, insert, or_, select, update

from thunes.errors import DataError, UsageError
from thunes.exchange.orders import Fill
from thunes.exchange.outcomes import Outcome
from thunes.trading.ledger.balances import shift
from thunes.trading.ledger.connections import Database
from thunes.trading.ledger.holdings import forget_book, held, load_book, save_book
from thunes.trading.ledger.numbers import ZERO, minus, require_finite
from thunes.trading.ledger.orders import (
    STRATEGY_OF_FILL,
    add_outcome,
    executed,
    execution,
    find_order,
    save,
    settle,
    strategy_of,
    told_of,
)
from thunes.trading.ledger.pnl import commission_value
from thunes.trading.ledger.round_trips import Entry, booked, rebuilt
from thunes.trading.ledger.schema import fills
from thunes.trading.ledger.statements import Statement
from thunes.trading.ledger.values import BookedFill, Settled, Valuation

FILL = (fills.c.symbol == bindparam("of_symbol")) & (fills.c.trade_id == bindparam("of_trade"))
VERDICT = ("realised", "realised_fifo", "uncovered")
OF_SYMBOL = fills.c.symbol == bindparam("of_symbol")
BETWEEN = fills.c.trade_id.between(bindparam("least"), bindparam("most"))
KNOWN = Statement(select(fills.c.trade_id).where(OF_SYMBOL, BETWEEN))
KNOWN_OR_OF_ORDER = Statement(
    select(*fills.c["trade_id", "order_id", "quantity", "quote"]).where(
        OF_SYMBOL, or_(BETWEEN, fills.c.order_id == bindparam("of_order"))
    )
)
ADD = Statement(insert(fills).inline(), [column.name for column in fills.c if column.name != "number"])
CHANGE = Statement(update(fills).where(FILL), VERDICT)
VALUE = Statement(update(fills).where(FILL, fills.c.commission_value.is_(None)), ["commission_value"])
AS_FILL = fills.c[
    "symbol", "trade_id", "order_id", "side", "price", "quantity", "quote", "commission", "commission_asset",
    "maker", "time_ms",
]  # fmt: skip
RESULT = fills.c["realised", "realised_fifo", "commission_value", "uncovered", "external"]
BOOKED = select(*AS_FILL, *RESULT).order_by(fills.c.number)
SINCE = Statement(BOOKED.where(fills.c.time_ms >= bindparam("start_ms")))
OF_ORDER = Statement(BOOKED.where(OF_SYMBOL, fills.c.order_id == bindparam("of_order")))
UNVALUED = Statement(BOOKED.where(fills.c.commission_value.is_(None)))
ENTRIES = Statement(
    select(
        *AS_FILL, *fills.c["base_asset", "commission_value", "least_sellable"], STRATEGY_OF_FILL.scalar_subquery()
    ).where(OF_SYMBOL, ~fills.c.external)
)
LAST = Statement(select(func.max(fills.c.trade_id)).where(OF_SYMBOL))
WIDTH = len(AS_FILL)
SIDES = ("BUY", "SELL")


@dataclass(frozen=True)
class Booking:
    """Fills of one symbol to be booked; `external`: of orders that are not ours, they move balances alone."""

    fills: Sequence[Fill]
    valuation: Valuation
    external: bool
    now_ms: int


def book(database: Database, booking: Booking) -> list[BookedFill]:
    """What is newly booked, by trade id. Errors: `DataError` for a fill that cannot be, `UsageError` for a mixture."""
    if not booking.fills:
        return []
    check(booking)
    rows = database.rows(KNOWN, _told_between(booking))
    results = _added(database, booking, {row[0] for row in rows}, {})
    settle(database, booking.fills[0].symbol, {result.fill.order_id for result in results}, booking.now_ms)
    return results


def settled(database: Database, client_id: str, outcome: Outcome, booking: Booking) -> Settled:
    """Note an order's outcome, then book its fills, which are checked. Error: `UsageError` for an unknown order."""
    record = told_of(database, client_id, outcome, booking.now_ms)
    symbol, order_id = record.intent.ticket.symbol, record.order_id
    if any(fill.order_id != order_id or fill.symbol != symbol for fill in booking.fills):
        return _settled_apart(database, client_id, outcome, booking)
    rows = database.rows(KNOWN_OR_OF_ORDER, {**_told_between(booking), "of_symbol": symbol, "of_order": order_id})
    results = _added(database, booking, {row[0] for row in rows}, {order_id: record.intent.strategy})
    before = [(quantity, quote) for _, of_order, quantity, quote in rows if of_order == order_id]
    record = executed(record, execution([*before, *((one.fill.quantity, one.fill.quote) for one in results)]))
    save(database, record)
    return Settled(record, tuple(results), held(database, symbol))


def _settled_apart(database: Database, client_id: str, outcome: Outcome, booking: Booking) -> Settled:
    """Where fills are of other orders than the one that is told of."""
    record = add_outcome(database, client_id, outcome, booking.now_ms)
    results = book(database, booking)
    return Settled(
        find_order(database, client_id) or record, tuple(results), held(database, record.intent.ticket.symbol)
    )


def movements(fill: Fill, valuation: Valuation) -> list[tuple[str, Decimal]]:
    """Asset and amount of everything that a fill moved; a plain minus would round to 28 digits."""
    base, quote = fill.quantity, fill.quote.copy_negate()
    if fill.side == "SELL":
        base, quote = base.copy_negate(), fill.quote
    return [(valuation.base, base), (valuation.quote, quote), (fill.commission_asset, fill.commission.copy_negate())]


def check(booking: Booking) -> None:
    """Errors: `DataError` for a fill that cannot be, `UsageError` for a mixture of symbols."""
    symbols = {fill.symbol for fill in booking.fills}
    if len(symbols) > 1:
        raise UsageError("E-LEDGER-FILL", f"fills of {len(symbols)} symbols at once.", "Book each symbol's alone.")
    for fill in booking.fills:
        _check(fill, booking.valuation)


def _check(fill: Fill, valuation: Valuation) -> None:
    for name in ("price", "quantity", "quote", "commission"):
        require_finite(f"{name} of trade {fill.trade_id}", getattr(fill, name), least=ZERO)
    brought = fill.commission if (fill.side, fill.commission_asset) == ("BUY", valuation.base) else ZERO
    if fill.side not in SIDES or fill.quantity == 0 or minus(fill.quantity, brought) < 0:
        raise DataError("E-LEDGER-FILL", f"trade {fill.trade_id} of {fill.symbol} cannot be.", "It was not booked.")


def _told_between(booking: Booking) -> dict[str, str | int]:
    """Where to look for those of the trades that are known."""
    numbers = [fill.trade_id for fill in booking.fills] or [-1]
    return {"of_symbol": booking.fills[0].symbol if booking.fills else "", "least": min(numbers), "most": max(numbers)}


def _added(
    database: Database, booking: Booking, known: set[int], strategies: Mapping[int | None, str]
) -> list[BookedFill]:
    """Book those that are not known; the strategies of orders whose ones are not given are looked up."""
    told = {fill.trade_id: fill for fill in booking.fills}
    fresh = [told[number] for number in sorted(told.keys() - known)]
    if not fresh:
        return []
    results = _external(fresh, booking) if booking.external else _booked(database, fresh, booking, strategies)
    database.change_all(ADD, [_row(result, booking.valuation) for result in results])
    shift(database, [move for fill in fresh for move in movements(fill, booking.valuation)])
    return results


def _external(fresh: list[Fill], booking: Booking) -> list[BookedFill]:
    return [
        BookedFill(fill, None, None, commission_value(fill, booking.valuation), ZERO, external=True) for fill in fresh
    ]


def _booked(
    database: Database, fresh: list[Fill], booking: Booking, strategies: Mapping[int | None, str]
) -> list[BookedFill]:
    """Add them to the symbol's book; one that comes after a later trade has the book made anew."""
    symbol, valuation = fresh[0].symbol, booking.valuation
    owners = dict(strategies)
    for order_id in {fill.order_id for fill in fresh} - owners.keys():
        owners[order_id] = strategy_of(database, symbol, order_id)
    entries = [
        Entry(fill, valuation.base, commission_value(fill, valuation), valuation.least_sellable, owners[fill.order_id])
        for fill in fresh
    ]
    known = current = load_book(database, symbol)
    if fresh[0].trade_id < current.last_trade_id:
        return _rebuild(database, symbol, entries)
    results = []
    for entry in entries:
        current, result = booked(current, entry)
        results.append(result)
    save_book(database, symbol, current, known)
    return results


def _rebuild(database: Database, symbol: str, added: Sequence[Entry] = ()) -> list[BookedFill]:
    """Make the symbol's book from all its fills; what the added ones did. Rows of the others are brought up to date."""
    book, results = rebuilt([*_entries(database, symbol), *added])
    forget_book(database, symbol)
    save_book(database, symbol, book)
    fresh = {entry.fill.trade_id for entry in added}
    database.change_all(CHANGE, [_change(result) for result in results if result.fill.trade_id not in fresh])
    return [result for result in results if result.fill.trade_id in fresh]


def value_commission(database: Database, symbol: str, trade_id: int, value: Decimal) -> None:
    """Give a commission that was booked without a price its value in quote; the P&L follows."""
    require_finite("a commission's value", value, least=ZERO)
    one = {"of_symbol": symbol, "of_trade": trade_id, "commission_value": value}
    if database.change(VALUE, one) != 1:
        raise UsageError("E-LEDGER-FILL", f"trade {trade_id} of {symbol} waits for no value.", "See the fills.")
    if load_book(database, symbol).last_trade_id >= 0:
        _rebuild(database, symbol)


def _entries(database: Database, symbol: str) -> list[Entry]:
    found = []
    for row in database.rows(ENTRIES, {"of_symbol": symbol}):
        base, value, least_sellable, strategy = row[WIDTH:]
        found.append(Entry(Fill(*row[:WIDTH]), base, value, least_sellable, strategy or ""))
    return found


def fills_since(database: Database, start_ms: int) -> list[BookedFill]:
    """In the order they were booked."""
    return _booked_fills(database, SINCE, start_ms=start_ms)


def fills_of(database: Database, symbol: str, order_id: int) -> list[BookedFill]:
    """Those of an order, in the order they were booked."""
    return _booked_fills(database, OF_ORDER, of_symbol=symbol, of_order=order_id)


def unvalued(database: Database) -> list[BookedFill]:
    """Those whose commission has no value."""
    return _booked_fills(database, UNVALUED)


def last_trade_id(database: Database, symbol: str) -> int | None:
    """The greatest that is booked."""
    last: int | None = database.rows(LAST, {"of_symbol": symbol})[0][0]
    return last


def _booked_fills(database: Database, asked: Statement, **of: Any) -> list[BookedFill]:
    return [BookedFill(Fill(*row[:WIDTH]), *row[WIDTH:]) for row in database.rows(asked, of)]


def _row(result: BookedFill, valuation: Valuation) -> dict[str, Any]:
    return {
        **vars(result.fill),
        "base_asset": valuation.base,
        "quote_asset": valuation.quote,
        "least_sellable": valuation.least_sellable,
        "external": result.external,
        "commission_value": result.commission_value,
        "realised": result.realised,
        "realised_fifo": result.realised_fifo,
        "uncovered": result.uncovered,
    }


def _change(result: BookedFill) -> dict[str, Any]:
    verdict = {name: getattr(result, name) for name in VERDICT}
    return {"of_symbol": result.fill.symbol, "of_trade": result.fill.trade_id, **verdict}
