"""Ask, judge and tell in batches, so that a study is the same with one worker or several, broken off or not.

The sampler thinks in a study in memory that holds finished batches only. Eight sets are asked for at once, judged by
any number of threads, and told in their order; only then is each kept, as one finished trial: a kept study never holds
a running one. A process that dies while it keeps a batch leaves the batch's first trials. The next process draws that
batch again from the same history, judges all of it again, finds the first trials as they were and keeps the rest.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import optuna
from optuna.samplers import CmaEsSampler
from optuna.trial import FrozenTrial, Trial, TrialState

from thunes.errors import CheckFailed
from thunes.research.search.objective import Outcome, Task, judge
from thunes.research.search.pruning import hurdles
from thunes.research.search.samplers import BATCH, PRUNED, recall, sampler_of, unseeded
from thunes.research.search.space import Space
from thunes.research.search.studies import finished

OUTCOME = "thunes:outcome"
Progress = Callable[[Sequence[Outcome], int], None]  # the outcomes so far, and how many there will be
Judge = Callable[[Sequence[Mapping[str, Any]], Sequence[float]], list[Outcome]]


@dataclass(frozen=True)
class Plan:
    """How a study is drawn: its sampler, its seed, whether it prunes, and how many trials it shall have."""

    sampler: str
    seed: int
    prune: bool
    trials: int

    def prunes(self, task: Task) -> bool:
        """Pruning is for one objective, and for samplers that learn from a pruned set or from none."""
        return self.prune and len(task.objectives) == 1 and self.sampler in PRUNED


def run(
    task: Task, space: Space, plan: Plan, study: optuna.Study | None, workers: int, progress: Progress
) -> list[Outcome]:
    """The outcomes of all trials, those that `study` has already first; new ones are kept in it."""
    known = finished(study) if study is not None else []
    outcomes = [outcome_of(trial, space) for trial in known]
    if len(known) >= plan.trials:
        return outcomes
    del outcomes[len(known) - len(known) % BATCH :]
    mind = optuna.create_study(directions=["maximize"] * len(task.objectives))
    mind.add_trials(known[: len(outcomes)])
    with judges(task, space, workers) as judged:
        while len(outcomes) < plan.trials:
            told = _batch(task, space, plan, mind, outcomes, judged)
            for trial in told:
                _keep(trial, study, known)
            outcomes += [outcome_of(trial, space) for trial in told]
            progress(outcomes, plan.trials)
    return outcomes


def _batch(
    task: Task, space: Space, plan: Plan, mind: optuna.Study, outcomes: Sequence[Outcome], judged: Judge
) -> list[FrozenTrial]:
    """Ask for a whole batch, also where fewer are wanted: its first sets must not depend on how many."""
    mind.sampler = sampler_of(plan.sampler, plan.seed, len(outcomes) // BATCH)
    recall(mind)
    asked = [mind.ask(space.distributions) for _ in range(BATCH)][: plan.trials - len(outcomes)]
    bars = hurdles(outcomes, len(task.folds)) if plan.prunes(task) else ()
    found = judged([trial.params for trial in asked], bars)
    return [tell(mind, trial, outcome, task, space) for trial, outcome in zip(asked, found, strict=True)]


def _keep(trial: FrozenTrial, study: optuna.Study | None, known: Sequence[FrozenTrial]) -> None:
    """Keep a told trial, or compare it with the one that was kept before the study broke off."""
    if study is None:
        return
    if trial.number >= len(known):
        study.add_trial(trial)
        return
    before = known[trial.number]
    if (before.params, before.values, before.state) != (trial.params, trial.values, trial.state):
        what = f"trial {trial.number} of the study came out differently when it was run again."
        raise CheckFailed("E-STUDY-REPLAY", what, "Was a library or the strategy changed? Begin a new --study.")


@contextmanager
def judges(task: Task, space: Space, workers: int) -> Iterator[Judge]:
    """A pool of threads that judges sets, its outcomes in the order of the sets (the kernels release the GIL)."""

    def one(drawn: Mapping[str, Any], bars: Sequence[float]) -> Outcome:
        parameters = space.on_grid(drawn)
        if space.violated(parameters):
            return Outcome(parameters, "infeasible")
        return judge(task, parameters, bars)

    with ThreadPoolExecutor(workers) as pool:
        yield lambda sets, bars: list(pool.map(lambda drawn: one(drawn, bars), sets))


def tell(study: optuna.Study, trial: Trial, outcome: Outcome, task: Task, space: Space) -> FrozenTrial:
    """Tell a trial what became of it: a value only where it is defined on every fold, violations as constraints.

    CMA-ES would take a set that breaks a constraint for a good one: there it has failed.
    """
    constrained = not isinstance(study.sampler, CmaEsSampler)
    folds = [[None if value != value else value for value in fold] for fold in outcome.folds]
    trial.set_user_attr(OUTCOME, {"state": outcome.state, "folds": folds, "trades": outcome.trades})
    if outcome.state == "few_trades" and constrained:
        trial.set_constraint("min_trades", task.min_trades - outcome.trades)
    if outcome.state == "infeasible":
        trial.set_constraint(space.violated(outcome.parameters), 1.0)
    single = len(task.objectives) == 1
    if single and outcome.state != "undefined":
        for step in range(len(outcome.folds)):
            trial.report(Outcome(outcome.parameters, "pruned", outcome.folds[: step + 1]).values[0], step)
    if outcome.state == "viable" or (outcome.state == "few_trades" and constrained):
        return study.tell(trial, outcome.values)
    # Optuna's samplers look at the constraints of a pruned trial, and not at a failed one at all.
    pruned = outcome.state == "pruned" or (outcome.state == "infeasible" and single)
    return study.tell(trial, state=TrialState.PRUNED if pruned else TrialState.FAIL)


def outcome_of(trial: FrozenTrial, space: Space) -> Outcome:
    """The outcome that a trial was told."""
    told = trial.user_attrs[OUTCOME]
    folds = tuple(tuple(float("nan") if value is None else value for value in fold) for fold in told["folds"])
    return Outcome(space.on_grid(trial.params), told["state"], folds, told["trades"])


def run_shared(
    task: Task, space: Space, plan: Plan, study: optuna.Study, workers: int, progress: Progress
) -> list[Outcome]:
    """Add this worker's trials to a study that others add to as well, and give the outcomes of all.

    Sets are drawn from what has been told by anybody until then, so a shared study cannot be made again. A worker that
    dies leaves running trials, which nobody counts.
    """
    study.sampler = unseeded(plan.sampler)
    begun = len(finished(study))
    with judges(task, space, workers) as judged:
        for done in range(0, plan.trials, BATCH):
            asked = [study.ask(space.distributions) for _ in range(min(BATCH, plan.trials - done))]
            known = [outcome_of(trial, space) for trial in finished(study)]
            bars = hurdles(known, len(task.folds)) if plan.prunes(task) else ()
            for trial, outcome in zip(asked, judged([t.params for t in asked], bars), strict=True):
                tell(study, trial, outcome, task, space)
            progress(known, begun + plan.trials)
    return [outcome_of(trial, space) for trial in finished(study)]
