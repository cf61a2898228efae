"""The exchange inside a process: over HTTP and WebSocket on a free port, and without any."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest
import requests
import websocket
from binance import Client
from binance.exceptions import BinanceAPIException

from thunes.clock import ManualClock
from thunes.errors import NetworkError, UsageError
from thunes.market.synthetic import generate
from thunes.simulator import Account, LocalExchange
from thunes.simulator.server.host import Host

pytestmark = pytest.mark.loopback  # python-binance opens a socket pair even where nothing is sent
CANDLES = generate("BTCUSDT", "1h", 100, seed=7)
MONEY = "key:secret:USDT=10000,BTC=0.5"


class Clients:
    """Makes clients of python-binance, each of which opens an event loop of its own and leaves it open."""

    def __init__(self) -> None:
        self.made: list[Client] = []

    def __call__(
        self, exchange: LocalExchange, *, in_process: bool = False, key: str = "key", secret: str = "secret"
    ) -> Client:
        made = Client(key, secret, {"timeout": (3, 10)}, ping=False)
        made.API_URL = f"{exchange.http_url}/api"
        made.session.trust_env = False
        if in_process:
            made.session.mount(exchange.http_url, exchange.adapter())
        self.made.append(made)
        return made

    def close(self) -> None:
        for made in self.made:
            made.session.close()
            made.loop.close()


@pytest.fixture
def client() -> Iterator[Clients]:
    clients = Clients()
    yield clients
    clients.close()


def serving() -> list[threading.Thread]:
    """The threads of all exchanges that this process serves, those of other tests included."""
    return [thread for thread in threading.enumerate() if thread.name == "exchange"]


@pytest.fixture
def in_process() -> LocalExchange:
    return LocalExchange(CANDLES, [MONEY], serve=False, clock=ManualClock(0))


@pytest.fixture
def served() -> Iterator[LocalExchange]:
    with LocalExchange(CANDLES, [MONEY], start=int(CANDLES.open_time[10])) as exchange:
        yield exchange


def buy(made: Client, **more: Any) -> dict[str, Any]:
    return dict(made.create_order(symbol="BTCUSDT", side="BUY", type="MARKET", quoteOrderQty="100", **more))


def test_an_order_over_http_is_filled_and_shows_in_the_account(served: LocalExchange, client: Clients) -> None:
    made = client(served)
    assert buy(made)["status"] == "FILLED"
    balances = {row["asset"]: float(row["free"]) for row in made.get_account()["balances"]}
    assert 9_899 < balances["USDT"] < 9_901
    assert all(row.difference == 0 for row in served.conservation().values())


def test_time_moves_when_told_and_klines_with_it(served: LocalExchange, client: Clients) -> None:
    made = client(served)
    begun = served.now_ms
    assert made.get_server_time() == {"serverTime": begun}
    assert served.advance(3) == begun + 3 * 3_600_000
    assert served.advance(until=begun + 4 * 3_600_000) == made.get_server_time()["serverTime"]
    assert made.get_klines(symbol="BTCUSDT", interval="1h")[-1][0] == served.now_ms


def test_a_stream_tells_what_an_advance_plays(served: LocalExchange, client: Clients) -> None:
    stream = websocket.create_connection(f"{served.ws_url}/ws/btcusdt@kline_1h", timeout=5)
    served.advance(1)
    assert '"x":true' in stream.recv()
    stream.close()


def test_the_adapter_asks_a_served_exchange_in_its_own_thread(served: LocalExchange, client: Clients) -> None:
    assert buy(client(served, in_process=True))["status"] == "FILLED"


def test_a_port_that_is_taken_is_one_clear_line() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken, pytest.raises(NetworkError, match="cannot serve"):
        LocalExchange(CANDLES, port=taken.getsockname()[1]).__enter__()


def test_stopping_frees_the_port_and_ends_every_connection(served: LocalExchange, client: Clients) -> None:
    stream = websocket.create_connection(f"{served.ws_url}/ws/btcusdt@trade", timeout=5)
    url, before = served.http_url, len(serving())
    served.stop()
    served.stop()
    assert stream.recv_frame().opcode == websocket.ABNF.OPCODE_CLOSE
    stream.shutdown()
    with pytest.raises(requests.ConnectionError):
        requests.get(f"{url}/api/v3/ping", timeout=1)
    assert len(serving()) == before - 1


def test_without_a_port_the_adapter_is_the_way_in(in_process: LocalExchange, client: Clients) -> None:
    with in_process as exchange:
        assert buy(client(exchange, in_process=True))["status"] == "FILLED"
        with pytest.raises(UsageError, match="no port"):
            exchange.ws_url  # noqa: B018


def test_a_refusal_looks_like_the_real_one(in_process: LocalExchange, client: Clients) -> None:
    with pytest.raises(BinanceAPIException) as refused:
        buy(client(in_process, in_process=True, secret="wrong"))
    assert (refused.value.status_code, refused.value.code) == (400, -1022)


def test_an_account_opened_later_can_trade(in_process: LocalExchange, client: Clients) -> None:
    in_process.open_account(Account("late", "secret", {"USDT": Decimal(500)}))
    in_process.open_account("later:secret:USDT=500")
    for key in ("late", "later"):
        assert buy(client(in_process, in_process=True, key=key))["status"] == "FILLED"


@pytest.mark.parametrize(
    ("fault", "parameters", "error"),
    [
        ("drop_before", {}, requests.ConnectionError),
        ("drop_after_accept", {}, requests.ConnectionError),
        ("half_open", {}, requests.ReadTimeout),
        ("delay", {"delay_ms": 60_000}, requests.ReadTimeout),
    ],
)
def test_faults_look_as_they_do_over_a_socket(
    in_process: LocalExchange, client: Clients, fault: str, parameters: dict[str, Any], error: type[Exception]
) -> None:
    made = client(in_process, in_process=True)
    in_process.parts.board.set(fault, "POST /api/v3/order", count=1, **parameters)
    with pytest.raises(error):
        buy(made)
    assert buy(made)["status"] == "FILLED"
    assert len(in_process.parts.board.struck) == 1


def test_a_short_delay_is_waited_for(in_process: LocalExchange, client: Clients) -> None:
    in_process.parts.board.set("delay", "GET /api/v3/time", count=1, delay_ms=500)
    client(in_process, in_process=True).get_server_time()
    clock = in_process.parts.exchange.clock
    assert isinstance(clock, ManualClock)
    assert clock.slept == [0.5]


def test_stepped_time_has_no_speed() -> None:
    with pytest.raises(UsageError, match="no speed"):
        LocalExchange(CANDLES, stepped=True, speed=2)


def test_who_asks_every_few_seconds_keeps_the_connection() -> None:
    with LocalExchange(candles=CANDLES, accounts=[MONEY], stepped=True) as exchange:
        host = Host(exchange.parts)
        host.socket.close()
        assert host.config.timeout_keep_alive >= 60
