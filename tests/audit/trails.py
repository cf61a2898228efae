"""Trails and events for the tests of the audit room and its command."""

from __future__ import annotations

import re
import string
from decimal import Decimal
from pathlib import Path
from typing import Any

from hypothesis import strategies as st

from thunes.audit import events as e
from thunes.audit.trail import Trail
from thunes.clock import ManualClock

NOON = 1_772_366_400_000  # 2026-03-01 12:00
DAY = 86_400_000  # ms

WORDS = st.text(st.characters(blacklist_categories=("Cs",)), max_size=12)
NAMES = st.text(string.ascii_letters + string.digits + "-_", min_size=1, max_size=36)
AMOUNTS = st.decimals(allow_nan=False, allow_infinity=False, min_value=-(10**20), max_value=10**20, places=18)
WHOLE = st.integers(-(2**63), 2**63 - 1)
PLAIN: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | WHOLE | WORDS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(WORDS, inner, max_size=3),
    max_leaves=6,
)
DETAILS = st.dictionaries(WORDS, PLAIN, max_size=3)
CHECKS = st.lists(st.builds(e.Check, stage=WORDS, name=WORDS, value=st.none() | WORDS), max_size=3).map(tuple)
GIVEN: dict[str, st.SearchStrategy[Any]] = {
    "id": NAMES,
    "decision": st.none() | NAMES,
    "details": DETAILS,
    "settings": DETAILS,
    "checks": CHECKS,
}


def _fields(model: type[e.Event]) -> dict[str, st.SearchStrategy[Any]]:
    """What hypothesis cannot see from the types: bounded numbers and plain details."""
    given = {}
    for name, field in model.model_fields.items():
        for word, strategy in (("Decimal", AMOUNTS), ("int", WHOLE)):
            if re.search(rf"\b{word}\b", repr(field.annotation)):
                given[name] = strategy if field.is_required() else st.none() | strategy
        if name in GIVEN:
            given[name] = GIVEN[name]
    return given


EVENTS = st.one_of(*(st.builds(model, **_fields(model)) for model in e.MODELS.values()))


def note(text: str, id: str = "run-1") -> e.Note:
    return e.Note(id=id, text=text)


def fill(trade_id: int, order: str = "order-1", **more: Any) -> e.OrderFill:
    """A bought thousandth of a bitcoin."""
    given: dict[str, Any] = {
        "symbol": "BTCUSDT", "trade_id": trade_id, "order_id": 7, "side": "BUY", "price": Decimal("65000.10"),
        "quantity": Decimal("0.00100"), "quote": Decimal("65.0001"), "commission": Decimal("0.0000010"),
        "commission_asset": "BTC", "maker": False, "time_ms": NOON + trade_id,
    }  # fmt: skip
    return e.OrderFill(id=order, **{**given, **more})


def story() -> list[e.Event]:
    """A decision that became an order, and another's order."""
    checks = (e.Check(stage="filters", name="NOTIONAL", value="65", bound="5", passed=True),)
    return [
        e.Decision(id="d-1", strategy="sma_cross", symbol="BTCUSDT", action="BUY", code="OK", reason="crossed",
                   order="order-1", wanted=Decimal("0.001"), checks=checks),
        e.Intent(id="order-1", decision="d-1", symbol="BTCUSDT", side="BUY", type="MARKET", purpose="entry",
                 quantity=Decimal("0.001")),
        e.Intent(id="order-2", decision="d-2", symbol="ETHUSDT", side="SELL", type="MARKET", purpose="exit"),
        e.OrderOutcome(id="order-1", symbol="BTCUSDT", result="ACCEPTED", order_id=7, status="FILLED"),
        fill(1),
    ]  # fmt: skip


def trail(folder: Path, now: int = NOON, **more: Any) -> tuple[Trail, ManualClock]:
    clock = ManualClock(now)
    return Trail(folder, "sim", clock, **more), clock


def written(folder: Path, count: int) -> Path:
    """Today's file of a trail of so many notes, and fills among them."""
    with trail(folder)[0] as writer:
        writer.append_many([fill(k) if k % 5 == 0 else note(f"line {k}", f"id-{k}") for k in range(count)])
    return folder / "audit_trail.jsonl"
