"""One symbol in the schema of 2026, and the same with something changed."""

from __future__ import annotations

import copy
from decimal import Decimal
from typing import Any

from thunes.exchange.filters.conditions import Holdings, Prices
from thunes.exchange.filters.prepare import ExchangeFilters, OcoTickets
from thunes.exchange.filters.rules import parse_rules
from thunes.exchange.filters.verdict import Denied
from thunes.exchange.orders import OrderTicket
from thunes.simulator.symbols.exchange_info import built_in

D = Decimal
ENTRY: dict[str, Any] = copy.deepcopy(dict(built_in()["BTCUSDT"].document))
AT_100 = Prices(average=D(100), bid=D("99.99"), ask=D(100), last=D(100))
RICH = Holdings(base_free=D(10**6), quote_free=D(10**9))


def entry(*filters: dict[str, Any], without: str = "", **changes: Any) -> dict[str, Any]:
    """BTCUSDT with these filters in place of those of the same types."""
    kept = {item["filterType"]: item for item in copy.deepcopy(ENTRY)["filters"] if item["filterType"] != without}
    for item in filters:
        kept[item["filterType"]] = {**kept.get(item["filterType"], {}), **item}
    return {**copy.deepcopy(ENTRY), "filters": list(kept.values()), **changes}


def filters(*changed: dict[str, Any], account: tuple[dict[str, Any], ...] = (), **changes: Any) -> ExchangeFilters:
    """For BTCUSDT, at a price of 100, for an account that has enough of everything."""
    rules = parse_rules(entry(*changed, **changes), account)
    return ExchangeFilters({"BTCUSDT": rules}, prices=lambda _: AT_100, holdings=lambda _: RICH)


def denied(found: OrderTicket | OcoTickets | Denied) -> Denied:
    assert isinstance(found, Denied), found
    return found


def ticket(found: OrderTicket | OcoTickets | Denied) -> OrderTicket:
    assert isinstance(found, OrderTicket), found
    return found
