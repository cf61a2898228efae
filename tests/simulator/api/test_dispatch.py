"""From a request to its answer: the order of the checks, what is charged, what is counted."""

from __future__ import annotations

import hmac
from decimal import Decimal
from urllib.parse import urlencode

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from thunes.clock import ManualClock
from thunes.market.synthetic import generate
from thunes.simulator.api.dispatch import MOST_BYTES
from thunes.simulator.api.messages import HTML, Answer, Request
from thunes.simulator.api.security import Key
from thunes.simulator.server.build import Given, build_exchange
from thunes.simulator.server.customers import Account
from thunes.simulator.server.parts import Options, Parts

CANDLES = generate("BTCUSDT", "1h", 50, seed=7)
ORDER = "/api/v3/order"
BUY = {"symbol": "BTCUSDT", "side": "BUY", "type": "MARKET", "quoteOrderQty": "100"}


def parts(speed: float | None = None, *, limits: bool = True, time_checks: bool | None = None) -> Parts:
    exchange = build_exchange(Given(CANDLES, speed=speed, clock=ManualClock(1_700_000_000_000)))
    accounts = [Account("ann", "secret", {"USDT": Decimal(10_000)})]
    return Parts(exchange, accounts, Options(limits=limits, time_checks=time_checks))


def ask(on: Parts, method: str, path: str, query: str = "", body: str = "", key: str = "") -> Answer:
    return on.dispatcher.answer(Request(method, path, query.encode(), body.encode(), key))


def sign(parameters: dict[str, str], secret: str = "secret") -> str:
    payload = urlencode(parameters)
    return f"{payload}&signature={hmac.digest(secret.encode(), payload.encode(), 'sha256').hex()}"


def send(on: Parts, method: str = "POST", path: str = ORDER, secret: str = "secret", **parameters: str) -> Answer:
    sent = {**parameters, "timestamp": parameters.get("timestamp") or str(on.exchange.server_time)}
    signed = sign(sent, secret)
    return ask(on, method, path, *((signed, "") if method == "GET" else ("", signed)), key="ann")


def code(answer: Answer) -> tuple[int, int]:
    return answer.status, orjson.loads(answer.body)["code"]


def header(answer: Answer, name: str) -> str | None:
    return dict(answer.headers).get(name.encode(), b"").decode() or None


def test_a_public_question_needs_no_key() -> None:
    on = parts()
    assert orjson.loads(ask(on, "GET", "/api/v3/time").body) == {"serverTime": on.exchange.now_ms}


def test_a_signed_order_is_done_and_shows_what_it_used_up() -> None:
    on = parts()
    answer = send(on, **BUY)
    assert (answer.status, orjson.loads(answer.body)["status"]) == (200, "FILLED")
    assert header(answer, "x-mbx-used-weight-1m") == "0"
    assert header(answer, "x-mbx-order-count-10s") == "0"  # filled at once: no longer unfilled


def test_a_resting_order_counts_as_unfilled_and_a_refused_one_does_not() -> None:
    on = parts()
    rests = {"symbol": "BTCUSDT", "side": "BUY", "type": "LIMIT", "timeInForce": "GTC", "quantity": "0.001"}
    price = str((on.exchange.last_price("BTCUSDT") or Decimal(0)).quantize(Decimal(1)) - 100)
    assert header(send(on, **rests, price=price), "x-mbx-order-count-1d") == "1"
    refused = send(on, **rests, price="0.001")
    assert code(refused) == (400, -1013)
    assert header(refused, "x-mbx-order-count-1d") == "1"
    assert header(refused, "x-mbx-used-weight-1m") == "1"


def test_the_secret_must_fit_and_the_key_be_known() -> None:
    on = parts()
    assert code(send(on, secret="other", **BUY)) == (400, -1022)
    assert code(ask(on, "GET", "/api/v3/account", sign({"timestamp": "1"}), key="bob")) == (401, -2015)
    assert code(ask(on, "GET", "/api/v3/account", sign({"timestamp": "1"}))) == (401, -2014)


def test_a_key_that_may_only_read_reads() -> None:
    on = parts()
    on.keyring.add(Key("ann", "ann", secret="secret", may_trade=False))
    assert send(on, "GET", "/api/v3/account").status == 200
    assert code(send(on, **BUY)) == (401, -2015)


def test_time_is_checked_where_a_client_s_clock_can_follow() -> None:
    late = {**BUY, "timestamp": "1600000000000"}
    assert send(parts(), **late).status == 200
    assert send(parts(speed=60), **late).status == 200
    assert code(send(parts(speed=1), **late)) == (400, -1021)
    assert code(send(parts(time_checks=True), **late)) == (400, -1021)
    assert send(parts(speed=1, time_checks=False), **late).status == 200


def test_a_faulty_clock_is_the_one_that_requests_are_judged_by() -> None:
    on = parts(time_checks=True)
    stamp = str(on.exchange.now_ms)
    on.exchange.clock_offset_ms = 60_000
    assert code(send(on, **BUY, timestamp=stamp)) == (400, -1021)
    assert send(on, **BUY).status == 200


