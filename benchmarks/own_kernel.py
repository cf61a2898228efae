"""What a user may write: a strategy with a compiled function of its own, computed anew for each parameter set."""

from __future__ import annotations

import numpy as np

from thunes import Strategy, param


class OwnKernel(Strategy):
    """Long while the fast average of closes is above the slow one, by running sums."""

    fast: int = param(20, "bars", first=5, last=54)
    slow: int = param(50, "bars", first=20, last=219)

    constraints = ("fast < slow",)

    @staticmethod
    def kernel(out: np.ndarray, close: np.ndarray, fast: int, slow: int) -> None:
        fast_sum, slow_sum = 0.0, 0.0
        for t in range(close.size):
            fast_sum += close[t] - (close[t - fast] if t >= fast else 0.0)
            slow_sum += close[t] - (close[t - slow] if t >= slow else 0.0)
            if t >= slow - 1 and fast_sum * slow > slow_sum * fast:
                out[t] = 1.0
