"""Orders in the ledger: from intent to the last word of the exchange."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

from sqlalchemy import Text, bindparam, case, func, or_, select, true, type_coerce, update

from thunes.errors import UsageError
from thunes.exchange.orders import CLOSED, OrderState
from thunes.exchange.outcomes import Accepted, NotSent, Outcome, Refused
from thunes.trading.ledger.connections import Database
from thunes.trading.ledger.documents import read_ticket, ticket_json
from thunes.trading.ledger.numbers import ZERO, total
from thunes.trading.ledger.rows import inserting_new
from thunes.trading.ledger.schema import fills, orders
from thunes.trading.ledger.statements import Statement
from thunes.trading.ledger.values import Intent, OrderRecord

CLIENT = orders.c.client_id == bindparam("of_client")
EXCHANGE_ID = (orders.c.symbol == bindparam("of_symbol")) & (orders.c.order_id == bindparam("of_order"))
LIFE = (
    "outcome", "order_id", "status", "executed", "quote_executed", "resolved", "may_resend", "note", "updated_ms",
)  # fmt: skip
INTENDED = ("ticket", "strategy", "bar_ms", "intended_ms")
ADD = inserting_new(orders)
SAVE = Statement(update(orders).where(CLIENT), LIFE)
SEND_AGAIN = Statement(
    update(orders).where(CLIENT, orders.c.may_resend),
    [
        column.name
        for column in orders.c
        if column.name not in ("client_id", "order_id", "status", "executed", "quote_executed")
    ],
)
EXECUTION = Statement(
    select(*fills.c["quantity", "quote"]).where(
        fills.c.symbol == bindparam("of_symbol"), fills.c.order_id == bindparam("of_order")
    )
)
STRATEGY = Statement(select(orders.c.strategy).where(EXCHANGE_ID))
STRATEGY_OF_FILL = (
    select(orders.c.strategy).where(orders.c.symbol == fills.c.symbol, orders.c.order_id == fills.c.order_id).limit(1)
)
WHOLE = select(*orders.c[(*INTENDED, *LIFE)])
OLDEST_FIRST = WHOLE.order_by(orders.c.intended_ms, orders.c.client_id)
ORDER = Statement(WHOLE.where(CLIENT))
ORDERS_BY_EXCHANGE_ID = Statement(OLDEST_FIRST.where(EXCHANGE_ID))
UNRESOLVED = Statement(OLDEST_FIRST.where(~orders.c.resolved))
SINCE = Statement(OLDEST_FIRST.where(orders.c.intended_ms >= bindparam("start_ms")))
MINE = (orders.c.strategy == bindparam("of_strategy")) & (orders.c.symbol == bindparam("of_symbol"))
HAS_EXECUTED = func.ltrim(type_coerce(orders.c.executed, Text), "0.") != ""  # more than 0, which has many forms
LAST_EXECUTED = (
    select(orders.c.client_id)
    .where(MINE, orders.c.intended_ms >= bindparam("start_ms"), HAS_EXECUTED)
    .order_by(orders.c.intended_ms.desc(), orders.c.client_id.desc())
    .limit(1)
)
EXECUTED = Statement(WHOLE.where(orders.c.client_id.in_(LAST_EXECUTED)))
IS_EXECUTED = (orders.c.intended_ms >= bindparam("start_ms")) & HAS_EXECUTED
LAST = (
    select(
        func.max(orders.c.bar_ms).label("bar"), func.max(case((IS_EXECUTED, orders.c.intended_ms))).label("executed")
    )
    .where(MINE)
    .subquery("last")
)
LATEST = Statement(  # both found in one look at a strategy's orders, which no index sorts
    OLDEST_FIRST.join_from(orders, LAST, true()).where(
        MINE, or_(orders.c.bar_ms == LAST.c.bar, orders.c.intended_ms == LAST.c.executed)
    )
)
RANK = {"PENDING_NEW": 0, "NEW": 1, "PARTIALLY_FILLED": 2} | dict.fromkeys(CLOSED, 3)


def add_intent(database: Database, intent: Intent) -> bool:
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
    unknown = {"order_id": None, "status": None, "executed": ZERO, "quote_executed": ZERO}
    if database.change(ADD, {"client_id": intent.client_id, **unknown, **fresh}) == 1:
        return True
    return database.change(SEND_AGAIN, {"of_client": intent.client_id, **fresh}) == 1


def add_outcome(database: Database, client_id: str, outcome: Outcome, now_ms: int) -> OrderRecord:
    """The order as it stands with the outcome. Error: `UsageError` for one that was never intended."""
    record = _settled(database, told_of(database, client_id, outcome, now_ms))
    save(database, record)
    return record


def told_of(database: Database, client_id: str, outcome: Outcome, now_ms: int) -> OrderRecord:
    """The order with what the outcome adds, not saved. Error: `UsageError` for one that was never intended."""
    record = find_order(database, client_id)
    if record is None:
        raise UsageError("E-LEDGER-ORDER", f"no order {client_id} was intended.", "Record its intent first.")
    return replace(with_outcome(record, outcome), updated_ms=now_ms)


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


def executed(record: OrderRecord, booked: Execution) -> OrderRecord:
    """With what its fills add up to. An order that the exchange has is resolved when it is closed and all that it
    executed is booked."""
    if record.outcome != "ACCEPTED":
        return record
    most = max(record.executed, booked.quantity)
    return replace(
        record,
        executed=most,
        quote_executed=max(record.quote_executed, booked.quote),
        resolved=record.status in CLOSED and booked.quantity >= most,
    )


def _settled(database: Database, record: OrderRecord) -> OrderRecord:
    if record.outcome != "ACCEPTED":
        return record
    mine = {"of_symbol": record.intent.ticket.symbol, "of_order": record.order_id}
    return executed(record, execution(database.rows(EXECUTION, mine)))


def execution(told: Sequence[Sequence[Decimal]]) -> Execution:
    """The sum of fills, told as quantity and quote of each."""
    return Execution(total([quantity for quantity, _ in told]), total([quote for _, quote in told]))


def settle(database: Database, symbol: str, order_ids: Iterable[int], now_ms: int) -> None:
    """After booking: see which of these orders have all their fills."""
    for order_id in order_ids:
        for record in _records(database, ORDERS_BY_EXCHANGE_ID, of_symbol=symbol, of_order=order_id):
            save(database, replace(_settled(database, record), updated_ms=now_ms))


def strategy_of(database: Database, symbol: str, order_id: int) -> str:
    """Whose order it is; empty for one that is not ours."""
    row = database.row(STRATEGY, {"of_symbol": symbol, "of_order": order_id})
    return row[0] if row else ""


def find_order(database: Database, client_id: str) -> OrderRecord | None:
    """The order of a client id."""
    row = database.row(ORDER, {"of_client": client_id})
    return _record(row) if row else None


def unresolved(database: Database) -> list[OrderRecord]:
    """Oldest intent first."""
    return _records(database, UNRESOLVED)


def orders_since(database: Database, start_ms: int) -> list[OrderRecord]:
    """Oldest intent first."""
    return _records(database, SINCE, start_ms=start_ms)


def last_executed(database: Database, strategy: str, symbol: str, start_ms: int) -> OrderRecord | None:
    """The newest of a strategy that the exchange has executed, in part at least."""
    found = _records(database, EXECUTED, of_strategy=strategy, of_symbol=symbol, start_ms=start_ms)
    return found[0] if found else None


def latest(
    database: Database, strategy: str, symbol: str, start_ms: int
) -> tuple[OrderRecord | None, tuple[OrderRecord, ...]]:
    """As `last_executed`, and with it all orders of the newest bar that has any, oldest intent first."""
    of = {"of_strategy": strategy, "of_symbol": symbol, "start_ms": start_ms}
    found = _records(database, LATEST, **of)
    candidates = [one for one in found if one.executed and one.intent.time_ms >= start_ms]
    newest_ms = max((one.intent.bar_ms for one in found), default=0)
    return candidates[-1] if candidates else None, tuple([one for one in found if one.intent.bar_ms == newest_ms])


def _records(database: Database, asked: Statement, **of: Any) -> list[OrderRecord]:
    return [_record(row) for row in database.rows(asked, of)]


def _record(row: list[Any]) -> OrderRecord:
    ticket, strategy, bar_ms, intended_ms, *life = row
    return OrderRecord(Intent(read_ticket(ticket), strategy, bar_ms, intended_ms), *life)


def save(database: Database, record: OrderRecord) -> None:
    """Write all of an order that its intent does not tell."""
    database.change(SAVE, {"of_client": record.intent.client_id, **vars(record)})
