from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import optuna
import pytest
from optuna.trial import TrialState
from tests.research.search.worlds import MARKET, RANGES, Momentum, loaded, told

from thunes.errors import CheckFailed, UsageError
from thunes.research.search.result import SearchResult
from thunes.research.search.samplers import BATCH
from thunes.research.search.search import search

SEARCHES: dict[str, dict[str, Any]] = {
    "tpe": {"strategy": "sma_cross", "ranges": RANGES, "sampler": "tpe"},
    "tpe of two objectives": {
        "strategy": "sma_cross",
        "ranges": RANGES,
        "sampler": "tpe",
        "objectives": ("sharpe", "calmar"),
    },
    "nsga2": {"strategy": "sma_cross", "ranges": RANGES, "sampler": "nsga2", "objectives": ("sharpe", "calmar")},
    "cmaes": {"strategy": Momentum, "sampler": "cmaes"},
    "random": {"strategy": "sma_cross", "ranges": RANGES, "sampler": "random"},
}
LONG_ENOUGH = {"nsga2": 124}  # its generations have fifty sets
every_sampler = pytest.mark.parametrize("name", SEARCHES)


def searched(name: str, trials: int = 0, place: Path | None = None, **terms: Any) -> SearchResult:
    given = {"seed": 5, "workers": 1, "study": "study", "min_trades": 40, **SEARCHES[name], **terms}
    strategy = given.pop("strategy")
    return search(strategy, MARKET, trials=trials or LONG_ENOUGH.get(name, 28), place=place, **given)


def columns(result: SearchResult) -> str:
    return result.frame.write_csv()


@every_sampler
@pytest.mark.parametrize("workers", [2, 4])
def test_any_number_of_workers_gives_the_same_study_to_the_last_digit(name: str, workers: int, tmp_path: Path) -> None:
    alone = searched(name, place=tmp_path / "one")
    several = searched(name, place=tmp_path / "many", workers=workers)
    assert columns(alone) == columns(several)
    assert told(loaded(tmp_path / "one" / "study.log", "study")) == told(
        loaded(tmp_path / "many" / "study.log", "study")
    )


@every_sampler
def test_a_study_in_memory_is_the_study_that_is_kept(name: str, tmp_path: Path) -> None:
    assert columns(searched(name)) == columns(searched(name, place=tmp_path))


@every_sampler
def test_a_study_cut_off_anywhere_goes_on_to_the_same_end(name: str, tmp_path: Path) -> None:
    """What a process that died at any moment leaves is some first bytes of its journal."""
    whole = searched(name, place=tmp_path / "whole")
    content = (tmp_path / "whole" / "study.log").read_bytes()
    chance = random.Random(name)
    lines = [k + 1 for k, byte in enumerate(content) if byte == ord("\n")]
    cuts = [lines[0], lines[1], *chance.sample(lines, 2), *chance.sample(range(lines[0], len(content)), 3)]
    for k, cut in enumerate(cuts):
        torn = tmp_path / str(k) / "study.log"
        torn.parent.mkdir()
        torn.write_bytes(content[:cut])
        assert columns(searched(name, place=torn.parent)) == columns(whole)
        assert told(loaded(torn, "study")) == told(loaded(tmp_path / "whole" / "study.log", "study"))


@every_sampler
@pytest.mark.parametrize("first", [1, 11, 16])
def test_more_trials_later_are_the_trials_that_would_have_followed(name: str, first: int, tmp_path: Path) -> None:
    searched(name, first, place=tmp_path, min_trades=0)
    assert columns(searched(name, place=tmp_path, min_trades=0)) == columns(searched(name, min_trades=0))


def test_a_finished_study_is_not_run_again(tmp_path: Path) -> None:
    whole = searched("tpe", place=tmp_path)
    content = (tmp_path / "study.log").read_bytes()
    assert columns(searched("tpe", place=tmp_path)) == columns(whole)
    assert (tmp_path / "study.log").read_bytes() == content


def test_another_seed_gives_another_study() -> None:
    assert columns(searched("tpe", seed=5)) != columns(searched("tpe", seed=6))


def test_each_batch_draws_sets_of_its_own() -> None:
    drawn = searched("random", 2 * BATCH, min_trades=0).frame.select("fast", "slow").rows()
    assert drawn[:BATCH] != drawn[BATCH:]


def test_a_kept_study_holds_no_running_trial_and_numbers_without_a_gap(tmp_path: Path) -> None:
    searched("tpe", place=tmp_path)
    trials = loaded(tmp_path / "study.log", "study").trials
    assert [trial.number for trial in trials] == list(range(28))
    assert all(trial.state.is_finished() for trial in trials)


