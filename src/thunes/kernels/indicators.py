"""Indicators: arrays in, array of the same length out.

They share these rules:

- *Causal*: the value at a bar is made of that bar and earlier ones, oldest bar at index 0.
- *NaN* until defined, and everywhere where the series is too short or a period is below 1. Inputs are finite, without
  NaN. Periods count bars.
- *Linear*: the work does not depend on the period.
- *Exact on flat stretches*: where all the values looked at are equal, a mean is that value and a deviation is 0, to the
  last bit; where a memory only fades, it fades without rounding noise. No decision is made of rounding errors.
- *Free of units*: twice the prices give exactly twice the value (or the same, for a ratio).

After warm-up they agree with TA-Lib, which seeds some of them at other bars. Each is compiled where numba is installed;
the Python source below is what it computes, bit for bit.
"""

from __future__ import annotations

import math

import numpy as np

from thunes.kernels.compiled import jit
from thunes.model import Float1D

__all__ = [
    "atr",
    "ema",
    "ema_gap",
    "ema_lead",
    "highest",
    "lowest",
    "macd",
    "macd_signal",
    "momentum",
    "previous_highest",
    "previous_lowest",
    "roc",
    "rsi",
    "sma",
    "standard_deviation",
    "true_range",
    "wilder_mean",
]


@jit
def sma(x: Float1D, period: int) -> Float1D:
    """Simple moving average of the last `period` values; exact where they are all equal.

    The running sum carries its own rounding error (Neumaier's compensation), and a run of equal values gives that value
    itself: (n · x) / n is not always x in floating point, and a cross of two flat averages would trade on the noise.
    """
    n = x.size
    out = np.full(n, np.nan)
    if period < 1:
        return out
    total, lost, run = 0.0, 0.0, 0
    for t in range(n):
        run = run + 1 if t > 0 and x[t] == x[t - 1] else 1
        step = x[t]
        new = total + step
        back = new - total
        lost += (total - (new - back)) + (step - back)
        total = new
        if t >= period:
            step = -x[t - period]
            new = total + step
            back = new - total
            lost += (total - (new - back)) + (step - back)
            total = new
        if t >= period - 1:
            out[t] = x[t] if run >= period else (total + lost) / period
    return out


@jit
def _mean(x: Float1D, start: int, count: int) -> float:
    """Mean of `count` values, summed as differences from the first: exact where they are all equal."""
    total = 0.0
    for t in range(start + 1, start + count):
        total += x[t] - x[start]
    return float(x[start] + total / count)


@jit
def _fading_gap(x: Float1D, start: int, period: int, weight: float) -> Float1D:
    """An exponential mean of x minus x itself, seeded at the mean of the `period` values from `start` on.

    mean ← mean + weight · (x − mean), written for gap = mean − x. On a flat stretch the gap only shrinks, by a constant
    factor and so with full relative precision, where the mean itself would stall some roundings away from x.
    """
    n = x.size
    out = np.full(n, np.nan)
    first = start + period - 1
    if period < 1 or first >= n:
        return out
    gap = _mean(x, start, period) - x[first]
    out[first] = gap
    keep = 1.0 - weight
    for t in range(first + 1, n):
        gap = keep * (gap + (x[t - 1] - x[t]))
        out[t] = gap
    return out


@jit
def ema_gap(x: Float1D, period: int) -> Float1D:
    """Exponential moving average of x minus x: which of two averages is higher, without their rounding."""
    return _fading_gap(x, 0, period, 2.0 / (period + 1.0) if period > 0 else 1.0)


@jit
def ema(x: Float1D, period: int) -> Float1D:
    """Exponential moving average with weight 2 / (period + 1), seeded with the mean of the first `period` values."""
    out = ema_gap(x, period)
    for t in range(x.size):
        out[t] += x[t]
    return out


@jit
def wilder_mean(x: Float1D, period: int) -> Float1D:
    """Wilder's running mean: weight 1 / period, seeded with the mean of the first `period` values.

    Source: Wilder (1978), New Concepts in Technical Trading Systems.
    """
    out = _fading_gap(x, 0, period, 1.0 / period if period > 0 else 1.0)
    for t in range(x.size):
        out[t] += x[t]
    return out


