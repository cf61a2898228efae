"""Exact numbers: sums and products of any length, and shares that never lose a digit of the whole."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import ROUND_HALF_EVEN, Context, Decimal

from thunes.errors import DataError

ZERO = Decimal(0)
EXACT = Context(prec=500)  # the default's 28 digits would round in silence
FINEST = Decimal("1E-30")  # to which a share is rounded; whoever takes the last part takes what rounding left

plus = EXACT.add  # the exact sum of two
minus = EXACT.subtract  # the exact difference
product = EXACT.multiply  # the exact product


def total(amounts: Iterable[Decimal]) -> Decimal:
    """The exact sum."""
    result = ZERO
    for amount in amounts:
        result = plus(result, amount)
    return result


def share(amount: Decimal, part: Decimal, whole: Decimal) -> Decimal:
    """What `part` of `whole` carries of an amount: exact for the whole of it, otherwise rounded to `FINEST`."""
    if part == whole:
        return amount
    exact = EXACT.divide(product(amount, part), whole)
    return exact.quantize(FINEST, rounding=ROUND_HALF_EVEN, context=EXACT)


def require_finite(name: str, amount: Decimal, *, least: Decimal | None = None) -> None:
    """Error: `DataError` for NaN, infinity, and less than `least`."""
    if not amount.is_finite() or (least is not None and amount < least):
        raise DataError("E-LEDGER-NUMBER", f"{name} cannot be {amount}.", "Nothing was booked.")
