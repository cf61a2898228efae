"""Faults in front of the real endpoints: what the client hears, and what the exchange has done meanwhile."""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass

import orjson
import pytest
from tests.simulator.faults.market import Seat, error
from tests.simulator.faults.market import desk as desk

from thunes.simulator.api.dispatch import Dispatcher
from thunes.simulator.api.limits import Limiter
from thunes.simulator.api.messages import Answer, Request
from thunes.simulator.api.routes import ROUTES
from thunes.simulator.api.security import Key, Keyring
from thunes.simulator.faults.answers import ORDER_QUERIES


@dataclass
class Client:
    """Somebody who signs what is asked."""

    desk: Seat
    dispatcher: Dispatcher

    def ask(self, method: str, path: str, query: str) -> Answer:
        signed = f"{query}&recvWindow=5000&timestamp={self.desk.exchange.now_ms}"
        signature = hmac.new(b"word", signed.encode(), hashlib.sha256).hexdigest()
        return self.dispatcher.answer(Request(method, path, f"{signed}&signature={signature}".encode(), api_key="key"))

    def buy(self) -> Answer:
        wish = "symbol=BTCUSDT&side=BUY&type=MARKET&quantity=0.001&newClientOrderId=one"
        return self.ask("POST", "/api/v3/order", wish)

    def look(self) -> Answer:
        return self.ask("GET", "/api/v3/order", "symbol=BTCUSDT&origClientOrderId=one")

    @property
    def orders(self) -> list[str]:
        return [order.status for order in self.desk.exchange.engine.all_orders("ann", "BTCUSDT")]


@pytest.fixture
def client(desk: Seat) -> Client:
    keyring = Keyring()
    keyring.add(Key("key", "ann", secret="word"))
    desk.board.routes = [f"{route.method} {route.path}" for route in ROUTES]
    limiter = Limiter(desk.exchange.info.rate_limits)
    return Client(desk, Dispatcher(desk.exchange, ROUTES, keyring=keyring, limiter=limiter, board=desk.board))


@pytest.mark.parametrize(
    ("name", "orders"), [("drop_before", []), ("drop_after_accept", ["FILLED"]), ("error_after_accept", ["FILLED"])]
)
def test_whether_an_order_was_accepted_cannot_be_told_from_the_answer(
    client: Client, name: str, orders: list[str]
) -> None:
    client.desk.board.set(name, "POST /api/v3/order", count=1)
    answer = client.buy()
    assert answer.manner.cut or answer.status == 503
    assert client.orders == orders
    assert client.desk.struck() == [(name, "POST /api/v3/order")]


def test_an_order_that_was_filled_is_not_found_for_a_while(client: Client) -> None:
    client.desk.board.set("order_lag", "GET /api/v3/order", seconds=20)
    assert client.buy().status == 200
    assert error(client.look()) == (400, -2013)
    client.desk.exchange.advance_to(client.desk.exchange.now_ms + 20_000)
    assert orjson.loads(client.look().body)["status"] == "FILLED"


def test_a_symbol_that_halts_is_answered_by_the_exchange_itself(client: Client) -> None:
    client.desk.board.set("symbol_status", symbol="BTCUSDT", status="HALT")
    assert error(client.buy()) == (400, -1013)


def test_a_clock_that_is_off_refuses_what_was_signed(client: Client) -> None:
    client.desk.board.set("clock_offset", ms=-10_000)
    assert error(client.buy()) == (400, -1021)
    client.desk.board.clear()
    assert client.buy().status == 200


def test_the_queries_that_lag_are_endpoints() -> None:
    known = {f"{route.method} {route.path}" for route in ROUTES} | {route.socket_method for route in ROUTES}
    assert known >= ORDER_QUERIES
