"""A served exchange with faults set over its control API, and clients that say plainly what they saw of them."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from decimal import Decimal
from typing import Any, NamedTuple, TypeVar
from urllib.parse import urlsplit

import httpx
import pytest
import requests
from binance.exceptions import BinanceAPIException, BinanceRequestException
from tests.contracts.sockets import SignedSocket, Socket, hmac_signature
from tests.contracts.venue import LocalVenue, tape

from thunes.model import Candles
from thunes.simulator import LocalExchange

T = TypeVar("T", bound=Callable[..., object])
ORDER, QUERY = "POST /api/v3/order", "GET /api/v3/order"
TIMEOUT = 0.3  # seconds, of a client that is to give up
PAST, ALL = 120, 360  # minutes that klines show at the start, minutes in all
MINUTE = 60_000


def market(symbol: str = "BTCUSDT") -> Candles:
    return tape(symbol, ALL)


def opened(*symbols: str, **options: Any) -> LocalExchange:
    """A stepped exchange of these symbols, two hours into their candles; to be entered."""
    candles = [market(symbol) for symbol in symbols or ("BTCUSDT",)]
    return LocalExchange(candles, stepped=True, start=int(candles[0].open_time[PAST]), **options)


@pytest.fixture(scope="module")
def exchange() -> Iterator[LocalExchange]:
    """One for all tests of a module, each of which has an account of its own there."""
    with opened() as served:
        yield served


@pytest.fixture
def trader(exchange: LocalExchange, script: Script) -> Iterator[LocalVenue]:
    """An account with its clients; `script` first, so that no fault is left when this one tidies up."""
    with trading(exchange) as venue:
        yield venue


@contextmanager
def trading(exchange: LocalExchange) -> Iterator[LocalVenue]:
    """An account of its own, which leaves nothing open."""
    venue = LocalVenue(exchange)
    try:
        yield venue
    finally:
        exchange.clear_faults()
        venue.close()


# The script that sets faults


class Script:
    """`/sim/v1` as a script asks it."""

    def __init__(self, exchange: LocalExchange) -> None:
        self.exchange = exchange
        self.http = httpx.Client(base_url=f"{exchange.http_url}/sim/v1", trust_env=False, timeout=5)
        self._before = len(self._told()["struck"])

    def fault(self, name: str, **document: Any) -> int:
        """Set a fault; its number."""
        answer = self.http.post("/faults", json={"name": name, **document})
        assert answer.status_code == 200, answer.text
        return int(answer.json()["number"])

    def remove(self, number: int) -> None:
        assert self.http.delete(f"/faults/{number}").status_code == 200

    def clear(self) -> None:
        assert self.http.delete("/faults").status_code == 200

    def struck(self) -> list[tuple[str, str]]:
        """What has been struck since this script began: the fault's name, and what it hit."""
        return [(strike["name"], strike["hit"]) for strike in self.strikes()]

    def strikes(self) -> list[dict[str, Any]]:
        return list(self._told()["struck"])[self._before :]

    def _told(self) -> dict[str, Any]:
        told = self.http.get("/faults").json()
        assert isinstance(told, dict)
        return told

    def differences(self) -> set[Decimal]:
        """How much money came from nowhere or went there, of whatever asset."""
        return {Decimal(row["difference"]) for row in self.http.get("/conservation").json().values()}


@pytest.fixture
def emptied(exchange: LocalExchange) -> Iterator[LocalExchange]:
    """The module's exchange, where no connection of one test is left for the next one's faults to strike."""
    yield exchange
    exchange.fault("disconnect")
    exchange.clear_faults()


@pytest.fixture
def script(emptied: LocalExchange, request: pytest.FixtureRequest) -> Iterator[Script]:
    """A test's script; afterwards every fault that the test is to prove has struck, and no money is lost."""
    with scripting(emptied, proven_by(request.node)) as made:
        yield made


@contextmanager
def scripting(exchange: LocalExchange, names: set[str]) -> Iterator[Script]:
    made = Script(exchange)
    try:
        yield made
        assert names <= {name for name, _ in made.struck()}
        assert made.differences() <= {Decimal(0)}
    finally:
        made.clear()
        made.http.close()


