"""Events of one account, or messages of one stream, on their way through the faults that keep them back."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from typing import Any

LOST = frozenset({"user_withhold", "stream_silent"})
TWICE = frozenset({"user_duplicate", "stream_duplicate"})
LATE = frozenset({"user_delay", "stream_delay"})
OVERTAKEN = frozenset({"user_reorder", "stream_reorder"})
UNTOUCHED: Mapping[str, Any] = {}


class Row:
    """What waits, in order: `late` until its time has come (epoch ms), `overtaken` until the next one has gone out."""

    def __init__(self) -> None:
        self._late: deque[tuple[int, bytes]] = deque()
        self._overtaken: list[bytes] = []

    @property
    def is_empty(self) -> bool:
        return not self._late and not self._overtaken

    def due(self, now_ms: int) -> list[bytes]:
        """What has waited long enough."""
        sent: list[bytes] = []
        while self._late and self._late[0][0] <= now_ms:
            sent.append(self._late.popleft()[1])
        return self._followed(sent)

    def put(
        self, payload: bytes, now_ms: int, fault: str = "", parameters: Mapping[str, Any] = UNTOUCHED
    ) -> list[bytes]:
        """One more, struck by a fault or by none; what goes out now."""
        if fault in LOST:
            return []
        if fault in OVERTAKEN:
            self._overtaken.append(payload)
            return []
        if fault in LATE:
            self._late.append((now_ms + parameters["delay_ms"], payload))
            return []
        copies = [payload] * (1 + (parameters["copies"] if fault in TWICE else 0))
        if self._late:  # what is late keeps its place
            self._late.extend((now_ms, copy) for copy in copies)
            return []
        return self._followed(copies)

    def let_go(self, now_ms: int) -> None:
        """No fault makes them wait any more: all are due."""
        waiting = [payload for _, payload in self._late] + self._overtaken
        self._late, self._overtaken = deque((now_ms, payload) for payload in waiting), []

    def _followed(self, sent: list[bytes]) -> list[bytes]:
        """Behind what goes out come those that it overtook."""
        if sent and self._overtaken:
            sent = sent + self._overtaken
            self._overtaken = []
        return sent