def test_optuna_names_the_same_best_trial(tmp_path: Path) -> None:
    result = searched("tpe", place=tmp_path)
    best = loaded(tmp_path / "study.log", "study").best_trial
    assert (best.params, best.value) == (result.best, result.values["sharpe"])


# -- what becomes of a set


def test_infeasible_and_undefined_sets_have_no_value_and_few_trades_break_a_constraint(tmp_path: Path) -> None:
    result = searched("random", 60, tmp_path, min_trades=60, prune=False)
    trials = loaded(tmp_path / "study.log", "study").trials
    by_state = {
        state: [t for t in trials if t.user_attrs["thunes:outcome"]["state"] == state] for state in states(trials)
    }
    assert by_state.keys() == {"viable", "few_trades", "infeasible"}
    assert all(t.values is None and t.constraints == {"fast < slow": 1.0} for t in by_state["infeasible"])
    assert all(t.params["fast"] >= t.params["slow"] for t in by_state["infeasible"])
    for trial in by_state["few_trades"]:
        assert trial.constraints == {"min_trades": 60 - trial.user_attrs["thunes:outcome"]["trades"]}
        assert trial.constraints["min_trades"] > 0
    assert all(t.constraints == {} and t.values is not None for t in by_state["viable"])
    assert sum(result.trials.counts().values()) == 60


def states(trials: list[optuna.trial.FrozenTrial]) -> set[str]:
    return {trial.user_attrs["thunes:outcome"]["state"] for trial in trials}


def test_no_set_is_ever_scored_with_a_made_up_number() -> None:
    frame = searched("random", 60, min_trades=50).frame
    assert frame["sharpe"].drop_nans().abs().max() < 100
    assert frame.filter(frame["state"] == "infeasible")["sharpe"].is_nan().all()


def test_it_prunes_and_a_pruned_set_has_fewer_folds(tmp_path: Path) -> None:
    result = searched("tpe", 60, tmp_path, min_trades=0)
    pruned = [t for t in loaded(tmp_path / "study.log", "study").trials if t.state is TrialState.PRUNED]
    given_up = [t for t in pruned if not t.constraints]
    assert len(given_up) == result.trials.counts()["pruned"] > 0
    assert all(2 <= len(t.intermediate_values) < 5 for t in given_up)
    assert all(t.number >= BATCH for t in given_up)
    assert searched("tpe", 60, min_trades=0, prune=False).trials.counts()["pruned"] == 0


def test_several_objectives_are_never_pruned() -> None:
    assert searched("nsga2").trials.counts()["pruned"] == 0


def test_the_front_of_several_objectives_holds_the_best_of_each() -> None:
    result = searched("nsga2")
    viable = result.frame.filter(result.frame["state"] == "viable")
    front = result.trials.values[list(result.front)]
    assert front[:, 0].max() == viable["sharpe"].max() == result.values["sharpe"]
    assert front[:, 1].max() == viable["calmar"].max()


# -- what is refused


def test_a_trial_that_comes_out_differently_is_said_so(tmp_path: Path) -> None:
    searched("random", 4, tmp_path)
    path = tmp_path / "study.log"
    values = next(t.values for t in loaded(path, "study").trials if t.values)
    path.write_text(path.read_text().replace(repr(values[0]), repr(values[0] + 1)))
    with pytest.raises(CheckFailed, match="came out differently when it was run again"):
        searched("random", 8, tmp_path)


@pytest.mark.parametrize(
    ("terms", "line"),
    [
        ({"sampler": "cmaes"}, "cmaes cannot keep to fast < slow"),
        ({"sampler": "grid"}, "unknown sampler 'grid'"),
        ({"trials": 0}, "trials=0 must be"),
        ({"workers": 0}, "workers=0"),
        ({"seed": -1}, "seed=-1 must be"),
        ({"shared": True}, "a shared study needs a storage"),
        ({"objectives": ("profit",)}, "unknown objective 'profit'"),
        ({"place": "here", "study": "a/b"}, "'a/b' is no name for a study"),
    ],
)
def test_wrong_arguments_are_refused(terms: dict[str, Any], line: str) -> None:
    with pytest.raises(UsageError, match=line):
        search("sma_cross", MARKET, **terms)


@pytest.mark.parametrize("terms", [{"ranges": {"reach": 5}}, {"objectives": ("sharpe", "calmar")}])
def test_cmaes_needs_one_objective_and_two_parameters(terms: dict[str, Any]) -> None:
    with pytest.raises(UsageError, match="cmaes takes one objective and two parameters"):
        search(Momentum, MARKET, sampler="cmaes", **terms)
