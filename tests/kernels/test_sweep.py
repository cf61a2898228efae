from __future__ import annotations

import itertools
import multiprocessing
import os
import threading
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from tests.kernels.plain import same_bits
from tests.series import walk

from thunes.kernels import simulation, sweep
from thunes.kernels.metrics import METRICS, MOMENTS, derive
from thunes.kernels.score import DRAWDOWN, EVERYTHING, RETURN, growth_of
from thunes.kernels.sweep import PerSet, Plan, Rows, Swept, in_slices, level_for
from thunes.model import Candles, Costs, Fill, Float1D, Stops

COSTS = Costs()
LEVELS = np.linspace(80.0, 120.0, 23)
STOPS = Stops(stop_loss=0.02, trailing=0.03)


def above(held: float, line: float, level: float) -> bool:
    return line > level


def sticky(held: float, line: float, level: float) -> float:
    """Long from above the level until far below it."""
    return 1.0 if line > level else 0.0 if line < 0.97 * level else held


def alternating(held: float, line: float, level: float) -> bool:
    return not held


def once(held: float, line: float, level: float) -> float:
    """No number after it was long: valid only in the sets that never are."""
    return np.nan if held else 1.0 if line > level else 0.0


def part(held: float, line: float, level: float) -> float:
    return 0.5 if line > level else 1.0 if line > 0.9 * level else 0.0


def level_kernel(out: Float1D, close: Float1D, level: float) -> None:
    for t in range(out.size):
        out[t] = 1.0 if close[t] > level else 0.0


def late(held: float, line: float, level: float) -> float:
    """NaN in the sets above 110, a fraction above one over 115."""
    return 2.0 if level > 115.0 else np.nan if level > 110.0 else 1.0 if line > level else 0.0


def rule_plan(candles: Candles, rule: Callable[..., Any] = above) -> Plan:
    """A line shared by all sets (the close, as two rows of which the second is used) and a level per set."""
    lines = np.stack([np.zeros(len(candles)), candles.close])
    return Plan(rule, [Rows(lines, np.ones(LEVELS.size, np.int64)), PerSet(LEVELS)], LEVELS.size)


def kernel_plan(candles: Candles) -> Plan:
    return Plan(level_kernel, [candles.close, PerSet(LEVELS)], LEVELS.size, is_kernel=True)


def decided(candles: Candles, rule: Callable[..., Any], level: float) -> Float1D:
    """What the rule says bar by bar, told what it said before."""
    said = itertools.accumulate(candles.close, lambda held, close: float(rule(held, close, level)), initial=0.0)
    return np.array(list(said)[1:])


def targets(candles: Candles, rule: Callable[..., Any] = above) -> list[Float1D]:
    return [decided(candles, rule, level) for level in LEVELS]


def one_by_one(candles: Candles, rule: Callable[..., Any] = above, **terms: Any) -> Float1D:
    """Moments of each set from the reference simulation."""
    return np.array([simulation.run(candles, t, COSTS, **terms).moments for t in targets(candles, rule)])


def assert_same_moments(swept: Swept, expected: Float1D) -> None:
    assert swept.invalid.size == 0
    assert_allclose(swept.moments, expected, rtol=1e-9, atol=1e-8)


def bits(swept: Swept) -> list[bytes]:
    found = [swept.moments, swept.invalid]
    if swept.blocks is not None:
        b = swept.blocks
        found += [b.gross, b.squares, b.exposure, b.switches, b.market]
    return [array.tobytes() for array in found]


@pytest.mark.parametrize("fill", ["next_open", "next_close"])
@pytest.mark.parametrize("count", [1, 2, 16, 100, 1_001])
@pytest.mark.parametrize("rule", [above, sticky, alternating])
def test_a_rule_over_lines_equals_one_simulation_per_set(rule: Callable[..., Any], count: int, fill: Fill) -> None:
    candles = walk(count, 4)
    swept = sweep.run(rule_plan(candles, rule), candles, COSTS, fill=fill)
    assert_same_moments(swept, one_by_one(candles, rule, fill=fill))


