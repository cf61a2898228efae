"""Symbols and orders that tests of the exchange's checks are made of."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from typing import Any

from thunes.simulator.api.parameters import parse_order
from thunes.simulator.request import OrderRequest
from thunes.simulator.symbols.exchange_info import built_in
from thunes.simulator.symbols.symbol import Symbol, parse_symbol

BITCOIN = built_in()["BTCUSDT"]


def symbol(*filters: dict[str, Any], **changes: Any) -> Symbol:
    """BTCUSDT with these filters and no others."""
    return parse_symbol({**BITCOIN.document, "filters": list(filters), **changes})


def order(type_name: str, side: str = "BUY", **parameters: str) -> OrderRequest:
    """An order of BTCUSDT as a client would send it."""
    return parse_order({"symbol": "BTCUSDT", "side": side, "type": type_name, **parameters}, lambda: 1)


def limit(quantity: str, price: str, side: str = "BUY", **more: str) -> OrderRequest:
    return order("LIMIT", side, timeInForce="GTC", quantity=quantity, price=price, **more)


def ladder(*levels: tuple[str, str]) -> Iterable[tuple[Decimal, Decimal]]:
    """Levels of a book, best first."""
    return [(Decimal(price), Decimal(quantity)) for price, quantity in levels]
