"""Keys, signatures and the time of a request: who is let in, and what the others are told."""

from __future__ import annotations

import hashlib
import hmac
from base64 import b64encode
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import given
from hypothesis import strategies as st

from thunes.simulator.api import security
from thunes.simulator.api.security import Key, Keyring, check_time, rest_payload, socket_payload, verify_payload
from thunes.simulator.request import Refused

# The example of the exchange's own documentation: keys, parameters and signatures.
SECRET = "NhqPtmdSJYdKjVHjA7PZj4Mge3R5YNiP1e3UZjInClVN65XAbvqqM6A7H5fATj0j"  # pragma: allowlist secret
API_KEY = "vmPUZE6mv9SD5VNHk4HlWFsOr6aKE2zvsw0MuIgwCIPy6utIco14y7Ju91duEh8A"  # pragma: allowlist secret
FIRST, SECOND = (
    b"symbol=LTCBTC&side=BUY&type=LIMIT&timeInForce=GTC",
    b"quantity=1&price=0.1&recvWindow=5000&timestamp=1499827319559",
)
IN_ONE = "c8db56825ae71d6d79447849e617115f4a920fa2acdcab2b053c4b2838bd6b71"  # pragma: allowlist secret
IN_TWO = "0fd168b8ddb4876a0358a8d14d0c9f3da0e9b20c5d52b2a00fcf7d1c602f9a77"  # pragma: allowlist secret
IN_SOCKET = "cc15477742bd704c29492d96c7ead9414dfd8e0ec4a00f947bb5bb454ddbd08a"  # pragma: allowlist secret
HMAC = Key(API_KEY, "ann", secret=SECRET)
PAIR = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
ED25519 = Key("ed", "ann", public_key=PAIR.public_key())
NOW = 1_700_000_000_000


def refused(status: int, code: int, call: Callable[..., Any], *arguments: Any) -> str:
    with pytest.raises(Refused) as caught:
        call(*arguments)
    assert (caught.value.status, caught.value.code) == (status, code)
    return caught.value.message


def pem(public_key: Any) -> bytes:
    encoded: bytes = public_key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    return encoded


def test_a_known_key_is_found_until_it_is_revoked() -> None:
    keyring = Keyring()
    keyring.add(HMAC)
    assert keyring.find(API_KEY) is HMAC
    assert keyring.revoke(API_KEY) is HMAC
    assert keyring.revoke(API_KEY) is None
    message = refused(401, -2015, keyring.find, API_KEY)
    assert message == "Invalid API-key, IP, or permissions for action."


@pytest.mark.parametrize("api_key", [None, "", "a b", "é", "k" * 129])
def test_a_missing_or_malformed_key_is_refused_as_such(api_key: str | None) -> None:
    assert refused(401, -2014, Keyring().find, api_key) == "API-key format invalid."


def test_a_key_that_may_only_read_does_not_trade() -> None:
    security.require_trading(HMAC)
    refused(401, -2015, security.require_trading, Key("r", "ann", secret="s", may_trade=False))


def test_a_key_has_one_way_to_sign_and_does_not_show_its_secret() -> None:
    assert SECRET not in repr(HMAC)
    with pytest.raises(ValueError, match="either"):
        Key("k", "ann")
    with pytest.raises(ValueError, match="either"):
        Key("k", "ann", secret="s", public_key=PAIR.public_key())


def test_the_documented_signatures_hold() -> None:
    payload, signature = rest_payload(b"", FIRST + b"&" + SECOND + b"&signature=" + IN_ONE.encode())
    assert payload == FIRST + b"&" + SECOND
    verify_payload(HMAC, payload, signature)
    payload, signature = rest_payload(FIRST, SECOND + b"&signature=" + IN_TWO.upper().encode())
    assert payload == FIRST + SECOND
    verify_payload(HMAC, payload, signature)


def test_the_documented_signature_of_the_websocket_api_holds() -> None:
    parameters = {
        "symbol": "BTCUSDT", "side": "SELL", "type": "LIMIT", "timeInForce": "GTC", "quantity": "0.01000000",
        "price": "52000.00", "newOrderRespType": "ACK", "recvWindow": 100, "timestamp": 1645423376532,
        "apiKey": API_KEY, "signature": IN_SOCKET,
    }  # fmt: skip
    verify_payload(HMAC, socket_payload(parameters), IN_SOCKET)


def test_values_of_the_websocket_api_are_signed_as_text() -> None:
    parameters = {"b": True, "a": 1e-05, "d": ["BTCUSDT", "BNBBTC"], "c": "ü b", "signature": "x"}
    assert socket_payload(parameters).decode() == 'a=0.00001&b=true&c=ü b&d=["BTCUSDT","BNBBTC"]'


