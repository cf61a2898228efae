from __future__ import annotations

import math

import numpy as np
import pytest
from numpy.testing import assert_allclose
from tests.research.search.worlds import MARKET, Alternating, flat
from tests.series import moving

from thunes.errors import UsageError
from thunes.model import Candles, Costs, Float1D
from thunes.research.backtest import backtest
from thunes.research.search.folds import Fold, cut
from thunes.research.search.objective import OBJECTIVES, Task, figure, judge, require_objectives
from thunes.strategies.sma_cross import SmaCross

SET = {"fast": 5, "slow": 20}


def task(candles: Candles = MARKET, folds: int = 4, min_trades: int = 0, strategy: type = SmaCross) -> Task:
    return Task(strategy, candles, Costs(), cut(len(candles), 100, folds), OBJECTIVES, min_trades)


def test_sharpe_sortino_and_return_over_drawdown_of_an_alternating_account_by_their_formulas() -> None:
    """The account is rebuilt here with numpy alone: in at the open after each 0 → 1, out at that after 1 → 0."""
    rng = np.random.default_rng(4)
    closes = 100 * np.exp(np.cumsum(rng.normal(0, 0.01, 200)))
    candles = moving(np.concatenate([[100.0], closes[:-1]]), closes)
    fold = Fold(101, 165)
    free = Task(Alternating, candles, Costs(0, 0), (fold,), OBJECTIVES, 0)
    found = dict(zip(OBJECTIVES, judge(free, {"length": 2}).folds[0], strict=True))

    held = (np.arange(200) // 2 % 2)[fold.first - 1 : fold.last - 1].astype(float)
    held[0] = 0.0  # nothing decided before the fold is carried into it
    returns = (closes / candles.open - 1)[fold.first : fold.last] * held
    curve = np.cumprod(1 + returns)
    depth = (1 - curve / np.maximum.accumulate(np.maximum(curve, 1e-300))).max()
    year = np.sqrt(8760)
    assert_allclose(found["sharpe"], returns.mean() / returns.std(ddof=1) * year, rtol=1e-9)
    downside = np.sqrt(np.mean(np.minimum(returns, 0) ** 2))
    assert_allclose(found["sortino"], returns.mean() / downside * year, rtol=1e-9)
    assert_allclose(found["return_over_drawdown"], (curve[-1] - 1) / depth, rtol=1e-9)
    annual = curve[-1] ** (8760 / returns.size) - 1
    assert_allclose(found["calmar"], annual / depth, rtol=1e-9)


def test_a_fold_is_a_backtest_whose_account_begins_flat_there_with_the_past_as_warm_up() -> None:
    judged = judge(task(), SET)
    for fold, values in zip(task().folds, judged.folds, strict=True):
        whole = backtest(SmaCross(**SET), MARKET[: fold.last])

        class Muted(SmaCross):
            def exposure(self, candles: Candles, shown: Float1D = whole.exposure, first: int = fold.first) -> Float1D:
                return np.where(np.arange(len(candles)) >= first, shown, 0.0)

        muted = backtest(Muted(**SET), MARKET[: fold.last])
        assert values[3] == pytest.approx(muted.stats["total_return"] / -muted.stats["max_drawdown"], rel=1e-9)


def test_the_value_of_a_set_is_the_mean_over_its_folds() -> None:
    judged = judge(task(), SET)
    assert judged.state == "viable"
    assert judged.values == pytest.approx([math.fsum(c) / 4 for c in zip(*judged.folds, strict=True)], rel=1e-14)


def test_too_few_trades_on_all_folds_together_are_not_viable() -> None:
    trades = judge(task(), SET).trades
    assert judge(task(min_trades=trades), SET).state == "viable"
    refused = judge(task(min_trades=trades + 1), SET)
    assert (refused.state, len(refused.folds)) == ("few_trades", 4)


def test_an_undefined_figure_ends_the_set_there() -> None:
    judged = judge(task(flat(900)), SET)
    assert (judged.state, len(judged.folds)) == ("undefined", 1)


def test_a_set_below_a_hurdle_is_given_up_after_that_fold() -> None:
    one = Task(SmaCross, MARKET, Costs(), cut(len(MARKET), 100, 4), ("sharpe",), 0)
    values = [fold[0] for fold in judge(one, SET).folds]
    reached = sum(values[:2]) / 2
    assert judge(one, SET, (-math.inf, reached - 0.01, -math.inf)).state == "viable"
    given_up = judge(one, SET, (-math.inf, reached + 0.01, -math.inf))
    assert (given_up.state, len(given_up.folds)) == ("pruned", 2)


def test_return_over_drawdown_without_a_drawdown_is_undefined() -> None:
    stats = {"total_return": np.array([0.5, 0.5, 0.0]), "max_drawdown": np.array([-0.25, 0.0, 0.0])}
    assert_allclose(figure("return_over_drawdown", stats), [2.0, math.nan, math.nan])


@pytest.mark.parametrize("names", [(), ("sharp",), ("sharpe", "sharpe")])
def test_objectives_are_known_and_different(names: tuple[str, ...]) -> None:
    with pytest.raises(UsageError, match="objective"):
        require_objectives(names)
