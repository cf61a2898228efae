"""Exact numbers on a grid: the one crossing from float, rounding, and how a number is written for the exchange."""

from __future__ import annotations

import math
from collections.abc import Callable
from decimal import (
    ROUND_CEILING,
    ROUND_DOWN,
    Context,
    Decimal,
    DivisionByZero,
    InvalidOperation,
    Overflow,
    localcontext,
)
from functools import lru_cache, wraps
from typing import ParamSpec, TypeVar

from thunes.errors import UsageError

Number = Decimal | int | float | str  # what a caller may give for an amount or a price

P = ParamSpec("P")
R = TypeVar("R")

ZERO, ONE = Decimal(0), Decimal(1)
TOO_LARGE = Decimal(10) ** 20  # the exchange reads at most 20 digits before the point
# Wide enough for every product of two numbers that the exchange reads; a quotient that has no end is cut, never raised.
EXACT = Context(prec=120, rounding=ROUND_DOWN, traps=[InvalidOperation, DivisionByZero, Overflow])


def exactly(function: Callable[P, R]) -> Callable[P, R]:
    """Compute in `EXACT`, whatever context the caller's thread is in."""

    @wraps(function)
    def computed(*args: P.args, **named: P.kwargs) -> R:
        with localcontext(EXACT):
            return function(*args, **named)

    return computed


@lru_cache(maxsize=1024)
@exactly
def decimals_of(step: Decimal) -> int:
    """Decimals that a multiple of `step` needs: 2 for 0.01000, 0 for 1.00 and for 10."""
    exponent = step.normalize().as_tuple().exponent
    assert isinstance(exponent, int), "a step is finite"
    return max(0, -exponent)


@lru_cache(maxsize=1024)
@exactly
def common_step(first: Decimal, second: Decimal) -> Decimal:
    """The smallest step whose multiples are on both grids; a step of 0 is no grid."""
    if not first or not second:
        return first or second
    unit = ONE.scaleb(-max(decimals_of(first), decimals_of(second)))
    return math.lcm(int(first / unit), int(second / unit)) * unit


@lru_cache(maxsize=1024)
@exactly
def unit_of(step: Decimal) -> Decimal:
    """The unit of the last decimal that a step has: 0.01 for 0.05."""
    return ONE.scaleb(-decimals_of(step))


@exactly
def floor_to(number: Decimal, step: Decimal) -> Decimal:
    """The largest multiple of `step` (> 0) that is not above `number` (≥ 0), with the decimals of the step."""
    return cut(number, step)


def cut(number: Decimal, step: Decimal) -> Decimal:
    """As `floor_to`, for a caller that is in `EXACT` already: entering it costs more than the division."""
    return (number // step * step).quantize(unit_of(step))


@exactly
def ceil_to(number: Decimal, step: Decimal) -> Decimal:
    """The smallest multiple of `step` (> 0) that is not below `number` (≥ 0), with the decimals of the step."""
    return ((number / step).to_integral_value(ROUND_CEILING) * step).quantize(unit_of(step))


@exactly
def plain(number: Decimal, step: Decimal) -> str:
    """A number of a step's grid as the exchange wants it: no exponent, no more decimals than the step has."""
    return format(number.quantize(unit_of(step)), "f")


@exactly
def to_decimal(value: float, step: Decimal) -> Decimal:
    """The one crossing from float: what the float prints as, cut to the step (> 0) towards zero.

    Error: `UsageError` for what is not finite.
    """
    if not math.isfinite(value):
        raise UsageError("E-AMOUNT", f"{value} is no amount.", "Give a finite number.")
    exact = Decimal(repr(float(value)))
    return cut(exact, step)


def read(number: Number, step: Decimal) -> Decimal:
    """What a caller gave, as Decimal; a float is cut to `step`. What is no number is NaN, for a check to name."""
    if isinstance(number, Decimal):
        return number
    if isinstance(number, bool):
        return Decimal("NaN")
    if isinstance(number, float):
        return to_decimal(number, step) if math.isfinite(number) else Decimal(number)
    try:
        return Decimal(number)
    except InvalidOperation:
        return Decimal("NaN")


def is_amount(number: Decimal) -> bool:
    """Whether it is finite, above zero, and no longer than what the exchange reads."""
    return number.is_finite() and ZERO < number < TOO_LARGE