def test_the_limit_of_weight_holds_and_going_on_is_banned() -> None:
    on = parts()
    for _ in range(300):
        assert ask(on, "GET", "/api/v3/exchangeInfo", "symbol=BTCUSDT").status == 200
    refused = ask(on, "GET", "/api/v3/ping")
    assert code(refused) == (429, -1003)
    assert int(header(refused, "retry-after") or 0) > 0
    answers = [ask(on, "GET", "/api/v3/ping") for _ in range(20)]
    assert code(answers[-1]) == (418, -1003)
    assert ask(parts(limits=False), "GET", "/api/v3/ping").status == 200


def test_so_many_unfilled_orders_and_no_more() -> None:
    on = parts()
    price = str((on.exchange.last_price("BTCUSDT") or Decimal(0)).quantize(Decimal(1)) - 100)
    rests = {"symbol": "BTCUSDT", "side": "BUY", "type": "LIMIT", "timeInForce": "GTC", "quantity": "0.001"}
    for _ in range(100):
        assert send(on, **rests, price=price).status == 200
        assert send(on, "DELETE", "/api/v3/openOrders", symbol="BTCUSDT").status == 200
    assert code(send(on, **rests, price=price)) == (429, -1015)


def test_what_is_gone_is_gone_and_what_never_was_is_not_there() -> None:
    on = parts()
    gone = ask(on, "POST", "/api/v3/userDataStream", key="ann")
    assert (gone.status, gone.content_type) == (410, HTML)
    assert ask(on, "GET", "/api/v3/nonsense").status == 404
    assert ask(on, "PUT", "/api/v3/ping").status == 404


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("symbol=BTCUSDT&symbol=BTCUSDT", (400, -1101)),
        ("symbol=", (400, -1105)),
        ("symbol=BTCUSDT&nonsense=1", (400, -1104)),
        ("symbol=%FF", (400, -1100)),
        ("symbol", (400, -1100)),
        ("symbol=BTC\xffUSDT", (400, -1100)),
        ("symbol=" + "A" * MOST_BYTES, (413, -1100)),
        ("symbol=BTCUSDX", (400, -1121)),
    ],
)
def test_parameters_that_cannot_be_read(query: str, expected: tuple[int, int]) -> None:
    assert code(ask(parts(), "GET", "/api/v3/depth", query)) == expected


def test_an_order_may_be_split_over_query_and_body() -> None:
    on = parts()
    first, second = urlencode({"symbol": "BTCUSDT", "side": "BUY"}), urlencode({
        "type": "MARKET", "quoteOrderQty": "100", "timestamp": str(on.exchange.now_ms)
    })  # fmt: skip
    signature = hmac.digest(b"secret", (first + second).encode(), "sha256").hex()
    assert ask(on, "POST", ORDER, first, f"{second}&signature={signature}", key="ann").status == 200


REQUESTS = st.builds(
    Request,
    st.sampled_from(["GET", "POST", "PUT", "DELETE", "PATCH", "HEAD"]),
    st.sampled_from([ORDER, "/api/v3/klines", "/api/v3/account", "/api/v3/orderList/oco", "/api/v3", "/", "/api/../x"]),
    st.binary(max_size=60),
    st.binary(max_size=60),
    st.text(max_size=10),
)


@given(request=REQUESTS)
def test_whatever_is_sent_gets_an_answer(request: Request) -> None:
    on = parts()
    answer = on.dispatcher.answer(request)
    assert 200 <= answer.status < 500
    assert all(row.difference == 0 for row in on.exchange.engine.conservation().values())


def test_what_query_and_body_both_hold_counts_as_the_query_has_it() -> None:
    on = parts()
    first = urlencode({"symbol": "BTCUSDT", "side": "BUY", "quoteOrderQty": "100"})
    second = urlencode({"type": "MARKET", "quoteOrderQty": "200", "timestamp": str(on.exchange.now_ms)})
    signature = hmac.digest(b"secret", (first + second).encode(), "sha256").hex()
    answer = ask(on, "POST", ORDER, f"{first}&signature={signature}", f"{second}&signature=00", key="ann")
    assert orjson.loads(answer.body)["origQuoteOrderQty"] == "100.00000000"


@pytest.mark.parametrize(
    "query", ["&symbol=BTCUSDT", "symbol=BTCUSDT&", "symbol=%42TCUSDT&&limit=5&", "symbol=BTCUSDT&&"]
)
def test_an_ampersand_too_many_says_nothing(query: str) -> None:
    assert ask(parts(), "GET", "/api/v3/depth", query).status == 200


def test_a_replacement_that_is_filled_at_once_no_longer_counts_as_unfilled() -> None:
    on = parts()
    swap = {"cancelReplaceMode": "ALLOW_FAILURE", "cancelOrderId": "9"}
    answer = send(on, path=f"{ORDER}/cancelReplace", **BUY, **swap)
    assert code(answer) == (409, -2021)
    assert header(answer, "x-mbx-order-count-10s") == "0"
    resting = {"symbol": "BTCUSDT", "side": "BUY", "type": "LIMIT", "timeInForce": "GTC", "quantity": "0.001"}
    market = str((on.exchange.last_price("BTCUSDT") or Decimal(0)).quantize(Decimal(1)))
    for price in ("0.001", market):  # refused by a filter, and for want of money
        refused = send(on, path=f"{ORDER}/cancelReplace", **resting | {"quantity": "9"}, price=price, **swap)
        assert header(refused, "x-mbx-order-count-10s") == "0"
