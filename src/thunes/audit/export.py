"""Rows for a spreadsheet: fills for taxes, and all events for review. Amounts are text, digit for digit."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator
from decimal import Decimal, localcontext
from typing import Any, TextIO

import orjson

from thunes.audit.events import MODELS, OrderFill, decimal_text, payload
from thunes.audit.history import Entry
from thunes.audit.lines import time_text

Row = dict[str, str]
FILL_COLUMNS = (
    "time", "environment", "symbol", "side", "price", "quantity", "quote", "fee", "fee_asset", "realised", "maker",
    "trade_id", "order_id", "client_order_id",
)  # fmt: skip
_FIELDS = sorted({name for model in MODELS.values() for name in model.model_fields} - {"event", "id", "decision"})
EVENT_COLUMNS = ("seq", "recorded", "environment", "event", "id", "decision", *_FIELDS)
_FORMULA = ("=", "+", "-", "@", "\t", "\r")  # what a spreadsheet would run


def fill_rows(entries: Iterable[Entry]) -> Iterator[Row]:
    """A row for each trade, told once however often the trail tells it; `fee` is in `fee_asset`."""
    told = set()
    for entry in entries:
        fill = entry.event
        if isinstance(fill, OrderFill) and (key := (entry.env, fill.symbol, fill.trade_id)) not in told:
            told.add(key)
            yield _fill_row(entry.env, fill)


def _fill_row(environment: str, fill: OrderFill) -> Row:
    values = (
        time_text(fill.time_ms), environment, fill.symbol, fill.side, fill.price, fill.quantity, fill.quote,
        fill.commission, fill.commission_asset, fill.realised, fill.maker, fill.trade_id, fill.order_id, fill.id,
    )  # fmt: skip
    return dict(zip(FILL_COLUMNS, map(_cell, values), strict=True))


def event_rows(entries: Iterable[Entry]) -> Iterator[Row]:
    """A row for each event; what has parts, such as checks, is JSON in one cell."""
    for entry in entries:
        fields = payload(entry.event)
        row = {name: _cell(value) for name, value in fields.items()}
        head = {"seq": str(entry.seq), "recorded": time_text(entry.ts), "environment": entry.env}
        yield {name: {**head, **row}.get(name, "") for name in EVENT_COLUMNS}


def fees(rows: Iterable[Row]) -> dict[str, str]:
    """The sum of the fees in each asset, exact."""
    sums: dict[str, Decimal] = {}
    with localcontext(prec=200):
        for row in rows:
            sums[row["fee_asset"]] = sums.get(row["fee_asset"], Decimal(0)) + Decimal(row["fee"])
    return {asset: decimal_text(sums[asset]) for asset in sorted(sums)}


def write_csv(columns: Iterable[str], rows: Iterable[Row], file: TextIO) -> None:
    """Write rows with a header; a text that a spreadsheet would take for a formula gets an apostrophe before it."""
    writer = csv.DictWriter(file, tuple(columns), lineterminator="\n")
    writer.writeheader()
    for row in rows:
        writer.writerow({name: _harmless(value) for name, value in row.items()})


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, Decimal):
        return decimal_text(value)
    if isinstance(value, dict | list | tuple):
        return orjson.dumps(value, default=decimal_text).decode()
    return str(value).lower() if isinstance(value, bool) else str(value)


def _harmless(value: str) -> str:
    if not value.startswith(_FORMULA) or _is_number(value):
        return value
    return f"'{value}"


def _is_number(value: str) -> bool:
    return value.removeprefix("-").replace(".", "", 1).isdecimal()
