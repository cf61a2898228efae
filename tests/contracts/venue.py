"""Where the contract is tried: the local exchange on a port, or the exchange's test network, by the same client."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from functools import cached_property
from itertools import count
from typing import Any, ClassVar, TypeVar

import numpy as np
from binance import Client
from binance.exceptions import BinanceAPIException
from tests.contracts.sockets import SignedSocket, Socket, open_wire

from thunes.clock import SystemClock
from thunes.market.synthetic import generate
from thunes.model import Candles
from thunes.simulator import LocalExchange

T = TypeVar("T")
S = TypeVar("S", bound=Socket)
CLOCK = SystemClock()
TIMEOUT = (3.05, 15)  # seconds to connect, to read: longer than the exchange's own wait
RECEIVE_WINDOW_MS = 5_000
MOST_WAITS = 60
BALANCES = "USDT=10000,BTC=1"
_numbers = count(CLOCK.now_ms())


def new_id(leg: str = "leg") -> str:
    """A client id that nobody has used, on the test network neither."""
    return f"thunes-{leg}-{next(_numbers):x}"


@dataclass(frozen=True)
class Addresses:
    """Where a venue is: `http` ends before /api, `socket_api` with the version, `streams` before /ws and /stream."""

    http: str
    socket_api: str
    streams: str


@dataclass(frozen=True)
class Login:
    """An API key with its secret."""

    api_key: str
    secret: str = field(repr=False)


TESTNET = Addresses(
    http="https://testnet.binance.vision",
    socket_api="wss://ws-api.testnet.binance.vision/ws-api/v3",
    streams="wss://stream.testnet.binance.vision",
)


def addresses_of(exchange: LocalExchange) -> Addresses:
    return Addresses(exchange.http_url, f"{exchange.ws_url}/ws-api/v3", exchange.ws_url)


def client_at(addresses: Addresses, login: Login) -> Client:
    """The exchange's well-known client with every base URL of another place; the caller's thread gets an event loop.

    The constructor takes no URL: they are attributes of the class. It makes an event loop of its own where it finds
    none, and never closes that.
    """
    asyncio.set_event_loop(asyncio.new_event_loop())
    attributes: dict[str, Any] = dict.fromkeys(("API_URL", "API_TESTNET_URL", "API_DEMO_URL"), addresses.http + "/api")
    attributes |= dict.fromkeys(("WS_API_URL", "WS_API_TESTNET_URL", "WS_API_DEMO_URL"), addresses.socket_api)
    attributes |= {"MARGIN_API_URL": addresses.http + "/sapi", "WEBSITE_URL": addresses.http}
    attributes["REQUEST_RECVWINDOW"] = RECEIVE_WINDOW_MS
    made = type("VenueClient", (Client,), attributes)
    client: Client = made(login.api_key, login.secret, {"timeout": TIMEOUT}, ping=False)
    client.session.trust_env = False  # a proxy of the environment would take the requests
    return client


def close_client(client: Client) -> None:
    """Give back its connections and its event loop."""
    client.session.close()
    if client.ws_api.ws is not None:
        for task in asyncio.all_tasks(client.loop):  # it would read on for ten seconds
            task.cancel()
        client.loop.run_until_complete(client.ws_api.close())
    client.loop.close()
    asyncio.set_event_loop(None)


@contextmanager
def closing_client(addresses: Addresses, login: Login) -> Iterator[Client]:
    """A client for a while."""
    client = client_at(addresses, login)
    try:
        yield client
    finally:
        close_client(client)


class Market:
    """One symbol of a venue: its filters, and orders of the smallest size that they allow."""

    def __init__(self, client: Client, name: str) -> None:
        self.name, self._client = name, client
        self.info: dict[str, Any] = client._get("exchangeInfo", data={"symbol": name})["symbols"][0]
        self.filters = {one["filterType"]: one for one in self.info["filters"]}
        self.base, self.quote = self.info["baseAsset"], self.info["quoteAsset"]

    @cached_property
    def tick(self) -> Decimal:
        return Decimal(self.filters["PRICE_FILTER"]["tickSize"])

    @cached_property
    def step(self) -> Decimal:
        return Decimal(self.filters["LOT_SIZE"]["stepSize"])

    @cached_property
    def least(self) -> Decimal:
        """The smallest notional of an order, in quote currency."""
        return Decimal(self.filters["NOTIONAL"]["minNotional"])

    def best(self) -> tuple[Decimal, Decimal]:
        """The best bid and the best ask."""
        book = self._client.get_orderbook_ticker(symbol=self.name)
        return Decimal(book["bidPrice"]), Decimal(book["askPrice"])

    def price(self, times: str, of: Decimal | None = None) -> str:
        """A price on the grid: so many times the middle of the book, or `of` another price."""
        bid, ask = (of, of) if of is not None else self.best()
        wanted = (bid + ask) / 2 * Decimal(times)
        return text((wanted / self.tick).to_integral_value(ROUND_FLOOR) * self.tick)

    def quantity(self, price: str | Decimal, times: str = "1.5") -> str:
        """A quantity on the grid that is worth so many times the smallest notional at this price."""
        wanted = self.least * Decimal(times) / Decimal(price)
        return text((wanted / self.step).to_integral_value(ROUND_CEILING) * self.step)

    def below(self) -> str:
        """A price far under the market, within its filters: a buyer waits there."""
        return self.price("0.9")

    def above(self) -> str:
        """A price far over the market, within its filters: a seller waits there."""
        return self.price("1.1")

    def resting(self, side: str = "BUY", **more: Any) -> dict[str, Any]:
        """A limit order that waits in the book."""
        price = self.below() if side == "BUY" else self.above()
        order = {"symbol": self.name, "side": side, "type": "LIMIT", "timeInForce": "GTC", "price": price}
        return {**order, "quantity": self.quantity(price), "newClientOrderId": new_id(), **more}

    def crossing(self, side: str = "BUY", **more: Any) -> dict[str, Any]:
        """A limit order that the market fills at once."""
        price = self.price("1.01" if side == "BUY" else "0.99")
        return self.resting(side, price=price, quantity=self.quantity(self.best()[0]), **more)

    def market(self, side: str = "BUY", **more: Any) -> dict[str, Any]:
        """A market order."""
        order = {"symbol": self.name, "side": side, "type": "MARKET", "newClientOrderId": new_id()}
        return {**order, "quantity": self.quantity(self.best()[0]), **more}


def text(value: Decimal) -> str:
    """As the exchange reads numbers: no exponent, no zeros at the end."""
    shown = format(value, "f")
    return shown.rstrip("0").rstrip(".") if "." in shown else shown


class Venue:
    """An account at one of the venues, the client that speaks for it, and a way to let time pass."""

    patience: ClassVar[float]  # seconds without a word on a connection before a test gives up
    exact: ClassVar[bool]  # whether its documents have no other fields than those that the contract names
    symbol = "BTCUSDT"

    def __init__(self, addresses: Addresses, login: Login) -> None:
        self.addresses, self.login = addresses, login
        with ExitStack() as opening:
            self.client = opening.enter_context(closing_client(addresses, login))
            self.client.timestamp_offset = self.client.get_server_time()["serverTime"] - CLOCK.now_ms()
            opening.callback(self._cancel_all)
            self._ends = opening.pop_all()  # what is to be done at the end, the last first

    @cached_property
    def market(self) -> Market:
        return Market(self.client, self.symbol)

    def pass_time(self) -> None:
        """Let about a second pass at the venue."""
        raise NotImplementedError

    def play(self, seconds: int) -> None:
        """Let so much happen, where that is not a matter of waiting for the next message."""
        raise NotImplementedError

    def punctual(self) -> Client:
        """A client at a clock that is looked at."""
        return self.client

    def until(self, answer: Callable[[], T | None]) -> T:
        """Ask until there is an answer, while time passes; not for ever."""
        for _ in range(MOST_WAITS):
            found = answer()
            if found:
                return found
            self.pass_time()
        raise AssertionError(f"nothing came in {MOST_WAITS} s")

    def free(self, asset: str) -> Decimal:
        """What the account may spend."""
        return Decimal(self.client.get_asset_balance(asset)["free"])

    def now_ms(self) -> int:
        """What the venue takes for now (epoch ms)."""
        return CLOCK.now_ms() + int(self.client.timestamp_offset)

    # Sockets

    def api(self, login: Login | None = None) -> SignedSocket:
        """A connection to the WebSocket API."""
        keys = login or self.login
        wire = open_wire(self.addresses.socket_api, self.patience)
        return self._kept(SignedSocket(wire, keys.api_key, keys.secret, self.now_ms))

    def stream(self, path: str) -> Socket:
        """A connection to the market streams; `path` is what follows the host: /ws/… or /stream?streams=…."""
        return self._kept(Socket(open_wire(self.addresses.streams + path, self.patience)))

    def _kept(self, socket: S) -> S:
        self._ends.callback(socket.close)
        return socket

    # The end

    def close(self) -> None:
        """Leave nothing behind: no connection, no open order."""
        self._ends.close()

    def _cancel_all(self) -> None:
        try:
            self.client.cancel_all_open_orders(symbol=self.symbol)
        except BinanceAPIException as error:
            if error.code != -2011:  # none is open
                raise


class LocalVenue(Venue):
    """An account of its own at a local exchange whose time is stepped."""

    exact, patience = True, 5.0

    def __init__(self, exchange: LocalExchange) -> None:
        login = Login(new_id("key"), "a secret of this account alone")
        exchange.open_account(f"{login.api_key}:{login.secret}:{BALANCES}")
        self.exchange = exchange
        super().__init__(addresses_of(exchange), login)

    def pass_time(self) -> None:
        self.play(1)

    def play(self, seconds: int) -> None:
        for _ in range(seconds):  # streams that speak at intervals tell the last of each step
            self.exchange.advance(until=self.exchange.now_ms + 1_000)

    def punctual(self) -> Client:
        """Another exchange, of which the time runs with the wall's: a stepped one looks at no timestamps."""
        exchange = LocalExchange(tape("ETHUSDT", 60), [f"key:secret:{BALANCES}"], speed=1)
        self._ends.enter_context(exchange)
        client = self._ends.enter_context(closing_client(addresses_of(exchange), Login("key", "secret")))
        client.timestamp_offset = exchange.now_ms - CLOCK.now_ms()
        return client


