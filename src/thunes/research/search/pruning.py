"""When a set is given up before its last fold: a quartile rule that looks at finished batches only.

The median rule of Optuna and Vizier gives up two thirds of all sets here and finds worse ones for it: how a set does
in one market says little about the next.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from thunes.model import Float1D
from thunes.research.search.objective import Outcome

FEWEST = 8  # sets judged on a fold before any is given up after it
FIRST = 2  # folds that every set is given: one fold is one market
QUANTILE = 0.25


def hurdles(outcomes: Sequence[Outcome], folds: int) -> tuple[float, ...]:
    """What the mean of the first objective must reach after each fold but the last: the lower quartile so far.

    That is of all sets that were judged on this fold, also of those given up after it: survivors alone would raise the
    hurdle without end. −inf where there is no hurdle. After the median stopping rule of Golovin et al. (2017), "Google
    Vizier", section 3.2.2.
    """
    first = np.full((len(outcomes), folds), np.nan)
    for row, outcome in enumerate(outcomes):
        first[row, : len(outcome.folds)] = [values[0] for values in outcome.folds]
    so_far = np.cumsum(first, axis=1) / np.arange(1, folds + 1)
    return tuple(_hurdle(so_far[:, k]) if k + 1 >= FIRST else -np.inf for k in range(folds - 1))


def _hurdle(means: Float1D) -> float:
    defined = means[~np.isnan(means)]
    return float(np.quantile(defined, QUANTILE)) if defined.size >= FEWEST else -np.inf
