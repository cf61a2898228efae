from __future__ import annotations

import itertools
import json
import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from scipy import stats
from tests.series import REAL, bars, walk

from thunes.errors import DataError, UsageError
from thunes.kernels import simulation
from thunes.model import Candles, Costs, Fill, Float1D, Stops
from thunes.research.backtest import backtest, stats_of
from thunes.research.sweep import sweep
from thunes.research.walk_forward import (
    Fold,
    Span,
    WalkForwardResult,
    bars_in,
    folds,
    neighbour_rank_correlation,
    stability,
    walk_forward,
)
from thunes.strategies.base import Strategy, evaluate, param
from thunes.strategies.registry import load

Load = Callable[[str, int], Candles]
GRID: dict[str, Any] = {"fast": range(5, 20, 3), "slow": range(20, 60, 8)}
TERMS: dict[str, Any] = {"train": 400, "test": 150, "min_trades": 3, **GRID}
LENGTHS = {
    "train": st.integers(1, 60),
    "test": st.integers(1, 30),
    "gap": st.integers(0, 10),
    "anchored": st.booleans(),
    "purge": st.integers(0, 20),
    "embargo": st.integers(0, 20),
}


def spans(found: list[Fold]) -> list[tuple[int, int, int, int]]:
    return [(f.train.first, f.train.stop, f.test.first, f.test.stop) for f in found]


# -- where folds lie


@pytest.mark.parametrize(
    ("terms", "expected"),
    [
        ({}, [(0, 10, 10, 15), (5, 15, 15, 20), (10, 20, 20, 25)]),
        ({"anchored": True}, [(0, 10, 10, 15), (0, 15, 15, 20), (0, 20, 20, 25)]),
        ({"step": 8}, [(0, 10, 10, 15), (8, 18, 18, 23)]),
        ({"purge": 2}, [(0, 8, 10, 15), (5, 13, 15, 20), (10, 18, 20, 25)]),
        ({"embargo": 3}, [(0, 10, 13, 18), (5, 15, 18, 23)]),
        ({"anchored": True, "purge": 1, "embargo": 2}, [(0, 9, 12, 17), (0, 14, 17, 22), (0, 19, 22, 27)]),
    ],
)
def test_folds_are_those_made_by_hand(terms: dict[str, Any], expected: list[tuple[int, int, int, int]]) -> None:
    assert spans(folds(27, 10, 5, **terms)) == expected


@given(st.integers(1, 300), st.fixed_dictionaries(LENGTHS))
def test_training_ends_before_its_test_and_tests_follow_each_other(count: int, terms: dict[str, Any]) -> None:
    step = terms["test"] + terms.pop("gap")
    assume(terms["purge"] < terms["train"])
    assume(count >= terms["train"] + terms["embargo"] + terms["test"])
    found = folds(count, step=step, **terms)
    for fold in found:
        assert 0 <= fold.train.first < fold.train.stop <= fold.test.first < fold.test.stop <= count
        assert fold.test.first - fold.train.stop == terms["purge"] + terms["embargo"]
        assert len(fold.test) == terms["test"]
        assert len(fold.train) == terms["train"] - terms["purge"] or terms["anchored"]
        assert fold.train.first == 0 or not terms["anchored"]
    for before, after in itertools.pairwise(found):
        assert after.test.first - before.test.first == step
        assert before.test.stop <= after.test.first
    assert found[-1].test.stop + step > count


@given(st.integers(1, 200), st.integers(0, 200), st.fixed_dictionaries(LENGTHS))
def test_the_future_changes_no_fold(count: int, more: int, terms: dict[str, Any]) -> None:
    step = terms["test"] + terms.pop("gap")
    assume(terms["purge"] < terms["train"])
    assume(count >= terms["train"] + terms["embargo"] + terms["test"])
    short, long = (folds(n, step=step, **terms) for n in (count, count + more))
    assert long[: len(short)] == short
    assert all(fold.test.stop > count for fold in long[len(short) :])


def test_too_little_history_says_how_much_is_needed() -> None:
    with pytest.raises(DataError, match="one fold needs 18 bars, there are 17") as refused:
        folds(17, 10, 5, embargo=3)
    assert refused.value.code == "E-FOLDS-SHORT"
    assert spans(folds(18, 10, 5, embargo=3)) == [(0, 10, 13, 18)]


