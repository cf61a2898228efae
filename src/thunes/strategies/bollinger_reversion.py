"""Buying weakness, by Bollinger's bands."""

from __future__ import annotations

from typing import ClassVar

from thunes.kernels.indicators import sma, standard_deviation
from thunes.strategies.base import Line, Lines, Strategy, param


class BollingerReversion(Strategy):
    """Long once the close falls below the lower band, until it is back at the mean."""

    window: int = param(20, "bars", first=10, last=109)
    width: float = param(2.0, "deviations", first=0.5, last=4.0, step=0.05)

    constraints = ("width > 0",)
    lines: ClassVar[Lines] = {
        "mean": Line(sma, "close", "window"),
        "deviation": Line(standard_deviation, "close", "window"),
    }

    @staticmethod
    def rule(held: int, close: float, mean: float, deviation: float, width: float) -> int:
        return 1 if close < mean - width * deviation else 0 if close >= mean else held
