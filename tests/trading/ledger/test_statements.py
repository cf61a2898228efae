"""Statements as the drivers take them."""

from __future__ import annotations

import pytest
from sqlalchemy import bindparam, select
from sqlalchemy.dialects import sqlite
from sqlalchemy.dialects.postgresql import psycopg
from tests.trading.ledger.making import D

from thunes.trading.ledger.rows import putting
from thunes.trading.ledger.schema import equity, orders
from thunes.trading.ledger.statements import Statement

PUT = putting(equity)
VALUES = {"time_ms": 1, "equity": D("1E-8"), "cash": D(100), "more": object()}


def test_sqlite_takes_a_sequence_and_postgresql_names() -> None:
    ours, theirs = PUT.prepared(sqlite.dialect()), PUT.prepared(psycopg.dialect())
    assert ours.bound(VALUES) == [1, "0.00000001", "100"]
    assert theirs.bound(VALUES) == {**VALUES, "equity": "0.00000001", "cash": "100"}
    assert "?" in ours.text
    assert "%(equity)s" in theirs.text


def test_a_statement_is_put_together_once() -> None:
    assert PUT.prepared(sqlite.dialect()) is PUT.prepared(sqlite.dialect())


@pytest.mark.parametrize(("amount", "error"), [(0.1, TypeError), (D("NaN"), ValueError), (D("-Infinity"), ValueError)])
def test_what_is_no_money_is_not_bound(amount: object, error: type[Exception]) -> None:
    with pytest.raises(error):
        PUT.prepared(sqlite.dialect()).bound({**VALUES, "cash": amount})


def test_rows_come_back_as_they_were_written() -> None:
    asked = Statement(
        select(orders.c.client_id, orders.c.executed, orders.c.resolved, orders.c.order_id)
        .where(orders.c.client_id == bindparam("of_client"))
        .limit(1)
    )
    one = asked.prepared(sqlite.dialect())
    assert one.bound({"of_client": "x"})[:2] == ["x", 1]
    ((name, executed, resolved, order_id),) = one.read([("x", "1.50", 1, None)])
    assert (name, str(executed), resolved, order_id) == ("x", "1.50", True, None)
    assert resolved is True
    assert one.read([("x", None, None, None)]) == [["x", None, None, None]]
