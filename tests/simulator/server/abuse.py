"""A client that may say anything, to an exchange whose complaints are heard."""

from __future__ import annotations

import hashlib
import hmac
import http.client
import logging
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlencode, urlsplit

import orjson
from websockets.frames import Frame, Opcode

from thunes.market.synthetic import generate
from thunes.simulator import LocalExchange

CANDLES = generate("BTCUSDT", "1h", 100, seed=7)
MONEY = "key:secret:USDT=10000,BTC=0.5,BNB=1"
PATIENCE = 10.0  # seconds
HOST = b"Host: 127.0.0.1\r\n"
UPGRADE = (
    HOST + b"Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
)


class Complaints(logging.Handler):
    """What would have been written to the terminal: warnings of the server, tracebacks, errors of the event loop."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.heard: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.heard.append(self.format(record))


@contextmanager
def unflappable(**options: Any) -> Iterator[LocalExchange]:
    """A served exchange; at the end it has complained of nothing, still answers, and its books are right."""
    complaints, root = Complaints(), logging.getLogger()
    root.addHandler(complaints)
    try:
        with LocalExchange(**{"candles": CANDLES, "accounts": [MONEY], "limits": False} | options) as exchange:
            yield exchange
            with rest_of(exchange) as rest:
                assert rest.ask("GET", "/api/v3/ping") == (200, {})
            assert all(row.difference == 0 for row in exchange.conservation().values())
    finally:
        root.removeHandler(complaints)
    assert complaints.heard == []


def port_of(exchange: LocalExchange) -> int:
    return urlsplit(exchange.http_url).port or 0


def signed(parameters: dict[str, Any], secret: str = "secret") -> str:
    """The query of a signed request, as REST wants it."""
    payload = urlencode({**parameters, "timestamp": 1_600_000_000_000})
    return f"{payload}&signature={hmac.digest(secret.encode(), payload.encode(), 'sha256').hex()}"


def signed_object(parameters: dict[str, Any]) -> dict[str, Any]:
    """The parameters of a signed request, as the WebSocket API wants them."""
    named = {**parameters, "apiKey": "key", "timestamp": 1_600_000_000_000}
    payload = "&".join(f"{name}={value}" for name, value in sorted(named.items()))
    return named | {"signature": hmac.new(b"secret", payload.encode(), hashlib.sha256).hexdigest()}


class Rest:
    """One keep-alive connection."""

    def __init__(self, exchange: LocalExchange) -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", port_of(exchange), timeout=PATIENCE)

    def ask(self, method: str, path: str, body: bytes | str | None = None, **headers: str) -> tuple[int, Any]:
        """Status and document of the answer."""
        self._connection.request(method, path, body, {"X-MBX-APIKEY": "key"} | headers)
        answer = self._connection.getresponse()
        content = answer.read()
        return answer.status, orjson.loads(content) if "json" in str(answer.getheader("content-type")) else content

    def sign(self, method: str, path: str, **parameters: Any) -> tuple[int, Any]:
        return self.ask(method, f"{path}?{signed(parameters)}")

    def close(self) -> None:
        self._connection.close()


@contextmanager
def rest_of(exchange: LocalExchange) -> Iterator[Rest]:
    rest = Rest(exchange)
    try:
        yield rest
    finally:
        rest.close()


def spoken(exchange: LocalExchange, *pieces: bytes, until: bytes = b"") -> bytes:
    """What comes back on a bare connection until it ends, or until something is in it."""
    said = b""
    with socket.create_connection(("127.0.0.1", port_of(exchange)), PATIENCE) as peer:
        try:
            for piece in pieces:
                peer.sendall(piece)
                if UPGRADE in piece and piece is not pieces[-1]:  # frames may be sent once it is answered
                    said += peer.recv(65_536)
            while not (until and until in said) and (more := peer.recv(65_536)):
                said += more
        except (BrokenPipeError, ConnectionResetError):  # the server had heard enough
            pass
    return said


def framed(*messages: bytes | dict[str, Any] | Frame) -> list[bytes]:
    """Frames as a client sends them."""
    frames = [
        one if isinstance(one, Frame) else Frame(Opcode.TEXT, one if isinstance(one, bytes) else orjson.dumps(one))
        for one in messages
    ]
    return [frame.serialize(mask=True) for frame in frames]


def handshake(path: str) -> bytes:
    return f"GET {path} HTTP/1.1\r\n".encode() + UPGRADE + b"\r\n"
