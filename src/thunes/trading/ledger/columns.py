"""Column types: money as text, times as whole milliseconds."""

from __future__ import annotations

from decimal import Decimal

from sqlalchemy import BigInteger, Dialect, Integer, Text
from sqlalchemy.types import TypeDecorator

# SQLite numbers rows only in a column of exactly this type.
RowNumber = BigInteger().with_variant(Integer(), "sqlite")


def plain(value: Decimal | None) -> str | None:
    """An amount as text. Errors: `TypeError` for what is no `Decimal`, `ValueError` for NaN and infinity."""
    if value is None:
        return None
    if not isinstance(value, Decimal):
        raise TypeError(f"money is Decimal, not {type(value).__name__}")
    if not value.is_finite():
        raise ValueError(f"{value} is no amount of money")
    return format(value, "f")


class Money(TypeDecorator[Decimal]):
    """A finite `Decimal` as plain text, every digit kept; floats are refused."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: Decimal | None, dialect: Dialect) -> str | None:  # noqa: ARG002
        """Errors: those of `plain`."""
        return plain(value)

    def process_result_value(self, value: str | None, dialect: Dialect) -> Decimal | None:  # noqa: ARG002
        return None if value is None else Decimal(value)
