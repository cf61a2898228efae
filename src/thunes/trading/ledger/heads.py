"""The head of the audit trail on its way into the ledger: the next write takes it along."""

from __future__ import annotations

from thunes.trading.ledger.connections import Database
from thunes.trading.ledger.marks import anchor
from thunes.trading.ledger.values import Anchor

AUDIT = "audit"  # the chain whose head is kept here


class WaitingHead:
    """Threads may share it, without a lock that a forked process might find taken: each step on the dict is whole. What
    a forked process writes once more changes nothing, as the greatest wins."""

    def __init__(self) -> None:
        self._waiting: dict[int, Anchor] = {}  # by sequence

    def __bool__(self) -> bool:
        return bool(self._waiting)

    def note(self, head: Anchor) -> None:
        """Have it written."""
        self._waiting[head.sequence] = head

    def write(self, database: Database) -> int:
        """Write the greatest; its sequence, -1 where none waits."""
        waiting = self._waiting.copy()
        if not waiting:
            return -1
        sequence = max(waiting)
        anchor(database, AUDIT, waiting[sequence])
        return sequence

    def written(self, sequence: int) -> None:
        """It was kept: nothing up to it waits any more."""
        for waiting in list(self._waiting):
            if waiting <= sequence:
                self._waiting.pop(waiting, None)
