"""The benchmark that every other strategy must beat."""

from __future__ import annotations

from thunes.strategies.base import Strategy


class BuyAndHold(Strategy):
    """Long from the first bar's close, for ever."""

    @staticmethod
    def rule(held: int) -> bool:
        return True
