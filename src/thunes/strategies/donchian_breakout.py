"""The turtles' rule: follow the break of a channel."""

from __future__ import annotations

from typing import ClassVar

from thunes.kernels.indicators import previous_highest, previous_lowest
from thunes.strategies.base import Line, Lines, Strategy, param


class DonchianBreakout(Strategy):
    """Long from a close above the `entry`-bar high to one below the `exit`-bar low."""

    entry: int = param(20, "bars", first=10, last=209)
    exit: int = param(10, "bars", first=5, last=54)

    constraints = ("exit < entry",)
    lines: ClassVar[Lines] = {
        "ceiling": Line(previous_highest, "high", "entry"),
        "floor": Line(previous_lowest, "low", "exit"),
    }

    @staticmethod
    def rule(held: int, close: float, ceiling: float, floor: float) -> int:
        return 1 if close > ceiling else 0 if close < floor else held