def proves(*names: str) -> Callable[[T], T]:
    """Marks a test that shows what a client sees of these faults."""

    def mark(test: T) -> T:
        test.proven = names  # type: ignore[attr-defined]
        return test

    return mark


def proven_by(item: pytest.Function) -> set[str]:
    """What this test, with these parameters, is to prove."""
    names = set(getattr(item.function, "proven", ()))
    chosen = item.callspec.params.get("name") if hasattr(item, "callspec") else None
    return {chosen} if chosen in names else names


# What a client saw


class Outcome(NamedTuple):
    """How a call ended: the exception's kind, empty for none; HTTP status, code and Retry-After of a refusal."""

    kind: str
    status: int = 0
    code: int = 0
    retry_after: str = ""


DONE, BROKEN, TIMED_OUT = Outcome(""), Outcome("ConnectionError"), Outcome("ReadTimeout")


def outcome(call: Callable[..., object], **arguments: Any) -> Outcome:
    """What the call of a client of `requests` or python-binance comes to."""
    try:
        call(**arguments)
    except BinanceAPIException as error:
        return Outcome("refused", error.status_code, error.code, error.response.headers.get("Retry-After", ""))
    except (requests.RequestException, BinanceRequestException) as error:
        return Outcome(type(error).__name__)
    return DONE


def send(trader: LocalVenue, order: dict[str, Any], seen: Outcome = DONE) -> Outcome:
    """Place an order by a client that gives up soon only where it is to see that: others may be slow without harm."""
    patience = {"requests_params": {"timeout": (1, TIMEOUT)}} if seen == TIMED_OUT else {}
    return outcome(trader.client.create_order, **order, **patience)


def statuses(trader: LocalVenue) -> list[str]:
    """What the exchange holds of the account's orders, the oldest first."""
    return [order["status"] for order in trader.client.get_all_orders(symbol=trader.symbol)]


# Clients below the libraries


class Raw:
    """A TCP connection to the exchange, byte by byte."""

    def __init__(self, exchange: LocalExchange, patience: float = 5) -> None:
        address = urlsplit(exchange.http_url)
        self.socket = socket.create_connection((str(address.hostname), int(address.port or 0)), timeout=patience)

    def ask(self, path: str) -> None:
        self.socket.sendall(f"GET {path} HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n".encode())

    def __enter__(self) -> Raw:
        return self

    def __exit__(self, *_: object) -> None:
        self.socket.close()


def stamped(trader: LocalVenue, timestamp: int, window: int = 5_000) -> Outcome:
    """A signed question with the time that somebody's clock shows (epoch ms)."""
    query = f"recvWindow={window}&timestamp={timestamp}"
    query += f"&signature={hmac_signature(trader.login.secret, query)}"
    headers = {"X-MBX-APIKEY": trader.login.api_key}
    answer = httpx.get(f"{trader.addresses.http}/api/v3/account?{query}", headers=headers, trust_env=False)
    return DONE if answer.status_code == 200 else Outcome("refused", answer.status_code, answer.json()["code"])


def place(api: SignedSocket, order: dict[str, Any]) -> Any:
    """Place an order over the WebSocket API; its answer."""
    return api.signed("order.place", **order)


def heard(socket: Socket) -> list[Any]:
    """All that a connection has been told by now: what the exchange answers later comes behind it."""
    socket.ask("LIST_SUBSCRIPTIONS")
    return socket.kept()


def events(api: SignedSocket) -> list[dict[str, Any]]:
    """The order events that an account has been told by now."""
    api.ask("ping")
    told = [message["event"] for message in api.kept()]
    return [event for event in told if event["e"] == "executionReport"]


def frame(socket: Socket) -> tuple[int, bytes]:
    """The next frame that comes, as it is: its opcode and what is in it."""
    found = socket._wire.recv_frame()
    return found.opcode, bytes(found.data)


def close_code(data: bytes) -> int:
    return int.from_bytes(data[:2], "big")
