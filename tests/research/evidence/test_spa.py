"""The oracle is `arch`. Its SPA does not divide its statistic by the deviations, so it is given losses that are."""

from __future__ import annotations

import numpy as np
import pytest
from arch.bootstrap import SPA
from numpy.testing import assert_allclose
from scipy.stats import kstest

from thunes.research.evidence import spa
from thunes.research.evidence.bootstrap import mean_deviation

DRAWS = 4_000
NOISE = 4.5 * np.sqrt(2 * 0.25 / DRAWS)  # of the difference of two p-values, at most


def profits(seed: int, sets: int = 40, blocks: int = 120, edge: float = 0.0) -> np.ndarray:
    """Correlated, autocorrelated, of very different size and mean: some sets are hopeless."""
    random = np.random.default_rng(seed)
    shared, own = random.normal(size=blocks), random.standard_t(5, size=(sets, blocks + 1))
    mixed = 0.5 * shared + own[:, 1:] + 0.4 * own[:, :-1]
    mixed += random.uniform(-0.6, 0.1, size=(sets, 1))
    mixed[0] += edge
    return np.asarray(mixed * random.uniform(0.1, 5.0, size=(sets, 1)))


def ours(values: np.ndarray, seed: int = 0) -> float:
    sets = spa.studentise(values)
    return spa.p_value(sets.t.max(), [spa.resampled_maxima(sets, spa.resamples(values.shape[1], DRAWS, seed=seed))])


def test_the_studentised_variance_is_archs() -> None:
    values = profits(1)
    oracle = SPA(np.zeros(120), -values.T, block_size=3, reps=10, bootstrap="stationary", seed=1)
    oracle.compute()
    assert_allclose(mean_deviation(values, 3.0) ** 2, oracle._loss_diff_var, rtol=1e-10)


@pytest.mark.parametrize(("seed", "edge"), [(1, 0.0), (2, 0.0), (3, 0.2), (4, 0.4), (5, 0.6)])
def test_p_is_archs_up_to_the_noise_of_drawing(seed: int, edge: float) -> None:
    values = profits(seed, edge=edge)
    scaled = values / mean_deviation(values, 3.0)[:, None]
    oracle = SPA(np.zeros(120), -scaled.T, block_size=3, reps=DRAWS, bootstrap="stationary", seed=seed)
    oracle.compute()
    assert ours(values) == pytest.approx(oracle.pvalues["consistent"], abs=NOISE)


def test_p_is_uniform_where_one_set_has_no_edge() -> None:
    found = [ours(np.random.default_rng(seed).normal(size=(1, 150)), seed) for seed in range(200)]
    below = np.array([p for p in found if p < 0.5])  # a mean below zero cannot be told from a worse one
    assert kstest(below * 2, "uniform").pvalue > 0.001
    assert 70 < below.size < 130


def test_a_hopeless_set_does_not_raise_the_bar() -> None:
    values = profits(4, edge=0.5)
    hopeless = np.random.default_rng(0).normal(size=(300, 120)) - 5.0
    assert ours(np.concatenate([values, hopeless])) == ours(values)


def test_families_are_compared_as_one() -> None:
    values = profits(6, edge=0.3)
    drawn = spa.resamples(120, 500)
    parts = [spa.studentise(values[:15]), spa.studentise(values[15:])]
    apart = [spa.resampled_maxima(part, drawn) for part in parts]
    whole = spa.studentise(values)
    together = spa.resampled_maxima(whole, drawn)
    assert_allclose(np.maximum(*apart), together, rtol=1e-5)
    assert spa.p_value(whole.t.max(), apart) == pytest.approx(spa.p_value(whole.t.max(), [together]), abs=0.003)


def test_a_set_that_never_moves_takes_no_part() -> None:
    values = np.concatenate([profits(7), np.zeros((1, 120)), np.full((1, 120), 0.1)])
    sets = spa.studentise(values)
    assert sets.t[-2:].tolist() == [-np.inf, -np.inf]
    assert ours(values) == ours(values[:-2])


def test_p_is_never_zero() -> None:
    assert spa.p_value(99.0, [np.zeros(999)]) == 0.001
    assert spa.p_value(-np.inf, [np.zeros(999)]) == 1.0
