"""An account as it is told: balances, past orders and trades, its commission rates, order counts and filters."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any, TypeVar

from thunes.simulator.api import account_documents, documents
from thunes.simulator.api.call import Call, Document, Route, reads
from thunes.simulator.api.order_requests import listed, read_order
from thunes.simulator.api.orders import weigh_test
from thunes.simulator.api.parameters import Parameters, flag, limit, whole
from thunes.simulator.request import Refused
from thunes.simulator.symbols.symbol import COUNT_KEYS, AccountLimits

Row = TypeVar("Row")
Period = tuple[int | None, int | None]

LONGEST_PERIOD_MS = 24 * 3_600_000
FIRST_MICROSECONDS = 10**14  # a time of so many digits is in µs: in ms it would lie in the year 5138
FIRST_UID = 350_000_001


# Periods and pages


def _moment(parameters: Parameters, name: str) -> int | None:
    """A time in epoch ms, which may be sent in µs; None when not sent."""
    time = whole(parameters, name)
    return time // 1_000 if time is not None and time >= FIRST_MICROSECONDS else time


def read_period(parameters: Parameters) -> Period:
    """Start and end (epoch ms, both included, None for none) of a question; −1127 for more than a day.

    What is answered to a start after its end is not documented: here it is an empty list.
    """
    start, end = _moment(parameters, "startTime"), _moment(parameters, "endTime")
    if start is not None and end is not None and end - start > LONGEST_PERIOD_MS:
        raise Refused(400, -1127, "More than 24 hours between startTime and endTime.")
    return start, end


def within(period: Period, time_ms: int) -> bool:
    """Whether a time lies in a period."""
    start, end = period
    return (start is None or start <= time_ms) and (end is None or time_ms <= end)


def page(rows: Sequence[Row], most: int, *, oldest: bool) -> Sequence[Row]:
    """So many rows of those in order of time, from the oldest on or up to the newest."""
    return rows[:most] if oldest else rows[-most:]


def _check_combination(parameters: Parameters, from_name: str) -> None:
    """−1128 unless a page of trades is asked for in one of the documented ways."""
    asked = frozenset(("orderId", from_name, "startTime", "endTime")).intersection(parameters)
    if asked <= {"startTime", "endTime"} or asked <= {"orderId", from_name}:
        return
    raise Refused(400, -1128, "Combination of optional parameters invalid.")


# The account


def show_account(call: Call) -> Document:
    """GET account: all assets of the exchange, unless only those are wanted of which there are any."""
    omit = flag(call.parameters, "omitZeroBalances", default=False)
    exchange = call.exchange
    assets = () if omit else (name for symbol in exchange.info.symbols.values() for name in (symbol.base, symbol.quote))
    return account_documents.account_document(
        exchange.engine.account(call.account),
        uid=FIRST_UID + list(exchange.customers).index(call.account),
        assets=assets,
        omit_zero_balances=omit,
    )


def show_commission(call: Call) -> Document:
    """GET account/commission."""
    symbol, exchange = listed(call), call.exchange
    return account_documents.commission_document(
        exchange.engine.account(call.account), symbol.name, exchange.terms.rules
    )


def order_counts(call: Call) -> Document:
    """GET rateLimit/order; where nobody counts, nothing is used."""
    if call.limiter is not None:
        return list(call.limiter.order_usage(call.account, call.exchange.clock.now_ms()))
    limits = call.exchange.info.rate_limits
    return [{**one, "count": 0} for one in limits if one["rateLimitType"] == "ORDERS"]


def show_filters(call: Call) -> Document:
    """GET myFilters."""
    symbol = listed(call)
    return account_documents.filters_document(symbol, _wire(call.exchange.limits_of(call.account)))


def _wire(limits: AccountLimits) -> list[dict[str, Any]]:
    """An account's limits as the exchange writes them."""
    counts = {name.upper(): value for name, value in asdict(limits).items() if isinstance(value, int)}
    rows: list[dict[str, Any]] = [
        {"filterType": name, COUNT_KEYS[name.removeprefix("EXCHANGE_")]: value} for name, value in counts.items()
    ]
    assets = limits.max_asset.items()
    return rows + [
        {"filterType": "MAX_ASSET", "asset": name, "limit": documents.decimal_text(most)} for name, most in assets
    ]


