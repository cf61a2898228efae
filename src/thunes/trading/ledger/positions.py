"""Positions as people ask for them."""

from __future__ import annotations

from collections.abc import Iterator

from thunes.trading.ledger.ledger import Ledger
from thunes.trading.ledger.values import Position


class PositionTracker:
    """The open positions of a ledger, looked up each time: what another process books is seen at once."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger

    def count_open_positions(self) -> int:
        """Dust is no position."""
        return self._ledger.count_open_positions()

    def get(self, symbol: str) -> Position | None:
        """The open position of a symbol."""
        return self._ledger.position(symbol)

    def __iter__(self) -> Iterator[Position]:
        return iter(self._ledger.positions())

    def __contains__(self, symbol: object) -> bool:
        return isinstance(symbol, str) and self.get(symbol) is not None
