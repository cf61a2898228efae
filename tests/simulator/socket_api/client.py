"""A client of the WebSocket API without a socket: what it is sent is kept, what it sends is given to its session."""

from __future__ import annotations

import hmac
import itertools
from base64 import b64encode
from collections.abc import Callable
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

import orjson
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from thunes.clock import ManualClock
from thunes.market.synthetic import generate
from thunes.simulator.api.dispatch import Dispatcher
from thunes.simulator.api.limits import Limiter
from thunes.simulator.api.routes import ROUTES
from thunes.simulator.api.security import Key, Keyring, socket_payload
from thunes.simulator.exchange import Customer, Exchange
from thunes.simulator.faults.board import Board
from thunes.simulator.feed.tape import Tape
from thunes.simulator.socket_api.opening import open_socket_api
from thunes.simulator.socket_api.session import SocketSession
from thunes.simulator.socket_api.user_streams import UserStreams
from thunes.simulator.symbols.exchange_info import built_in
from thunes.simulator.transport.contract import Rejection

CANDLES = generate("BTCUSDT", "1m", 120, seed=7)
WALL_MS = 1_700_000_000_000
PRIVATE = Ed25519PrivateKey.from_private_bytes(b"thirty-two bytes of a test's key")
HMAC_KEY = Key("ann-hmac", "ann", secret="ann's secret")
ED25519_KEY = Key("ann-ed25519", "ann", public_key=PRIVATE.public_key())
OTHER_KEY = Key("bob-hmac", "bob", secret="bob's secret")
Message = dict[str, Any]


class Recorder:
    """A connection that keeps what it is sent; frames are opened again."""

    def __init__(self) -> None:
        self.raw: list[bytes] = []
        self.closed: tuple[int, str] | None = None
        self.is_cut = False
        self.silent = self.withhold_pongs = False
        self.waiting = 0

    @property
    def is_open(self) -> bool:
        return self.closed is None and not self.is_cut

    def send(self, payload: bytes) -> None:
        self.raw.append(payload)

    def send_frame(self, frame: bytes) -> None:
        head = {126: 4, 127: 10}.get(frame[1], 2)
        self.raw.append(frame[head:])

    def close(self, code: int = 1000, reason: str = "") -> None:
        self.closed = (code, reason)

    def cut(self) -> None:
        self.is_cut = True

    def stop_reading(self) -> None:
        raise AssertionError("no answer is half-open")


@dataclass
class Place:
    """An exchange with customers ann and bob, an hour after its first candle, and what serves it."""

    limits: bool = True
    later: list[tuple[float, Callable[[], object]]] = field(default_factory=list)

    def __post_init__(self) -> None:
        listed = built_in()["BTCUSDT"]
        self.clock = ManualClock(WALL_MS)
        self.exchange = Exchange([Tape(CANDLES, listed.tick, listed.step)], clock=self.clock)
        for name in ("ann", "bob"):
            self.exchange.open_account(Customer(name, {"USDT": Decimal(100_000), "BTC": Decimal(10)}))
        self.exchange.advance_bars(60)
        self.keyring, self.board = Keyring(), Board(self.exchange)
        for key in (HMAC_KEY, ED25519_KEY, OTHER_KEY):
            self.keyring.add(key)
        self.limiter = Limiter(self.exchange.info.rate_limits, on=self.limits)
        self.dispatcher = Dispatcher(
            self.exchange, ROUTES, keyring=self.keyring, limiter=self.limiter, board=self.board
        )
        self.users = UserStreams(self.exchange, self.board, call_later=self.call_later)

    def call_later(self, seconds: float, function: Callable[[], object]) -> None:
        self.later.append((seconds, function))

    def below_the_market(self) -> str:
        """A price at which nothing is bought yet."""
        last = self.exchange.last_price("BTCUSDT")
        assert last is not None
        return str((last * Decimal("0.9")).quantize(Decimal("0.01")))

    def connect(self, query: str = "") -> Client:
        connection = Recorder()
        session = open_socket_api(self.dispatcher, self.users, connection, f"/ws-api/v3{query}", "127.0.0.1")
        assert isinstance(session, SocketSession)
        return Client(self, connection, session)

    def reject(self, target: str) -> Rejection:
        rejection = open_socket_api(self.dispatcher, self.users, Recorder(), target, "127.0.0.1")
        assert isinstance(rejection, Rejection)
        return rejection


@dataclass
class Client:
    """One connection; ids of requests count from 1."""

    place: Place
    connection: Recorder
    session: SocketSession
    ids: itertools.count[int] = field(default_factory=lambda: itertools.count(1))

    def send(self, document: Any) -> list[Message]:
        """Send a document; what comes back, decoded."""
        return self.send_raw(orjson.dumps(document))

    def send_raw(self, message: bytes) -> list[Message]:
        before = len(self.connection.raw)
        self.session.receive(message)
        return [orjson.loads(raw) for raw in self.connection.raw[before:]]

    def ask(self, method: str, **parameters: Any) -> Message:
        """The answer to one request; whatever else it brings is left in the record."""
        number = next(self.ids)
        answers = [told for told in self.send({"id": number, "method": method, "params": parameters}) if "id" in told]
        assert len(answers) == 1
        return answers[0]

    def error(self, method: str, **parameters: Any) -> tuple[int, int]:
        """Status and code of a refusal."""
        answer = self.ask(method, **parameters)
        return answer["status"], answer["error"]["code"]

    def signed(self, key: Key = HMAC_KEY, **parameters: Any) -> Message:
        """Parameters with key, time and signature."""
        return signed(self.place, key, **parameters)

    def log_on(self) -> Message:
        answer = self.ask("session.logon", **self.signed(ED25519_KEY))
        assert answer["status"] == 200
        return answer

    def timed(self, **parameters: Any) -> Message:
        """Parameters with a time, for a session that is logged on."""
        return {"timestamp": self.place.exchange.server_time, **parameters}

    @property
    def events(self) -> list[Message]:
        """What it was told beside answers."""
        return [told for told in map(orjson.loads, self.connection.raw) if "event" in told]


def signed(place: Place, key: Key = HMAC_KEY, **parameters: Any) -> Message:
    """Parameters with key, time and signature."""
    return sign(key, {"timestamp": place.exchange.server_time, **parameters, "apiKey": key.api_key})


def sign(key: Key, parameters: Message) -> Message:
    payload = socket_payload(parameters)
    if key.secret is not None:
        signature = hmac.digest(key.secret.encode(), payload, "sha256").hex()
    else:
        signature = b64encode(PRIVATE.sign(payload)).decode()
    return {**parameters, "signature": signature}


def buy(**parameters: Any) -> Message:
    """A market order."""
    return {"symbol": "BTCUSDT", "side": "BUY", "type": "MARKET", "quantity": "0.01", **parameters}
