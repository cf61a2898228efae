"""The fast path against the bar-by-bar simulation, and its parts against plain numpy."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.testing import assert_allclose, assert_array_equal
from tests.kernels.plain import COMPILER, plain_module, same_bits
from tests.series import REAL, moving, walk

from thunes.kernels import score as kernel
from thunes.kernels import simulation
from thunes.kernels.metrics import MOMENTS
from thunes.kernels.score import CHUNK, DRAWDOWN, EVERYTHING, RETURN, WORD
from thunes.kernels.simulation import START_CASH, fill_bar
from thunes.model import Candles, Costs, Fill, Float1D, Int1D
from thunes.strategies import registry
from thunes.strategies.base import evaluate

LAG = fill_bar(0)
COUNTS = [MOMENTS.index(name) for name in ("underwater", "trades", "wins")]
MONEY = [MOMENTS.index(name) for name in ("final_equity", "gains", "losses", "notional", "equity", "fees")]
FILLS: tuple[Fill, ...] = ("next_open", "next_close")
COSTS = (Costs(0, 0), Costs(), Costs(0.01, 0.02))
EXAMPLES = settings().max_examples
SEEDS = st.integers(0, 100_000)
# What a rule answers after flat and after long: mostly what it answered before.
ANSWERS = st.sampled_from([*[(0, 1)] * 15, (0, 0), (1, 1), (1, 0)])
LENGTHS = st.sampled_from([1, 2, 3, 7, 8, 9, 15, 16, 17, 31, 32, 33, 40, 64, 70, 130])


@dataclass(frozen=True)
class Case:
    """An account that is long or flat."""

    candles: Candles
    decision: Float1D
    costs: Costs
    fill: Fill

    @property
    def price(self) -> Float1D:
        return self.candles.open if self.fill == "next_open" else self.candles.close

    @property
    def held(self) -> Float1D:
        """1.0 in the bars between a purchase and the sale after it."""
        return np.concatenate([np.zeros(LAG), self.decision])[: len(self.candles)]


@st.composite
def cases(draw: st.DrawFn, *, ticks: bool) -> Case:
    """Any decisions on a random walk, or on prices of a few ticks, where ties are everywhere."""
    count, seed = draw(LENGTHS), draw(SEEDS)
    rng = np.random.default_rng(seed)
    decision = np.cumsum(rng.random(count) < draw(st.sampled_from([0.05, 0.3, 0.7, 1.0]))) % 2.0
    if ticks:
        lowest, tick = draw(st.sampled_from([(1.0, 1.0), (97.01, 0.01), (0.07, 0.0013)]))
        candles = moving(*(lowest + tick * rng.integers(0, 6, (2, count))))
    else:
        candles = walk(count, seed)
    return Case(candles, decision, draw(st.sampled_from(COSTS)), draw(st.sampled_from(FILLS)))


def words_of(decision: Float1D) -> kernel.Words:
    words = np.zeros(-(-decision.size // WORD), np.uint64)
    words.view(np.uint8)[: decision.size] = decision
    return words


def fills_of(decision: Float1D) -> Int1D:
    fills = np.empty(decision.size + 1, np.int64)
    return fills[: kernel.changes(words_of(decision), decision.size, LAG, fills)]


def fast(case: Case, level: int = EVERYTHING) -> Float1D:
    """Moments by the fast path."""
    out, fills = np.zeros(len(MOMENTS)), fills_of(case.decision)
    tape = kernel.tape(case.price, case.candles.close, case.costs.fee, case.costs.slippage)
    blocks = kernel.chunks(case.candles.close)
    kernel.score(fills, len(fills), tape, blocks, case.costs.fee, START_CASH, level, out)
    return out


def slow(case: Case) -> Float1D:
    """Moments bar by bar."""
    return simulation.run(case.candles, case.decision, case.costs, fill=case.fill).moments


def assert_same_account(ours: Float1D, theirs: Float1D) -> None:
    """Counts exactly; the rest by the contract's tolerance, money measured in start cash."""
    unit = np.ones(len(MOMENTS))
    unit[MONEY] = START_CASH
    assert_array_equal(ours[COUNTS], theirs[COUNTS], err_msg="underwater, trades, wins")
    assert_allclose(ours / unit, theirs / unit, rtol=1e-9, atol=1e-12)


@settings(max_examples=3 * EXAMPLES)
@given(case=cases(ticks=False))
def test_score_equals_simulate_on_random_walks(case: Case) -> None:
    assert_same_account(fast(case), slow(case))


@settings(max_examples=10 * EXAMPLES)
@given(case=cases(ticks=True))
def test_score_equals_simulate_where_prices_repeat(case: Case) -> None:
    assert_same_account(fast(case), slow(case))