@jit
def ema_lead(x: Float1D, period: int, signal: int) -> Float1D:
    """The `period` EMA of x minus the `signal` EMA of that EMA: how fast the average is rising.

    An EMA is linear, so MACD line − signal line = lead(fast) − lead(slow), and a sweep over (fast, slow, signal) needs
    one line per pair. Both recursions run on differences (see `ema_gap`). Defined from bar period + signal − 2 on.
    """
    n = x.size
    out = np.full(n, np.nan)
    first = period + signal - 2
    if period < 1 or signal < 1 or first >= n:
        return out
    weight = 2.0 / (period + 1.0)
    keep, keep_signal = 1.0 - weight, 1.0 - 2.0 / (signal + 1.0)
    gap = _mean(x, 0, period) - x[period - 1]
    lead = 0.0
    for t in range(period, first + 1):  # the seed: EMA minus the mean of its last `signal` values
        pull = gap + (x[t - 1] - x[t])
        lead -= (t - period + 1) * (weight * pull) / signal
        gap = keep * pull
    out[first] = lead
    for t in range(first + 1, n):
        pull = gap + (x[t - 1] - x[t])  # the former EMA minus x: the EMA now moves by −weight · pull
        gap = keep * pull
        lead = keep_signal * (lead - weight * pull)
        out[t] = lead
    return out


@jit
def macd(x: Float1D, fast: int, slow: int) -> Float1D:
    """Moving average convergence/divergence: the fast EMA minus the slow one.

    Source: Appel (1979), The Moving Average Convergence-Divergence Trading Method. TA-Lib seeds the fast average later.
    """
    out = ema_gap(x, fast)
    slower = ema_gap(x, slow)
    for t in range(x.size):
        out[t] -= slower[t]
    return out


@jit
def macd_signal(x: Float1D, fast: int, slow: int, signal: int) -> Float1D:
    """The `signal` EMA of the MACD line, seeded with the mean of the line's first `signal` values."""
    line = macd(x, fast, slow)
    out = _fading_gap(line, max(fast, slow) - 1, signal, 2.0 / (signal + 1.0) if signal > 0 else 1.0)
    for t in range(x.size):
        out[t] += line[t]
    return out


@jit
def rsi(x: Float1D, period: int) -> Float1D:
    """Relative strength index, 0 … 100: Wilder's mean gain over mean gain plus mean loss.

    50 where x has not moved at all, as many gains as losses (TA-Lib says 0). A bar without a change leaves it as it is:
    both means fade alike. Defined from bar `period` on. Source: Wilder (1978).
    """
    n = x.size
    out = np.full(n, np.nan)
    if period < 1 or period >= n:
        return out
    gain, loss = 0.0, 0.0
    for t in range(1, period + 1):
        change = x[t] - x[t - 1]
        if change > 0.0:
            gain += change / period
        else:
            loss -= change / period
    strength = 100.0 * (gain / (gain + loss)) if gain + loss > 0.0 else 50.0
    out[period] = strength
    weight = 1.0 / period
    keep = 1.0 - weight
    for t in range(period + 1, n):
        change = x[t] - x[t - 1]
        gain = keep * gain + (weight * change if change > 0.0 else 0.0)
        loss = keep * loss - (weight * change if change < 0.0 else 0.0)
        if change != 0.0 and gain + loss > 0.0:
            strength = 100.0 * (gain / (gain + loss))
        out[t] = strength
    return out


