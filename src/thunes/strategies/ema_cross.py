"""The trend rule on averages that forget slowly instead of all at once."""

from __future__ import annotations

from typing import ClassVar

from thunes.kernels.indicators import ema_gap
from thunes.strategies.base import Line, Lines, Strategy, param


class EmaCross(Strategy):
    """Long while the fast exponential average of closes is above the slow one."""

    fast: int = param(20, "bars", first=5, last=54)
    slow: int = param(50, "bars", first=20, last=219)

    constraints = ("fast < slow",)
    lines: ClassVar[Lines] = {  # both measured from the same close: their order, without the rounding of a price
        "fast_gap": Line(ema_gap, "close", "fast"),
        "slow_gap": Line(ema_gap, "close", "slow"),
    }

    @staticmethod
    def rule(held: int, fast_gap: float, slow_gap: float) -> bool:
        return fast_gap > slow_gap
