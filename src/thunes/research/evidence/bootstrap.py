"""The stationary bootstrap of Politis and Romano (1994), The Stationary Bootstrap, JASA 89(428).

A resample is made of runs of consecutive observations, on a circle, whose lengths are geometric: what depends on the
recent past still does inside a run.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from thunes.model import Float1D

Float2D = NDArray[np.float64]


def indices(count: int, draws: int, mean_run: float, random: np.random.Generator) -> NDArray[np.int64]:
    """Which observation stands where in each resample: int64 (draws, count), of runs of mean length `mean_run`."""
    begins = random.random((draws, count)) < 1.0 / mean_run
    begins[:, 0] = True
    place = np.arange(count)
    since = np.maximum.accumulate(np.where(begins, place, 0), axis=1)
    starts = random.integers(0, count, (draws, count))
    return np.asarray((np.take_along_axis(starts, since, axis=1) + place - since) % count)


def counts(drawn: NDArray[np.int64]) -> NDArray[np.float32]:
    """How often each observation was drawn, (draws, count): a resample's sum is counts · observations."""
    draws, count = drawn.shape
    flat = (drawn + count * np.arange(draws)[:, None]).ravel()
    return np.bincount(flat, minlength=draws * count).reshape(draws, count).astype(np.float32)


def mean_deviation(values: Float2D, mean_run: float) -> Float1D:
    """Standard deviation of √n × the mean of a resample of each row of values, (rows,), without drawing any.

    Politis and Romano's lemma 1: the variance is c₀ + 2 Σ (1 − i/n)(1 − 1/mean_run)^i cᵢ over lags i = 1 … n − 1, with
    cᵢ the autocovariances on the circle. They are linear in the periodogram, so one Fourier transform does them all.
    """
    n = values.shape[1]
    lag = np.arange(n)
    weights = (1 - lag / n) * (1 - 1 / mean_run) ** lag
    response = 2 * np.fft.rfft(weights).real - 1
    response[1:] *= 2  # each frequency but 0 (and the last of an even n) stands for two
    if n % 2 == 0:
        response[-1] /= 2
    response[0] = 0  # the mean
    spectrum = np.fft.rfft(values, axis=1)
    power = spectrum.real**2 + spectrum.imag**2
    return np.asarray(np.sqrt(np.maximum(power @ response, 0.0)) / n)