class TestnetVenue(Venue):
    """The account of a person's keys at the exchange's test network: its own prices, real time."""

    __test__ = False  # no class of tests
    exact, patience = False, 90.0  # fields may be added any day; a candle takes a minute

    def __init__(self, login: Login) -> None:
        super().__init__(TESTNET, login)
        self._cancel_all()

    def pass_time(self) -> None:
        CLOCK.sleep(1)

    def play(self, seconds: int) -> None:
        """Its messages come by themselves; a connection that is not read would answer no ping."""


def slope(per_minute: float, bars: int = 180) -> Candles:
    """Minutes in which BTCUSDT goes straight on from 30,000, by so many USDT each."""
    opens = 30_000 + per_minute * np.arange(bars, dtype=np.float64)
    closes, times = opens + per_minute, (26_700_000 + np.arange(bars, dtype=np.int64)) * 60_000
    highs, lows = np.maximum(opens, closes), np.minimum(opens, closes)
    return Candles("BTCUSDT", "1m", times, opens, highs, lows, closes, np.full(bars, 20.0), "file:slope")


def tape(symbol: str, bars: int) -> Candles:
    """Minutes of the synthetic market, on the grid of the symbol: prices of cents, quantities of five decimals."""
    candles = generate(symbol, "1m", bars, seed=7)
    prices = {name: np.round(getattr(candles, name).astype(np.float64), 2) for name in ("open", "high", "low", "close")}
    return candles.replace(**prices, volume=np.round(candles.volume.astype(np.float64), 4))
