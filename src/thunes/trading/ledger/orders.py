"""Orders in the ledger: from intent to the last word of the exchange."""

from __future__ import annotations

from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

from sqlalchemy import Connection, Row, Select, Text, bindparam, func, select, type_coerce, update

from thunes.errors import UsageError
from thunes.exchange.orders import CLOSED, OrderState
from thunes.exchange.outcomes import Accepted, NotSent, Outcome, Refused
from thunes.trading.ledger.documents import read_ticket, ticket_json
from thunes.trading.ledger.numbers import ZERO, total
from thunes.trading.ledger.rows import insert_new
from thunes.trading.ledger.schema import fills, orders
from thunes.trading.ledger.values import Intent, OrderRecord

EXCHANGE_ID = (orders.c.symbol == bindparam("of_symbol")) & (orders.c.order_id == bindparam("of_order"))
SAVE = update(orders).where(orders.c.client_id == bindparam("of_client"))
SEND_AGAIN = SAVE.where(orders.c.may_resend)
EXECUTION = select(fills.c.quantity, fills.c.quote).where(
    fills.c.symbol == bindparam("of_symbol"), fills.c.order_id == bindparam("of_order")
)
STRATEGY = select(orders.c.strategy).where(EXCHANGE_ID)
ORDERS = select(orders).order_by(orders.c.intended_ms, orders.c.client_id)
ORDER = select(orders).where(orders.c.client_id == bindparam("of_client"))
ORDERS_BY_EXCHANGE_ID = ORDERS.where(EXCHANGE_ID)
UNRESOLVED = ORDERS.where(~orders.c.resolved)
SINCE = ORDERS.where(orders.c.intended_ms >= bindparam("start_ms"))
NEWEST = (
    select(orders)
    .where(orders.c.strategy == bindparam("of_strategy"), orders.c.symbol == bindparam("of_symbol"))
    .where(orders.c.intended_ms >= bindparam("start_ms"))
    .where(func.ltrim(type_coerce(orders.c.executed, Text), "0.") != "")  # more than 0, which has many forms
    .order_by(orders.c.intended_ms.desc(), orders.c.client_id.desc())
    .limit(1)
)
RANK = {"PENDING_NEW": 0, "NEW": 1, "PARTIALLY_FILLED": 2} | dict.fromkeys(CLOSED, 3)


def add_intent(connection: Connection, intent: Intent) -> bool:
    """Whether it may be sent: it is new, or known not to have reached the exchange. Any other stays as it is."""
    fresh = {
        "intended_ms": intent.time_ms,
        "bar_ms": intent.bar_ms,
        "strategy": intent.strategy,
        "symbol": intent.ticket.symbol,
        "side": intent.ticket.side,
        "ticket": ticket_json(intent.ticket),
        "outcome": None,
        "resolved": False,
        "may_resend": False,
        "note": "",
        "updated_ms": intent.time_ms,
    }
    if insert_new(connection, orders, client_id=intent.client_id, executed=ZERO, quote_executed=ZERO, **fresh):
        return True
    return connection.execute(SEND_AGAIN, {"of_client": intent.client_id, **fresh}).rowcount == 1


def add_outcome(connection: Connection, client_id: str, outcome: Outcome, now_ms: int) -> OrderRecord:
    """The order as it stands with the outcome. Error: `UsageError` for one that was never intended."""
    record = find_order(connection, client_id)
    if record is None:
        raise UsageError("E-LEDGER-ORDER", f"no order {client_id} was intended.", "Record its intent first.")
    record = _settled(connection, replace(with_outcome(record, outcome), updated_ms=now_ms))
    _save(connection, record)
    return record


def with_outcome(record: OrderRecord, outcome: Outcome) -> OrderRecord:
    """What the outcome adds. An order that the exchange has, it has: nothing takes that back.

    Answers may come in any order: what is executed never shrinks, and a closed order stays closed.
    """
    if isinstance(outcome, Accepted):
        return _with_state(record, outcome.order)
    if record.outcome == "ACCEPTED":
        return record
    if isinstance(outcome, NotSent) and record.outcome == "UNKNOWN":  # asked for, and not found: that is the end of it
        return replace(record, note=outcome.reason, resolved=True, may_resend=False)
    if isinstance(outcome, NotSent):
        return replace(record, outcome="NOT_SENT", note=outcome.reason, resolved=True, may_resend=True)
    if isinstance(outcome, Refused):
        return _refused(record, outcome)
    return replace(record, outcome="UNKNOWN", note=outcome.reason, resolved=False, may_resend=False)