@pytest.mark.parametrize(
    ("terms", "why"),
    [
        ({"train": 0}, "must be at least 1 bar"),
        ({"test": 0}, "must be at least 1 bar"),
        ({"step": 4}, "tests would overlap"),
        ({"purge": 10}, "leave some of train=10"),
        ({"purge": -1}, "purge=-1 must be at least 0"),
        ({"embargo": -1}, "embargo=-1 must be at least 0"),
    ],
)
def test_lengths_that_make_no_folds_are_refused(terms: dict[str, Any], why: str) -> None:
    with pytest.raises(UsageError, match=why):
        folds(100, **{"train": 10, "test": 5, **terms})


@pytest.mark.parametrize(
    ("length", "interval", "expected"),
    [(720, "1h", 720), ("720", "1h", 720), ("30d", "1h", 720), ("12h", "15m", 48), ("2w", "1d", 14), ("90m", "30m", 3)],
)
def test_a_length_is_bars_or_a_duration(length: int | str, interval: str, expected: int) -> None:
    assert bars_in(length, interval) == expected


@pytest.mark.parametrize("length", ["90m", "30 days", "-3d", "d", "1.5d", -5, ""])
def test_a_length_that_is_no_number_of_bars_is_refused(length: int | str) -> None:
    with pytest.raises(UsageError) as refused:
        bars_in(length, "1h")
    assert refused.value.code == "E-FOLDS-LENGTH"


# -- what a fold chooses and earns


@pytest.fixture(scope="module")
def rolling() -> WalkForwardResult:
    return walk_forward("sma_cross", walk(1_500, 3), **TERMS)


def by_hand(candles: Candles, costs: Costs, fold: Fold, stops: Stops, fill: Fill) -> tuple[dict[str, Any], float]:
    """The best set of a fold, one account after the other, each on nothing but its training window."""
    scores = {}
    for fast in GRID["fast"]:
        for slow in GRID["slow"]:
            target = evaluate(load("sma_cross").make({"fast": fast, "slow": slow}), candles[: fold.train.stop])
            window = candles[fold.train.first : fold.train.stop]
            figures = stats_of(simulation.run(window, target[fold.train.first :], costs, stops, fill), window)
            if figures["trades"] >= 3:
                scores[fast, slow] = figures["sharpe"]
    best = max(scores, key=scores.__getitem__)
    return {"fast": best[0], "slow": best[1]}, scores[best]


@pytest.mark.parametrize("how", [{}, {"anchored": True}, {"purge": 20, "embargo": 10, "step": 200}], ids=str)
@pytest.mark.parametrize("stops", [Stops(), Stops(stop_loss=0.03)], ids=["no stops", "stops"])
@pytest.mark.parametrize("fill", ["next_open", "next_close"])
def test_each_fold_chooses_the_best_of_its_training_window(
    how: dict[str, Any], stops: Stops, fill: Fill, real: Load
) -> None:
    candles, costs = real(REAL[1], 1_000), Costs(0.0005, 0.0)
    found = walk_forward("sma_cross", candles, costs, stops=stops, fill=fill, **TERMS, **how)
    assert len(found.folds) >= 3
    for each in found.folds:
        chosen, score = by_hand(candles, costs, each.fold, stops, fill)
        assert each.parameters == chosen
        assert np.nanmax(each.scores) == pytest.approx(score, rel=1e-9)
        assert each.in_sample["sharpe"] == pytest.approx(score, rel=1e-9)


def test_a_test_is_warmed_up_by_the_bars_before_it(rolling: WalkForwardResult) -> None:
    for each in rolling.folds:
        assert each.parameters is not None
        whole = backtest("sma_cross", rolling.history, **each.parameters).exposure
        assert_array_equal(each.exposure, whole[each.fold.test.rows])
        window = rolling.history[each.fold.test.rows]
        alone = simulation.run(window, each.exposure, rolling.costs)
        assert each.out_of_sample == pytest.approx(stats_of(alone, window), nan_ok=True)
    assert any(each.exposure[0] == 1 for each in rolling.folds)


def test_the_tests_are_one_account_that_pays_for_every_change_of_set(rolling: WalkForwardResult) -> None:
    joined = np.concatenate([each.exposure for each in rolling.folds])
    assert_array_equal(rolling.exposure, joined)
    account = simulation.run(rolling.history[400 : 400 + joined.size], joined, rolling.costs)
    assert_array_equal(rolling.simulation.equity, account.equity)
    assert rolling.simulation.orders[:, 3].sum() == pytest.approx(rolling.stats["fees"])
    assert rolling.stats["sharpe"] == stats_of(account, rolling.candles)["sharpe"]


