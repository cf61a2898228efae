"""No secret gets into the trail."""

from __future__ import annotations

import random
import string
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import SecretStr
from tests.audit.trails import EVENTS, NOON, fill, note, trail

from thunes.audit.events import MODELS, Event, Note, payload
from thunes.audit.lines import START, seal
from thunes.audit.redaction import Redactor, secrets_of
from thunes.settings import Settings

PLANTED = 'p"l\\ant:ed/käy 1'
KEY = "".join(random.Random(1).choices(string.ascii_letters + string.digits, k=64))
FORMS = [
    KEY,
    "123456789:AAE-4xYz_0123456789012345678901234ab",  # pragma: allowlist secret
    "-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEIJ\n-----END PRIVATE KEY-----",  # pragma: allowlist secret
    "-----BEGIN RSA PRIVATE KEY-----\nMC4CAQAwBQ",  # pragma: allowlist secret
]
ASSIGNED = [
    "signature=0f0f0f",
    "X-MBX-APIKEY: 0f0f0f",
    "api_key='0f0f0f'",
    '{"password": "0f0f0f"}',
    "https://me:0f0f0f@x.y",
]
FREE = {"reason", "text", "name", "symbol", "strategy", "actor", "id", "decision", "asset", "version", "rule"}


def line_of(event: Event, *secrets: str) -> str:
    fields = Redactor(secrets).clean(payload(event))
    return seal(fields, "sim", NOON, START)[0].decode()


@settings(max_examples=60)
@given(event=EVENTS, data=st.data())
def test_a_planted_key_shows_in_no_field_of_any_event(event: Event, data: st.DataObject) -> None:
    for name in data.draw(st.sets(st.sampled_from(sorted(FREE & type(event).model_fields.keys())))):
        event = event.model_copy(update={name: f"before {PLANTED} after"})
    event = event.model_copy(update={"details": {"a": [{"b": PLANTED}], PLANTED: 1, "x": KEY}})
    line = line_of(event, PLANTED)
    assert "ant:ed" not in line
    assert KEY not in line
    assert "***" in line


def test_every_kind_of_event_passes_the_same_door() -> None:
    assert all(issubclass(model, Event) for model in MODELS.values())
    assert "SECRETVALUE" not in line_of(note("a SECRETVALUE", "SECRETVALUE"), "SECRETVALUE")


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("around", ["{}", "it said {}, sorry", "a={}&b=1", '"{}"'])
def test_what_looks_like_a_key_is_masked_though_nobody_named_it(form: str, around: str) -> None:
    line = line_of(note(around.format(form)))
    assert form[16:26] not in line
    assert "***" in line


@pytest.mark.parametrize("text", ASSIGNED)
def test_what_is_called_a_secret_is_masked(text: str) -> None:
    assert "0f0f0f" not in line_of(note(f"request {text} failed"))
    assert "failed" in line_of(note(f"request {text} failed"))


@pytest.mark.parametrize("name", ["api_key", "BINANCE_API_SECRET", "password", "Telegram-Token", "listenKey"])
@pytest.mark.parametrize("value", ["short", 123, ["short"], {"a": "short"}])
def test_whatever_stands_under_a_secret_name_is_masked(name: str, value: Any) -> None:
    line = line_of(Note(id="n", text="t", details={"deep": [{name: value, "set": True}]}))
    assert f'"{name}":"***"' in line
    assert '"set":true' in line


def test_a_known_secret_is_found_as_it_stands_in_an_address() -> None:
    assert "p%22l" not in line_of(note("GET /x?k=p%22l%5Cant%3Aed%2Fk%C3%A4y%201"), PLANTED)


@pytest.mark.parametrize(
    "text",
    [
        "a" * 64,
        "0123456789abcdef" * 4,  # a SHA-256
        "Invalid API-key, IP, or permissions for action.",
        "Signature for this request is not valid.",
        "https://api.binance.com/api/v3/order",
        "api_secret=***",
        "th-sma_cross-BTCUSDT-1h-lq3k2j-entry",
    ],
)
def test_ordinary_words_stay(text: str) -> None:
    assert Redactor().text(text) == text


def test_amounts_and_numbers_stay() -> None:
    assert Redactor(["12345678"]).clean(payload(fill(12345678)))["trade_id"] == 12345678


def test_a_short_secret_does_not_blot_out_words() -> None:
    assert Redactor(["test", ""]).text("the testnet") == "the testnet"


def test_the_secrets_of_the_settings_are_known() -> None:
    settings = Settings(binance_api_key=SecretStr("key-one-1"), telegram_bot_token=SecretStr("token-two-2"))
    assert set(secrets_of(settings)) == {"key-one-1", "token-two-2"}


def test_the_writer_masks_what_it_is_given(tmp_path: Path) -> None:
    with trail(tmp_path, secrets=["hunter2hunter2"])[0] as writer:
        writer.append(note("password is hunter2hunter2"))
    assert b"hunter2" not in (tmp_path / "audit_trail.jsonl").read_bytes()
