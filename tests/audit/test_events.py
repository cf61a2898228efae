"""Event models: exact, frozen, strict, and the same after a line was read."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from pydantic import ValidationError
from tests.audit.trails import EVENTS, fill, note

from thunes.audit.events import MODELS, Event, ExternalFlow, Note, decimal_text, payload, read_event
from thunes.audit.lines import ENVELOPE


@settings(max_examples=60)
@given(event=EVENTS)
def test_an_event_that_was_written_is_read(event: Event) -> None:
    line = orjson.dumps(payload(event), default=decimal_text)
    assert read_event(orjson.loads(line)) == event


def test_every_kind_has_a_name_of_its_own_and_none_touches_the_envelope() -> None:
    assert set(MODELS) == {
        "decision", "refusal", "intent", "outcome", "fill", "order_state", "risk_state", "setting_fingerprint",
        "operator_action", "external_flow", "start", "stop", "anomaly", "repair", "rotation", "note",
    }  # fmt: skip
    for model in MODELS.values():
        assert ENVELOPE.isdisjoint(model.model_fields)


@pytest.mark.parametrize("amount", [0.1, float("nan"), Decimal("NaN"), Decimal("Infinity"), Decimal("1E+60"), "many"])
def test_an_amount_is_exact_or_refused(amount: Any) -> None:
    with pytest.raises(ValidationError):
        ExternalFlow(id="f", asset="USDT", amount=amount, kind="deposit")


@pytest.mark.parametrize(("amount", "text"), [("1E+3", "1000"), ("1.50E-8", "0.0000000150"), ("0.10", "0.10")])
def test_an_amount_is_written_without_an_exponent(amount: str, text: str) -> None:
    flow = ExternalFlow(id="f", asset="USDT", amount=Decimal(amount), kind="deposit", details={"was": Decimal(amount)})
    written = orjson.loads(orjson.dumps(payload(flow), default=decimal_text))
    assert (written["amount"], written["details"]) == (text, {"was": text})


def _deep(levels: int) -> Any:
    return [_deep(levels - 1)] if levels else 0


@pytest.mark.parametrize("value", [0.5, object(), b"x", {1: "x"}, 2**63, "\ud800", {"\ud800": 1}, _deep(17)])
def test_details_hold_only_what_json_keeps_exactly(value: Any) -> None:
    with pytest.raises(ValidationError):
        Note(id="n", text="t", details={"x": value})


def test_details_are_a_copy() -> None:
    mine: dict[str, Any] = {"a": [1, (2, 3)]}
    event = Note(id="n", text="t", details=mine)
    mine["a"].append(4)
    assert event.details == {"a": [1, [2, 3]]}


def test_events_are_frozen_and_take_no_other_field() -> None:
    with pytest.raises(ValidationError):
        note("a").text = "b"
    with pytest.raises(ValidationError):
        Note(id="n", text="t", colour="red")
    with pytest.raises(ValidationError):
        Note(id="", text="t")


def test_whole_numbers_stay_whole() -> None:
    for wrong in (1.0, "1", 2**63):
        with pytest.raises(ValidationError):
            fill(1, order_id=wrong)


def test_only_amounts_become_text() -> None:
    with pytest.raises(TypeError, match="no place in the trail for complex"):
        decimal_text(1j)
