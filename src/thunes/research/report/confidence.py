"""How far a Sharpe ratio can be trusted."""

from __future__ import annotations

import numpy as np

from thunes.model import DAY_MS, Candles, Float1D

METHOD = "delta method on bar returns, clustered by UTC day (Lo 2002, Mertens 2002)"
LEVEL = 0.95
QUANTILE = 1.959963984540054  # of the standard normal, two-sided
FEWEST_DAYS = 30  # with fewer the normal approximation means nothing

Interval = tuple[float, float]


def sharpe_interval(equity: Float1D, candles: Candles) -> Interval:
    """95 % confidence interval around the annualised Sharpe ratio of bar returns: (low, high).

    `equity` is a curve of shape (n,) aligned to the candles. NaN on fewer than 30 days or without any variance.

    A return moves the ratio S by its influence, z − S · (z² − 1) / 2 with z = (return − mean) / deviation; the ratio's
    variance is that of the influences' mean. Added up within UTC days first, they may depend on each other inside a
    day, as hourly returns do. Were they independent, this is Mertens' (1 − skew · S + (kurtosis − 1) / 4 · S²) / n.

    Sources: Lo (2002), The Statistics of Sharpe Ratios, Financial Analysts Journal 58(4); Mertens (2002), Comments on
    variance of the IID estimator in Lo. Dependence across days, and choosing the best of many sets, are not in it.
    """
    returns = np.zeros(equity.size)
    returns[1:] = equity[1:] / equity[:-1] - 1.0
    _, starts = np.unique(candles.open_time // DAY_MS, return_index=True)
    deviation = returns.std(ddof=1) if starts.size >= FEWEST_DAYS else 0.0
    if not deviation > 0:
        return (np.nan, np.nan)
    z = (returns - returns.mean()) / deviation
    ratio = returns.mean() / deviation
    daily = np.add.reduceat(z - ratio * (z**2 - 1) / 2, starts)
    error = np.sqrt((daily**2).sum() * starts.size / (starts.size - 1)) / equity.size
    scale = np.sqrt(candles.bars_per_year)
    return float((ratio - QUANTILE * error) * scale), float((ratio + QUANTILE * error) * scale)
