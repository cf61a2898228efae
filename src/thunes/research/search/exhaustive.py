"""Every set of a space through the sweep kernel: exact, and faster than drawing a few."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from thunes.errors import UsageError
from thunes.research.gates.family import LARGEST_SPACE
from thunes.research.search.objective import STATES, Task, figure
from thunes.research.search.space import Space
from thunes.research.search.trials import Trials
from thunes.research.sweep import sweep

LIMIT = LARGEST_SPACE  # what can be tested can be tried


def search_all(task: Task, space: Space, workers: int, progress: Callable[[int, int], None]) -> Trials:
    """The same figures as judging each set, to a relative 1e-9: one sweep a fold, warmed up by all bars before it.

    Errors: `UsageError` for a space of over a million sets; as in `sweep`.
    """
    if space.size > LIMIT:
        hint = "Narrow it with --grid NAME=FIRST:LAST:STEP, or use another sampler."
        raise UsageError("E-SEARCH-SIZE", f"the space has {space.size:,} sets; exhaustive takes {LIMIT:,}.", hint)
    found, trades = [], []
    ranges: Any = space.axes
    for done, fold in enumerate(task.folds):
        swept = sweep(
            task.strategy,
            task.candles[: fold.last],
            task.costs,
            metrics=task.metrics,
            warm_up=fold.first,
            threads=workers,
            **ranges,
        )
        found.append(np.stack([figure(name, swept.metrics) for name in task.objectives], axis=-1))
        trades.append(swept.metrics["trades"])
        progress(done + 1, len(task.folds))
    folds = np.stack(found, axis=1)
    total = np.sum(trades, axis=0).astype(np.int64)
    values = folds.mean(axis=1)
    state = np.where(total >= task.min_trades, STATES.index("viable"), STATES.index("few_trades"))
    state[np.isnan(values).any(axis=1)] = STATES.index("undefined")
    return Trials(swept.parameters, state.astype(np.int8), total, folds, values)
