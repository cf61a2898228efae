"""HTTP as a thin skin: an ASGI request becomes a `Request`, its `Answer` goes out in the manner that it asks for."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from typing import TYPE_CHECKING, Any

from thunes.simulator.api.messages import PLAIN, Answer, Request, refusal
from thunes.simulator.request import Refused
from thunes.simulator.transport.http import EXTENSION, Reply

if TYPE_CHECKING:
    from uvicorn._types import ASGI3Application

Message = MutableMapping[str, Any]
Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

MOST_BYTES = 1 << 20  # of a body: what is longer is not even read to its end
BODILESS = frozenset(("GET", "HEAD"))
TOO_LARGE = refusal(Refused(413, -1100, "The request's body is too large."))
TOO_LARGE_FOR_CONTROL = Answer(413, b'{"error":"E-SIM-BODY: the body is too large. Send at most 1 MiB."}')


class Application:
    """The exchange's HTTP side: `answer` is asked for each request, `control` for those under /sim/."""

    def __init__(
        self,
        answer: Callable[[Request], Answer],
        control: Callable[[Request, dict[str, str]], Answer] | None,
    ) -> None:
        self._answer, self._control = answer, control

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        body = b"" if scope["method"] in BODILESS else await _body(receive)
        await self._send(scope, send, self._ask(scope, body))

    def at_once(self, scope: Scope, body: bytes) -> Reply | ASGI3Application:
        """The answer to a request that came whole, or what sends it in its own manner."""
        whole = b"" if scope["method"] in BODILESS else body if len(body) <= MOST_BYTES else None
        answer = self._ask(scope, whole)
        if answer.manner is PLAIN:
            return Reply(answer.status, _headers(answer), answer.body)

        async def deliver(_scope: Any, _receive: Any, send: Any) -> None:
            await self._send(scope, send, answer)

        return deliver

    def _controls(self, path: str) -> bool:
        return self._control is not None and path.startswith("/sim/")

    def _too_large(self, path: str) -> Answer:
        return TOO_LARGE_FOR_CONTROL if self._controls(path) else TOO_LARGE

    def _ask(self, scope: Scope, body: bytes | None) -> Answer:
        """The exchange's answer; `body` None: too large."""
        method, path, headers, client = scope["method"], scope["path"], scope["headers"], scope["client"]
        address = client[0] if client else ""
        if body is None:
            return self._too_large(path)
        if self._control is not None and path.startswith("/sim/"):
            request = Request(method, path, scope["query_string"], body, "", address)
            return self._control(request, _joined(headers))
        key = next((value.decode("latin-1") for name, value in headers if name == b"x-mbx-apikey"), "")
        return self._answer(Request(method, path, scope["query_string"], body, key, address))

    async def _send(self, scope: Scope, send: Send, answer: Answer) -> None:
        manner = answer.manner
        if manner is not PLAIN:
            if manner.delay_ms and not await _waited(scope, manner.delay_ms):
                return
            if manner.cut or manner.hang:
                wire = scope["extensions"][EXTENSION]
                wire.cut() if manner.cut else wire.stop_reading()
                return
        body = answer.body
        await send({"type": "http.response.start", "status": answer.status, "headers": _headers(answer)})
        step = manner.drip_bytes
        while step and len(body) > step:
            await send({"type": "http.response.body", "body": body[:step], "more_body": True})
            if not await _waited(scope, manner.drip_ms):
                return
            body = body[step:]
        await send({"type": "http.response.body", "body": body})


def _headers(answer: Answer) -> list[tuple[bytes, bytes]]:
    length = b"%d" % len(answer.body)
    return [(b"content-type", answer.content_type), (b"content-length", length), *answer.headers]


def _joined(headers: Iterable[tuple[bytes, bytes]]) -> dict[str, str]:
    """Headers by name; one that is sent twice is the list of its values, so that none of them goes unseen."""
    joined: dict[str, str] = {}
    for raw_name, raw_value in headers:
        name, value = raw_name.decode("latin-1"), raw_value.decode("latin-1")
        joined[name] = f"{joined[name]}, {value}" if name in joined else value
    return joined


async def _waited(scope: Scope, ms: int) -> bool:
    """Hold an answer back; False when the server stops meanwhile: then it is lost with its connection."""
    try:
        await asyncio.sleep(ms / 1000)
    except asyncio.CancelledError:
        scope["extensions"][EXTENSION].cut()
        return False
    return True


async def _body(receive: Receive) -> bytes | None:
    """The whole body; None for one that is too large."""
    message = await receive()
    body, more = message.get("body", b""), message.get("more_body", False)
    while more:
        if len(body) > MOST_BYTES:
            return None
        message = await receive()
        body += message.get("body", b"")
        more = message.get("more_body", False)
    return body if len(body) <= MOST_BYTES else None
