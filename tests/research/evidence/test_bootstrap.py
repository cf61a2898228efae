from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose

from thunes.research.evidence.bootstrap import counts, indices, mean_deviation


@given(st.integers(1, 40), st.floats(1.0, 10.0), st.integers(0, 99))
def test_a_resample_is_made_of_runs_on_a_circle(count: int, mean_run: float, seed: int) -> None:
    drawn = indices(count, 20, mean_run, np.random.default_rng(seed))
    assert drawn.shape == (20, count)
    assert drawn.min() >= 0
    assert drawn.max() < count
    values = np.random.default_rng(seed).normal(size=count)
    assert_allclose(counts(drawn) @ values, values[drawn].sum(axis=1), atol=1e-4)


def test_runs_have_their_mean_length_and_begin_anywhere() -> None:
    drawn = indices(1_000, 400, 3.0, np.random.default_rng(2))
    breaks = (np.diff(drawn, axis=1) % 1_000 != 1).mean()
    assert breaks == pytest.approx(1 / 3, abs=0.005)
    assert np.bincount(drawn.ravel()).min() > 250  # of 400 expected


def by_definition(values: np.ndarray, mean_run: float) -> np.ndarray:
    """Politis and Romano's variance, lag by lag."""
    n = values.shape[1]
    apart = values - values.mean(axis=1, keepdims=True)
    variance = (apart**2).mean(axis=1)
    for lag in range(1, n):
        circular = (apart * np.roll(apart, lag, axis=1)).mean(axis=1)
        variance = variance + 2 * (1 - lag / n) * (1 - 1 / mean_run) ** lag * circular
    return np.asarray(np.sqrt(variance))


@pytest.mark.parametrize("count", [2, 7, 100, 101])
@pytest.mark.parametrize("mean_run", [1.0, 3.0, 8.0])
def test_the_deviation_of_a_mean_is_politis_and_romanos(count: int, mean_run: float) -> None:
    values = np.cumsum(np.random.default_rng(count).normal(size=(5, count)), axis=1) + 3
    assert_allclose(mean_deviation(values, mean_run), by_definition(values, mean_run), rtol=1e-9, atol=1e-12)


def test_the_deviation_of_a_mean_is_that_of_the_resamples() -> None:
    values = np.convolve(np.random.default_rng(8).normal(size=130), np.ones(4))[None, :]
    means = values[0][indices(values.size, 20_000, 3.0, np.random.default_rng(9))].mean(axis=1)
    assert mean_deviation(values, 3.0)[0] == pytest.approx(means.std() * np.sqrt(values.size), rel=0.02)
