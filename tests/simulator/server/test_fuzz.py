"""Valid and senseless calls in any order, over HTTP and WebSocket: the books stay right, and both tell one story."""

from __future__ import annotations

import time
from contextlib import ExitStack
from decimal import Decimal
from typing import Any

import orjson
import pytest
import websocket
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test
from tests.simulator.server.abuse import PATIENCE, rest_of, signed_object, spoken, unflappable

from thunes.simulator.api.routes import ROUTES
from thunes.simulator.server.local import LocalExchange

pytestmark = pytest.mark.loopback
D = Decimal
LONG_RUN = 600.0  # seconds
OPEN = {"NEW", "PARTIALLY_FILLED"}
ENDS = {"FILLED", "CANCELED", "EXPIRED", "EXPIRED_IN_MATCH"}
LEGAL = {
    None: {"NEW", "PENDING_NEW"},
    "PENDING_NEW": {"PENDING_NEW", "NEW", "CANCELED", "EXPIRED"},
    "NEW": OPEN | ENDS,
    "PARTIALLY_FILLED": {"PARTIALLY_FILLED"} | ENDS,
}
NAMES = sorted(
    {name for route in ROUTES for name in route.reads or ()}
    | {"symbol", "side", "type", "quantity", "price", "stopPrice", "timeInForce", "newClientOrderId", "trailingDelta"}
    | {"quoteOrderQty", "icebergQty", "strategyId", "strategyType", "computeCommissionRates", "cancelReplaceMode"}
    | {"listClientOrderId", "workingType", "pendingSide", "aboveType", "belowType", "recvWindow", "apiKey", "ölé"}
)
WORDS = [
    "BTCUSDT", "NOPEUSDT", "BUY", "SELL", "LIMIT", "MARKET", "STOP_LOSS", "GTC", "FOK", "1h", "1M", "true", "null",
    "0", "1", "-1", "0.001", "1e-5", "9" * 20, "9" * 21, "0." + "0" * 19 + "1", "9" * 20 + "." + "9" * 20, "NaN",
    "1514764800000", "18446744073709551616", '["BTCUSDT"]', '["BTCUSDT","BTCUSDT"]', "[]", "[" * 50, "\x00", "٣", "💥",
]  # fmt: skip
sides, numbers = st.sampled_from(["BUY", "SELL"]), st.integers(0, 30)
offsets = st.integers(-300, 300).map(lambda n: D(n) / 10_000)  # of the price
sizes = st.integers(10, 400).map(lambda n: D(n) / 10_000)
hostile = st.dictionaries(st.sampled_from(NAMES), st.sampled_from(WORDS) | st.text(max_size=8), max_size=6)
junk = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=9), inner, max_size=3),
    max_leaves=6,
)


