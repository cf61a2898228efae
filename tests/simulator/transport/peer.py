"""A client, an application and an event loop for tests without sockets: bytes in, bytes out, time by hand."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from websockets.frames import Frame, Opcode
from websockets.protocol import CLIENT, Protocol, State

from thunes.simulator.transport.contract import Connection, Limits, Rejection
from thunes.simulator.transport.websocket import WebSocketConnection

HEADERS = {
    "Host": "here",
    "Upgrade": "websocket",
    "Connection": "Upgrade",
    "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
    "Sec-WebSocket-Version": "13",
}
START_MS = 1_700_000_000_000


class ManualTimer:
    def __init__(self, due: float, call: Callable[[], object]) -> None:
        self.due, self.call, self.is_cancelled = due, call, False

    def cancel(self) -> None:
        self.is_cancelled = True


class ManualLoop:
    """Turns when told to; its time passes by `advance` alone."""

    def __init__(self) -> None:
        self.now = 100.0
        self.soon: list[Callable[[], object]] = []
        self.timers: list[ManualTimer] = []

    def time(self) -> float:
        return self.now

    def call_soon(self, callback: Callable[[], object], /) -> None:
        self.soon.append(callback)

    def call_later(self, delay: float, callback: Callable[[], object], /) -> ManualTimer:
        assert delay >= 0
        self.timers.append(ManualTimer(self.now + delay, callback))
        return self.timers[-1]

    def turn(self) -> None:
        while self.soon:
            self.soon.pop(0)()

    def pending(self) -> list[ManualTimer]:
        return sorted((timer for timer in self.timers if not timer.is_cancelled), key=lambda timer: timer.due)

    def advance(self, seconds: float) -> None:
        end = self.now + seconds
        self.turn()
        while (due := self.pending()) and due[0].due <= end:
            self.timers.remove(due[0])
            self.now = due[0].due
            due[0].call()
            self.turn()
        self.now = end


class LoopClock:
    """A wall clock that goes with a loop's time."""

    def __init__(self, loop: ManualLoop) -> None:
        self._loop, self._start = loop, loop.now

    def now_ms(self) -> int:
        return START_MS + round((self._loop.now - self._start) * 1000)

    def sleep(self, seconds: float) -> None:
        raise AssertionError(f"a connection never waits, least of all {seconds} s")


class Wires(asyncio.Transport):
    """A transport whose peer takes all at once, or nothing while `stuck`."""

    def __init__(self, loop: ManualLoop, address: object = ("127.0.0.1", 5)) -> None:
        super().__init__()
        self.loop, self.address = loop, address
        self.sent, self.writes, self.held = bytearray(), 0, bytearray()
        self.stuck = self.is_paused = self.was_aborted = self.was_closed = self.sent_eof = self.is_gone = False
        self.reads = True
        self.protocol: Any = None

    def get_extra_info(self, name: str, default: object = None) -> Any:
        return self.address if name == "peername" else default

    def set_protocol(self, protocol: asyncio.BaseProtocol) -> None:
        self.protocol = protocol

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        assert (high, low) == (0, None)

    def get_write_buffer_size(self) -> int:
        return len(self.held)

    def write(self, data: Any) -> None:
        assert not self.was_closed
        assert not self.was_aborted
        self.writes += 1
        self.held += data
        if not self.stuck:
            self.take(len(self.held))
        elif not self.is_paused:
            self.is_paused = True
            self.protocol.pause_writing()

    def take(self, size: int) -> None:
        """The peer reads so many of the bytes that wait."""
        self.sent += self.held[:size]
        del self.held[:size]
        if self.is_paused and not self.held:
            self.is_paused = False
            self.protocol.resume_writing()

    def is_reading(self) -> bool:
        return self.reads

    def pause_reading(self) -> None:
        self.reads = False

    def can_write_eof(self) -> bool:
        return True

    def write_eof(self) -> None:
        self.sent_eof = True

    def is_closing(self) -> bool:
        return self.was_closed or self.was_aborted

    def close(self) -> None:
        self.was_closed = True
        if not self.held:
            self.lose()

    def abort(self) -> None:
        self.was_aborted = True
        self.lose()

    def lose(self) -> None:
        if not self.is_gone:
            self.is_gone = True
            self.loop.call_soon(lambda: self.protocol.connection_lost(None))


