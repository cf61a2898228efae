from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_allclose
from tests.series import walk

from thunes.model import Candles, Costs
from thunes.research.evidence.timing import Sums, block_length, hedged, mean_exposure, round_trips, sums_of, t_value
from thunes.research.sweep import sweep
from thunes.strategies.base import evaluate
from thunes.strategies.sma_cross import SmaCross

COSTS = Costs(fee=0.001, slippage=0.0005)
BLOCK = 24


@pytest.fixture(scope="module")
def candles() -> Candles:
    return walk(1_000, seed=5)


@pytest.fixture(scope="module")
def sums(candles: Candles) -> Sums:
    blocks = sweep("sma_cross", candles, COSTS, block_length=BLOCK, fast=[3, 8], slow=[20, 60]).blocks
    assert blocks is not None
    return sums_of(blocks, candles, COSTS)


def by_bar(candles: Candles, fast: int, slow: int) -> tuple[np.ndarray, np.ndarray]:
    """Position and return of each whole block's bars, from the decisions alone: filled at the next open."""
    position = np.append(0.0, evaluate(SmaCross(fast, slow), candles)[:-1])
    following = np.append(candles.open[1:], candles.close[-1])
    whole = len(candles) // BLOCK * BLOCK
    return position[:whole], (following / candles.open - 1)[:whole]


@pytest.mark.parametrize(("row", "fast", "slow"), [(0, 3, 20), (1, 3, 60), (3, 8, 60)])
def test_timing_profit_is_what_bars_add_up_to(candles: Candles, sums: Sums, row: int, fast: int, slow: int) -> None:
    position, returns = by_bar(candles, fast, slow)
    paid = 0.0015 * np.abs(np.diff(position, prepend=0.0))
    profit = (position - position.mean()) * (returns - returns.mean()) - paid
    assert_allclose(hedged(sums)[row], profit.reshape(-1, BLOCK).sum(axis=1), atol=1e-12)
    assert_allclose(sums.net[row], (position * returns - paid).reshape(-1, BLOCK).sum(axis=1), atol=1e-12)
    assert_allclose(mean_exposure(sums)[row], position.mean())
    years = position.size / 8760
    assert_allclose(round_trips(sums)[row], np.abs(np.diff(position, prepend=0.0)).sum() / 2 / years)


def test_a_window_has_means_of_its_own(candles: Candles, sums: Sums) -> None:
    position, returns = (x[10 * BLOCK : 20 * BLOCK] for x in by_bar(candles, 3, 20))
    paid = 0.0015 * np.abs(np.diff(by_bar(candles, 3, 20)[0], prepend=0.0))[10 * BLOCK : 20 * BLOCK]
    profit = (position - position.mean()) * (returns - returns.mean()) - paid
    assert_allclose(hedged(sums.window(10, 20))[0], profit.reshape(-1, BLOCK).sum(axis=1), atol=1e-12)


def test_holding_all_the_time_is_no_timing() -> None:
    candles = walk(500, seed=1)
    blocks = sweep("buy_and_hold", candles, Costs(0.0, 0.0), block_length=BLOCK).blocks
    assert blocks is not None
    profits = hedged(sums_of(blocks, candles, Costs(0.0, 0.0)))
    first = abs(candles.open[1] / candles.open[0] - 1)  # the bar before the first fill is not held
    assert_allclose(profits.sum(), 0.0, atol=2 * first)


@pytest.mark.parametrize(
    ("interval", "bars", "length"),
    [("1h", 26_280, 72), ("1h", 2_160, 21), ("4h", 6_570, 18), ("1d", 1_095, 3), ("1h", 50, 1)],
)
def test_a_block_is_three_days_but_never_fewer_than_a_hundred(interval: str, bars: int, length: int) -> None:
    assert block_length(walk(bars, interval=interval)) == length


def test_t_of_known_numbers() -> None:
    assert_allclose(t_value(np.array([1.0, 2.0, 3.0])), 2.0 / 1.0 * np.sqrt(3))
    assert np.isnan(t_value(np.ones(5)))
    assert np.isnan(t_value(np.ones(1)))
