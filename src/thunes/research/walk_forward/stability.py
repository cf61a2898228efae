"""How much of what was chosen in one fold is chosen again in the others."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from thunes.model import Float1D
from thunes.strategies.base import Number


@dataclass(frozen=True)
class ParameterStability:
    """One parameter over the folds that chose a set.

    `low` and `high` are the quartiles, `mode` the most frequent value (the smallest of equals) and `share` the part of
    the folds that chose it.
    """

    median: float
    low: float
    high: float
    distinct: int
    mode: Number
    share: float


def stability(chosen: Sequence[Mapping[str, Number]]) -> dict[str, ParameterStability]:
    """Each parameter's stability over the sets chosen, by name; empty where none was chosen."""
    names = chosen[0] if chosen else ()
    return {name: _of_values([each[name] for each in chosen]) for name in names}


def _of_values(values: Sequence[Number]) -> ParameterStability:
    distinct, counts = np.unique(values, return_counts=True)
    low, median, high = np.quantile(values, [0.25, 0.5, 0.75]).tolist()
    top = int(counts.argmax())
    return ParameterStability(median, low, high, distinct.size, distinct[top].item(), counts[top].item() / len(values))


def neighbour_rank_correlation(scores: Sequence[Float1D]) -> float:
    """Mean rank correlation of all sets' scores between each fold and the next, over sets defined in both.

    Each fold's scores have shape (sets,); NaN is a set that was not viable. 1 where folds agree on which sets are
    good, 0 where they do not; NaN where no two neighbours have two sets in common. Folds whose training windows
    overlap agree because of that, anchored ones above all. Source: Spearman (1904), The Proof and Measurement of
    Association between Two Things, American Journal of Psychology 15(1).
    """
    found = [_rank_correlation(before, after) for before, after in itertools.pairwise(scores)]
    defined = [value for value in found if not np.isnan(value)]
    return float(np.mean(defined)) if defined else float("nan")


def _rank_correlation(a: Float1D, b: Float1D) -> float:
    both = ~(np.isnan(a) | np.isnan(b))
    x, y = (_ranks(scores[both]) for scores in (a, b))
    scale = np.sqrt((x**2).sum() * (y**2).sum())
    return float((x * y).sum() / scale) if scale > 0 else float("nan")


def _ranks(values: Float1D) -> Float1D:
    """Ranks less their mean; equals share the middle of theirs."""
    _, place, counts = np.unique(values, return_inverse=True, return_counts=True)
    middle = np.cumsum(counts) - (counts - 1) / 2
    ranks: Float1D = middle[place] - (values.size + 1) / 2
    return ranks
