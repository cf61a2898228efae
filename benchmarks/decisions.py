"""What a verdict costs, and a search: gates over whole spaces, draws by Optuna, what our own code adds to a draw."""

from __future__ import annotations

from collections.abc import Iterator

import optuna

from benchmarks.measure import timed
from benchmarks.rows import Goal, Row
from benchmarks.setting import COSTS, Setting
from thunes.research.gates.judge import judge
from thunes.research.search import objective
from thunes.research.search.folds import cut
from thunes.research.search.samplers import sampler_of
from thunes.research.search.search import search
from thunes.research.search.space import space_of
from thunes.strategies.registry import BUILT_IN
from thunes.strategies.sma_cross import SmaCross

THREE_YEARS = 26_280  # hours
VERDICT, SEARCH = "A verdict of all gates, three years of hours", "Search, sma_cross"


def decisions(setting: Setting) -> Iterator[Row]:
    """One strategy's whole space, and all built-in ones as one."""
    candles = setting.whole[-THREE_YEARS:]
    for case, names, bound in (("sma_cross", ["sma_cross"], 1.0), ("all built-in as one", sorted(BUILT_IN), 5.0)):
        timing = timed(lambda names=names: judge(names, candles, COSTS), 2 if setting.quick else 5)
        sets = sum(judge(names, candles, COSTS).tested.values())
        yield Row(
            VERDICT, case, timing.median, "s", timing, sets=sets, bars=len(candles), goal=Goal(bound, least=False)
        )


def searches(setting: Setting) -> Iterator[Row]:
    """Wall time of searches on the recent bars and on all; then what our own code adds to each draw."""
    for candles in (setting.recent, setting.whole):
        for sampler, trials in (("exhaustive", 1), ("tpe", 25), ("tpe", 50 if setting.quick else 1_000)):
            terms = {"sampler": sampler, "trials": trials, "seed": 1, "min_trades": 1}
            timing = timed(lambda terms=terms, candles=candles: search("sma_cross", candles, COSTS, **terms), 1)
            case = sampler if sampler == "exhaustive" else f"{sampler}, {trials:,} trials"
            yield Row(SEARCH, case, timing.median, "s", timing, bars=len(candles))
    yield _overhead(setting, 40 if setting.quick else 200)


def _overhead(setting: Setting, trials: int) -> Row:
    """CPU time a trial of a search by TPE, less that of bare Optuna and of judging the same number of sets."""
    candles, space = setting.recent, space_of(SmaCross, {})
    task = objective.Task(SmaCross, candles, COSTS, cut(len(candles), space.warm_up, 5), ("sharpe",), 1)

    def bare() -> None:
        study = optuna.create_study(sampler=sampler_of("tpe", 1, 0), direction="maximize")
        for k in range(trials):
            study.tell(study.ask(space.distributions), float(k))

    def judging() -> None:
        for k in range(trials):
            objective.judge(task, {"fast": 5 + k % 15, "slow": 20 + k})

    def whole() -> None:
        search("sma_cross", candles, COSTS, trials=trials, seed=1, min_trades=1, workers=1, prune=False)

    whole_cpu, bare_cpu, judging_cpu = (min(timed(call, 3).cpu) for call in (whole, bare, judging))
    rest = (whole_cpu - bare_cpu - judging_cpu) / trials * 1e3
    each = [f"{cpu / trials * 1e3:.3g}" for cpu in (whole_cpu, bare_cpu, judging_cpu)]
    note = f"CPU; of {each[0]} ms a trial bare Optuna takes {each[1]}, judging {each[2]}"
    return Row(SEARCH, "our own part of a trial", rest, "ms", bars=len(candles), goal=Goal(1.0, least=False), note=note)