@jit
def standard_deviation(x: Float1D, period: int) -> Float1D:
    """Standard deviation of the last `period` values, ddof = 0 as in Bollinger's bands and TA-Lib.

    A window spans at most two blocks of `period` bars: sums over the end of one, counted back from its last bar, and
    over the start of the next. What is summed are differences from the next block's first value, which lies in the
    window: nothing is ever taken back, so no error survives, and cancellation costs at most a factor `period`.
    """
    n = x.size
    out = np.full(n, np.nan)
    if period < 1 or period > n:
        return out
    share = 1.0 / period
    sums, squares = np.zeros(period), np.zeros(period)  # of the j last values before the block
    for block in range(0, n, period):
        origin = x[block]
        total, square = 0.0, 0.0
        for j in range(1, min(period, block + 1)):
            difference = x[block - j] - origin
            total += difference
            square += difference * difference
            sums[j], squares[j] = total, square
        total, square = 0.0, 0.0
        for t in range(block, min(block + period, n)):
            difference = x[t] - origin
            total += difference
            square += difference * difference
            if t >= period - 1:
                j = period - 1 - (t - block)
                both = total + sums[j]
                spread = square + squares[j] - both * both * share
                out[t] = math.sqrt(spread * share if spread > 0.0 else 0.0)
    return out


@jit
def _extreme(x: Float1D, period: int, sign: float, lag: int) -> Float1D:
    """The greatest sign · x of the `period` bars that end `lag` bars ago, times sign.

    The better of two running extremes: back from the last bar of one block of `period` bars, on from the first of the
    next. Source: van Herk (1992), Pattern Recognition Letters 13(7).
    """
    n = x.size
    out = np.full(n, np.nan)
    if period < 1 or period > n - lag:
        return out
    before = np.full(period, -np.inf)  # of the j last values before the block
    for block in range(0, n - lag, period):
        best = -np.inf
        for j in range(1, min(period, block + 1)):
            value = sign * x[block - j]
            best = value if value > best else best
            before[j] = best
        best = -np.inf
        for t in range(block, min(block + period, n - lag)):
            value = sign * x[t]
            best = value if value > best else best
            if t >= period - 1:
                other = before[period - 1 - (t - block)]
                out[t + lag] = sign * (other if other > best else best)
    return out


@jit
def highest(x: Float1D, period: int) -> Float1D:
    """The highest of the last `period` values, this bar's included."""
    return _extreme(x, period, 1.0, 0)


@jit
def lowest(x: Float1D, period: int) -> Float1D:
    """The lowest of the last `period` values, this bar's included."""
    return _extreme(x, period, -1.0, 0)


@jit
def previous_highest(x: Float1D, period: int) -> Float1D:
    """The highest of the `period` values before this bar: a channel that a close can break. Source: Donchian (1960)."""
    return _extreme(x, period, 1.0, 1)


@jit
def previous_lowest(x: Float1D, period: int) -> Float1D:
    """The lowest of the `period` values before this bar. Source: Donchian (1960), Commodity Year Book."""
    return _extreme(x, period, -1.0, 1)


@jit
def true_range(high: Float1D, low: Float1D, close: Float1D) -> Float1D:
    """The bar's range, widened to the close before it; NaN on the first bar. Source: Wilder (1978)."""
    n = close.size
    out = np.full(n, np.nan)
    for t in range(1, n):
        top = high[t] if high[t] > close[t - 1] else close[t - 1]
        bottom = low[t] if low[t] < close[t - 1] else close[t - 1]
        out[t] = top - bottom
    return out


@jit
def atr(high: Float1D, low: Float1D, close: Float1D, period: int) -> Float1D:
    """Average true range: Wilder's mean of the true range, in units of price. Defined from bar `period` on.

    Source: Wilder (1978).
    """
    ranges = true_range(high, low, close)
    out = _fading_gap(ranges, 1, period, 1.0 / period if period > 0 else 1.0)
    for t in range(close.size):
        out[t] += ranges[t]
    return out


@jit
def momentum(x: Float1D, period: int) -> Float1D:
    """x minus x of `period` bars ago."""
    n = x.size
    out = np.full(n, np.nan)
    if period < 1:
        return out
    for t in range(period, n):
        out[t] = x[t] - x[t - period]
    return out


@jit
def roc(x: Float1D, period: int) -> Float1D:
    """Rate of change over `period` bars as a fraction: 0.01 is 1 % (TA-Lib's ROCP); NaN where x was 0."""
    n = x.size
    out = np.full(n, np.nan)
    if period < 1:
        return out
    for t in range(period, n):
        if x[t - period] != 0.0:
            out[t] = x[t] / x[t - period] - 1.0
    return out
