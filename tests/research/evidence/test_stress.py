from __future__ import annotations

import math

import numpy as np
import pytest
from tests.series import walk

from thunes.errors import UsageError
from thunes.model import Costs, Stops
from thunes.research.backtest import backtest
from thunes.research.evidence.stress import cost_stress, find, neighbourhood, neighbours
from thunes.research.grid import grid
from thunes.strategies.registry import load

SMA = load("sma_cross")


@pytest.mark.parametrize("stops", [Stops(), Stops(stop_loss=0.02)], ids=["no stops", "stops"])
def test_stress_is_the_same_backtest_at_higher_costs(stops: Stops) -> None:
    candles, paid = walk(900, 5), Costs(0.001, 0.0005)
    once = backtest("sma_cross", candles, paid, stops=stops, fill="next_close")
    stressed = cost_stress(candles, once.exposure, paid, stops=stops, fill="next_close")
    assert list(stressed) == [2.0, 3.0]
    for factor, stats in stressed.items():
        dear = Costs(0.001 * factor, 0.0005 * factor)
        assert stats == backtest("sma_cross", candles, dear, stops=stops, fill="next_close").stats
    assert once.stats["total_return"] > stressed[2.0]["total_return"] > stressed[3.0]["total_return"]


def test_costs_that_nobody_can_pay_are_left_out() -> None:
    assert list(cost_stress(walk(60), np.ones(60), Costs(0.4, 0.0))) == [2.0]


def test_neighbours_are_the_sets_within_a_fifth_of_every_parameter() -> None:
    columns = grid(SMA, {"fast": range(5, 30), "slow": range(20, 60)})
    found = neighbours(SMA, columns, {"fast": 10, "slow": 40})
    inside = {(f, s) for f in range(8, 13) for s in range(32, 49)}
    assert {(f, s) for f, s in zip(columns["fast"][found], columns["slow"][found], strict=True)} == inside


def test_a_neighbour_is_one_step_away_at_least() -> None:
    columns = grid(SMA, {"fast": range(1, 6), "slow": [20, 21, 22]})
    found = neighbours(SMA, columns, {"fast": 2, "slow": 21}, reach=0.0)
    assert sorted(set(columns["fast"][found])) == [1, 2, 3]
    assert found.sum() == 9


def test_shares_count_those_near_the_chosen_and_those_near_the_best() -> None:
    columns = {"fast": np.array([9, 10, 11, 40]), "slow": np.array([100, 100, 100, 200])}
    figures = np.array([0.91, 1.0, -0.5, 2.0])
    found = neighbourhood(SMA, columns, figures, {"fast": 10, "slow": 100})
    assert (found.sets, found.near, found.positive) == (2, 0.5, 0.5)
    assert (found.median, found.worst, found.plateau) == (pytest.approx(0.205), -0.5, 0.25)


def test_a_share_of_nothing_is_undefined() -> None:
    columns = {"fast": np.array([10, 40]), "slow": np.array([100, 200])}
    alone = neighbourhood(SMA, columns, np.array([1.0, np.nan]), {"fast": 10, "slow": 100})
    assert alone.sets == 0
    assert all(map(math.isnan, (alone.near, alone.positive, alone.median, alone.worst)))
    losing = neighbourhood(SMA, columns, np.array([-1.0, -2.0]), {"fast": 10, "slow": 100})
    assert math.isnan(losing.plateau)


def test_a_set_that_is_not_there_is_refused() -> None:
    columns = grid(SMA, {"fast": [5, 6], "slow": [20]})
    assert find(columns, {"fast": 6, "slow": 20}, 2) == 1
    with pytest.raises(UsageError, match="fast=7 slow=20 is no set of this sweep"):
        find(columns, {"fast": 7, "slow": 20}, 2)
    with pytest.raises(UsageError, match="fast=6 is no set"):
        find(columns, {"fast": 6}, 2)
