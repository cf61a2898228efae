"""What no client should send: every piece of it is answered with an error, and nothing else happens."""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import Any

import orjson
import pytest
import websocket
from tests.simulator.server.abuse import (
    CANDLES,
    HOST,
    PATIENCE,
    UPGRADE,
    Rest,
    framed,
    handshake,
    rest_of,
    signed,
    signed_object,
    spoken,
    unflappable,
)  # fmt: skip
from websockets.frames import Frame, Opcode

from thunes.simulator import LocalExchange

pytestmark = pytest.mark.loopback
GET, CLOSE = b"GET /api/v3/time HTTP/1.1\r\n", b"Connection: close\r\n"
POST = b"POST /api/v3/order HTTP/1.1\r\n" + HOST
NOISE = random.Random(7).randbytes(200)
DEEP, DEEPER = b"[" * 300 + b"]" * 300, b"[" * 5_000 + b"]" * 5_000
LONG = "9" * 20 + "." + "9" * 20


@pytest.fixture(scope="module")
def served() -> Iterator[LocalExchange]:
    with unflappable() as exchange:
        yield exchange


@pytest.fixture
def exchange(served: LocalExchange) -> Iterator[LocalExchange]:
    """Still there afterwards, for others too; and nobody's money has moved."""
    before = served.conservation()
    yield served
    with rest_of(served) as rest:
        assert rest.ask("GET", "/api/v3/ping") == (200, {})
    assert served.conservation() == before


@pytest.fixture
def rest(exchange: LocalExchange) -> Iterator[Rest]:
    with rest_of(exchange) as rest:
        yield rest


# Bytes that are no HTTP


@pytest.mark.parametrize(
    "said",
    [
        NOISE + b"\r\n\r\n",
        bytes.fromhex("1603010200010001fc0303") + NOISE,  # TLS
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"CONNECT example.com:443 HTTP/1.1\r\n" + HOST + b"\r\n",
        b"BREW /api/v3/order HTTP/1.1\r\n" + HOST + b"\r\n",
        b"GET  HTTP/1.1\r\n" + HOST + b"\r\n",
        b"GET ?a=b HTTP/1.1\r\n" + HOST + b"\r\n",
        b"GET /api/v3/ping\x00 HTTP/1.1\r\n" + HOST + b"\r\n",
        "GET /api/v3/pïng HTTP/1.1\r\n".encode() + HOST + b"\r\n",
        GET + HOST + b"X: a\r\n folded\r\n\r\n",
        GET + b"Host : a\r\n\r\n",
        GET.replace(b"\r", b"") + b"Host: a\n\n",
        GET + HOST + b"GET / HTTP/1.1\x00: a\r\n\r\n",
        POST + b"Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + GET + HOST + b"\r\n",
        POST + b"Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
        POST + b"Content-Length: 3\r\nContent-Length: 5\r\n\r\nabcde",
        POST + b"Content-Length: -3\r\n\r\nabc",
        POST + b"Content-Length: 99999999999999999999999\r\n\r\nabc",
        POST + b"Transfer-Encoding: chunked\r\n\r\nZZ\r\nabc\r\n",
        POST + b"Transfer-Encoding: chunked\r\n\r\n" + b"f" * 17 + b"\r\nabc\r\n",
        GET.replace(b"GET", b"HEAD") + HOST + b"\r\n" + b"GET /ws HTTP/1.1\r\n" + UPGRADE + b"\r\n",  # sent ahead
    ],
)
def test_what_is_no_http_ends_the_connection(exchange: LocalExchange, said: bytes) -> None:
    answer = spoken(exchange, said)
    assert answer.startswith(b"HTTP/1.1 400 Bad Request\r\n")
    assert answer.count(b"HTTP/1.1") == 1  # nothing that was smuggled in is answered


@pytest.mark.parametrize("start", [GET + HOST + b"X: ", b"GET /api/v3/time?x=", GET + HOST + b"X: a\r\n" * 20_000])
def test_a_head_without_an_end_is_not_kept(exchange: LocalExchange, start: bytes) -> None:
    answer = spoken(exchange, start, *[b"a" * 65_536] * 40)
    assert b" 200 " not in answer  # the rest may come as a reset


