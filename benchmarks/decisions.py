"""What a verdict costs, and a search: gates over whole spaces, draws by Optuna, what our own code adds to a draw."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import optuna

from benchmarks.measure import timed
from benchmarks.rows import Goal, Row
from benchmarks.setting import COSTS, Setting
from thunes.research.gates.judge import judge
from thunes.research.search import batches
from thunes.research.search.search import search
from thunes.strategies.registry import BUILT_IN

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
    yield _overhead(setting, 40 if setting.quick else 1_000)


def _overhead(setting: Setting, trials: int) -> Row:
    """CPU time a trial of a search by TPE, less what is spent inside of Optuna and in judging sets."""
    spent: dict[str, float] = defaultdict(float)
    with ExitStack() as stack:
        for name in ("ask", "tell", "add_trial"):
            stack.enter_context(_counted(optuna.Study, name, "Optuna", spent))
        for name in ("report", "set_user_attr", "set_constraint"):
            stack.enter_context(_counted(optuna.trial.Trial, name, "Optuna", spent))
        stack.enter_context(_counted(batches, "judge", "judging", spent))
        terms = {"trials": trials, "seed": 1, "min_trades": 1, "workers": 1}
        spent["all"] = timed(lambda: search("sma_cross", setting.recent, COSTS, **terms), 1, warm=False).cpu[0]
    each = {name: seconds / trials * 1e3 for name, seconds in spent.items()}
    rest = each["all"] - each["Optuna"] - each["judging"]
    note = f"CPU; of {each['all']:.1f} ms a trial Optuna takes {each['Optuna']:.1f}, judging {each['judging']:.2f}"
    goal = Goal(1.0, least=False)
    return Row(SEARCH, "our own part of a trial", rest, "ms", bars=len(setting.recent), goal=goal, note=note)


@contextmanager
def _counted(owner: Any, name: str, kind: str, spent: dict[str, float]) -> Iterator[None]:
    """Count the CPU seconds of a function's calls, those of calls inside of it included once."""
    function = getattr(owner, name)

    def counting(*given: Any, **named: Any) -> Any:
        began = time.process_time()
        try:
            return function(*given, **named)
        finally:
            spent[kind] += time.process_time() - began

    setattr(owner, name, counting)
    try:
        yield
    finally:
        setattr(owner, name, function)
