"""What the tests of the search share: small markets, strategies made for them, studies as plain values."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import optuna
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend
from tests.series import bars, walk

from thunes.model import Candles, Float1D
from thunes.strategies.base import Strategy, param

MARKET = walk(900, seed=3)
RANGES = {"fast": range(5, 15), "slow": range(10, 40)}


class Momentum(Strategy):
    """Long while the price is above its former price by a margin; no constraint, whole and broken numbers."""

    reach: int = param(5, "bars", first=1, last=40)
    margin: float = param(0.0, "fraction", first=0.0, last=0.02, step=0.001)

    @staticmethod
    def kernel(out: Float1D, close: Float1D, reach: int, margin: float) -> None:
        for t in range(reach, out.size):
            out[t] = 1.0 if close[t] > close[t - reach] * (1.0 + margin) else 0.0


class Alternating(Strategy):
    """In and out by turns, `length` bars each; its answer can be worked out by hand."""

    length: int = param(2, "steps", first=1, last=4)

    def exposure(self, candles: Candles) -> Float1D:
        return (np.arange(len(candles)) // self.length % 2).astype(np.float64)


def flat(count: int) -> Candles:
    """A market whose price never moves."""
    return bars([[100.0, 100.0, 100.0, 100.0]] * count)


def told(study: optuna.Study) -> list[tuple[Any, ...]]:
    """Everything that a study says of its trials but their times.

    CMA-ES keeps its optimizer there too, pickled with an array that it has not filled: those bytes are of no meaning.
    """

    def system(trial: optuna.trial.FrozenTrial) -> dict[str, Any]:
        return {name: value for name, value in trial.system_attrs.items() if not name.startswith("cma:optimizer")}

    return [
        (t.number, t.state, t.params, t.values, t.user_attrs, system(t), t.intermediate_values)
        for t in study.get_trials(deepcopy=False)
    ]


def loaded(path: Path, name: str) -> optuna.Study:
    """A study in a journal file, as any user of Optuna opens it."""
    return optuna.load_study(study_name=name, storage=JournalStorage(JournalFileBackend(str(path))))