@pytest.mark.parametrize(
    ("said", "status"),
    [
        (GET + CLOSE + b"\r\n", 200),  # without Host
        (b"GET /api/v3/time HTTP/1.0\r\n\r\n", 200),
        (b"GET http://example.com/api/v3/time HTTP/1.1\r\n" + CLOSE + HOST + b"\r\n", 200),
        (b"HEAD /api/v3/time HTTP/1.1\r\n" + CLOSE + HOST + b"\r\n", 404),
        (b"OPTIONS * HTTP/1.1\r\n" + CLOSE + HOST + b"\r\n", 404),
        (GET + HOST + b"Content-Length: 3\r\n" + CLOSE + b"\r\na=b", 200),
        (GET + HOST + b"Upgrade: h2c\r\nConnection: Upgrade, close\r\n\r\n", 200),
    ],
)
def test_what_is_odd_and_yet_http_is_answered(exchange: LocalExchange, said: bytes, status: int) -> None:
    assert spoken(exchange, said).startswith(b"HTTP/1.1 %d" % status)


def test_an_upgrade_may_follow_an_answer_at_once(exchange: LocalExchange) -> None:
    answer = spoken(exchange, GET + HOST + b"\r\nGET /ws HTTP/1.1\r\n" + UPGRADE + b"\r\n", until=b"101 Switching")
    assert answer.startswith(b"HTTP/1.1 200 OK\r\n")


def test_requests_that_come_at_once_are_answered_in_turn(exchange: LocalExchange) -> None:
    answer = spoken(exchange, (GET + HOST + b"\r\n") * 20 + GET + HOST + CLOSE + b"\r\n")
    assert answer.count(b"HTTP/1.1 200 OK") == 21


# Requests that mean nothing


@pytest.mark.parametrize(
    "path",
    [
        "//api/v3/time",
        "/api/v3/../v3/time",
        "/api/%2e%2e/api/v3/time",
        "/api/v3/time%00",
        "/api/v3/%ff%ed%a0%80",
        "//[",
    ],
)
@pytest.mark.parametrize("method", ["GET", "POST", "PATCH", "OPTIONS", "TRACE"])
def test_a_path_that_is_none_is_unknown(rest: Rest, method: str, path: str) -> None:
    status, answer = rest.ask(method, path)
    assert (status, answer["code"]) == (404, -5000)


def test_a_body_without_an_end_is_refused_long_before(exchange: LocalExchange) -> None:
    answer = spoken(exchange, POST + b"Content-Length: 1073741824\r\n\r\n", *[b"x" * 65_536] * 32, until=b"}")
    assert answer.startswith(b"HTTP/1.1 413")
    assert orjson.loads(answer.partition(b"\r\n\r\n")[2])["code"] == -1100
    control = (POST + b"Content-Length: 2000000\r\n\r\n").replace(b"/api/v3/order", b"/sim/v1/accounts")
    assert b'{"error":"E-SIM-BODY' in spoken(exchange, control, *[b"x" * 65_536] * 20, until=b"}")


