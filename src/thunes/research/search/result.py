"""What a search found, and the check that a plain backtest of the winner gives the same figures."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from thunes.errors import CheckFailed, GateRefused
from thunes.research.backtest import backtest
from thunes.research.provenance import finite
from thunes.research.search.objective import Outcome, Task, judged
from thunes.research.search.space import Space
from thunes.research.search.trials import Trials, front
from thunes.strategies.base import Number

if TYPE_CHECKING:
    from thunes.research.frame import Frame

SHARED = "Shared study: what it drew depends on which worker was faster; it cannot be made again."
SHOWN = 100  # sets of a Pareto front that JSON lists


@dataclass(frozen=True, repr=False, eq=False)
class SearchResult:
    """The best set and all that were tried. `front` are rows of `trials`, best in the first objective first.

    With one objective the front is the best set alone. `study` names what was kept; empty for a search in memory.
    """

    task: Task
    space: Space
    sampler: str
    seed: int
    study: str
    shared: bool
    trials: Trials
    front: tuple[int, ...]
    winner: Outcome
    provenance: Mapping[str, Any]

    def __len__(self) -> int:
        return len(self.trials)

    @property
    def best(self) -> Mapping[str, Number]:
        """The parameters of the set that is best in the first objective."""
        return self.winner.parameters

    @property
    def values(self) -> dict[str, float]:
        """Its mean over the folds, by objective."""
        return dict(zip(self.task.objectives, self.winner.values, strict=True))

    @cached_property
    def frame(self) -> Frame:
        """One row a set: see `Trials.to_frame`."""
        return self.trials.to_frame(self.task.objectives)

    @property
    def note(self) -> str:
        """What must be read with it; empty for a study that can be made again."""
        return SHARED if self.shared else ""

    def to_dict(self) -> dict[str, Any]:
        """Figures and provenance as plain values; undefined figures are None."""
        return {
            "study": self.study,
            "sampler": self.sampler,
            "seed": None if self.shared else self.seed,
            "reproducible": not self.shared,
            "objectives": list(self.task.objectives),
            "space": self.space.size,
            "trials": len(self),
            "states": self.trials.counts(),
            "best": {"parameters": dict(self.best), "values": self.values, "trades": self.winner.trades},
            "folds": [
                {"first": int(piece.open_time[0]), "end": piece.end_time, "bars": len(piece)}
                | dict(zip(self.task.objectives, values, strict=True))
                for piece, values in zip(self.task.pieces, self.winner.folds, strict=True)
            ],
            "front": [self._member(row) for row in self.front[:SHOWN]],
            "provenance": dict(self.provenance),
        }

    def _member(self, row: int) -> dict[str, Any]:
        values = dict(zip(self.task.objectives, map(finite, self.trials.values[row].tolist()), strict=True))
        return {"parameters": self.trials.set_of(row), "values": values}

    def to_json(self) -> str:
        return json.dumps(self.to_dict())

    def __repr__(self) -> str:
        found = ", ".join(f"{name}={value:.4g}" for name, value in {**self.best, **self.values}.items())
        return f"SearchResult({self.task.strategy.name()}, {len(self):,} sets by {self.sampler}: {found})"


def best_of(task: Task, trials: Trials, *, exact: bool) -> tuple[tuple[int, ...], Outcome]:
    """The front, and its first set as a plain backtest gives it.

    A drawn set's figures must be equal to the last digit (`exact`), a swept one's to a relative 1e-9. Errors:
    `CheckFailed` where they are not; `GateRefused` where no set is viable.
    """
    rows = front(trials)
    if not rows:
        raise GateRefused("E-SEARCH-NONE", f"no viable parameters: {_reasons(task, trials)}.")
    parameters = trials.set_of(rows[0])
    exposure = backtest(task.strategy.make(parameters), task.candles, task.costs).exposure
    outcome = judged(task, parameters, exposure)
    again, found = np.array(outcome.folds), trials.folds[rows[0]]
    same = again.shape == found.shape and outcome.trades == trials.trades[rows[0]]
    tolerance = 0.0 if exact else 1e-9
    if not (same and np.allclose(again, found, rtol=tolerance, atol=tolerance / 1_000)):
        what = f"the figures of {parameters} differ between the search and a plain backtest."
        raise CheckFailed("E-SEARCH-CHECK", what, "Trust neither, and report it.")
    return rows, outcome


def _reasons(task: Task, trials: Trials) -> str:
    counts = trials.counts()
    texts = {
        "few_trades": f"made fewer than {task.min_trades} trades",
        "undefined": f"have no defined {' or '.join(task.objectives)} on some fold",
        "infeasible": "break a constraint",
        "pruned": "were pruned",
    }
    reasons = ", ".join(f"{counts[state]:,} {text}" for state, text in texts.items() if counts[state])
    return f"of {len(trials):,} sets {reasons or 'none was tried'}"
