"""The one door to the trail: no secret passes it.

Known values (those of the settings) are masked wherever they stand, and so is what looks like a key: an API key, a
bot's token, a private key, a signature, a password in an address, and what is kept under a name such as `api_secret`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any
from urllib.parse import quote

import orjson
from pydantic import SecretStr

from thunes.audit.events import decimal_text
from thunes.settings import Settings

MASK = "***"
SHORTEST = 8  # characters; masking what is shorter would blot out ordinary words, and no exchange gives such keys

NAMED = r"api[_-]?key|api[_-]?secret|secret|passw(?:or)?d|passphrase|signature|token|listen[_-]?key"
_SECRET_NAME = re.compile(NAMED, re.IGNORECASE)
# Lower-case hex of 64 digits is a SHA-256, which the trail is full of; a key has other letters as well.
_KEY = r"(?<![A-Za-z0-9])(?=[a-f0-9]*[A-Zg-z])[A-Za-z0-9]{64,}"
_BOT_TOKEN = r"\d{6,12}:[A-Za-z0-9_-]{30,}"  # noqa: S105  # the form of one
_ADDRESS = r"(?<=://)[^/\s\"@]+(?=@)"
_PEM = r"-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*PRIVATE KEY-----|\Z)"
_PATTERNS = re.compile("|".join((_PEM, _BOT_TOKEN, _KEY, _ADDRESS)), re.DOTALL)
_ASSIGNED = re.compile(rf"((?:{NAMED})[\"'\\]*\s*[=:]\s*[\"'\\]*)(?!\*\*\*)[^\s&\"',;}}\\]+", re.IGNORECASE)
# What has neither such a word nor such a run of characters needs no closer look. Every character of a run is made the
# same letter first, so that a run is found by a plain search: a third of what a pattern takes, on the order path.
_WORDS = (b"api", b"secret", b"passw", b"passphrase", b"signature", b"token", b"listen", b"private key", b"://")
_ALIKE = bytes(97 if chr(c).isascii() and chr(c).isalnum() else 95 if c in b"_-" else c for c in range(256))
_RUN_OF_KEY = b"a" * 64
_TOKEN = _ALIKE.replace(b"_", b"a")
_RUN_OF_TOKEN = b":" + b"a" * 30


def secrets_of(settings: Settings) -> tuple[str, ...]:
    """The values of all secrets in force."""
    values = (getattr(settings, name) for name in type(settings).model_fields)
    return tuple(value.get_secret_value() for value in values if isinstance(value, SecretStr))


class Redactor:
    """Masks secrets in the fields of an event."""

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        known = {form for secret in secrets if len(secret) >= SHORTEST for form in (secret, quote(secret, safe=""))}
        longest_first = sorted(known, key=len, reverse=True)
        self._escaped = tuple(orjson.dumps(value)[1:-1] for value in longest_first)
        self._known = re.compile("|".join(map(re.escape, longest_first))) if known else None

    def clean(self, fields: dict[str, Any]) -> dict[str, Any]:
        """The fields as they may be written; the same object where there is nothing to hide."""
        written = orjson.dumps(fields, default=decimal_text)
        if any(map(written.__contains__, self._escaped)) or _suspicious(written):
            return {name: self._value(value) for name, value in fields.items()}
        return fields

    def text(self, text: str) -> str:
        """A text with every secret in it masked."""
        if self._known:
            text = self._known.sub(MASK, text)
        return _ASSIGNED.sub(rf"\1{MASK}", _PATTERNS.sub(MASK, text))

    def _value(self, value: Any) -> Any:
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, dict):
            return {self.text(name): self._under(name, item) for name, item in value.items()}
        if isinstance(value, list | tuple):
            return [self._value(item) for item in value]
        return value

    def _under(self, name: str, value: Any) -> Any:
        """What stands under a name; one that tells of a secret hides all of it."""
        if _SECRET_NAME.search(name) and value is not None and not isinstance(value, bool):
            return MASK
        return self._value(value)


def _suspicious(written: bytes) -> bool:
    lower = written.lower()
    return (
        any(word in lower for word in _WORDS)
        or _RUN_OF_KEY in written.translate(_ALIKE)
        or _RUN_OF_TOKEN in written.translate(_TOKEN)
    )