@pytest.mark.parametrize("fill", ["next_open", "next_close"])
def test_a_kernel_equals_the_rule_that_says_the_same(fill: Fill) -> None:
    candles = walk(700, 4)
    by_rule, by_kernel = (sweep.run(p(candles), candles, COSTS, fill=fill) for p in (rule_plan, kernel_plan))
    assert bits(by_rule) == bits(by_kernel)


def test_fractions_and_whole_positions_may_be_mixed_in_a_sweep() -> None:
    candles = walk(400, 5)
    assert_same_moments(sweep.run(rule_plan(candles, part), candles, COSTS), one_by_one(candles, part))


@pytest.mark.parametrize("stops", [STOPS, Stops(take_profit=0.02, stop_loss=0.01, mode="vectorbt")])
def test_stops_in_a_sweep_are_those_of_the_simulation(stops: Stops) -> None:
    candles = walk(400, 5)
    swept = sweep.run(kernel_plan(candles), candles, COSTS, stops=stops)
    assert_same_moments(swept, one_by_one(candles, stops=stops))
    assert not np.allclose(swept.moments[:, 0], sweep.run(kernel_plan(candles), candles, COSTS).moments[:, 0])


def test_sets_that_are_no_fraction_of_equity_are_named_and_have_no_moments() -> None:
    candles = walk(100, 6)
    swept = sweep.run(rule_plan(candles, late), candles, COSTS)
    assert_array_equal(swept.invalid, np.flatnonzero(LEVELS > 110))
    assert np.isnan(swept.moments[swept.invalid]).all()
    fine = LEVELS <= 110
    assert_allclose(swept.moments[fine], one_by_one(candles)[fine], rtol=1e-9, atol=1e-8)


def test_what_a_rule_would_say_in_a_state_it_never_reaches_does_not_count() -> None:
    candles = walk(200, 6)
    swept = sweep.run(rule_plan(candles, once), candles, COSTS)
    never = candles.close[:-1].max() <= LEVELS
    assert 0 < never.sum() < LEVELS.size
    assert_array_equal(swept.invalid, np.flatnonzero(~never))
    assert_allclose(swept.moments[never], one_by_one(candles)[never], rtol=1e-9, atol=1e-8)


@pytest.mark.parametrize("threads", [2, 3, 7, 64])
def test_the_number_of_threads_changes_no_bit(threads: int) -> None:
    candles = walk(300, 7)
    for plan, stops in (
        (rule_plan(candles), Stops()),
        (rule_plan(candles, part), Stops()),
        (kernel_plan(candles), STOPS),
    ):
        alone, many = (
            sweep.run(plan, candles, COSTS, stops=stops, block_length=0 if stops.any else 7, threads=k)
            for k in (1, threads)
        )
        assert bits(alone) == bits(many)


def test_several_threads_may_sweep_at_once() -> None:
    candles = walk(300, 8)
    expected = bits(sweep.run(rule_plan(candles), candles, COSTS, threads=1))
    found: list[list[bytes]] = []
    work = [
        threading.Thread(target=lambda: found.append(bits(sweep.run(rule_plan(candles), candles, COSTS, threads=3))))
        for _ in range(4)
    ]
    for thread in work:
        thread.start()
    for thread in work:
        thread.join()
    assert found == [expected] * 4


def _in_a_fork(send: Any, candles: Candles) -> None:
    send.send(bits(sweep.run(rule_plan(candles), candles, COSTS, threads=2)))


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.filterwarnings("ignore:This process.*is multi-threaded:DeprecationWarning")  # what is tried here
def test_a_forked_worker_may_sweep_after_its_parent_did() -> None:
    candles, fork = walk(300, 9), multiprocessing.get_context("fork")
    expected = bits(sweep.run(rule_plan(candles), candles, COSTS, threads=2))
    ends = [fork.Pipe(duplex=False) for _ in range(2)]
    workers = [fork.Process(target=_in_a_fork, args=(send, candles), daemon=True) for _, send in ends]
    for worker in workers:
        worker.start()
    try:
        for receive, _ in ends:
            assert receive.poll(60), "a forked worker did not answer"
            assert receive.recv() == expected
    finally:
        for worker in workers:
            worker.kill()