def test_a_body_that_goes_on_after_its_refusal_ends_the_connection(exchange: LocalExchange) -> None:
    head = POST + b"Content-Length: 1073741824\r\n\r\n"
    spoken(exchange, head, *[b"x" * (1 << 20)] * 64)  # ends: in the server's memory there is room for no more


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b'{"symbol":"BTCUSDT"}', -1100), (b"\xff\xfe", -1100), (b"&&&", -1102), (b"symbol", -1100),
        (b"symbol=", -1105),
        (b"symbol=BTCUSDT&symbol=BTCUSDT", -1101), (b"a=" + b"x" * 70_000, -1100),
    ],
)  # fmt: skip
@pytest.mark.parametrize("kind", ["application/json", "multipart/form-data", "nonsense", ""])
def test_a_body_of_another_kind_is_refused(rest: Rest, body: bytes, code: int, kind: str) -> None:
    status, answer = rest.ask("POST", "/api/v3/order", body, **{"Content-Type": kind})
    assert (status, answer["code"]) == (413 if len(body) > 65_536 else 400, code)


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"quantity": "1e5"}, -1100), ({"quantity": "-1"}, -1100), ({"quantity": "٣"}, -1100),
        ({"quantity": "0x1"}, -1100),
        ({"quantity": "0." + "0" * 19 + "1"}, -1111), ({"quantity": LONG}, -1111), ({"quantity": "9" * 20}, -1013),
        ({"quantity": "1", "surplus": "1"}, -1104), ({"quantity": "1", "side": "buy"}, -1117),
        ({"quantity": "1", "type": "MARKT"}, -1116), ({"quantity": "1", "symbol": "btcusdt"}, -1100),
        ({"quantity": "1", "symbol": "NOPE"}, -1121), ({"quantity": "1", "newClientOrderId": "ö"}, -1100),
        ({"quantity": "1", "strategyId": "9" * 20}, -1108), ({"quantity": "1", "price": "1"}, -1106), ({}, -1102),
        ({"quantity": "1", "recvWindow": "60001"}, -1131), ({"quantity": "1", "recvWindow": "NaN"}, -1100),
    ],
)  # fmt: skip
def test_a_senseless_order_gets_the_exchanges_own_error(rest: Rest, changes: dict[str, str], code: int) -> None:
    order = {"symbol": "BTCUSDT", "side": "BUY", "type": "MARKET"} | changes
    status, answer = rest.sign("POST", "/api/v3/order", **order)
    assert (status, answer["code"]) == (400, code), answer


@pytest.mark.parametrize("signature", ["", "0", "ü", "00" * 32, "%00", "&signature=1", "x" * 60_000])
def test_a_wrong_signature_is_refused(rest: Rest, signature: str) -> None:
    query = signed({"symbol": "BTCUSDT"}).partition("&signature=")[0] + "&signature=" + signature.replace("ü", "%C3%BC")
    status, answer = rest.ask("DELETE", f"/api/v3/openOrders?{query}")
    assert status == 400
    assert answer["code"] in (-1022, -1101, -1105)


@pytest.mark.parametrize(
    "keys", [[b"key", b"kay"], [b"\xff\xfe"], [b""], [b"x" * 5_000], [b"key "], [b"nobody", b"key"]]
)
def test_odd_keys_are_nobodys(exchange: LocalExchange, keys: list[bytes]) -> None:
    head = b"".join(b"X-MBX-APIKEY: %b\r\n" % key for key in keys)
    answer = spoken(
        exchange, b"GET /api/v3/account?timestamp=1&signature=00 HTTP/1.1\r\n" + HOST + CLOSE + head + b"\r\n"
    )
    assert answer.startswith((b"HTTP/1.1 401", b"HTTP/1.1 400"))
    assert b'"code":-' in answer


# The control API


@pytest.mark.parametrize(
    "headers",
    [
        b"Host: example.com\r\nHost: 127.0.0.1\r\n", b"Host: 127.0.0.1\r\nHost: example.com\r\n", b"",
        b"Host: [::1].example.com\r\n", b"Host: 127.0.0.1.example.com:80\r\n", b"Host: 127.0.0.1@example.com\r\n",
        HOST + b"Origin: null\r\n", HOST + b"Origin: http://127.0.0.1\r\n", HOST + b"origin:\r\n",
    ],
)  # fmt: skip
def test_web_pages_do_not_control_it(exchange: LocalExchange, headers: bytes) -> None:
    answer = spoken(exchange, b"POST /sim/v1/accounts/key/deposit HTTP/1.1\r\n" + headers + CLOSE + b"\r\n")
    assert answer.startswith(b"HTTP/1.1 403")
    assert b'{"error":"E-SIM-' in answer


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("clock/advance", b"{"), ("clock/advance", b"[]"), ("clock/advance", b"\xff"), ("clock/advance", DEEPER),
        ("clock/advance", b'{"bars":1e400}'), ("clock/advance", b'{"bars":true}'), ("clock/advance", b'{"until":1e30}'),
        ("clock/advance", b'{"bars":10000000}'), ("clock/advance", b'{"' + b"x" * 1_000_000 + b'":1}'),
        ("accounts/key/deposit", b'{"asset":"USDT","amount":"1e5"}'),
        ("accounts/key/deposit", b'{"asset":"","amount":1}'),
        ("accounts/market/deposit", b'{"asset":"USDT","amount":1}'), ("accounts", b'{"apiKey":"a","secret":1}'),
        ("accounts", b'{"apiKey":"a","secret":"b","filters":[{"filterType":"MAX_ASSET"}]}'), ("faults", b'{"name":[]}'),
        ("faults", b'{"name":"delay","delay_ms":1e30}'), ("symbols/NOPE", b'{"status":"HALT"}'),
        ("symbols/BTCUSDT", b'{"filters":[{"filterType":"LOT_SIZE","minQty":"0","maxQty":"1E9999","stepSize":"1"}]}'),
        ("symbols/BTCUSDT", b'{"filters":[{"filterType":"LOT_SIZE","minQty":[],"maxQty":{},"stepSize":null}]}'),
        ("symbols/BTCUSDT", b'{"filters":' + DEEP + b"}"),
        ("symbols/BTCUSDT", b'{"executionRules":{"bidLimitMultUp":-1}}'),
    ],
)  # fmt: skip
def test_control_refuses_what_makes_no_sense(rest: Rest, path: str, body: bytes) -> None:
    status, answer = rest.ask("POST", f"/sim/v1/{path}", body)
    assert status == 400
    assert answer["error"].startswith("E-SIM-")


