"""HTTP connections that an application can cut or leave hanging, which ASGI has no words for."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from thunes.simulator.transport.sockets import reset

if TYPE_CHECKING:
    from uvicorn._types import ASGI3Application
    from uvicorn.protocols.http.httptools_impl import RequestResponseCycle

EXTENSION = "thunes.wire"
MOST_HEAD = 128 << 10  # bytes of a request's line and headers: a thousand streams have a long address
MOST_REQUEST = 16 << 20  # bytes in all; a body is refused much earlier, and its rest thrown away up to here


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


class HttpConnection(HttpToolsProtocol):
    """uvicorn's HTTP protocol (`uvicorn.Config(http=HttpConnection)`) with a `Wire` for each connection."""

    is_half_open = False
    _received = 0  # bytes of the request that is coming in
    _in_head = False

    def data_received(self, data: bytes) -> None:
        self._received += len(data)
        if self._received > (MOST_HEAD if self._in_head else MOST_REQUEST):
            self.send_400_response("Request is too large.")
        else:
            super().data_received(data)

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._extensions: dict[str, Any] = {EXTENSION: Wire(self)}

    def on_message_begin(self) -> None:
        super().on_message_begin()
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
        super()._start_asgi_task(cycle, app)

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