@pytest.mark.parametrize("costs", COSTS)
@pytest.mark.parametrize("fill", FILLS)
@pytest.mark.parametrize("name", registry.BUILT_IN)
def test_score_equals_simulate_on_real_candles(
    name: str, fill: Fill, costs: Costs, real: Callable[[str, int], Candles]
) -> None:
    for series in REAL:
        candles = real(series, 1_500)
        case = Case(candles, evaluate(registry.load(name)(), candles), costs, fill)
        assert_same_account(fast(case), slow(case))


@pytest.mark.parametrize("fill", FILLS)
@pytest.mark.parametrize("costs", COSTS)
@pytest.mark.parametrize(
    "decide",
    [
        np.zeros,
        np.ones,
        lambda n: np.arange(n) % 2.0,
        lambda n: 1 - np.arange(n) % 2.0,
        lambda n: np.arange(n) == n - 1,
    ],
    ids=["flat", "long", "alternating", "alternating from long", "last bar"],
)
@pytest.mark.parametrize("count", [1, 2, CHUNK - 1, CHUNK, CHUNK + 1, 100])
def test_score_equals_simulate_for_decisions_of_a_pattern(
    count: int, decide: Callable[[int], Float1D], costs: Costs, fill: Fill
) -> None:
    case = Case(walk(count, 3), decide(count).astype(float), costs, fill)
    assert_same_account(fast(case), slow(case))


@given(case=cases(ticks=False))
def test_each_level_fills_its_part_with_the_same_bits(case: Case) -> None:
    whole, drawdown, basic = (fast(case, level) for level in (EVERYTHING, DRAWDOWN, RETURN))
    names = ("final_equity", "returns", "squares", "trades")
    shared = [MOMENTS.index(name) for name in names]
    assert_array_equal(basic[shared], whole[shared])
    scanned = [*shared, MOMENTS.index("trough")]
    assert_array_equal(drawdown[scanned], whole[scanned])


# -- its parts


@given(decision=arrays(np.float64, st.integers(1, 70), elements=st.sampled_from([0.0, 1.0])))
def test_changes_are_the_bars_after_a_new_decision(decision: Float1D) -> None:
    before = np.concatenate([[0.0], decision[:-1]])
    expected = np.flatnonzero(decision != before) + LAG
    assert_array_equal(fills_of(decision), expected[expected < decision.size])


@given(data=st.data(), count=st.integers(1, 70))
def test_following_a_rule_is_asking_it_bar_by_bar(data: st.DataObject, count: int) -> None:
    answers = data.draw(st.lists(ANSWERS, min_size=count, max_size=count))
    flat, long = np.array(answers, dtype=np.uint8).T
    words, turns = words_of(flat), words_of(flat ^ long)
    kernel.follow(words, turns)
    taken = list(itertools.accumulate(answers, lambda held, answer: answer[held], initial=0))[1:]
    assert_array_equal(words.view(np.uint8)[:count], taken)


@given(
    close=arrays(np.float64, st.integers(1, 100), elements=st.one_of(st.integers(1, 9).map(float), st.floats(1, 100))),
    data=st.data(),
)
def test_the_drawdown_scan_skips_nothing_that_counts(close: Float1D, data: st.DataObject) -> None:
    first = data.draw(st.integers(0, close.size))
    last = data.draw(st.integers(first, close.size))
    peak, trough = data.draw(st.floats(0.5, 120)), data.draw(st.floats(0.2, 1))
    _, ladder = kernel.chunks(close)
    peaks = np.maximum(np.maximum.accumulate(close[first:last]), peak)
    lowest = (close[first:last] / peaks).min(initial=trough)
    assert_allclose(kernel.trough_of(close, ladder, first, last, peak, trough), lowest, rtol=1e-15)


def summed(x: Float1D) -> Float1D:
    total, lost = np.empty(x.size), np.empty(x.size)
    kernel.prefix_sums(x, total, lost)
    return total + lost


@given(x=arrays(np.float64, st.integers(1, 200), elements=st.floats(-1e6, 1e6)))
def test_prefix_sums_are_exact_to_the_last_bits(x: Float1D) -> None:
    exact = [math.fsum(x[: t + 1]) for t in range(x.size)]
    assert_allclose(summed(x), exact, rtol=1e-15, atol=1e-22 * np.abs(x).sum())


def test_prefix_sums_do_not_drift_over_a_long_series() -> None:
    x = np.random.default_rng(0).normal(0, 1, 200_000) * np.logspace(-8, 8, 200_000)
    naive, ours = np.cumsum(x), summed(x)
    exact = math.fsum(x)
    assert abs(ours[-1] - exact) <= abs(exact) * 1e-15
    assert abs(ours[-1] - exact) <= abs(naive[-1] - exact)


