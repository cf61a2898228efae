"""The sixteen figures of a backtest, and the sums they are made of.

A simulation is first reduced to a row of *moments* (`MOMENTS`), by `summarise` here or directly by the fast path in
`score.py`; `derive` turns moments into metrics, for one row or a million. So every figure has one formula.

Conventions: simple close-to-close equity returns, the first one 0; ddof 1; risk-free rate 0; a year of 365 days;
fractions, not percent; drawdown negative; durations in bars; money in quote currency. Undefined is NaN: a ratio to
zero, a win rate without closed trades, the duration of a drawdown that never was.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

import numpy as np

from thunes.kernels.compiled import jit
from thunes.model import Float1D

METRICS = (
    "total_return",
    "annual_return",
    "volatility",
    "sharpe",
    "sortino",
    "calmar",
    "max_drawdown",
    "max_drawdown_duration",
    "trades",
    "win_rate",
    "profit_factor",
    "expectancy",
    "exposure",
    "turnover",
    "fees",
    "final_equity",
)
MOMENTS = (
    "final_equity",  # quote
    "returns",  # sum
    "squares",  # sum of squared returns
    "down_squares",  # the same of negative returns only
    "trough",  # lowest equity / former peak
    "underwater",  # longest run of bars under a former peak
    "trades",  # closed ones
    "wins",
    "gains",  # quote, sum over winning trades
    "losses",  # quote, sum over losing trades, positive
    "exposed",  # sum over bars of position / equity
    "notional",  # quote, sum over fills
    "equity",  # quote, sum over bars
    "fees",  # quote
)
FINAL, RETURNS, SQUARES, DOWN, TROUGH, UNDERWATER, TRADES, WINS, GAINS, LOSSES, EXPOSED, NOTIONAL, EQUITY, FEES = range(
    14
)


@jit
def summarise(
    equity: Float1D, exposed: Float1D, orders: Float1D, order_count: int, trades: Float1D, trade_count: int
) -> Float1D:
    """Moments, float64[14], of a simulated account."""
    out = np.zeros(14)
    peak, trough, under, longest = equity[0], 1.0, 0, 0
    for t in range(equity.size):
        if t > 0 and equity[t - 1] > 0.0:
            change = equity[t] / equity[t - 1] - 1.0
            out[RETURNS] += change
            out[SQUARES] += change * change
            if change < 0.0:
                out[DOWN] += change * change
        if equity[t] >= peak:
            peak, under = equity[t], 0
        else:
            trough, under = min(trough, equity[t] / peak), under + 1
            longest = max(longest, under)
        out[EXPOSED] += exposed[t]
        out[EQUITY] += equity[t]
    out[FINAL], out[TROUGH], out[UNDERWATER] = equity[-1], trough, longest
    for k in range(order_count):
        out[NOTIONAL] += abs(orders[k, 1]) * orders[k, 2]
        out[FEES] += orders[k, 3]
    for k in range(trade_count):
        if trades[k, 8] == 1.0:
            gain = trades[k, 6]
            out[TRADES] += 1
            if gain > 0.0:
                out[WINS] += 1
                out[GAINS] += gain
            else:
                out[LOSSES] -= gain
    return out


def derive(
    moments: Float1D, bars: int, bars_per_year: float, start_cash: float, names: Iterable[str] = METRICS
) -> dict[str, Float1D]:
    """The metrics of these names, each of shape (…,), from moments of shape (…, 14)."""
    m = np.moveaxis(np.asarray(moments, dtype=np.float64), -1, 0)
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        total = m[FINAL] / start_cash - 1.0
        years = bars / bars_per_year
        mean = m[RETURNS] / bars
        variance = (m[SQUARES] - m[RETURNS] * mean) / (bars - 1) if bars > 1 else np.full_like(mean, np.nan)
        deviation = np.sqrt(np.where(variance >= 0, variance, np.nan))
        drawdown = m[TROUGH] - 1.0
        scale = np.sqrt(bars_per_year)

        def annual() -> Float1D:
            power: Float1D = (1.0 + total) ** (1.0 / years)
            return np.where(np.isfinite(power), power - 1.0, np.nan)  # minutes compounded to a year overflow

        formulas: dict[str, Callable[[], Float1D]] = {
            "total_return": lambda: total,
            "annual_return": annual,
            "volatility": lambda: deviation * scale,
            "sharpe": lambda: _ratio(mean, deviation) * scale,
            "sortino": lambda: _ratio(mean, np.sqrt(m[DOWN] / bars)) * scale,
            "calmar": lambda: _ratio(annual(), -drawdown),
            "max_drawdown": lambda: drawdown,
            "max_drawdown_duration": lambda: np.where(m[UNDERWATER] > 0, m[UNDERWATER], np.nan),
            "trades": lambda: m[TRADES],
            "win_rate": lambda: _ratio(m[WINS], m[TRADES]),
            "profit_factor": lambda: _ratio(m[GAINS], m[LOSSES]),
            "expectancy": lambda: _ratio(m[GAINS] - m[LOSSES], m[TRADES]),
            "exposure": lambda: m[EXPOSED] / bars,
            "turnover": lambda: m[NOTIONAL] / (m[EQUITY] / bars) / years,
            "fees": lambda: m[FEES],
            "final_equity": lambda: m[FINAL],
        }
        return {name: formulas[name]() for name in names}


def _ratio(above: Float1D, below: Float1D) -> Float1D:
    """above / below, NaN where below is 0."""
    return np.where(below != 0, above / np.where(below != 0, below, 1.0), np.nan)
