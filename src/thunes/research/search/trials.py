"""All sets that were tried, as columns: one form for a drawn and an exhaustive search."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from thunes.model import Int1D
from thunes.research.grid import Columns
from thunes.research.search.objective import STATES, Outcome, Task
from thunes.strategies.base import Number

if TYPE_CHECKING:
    from thunes.research.frame import Frame


@dataclass(frozen=True, eq=False)
class Trials:
    """Columns of shape (n,), in the order of trying; `state` are indices into `STATES`.

    `folds` has shape (n, folds, objectives) and `values`, their means, (n, objectives): NaN where undefined or not run.
    """

    parameters: Columns
    state: NDArray[np.int8]
    trades: Int1D
    folds: NDArray[np.float64]
    values: NDArray[np.float64]

    def __len__(self) -> int:
        return int(self.state.size)

    def set_of(self, row: int) -> dict[str, Number]:
        """The parameters of one row."""
        return {name: column[row].item() for name, column in self.parameters.items()}

    def counts(self) -> dict[str, int]:
        """How many sets ended in each state."""
        found = np.bincount(self.state, minlength=len(STATES))
        return {state: int(count) for state, count in zip(STATES, found, strict=True)}

    def to_frame(self, objectives: Sequence[str]) -> Frame:
        """One row a set: parameters, state, trades, each objective's mean, then its value in each fold."""
        import polars as pl

        from thunes.research.frame import Frame

        columns: dict[str, Any] = {"trial": np.arange(len(self)), **self.parameters}
        columns["state"] = pl.Series([STATES[code] for code in self.state], dtype=pl.String)
        columns["trades"] = self.trades
        columns |= {name: self.values[:, k] for k, name in enumerate(objectives)}
        for fold in range(self.folds.shape[1]):
            columns |= {f"{name}_fold_{fold + 1}": self.folds[:, fold, k] for k, name in enumerate(objectives)}
        return Frame(columns)


def trials_of(outcomes: Sequence[Outcome], task: Task) -> Trials:
    """Outcomes as columns."""
    folds = np.full((len(outcomes), len(task.folds), len(task.objectives)), np.nan)
    values = np.full((len(outcomes), len(task.objectives)), np.nan)
    for row, outcome in enumerate(outcomes):
        if outcome.folds:
            folds[row, : len(outcome.folds)] = outcome.folds
            values[row] = outcome.values
    names = task.strategy.parameters()
    return Trials(
        {name: np.array([outcome.parameters[name] for outcome in outcomes]) for name in names},
        np.array([STATES.index(outcome.state) for outcome in outcomes], dtype=np.int8),
        np.array([outcome.trades for outcome in outcomes], dtype=np.int64),
        folds,
        values,
    )


def front(trials: Trials) -> tuple[int, ...]:
    """The viable rows that no other one beats in every objective, the best in the first objective first.

    With one objective that is the best row alone; of equal ones the first is taken. Empty where none is viable.
    """
    viable = np.flatnonzero(trials.state == STATES.index("viable"))
    values = trials.values[viable]
    order = np.lexsort(-values.T[::-1])
    found: list[int] = []
    while order.size:
        found.append(int(viable[order[0]]))
        order = order[(values[order] > values[order[0]]).any(axis=1)]
    return tuple(found)
