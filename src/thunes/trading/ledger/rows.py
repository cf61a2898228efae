"""Statements that SQLite and PostgreSQL share, and SQL's standard does not know."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Table
from sqlalchemy.dialects import postgresql, sqlite

from thunes.trading.ledger.statements import Statement


def inserting_new(table: Table) -> Statement:
    """Inserts a row unless one of its key stands there."""
    return Statement(lambda dialect: _insert(dialect, table).on_conflict_do_nothing(), _names(table))


def putting(table: Table, *names: str, order: str | None = None) -> Statement:
    """Inserts a row, or changes the one of its primary key, unless that has more in the column `order`. `names`: its
    columns, all where none is named."""
    columns = names or _names(table)

    def build(dialect: str) -> Any:
        key = [column.name for column in table.primary_key]
        new = _insert(dialect, table)
        changes = {name: new.excluded[name] for name in columns if name not in key}
        condition = table.c[order] <= new.excluded[order] if order else None
        return new.on_conflict_do_update(index_elements=key, set_=changes, where=condition)

    return Statement(build, columns)


def _insert(dialect: str, table: Table) -> Any:
    home: Any = sqlite if dialect == "sqlite" else postgresql
    return home.insert(table).inline()


def _names(table: Table) -> tuple[str, ...]:
    return tuple(column.name for column in table.columns)
