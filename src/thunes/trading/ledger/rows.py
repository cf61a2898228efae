"""Two statements that SQLite and PostgreSQL share, and SQL's standard does not know.

Each is built once: to put one together costs more than to run it.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any

from sqlalchemy import Connection, Table
from sqlalchemy.dialects import postgresql, sqlite


def insert_new(connection: Connection, table: Table, **values: Any) -> bool:
    """Insert a row unless one of its key stands there; whether it was inserted."""
    result = connection.execute(_inserting_new(connection.dialect.name, table), values)
    return bool(result.rowcount == 1)


def put(connection: Connection, table: Table, **values: Any) -> None:
    """Insert a row, or change the one of its primary key."""
    connection.execute(_putting(connection.dialect.name, table, tuple(values)), values)


def put_all(connection: Connection, table: Table, rows: Sequence[dict[str, Any]]) -> None:
    """`put` for several rows of the same columns, in one statement."""
    if rows:
        connection.execute(_putting(connection.dialect.name, table, tuple(rows[0])), rows)


def put_later(connection: Connection, table: Table, order: str, **values: Any) -> bool:
    """As `put`, unless the row that stands there has more in the column `order`; whether it was put."""
    result = connection.execute(_putting(connection.dialect.name, table, tuple(values), order), values)
    return bool(result.rowcount == 1)


def _insert(dialect: str, table: Table) -> Any:
    home: Any = sqlite if dialect == "sqlite" else postgresql
    return home.insert(table).execution_options(preserve_rowcount=True)  # drivers forget it with the cursor


@cache
def _inserting_new(dialect: str, table: Table) -> Any:
    return _insert(dialect, table).on_conflict_do_nothing()


@cache
def _putting(dialect: str, table: Table, names: tuple[str, ...], order: str | None = None) -> Any:
    key = [column.name for column in table.primary_key]
    new = _insert(dialect, table)
    changes = {name: new.excluded[name] for name in names if name not in key}
    condition = table.c[order] <= new.excluded[order] if order else None
    return new.on_conflict_do_update(index_elements=key, set_=changes, where=condition)
