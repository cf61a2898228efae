"""Buying weakness, by Wilder's oscillator."""

from __future__ import annotations

from typing import ClassVar

from thunes.kernels.indicators import rsi
from thunes.strategies.base import Line, Lines, Strategy, param


class RsiReversion(Strategy):
    """Long once the RSI falls below a lower level, until it is above an upper one."""

    period: int = param(14, "bars", first=2, last=25)
    lower: float = param(30.0, "RSI points", first=10.0, last=44.0, step=2.0)
    upper: float = param(70.0, "RSI points", first=50.0, last=90.0, step=2.0)

    constraints = ("lower < upper",)
    lines: ClassVar[Lines] = {"strength": Line(rsi, "close", "period")}

    @staticmethod
    def rule(held: int, strength: float, lower: float, upper: float) -> int:
        return 1 if strength < lower else 0 if strength > upper else held
