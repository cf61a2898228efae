"""How far the figures of a return series could have been other ones, by resampling the series itself."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from thunes.model import DAY_MS, Candles, Float1D
from thunes.research.evidence.bootstrap import Float2D, indices

DRAWS = 2_000
MEAN_RUN = 9.0  # days
LEVEL = 0.95
DAYS_A_YEAR = 365
BATCH = 4_000_000  # returns drawn at once
FIGURES = ("sharpe", "total_return", "max_drawdown")

Interval = tuple[float, float]


def bootstrap_intervals(
    returns: Float1D,
    per_year: float,
    *,
    mean_run: float = MEAN_RUN,
    draws: int = DRAWS,
    level: float = LEVEL,
    seed: int = 0,
) -> dict[str, Interval]:
    """Percentile intervals (low, high) of sharpe, total_return and max_drawdown of simple returns, shape (n,).

    Each resample is one of the stationary bootstrap (Politis and Romano 1994) with runs of mean length `mean_run`. The
    ratio is annualised by `per_year` returns. They hold for this one series: that it is the best of many is not in
    them. NaN for fewer than two returns, and for a ratio without variance.
    """
    if returns.size < 2:
        return dict.fromkeys(FIGURES, (np.nan, np.nan))
    random, at_once = np.random.default_rng(seed), max(1, BATCH // returns.size)
    figures = []
    for first in range(0, draws, at_once):
        drawn = returns[indices(returns.size, min(at_once, draws - first), mean_run, random)]
        figures.append((sharpe(drawn, per_year), total_return(drawn), max_drawdown(drawn)))
    columns = (np.concatenate(column) for column in zip(*figures, strict=True))
    return {name: _middle(values, level) for name, values in zip(FIGURES, columns, strict=True)}


def _middle(values: Float1D, level: float) -> Interval:
    """The interval that holds this share of the values, in their middle."""
    low, high = np.quantile(values, ((1 - level) / 2, (1 + level) / 2)).tolist()
    return low, high


def sharpe(returns: Float2D, per_year: float) -> Float1D:
    """Annualised ratio of each row; NaN without variance."""
    deviation = returns.std(axis=1, ddof=1)
    moved = deviation > 0
    ratio = returns.mean(axis=1) / np.where(moved, deviation, 1.0) * np.sqrt(per_year)
    return np.where(moved, ratio, np.nan)


def total_return(returns: Float2D) -> Float1D:
    """What each row compounds to, as a fraction."""
    return np.asarray(np.prod(1 + returns, axis=1) - 1)


def max_drawdown(returns: Float2D) -> Float1D:
    """The deepest fall of each row's equity below a former peak, the start included; a fraction, negative."""
    equity = np.cumprod(1 + returns, axis=1)
    peak = np.maximum(np.maximum.accumulate(equity, axis=1), 1.0)
    return np.asarray((equity / peak).min(axis=1).clip(max=1.0) - 1)


def daily_returns(equity: Float1D, candles: Candles, start: float) -> Float1D:
    """Simple returns of UTC days, from each day's last close to the next, the first from `start`.

    `equity` has shape (n,), aligned to the candles; bars longer than a day count as one day each.
    """
    days = candles.open_time // DAY_MS
    ends = equity[np.append(np.diff(days) > 0, True)]
    return np.asarray(ends / np.append(start, ends[:-1]) - 1.0)


def equity_intervals(equity: Float1D, candles: Candles, start: float, *, seed: int = 0) -> Mapping[str, Interval]:
    """The intervals of an equity curve's daily returns (a drawdown inside a day is not seen)."""
    returns = daily_returns(equity, candles, start)
    per_year = min(DAYS_A_YEAR, candles.bars_per_year)
    return bootstrap_intervals(returns, per_year, seed=seed)
