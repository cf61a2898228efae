"""What each asset should hold: everything that fills and flows moved, to the last digit."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any

from sqlalchemy import Connection, Row, bindparam, func, select

from thunes.exchange.orders import Balance
from thunes.trading.ledger.numbers import ZERO, require_finite, total
from thunes.trading.ledger.rows import insert_new, put, put_all
from thunes.trading.ledger.schema import balances, flows
from thunes.trading.ledger.values import Difference, Flow

EXPECTED = select(balances.c.asset, balances.c.expected).where(
    balances.c.asset.in_(bindparam("of_assets", expanding=True))
)
Movements = Iterable[tuple[str, Decimal]]


def shift(connection: Connection, movements: Movements) -> None:
    """Add to what is expected."""
    moved = summed(movements)
    rows = connection.execute(EXPECTED, {"of_assets": list(moved)}).all()
    standing = {row.asset: row.expected for row in rows}
    put_all(
        connection,
        balances,
        [{"asset": asset, "expected": total((standing.get(asset, ZERO), amount))} for asset, amount in moved.items()],
    )


def summed(movements: Movements) -> dict[str, Decimal]:
    """The exact sum per asset."""
    sums: dict[str, Decimal] = {}
    for asset, amount in movements:
        sums[asset] = total((sums.get(asset, ZERO), amount))
    return sums


def expected(connection: Connection) -> dict[str, Decimal]:
    """By asset, those not zero."""
    rows = connection.execute(select(balances.c.asset, balances.c.expected).order_by(balances.c.asset)).all()
    return {row.asset: row.expected for row in rows if row.expected}


def told(connection: Connection) -> dict[str, Balance]:
    """What the exchange told last, those not zero."""
    rows = connection.execute(select(balances).where(balances.c.told_ms.is_not(None)).order_by(balances.c.asset)).all()
    found = [Balance(row.asset, row.free, row.locked) for row in rows]
    return {balance.asset: balance for balance in found if balance.total}


def told_ms(connection: Connection) -> int | None:
    """When the exchange told last."""
    return connection.execute(select(func.max(balances.c.told_ms))).scalar()


def compare(connection: Connection, actual: Mapping[str, Balance], now_ms: int) -> list[Difference]:
    """Keep what the exchange tells, and say where it is not what is expected, by asset."""
    standing = {row.asset: row for row in connection.execute(select(balances)).all()}
    found = []
    for asset in sorted(standing.keys() | actual.keys()):
        balance = actual.get(asset, Balance(asset, ZERO, ZERO))
        should = standing[asset].expected if asset in standing else ZERO
        _tell(connection, balance, should, now_ms)
        difference = Difference(asset, should, total((balance.free, balance.locked)))
        if difference.amount:
            found.append(difference)
    return found


def _tell(connection: Connection, balance: Balance, should: Decimal, now_ms: int) -> None:
    for amount in (balance.free, balance.locked):
        require_finite(f"balance of {balance.asset}", amount)
    values = {"expected": should, "free": balance.free, "locked": balance.locked, "told_ms": now_ms}
    put(connection, balances, asset=balance.asset, **values)


def add_flow(connection: Connection, flow: Flow) -> bool:
    """Whether it is new; its reference makes it be booked once."""
    require_finite(f"flow {flow.reference}", flow.amount)
    if not insert_new(connection, flows, **vars(flow)):
        return False
    shift(connection, [(flow.asset, flow.amount)])
    return True


def open_with(connection: Connection, actual: Mapping[str, Balance], now_ms: int) -> bool:
    """Take an account over as it is, once: what it holds now, less what fills and flows already moved, was there."""
    if connection.execute(select(flows.c.reference).where(flows.c.kind == "opening").limit(1)).first():
        return False
    for difference in compare(connection, actual, now_ms):
        reference = f"opening:{difference.asset}"
        add_flow(connection, Flow(reference, "opening", difference.asset, difference.amount, now_ms))
    return True


def flows_since(connection: Connection, start_ms: int) -> list[Flow]:
    """Oldest first."""
    asked = select(flows).where(flows.c.time_ms >= start_ms).order_by(flows.c.time_ms, flows.c.reference)
    return [_flow(row) for row in connection.execute(asked).all()]


def _flow(row: Row[Any]) -> Flow:
    return Flow(row.reference, row.kind, row.asset, row.amount, row.time_ms, row.value)