def _refused(record: OrderRecord, outcome: Refused) -> OrderRecord:
    """A duplicate's twin must be asked for; one refused for its time or for haste the engine never saw."""
    return replace(
        record,
        outcome="REFUSED",
        note=f"{outcome.code} {outcome.message}",
        resolved=not outcome.duplicate,
        may_resend=outcome.resync_clock or outcome.retry_after is not None,
    )


def _with_state(record: OrderRecord, told: OrderState) -> OrderRecord:
    later = (RANK.get(told.status, 1), told.executed) >= (RANK.get(record.status or "", -1), record.executed)
    return replace(
        record,
        outcome="ACCEPTED",
        note="",
        may_resend=False,
        order_id=told.order_id,
        status=told.status if later else record.status,
        executed=max(record.executed, told.executed),
        quote_executed=max(record.quote_executed, told.quote_executed),
    )


@dataclass(frozen=True)
class Execution:
    """What the fills of an order add up to."""

    quantity: Decimal = ZERO
    quote: Decimal = ZERO


def _settled(connection: Connection, record: OrderRecord) -> OrderRecord:
    """An order that the exchange has is resolved when it is closed and all that it executed is booked."""
    if record.outcome != "ACCEPTED":
        return record
    booked = _execution(connection, record)
    executed = max(record.executed, booked.quantity)
    return replace(
        record,
        executed=executed,
        quote_executed=max(record.quote_executed, booked.quote),
        resolved=record.status in CLOSED and booked.quantity >= executed,
    )


def _execution(connection: Connection, record: OrderRecord) -> Execution:
    mine = {"of_symbol": record.intent.ticket.symbol, "of_order": record.order_id}
    rows = connection.execute(EXECUTION, mine).all()
    return Execution(total(row.quantity for row in rows), total(row.quote for row in rows))


def settle(connection: Connection, symbol: str, order_ids: set[int], now_ms: int) -> None:
    """After booking: see which of these orders have all their fills."""
    for order_id in order_ids:
        for record in _records(connection, ORDERS_BY_EXCHANGE_ID, of_symbol=symbol, of_order=order_id):
            _save(connection, replace(_settled(connection, record), updated_ms=now_ms))


def strategy_of(connection: Connection, symbol: str, order_id: int) -> str:
    """Whose order it is; empty for one that is not ours."""
    return connection.execute(STRATEGY, {"of_symbol": symbol, "of_order": order_id}).scalar() or ""


def find_order(connection: Connection, client_id: str) -> OrderRecord | None:
    """The order of a client id."""
    found = _records(connection, ORDER, of_client=client_id)
    return found[0] if found else None


def unresolved(connection: Connection) -> list[OrderRecord]:
    """Oldest intent first."""
    return _records(connection, UNRESOLVED)


def orders_since(connection: Connection, start_ms: int) -> list[OrderRecord]:
    """Oldest intent first."""
    return _records(connection, SINCE, start_ms=start_ms)


def last_executed(connection: Connection, strategy: str, symbol: str, start_ms: int) -> OrderRecord | None:
    """The newest of a strategy that the exchange has executed, in part at least."""
    found = _records(connection, NEWEST, of_strategy=strategy, of_symbol=symbol, start_ms=start_ms)
    return found[0] if found else None


def _records(connection: Connection, asked: Select[Any], **of: Any) -> list[OrderRecord]:
    return [_record(row) for row in connection.execute(asked, of).all()]


def _record(row: Row[Any]) -> OrderRecord:
    return OrderRecord(
        intent=Intent(read_ticket(row.ticket), row.strategy, row.bar_ms, row.intended_ms),
        outcome=row.outcome,
        order_id=row.order_id,
        status=row.status,
        executed=row.executed,
        quote_executed=row.quote_executed,
        resolved=row.resolved,
        may_resend=row.may_resend,
        note=row.note,
        updated_ms=row.updated_ms,
    )


def _save(connection: Connection, record: OrderRecord) -> None:
    connection.execute(
        SAVE,
        {
            "of_client": record.intent.client_id,
            "order_id": record.order_id,
            "status": record.status,
            "executed": record.executed,
            "quote_executed": record.quote_executed,
            "outcome": record.outcome,
            "resolved": record.resolved,
            "may_resend": record.may_resend,
            "note": record.note,
            "updated_ms": record.updated_ms,
        },
    )