def test_an_error_in_a_set_reaches_the_caller_from_any_thread() -> None:
    def work(first: int, last: int) -> None:
        if first <= 90 < last:
            raise ValueError(first)

    for threads in (1, 4):
        with pytest.raises(ValueError, match=r"\d+"):
            in_slices(work, 100, threads, 10)


@given(count=st.integers(0, 200), threads=st.integers(1, 9))
@settings(max_examples=50)
def test_slices_cover_every_set_once(count: int, threads: int) -> None:
    seen = np.zeros(count, int)

    def work(first: int, last: int) -> None:
        seen[first:last] += 1

    in_slices(work, count, threads, 10)
    assert (seen == 1).all()


# -- per-block sums


@pytest.mark.parametrize("fill", ["next_open", "next_close"])
@pytest.mark.parametrize("rule", [above, part])
@pytest.mark.parametrize("length", [1, 7, 24, 299, 300, 5_000])
def test_blocks_are_sums_of_exposure_times_return(length: int, rule: Callable[..., Any], fill: Fill) -> None:
    candles = walk(300, 10)
    blocks = sweep.run(rule_plan(candles, rule), candles, COSTS, fill=fill, block_length=length).blocks
    assert blocks is not None
    price = candles.open if fill == "next_open" else candles.close
    market = np.append(price[1:], candles.close[-1]) / price - 1
    held = np.array([np.concatenate([[0.0], target[:-1]]) for target in targets(candles, rule)])
    moved = np.abs(np.diff(held, axis=1, prepend=0.0))
    starts = np.arange(0, 300, length)
    for ours, column in (
        (blocks.gross, held * market),
        (blocks.squares, (held * market) ** 2),
        (blocks.exposure, held),
        (blocks.switches, moved),
    ):
        assert_allclose(ours, np.add.reduceat(column, starts, axis=1), rtol=1e-9, atol=1e-13)
    assert_allclose(blocks.market, np.add.reduceat(market, starts), rtol=1e-12, atol=1e-15)
    assert blocks.length == length


def test_blocks_of_any_length_add_up_to_the_same_whole() -> None:
    candles = walk(300, 11)
    found = [sweep.run(rule_plan(candles), candles, COSTS, block_length=k).blocks for k in (1, 13, 300)]
    for name in ("gross", "squares", "exposure", "switches"):
        sums = [getattr(blocks, name).sum(axis=1) for blocks in found]
        for other in sums[1:]:
            assert_allclose(other, sums[0], rtol=1e-12, atol=1e-13)


def test_blocks_are_given_only_on_request_and_change_no_moment() -> None:
    candles = walk(300, 11)
    without, with_blocks = (sweep.run(rule_plan(candles), candles, COSTS, block_length=k) for k in (0, 24))
    assert without.blocks is None
    assert same_bits(without.moments, with_blocks.moments)
    assert_allclose(growth_of(candles.open, candles.close)[4].sum(), with_blocks.blocks.market.sum())  # type: ignore[union-attr]


# -- how much is computed


def test_a_metric_computes_what_it_needs_and_the_default_four_no_more() -> None:
    assert level_for(["total_return", "sharpe", "trades"]) == RETURN
    assert level_for(["total_return", "sharpe", "max_drawdown", "trades"]) == DRAWDOWN
    assert level_for(METRICS) == EVERYTHING


@pytest.mark.parametrize("metric", METRICS)
def test_a_metric_asked_for_alone_is_what_it_is_among_all(metric: str) -> None:
    candles = walk(500, 12)
    alone, among = (sweep.run(rule_plan(candles), candles, COSTS, metrics=names) for names in ((metric,), METRICS))
    found = [derive(s.moments, 500, candles.bars_per_year, simulation.START_CASH)[metric] for s in (alone, among)]
    assert_array_equal(*found)
    assert alone.moments.shape == (LEVELS.size, len(MOMENTS))
