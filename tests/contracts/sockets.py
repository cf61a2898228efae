"""WebSocket connections as plain code drives them: ask and be answered, wait for what one is told."""

from __future__ import annotations

import hashlib
import hmac
import json
from base64 import b64encode
from collections.abc import Callable, Mapping
from itertools import count
from typing import Any

import websocket
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

MOST_MESSAGES = 2_000


def open_wire(url: str, patience: float) -> websocket.WebSocket:
    """A connection that gives up after so many seconds without a word."""
    return websocket.create_connection(url, timeout=patience)


class Socket:
    """A connection with JSON in both directions. Pings are answered while something is awaited."""

    def __init__(self, wire: websocket.WebSocket) -> None:
        self._wire = wire
        self._ids = count(1)
        self._aside: list[Any] = []  # told while something else was awaited

    def send(self, document: Any) -> None:
        self.send_text(json.dumps(document))

    def send_text(self, text: str) -> None:
        self._wire.send(text)

    def receive(self) -> Any:
        """The next message. `WebSocketTimeoutException` where none comes, `ConnectionError` after the end."""
        text = self._wire.recv()
        if not text:
            raise ConnectionError("the connection was ended by the other side")
        return json.loads(text)

    def answer(self, request_id: Any) -> Any:
        """What a request is answered; what comes before it is kept for `expect`."""
        return self._first(lambda message: isinstance(message, dict) and message.get("id", "") == request_id)

    def ask(self, method: str, params: Any = None) -> Any:
        """Send a request and take its answer."""
        request_id = next(self._ids)
        request = {"id": request_id, "method": method}
        self.send(request if params is None else {**request, "params": params})
        return self.answer(request_id)

    def expect(self, wanted: Callable[[Any], bool]) -> Any:
        """The first message that is wanted, among those kept and those to come; earlier others are dropped."""
        while self._aside:
            message = self._aside.pop(0)
            if wanted(message):
                return message
        return next(message for message in (self.receive() for _ in range(MOST_MESSAGES)) if wanted(message))

    def kept(self) -> list[Any]:
        """All that was told before the last answer, and that nobody has asked for."""
        told, self._aside = self._aside, []
        return told

    def pings(self, count: int) -> int:
        """Answer so many pings, which nothing comes between, as the library does: with their own payload."""
        for _ in range(count):
            opcode, _ = self._wire.recv_data(control_frame=True)
            assert opcode == websocket.ABNF.OPCODE_PING
        return count

    def is_cut(self) -> bool:
        """Whether the other side has ended the connection, which nobody has read from; pings lie before its end."""
        frames = iter(self._wire.recv_frame, None)
        try:
            return any(frame.opcode == websocket.ABNF.OPCODE_CLOSE for frame in frames)
        except (OSError, websocket.WebSocketConnectionClosedException):
            return True

    def _first(self, wanted: Callable[[Any], bool]) -> Any:
        for _ in range(MOST_MESSAGES):
            message = self.receive()
            if wanted(message):
                return message
            self._aside.append(message)
        raise AssertionError("no answer came")

    def close(self) -> None:
        self._wire.close(timeout=1)
        self._wire.shutdown()  # also where the other side was first: then the library leaves the socket open


def hmac_signature(secret: str, payload: str) -> str:
    return hmac.new(secret.encode(), payload.encode(), hashlib.sha256).hexdigest()


class SignedSocket(Socket):
    """A connection to the WebSocket API that signs for one account."""

    def __init__(self, wire: websocket.WebSocket, api_key: str, secret: str, now_ms: Callable[[], int]) -> None:
        super().__init__(wire)
        self._api_key, self._now_ms = api_key, now_ms
        self.sign: Callable[[str], str] = lambda payload: hmac_signature(secret, payload)

    def signed(self, method: str, **params: Any) -> Any:
        """Ask as the account: its other parameters are signed in order of name."""
        return self.ask(method, self.with_signature(params))

    def with_signature(self, params: Mapping[str, Any]) -> dict[str, Any]:
        whole = {**params, "apiKey": self._api_key, "timestamp": self._now_ms()}
        payload = "&".join(f"{name}={whole[name]}" for name in sorted(whole))
        return {**whole, "signature": self.sign(payload)}

    def subscribe(self) -> int:
        """Hear of the account from now on; the number of the subscription."""
        answer = self.signed("userDataStream.subscribe.signature")
        assert answer["status"] == 200, answer
        subscription = answer["result"]["subscriptionId"]
        assert isinstance(subscription, int)
        return subscription

    def event(self, kind: str, **fields: Any) -> dict[str, Any]:
        """The next event of this kind with these values."""

        def wanted(message: Any) -> bool:
            event = message.get("event", {})
            return event.get("e") == kind and all(event.get(name) == value for name, value in fields.items())

        found = self.expect(wanted)["event"]
        assert isinstance(found, dict)
        return found


# Ed25519 keys, which alone may log on


def public_pem(pair: Ed25519PrivateKey) -> str:
    """The half that the exchange is given."""
    return pair.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()


def ed25519_signer(pair: Ed25519PrivateKey) -> Callable[[str], str]:
    return lambda payload: b64encode(pair.sign(payload.encode())).decode()