@pytest.mark.parametrize("number", ["9" * 30, "9" * 5_000, "%D9%A3", "-1", "1.5", "%00"])
def test_no_fault_has_such_a_number(rest: Rest, number: str) -> None:
    assert rest.ask("DELETE", f"/sim/v1/faults/{number}")[0] == 400


# WebSockets


@pytest.mark.parametrize(
    ("target", "changes", "status"),
    [
        ("/ws", {b"GET": b"POST"}, 405), ("/ws", {b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n": b""}, 400),
        ("/ws", {b"dGhlIHNhbXBsZSBub25jZQ==": b"???"}, 400), ("/ws", {b"Version: 13": b"Version: 8"}, 400),
        ("/ws", {HOST: b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"}, 400), ("/nope", {}, 404), ("*", {}, 404),
        ("//[ws", {}, 404), ("http://[/ws", {}, 404), ("/ws/btcusdt@nope", {}, 400), ("/ws/%00", {}, 400),
        ("/ws?timeUnit=%ff", {}, 400), ("/ws-api/v3?timeUnit", {}, 400), ("/ws-api/v3?returnRateLimits=x", {}, 400),
        ("/ws", {HOST: b"Sec-WebSocket-Protocol: a,,b\xff\r\n"}, 400),
        ("/stream?streams=" + "/".join(f"a{n}@trade" for n in range(1_025)), {}, 400),
    ],
)  # fmt: skip
def test_a_bad_handshake_is_answered_by_http(
    exchange: LocalExchange, target: str, changes: dict[bytes, bytes], status: int
) -> None:
    asked = handshake(target)
    for old, new in changes.items():
        asked = asked.replace(old, new, 1)
    assert spoken(exchange, asked).startswith(b"HTTP/1.1 %d " % status)


FRAGMENTS = [Frame(Opcode.TEXT, b'{"id":1,', fin=False), *[Frame(Opcode.CONT, b"", fin=False)] * 500]


@pytest.mark.parametrize("path", ["/ws", "/ws-api/v3"])
@pytest.mark.parametrize(
    ("frames", "code"),
    [
        ([b"a" * 65_537], 1009), ([Frame(Opcode.BINARY, b"a" * 65_537)], 1009), ([Frame(Opcode.TEXT, b"\xff")], 1007),
        ([Frame(Opcode.TEXT, b"a" * 40_000, fin=False), Frame(Opcode.CONT, b"a" * 40_000)], 1009),
        ([Frame(Opcode.CONT, b"a")], 1002), ([Frame(Opcode.TEXT, b"a", fin=False), b"b"], 1002),
        ([Frame(Opcode.CLOSE, b"a")], 1002), ([Frame(Opcode.CLOSE, b"\x03\xed")], 1002),
        ([Frame(Opcode.CLOSE, b"\x03\xe8\xff")], 1007),
    ],
)  # fmt: skip
def test_frames_against_the_rules_end_the_connection(
    exchange: LocalExchange, path: str, frames: list[Any], code: int
) -> None:
    said = spoken(exchange, handshake(path), *framed(*frames), until=code.to_bytes(2, "big")).partition(b"\r\n\r\n")[2]
    assert (said[:1], said[2:4]) == (b"\x88", code.to_bytes(2, "big"))


@pytest.mark.parametrize("path", ["/ws", "/stream", "/ws-api/v3"])
@pytest.mark.parametrize(
    "messages",
    [
        [b""], [b"{"], [b"[]"], [b"null"], [b"1"], [b'{"id":NaN}'], [DEEPER], [b'{"id":1,"method":"\\ud800"}'],
        [b'{"id":1,"method":' + DEEP + b"}"], [b'{"id":' + DEEP + b"}"], [Frame(Opcode.BINARY, NOISE)],
        [b'{"id":1,"method":"time","params":{"a":' + DEEP + b"}}"],
        [b'{"id":1,"method":"SUBSCRIBE","params":' + DEEP + b"}"],
        [b'{"id":1e400}'], [b'{"id":18446744073709551616,"method":"x"}'], [{"id": True, "method": "x"}],
        [{"id": "a" * 37, "method": "x"}], [{"id": "ü", "method": "x"}], [{"id": [1], "method": "x"}], [{"id": 1.5}],
        [{"id": 1, "method": "\x00"}], [{"id": 1, "method": "x" * 60_000}],
        [{"id": 1, "method": "order.place", "params": {"": None}}],
        [{"id": 1, "method": "SUBSCRIBE", "params": [f"a{n}@trade" for n in range(1_025)]}],
        [{"id": 1, "method": "SUBSCRIBE", "params": [1]}], [{"id": 1, "method": "SET_PROPERTY", "params": [[]]}],
        [*FRAGMENTS, Frame(Opcode.CONT, b'"method":"x"}')],
    ],
)  # fmt: skip
def test_a_message_that_means_nothing_is_answered(exchange: LocalExchange, path: str, messages: list[Any]) -> None:
    error = b'"error":{"code":'
    assert error in spoken(exchange, handshake(path), *framed(*messages), until=error)


@pytest.mark.parametrize(
    ("method", "parameters", "code"),
    [
        ("order.place", {"symbol": ["a"], "side": {}, "type": None, "price": 1e308}, -1105),
        ("account.status", {"timestamp": 1, "apiKey": "key", "signature": "ü"}, -1022),
        ("session.logon", {"timestamp": 1, "apiKey": "key", "signature": "x"}, -2028),
        ("userDataStream.subscribe.signature", {"timestamp": 1, "apiKey": ["key"], "signature": "x"}, -2014),
        ("userDataStream.unsubscribe", {"subscriptionId": 10**19}, -2036),
        ("order.status", signed_object({"symbol": "BTCUSDT", "orderId": "9" * 20}), -2013), ("nope", {}, -5000),
    ],
)  # fmt: skip
def test_a_senseless_call_gets_the_exchanges_own_error(
    exchange: LocalExchange, method: str, parameters: dict[str, Any], code: int
) -> None:
    peer = websocket.create_connection(f"{exchange.ws_url}/ws-api/v3", timeout=PATIENCE)
    peer.send(orjson.dumps({"id": 1, "method": method, "params": parameters}))
    assert orjson.loads(peer.recv())["error"]["code"] == code
    peer.shutdown()


def test_a_storm_of_subscriptions_is_weathered(exchange: LocalExchange) -> None:
    storm = [
        {"id": n, "method": "SUBSCRIBE" if n % 2 else "UNSUBSCRIBE", "params": ["btcusdt@depth"]} for n in range(2_000)
    ]
    assert b'"id":1999}' in spoken(exchange, handshake("/ws"), *framed(*storm), until=b'"id":1999}')


def test_who_talks_too_fast_is_shown_out() -> None:
    with unflappable(limits=True) as exchange:
        said = spoken(exchange, handshake("/ws"), *framed(*[{"id": 1, "method": "LIST_SUBSCRIPTIONS"}] * 20))
        assert b"Too many requests" in said
        assert CANDLES.open_time[0] == exchange.now_ms