def test_between_tests_the_account_is_flat() -> None:
    found = walk_forward("sma_cross", walk(1_500, 3), step=250, **TERMS)
    for before, after in itertools.pairwise(found.folds):
        gap = slice(before.fold.test.stop - 400, after.fold.test.first - 400)
        assert gap.stop - gap.start == 100
        assert not found.exposure[gap].any()


@pytest.mark.parametrize("cut", [1_499, 1_301, 1_000, 700])
@pytest.mark.parametrize("anchored", [False, True])
def test_truncating_the_future_changes_nothing_before_it(cut: int, anchored: bool) -> None:
    candles = walk(1_500, 4)
    whole, part = (walk_forward("sma_cross", c, anchored=anchored, **TERMS) for c in (candles, candles[:cut]))
    for mine, theirs in zip(part.folds, whole.folds, strict=False):
        assert (mine.fold, mine.parameters) == (theirs.fold, theirs.parameters)
    assert_array_equal(part.exposure, whole.exposure[: part.exposure.size])
    assert_array_equal(part.simulation.equity, whole.simulation.equity[: part.exposure.size])


def test_another_future_changes_no_choice() -> None:
    candles = walk(1_000, 5)
    known = folds(1_000, 400, 150)[1].test.first
    factor = np.where(np.arange(1_000) < known, 1.0, np.linspace(3, 1, 1_000))
    other = candles.replace(**{name: getattr(candles, name) * factor for name in ("open", "high", "low", "close")})
    mine, theirs = (walk_forward("sma_cross", c, **TERMS) for c in (candles, other))
    assert [each.parameters for each in mine.folds[:2]] == [each.parameters for each in theirs.folds[:2]]
    assert mine.folds[1].out_of_sample != theirs.folds[1].out_of_sample


def test_a_fold_without_a_viable_set_stays_flat_and_is_counted() -> None:
    trending = walk(700, 6)
    still = np.full(300, trending.close[-1])
    closes = np.concatenate([still, trending.close])
    candles = bars(np.stack([closes] * 4, axis=1).tolist())
    found = walk_forward("sma_cross", candles, train=250, test=100, min_trades=1, **GRID)
    first = found.folds[0]
    assert (first.parameters, first.viable, found.flat_folds) == (None, 0, 1)
    assert not first.exposure.any()
    assert math.isnan(first.out_of_sample["sharpe"])
    assert found.folds[-1].parameters is not None
    assert found.frame["fast"].to_list()[0] is None


def test_without_any_viable_set_nothing_is_traded() -> None:
    found = walk_forward("sma_cross", walk(700, 1), **(TERMS | {"min_trades": 10_000}))
    assert found.flat_folds == len(found.folds) == 2
    assert found.stats["total_return"] == 0
    assert found.stability == {}
    assert math.isnan(found.efficiency)
    json.loads(found.to_json())


def test_a_set_that_trades_too_little_is_not_chosen() -> None:
    candles = walk(1_000, 8)
    for least in (1, 15):
        for each in walk_forward("sma_cross", candles, **(TERMS | {"min_trades": least})).folds:
            assert each.parameters is None or each.in_sample["trades"] >= least


def test_the_metric_decides() -> None:
    candles = walk(1_000, 9)
    found = walk_forward("sma_cross", candles, metric="total_return", **TERMS)
    for each in found.folds:
        window = sweep("sma_cross", candles[: each.fold.train.stop], warm_up=each.fold.train.first, **GRID)
        viable = window.metrics["trades"] >= 3
        assert each.in_sample["total_return"] == pytest.approx(window.metrics["total_return"][viable].max(), rel=1e-9)


@pytest.mark.parametrize(("metric", "hint"), [("sharp", "sharpe"), ("fees", "Known"), ("volatility", "Known")])
def test_a_metric_of_which_more_is_not_better_is_refused(metric: str, hint: str) -> None:
    with pytest.raises(UsageError, match="no set can be chosen by") as refused:
        walk_forward("sma_cross", walk(700), metric=metric, **TERMS)
    assert hint in str(refused.value)


def test_an_instance_keeps_the_values_that_no_range_names() -> None:
    candles = walk(700, 2)
    mine = walk_forward(load("sma_cross").make({"slow": 33}), candles, train=400, test=150, fast=[5, 9], min_trades=0)
    assert {each.parameters["slow"] for each in mine.folds if each.parameters} == {33}


