"""How much a Sharpe ratio says, given how long, how crooked and how much searched the record is.

All ratios here are per observation, not annualised: mean over deviation of the returns they were taken from. Returns
are taken as independent; kurtosis is the plain one, 3 for normal returns.

Sources: Bailey and López de Prado (2012), The Sharpe Ratio Efficient Frontier, Journal of Risk 15(2); Bailey and López
de Prado (2014), The Deflated Sharpe Ratio, Journal of Portfolio Management 40(5).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np

from thunes.model import Float1D

NORMAL = NormalDist()


@dataclass(frozen=True)
class Record:
    """A Sharpe ratio per observation and what its error depends on."""

    sharpe: float
    observations: int
    skewness: float = 0.0
    kurtosis: float = 3.0

    @property
    def spread(self) -> float:
        """Variance of the estimated ratio times (observations − 1)."""
        return 1 - self.skewness * self.sharpe + (self.kurtosis - 1) / 4 * self.sharpe**2


def record_of(returns: Float1D) -> Record:
    """The record of returns, shape (n,), without NaN; its figures are NaN without variance or below two returns."""
    deviation = returns.std(ddof=1) if returns.size > 1 else 0.0
    if not deviation > 0:
        return Record(math.nan, returns.size, math.nan, math.nan)
    z = (returns - returns.mean()) / returns.std()
    return Record(float(returns.mean() / deviation), returns.size, float((z**3).mean()), float((z**4).mean()))


def probabilistic_sharpe(record: Record, benchmark: float = 0.0) -> float:
    """Probability that the true ratio is above `benchmark` (per observation); 2012.

    NaN where the record's figures are, or their error is no number.
    """
    if not record.spread > 0:
        return math.nan
    return NORMAL.cdf((record.sharpe - benchmark) * math.sqrt((record.observations - 1) / record.spread))


def minimum_track_record(record: Record, benchmark: float = 0.0, confidence: float = 0.95) -> float:
    """Observations needed to say, with this confidence, that the true ratio is above `benchmark` (2012).

    NaN for a ratio that is not above the benchmark: no record of it is long enough.
    """
    if not (record.sharpe > benchmark and record.spread > 0):
        return math.nan
    return 1 + record.spread * (NORMAL.inv_cdf(confidence) / (record.sharpe - benchmark)) ** 2


def expected_maximum_sharpe(variance: float, trials: int) -> float:
    """What the best of so many independent trials without skill shows on average (2014).

    `variance` is that of the ratios across the trials. 0 for a single trial.
    """
    if trials < 2:
        return 0.0
    upper, lower = (NORMAL.inv_cdf(1 - 1 / (trials * scale)) for scale in (1, math.e))
    return math.sqrt(variance) * ((1 - np.euler_gamma) * upper + np.euler_gamma * lower)


def deflated_sharpe(record: Record, variance: float, trials: int) -> float:
    """Probability that the true ratio is above what the best of so many trials without skill shows (2014)."""
    return probabilistic_sharpe(record, expected_maximum_sharpe(variance, trials))
