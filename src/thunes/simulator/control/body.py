"""The body of a control request: every field read once and in full, before anything is done."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any, TypeVar

import orjson

from thunes.errors import UsageError, did_you_mean

T = TypeVar("T")
NUMBER = re.compile(r"-?[0-9]{1,20}(\.[0-9]{1,20})?")
SCIENTIFIC = re.compile(r"[+-]?[0-9.]+[eE][+-]?[0-9]+")  # 1e999999 is short, and nothing can be reckoned with it
ABSENT: Any = object()


def refused(code: str, message: str, hint: str = "") -> UsageError:
    """What a wrong request is answered."""
    return UsageError(f"E-SIM-{code}", message, hint)


class Body:
    """The fields of a JSON object. Each is taken once; `done` refuses what nobody asked for."""

    def __init__(self, content: bytes, *known: str) -> None:
        """Error: `UsageError` for what is no JSON object, and for a field that is not `known`."""
        try:
            fields = orjson.loads(content or b"{}")
        except orjson.JSONDecodeError as error:
            raise refused("JSON", f"the body is no JSON: {error}.", 'Send an object such as {"bars": 1}.') from None
        if not isinstance(fields, dict):
            raise refused("JSON", "the body is no JSON object.", 'Send one such as {"bars": 1}.')
        unknown = next((name for name in fields if known and name not in known), None)
        if unknown is not None:
            raise refused("FIELD", f"there is no field {unknown!r} here.", did_you_mean(unknown, known))
        self.fields: Mapping[str, Any] = fields

    def __contains__(self, name: str) -> bool:
        return name in self.fields

    def take(self, name: str, read: Callable[[object], T], default: T = ABSENT) -> T:
        """A field's value; `default` where it is missing. `UsageError` for a missing one without, and a wrong value."""
        if name not in self.fields:
            if default is ABSENT:
                raise refused("FIELD", f"the field {name!r} is missing.", "Send it.")
            return default
        try:
            return read(self.fields[name])
        except ValueError as expected:
            raise refused("FIELD", f"{name!r} is wrong: expected {expected}.") from None


def text(value: object) -> str:
    """A text that is not empty."""
    if isinstance(value, str) and value:
        return value
    raise ValueError("a text")


def whole(low: int, high: int) -> Callable[[object], int]:
    """A whole number between two bounds, inclusive."""

    def read(value: object) -> int:
        if isinstance(value, int) and not isinstance(value, bool) and low <= value <= high:
            return value
        raise ValueError(f"a whole number from {low} to {high}")

    return read


def truth(value: object) -> bool:
    """A truth value."""
    if value is True or value is False:
        return value
    raise ValueError("true or false")


def amount(value: object) -> Decimal:
    """Money: exact, so no number with a point unless it is a text."""
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) < 10**20:
        return Decimal(value)
    if isinstance(value, str) and NUMBER.fullmatch(value):
        return Decimal(value)
    raise ValueError('a number as text, such as "0.5"')


def positive(value: object) -> Decimal:
    """Money of which there is some."""
    if (number := amount(value)) > 0:
        return number
    raise ValueError("an amount above 0")


def rate(value: object) -> Decimal:
    """A fraction of what a fill brings."""
    if 0 <= (number := amount(value)) < 1:
        return number
    raise ValueError('a fraction such as "0.001"')


def amounts(value: object) -> dict[str, Decimal]:
    """Amounts by asset."""
    if not isinstance(value, dict) or not all(isinstance(asset, str) and asset for asset in value):
        raise ValueError('amounts by asset, such as {"USDT": "10000"}')
    found = {asset: amount(each) for asset, each in value.items()}
    if any(each < 0 for each in found.values()):
        raise ValueError("amounts from 0")
    return found


def documents(value: object) -> list[dict[str, Any]]:
    """Filters as the exchange shows them."""
    if not isinstance(value, list) or not all(
        isinstance(one, dict) and isinstance(one.get("filterType"), str) for one in value
    ):
        raise ValueError("a list of filters, each with its filterType")
    if any(isinstance(one, str) and SCIENTIFIC.fullmatch(one) for entry in value for one in entry.values()):
        raise ValueError("numbers without an exponent")
    return value
