"""Intents as JSON: in the ledger's rows, and in the reserve file."""

from __future__ import annotations

from decimal import Decimal, InvalidOperation
from typing import Any

import orjson

from thunes.errors import DataError
from thunes.exchange.orders import OrderTicket
from thunes.trading.ledger.values import Intent

MONEY = ("quantity", "quote_quantity", "price", "stop_price")


def ticket_json(ticket: OrderTicket) -> str:
    """A ticket as JSON: numbers as text, fields that are None left out."""
    return orjson.dumps(_plain(ticket)).decode()


def read_ticket(text: str | bytes) -> OrderTicket:
    """The ticket that `ticket_json` wrote. Error: `DataError`."""
    try:
        return _ticket(orjson.loads(text))
    except (orjson.JSONDecodeError, TypeError, AttributeError, InvalidOperation):
        raise _damaged(text) from None


def intent_record(intent: Intent) -> bytes:
    """An intent as one line of JSON."""
    told = {"strategy": intent.strategy, "bar_ms": intent.bar_ms, "time_ms": intent.time_ms}
    return orjson.dumps({"ticket": _plain(intent.ticket), **told})


def read_intent(record: bytes) -> Intent:
    """The intent that `intent_record` wrote. Error: `DataError`."""
    try:
        told = orjson.loads(record)
        return Intent(_ticket(told.pop("ticket")), **told)
    except (orjson.JSONDecodeError, TypeError, AttributeError, KeyError, InvalidOperation):
        raise _damaged(record) from None


def _plain(ticket: OrderTicket) -> dict[str, str]:
    values = vars(ticket).items()
    return {name: format(v, "f") if isinstance(v, Decimal) else v for name, v in values if v is not None}


def _ticket(told: dict[str, Any]) -> OrderTicket:
    values: dict[str, Any] = {name: Decimal(value) if name in MONEY else value for name, value in told.items()}
    return OrderTicket(**values)


def _damaged(text: str | bytes) -> DataError:
    return DataError("E-LEDGER-DAMAGED", f"not an order's record: {text[:80]!r}.", "Restore the file from a backup.")
