"""Daily returns of mean 0 and deviation 1, many histories at once: (histories, days)."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.random import Generator

from thunes.model import Float1D

Paths = Callable[[Generator, int, int], Float1D]


def normal(rng: Generator, histories: int, days: int) -> Float1D:
    return rng.standard_normal((histories, days))


def student(rng: Generator, histories: int, days: int) -> Float1D:
    """Student's t with three degrees of freedom: no third moment."""
    return rng.standard_t(3, (histories, days)) / np.sqrt(3.0)


def garch(rng: Generator, histories: int, days: int) -> Float1D:
    """GARCH(1, 1) with t(5) shocks: volatility comes in clusters, and doubles or halves for months."""
    shocks = rng.standard_t(5, (histories, days)) / np.sqrt(5.0 / 3.0)
    variance, out = np.ones(histories), np.empty((histories, days))
    for t in range(days):
        out[:, t] = np.sqrt(variance) * shocks[:, t]
        variance = 0.02 + 0.08 * out[:, t] ** 2 + 0.9 * variance
    return out


def bursts(rng: Generator, histories: int, days: int) -> Float1D:
    """Mostly flat, as an account that is rarely in the market: nine days of ten are quiet."""
    loud = rng.random((histories, days)) < 0.1
    return rng.standard_normal((histories, days)) * np.where(loud, np.sqrt(10.0), 0.0)


def follows_itself(rng: Generator, histories: int, days: int) -> Float1D:
    """First-order autoregression of 0.1: a mean that moves, which the test's claim does not allow."""
    shocks = rng.standard_normal((histories, days)) * np.sqrt(1 - 0.1**2)
    out = np.empty_like(shocks)
    before = np.zeros(histories)
    for t in range(days):
        before = out[:, t] = 0.1 * before + shocks[:, t]
    return out


KINDS: dict[str, Paths] = {
    "normal": normal,
    "student t(3)": student,
    "GARCH": garch,
    "bursts": bursts,
    "autoregression": follows_itself,
}