class Abuse(RuleBasedStateMachine):
    """A customer who also sends nonsense, and believes only what the user stream has told."""

    calls = 0

    def __init__(self) -> None:
        super().__init__()
        self.life = ExitStack()
        self.exchange: LocalExchange = self.life.enter_context(unflappable())
        self.rest, self.asked = self.life.enter_context(rest_of(self.exchange)), 0
        self.socket = websocket.create_connection(f"{self.exchange.ws_url}/ws-api/v3", timeout=PATIENCE)
        self.life.callback(self.socket.shutdown)
        self.orders: dict[int, dict[str, Any]] = {}  # the newest report of each
        self.balances: dict[str, tuple[str, str]] = {}
        assert self.over_socket("userDataStream.subscribe.signature", signed_object({}))["status"] == 200
        self.price = D(self.rest.ask("GET", "/api/v3/ticker/price?symbol=BTCUSDT")[1]["price"])

    def teardown(self) -> None:
        self.life.close()

    # How it asks

    def over_socket(self, method: Any, parameters: Any) -> dict[str, Any]:
        """The answer to a request; the events before it are taken to heart."""
        self.asked += 1
        Abuse.calls += 1
        self.socket.send(orjson.dumps({"id": self.asked, "method": method, "params": parameters}))
        while True:
            message = orjson.loads(self.socket.recv())
            if "event" in message:
                self.hear(message["event"])
            elif message["id"] == self.asked:
                assert message["status"] == 200 or message["error"]["code"] < 0
                assert message["status"] < 500
                return dict(message)

    def hear(self, event: dict[str, Any]) -> None:
        if event["e"] == "executionReport":
            known = self.orders.get(event["i"], {"X": None, "z": "0"})
            assert event["X"] in LEGAL[known["X"]]
            assert D(known["z"]) <= D(event["z"]) <= D(event["q"])
            assert D(event["z"]) - D(known["z"]) == D(event["l"]) * (event["x"] == "TRADE")
            self.orders[event["i"]] = event
        elif event["e"] == "outboundAccountPosition":
            self.balances |= {row["a"]: (row["f"], row["l"]) for row in event["B"]}

    def sign(self, method: str, path: str, **parameters: Any) -> Any:
        Abuse.calls += 1
        status, document = self.rest.sign(method, f"/api/v3/{path}", **parameters)
        assert status < 500
        assert status == 200 or document["code"] < 0
        return document

    def known(self, number: int) -> int:
        return sorted(self.orders)[number % len(self.orders)] if self.orders else number

    def near(self, offset: Decimal) -> str:
        return format((self.price * (1 + offset)).quantize(D("0.01")), "f")

    # What makes sense

    @rule(side=sides, offset=offsets, size=sizes, kind=st.sampled_from(["GTC", "IOC", "FOK"]), socket=st.booleans())
    def limit(self, side: str, offset: Decimal, size: Decimal, kind: str, socket: bool) -> None:
        order = {"symbol": "BTCUSDT", "side": side, "type": "LIMIT", "timeInForce": kind}
        order |= {"quantity": format(size, "f"), "price": self.near(offset)}
        if socket:
            self.over_socket("order.place", signed_object(order))
        else:
            self.sign("POST", "order", **order)

    @rule(side=sides, size=sizes)
    def market(self, side: str, size: Decimal) -> None:
        self.sign("POST", "order", symbol="BTCUSDT", side=side, type="MARKET", quantity=format(size, "f"))

    @rule(side=sides, offset=offsets, size=sizes, kind=st.sampled_from(["STOP_LOSS", "TAKE_PROFIT"]))
    def stop(self, side: str, offset: Decimal, size: Decimal, kind: str) -> None:
        more = {"stopPrice": self.near(offset), "quantity": format(size, "f")}
        self.sign("POST", "order", symbol="BTCUSDT", side=side, type=kind, **more)

    @rule(side=sides, offset=offsets, size=sizes)
    def pair(self, side: str, offset: Decimal, size: Decimal) -> None:
        up, down = self.near(abs(offset) + D("0.001")), self.near(-abs(offset) - D("0.001"))
        kinds = ("LIMIT_MAKER", "STOP_LOSS") if side == "SELL" else ("STOP_LOSS", "LIMIT_MAKER")
        more = {"abovePrice" if side == "SELL" else "aboveStopPrice": up}
        more |= {"belowStopPrice" if side == "SELL" else "belowPrice": down}
        kind = {"aboveType": kinds[0], "belowType": kinds[1]}
        self.sign("POST", "orderList/oco", symbol="BTCUSDT", side=side, quantity=format(size, "f"), **kind, **more)

    @rule(number=numbers)
    def cancel(self, number: int) -> None:
        self.sign("DELETE", "order", symbol="BTCUSDT", orderId=self.known(number))

    @rule()
    def cancel_all(self) -> None:
        self.sign("DELETE", "openOrders", symbol="BTCUSDT")

    @rule(number=numbers, size=sizes)
    def amend(self, number: int, size: Decimal) -> None:
        which = self.known(number)
        self.sign("PUT", "order/amend/keepPriority", symbol="BTCUSDT", orderId=which, newQty=format(size / 10, "f"))

    @rule(
        number=numbers,
        side=sides,
        offset=offsets,
        size=sizes,
        mode=st.sampled_from(["STOP_ON_FAILURE", "ALLOW_FAILURE"]),
    )
    def replace(self, number: int, side: str, offset: Decimal, size: Decimal, mode: str) -> None:
        order = {
            "symbol": "BTCUSDT",
            "side": side,
            "type": "LIMIT",
            "timeInForce": "GTC",
            "quantity": format(size, "f"),
        }
        order |= {"price": self.near(offset), "cancelReplaceMode": mode, "cancelOrderId": str(self.known(number))}
        self.sign("POST", "order/cancelReplace", **order)

    @rule(minutes=st.integers(1, 90))
    def advance(self, minutes: int) -> None:
        self.exchange.advance(until=self.exchange.now_ms + minutes * 60_000)

    @rule(status=st.sampled_from(["TRADING", "HALT", "BREAK", "CANCEL_ONLY"]))
    def change(self, status: str) -> None:
        assert self.rest.ask("POST", "/sim/v1/symbols/BTCUSDT", orjson.dumps({"status": status}))[0] == 200

    # What makes none

    @rule(route=st.sampled_from(ROUTES), parameters=hostile)
    def senseless(self, route: Any, parameters: dict[str, str]) -> None:
        self.sign(route.method, route.path.removeprefix("/api/v3/"), **parameters)

    @rule(route=st.sampled_from([route for route in ROUTES if route.socket_method]), parameters=hostile)
    def senseless_over_socket(self, route: Any, parameters: dict[str, str]) -> None:
        self.over_socket(route.socket_method, signed_object(parameters))

    @rule(method=junk | st.sampled_from([route.socket_method for route in ROUTES]), parameters=junk)
    def unsigned_over_socket(self, method: Any, parameters: Any) -> None:
        if orjson_takes(method) and orjson_takes(parameters):
            self.over_socket(method, parameters)

    @rule(content=st.binary(max_size=60))
    def noise(self, content: bytes) -> None:
        Abuse.calls += 1
        head = b"GET /api/v3/time HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\nX: "
        assert spoken(self.exchange, head + content + b"\x01\r\n\r\n").startswith(b"HTTP/1.1 400")

    @rule(
        path=st.sampled_from(["accounts", "accounts/key/deposit", "clock/advance", "symbols/BTCUSDT", "faults"]),
        body=junk,
    )
    def senseless_control(self, path: str, body: Any) -> None:
        if orjson_takes(body) and not (path == "symbols/BTCUSDT" and isinstance(body, dict)):
            Abuse.calls += 1
            assert self.rest.ask("POST", f"/sim/v1/{path}", orjson.dumps(body))[0] in (200, 400)

    # What always holds

    @invariant()
    def both_tell_one_story(self) -> None:
        self.over_socket("ping", {})  # what was told before its answer is heard
        account = self.sign("GET", "account")
        held = {row["asset"]: (row["free"], row["locked"]) for row in account["balances"]}
        assert all(D(free) >= 0 and D(locked) >= 0 for free, locked in held.values())
        assert {asset: tuple(map(D, held[asset])) for asset in self.balances} == {
            asset: tuple(map(D, told)) for asset, told in self.balances.items()
        }
        shown = {row["orderId"]: (row["status"], D(row["executedQty"])) for row in self.sign("GET", "openOrders")}
        told = {number: (one["X"], D(one["z"])) for number, one in self.orders.items() if one["X"] not in ENDS}
        assert shown == told

    @invariant()
    def nothing_is_lost_or_made(self) -> None:
        assert all(row.difference == 0 for row in self.exchange.conservation().values())


def orjson_takes(value: Any) -> bool:
    try:
        orjson.dumps(value)
    except TypeError:
        return False
    return True


def abuse(examples: int, steps: int) -> None:
    Abuse.calls = 0
    checks = (HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.data_too_large)
    run_state_machine_as_test(
        Abuse,
        settings=settings(
            max_examples=examples, stateful_step_count=steps, deadline=None, suppress_health_check=checks, database=None
        ),
    )


def test_abuse_changes_nothing_that_must_hold() -> None:
    abuse(examples=8, steps=25)


@pytest.mark.long
def test_ten_minutes_of_abuse() -> None:
    begun = time.monotonic()
    while time.monotonic() - begun < LONG_RUN:
        abuse(examples=20, steps=100)
        print(f"{Abuse.calls} calls after {time.monotonic() - begun:.0f} s")  # noqa: T201
