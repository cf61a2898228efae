"""Is the best of many sets better than none? Hansen's test for superior predictive ability.

Source: Hansen (2005), A Test for Superior Predictive Ability, Journal of Business & Economic Statistics 23(4): the
studentised statistic, the consistent p-value (sets far below zero do not make the bar higher), the variance of the
stationary bootstrap itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from thunes.model import Float1D
from thunes.research.evidence.bootstrap import Float2D, counts, indices, mean_deviation

MEAN_RUN = 3.0  # blocks
DRAWS = BATCH = 2_000

Resamples = NDArray[np.float32]


@dataclass(frozen=True)
class Studentised:
    """Profits of sets, (sets, n), divided by the deviation of √n × their mean; `t` is √n × mean / deviation, (sets,).

    A set without variance has t = −∞ and takes no part.
    """

    profits: Float2D
    t: Float1D

    def rows(self, chosen: NDArray[np.bool_]) -> Studentised:
        """Some of the sets."""
        return Studentised(self.profits[chosen], self.t[chosen])


def studentise(profits: Float2D, mean_run: float = MEAN_RUN) -> Studentised:
    """Divide each set's profits by the deviation of √n × their mean under the stationary bootstrap."""
    n = profits.shape[1]
    deviation = mean_deviation(profits, mean_run)
    moving = deviation > 1e-12 * np.maximum(np.abs(profits).max(axis=1, initial=0.0), 1e-300)
    scale = np.where(moving, deviation, np.inf)
    t = np.where(moving, profits.mean(axis=1) * np.sqrt(n) / scale, -np.inf)
    return Studentised(profits / scale[:, None], t)


def resamples(n: int, draws: int = DRAWS, mean_run: float = MEAN_RUN, seed: int = 0) -> Resamples:
    """Bootstrap resamples of n blocks as counts, (draws, n): the same ones for all families that are compared."""
    random = np.random.default_rng(seed)
    batches = [min(BATCH, draws - first) for first in range(0, draws, BATCH)]
    return np.concatenate([counts(indices(n, batch, mean_run, random)) for batch in batches])


def resampled_maxima(sets: Studentised, drawn: Resamples) -> Float1D:
    """The largest recentred t of each resample, (draws,), at least 0: what luck alone would make of these sets.

    Holds a single-precision matrix of (draws, sets).
    """
    n = sets.profits.shape[1]
    hopeless = sets.t < -np.sqrt(2 * np.log(np.log(n)))
    centre = np.where(hopeless | ~np.isfinite(sets.t), 0.0, sets.t)
    scaled = (sets.profits / np.sqrt(n)).astype(np.float32)
    lucky = drawn @ scaled.T
    lucky -= centre.astype(np.float32)
    return np.asarray(lucky.max(axis=1, initial=0.0), dtype=np.float64)


def p_value(best: float, maxima: Sequence[Float1D]) -> float:
    """Probability that luck alone does as well as the best t, given the resampled maxima of every family of sets.

    The observed one counts as one more resample, so p is never 0 (Davison and Hinkley 1997, section 4.2).
    """
    luck = np.max(np.stack(list(maxima)), axis=0)
    return float((1 + (luck >= max(best, 0.0)).sum()) / (1 + luck.size))