class Always(Strategy):
    """Half invested, always."""

    part: float = param(0.5, "fraction", first=0.5, last=0.5)

    def exposure(self, candles: Candles) -> Float1D:
        return np.full(len(candles), self.part)


def test_a_strategy_in_plain_numpy_walks_too() -> None:
    found = walk_forward(Always, walk(300), Costs(0, 0), train=100, test=50, min_trades=0)
    assert found.stats["exposure"] == pytest.approx(0.5, abs=0.05)
    assert (found.exposure == 0.5).all()


# -- what is said about it


def test_progress_is_told_fold_by_fold() -> None:
    told: list[tuple[int, int]] = []
    walk_forward("sma_cross", walk(900, 1), progress=lambda done, total: told.append((done, total)), **TERMS)
    assert told == [(1, 3), (2, 3), (3, 3)]


def test_the_result_says_where_it_comes_from(rolling: WalkForwardResult) -> None:
    asked = rolling.provenance["parameters"]
    assert asked["space"] == {name: list(values) for name, values in GRID.items()}
    assert asked["walk_forward"] == {
        "train": 400,
        "test": 150,
        "step": 150,
        "purge": 0,
        "embargo": 0,
        "anchored": False,
        "metric": "sharpe",
        "min_trades": 3,
    }
    assert rolling.provenance["candles"]["sha256"] == rolling.history.fingerprint()
    other = walk_forward("sma_cross", rolling.history, anchored=True, **TERMS)
    assert other.provenance["digest"] != rolling.provenance["digest"]


def test_the_frame_has_a_row_for_each_fold(rolling: WalkForwardResult) -> None:
    frame = rolling.to_frame()
    assert frame.height == len(rolling.folds)
    assert frame["test_first"].dt.epoch("ms").to_list() == [
        int(rolling.history.open_time[each.fold.test.first]) for each in rolling.folds
    ]
    assert frame["out_sharpe"].to_list() == [each.out_of_sample["sharpe"] for each in rolling.folds]
    assert rolling.equity.height == len(rolling.candles)


def test_efficiency_is_what_is_left_of_the_sharpe_ratio(rolling: WalkForwardResult) -> None:
    before = np.mean([each.in_sample["sharpe"] for each in rolling.folds])
    assert rolling.efficiency == pytest.approx(rolling.stats["sharpe"] / before)
    assert json.loads(rolling.to_json())["efficiency"] == rolling.efficiency


def test_stability_is_that_of_values_counted_by_hand() -> None:
    found = stability([{"fast": f, "slow": 50} for f in (5, 5, 5, 9, 21)])
    assert (found["fast"].median, found["fast"].low, found["fast"].high) == (5, 5, 9)
    assert (found["fast"].mode, found["fast"].share, found["fast"].distinct) == (5, 0.6, 3)
    assert (found["slow"].share, found["slow"].distinct) == (1.0, 1)


def test_rank_correlation_is_the_mean_of_spearmans() -> None:
    rng = np.random.default_rng(1)
    scores = [np.round(rng.normal(size=60), 1) for _ in range(4)]  # with equals
    scores[1][7] = scores[2][9] = np.nan
    expected = []
    for a, b in itertools.pairwise(scores):
        both = ~(np.isnan(a) | np.isnan(b))
        expected.append(stats.spearmanr(a[both], b[both]).statistic)
    assert neighbour_rank_correlation(scores) == pytest.approx(np.mean(expected), rel=1e-12)


@given(st.lists(st.floats(-5, 5), min_size=3, max_size=30, unique=True))
def test_rank_correlation_sees_only_the_order(values: list[float]) -> None:
    x = np.array(values)
    assert_allclose([neighbour_rank_correlation([x, 2 * x]), neighbour_rank_correlation([x, -x])], [1.0, -1.0])


def test_rank_correlation_of_nothing_is_undefined() -> None:
    nothing = np.full(5, np.nan)
    assert math.isnan(neighbour_rank_correlation([nothing, nothing]))
    assert math.isnan(neighbour_rank_correlation([np.arange(5.0)]))
    assert math.isnan(neighbour_rank_correlation([np.ones(5), np.arange(5.0)]))


def test_a_span_is_its_bars() -> None:
    assert (len(Span(3, 8)), Span(3, 8).rows) == (5, slice(3, 8))
