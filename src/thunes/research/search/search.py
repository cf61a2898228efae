"""Search a strategy's parameters: the front door of this folder."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from thunes.clock import Clock
from thunes.errors import UsageError
from thunes.model import NO_STOPS, Candles, Costs
from thunes.research.backtest import checked_costs, strategy_class
from thunes.research.provenance import describe, provenance
from thunes.research.search import batches, studies
from thunes.research.search.exhaustive import LIMIT, search_all
from thunes.research.search.folds import cut
from thunes.research.search.objective import Outcome, Task, require_objectives
from thunes.research.search.result import SHARED, SearchResult, best_of
from thunes.research.search.samplers import BATCH, require_fitting
from thunes.research.search.space import Ranges, Space, space_of
from thunes.research.search.trials import Trials, trials_of
from thunes.strategies.base import Strategy
from thunes.strategies.registry import source_hash

FOLDER = Path("artifacts") / "optuna"
Progress = Callable[[int, int, Outcome | None], None]  # done, of how many, the best so far


def search(
    strategy: Strategy | type[Strategy] | str,
    candles: Candles,
    costs: Costs | None = None,
    *,
    ranges: Ranges | None = None,
    objectives: Sequence[str] = ("sharpe",),
    folds: int = 5,
    min_trades: int = 10,
    sampler: str = "tpe",
    trials: int = 100,
    seed: int = 0,
    workers: int | None = None,
    prune: bool = True,
    place: Path | str | None = None,
    study: str = "",
    shared: bool = False,
    progress: Progress | None = None,
    clock: Clock | None = None,
) -> SearchResult:
    """Search the declared space (or the `ranges` of it) for the set with the highest mean objective over folds.

    The folds are consecutive, equal stretches that end with the last bar; before them lies the longest warm-up. A set
    is evaluated once from the first candle on, an account begins flat at each fold. Sets with fewer than `min_trades`
    closed positions, or an undefined figure on a fold, never win. `place` is the folder for Optuna's journal files, or
    a storage URL; None keeps nothing. The same seed gives the same study for any number of `workers` (threads), in
    one go or resumed; `shared` gives that up, so that several processes can add trials to one study. `exhaustive`
    tries every set, up to a million, and keeps no study.

    Errors: `UsageError` for wrong arguments or a study of that name with other settings, `DataError` for too few
    candles or a damaged study file, `NetworkError` for a storage that cannot be reached, `LockHeld`, `GateRefused`
    where no set is viable, `CheckFailed` where a backtest of the winner gives other figures; as in `backtest`.
    """
    chosen, paid = strategy_class(strategy), checked_costs(costs)
    space = checked_space(chosen, ranges or {}, sampler, objectives)
    _require_numbers(trials=trials, min_trades=min_trades, seed=seed)
    cores = _cores() if workers is None else workers
    if cores < 1 or trials < 1:
        raise UsageError("E-SEARCH", f"workers={workers} and trials={trials} must be ≥ 1.")
    if shared and (place is None or sampler == "exhaustive"):
        raise UsageError("E-SEARCH", "a shared study needs a storage and a sampler that draws.")
    task = Task(chosen, candles, paid, cut(len(candles), space.warm_up, folds), tuple(objectives), min_trades)
    axes = {name: list(axis) for name, axis in space.axes.items()}
    about = provenance(chosen, axes, candles, paid, NO_STOPS, "next_open", clock)
    report = progress or (lambda *_: None)
    if sampler == "exhaustive":
        found = search_all(task, space, cores, lambda done, total: report(done, total, None))
        name = ""
    else:
        plan = batches.Plan(sampler, seed, prune, trials)
        settings = settings_of(task, space, plan, shared)
        name = "" if place is None else study or default_name(settings)
        notes = {studies.PROVENANCE: about, studies.NOTE: SHARED if shared else ""}
        notes[studies.SETTINGS] = settings  # the last one: a study that has it has them all
        found = _drawn(task, space, plan, cores, place, name, notes, shared, report, clock)
    rows, winner = best_of(task, found, exact=sampler != "exhaustive")
    return SearchResult(task, space, sampler, seed, name, shared, found, rows, winner, about)


def checked_space(strategy: type[Strategy], ranges: Ranges, sampler: str, objectives: Sequence[str]) -> Space:
    """The space, after everything that can be refused before candles are loaded. Errors: `UsageError`."""
    require_objectives(objectives)
    space = space_of(strategy, ranges)
    require_fitting(sampler, space, objectives)
    if sampler != "exhaustive":
        _ = space.distributions
    return space


def recommendation(space: Space, sampler: str) -> str:
    """A line for who draws from a space that could be tried whole; empty otherwise."""
    if sampler == "exhaustive" or space.size > LIMIT:
        return ""
    return f"The space has {space.size:,} sets: --sampler exhaustive tries them all, faster and exact."


def settings_of(task: Task, space: Space, plan: batches.Plan, shared: bool) -> dict[str, Any]:
    """What must be the same for a study to go on; the number of trials may grow."""
    return {
        "strategy": task.strategy.name(),
        "strategy_sha256": source_hash(task.strategy),
        "space": {name: list(axis) for name, axis in space.axes.items()},
        "constraints": list(task.strategy.constraints),
        "candles": describe(task.candles),
        "costs": asdict(task.costs),
        "folds": [[fold.first, fold.last] for fold in task.folds],
        "objectives": list(task.objectives),
        "min_trades": task.min_trades,
        "sampler": plan.sampler,
        "seed": None if shared else plan.seed,
        "prune": plan.prunes(task),
        "batch": BATCH,
        "shared": shared,
    }


def default_name(settings: Mapping[str, Any]) -> str:
    """Strategy, symbol and interval, and a digest of all settings: other settings are another study."""
    digest = hashlib.sha256(json.dumps(settings, sort_keys=True).encode()).hexdigest()[:10]
    candles = settings["candles"]
    return f"{settings['strategy']}_{candles['symbol']}_{candles['interval']}_{digest}"


def require_name(study: str) -> None:
    """Errors: `UsageError` for a study name that is no file name."""
    if not re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9_.+-]{0,99}", study):
        raise UsageError("E-STUDY-NAME", f"{study!r} is no name for a study.", "Use letters, digits, _ . + and -.")


def _drawn(
    task: Task,
    space: Space,
    plan: batches.Plan,
    workers: int,
    place: Path | str | None,
    name: str,
    notes: Mapping[str, Any],
    shared: bool,
    report: Progress,
    clock: Clock | None,
) -> Trials:
    best = Best()

    def progress(outcomes: Sequence[Outcome], total: int) -> None:
        report(len(outcomes), total, best.of(outcomes))

    if place is None:
        return trials_of(batches.run(task, space, plan, None, workers, progress), task)
    require_name(name)
    where = place if isinstance(place, str) else place / f"{name}.log"
    run = batches.run_shared if shared else batches.run
    with studies.kept(where, name, len(task.objectives), notes, shared=shared, clock=clock) as study:
        return trials_of(run(task, space, plan, study, workers, progress), task)


class Best:
    """The best outcome so far, each looked at once."""

    def __init__(self) -> None:
        self._seen = 0
        self._best: Outcome | None = None

    def of(self, outcomes: Sequence[Outcome]) -> Outcome | None:
        """The viable outcome with the highest first objective, the first of equals."""
        for outcome in outcomes[self._seen :]:
            if outcome.state == "viable" and (self._best is None or outcome.values[0] > self._best.values[0]):
                self._best = outcome
        self._seen = len(outcomes)
        return self._best


def _require_numbers(**given: int) -> None:
    for name, value in given.items():
        if value < 0:
            raise UsageError("E-SEARCH", f"{name}={value} must be ≥ 0.")


def _cores() -> int:
    from thunes.kernels.sweep import available_cores

    return available_cores()
