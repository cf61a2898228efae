"""Where float64 becomes exact: prices and quantities as whole numbers of a symbol's tick or step, and as `Decimal`."""

from __future__ import annotations

from decimal import Decimal

import numpy as np

from thunes.errors import DataError, UsageError
from thunes.model import Float1D, Int1D

LARGEST = 2**52  # up to here a float64 still tells one whole number from the next


def to_units(values: Float1D, unit: Decimal) -> Int1D:
    """The nearest whole numbers of `unit`, ties to even: int64, same shape; order is kept.

    Errors: `UsageError` for a unit that is not positive, `DataError` for values that float64 cannot count in it.
    """
    if not (unit.is_finite() and unit > 0):
        raise UsageError("E-FEED-UNIT", f"{unit} cannot be a tick or a step.", "Give a positive number.")
    counts = np.rint(values / float(unit))
    if not (np.abs(counts) < LARGEST).all():
        raise DataError("E-FEED-RANGE", f"{np.abs(values).max():g} is too much to be counted in steps of {unit}.")
    return np.asarray(counts, dtype=np.int64)


def to_decimal(count: int, unit: Decimal) -> Decimal:
    """`count` units, exactly, with the decimals of `unit`."""
    return Decimal(count) * unit


def exact_sums(values: Int1D, first: Int1D) -> list[int]:
    """Sums of int64 ≥ 0 from each of `first` to the next, the last to the end; they may exceed int64."""
    high, low = (np.add.reduceat(part, first).tolist() for part in (values >> 32, values & 0xFFFF_FFFF))
    return [(h << 32) + rest for h, rest in zip(high, low, strict=True)]