class Desk:
    """Both the application and its session: notes what it is told, and does what a test asks of it."""

    def __init__(self) -> None:
        self.messages: list[bytes] = []
        self.ends = 0
        self.opened: list[tuple[str, str]] = []
        self.rejection: Rejection | None = None
        self.on_open: Callable[[Connection], object] = lambda _: None
        self.on_message: Callable[[bytes], object] = lambda _: None

    def open(self, connection: Connection, target: str, client: str) -> Desk | Rejection:
        self.opened.append((target, client))
        self.on_open(connection)
        return self.rejection or self

    def receive(self, message: bytes) -> None:
        self.messages.append(message)
        self.on_message(message)

    def lost(self) -> None:
        self.ends += 1


class Peer:
    """A client that has asked for a WebSocket, and all that is on the server's side of it."""

    def __init__(
        self, limits: Limits | None = None, desk: Desk | None = None, address: object = ("10.0.0.7", 5)
    ) -> None:
        self.loop, self.desk = ManualLoop(), desk or Desk()
        self.wires, self.connections = Wires(self.loop, address), set[Any]()
        self.connection = WebSocketConnection(
            self.desk, limits or Limits(), LoopClock(self.loop), self.connections, self.loop
        )
        self.connection.connection_made(self.wires)
        self._reader = Protocol(CLIENT, state=State.OPEN, max_size=None)

    def ask(self, target: str = "/ws", method: str = "GET", **headers: str | None) -> bytes:
        """Send the handshake; what the server answers."""
        wanted = HEADERS | {name.replace("_", "-"): value for name, value in headers.items()}
        lines = [f"{name}: {value}\r\n" for name, value in wanted.items() if value is not None]
        self.connection.data_received(f"{method} {target} HTTP/1.1\r\n{''.join(lines)}\r\n".encode())
        self.loop.turn()
        answer = bytes(self.wires.sent)
        if answer.startswith(b"HTTP/1.1 101 "):
            answer, _, self.wires.sent[:] = answer.partition(b"\r\n\r\n")
        return answer

    def say(self, *frames: Frame) -> None:
        """Send these frames in one piece."""
        self.raw(b"".join(frame.serialize(mask=True) for frame in frames))

    def raw(self, data: bytes) -> None:
        self.connection.data_received(data)
        self.loop.turn()

    def hear(self) -> list[tuple[str, bytes]]:
        """The frames that have arrived since the last call."""
        self.loop.turn()
        data = bytes(self.wires.sent)
        self.wires.sent.clear()
        self._reader.receive_data(data)
        frames = self._reader.events_received()
        assert self._reader.parser_exc is None
        return [(frame.opcode.name, bytes(frame.data)) for frame in frames if isinstance(frame, Frame)]

    def advance(self, seconds: float) -> None:
        """Let time pass."""
        self.loop.advance(seconds)


def connected(limits: Limits | None = None, desk: Desk | None = None) -> Peer:
    """A client whose handshake is done."""
    peer = Peer(limits, desk)
    assert peer.ask().startswith(b"HTTP/1.1 101 ")
    return peer


def text(payload: bytes, fin: bool = True) -> Frame:
    return Frame(Opcode.TEXT, payload, fin)


def ping(payload: bytes) -> Frame:
    return Frame(Opcode.PING, payload)


def pong(payload: bytes) -> Frame:
    return Frame(Opcode.PONG, payload)


def closing(code: int, reason: bytes = b"") -> Frame:
    return Frame(Opcode.CLOSE, code.to_bytes(2, "big") + reason)


def closed(code: int, reason: bytes = b"") -> tuple[str, bytes]:
    """A close frame as `hear` tells it."""
    return "CLOSE", code.to_bytes(2, "big") + reason
