from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_allclose
from tests.research.search.worlds import MARKET, RANGES, Alternating, Momentum

from thunes.errors import UsageError
from thunes.model import Candles, Costs
from thunes.research.search.exhaustive import search_all
from thunes.research.search.folds import cut
from thunes.research.search.objective import OBJECTIVES, STATES, Task, judge
from thunes.research.search.search import search
from thunes.research.search.space import space_of
from thunes.strategies.base import Strategy
from thunes.strategies.sma_cross import SmaCross

CASES = [
    (SmaCross, {"fast": range(5, 9), "slow": range(7, 15)}),
    (Momentum, {"margin": [0.0, 0.01]}),
    (Alternating, {}),
]


def silent(done: int, total: int) -> None:
    """Nobody looks."""


@pytest.mark.parametrize(("strategy", "ranges"), CASES)
def test_sweeping_the_folds_gives_what_judging_each_set_gives(strategy: type[Strategy], ranges: Any) -> None:
    space = space_of(strategy, ranges)
    task = Task(strategy, MARKET, Costs(), cut(len(MARKET), space.warm_up, 4), OBJECTIVES, 40)
    swept = search_all(task, space, 2, silent)
    assert len(swept) == space.size
    for row in range(len(swept)):
        judged = judge(task, swept.set_of(row))
        assert STATES[swept.state[row]] == judged.state
        assert swept.trades[row] == judged.trades
        assert_allclose(swept.folds[row], judged.folds, rtol=1e-9, atol=1e-12)
        assert_allclose(swept.values[row], judged.values, rtol=1e-9, atol=1e-12)
    assert {"viable", "few_trades"} >= {STATES[code] for code in np.unique(swept.state)}


def test_no_other_sampler_finds_a_better_set() -> None:
    best = search("sma_cross", MARKET, ranges=RANGES, sampler="exhaustive")
    for sampler in ("tpe", "random"):
        drawn = search("sma_cross", MARKET, ranges=RANGES, sampler=sampler, trials=40)
        assert drawn.values["sharpe"] <= best.values["sharpe"]


def test_its_winner_carries_the_figures_of_a_plain_backtest() -> None:
    result = search("sma_cross", MARKET, ranges=RANGES, sampler="exhaustive")
    assert result.winner.folds == judge(result.task, result.best).folds


def test_a_space_too_large_to_try_whole_is_refused() -> None:
    with pytest.raises(UsageError, match="the space has 2,000,000 sets; exhaustive takes 1,000,000"):
        search(Momentum, MARKET, ranges={"margin": np.linspace(0, 0.1, 50_000)}, sampler="exhaustive")


def test_the_full_space_on_real_candles_is_searched(real: Callable[[str, int], Candles]) -> None:
    result = search("sma_cross", real("BTCUSDT-1h-2017-2022", 2_160), sampler="exhaustive")
    assert len(result) == 9_370
