"""Rows for spreadsheets."""

from __future__ import annotations

import csv
import io
from decimal import Decimal
from fractions import Fraction
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.audit.trails import EVENTS, fill, note, story, trail

from thunes.audit.events import Event, OrderFill
from thunes.audit.export import EVENT_COLUMNS, FILL_COLUMNS, Row, event_rows, fees, fill_rows, write_csv
from thunes.audit.history import Entry


def entries(*events: Event, env: str = "sim") -> list[Entry]:
    return [Entry(k, 0, env, event, "") for k, event in enumerate(events, 1)]  # type: ignore[arg-type]


def table(columns: tuple[str, ...], rows: list[Row]) -> list[Row]:
    """What a spreadsheet reads of it."""
    file = io.StringIO()
    write_csv(columns, rows, file)
    return [*csv.DictReader(io.StringIO(file.getvalue()))]


def test_a_fill_is_a_row_with_its_fee_and_the_fee_s_asset() -> None:
    (row,) = table(FILL_COLUMNS, [*fill_rows(entries(fill(5, realised=Decimal("-0.5"))))])
    assert row == {
        "time": "2026-03-01T12:00:00.005Z", "environment": "sim", "symbol": "BTCUSDT", "side": "BUY",
        "price": "65000.10", "quantity": "0.00100", "quote": "65.0001", "fee": "0.0000010", "fee_asset": "BTC",
        "realised": "-0.5", "maker": "false", "trade_id": "5", "order_id": "7", "client_order_id": "order-1",
    }  # fmt: skip


def test_a_trade_that_is_told_twice_is_one_row() -> None:
    rows = [*fill_rows([*entries(fill(5), note("x"), fill(5), fill(6), fill(5, symbol="ETHUSDT")), *entries(fill(5), env="live")])]  # fmt: skip  # noqa: E501
    assert [(row["environment"], row["symbol"], row["trade_id"]) for row in rows] == [
        ("sim", "BTCUSDT", "5"), ("sim", "BTCUSDT", "6"), ("sim", "ETHUSDT", "5"), ("live", "BTCUSDT", "5"),
    ]  # fmt: skip


@settings(max_examples=40)
@given(paid=st.lists(st.tuples(st.sampled_from(["BNB", "BTC"]), st.decimals(0, 10**12, places=18)), max_size=20))
def test_fees_are_summed_to_the_last_digit(paid: list[tuple[str, Decimal]]) -> None:
    fills = [fill(k, commission_asset=asset, commission=amount) for k, (asset, amount) in enumerate(paid)]
    total = fees(fill_rows(entries(*fills)))
    for asset, amount in total.items():
        assert Fraction(amount) == sum(Fraction(a) for s, a in paid if s == asset)
    assert set(total) == {asset for asset, _ in paid}


@settings(max_examples=40)
@given(event=EVENTS)
def test_every_event_fits_a_flat_row(event: Event) -> None:
    (row,) = event_rows(entries(event))
    assert tuple(row) == EVENT_COLUMNS
    assert (row["event"], row["id"], row["seq"]) == (event.event, event.id, "1")  # type: ignore[attr-defined]


def test_what_has_parts_is_json_in_one_cell() -> None:
    row = next(event_rows(entries(story()[0])))
    assert row["checks"].startswith('[{"stage":"filters","name":"NOTIONAL"')
    assert row["wanted"] == "0.001"


@pytest.mark.parametrize("text", ["=1+1", "+a", "-a", "@a", "\tx", "-1-1"])
def test_no_text_is_run_as_a_formula(text: str) -> None:
    (row,) = table(EVENT_COLUMNS, [*event_rows(entries(note(text)))])
    assert row["text"] == f"'{text}"


def test_the_trail_itself_gives_the_rows(tmp_path: Path) -> None:
    with trail(tmp_path)[0] as writer:
        writer.append_many(story())
        rows = [*fill_rows(writer.history().events("fill"))]
    assert [row["client_order_id"] for row in rows] == ["order-1"]
    assert OrderFill.model_fields["commission"].is_required()
