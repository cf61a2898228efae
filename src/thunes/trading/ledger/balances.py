"""What each asset should hold: everything that fills and flows moved, to the last digit."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from decimal import Decimal
from functools import cache
from typing import Any

from sqlalchemy import Text, bindparam, func, select, type_coerce

from thunes.exchange.orders import Balance
from thunes.trading.ledger.connections import Database
from thunes.trading.ledger.numbers import ZERO, plus, require_finite
from thunes.trading.ledger.rows import inserting_new, putting
from thunes.trading.ledger.schema import balances, flows
from thunes.trading.ledger.statements import Statement
from thunes.trading.ledger.values import Difference, Flow

NOT_ZERO = func.ltrim(type_coerce(balances.c.expected, Text), "-0.") != ""  # which has many forms
EXPECTED = Statement(select(*balances.c["asset", "expected"]).where(NOT_ZERO).order_by(balances.c.asset))
ALL_EXPECTED = Statement(select(*balances.c["asset", "expected"]))
TOLD = Statement(
    select(*balances.c["asset", "free", "locked"]).where(balances.c.told_ms.is_not(None)).order_by(balances.c.asset)
)
TOLD_MS = Statement(select(func.max(balances.c.told_ms)))
PUT_EXPECTED = putting(balances, "asset", "expected")
PUT_TOLD = putting(balances)
ADD_FLOW = inserting_new(flows)
OPENING = Statement(select(flows.c.reference).where(flows.c.kind == "opening").limit(1))
FLOWS = Statement(
    select(*flows.c["reference", "kind", "asset", "amount", "time_ms", "value"])
    .where(flows.c.time_ms >= bindparam("start_ms"))
    .order_by(flows.c.time_ms, flows.c.reference)
)
Movements = Iterable[tuple[str, Decimal]]


def shift(database: Database, movements: Movements) -> None:
    """Add to what is expected."""
    moved = summed(movements)
    standing = expected_of(database, tuple(moved))
    database.change_all(
        PUT_EXPECTED,
        [{"asset": asset, "expected": plus(standing.get(asset, ZERO), amount)} for asset, amount in moved.items()],
    )


def summed(movements: Movements) -> dict[str, Decimal]:
    """The exact sum per asset."""
    sums: dict[str, Decimal] = {}
    for asset, amount in movements:
        sums[asset] = plus(sums.get(asset, ZERO), amount)
    return sums


def expected(database: Database) -> dict[str, Decimal]:
    """By asset, those not zero."""
    return dict(database.rows(EXPECTED, {}))


def expected_of(database: Database, assets: tuple[str, ...]) -> dict[str, Decimal]:
    """By asset, those of them that are known."""
    values = {f"asset{number}": asset for number, asset in enumerate(assets)}
    return dict(database.rows(_expected_of(len(assets)), values))


@cache
def _expected_of(count: int) -> Statement:
    """Of so many assets."""
    named: list[Any] = [bindparam(f"asset{number}") for number in range(count)]
    return Statement(select(*balances.c["asset", "expected"]).where(balances.c.asset.in_(named)))


def told(database: Database) -> dict[str, Balance]:
    """What the exchange told last, those not zero."""
    found = [Balance(*row) for row in database.rows(TOLD, {})]
    return {balance.asset: balance for balance in found if balance.total}


def told_ms(database: Database) -> int | None:
    """When the exchange told last."""
    last: int | None = database.rows(TOLD_MS, {})[0][0]
    return last


def compare(database: Database, actual: Mapping[str, Balance], now_ms: int) -> list[Difference]:
    """Keep what the exchange tells, and say where it is not what is expected, by asset."""
    standing = dict(database.rows(ALL_EXPECTED, {}))
    found, told = [], []
    for asset in sorted(standing.keys() | actual.keys()):
        balance = actual.get(asset, Balance(asset, ZERO, ZERO))
        should = standing.get(asset, ZERO)
        told.append(_told(balance, should, now_ms))
        difference = Difference(asset, should, plus(balance.free, balance.locked))
        if difference.amount:
            found.append(difference)
    database.change_all(PUT_TOLD, told)
    return found


def _told(balance: Balance, should: Decimal, now_ms: int) -> dict[str, str | Decimal | int]:
    for amount in (balance.free, balance.locked):
        require_finite(f"balance of {balance.asset}", amount)
    return {**vars(balance), "expected": should, "told_ms": now_ms}


def add_flow(database: Database, flow: Flow) -> bool:
    """Whether it is new; its reference makes it be booked once."""
    require_finite(f"flow {flow.reference}", flow.amount)
    if database.change(ADD_FLOW, vars(flow)) != 1:
        return False
    shift(database, [(flow.asset, flow.amount)])
    return True


def open_with(database: Database, actual: Mapping[str, Balance], now_ms: int) -> bool:
    """Take an account over as it is, once: what it holds now, less what fills and flows already moved, was there."""
    if database.row(OPENING, {}):
        return False
    for difference in compare(database, actual, now_ms):
        reference = f"opening:{difference.asset}"
        add_flow(database, Flow(reference, "opening", difference.asset, difference.amount, now_ms))
    return True


def flows_since(database: Database, start_ms: int) -> list[Flow]:
    """Oldest first."""
    return [Flow(*row) for row in database.rows(FLOWS, {"start_ms": start_ms})]