# The past


def all_orders(call: Call) -> Document:
    """GET allOrders: those from an id on, or the oldest since a time, or the newest; the oldest first."""
    symbol, parameters = listed(call), call.parameters
    first, period, rows = whole(parameters, "orderId"), read_period(parameters), limit(parameters, 500, 1_000)
    call.exchange.turn(symbol.name)
    orders = [
        order
        for order in call.exchange.engine.all_orders(call.account, symbol.name)
        if order.id >= (first or 0) and within(period, order.time_ms)
    ]
    from_start = first is not None or period[0] is not None
    return [documents.order_document(order) for order in page(orders, rows, oldest=from_start)]


def my_trades(call: Call) -> Document:
    """GET myTrades: those of an order, from an id on, or of a period; else the newest; the oldest first."""
    symbol, parameters = listed(call), call.parameters
    _check_combination(parameters, "fromId")
    order_id, first = whole(parameters, "orderId"), whole(parameters, "fromId")
    period, rows = read_period(parameters), limit(parameters, 500, 1_000)
    fills = [
        fill
        for fill in call.exchange.engine.fills(call.account, symbol.name)
        if order_id in (None, fill.order_id) and fill.trade_id >= (first or 0) and within(period, fill.time_ms)
    ]
    from_start = order_id is not None or first is not None or period[0] is not None
    return [account_documents.trade_row(fill) for fill in page(fills, rows, oldest=from_start)]


def weigh_trades(parameters: Parameters) -> int:
    """The trades of one order are cheap to find."""
    return 5 if "orderId" in parameters else 20


# Smart order routing, of which no symbol here has any


def my_allocations(call: Call) -> Document:
    """GET myAllocations: always empty."""
    listed(call)
    _check_combination(call.parameters, "fromAllocationId")
    for name in ("orderId", "fromAllocationId"):
        whole(call.parameters, name)
    read_period(call.parameters)
    limit(call.parameters, 500, 1_000)
    return []


def refuse_routing(call: Call) -> Document:
    """POST sor/order."""
    read_order(call)
    raise Refused(400, -1013, "This symbol has no SOR.")


def try_routing(call: Call) -> Document:
    """POST sor/order/test."""
    read_order(call, also_read=("computeCommissionRates",))
    raise Refused(400, -1013, "This symbol has no SOR.")


PERIOD = ("startTime", "endTime", "limit")
ROUTES: tuple[Route, ...] = (
    Route(
        "GET", "/api/v3/account", show_account, reads("omitZeroBalances"),
        weight=20, security="signed", socket_method="account.status",
    ),
    Route(
        "GET", "/api/v3/account/commission", show_commission, reads("symbol"),
        weight=20, security="signed", socket_method="account.commission",
    ),
    Route(
        "GET", "/api/v3/rateLimit/order", order_counts, reads(),
        weight=40, security="signed", socket_method="account.rateLimits.orders",
    ),
    Route(
        "GET", "/api/v3/myFilters", show_filters, reads("symbol"),
        weight=40, security="signed", socket_method="myFilters",
    ),
    Route(
        "GET", "/api/v3/allOrders", all_orders, reads("symbol", "orderId", *PERIOD),
        weight=20, security="signed", socket_method="allOrders",
    ),
    Route(
        "GET", "/api/v3/myTrades", my_trades, reads("symbol", "orderId", "fromId", *PERIOD),
        weight=weigh_trades, security="signed", socket_method="myTrades",
    ),
    Route(
        "GET", "/api/v3/myAllocations", my_allocations, reads("symbol", "orderId", "fromAllocationId", *PERIOD),
        weight=20, security="signed", socket_method="myAllocations",
    ),
    Route(
        "POST", "/api/v3/sor/order", refuse_routing, None,
        security="signed", weighs_on_failure=True, orders=1, socket_method="sor.order.place",
    ),
    Route(
        "POST", "/api/v3/sor/order/test", try_routing, None,
        weight=weigh_test, security="signed", socket_method="sor.order.test",
    ),
)  # fmt: skip
