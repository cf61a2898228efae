"""WebSocket connections that go straight to the application: an event is encoded once, for all subscribers."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from http import HTTPStatus
from typing import Any, cast

from uvicorn.protocols.utils import get_remote_addr
from uvicorn.server import ServerState
from websockets.frames import Frame, Opcode
from websockets.http11 import Response
from websockets.protocol import State
from websockets.server import ServerProtocol

from thunes.clock import Clock, SystemClock
from thunes.simulator.transport.contract import Application, Limits, Rejection, Session
from thunes.simulator.transport.frames import CLOSE, PING, PONG, frame, text_frame
from thunes.simulator.transport.handshake import parse_request, rejection_response
from thunes.simulator.transport.heartbeat import Heartbeat, Pace
from thunes.simulator.transport.outbox import Outbox
from thunes.simulator.transport.sockets import bound_send_buffer, reset
from thunes.simulator.transport.timing import Loop, Timer

logger = logging.getLogger(__name__)

GOING_AWAY, INVALID_TEXT, POLICY_VIOLATION, INTERNAL_ERROR = 1001, 1007, 1008, 1011  # RFC 6455, 7.4.1
BROKEN = Rejection(500, b"Internal Server Error", "text/plain; charset=utf-8")
DEFAULT_LIMITS = Limits()
DEFAULT_CLOCK = SystemClock()


def connection_class(
    application: Application, limits: Limits = DEFAULT_LIMITS, clock: Clock = DEFAULT_CLOCK
) -> type[WebSocketConnection]:
    """The class that `uvicorn.Config(ws=...)` takes; its connections are for `application`.

    `clock` stamps the pings; durations are those of the event loop.
    """

    class Connected(WebSocketConnection):
        def __init__(self, server_state: ServerState, **_: object) -> None:
            super().__init__(application, limits, clock, server_state.connections, asyncio.get_running_loop())

    return Connected


class WebSocketConnection(asyncio.Protocol):
    """One client's connection, from its handshake to its end: the `Connection` of `contract.py`.

    `connections` is where the server keeps those that are to end before it can stop.
    """

    def __init__(
        self, application: Application, limits: Limits, clock: Clock, connections: set[Any], loop: Loop
    ) -> None:
        self.silent, self.withhold_pongs, self.is_open = False, False, False
        self._application, self._limits, self._loop, self._connections = application, limits, loop, connections
        self._protocol = ServerProtocol(state=State.OPEN, max_size=limits.message, logger=logger)
        self._heartbeat = Heartbeat(loop, clock, limits, self._ping, self._on_no_pong)
        self._pace = Pace(loop, limits.frames_per_second)
        self._session: Session | None = None
        self._message, self._is_text = bytearray(), False
        self._timers: list[Timer] = []
        self._shaken = self._half_open = self._ending = self._gone = False

    # What the application calls

    @property
    def waiting(self) -> int:
        return 0 if self._gone else self._outbox.waiting

    def send(self, payload: bytes) -> None:
        self.send_frame(text_frame(payload))

    def send_frame(self, frame: bytes) -> None:
        if not self.silent:
            self._outbox.put(frame)

    def close(self, code: int = 1000, reason: str = "") -> None:
        if self._half_open:
            self.cut()  # nothing can be said any more
        if not self.is_open:
            return
        if self._protocol.state is State.OPEN:
            self._protocol.send_close(code, reason)
        self._say_goodbye()

    def cut(self) -> None:
        if not self._gone:
            self._end()
            reset(self._transport)

    def allow_frames(self, per_second: int | None) -> None:
        self._pace = Pace(self._loop, per_second)

    def stop_reading(self) -> None:
        if not self._gone:
            self._half_open = True
            self._heartbeat.stop()
            self._outbox.discard()
            if self._transport.is_reading():
                self._transport.pause_reading()

    # What the server calls

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self._transport.set_protocol(self)  # so that it is this object that hears when something waits
        self._connections.add(self)
        bound_send_buffer(self._transport, self._limits.send_buffer)
        self._outbox = Outbox(self._transport, self._loop, self._limits, self.cut)
        self._later(self._limits.life, self._on_life_over)

    def data_received(self, data: bytes) -> None:
        if not self._shaken:
            self._shaken = True
            self._shake_hands(data)
        elif not self._gone:
            self._protocol.receive_data(data)
            for event in self._protocol.events_received():
                self._take(cast("Frame", event))
            self._follow_protocol()

    def pause_writing(self) -> None:
        self._outbox.paused()

    def resume_writing(self) -> None:
        self._outbox.resumed()

    def eof_received(self) -> None:
        """The peer says no more; the transport closes itself."""
        self._say_goodbye()

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002
        self._connections.discard(self)
        self._end()
        if self._session is not None:
            try:
                self._session.lost()
            except Exception:
                logger.exception("a WebSocket session failed as its connection ended")

    def shutdown(self) -> None:
        """The server stops."""
        self.close(GOING_AWAY, "Server shutdown")

    # The handshake

    def _shake_hands(self, data: bytes) -> None:
        request = parse_request(data)
        response = self._protocol.accept(request)
        if not data.startswith(b"GET "):
            self._refuse(self._protocol.reject(HTTPStatus.METHOD_NOT_ALLOWED, "A WebSocket is opened by GET.\n"))
        elif response.status_code != HTTPStatus.SWITCHING_PROTOCOLS:
            self._refuse(response)
        else:
            self.is_open = True
            self._follow(self._ask(request.path), response)

    def _ask(self, target: str) -> Session | Rejection:
        client = get_remote_addr(self._transport)
        try:
            return self._application.open(self, target, client[0] if client else "")
        except Exception:
            logger.exception("the handshake for %s failed", target)
            return BROKEN

    def _follow(self, outcome: Session | Rejection, response: Response) -> None:
        if not isinstance(outcome, Rejection):
            self._session = outcome
        if self._gone or self._half_open:
            return  # as the application would have it
        if isinstance(outcome, Rejection):
            self._outbox.discard()
            self._refuse(rejection_response(outcome))
        else:
            self._begin(response)

    def _refuse(self, response: Response) -> None:
        self.is_open = False
        self._transport.write(response.serialize())
        self._transport.close()
        self._later(self._limits.closing, self.cut)

    def _begin(self, response: Response) -> None:
        self._transport.write(response.serialize())
        self._outbox.release()
        if self.is_open:
            self._heartbeat.start()

    # What comes in

    def _take(self, event: Frame) -> None:
        if not self.is_open or self._half_open or event.opcode is Opcode.CLOSE:
            return
        if self._pace.is_exceeded():
            self.close(POLICY_VIOLATION, "Too many requests")
        elif event.opcode is Opcode.PING:
            if not self.withhold_pongs:
                self._outbox.put(frame(PONG, bytes(event.data)))
        elif event.opcode is Opcode.PONG:
            self._heartbeat.answered(bytes(event.data))
        else:
            self._gather(event)

    def _gather(self, event: Frame) -> None:
        if event.opcode is not Opcode.CONT:
            self._is_text = event.opcode is Opcode.TEXT
        self._message += event.data
        if event.fin:
            message = bytes(self._message)
            self._message.clear()
            self._deliver(message)

    def _deliver(self, message: bytes) -> None:
        if self._is_text and not _is_utf8(message):
            self.close(INVALID_TEXT, "invalid UTF-8")
        elif self._session is not None:
            try:
                self._session.receive(message)
            except Exception:
                logger.exception("a WebSocket session failed on a message")
                self.close(INTERNAL_ERROR)

    def _follow_protocol(self) -> None:
        """End as the protocol wants it: the peer has closed, or broken the rules."""
        if not self._protocol.eof_sent or self._gone or self._half_open:
            self._protocol.data_to_send()  # pongs, which `_take` has answered already
            return
        self._say_goodbye()
        if self._protocol.close_rcvd is not None:
            self._transport.close()
        elif self._transport.can_write_eof():
            # Were it closed with bytes of the peer unread, the kernel would send a reset and lose our last frame.
            self._transport.write_eof()

    def _ping(self, payload: bytes) -> None:
        self._outbox.put(frame(PING, payload))

    # The end

    def _say_goodbye(self) -> None:
        """Send the protocol's close frame if it has one, and give the peer a moment for its part."""
        self.is_open = False
        self._heartbeat.stop()
        for written in self._protocol.data_to_send():
            if written[:1] == CLOSE:
                self._outbox.put(written)
        self._outbox.flush()
        self._outbox.shut()
        if not self._ending:
            self._ending = True
            self._later(self._limits.closing, self.cut)

    def _end(self) -> None:
        self._gone, self.is_open = True, False
        self._heartbeat.stop()
        self._outbox.discard()
        for timer in self._timers:
            timer.cancel()

    def _later(self, delay: float, callback: Callable[[], None]) -> None:
        self._timers.append(self._loop.call_later(delay, callback))

    def _on_no_pong(self) -> None:
        self.close(POLICY_VIOLATION, "Pong timeout")

    def _on_life_over(self) -> None:
        # The exchange documents that a connection ends, not how: the code is the one of a server that goes away.
        self.close(GOING_AWAY, "Connection lifetime exceeded")


def _is_utf8(message: bytes) -> bool:
    try:
        message.decode()
    except UnicodeDecodeError:
        return False
    return True