def test_a_huge_bar_does_not_blur_the_quiet_ones_after_it() -> None:
    quiet = np.cumprod(1 + np.random.default_rng(0).normal(0, 1e-3, 2_000))
    close = np.concatenate([[0.001, 0.001], quiet])  # a thousandfold rise before the first trade
    decision = np.zeros(close.size)
    decision[100:] = np.random.default_rng(1).random(close.size - 100) < 0.5
    case = Case(moving(close, close), decision, Costs(), "next_open")
    assert_same_account(fast(case), slow(case))


# -- per-block sums


def direct_sums(case: Case, length: int, exposure: Float1D) -> list[Float1D]:
    """Gross return, its square, exposure and switches per block from the definition."""
    following = np.append(case.price[1:], case.candles.close[-1])
    gross = exposure * (following / case.price - 1)
    moved = np.abs(np.diff(np.concatenate([[0.0], exposure])))
    starts = np.arange(0, exposure.size, length)
    return [np.add.reduceat(column, starts) for column in (gross, gross**2, exposure, moved)]


@given(case=cases(ticks=False), length=st.integers(1, 40))
def test_block_sums_are_those_of_exposure_times_return(case: Case, length: int) -> None:
    growth = kernel.growth_of(case.price, case.candles.close)
    fills, out = fills_of(case.decision), np.zeros((4, -(-len(case.candles) // length)))
    kernel.block_sums(fills, len(fills), growth, length, out)
    assert_allclose(out, direct_sums(case, length, case.held), rtol=1e-9, atol=1e-13)


@given(case=cases(ticks=False), length=st.integers(1, 40), seed=st.integers(0, 1_000))
def test_block_sums_of_fractions_are_those_of_exposure_times_return(case: Case, length: int, seed: int) -> None:
    fractions = case.decision * np.random.default_rng(seed).uniform(0, 1, case.decision.size)
    held = np.concatenate([np.zeros(LAG), fractions])[: fractions.size]
    growth = kernel.growth_of(case.price, case.candles.close)
    out = np.zeros((4, -(-held.size // length)))
    kernel.fraction_sums(fractions, LAG, growth, length, out)
    assert_allclose(out, direct_sums(case, length, held), rtol=1e-9, atol=1e-13)


@given(case=cases(ticks=False))
def test_costless_growth_over_all_blocks_is_the_growth_of_the_account(case: Case) -> None:
    assume(case.costs == COSTS[0])
    growth = kernel.growth_of(case.price, case.candles.close)[4, :-1]
    assert_allclose(np.prod(1 + case.held * growth) * START_CASH, fast(case)[0], rtol=1e-9)


# -- plain and compiled


@COMPILER
@pytest.mark.parametrize("name", registry.BUILT_IN)
def test_compiled_equals_plain_bit_for_bit_on_real_candles(name: str, real: Callable[[str, int], Candles]) -> None:
    plain = plain_module(kernel)
    for series in REAL[:2]:
        candles = real(series, 1_500)
        decision = evaluate(registry.load(name)(), candles)
        fills, fractions = fills_of(decision), decision * np.linspace(0, 1, 1_500)
        for fill in (candles.open, candles.close):
            results = [_everything(m, candles, fill, decision, fills, fractions) for m in (kernel, plain)]
            for ours, theirs in zip(*results, strict=True):
                assert same_bits(ours, theirs)


def _everything(
    module: Any, candles: Candles, fill: Float1D, decision: Float1D, fills: Int1D, fractions: Float1D
) -> list[Float1D | Int1D]:
    """What each function of the module makes of a decision."""
    m, costs = module, Costs()
    found = np.zeros(decision.size + 1, np.int64)
    count = m.changes(words_of(decision), decision.size, LAG, found)
    tape, blocks = m.tape(fill, candles.close, costs.fee, costs.slippage), m.chunks(candles.close)
    growth = m.growth_of(fill, candles.close)
    followed, turns = words_of(decision), words_of(np.roll(decision, 7))
    m.follow(followed, turns)
    moments, sums, fraction = np.zeros((3, len(MOMENTS))), np.zeros((4, 16)), np.zeros((4, 16))
    for level in range(3):
        m.score(fills, len(fills), tape, blocks, costs.fee, START_CASH, level, moments[level])
    m.block_sums(fills, len(fills), growth, 100, sums)
    m.fraction_sums(fractions, LAG, growth, 100, fraction)
    return [found[:count], followed, tape, *blocks, growth, moments, sums, fraction]
