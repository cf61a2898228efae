"""What a WebSocket connection and the application behind it promise each other."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True)
class Limits:
    """What one WebSocket connection may do and take. Sizes are bytes, durations are seconds.

    The defaults of `ping_interval`, `pong_timeout`, `frames_per_second` and `life` are those of the exchange.
    """

    buffer: int = 4 * 1024 * 1024  # unread by the peer; above it the connection is cut
    stall: float = 1.5  # something waits and the peer takes nothing; then the connection is cut
    ping_interval: float = 20.0
    pong_timeout: float = 60.0
    frames_per_second: int | None = 5  # incoming, of any kind; None: as many as come
    life: float = 24 * 3600.0
    message: int = 64 * 1024  # the longest incoming message
    closing: float = 1.0  # how long the peer may take for its part of the closing handshake
    # What the kernel keeps for a peer. Left alone it grows to megabytes, and a stalled peer is noticed that much later.
    send_buffer: int = 256 * 1024


@dataclass(frozen=True)
class Rejection:
    """A handshake answered by a plain HTTP response."""

    status: int
    body: bytes
    content_type: str = "application/json;charset=UTF-8"


class Connection(Protocol):
    """What the application holds of a client. Nothing here waits; on a connection that has ended nothing happens."""

    silent: bool  # outgoing messages are swallowed; pings and pongs go on
    withhold_pongs: bool  # the client's pings stay unanswered

    @property
    def is_open(self) -> bool:
        """Whether messages can still be sent: false from the first step of the end on."""
        ...

    @property
    def waiting(self) -> int:
        """Bytes that the peer has not taken yet, without those in the kernel's buffers."""
        ...

    def send(self, payload: bytes) -> None:
        """One text message, in UTF-8."""
        ...

    def send_frame(self, frame: bytes) -> None:
        """A frame as it goes over the wire, such as `text_frame` makes: one encoding serves all subscribers."""
        ...

    def close(self, code: int = 1000, reason: str = "") -> None:
        """Begin the closing handshake. Raises websockets' ProtocolError for a code or a reason that cannot be sent."""
        ...

    def cut(self) -> None:
        """Reset the connection: what waits is lost, the client sees a broken connection."""
        ...

    def allow_frames(self, per_second: int | None) -> None:
        """Let so many frames come in within a second, None: as many as come, in place of what `Limits` say."""
        ...

    def stop_reading(self) -> None:
        """Half-open: from now on nothing is read and nothing is sent, pongs included; the socket stays open."""
        ...


class Session(Protocol):
    """What the application makes of one connection. What its methods raise is logged and ends the connection."""

    def receive(self, message: bytes) -> None:
        """One whole message, text in valid UTF-8 or binary."""
        ...

    def lost(self) -> None:
        """The connection has ended. Called exactly once, by the event loop and never from within a `send`."""
        ...


class Application(Protocol):
    """Whom WebSocket connections are for."""

    def open(self, connection: Connection, target: str, client: str) -> Session | Rejection:
        """A handshake for `target` (raw path with query) from the address `client`.

        What is sent from within goes out after the handshake's answer, or not at all where it is rejected.
        """
        ...
