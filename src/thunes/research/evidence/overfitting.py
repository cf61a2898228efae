"""How often the best set of one half of the history is a poor one in the other half."""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from thunes.errors import DataError
from thunes.model import Float1D

Float2D = NDArray[np.float64]

GROUPS = 16  # 12,870 ways to halve them
BATCH = 250_000  # scores held at once, so that they stay in the cache


@dataclass(frozen=True)
class Overfitting:
    """What became of the best set of each half in the other half, each of shape (splits,).

    `ranks` are its relative ranks there, rank / (sets + 1): 0.5 is the middle, near 1 the best. `scores` are its Sharpe
    ratios there, per bar.
    """

    ranks: Float1D
    scores: Float1D

    @property
    def probability(self) -> float:
        """Probability of backtest overfitting: how often the rank is in the lower half (its logit not positive)."""
        return float((self.ranks <= 0.5).mean())

    @property
    def loss(self) -> float:
        """How often the best set of one half loses in the other."""
        return float((self.scores < 0).mean())


def overfitting(
    sums: Float2D,
    squares: Float2D,
    bars: Float1D | NDArray[np.int64],
    *,
    groups: int = GROUPS,
    splits: int | None = None,
    seed: int = 0,
) -> Overfitting:
    """Combinatorially symmetric cross-validation, by the Sharpe ratio, from sums per block.

    `sums` and `squares` of shape (sets, blocks) add up each set's returns per bar and their squares, `bars` of shape
    (blocks,) says over how many. Blocks are joined to `groups` stretches of (nearly) equal numbers of blocks, in time
    order; each half of them trains once and is tested on the other. `splits` asks for so many of the halvings, drawn at
    random without repetition, instead of all. A set that held nothing in a half scores 0 there, and equals share their
    rank. Errors: `DataError` for fewer blocks than groups.

    Source: Bailey, Borwein, López de Prado and Zhu (2017; first 2015), The Probability of Backtest Overfitting, Journal
    of Computational Finance 20(4).
    """
    if sums.shape[1] < groups:
        raise DataError("E-EVIDENCE-SHORT", f"{sums.shape[1]} blocks cannot be cut into {groups} groups.", "Load more.")
    starts = np.linspace(0, sums.shape[1], groups + 1).astype(int)[:-1]
    parts = [
        np.ascontiguousarray(np.add.reduceat(values, starts, axis=-1).T)  # (groups, sets): fast to multiply
        for values in (sums, squares, np.asarray(bars, np.float64))
    ]
    chosen = halvings(groups, splits, seed)
    batch = max(1, BATCH // len(sums))
    found = [_judge(chosen[k : k + batch], *parts) for k in range(0, len(chosen), batch)]
    ranks, scores = (np.concatenate(column) for column in zip(*found, strict=True))
    return Overfitting(ranks, scores)


def halvings(groups: int, splits: int | None = None, seed: int = 0) -> Float2D:
    """Which groups train in each halving, 1 or 0, shape (splits, groups): all of them, or so many drawn at random."""
    picked = np.array(list(itertools.combinations(range(groups), groups // 2)))
    if splits is not None and splits < len(picked):
        picked = np.random.default_rng(seed).choice(picked, splits, replace=False)
    chosen = np.zeros((len(picked), groups))
    np.put_along_axis(chosen, picked, 1.0, axis=1)
    return chosen


def _judge(trained: Float2D, sums: Float2D, squares: Float2D, bars: Float1D) -> tuple[Float1D, Float1D]:
    """Relative rank and score, out of sample, of each halving's best set in sample."""
    inside, outside = (_sharpe(half @ sums, half @ squares, half @ bars) for half in (trained, 1 - trained))
    own = np.take_along_axis(outside, inside.argmax(axis=1)[:, None], axis=1)
    below, equal = (outside < own).sum(axis=1), (outside == own).sum(axis=1)
    return (below + (equal + 1) / 2) / (outside.shape[1] + 1), own[:, 0]


def _sharpe(sums: Float2D, squares: Float2D, bars: Float1D) -> Float2D:
    """Mean over deviation, 0 without variance, of shape (splits, sets)."""
    mean = sums / bars[:, None]
    variance = (squares - sums * mean) / (bars[:, None] - 1)
    moved = variance > 1e-12 * squares / bars[:, None]
    return np.where(moved, mean / np.sqrt(np.where(moved, variance, 1.0)), 0.0)
