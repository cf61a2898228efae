"""Whether the peer is still there, and how fast it talks."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

from thunes.clock import Clock
from thunes.simulator.transport.contract import Limits
from thunes.simulator.transport.timing import Loop, Timer

TICK = 0.001  # seconds; event loops round their timers to milliseconds, some of them down


class Heartbeat:
    """Pings by `ping` with the epoch milliseconds as text, and calls `dead` where one stays unanswered too long."""

    def __init__(
        self, loop: Loop, clock: Clock, limits: Limits, ping: Callable[[bytes], None], dead: Callable[[], None]
    ) -> None:
        self._loop, self._clock, self._limits, self._ping, self._dead = loop, clock, limits, ping, dead
        self._unanswered: dict[bytes, float] = {}  # payloads, oldest first, with the loop's time when they went out
        self._next = 0.0
        self._timer: Timer | None = None

    def start(self) -> None:
        """The first ping goes out one interval from now."""
        self._next = self._loop.time() + self._limits.ping_interval
        self._arm()

    def stop(self) -> None:
        """No more pings, and nobody is dead."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def answered(self, payload: bytes) -> None:
        """A pong came. With the payload of a ping it answers that one and those before it, else nothing."""
        if payload in self._unanswered:
            sent = list(self._unanswered)
            for earlier in sent[: sent.index(payload) + 1]:
                del self._unanswered[earlier]

    def _wake(self) -> None:
        now = self._loop.time() + TICK
        if now >= self._deadline():
            self._timer = None
            self._dead()
            return
        if now >= self._next:
            self._beat()
        self._arm()

    def _beat(self) -> None:
        payload = str(self._clock.now_ms()).encode()
        self._unanswered.setdefault(payload, self._loop.time())  # a clock that stands still gives one payload twice
        self._next += self._limits.ping_interval
        self._ping(payload)

    def _arm(self) -> None:
        due = min(self._next, self._deadline())
        self._timer = self._loop.call_later(max(0.0, due - self._loop.time()), self._wake)

    def _deadline(self) -> float:
        oldest = next(iter(self._unanswered.values()), float("inf"))
        return oldest + self._limits.pong_timeout


class Pace:
    """How many frames come within any one second."""

    def __init__(self, loop: Loop, frames_per_second: int | None) -> None:
        self._loop = loop
        self._recent: deque[float] | None = None if frames_per_second is None else deque(maxlen=frames_per_second)

    def is_exceeded(self) -> bool:
        """Count a frame that has just come; whether it is one too many."""
        if self._recent is None:
            return False
        now, recent = self._loop.time(), self._recent
        exceeded = len(recent) == recent.maxlen and (not recent or now - recent[0] < 1.0)
        recent.append(now)
        return exceeded
