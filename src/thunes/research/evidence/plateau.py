"""Which set to deploy: not the highest peak, which luck likes, but the middle of the broadest high ground."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from thunes.model import Float1D
from thunes.research.evidence.timing import Mask
from thunes.research.grid import Columns

FLOOR = 0.5  # of its plateau's mean: neighbours in a parameter that is no quantity, such as a mode, may be strangers
REACH = 0.05  # of a parameter's values, to either side; at least one


def plateau(columns: Columns, t: Float1D) -> Float1D:
    """Mean t of each set's neighbours on the grid, itself included, (sets,): a box around it in every parameter.

    Neighbours that no grid has (beyond an edge, or not feasible) are left out of the mean; a set without variance
    (t = −∞) counts as 0: the rule earned nothing there.
    """
    places, shape = _places(columns)
    if not places:
        return np.where(np.isfinite(t), t, 0.0)
    values, there = np.zeros(shape), np.zeros(shape)
    values[places] = np.where(np.isfinite(t), t, 0.0)
    there[places] = 1.0
    for axis, size in enumerate(shape):
        reach = max(1, math.floor(REACH * size)) if size > 1 else 0
        values, there = (_box(x, axis, reach) for x in (values, there))
    return np.asarray(values[places] / there[places])


def peak(columns: Columns, t: Float1D, eligible: Mask) -> int:
    """The eligible set in the middle of the highest plateau, as long as its own t is of that height."""
    means = plateau(columns, t)
    good = eligible & np.isfinite(t)
    high = good & (t >= FLOOR * means)
    return int(np.argmax(np.where(high if high.any() else good, means, -np.inf)))


def _places(columns: Columns) -> tuple[tuple[NDArray[np.int64], ...], tuple[int, ...]]:
    """Where each set lies on the dense grid of its parameters' values, and the grid's shape."""
    coded = [np.unique(values, return_inverse=True) for values in columns.values()]
    return tuple(place for _, place in coded), tuple(axis.size for axis, _ in coded)


def _box(values: NDArray[np.float64], axis: int, reach: int) -> NDArray[np.float64]:
    """Sums over ±reach along an axis."""
    size = values.shape[axis]
    total = np.insert(np.cumsum(values, axis=axis), 0, 0.0, axis=axis)
    place = np.arange(size)
    above = np.take(total, np.minimum(place + reach + 1, size), axis=axis)
    return np.asarray(above - np.take(total, np.maximum(place - reach, 0), axis=axis))
