"""What a fault's parameters may be: a reader takes what somebody wrote and gives its value, or says what it wants."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any

REQUIRED = object()
CLOSE_CODES = frozenset({*range(1_000, 1_004), *range(1_007, 1_015)})
NEXT = "next"  # of a candle: the one that has not opened yet


@dataclass(frozen=True)
class Parameter:
    """One parameter: `read` raises ValueError with what was expected; `default` REQUIRED: it must be given."""

    read: Callable[[object], Any]
    text: str
    default: Any = REQUIRED


def whole(low: int, high: int) -> Callable[[object], int]:
    """A whole number between two bounds, inclusive."""

    def read(value: object) -> int:
        if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
            raise ValueError(f"a whole number from {low} to {high}")
        return value

    return read


def close_code(value: object) -> int:
    """A code that a closing handshake may bear (RFC 6455, 7.4): the others are reserved, and cannot be sent."""
    if isinstance(value, int) and not isinstance(value, bool) and (value in CLOSE_CODES or 3_000 <= value <= 4_999):
        return value
    raise ValueError("a code that can be sent: 1000 to 1003, 1007 to 1014, or 3000 to 4999")


def flag(value: object) -> bool:
    """A truth value."""
    if value is True or value is False:
        return value
    raise ValueError("true or false")


def word(value: object) -> str:
    """A text that is not empty."""
    if not isinstance(value, str) or not value:
        raise ValueError("a text")
    return value


def choice(*words: str) -> Callable[[object], str]:
    """One of a few words."""

    def read(value: object) -> str:
        if value not in words:
            raise ValueError(f"one of {', '.join(words)}")
        return str(value)

    return read


def factor(value: object) -> Decimal:
    """A positive number, as text or whole."""
    if isinstance(value, Decimal | str | int) and not isinstance(value, bool):
        try:
            number = Decimal(value)
        except InvalidOperation:
            number = Decimal(0)
        if number.is_finite() and number > 0:
            return number
    raise ValueError('a positive number as text, such as "1.5"')


def open_time(value: object) -> int | str:
    """Epoch ms, or the next candle."""
    return NEXT if value == NEXT else whole(0, 10**14)(value)


def filters(value: object) -> list[dict[str, Any]]:
    """Filters as exchangeInfo shows them."""
    named = isinstance(value, list) and all(
        isinstance(one, dict) and isinstance(one.get("filterType"), str) for one in value
    )
    if not named or not value:
        raise ValueError("a list of filters, each with its filterType")
    return list(value)  # type: ignore[call-overload, no-any-return]
