"""Statements of SQLAlchemy's that the driver runs: the text is made once, for SQLite and for PostgreSQL.

SQLAlchemy's own way to run one takes some fifty calls, and an order needs two dozen statements.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from sqlalchemy import Boolean, Dialect, Select
from sqlalchemy.sql.compiler import SQLCompiler

from thunes.trading.ledger.columns import Money, plain

Values = Mapping[str, Any]
READERS: dict[type[Any], Callable[[Any], Any]] = {Money: Decimal, Boolean: bool}  # SQLite tells 0 and 1


@dataclass(frozen=True)
class Prepared:
    """A statement as a driver takes it. `places`: where it wants a sequence. `money`: what is bound as text.
    `readers`: the columns of a row that the driver does not tell as they are."""

    text: str
    places: tuple[str, ...] | None
    constants: Values
    money: tuple[str, ...]
    readers: tuple[tuple[int, Callable[[Any], Any]], ...]

    def bound(self, values: Values) -> Any:
        """The values as the driver takes them. Errors: those of `columns.plain`."""
        given = {**self.constants, **values}
        for name in self.money:
            amount = given[name]  # most are what they should be: no call is spent on those
            given[name] = format(amount, "f") if type(amount) is Decimal and amount.is_finite() else plain(amount)
        return given if self.places is None else [given[name] for name in self.places]

    def read(self, rows: Sequence[Sequence[Any]]) -> list[list[Any]]:
        """The rows as they were written."""
        found = [list(row) for row in rows]
        for row in found:
            for place, reader in self.readers:
                if row[place] is not None:
                    row[place] = reader(row[place])
        return found


class Statement:
    """`built`: a statement, or what makes it for a kind of database. `names`: the columns that it writes."""

    def __init__(self, built: Any, names: Sequence[str] | None = None) -> None:
        self._built, self._names = built, names
        self._prepared: dict[str, Prepared] = {}

    def prepared(self, dialect: Dialect) -> Prepared:
        """As the driver of this kind of database takes it."""
        known = self._prepared.get(dialect.name)
        if known is None:
            known = self._prepared[dialect.name] = self._prepare(dialect)
        return known

    def _prepare(self, dialect: Dialect) -> Prepared:
        built = self._built(dialect.name) if callable(self._built) else self._built
        compiled: SQLCompiler = built.compile(dialect=dialect, column_keys=self._names)
        binds = compiled.binds.items()
        return Prepared(
            str(compiled),
            None if compiled.positiontup is None else tuple(compiled.positiontup),
            {name: bind.value for name, bind in binds if not bind.required},
            tuple(name for name, bind in binds if isinstance(bind.type, Money)),
            tuple(_readers(built)) if isinstance(built, Select) else (),
        )


def _readers(asked: Select[Any]) -> list[tuple[int, Callable[[Any], Any]]]:
    kinds = [type(column.type) for column in asked.selected_columns]
    return [(place, READERS[kind]) for place, kind in enumerate(kinds) if kind in READERS]
