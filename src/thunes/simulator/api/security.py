"""Who asks, and whether it is them: API keys, signatures, and the time that a signed request bears.

HMAC-SHA256 and Ed25519 keys; RSA is left out. Every refusal is the exchange's own.
"""

from __future__ import annotations

import hmac
import re
from base64 import b64decode
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from functools import lru_cache
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote_to_bytes

import orjson

from thunes.simulator.request import Refused

if TYPE_CHECKING:  # and below where it is needed: few have such keys, and everyone would wait for it
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

# Real keys have 64 characters. Shorter ones serve here too, so an unknown short key is unknown, not malformed.
KEY_FORMAT = re.compile(r"[A-Za-z0-9_\-]{1,128}")
SIGNATURE = b"signature="
AMPERSAND = b"&"[0]
AHEAD_MS = 1_000  # a client's clock may be less than this ahead
EARLIEST_MS = 1_483_228_800_000  # 2017-01-01, before the exchange was there
FIRST_MICROSECONDS = 10**15  # a timestamp of 16 digits counts microseconds


@dataclass(frozen=True)
class Key:
    """An API key of an account, with the secret of HMAC signatures or the public half of an Ed25519 pair."""

    api_key: str
    account: str
    secret: str | None = field(default=None, repr=False)
    public_key: Ed25519PublicKey | None = field(default=None, repr=False)
    may_trade: bool = True

    def __post_init__(self) -> None:
        if (self.secret is None) == (self.public_key is None):
            raise ValueError("a key has either a secret or a public key")


class Keyring:
    """The keys that the exchange knows."""

    def __init__(self) -> None:
        self._keys: dict[str, Key] = {}

    def add(self, key: Key) -> None:
        """Make a key known, in place of an earlier one of the same name."""
        self._keys[key.api_key] = key

    def revoke(self, api_key: str) -> Key | None:
        """Forget a key at once; the key, or None when it was not known."""
        return self._keys.pop(api_key, None)

    def find(self, api_key: str | None) -> Key:
        """The key of a request's header. `Refused`: −2014 for none or a malformed one, −2015 for an unknown one."""
        key = self._keys.get(api_key or "")
        if key is not None:
            return key
        if api_key is None or not KEY_FORMAT.fullmatch(api_key):
            raise Refused(401, -2014, "API-key format invalid.")
        raise _not_permitted()


def require_trading(key: Key) -> None:
    """`Refused` with −2015 for a key that may only read."""
    if not key.may_trade:
        raise _not_permitted()


def _not_permitted() -> Refused:
    return Refused(401, -2015, "Invalid API-key, IP, or permissions for action.")


def ed25519_public_key(pem: str | bytes) -> Ed25519PublicKey:
    """The public key of a PEM text; ValueError for anything else."""
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
    from cryptography.hazmat.primitives.serialization import load_pem_public_key

    try:
        key = load_pem_public_key(pem.encode() if isinstance(pem, str) else pem)
    except UnsupportedAlgorithm as error:
        raise ValueError(str(error)) from None
    if not isinstance(key, Ed25519PublicKey):
        raise ValueError("the PEM text holds no Ed25519 public key")  # noqa: TRY004  # a wrong text, not a wrong type
    return key


# What is signed


def rest_payload(query: bytes, body: bytes) -> tuple[bytes, str]:
    """What a REST request has signed, and its signature: query string and form body as they were sent.

    The two follow each other without an `&`; the signature is cut out wherever it stands. `Refused` with −1102 when
    there is none.
    """
    query, in_query = _cut_signature(query)
    body, in_body = _cut_signature(body)
    signature = in_body if in_query is None else in_query  # what both hold counts as the query has it
    if not signature:
        message = "Mandatory parameter 'signature' was not sent, was empty/null, or malformed."
        raise Refused(400, -1102, message)
    plain = unquote_to_bytes(signature) if b"%" in signature else signature
    return query + body, plain.decode("latin-1")


def _cut_signature(part: bytes) -> tuple[bytes, bytes | None]:
    start = part.rfind(SIGNATURE)
    if start < 0:
        return part, None
    if part.find(b"&", start) < 0 and (start == 0 or part[start - 1] == AMPERSAND):
        return part[: max(start - 1, 0)], part[start + len(SIGNATURE) :]
    return _split_signature(part)


def _split_signature(part: bytes) -> tuple[bytes, bytes | None]:
    """The slow way, for a signature that is not the last parameter."""
    pairs = part.split(b"&")
    found = next((pair for pair in pairs if pair.startswith(SIGNATURE)), None)
    if found is None:
        return part, None
    pairs.remove(found)
    return b"&".join(pairs), found[len(SIGNATURE) :]


def socket_payload(parameters: Mapping[str, Any]) -> bytes:
    """What a request of the WebSocket API has signed: its other parameters in order of name, not percent-encoded."""
    names = sorted(name for name in parameters if name != "signature")
    return "&".join(f"{name}={parameter_text(parameters[name])}" for name in names).encode()


def parameter_text(value: Any) -> str:
    """A JSON value as the text that a query string would hold: `true`, `0.00001`, `["BTCUSDT"]`."""
    if isinstance(value, str):
        return value
    if isinstance(value, float):
        return format(Decimal(repr(value)), "f")
    return orjson.dumps(value).decode()


# Whether it holds


def verify_payload(key: Key, payload: bytes, signature: str) -> None:
    """`Refused` with −1022 unless the key has signed the payload: HMAC in hex of either case, Ed25519 in base64."""
    if key.secret is not None:
        genuine = _hmac_matches(key.secret, payload, signature)
    else:
        assert key.public_key is not None
        genuine = _ed25519_matches(key.public_key, payload, signature)
    if not genuine:
        raise Refused(400, -1022, "Signature for this request is not valid.")


def _hmac_matches(secret: str, payload: bytes, signature: str) -> bool:
    try:
        sent = bytes.fromhex(signature)
    except ValueError:
        return False
    keyed = _keyed(secret).copy()
    keyed.update(payload)
    return hmac.compare_digest(keyed.digest(), sent)


@lru_cache(maxsize=1_024)
def _keyed(secret: str) -> hmac.HMAC:
    """The state of the signature before any payload; a copy of it costs a third of a new one."""
    return hmac.new(secret.encode(), digestmod="sha256")


def _ed25519_matches(public_key: Ed25519PublicKey, payload: bytes, signature: str) -> bool:
    from cryptography.exceptions import InvalidSignature

    try:
        public_key.verify(b64decode(signature, validate=True), payload)
    except (InvalidSignature, ValueError):
        return False
    return True


def check_time(timestamp: Decimal | int, window_ms: Decimal, now_ms: int) -> None:
    """`Refused` with −1021 for a request of another time: a second ahead or more, or older than its window.

    `timestamp` is epoch milliseconds, or microseconds when it has 16 digits. One of before 2017 is refused whatever
    the window is; one more than ten seconds ahead is refused as every other that is ahead.
    """
    sent_ms = timestamp if timestamp < FIRST_MICROSECONDS else Decimal(timestamp) / 1_000
    if sent_ms >= now_ms + AHEAD_MS:
        raise Refused(400, -1021, "Timestamp for this request was 1000ms ahead of the server's time.")
    if now_ms - sent_ms > window_ms or sent_ms < EARLIEST_MS:
        raise Refused(400, -1021, "Timestamp for this request is outside of the recvWindow.")
