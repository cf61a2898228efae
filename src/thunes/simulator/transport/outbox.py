"""What goes out to one peer: gathered for each turn of the loop, bounded, and never waited for."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from thunes.simulator.transport.contract import Limits
from thunes.simulator.transport.timing import Loop, Timer

CHUNK = 64 * 1024  # bytes; a burst within one turn of the loop is written in pieces of this size
CHECKS = 6  # looks at a stalled peer within the time that it has


class Outbox:
    """Frames on their way into a transport. For a peer that leaves too much, or all for too long, `drop` is called.

    It begins held: frames gather until `release`, behind the handshake's answer.
    """

    def __init__(self, transport: asyncio.Transport, loop: Loop, limits: Limits, drop: Callable[[], None]) -> None:
        self._transport, self._loop, self._limits, self._drop = transport, loop, limits, drop
        self._frames: list[bytes] = []
        self._size = 0  # bytes in `_frames`
        self._written = 0  # bytes given to the transport so far
        self._held, self._shut, self._scheduled = True, False, False
        self._stall = Stall(loop, limits.stall, lambda: self._written - transport.get_write_buffer_size(), drop)
        # The transport tells at once that something waits, and when all of it has been taken.
        transport.set_write_buffer_limits(high=0)

    @property
    def waiting(self) -> int:
        """Bytes that the peer has not taken yet."""
        return self._size + self._transport.get_write_buffer_size()

    def put(self, frame: bytes) -> None:
        """Send with the other frames of this turn of the loop."""
        if self._shut:
            return
        self._frames.append(frame)
        self._size += len(frame)
        if self._size >= CHUNK:
            self.flush()
        elif not self._scheduled:
            self._scheduled = True
            self._loop.call_soon(self._turn_over)

    def flush(self) -> None:
        """Send what has gathered."""
        if self._held or not self._frames:
            return
        gathered = b"".join(self._frames)
        self._forget()
        self._written += len(gathered)
        self._transport.write(gathered)
        if self._transport.get_write_buffer_size() > self._limits.buffer:
            self._drop()

    def release(self) -> None:
        """The handshake is answered: send what has gathered, and from now on as it comes."""
        self._held = False
        self.flush()

    def shut(self) -> None:
        """Take no more frames; those at hand are still sent."""
        self._shut = True

    def discard(self) -> None:
        """Take no more frames, and send none of those at hand."""
        self.shut()
        self._forget()
        self.resumed()

    def paused(self) -> None:
        """The transport says that something waits."""
        self._stall.watch()

    def resumed(self) -> None:
        """The transport says that nothing waits any more."""
        self._stall.rest()

    def _forget(self) -> None:
        self._frames.clear()
        self._size = 0

    def _turn_over(self) -> None:
        self._scheduled = False
        self.flush()


class Stall:
    """Tells a peer that takes nothing for `patience` seconds from one that is merely slow."""

    def __init__(self, loop: Loop, patience: float, taken: Callable[[], int], drop: Callable[[], None]) -> None:
        self._loop, self._patience, self._count, self._drop = loop, patience, taken, drop
        self._taken, self._since = 0, 0.0
        self._timer: Timer | None = None

    def watch(self) -> None:
        """Something waits from now on."""
        if self._timer is None:
            self._taken, self._since = self._count(), self._loop.time()
            self._again()

    def rest(self) -> None:
        """Nothing waits."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _look(self) -> None:
        taken, now = self._count(), self._loop.time()
        if taken != self._taken:
            self._taken, self._since = taken, now
        elif now - self._since >= self._patience:
            self._drop()
            return
        self._again()

    def _again(self) -> None:
        self._timer = self._loop.call_later(self._patience / CHECKS, self._look)
