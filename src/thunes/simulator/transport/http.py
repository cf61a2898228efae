"""HTTP connections that an application can cut or leave hanging, which ASGI has no words for.

A request that came whole is answered at once, without a task and without messages: that is most of what HTTP costs.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

from thunes.simulator.transport.sockets import reset

if TYPE_CHECKING:
    from uvicorn._types import ASGI3Application, ASGIReceiveCallable, ASGISendCallable, HTTPScope, Scope
    from uvicorn.protocols.http.httptools_impl import RequestResponseCycle

EXTENSION = "thunes.wire"
MOST_HEAD = 128 << 10  # bytes of a request's line and headers: a thousand streams have a long address
MOST_REQUEST = 16 << 20  # bytes in all; a body is refused much earlier, and its rest thrown away up to here
PIECE = MOST_HEAD // 2  # bytes that are read at a time


class Wire:
    """The connection below a request; an application finds it in `scope["extensions"]["thunes.wire"]`.

    After either call the application may return or go on sending: nothing of it leaves this machine.
    """

    def __init__(self, connection: HttpConnection) -> None:
        self._connection = connection

    def cut(self) -> None:
        """Reset the TCP connection at once: the client sees it break before any answer."""
        self._connection.mute()
        reset(self._connection.transport)

    def stop_reading(self) -> None:
        """Half-open: from now on nothing is read and nothing is sent; the socket stays open until the server stops."""
        self._connection.mute()
        self._connection.is_half_open = True
        transport = self._connection.transport
        if transport.is_reading():
            transport.pause_reading()


class Reply(NamedTuple):
    """An answer that goes out as it is; its headers hold the length of its body."""

    status: int
    headers: list[tuple[bytes, bytes]]
    body: bytes


class Immediate(Protocol):
    """An ASGI application that can also be asked directly."""

    def at_once(self, scope: HTTPScope, body: bytes) -> Reply | ASGI3Application:
        """The answer to a whole request, or what sends it where it takes its time."""


class HttpConnection(HttpToolsProtocol):
    """uvicorn's HTTP protocol (`uvicorn.Config(http=HttpConnection)`) with a `Wire` for each connection."""

    is_half_open = False
    _waiting: Immediate | None = None  # to be asked when the request is whole
    _received = 0  # bytes of the request that is coming in
    _in_head = False

    def data_received(self, data: bytes) -> None:
        if len(data) <= PIECE:
            self._feed(data)
        else:
            self._feed_pieces(data)
        if self._waiting is not None:
            self._start_in_parts()

    def _feed_pieces(self, data: bytes) -> None:
        """Many requests may have been sent ahead: nobody counts which bytes are whose, but a head that is too large
        fills two pieces of its own."""
        for start in range(0, len(data), PIECE):
            if self.transport.is_closing() or self.transport.get_protocol() is not self:
                return  # it was the last answer, or what follows is for WebSockets
            self._feed(data[start : start + PIECE])

    def _feed(self, data: bytes) -> None:
        self._received += len(data)
        if self._received > (MOST_HEAD if self._in_head else MOST_REQUEST):
            self.send_400_response("Request is too large.")
            return
        super().data_received(data)

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._extensions: dict[str, Any] = {EXTENSION: Wire(self)}

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._unset_keepalive_if_required()  # one that was sent ahead begins while the answer before it ends
        self._received, self._in_head = 0, True
        self.scope["extensions"] = self._extensions

    def on_headers_complete(self) -> None:
        self._in_head = False
        super().on_headers_complete()

    def handle_websocket_upgrade(self) -> None:
        latest: RequestResponseCycle | None = self.cycle  # None before the first request, whatever uvicorn declares
        if latest is None or latest.response_complete:
            super().handle_websocket_upgrade()
            return
        # Its frames would be mixed with the answer to a request before it.
        self.mute()
        self.send_400_response("A request before this one has not been answered.")

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: ASGI3Application) -> None:
        self._answering = cycle  # `self.cycle` is the newest, where a client sends ahead of the answers
        if cycle.more_body and hasattr(app, "at_once"):  # its end may be among the bytes at hand
            self._waiting = app
        else:
            super()._start_asgi_task(cycle, app)

    def _start_in_parts(self) -> None:
        """More of the request is to come: ASGI's way, which also tells a client to go on."""
        app, self._waiting = self._waiting, None
        super()._start_asgi_task(self._answering, app)  # type: ignore[arg-type]

    def on_message_complete(self) -> None:
        super().on_message_complete()
        if self._waiting is not None:
            app, self._waiting = self._waiting, None
            self._answer(app, self._answering)

    def _answer(self, app: Immediate, cycle: RequestResponseCycle) -> None:
        try:
            reply = app.at_once(cycle.scope, bytes(cycle.body))
        except Exception as error:  # noqa: BLE001  # uvicorn's words for a mistake of ours
            super()._start_asgi_task(cycle, _raising(error))
            return
        if not isinstance(reply, Reply):
            super()._start_asgi_task(cycle, reply)
        elif cycle.flow.write_paused or cycle.scope["method"] == "HEAD":
            super()._start_asgi_task(cycle, _sending(reply))
        else:
            self._write(reply, cycle)

    def _write(self, reply: Reply, cycle: RequestResponseCycle) -> None:
        content = [STATUS_LINE[reply.status]]
        for name, value in (*cycle.default_headers, *reply.headers):
            content += name, b": ", value, b"\r\n"
        content += b"\r\n" if cycle.keep_alive else b"connection: close\r\n\r\n", reply.body
        self.transport.write(b"".join(content))
        cycle.response_started = cycle.response_complete = True
        if not cycle.keep_alive:
            self.transport.close()
        self.on_response_complete()

    def mute(self) -> None:
        """Let nothing of the answer in work go out, nor any after it."""
        # uvicorn's own word for a client that has gone: what the application sends from then on is ignored.
        self._answering.disconnected = True

    def timeout_keep_alive_handler(self) -> None:
        if not self.is_half_open:
            super().timeout_keep_alive_handler()

    def shutdown(self) -> None:
        if self.is_half_open:  # it would never end by itself, and the server waits for all
            reset(self.transport)
        else:
            super().shutdown()


def _sending(reply: Reply) -> ASGI3Application:
    """A reply by ASGI's messages, for a client that reads slowly, or wants the head alone."""

    async def send_reply(_scope: Scope, _receive: ASGIReceiveCallable, send: ASGISendCallable) -> None:
        head: Any = {"type": "http.response.start", "status": reply.status, "headers": reply.headers}
        await send(head)
        await send({"type": "http.response.body", "body": reply.body, "more_body": False})

    return send_reply


def _raising(error: Exception) -> ASGI3Application:
    async def raise_it(_scope: Scope, _receive: ASGIReceiveCallable, _send: ASGISendCallable) -> None:
        raise error

    return raise_it
