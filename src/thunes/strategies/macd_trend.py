"""Appel's MACD, in a form that sweeps fast.

The histogram is MACD line − signal line. An EMA is linear, so it equals lead(fast) − lead(slow), where lead(p) is the
p-bar EMA minus its own `signal` EMA: two lines of two parameters each, instead of one of three.
"""

from __future__ import annotations

from typing import ClassVar

from thunes.kernels.indicators import ema_lead
from thunes.strategies.base import Line, Lines, Strategy, param


class MacdTrend(Strategy):
    """Long while the MACD line is above its signal line, flat otherwise."""

    fast: int = param(12, "bars", first=6, last=20)
    slow: int = param(26, "bars", first=22, last=60, step=2)
    signal: int = param(9, "bars", first=5, last=14)

    constraints = ("fast < slow",)
    lines: ClassVar[Lines] = {
        "fast_lead": Line(ema_lead, "close", "fast", "signal"),
        "slow_lead": Line(ema_lead, "close", "slow", "signal"),
    }

    @staticmethod
    def rule(held: int, fast_lead: float, slow_lead: float) -> bool:
        return fast_lead > slow_lead