@pytest.mark.parametrize(
    ("query", "body", "payload"),
    [
        (b"signature=AB", b"", b""),
        (b"a=1&signature=AB", b"", b"a=1"),
        (b"signature=AB&a=1", b"", b"a=1"),
        (b"a=1&signature=AB&b=2", b"", b"a=1&b=2"),
        (b"a=1&signature=AB", b"b=2", b"a=1b=2"),
        (b"a=1", b"signature=AB&b=2", b"a=1b=2"),
        (b"a=1&mysignature=CD", b"b=2&signature=AB", b"a=1&mysignature=CDb=2"),
        (b"signature=A%42", b"", b""),
    ],
)
def test_the_signature_is_cut_out_wherever_it_stands(query: bytes, body: bytes, payload: bytes) -> None:
    assert rest_payload(query, body) == (payload, "AB")


@pytest.mark.parametrize("query", [b"", b"a=1", b"a=1&signature=", b"mysignature=AB", b"%73ignature=AB"])
def test_an_unsigned_request_is_told_what_is_missing(query: bytes) -> None:
    assert "'signature'" in refused(400, -1102, rest_payload, query, b"")


@given(st.binary(max_size=60).filter(lambda sent: b"signature=" not in sent), st.text(max_size=80))
def test_no_other_signature_is_taken(payload: bytes, signature: str) -> None:
    right = hmac.new(SECRET.encode(), payload, hashlib.sha256).hexdigest()
    verify_payload(HMAC, payload, right)
    if signature.lower() != right:
        message = refused(400, -1022, verify_payload, HMAC, payload, signature)
        assert message == "Signature for this request is not valid."
    refused(400, -1022, verify_payload, ED25519, payload, signature)
    refused(400, -1022, verify_payload, HMAC, payload + b"x", right)


@given(st.binary(max_size=60))
def test_an_ed25519_signature_holds_for_what_was_signed_alone(payload: bytes) -> None:
    signature = b64encode(PAIR.sign(payload)).decode()
    verify_payload(ED25519, payload, signature)
    refused(400, -1022, verify_payload, ED25519, payload + b"x", signature)
    refused(400, -1022, verify_payload, ED25519, payload, "!" + signature)
    refused(400, -1022, verify_payload, HMAC, payload, signature)


def test_an_ed25519_signature_survives_percent_encoding() -> None:
    signature = b64encode(PAIR.sign(b"a=1")).replace(b"+", b"%2B").replace(b"/", b"%2F").replace(b"=", b"%3D")
    verify_payload(ED25519, *rest_payload(b"a=1&signature=" + signature, b""))


def test_public_keys_are_read_from_pem() -> None:
    read = security.ed25519_public_key(pem(PAIR.public_key()).decode())
    verify_payload(Key("k", "ann", public_key=read), b"a=1", b64encode(PAIR.sign(b"a=1")).decode())
    with pytest.raises(ValueError, match="Ed25519"):
        security.ed25519_public_key(pem(X25519PrivateKey.generate().public_key()))
    with pytest.raises(ValueError, match="PEM"):
        security.ed25519_public_key("no key")


@pytest.mark.parametrize("late", [-999, 0, 5_000])
def test_a_request_within_its_window_is_taken_in_either_unit(late: int) -> None:
    check_time(NOW - late, Decimal(5_000), NOW)
    check_time((NOW - late) * 1_000, Decimal(5_000), NOW)


def test_windows_and_times_go_down_to_microseconds() -> None:
    check_time(NOW * 1_000 - 500, Decimal("0.5"), NOW)
    refused(400, -1021, check_time, NOW * 1_000 - 501, Decimal("0.5"), NOW)
    check_time(NOW * 1_000 + 999_999, Decimal(1), NOW)


@pytest.mark.parametrize("ahead", [1_000, 10_001, 10**9])
def test_a_request_from_the_future_is_refused(ahead: int) -> None:
    message = refused(400, -1021, check_time, NOW + ahead, Decimal(60_000), NOW)
    assert message == "Timestamp for this request was 1000ms ahead of the server's time."


@pytest.mark.parametrize(("sent", "now"), [(NOW - 5_001, NOW), (0, NOW), (1_483_228_799_999, 1_483_228_800_000)])
def test_an_old_request_is_refused_and_one_of_before_2017_always(sent: int, now: int) -> None:
    message = refused(400, -1021, check_time, sent, Decimal(5_000), now)
    assert message == "Timestamp for this request is outside of the recvWindow."
