from __future__ import annotations

import itertools
import math

import numpy as np
import pytest

from thunes.errors import DataError
from thunes.model import Float1D
from thunes.research.evidence.overfitting import Overfitting, halvings, overfitting

BARS = 5  # of a block


def judged(returns: np.ndarray, blocks: int, groups: int, splits: int | None = None) -> Overfitting:
    """From returns per bar, shape (sets, bars)."""
    edges = np.linspace(0, returns.shape[1], blocks + 1).astype(int)
    sums, squares = (np.add.reduceat(x, edges[:-1], axis=1) for x in (returns, returns**2))
    return overfitting(sums, squares, np.diff(edges), groups=groups, splits=splits)


def by_hand(returns: np.ndarray, groups: int) -> tuple[list[float], list[float]]:
    """The definition in plain words: every half of the groups picks a set, which is ranked on the other half."""
    parts = np.split(returns, groups, axis=1)
    ranks, scores = [], []
    for train in itertools.combinations(range(groups), groups // 2):
        test = [g for g in range(groups) if g not in train]
        inside, outside = (np.concatenate([parts[g] for g in half], axis=1) for half in (train, test))
        before, after = ([float(r.mean() / r.std(ddof=1)) for r in half] for half in (inside, outside))
        best = before.index(max(before))
        ranks.append((sorted(after).index(after[best]) + 1) / (len(returns) + 1))
        scores.append(after[best])
    return ranks, scores


def noise(sets: int, bars: int, seed: int) -> np.ndarray:
    return np.random.default_rng(seed).normal(0, 0.01, (sets, bars))


@pytest.mark.parametrize(("sets", "groups"), [(2, 2), (7, 6), (30, 8)])
def test_it_is_the_definition(sets: int, groups: int) -> None:
    returns = noise(sets, groups * 4 * BARS, sets)
    found, (ranks, scores) = judged(returns, groups * 4, groups), by_hand(returns, groups)
    np.testing.assert_allclose(found.ranks, ranks, rtol=1e-12)
    np.testing.assert_allclose(found.scores, scores, rtol=1e-9)
    assert found.probability == sum(math.log(w / (1 - w)) <= 0 for w in ranks) / len(ranks)
    assert found.loss == sum(score < 0 for score in scores) / len(scores)


def test_the_best_of_noise_is_anywhere() -> None:
    found = [judged(noise(50, 160 * BARS, seed), 160, 8).probability for seed in range(60)]
    assert np.mean(found) == pytest.approx(0.5, abs=4 * np.std(found) / math.sqrt(60))


def test_a_set_that_is_truly_better_stays_the_best() -> None:
    returns = noise(50, 160 * BARS, 1)
    returns[17] += 0.005
    found = judged(returns, 160, 16)
    assert found.ranks.size == 12_870
    assert found.probability < 0.001
    assert found.loss < 0.001


def test_a_draw_of_the_halvings_estimates_all_of_them() -> None:
    returns = noise(40, 320, 3)
    whole, part = judged(returns, 32, 16), judged(returns, 32, 16, splits=2_000)
    error = math.sqrt(whole.probability * (1 - whole.probability) / 2_000)
    assert part.ranks.size == 2_000
    assert part.probability == pytest.approx(whole.probability, abs=4 * error)


def test_halvings_are_halves_and_none_comes_twice() -> None:
    for chosen in (halvings(10), halvings(16, 500, seed=2)):
        assert (chosen.sum(axis=1) == chosen.shape[1] / 2).all()
        assert len(np.unique(chosen, axis=0)) == len(chosen)


@pytest.mark.parametrize("set_", [np.zeros(80), np.tile([0.01, -0.02, 0.005], 27)[:80]], ids=["flat", "alike"])
def test_equals_share_the_middle_rank(set_: Float1D) -> None:
    found = judged(np.tile(set_, (4, 1)), 16, 4)
    np.testing.assert_array_equal(found.ranks, 0.5)


def test_too_few_blocks_are_refused() -> None:
    with pytest.raises(DataError, match="15 blocks cannot be cut into 16 groups"):
        judged(noise(3, 60, 0), 15, 16)
