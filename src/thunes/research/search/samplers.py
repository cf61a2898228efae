"""How the next sets are drawn. A sampler is made anew for each batch, from the seed and the batch's number alone."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, get_args

import numpy as np
import optuna
from optuna.samplers import BaseSampler, CmaEsSampler, NSGAIISampler, RandomSampler, TPESampler

from thunes.errors import UsageError, did_you_mean
from thunes.research.search.space import Space

Sampler = Literal["tpe", "nsga2", "cmaes", "random", "exhaustive"]
SAMPLERS: tuple[Sampler, ...] = get_args(Sampler)
BATCH = 8  # sets drawn before any of them is told: the same for any number of workers
PRUNED = ("tpe", "random")  # the samplers that can do with pruned sets


def require_fitting(sampler: str, space: Space, objectives: Sequence[str]) -> None:
    """Errors: `UsageError` for an unknown sampler, or one that cannot search this space for these objectives."""
    if sampler not in SAMPLERS:
        raise UsageError("E-SAMPLER", f"unknown sampler {sampler!r}.", did_you_mean(sampler, SAMPLERS))
    if sampler != "cmaes":
        return
    if space.strategy.constraints:
        what = f"cmaes cannot keep to {' and '.join(space.strategy.constraints)}."
        raise UsageError("E-SAMPLER", what, "Use tpe, random or exhaustive.")
    if len(objectives) > 1 or sum(len(axis) > 1 for axis in space.axes.values()) < 2:
        what = "cmaes takes one objective and two parameters or more."
        raise UsageError("E-SAMPLER", what, "Use tpe, random or exhaustive.")


def sampler_of(name: str, seed: int, batch: int) -> BaseSampler:
    """The sampler of one batch."""
    drawn = int(np.random.SeedSequence([seed, batch]).generate_state(1)[0])
    return _made(name, drawn)


def unseeded(name: str) -> BaseSampler:
    """A sampler of its own for each of the workers that share a study: alike seeds would draw the same sets."""
    return _made(name, None)


def _made(name: str, seed: int | None) -> BaseSampler:
    if name == "tpe":
        return TPESampler(seed=seed, n_startup_trials=BATCH, multivariate=True)
    if name == "nsga2":
        return NSGAIISampler(seed=seed)
    if name == "cmaes":
        return CmaEsSampler(seed=seed)
    return RandomSampler(seed=seed)


def recall(study: optuna.Study) -> None:
    """Give a study that was rebuilt from its trials what NSGA-II remembers beside them: each generation's parents.

    It keeps them in the study in the order of trials, but uses them in the order of selection once: without this a
    resumed study would draw other sets.
    """
    sampler = study.sampler
    if not isinstance(sampler, NSGAIISampler):
        return
    key = sampler._get_generation_key()
    for generation in range(
        1, max((t.system_attrs.get(key, 0) for t in study.get_trials(deepcopy=False)), default=0) + 1
    ):
        sampler.get_parent_population(study, generation)
