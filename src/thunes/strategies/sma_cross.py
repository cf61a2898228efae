"""The classic trend rule, and the example that every document uses."""

from __future__ import annotations

from typing import ClassVar

from thunes.kernels.indicators import sma
from thunes.strategies.base import Line, Lines, Strategy, param


class SmaCross(Strategy):
    """Long while the fast average of closes is above the slow one, flat otherwise."""

    fast: int = param(20, "bars", first=5, last=54)
    slow: int = param(50, "bars", first=20, last=219)

    constraints = ("fast < slow",)
    lines: ClassVar[Lines] = {
        "fast_mean": Line(sma, "close", "fast"),
        "slow_mean": Line(sma, "close", "slow"),
    }

    @staticmethod
    def rule(held: int, fast_mean: float, slow_mean: float) -> bool:
        return fast_mean > slow_mean
