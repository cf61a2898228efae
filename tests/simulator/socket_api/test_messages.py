from __future__ import annotations

from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.simulator.socket_api.client import WALL_MS, Client, Place

from thunes.simulator.api.routes import ROUTES
from thunes.simulator.request import Refused
from thunes.simulator.socket_api.messages import Unreadable, answer, read, texts

SHARED: list[Client] = []
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


def client() -> Client:
    """One for all examples: nothing that they send may wear it out."""
    if not SHARED:
        SHARED.append(Place(limits=False).connect())
    return SHARED[0]


def dumped(document: Any) -> bytes:
    return orjson.dumps(document)


@pytest.mark.parametrize("request_id", [1, -5, 2**63 - 1, "a", "A_z-9" * 7, None])
def test_an_id_comes_back_as_it_was_sent(request_id: Any) -> None:
    [told] = client().send({"id": request_id, "method": "ping"})
    assert (told["id"], told["status"], told["result"]) == (request_id, 200, {})


@pytest.mark.parametrize("bad", [True, 1.5, "", "a b", "a" * 37, [], {}, "é", 2**70])
def test_an_id_of_another_shape_is_refused_in_the_exchanges_words(bad: Any) -> None:
    [told] = client().send_raw(b'{"id":%b,"method":"ping"}' % (dumped(bad) if bad != 2**70 else b"%d" % bad))
    text = "Invalid 'id' in JSON request; expected an integer, a string matching '^[a-zA-Z0-9-_]{1,36}$', or null."
    assert told == {"id": None, "status": 400, "error": {"code": -1135, "msg": text}}


def test_a_missing_id_is_refused() -> None:
    [told] = client().send({"method": "ping"})
    assert told["error"]["code"] == -1135


@pytest.mark.parametrize("raw", [b"", b"nonsense", b"[]", b"1", b"null", b'{"id":1', b"\xff\xfe", b'"ping"'])
def test_what_is_no_json_object_is_no_request(raw: bytes) -> None:
    [told] = client().send_raw(raw)
    assert told == {"id": None, "status": 400, "error": {"code": -1135, "msg": "Invalid JSON Request"}}


@pytest.mark.parametrize("document", [{"id": 7}, {"id": 7, "method": 5}, {"id": 7, "method": None}])
def test_a_method_must_be_a_string(document: Any) -> None:
    [told] = client().send(document)
    assert (told["id"], told["error"]["msg"]) == (7, "Invalid 'method' in JSON request; expected a string.")


@pytest.mark.parametrize("parameters", [None, [], "symbol=BTCUSDT", 3])
def test_parameters_must_be_an_object(parameters: Any) -> None:
    [told] = client().send({"id": 7, "method": "ping", "params": parameters})
    assert (told["id"], told["error"]["msg"]) == (7, "Invalid 'params' in JSON request; expected an object.")


@pytest.mark.parametrize("method", ["pong", "order.Place", "v2/ping", ""])
def test_an_unknown_method_is_refused(method: str) -> None:
    [told] = client().send({"id": 7, "method": method})
    assert (told["id"], told["status"]) == (7, 404)
    assert told["error"] == {"code": -5000, "msg": f"Method {method} is invalid"}


def test_a_method_may_name_its_version() -> None:
    assert read(b'{"id":1,"method":"v3/ping"}').method == "ping"


def test_values_become_the_text_that_rest_would_send() -> None:
    values = {"text": "0.10", "whole": 10, "small": 0.00001, "large": 1e21, "flag": True, "list": ["BTCUSDT", "BNBBTC"]}
    assert texts(values) == {
        "text": "0.10",
        "whole": "10",
        "small": "0.00001",
        "large": "1000000000000000000000",
        "flag": "true",
        "list": '["BTCUSDT","BNBBTC"]',
    }


@pytest.mark.parametrize("empty", [None, ""])
def test_empty_values_are_refused(empty: Any) -> None:
    with pytest.raises(Refused, match="Parameter 'symbol' was empty") as refused:
        texts({"symbol": empty})
    assert refused.value.code == -1105


def test_a_value_too_deep_to_be_written_is_refused() -> None:
    raw = b'{"id":1,"method":"klines","params":{"symbol":' + b"[" * 500 + b"]" * 500 + b"}}"
    [told] = client().send_raw(raw)
    assert told["error"]["code"] == -1100


def test_an_answer_holds_its_body_unchanged() -> None:
    assert answer("a", 200, b"[1.50]") == b'{"id":"a","status":200,"result":[1.50]}'
    assert answer(None, 400, b"{}", []) == b'{"id":null,"status":400,"error":{},"rateLimits":[]}'


def is_error(told: dict[str, Any]) -> bool:
    error = told["error"]
    return told["status"] >= 400 and isinstance(error["code"], int) and isinstance(error["msg"], str)


@given(st.binary(max_size=80))
def test_any_bytes_get_one_error(raw: bytes) -> None:
    [told] = client().send_raw(raw)
    assert told["id"] is None
    assert is_error(told)


@given(JSON)
def test_any_json_gets_one_error(document: Any) -> None:
    try:
        raw = dumped(document)
    except orjson.JSONEncodeError:  # integers beyond 64 bits
        return
    [told] = client().send_raw(raw)
    assert is_error(told)


METHODS = [
    *sorted(route.socket_method for route in ROUTES if route.socket_method),
    "session.logon",
    "session.status",
    "session.logout",
    "session.subscriptions",
    "userDataStream.subscribe",
    "userDataStream.subscribe.signature",
    "userDataStream.unsubscribe",
    "userDataStream.start",
]
NAMES = ["symbol", "apiKey", "signature", "timestamp", "recvWindow", "subscriptionId", "returnRateLimits", "interval"]
PLAIN = st.none() | st.booleans() | st.integers(-(2**63), 2**63) | st.floats(allow_nan=False, allow_infinity=False)
WORDS = st.text() | st.sampled_from(["BTCUSDT", "1m", "ann-hmac", "ann-ed25519", "true", str(WALL_MS)])
VALUES = PLAIN | WORDS | st.lists(st.text(), max_size=2)


@given(st.sampled_from(METHODS), st.dictionaries(st.sampled_from(NAMES) | st.text(), VALUES, max_size=5))
def test_any_parameters_get_one_answer(method: str, parameters: dict[str, Any]) -> None:
    try:
        raw = dumped({"id": 9, "method": method, "params": parameters})
    except orjson.JSONEncodeError:
        return
    [told] = client().send_raw(raw)
    assert told["id"] == 9
    assert told["status"] == 200 or is_error(told)


def test_what_cannot_be_read_keeps_its_id_where_it_can() -> None:
    with pytest.raises(Unreadable) as unreadable:
        read(b'{"id":"mine"}')
    assert unreadable.value.id == "mine"
