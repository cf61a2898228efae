from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_allclose

from thunes.research.evidence.plateau import REACH, peak, plateau
from thunes.research.grid import grid
from thunes.strategies.sma_cross import SmaCross

COLUMNS = grid(SmaCross, {"fast": range(5, 35), "slow": range(20, 61)})


def by_hand(t: np.ndarray) -> list[float]:
    reach = [max(1, int(REACH * np.unique(values).size)) for values in COLUMNS.values()]
    fast, slow = COLUMNS.values()
    found = []
    for f, s in zip(fast, slow, strict=True):
        near = (np.abs(fast - f) <= reach[0]) & (np.abs(slow - s) <= reach[1])
        found.append(np.where(np.isfinite(t[near]), t[near], 0.0).mean())
    return found


def test_a_plateau_is_the_mean_of_a_box_of_neighbours() -> None:
    t = np.random.default_rng(3).normal(size=COLUMNS["fast"].size)
    t[5] = -np.inf
    assert_allclose(plateau(COLUMNS, t), by_hand(t), atol=1e-9)


def test_broad_ground_beats_a_lonely_peak() -> None:
    fast, slow = COLUMNS["fast"], COLUMNS["slow"]
    hill = 2.0 - 0.3 * np.hypot(fast - 12, slow - 40)
    lonely = (fast == 28) & (slow == 55)
    t = np.where(lonely, 9.0, np.where(hill > 0, hill, 0.0))
    row = peak(COLUMNS, t, np.ones(t.size, dtype=bool))
    assert (fast[row], slow[row]) == (12, 40)


def test_only_an_eligible_set_is_deployed() -> None:
    t = np.arange(COLUMNS["fast"].size, dtype=float)
    eligible = COLUMNS["fast"] == 7
    row = peak(COLUMNS, t, eligible)
    assert COLUMNS["fast"][row] == 7


@pytest.mark.parametrize("columns", [{}, {"window": np.array([5])}])
def test_a_space_of_one_set_is_its_own_plateau(columns: dict[str, np.ndarray]) -> None:
    assert peak(columns, np.array([1.5]), np.array([True])) == 0
    assert plateau(columns, np.array([1.5])).tolist() == [1.5]


def test_a_set_does_not_borrow_the_height_of_strangers() -> None:
    columns = {"mode": np.array([0, 0, 0, 1, 1, 1]), "window": np.array([5, 6, 7] * 2)}
    t = np.array([-0.5, -0.6, -0.5, 8.0, 9.0, 8.0])
    assert peak(columns, t, np.ones(6, dtype=bool)) >= 3
    assert peak(columns, t, np.array([True, True, True, False, False, False])) < 3  # where there is nobody else
