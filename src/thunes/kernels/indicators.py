"""Indicators: arrays in, array of the same length out, NaN during warm-up."""

from __future__ import annotations

import numpy as np

from thunes.kernels.compiled import jit
from thunes.model import Float1D


@jit
def sma(x: Float1D, period: int) -> Float1D:
    """Simple moving average of the last `period` values; exact where they are all equal.

    The running sum carries its own rounding error (Neumaier's compensation), and a run of equal values gives that value
    itself: (n · x) / n is not always x in floating point, and a cross of two flat averages would trade on the noise.
    """
    n = x.size
    out = np.full(n, np.nan)
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
