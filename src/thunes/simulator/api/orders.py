"""Orders: placing, testing, asking, cancelling, replacing and amending them; what self-trade prevention kept apart."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any, cast

from thunes.simulator.api import account_documents, documents
from thunes.simulator.api.call import Call, Document, Route, reads
from thunes.simulator.api.order_requests import (
    listed,
    open_names,
    read_order,
    read_restriction,
    read_which,
    renamed,
    word,
)
from thunes.simulator.api.parameters import (
    Parameters,
    check_precision,
    client_id,
    flag,
    limit,
    mandatory,
    number,
    whole,
)
from thunes.simulator.engine.desk import Restriction, Which
from thunes.simulator.engine.engine import Replacement, ReplaceMode
from thunes.simulator.request import OrderRequest, Refused
from thunes.simulator.symbols.symbol import Symbol

REPLACE_MODES = ("STOP_ON_FAILURE", "ALLOW_FAILURE")
EXCEEDED_MODES = ("DO_NOTHING", "CANCEL_ONLY")
REPLACE_PARAMETERS = (
    "cancelReplaceMode",
    "cancelOrderId",
    "cancelOrigClientOrderId",
    "cancelNewClientOrderId",
    "cancelRestrictions",
    "orderRateLimitExceededMode",
)
AMEND_WEIGHT = 4
PREVENTED_NUMBERS = ("preventedMatchId", "orderId", "fromPreventedMatchId")
PREVENTED_BY_ID = frozenset(("preventedMatchId",))
PREVENTED_BY_ORDER = frozenset(("orderId", "fromPreventedMatchId", "limit"))

# Placing


def place_order(call: Call) -> Document:
    """POST order."""
    request = read_order(call)
    now = call.exchange.turn(request.symbol)
    return documents.order_answer(call.exchange.engine.place(call.account, request, now))


def try_order(call: Call) -> Document:
    """POST order/test: everything up to the engine, and nothing of it remains."""
    engine = call.exchange.engine
    request = read_order(call, also_read=("computeCommissionRates",))
    with_rates = flag(call.parameters, "computeCommissionRates", default=False)
    engine.check(call.account, request, call.exchange.turn(request.symbol))
    if not with_rates:
        return {}
    return account_documents.order_commission(engine.account(call.account), call.exchange.terms.rules)


def weigh_test(parameters: Parameters) -> int:
    """Commission rates are looked up at their own price."""
    return 20 if parameters.get("computeCommissionRates") == "true" else 1


# Asking


def show_order(call: Call) -> Document:
    """GET order."""
    symbol = listed(call)
    which = read_which(call.parameters)
    call.exchange.turn(symbol.name)
    return documents.order_document(call.exchange.engine.order(call.account, symbol.name, which))


def weigh_open(parameters: Parameters) -> int:
    """All symbols are looked through when none is named."""
    return 6 if "symbol" in parameters else 80


def open_orders(call: Call) -> Document:
    """GET openOrders, of one symbol or of all."""
    name = listed(call).name if "symbol" in call.parameters else None
    if name is not None:
        call.exchange.turn(name)
    return [documents.order_document(order) for order in call.exchange.engine.open_orders(call.account, name)]


# Cancelling


def cancel_order(call: Call) -> Document:
    """DELETE order; one of an order list ends the whole list, and the answer tells of all its orders."""
    symbol, parameters = listed(call).name, call.parameters
    which, restriction = read_which(parameters), read_restriction(parameters)
    new_name = client_id(parameters, "newClientOrderId")
    now, names = call.exchange.turn(symbol), open_names(call, symbol)
    order = call.exchange.engine.cancel(
        call.account, symbol, which, now, new_client_order_id=new_name, restriction=restriction
    )
    if order.group:
        return documents.cancelled_list(order.group, names)
    return documents.cancel_answer(order, names[order.id])


def cancel_open_orders(call: Call) -> Document:
    """DELETE openOrders."""
    symbol = listed(call).name
    now, names = call.exchange.turn(symbol), open_names(call, symbol)
    orders = call.exchange.engine.cancel_all(call.account, symbol, now)
    return cast("Document", documents.cancel_all_answer(orders, names))


# Cancelling and placing in one


@dataclass(frozen=True)
class Swap:
    """What cancelReplace is asked for: an order to cancel, and one to place in its stead."""

    request: OrderRequest
    which: Which
    mode: ReplaceMode
    new_name: str | None
    restriction: Restriction | None
    cancels_past_limit: bool


def _read_swap(call: Call) -> Swap:
    parameters = call.parameters
    mode = mandatory(parameters, "cancelReplaceMode")
    word(parameters, "cancelReplaceMode", REPLACE_MODES)
    exceeded = word(parameters, "orderRateLimitExceededMode", EXCEEDED_MODES)
    return Swap(
        which=read_which(parameters, "cancelOrderId", "cancelOrigClientOrderId"),
        mode=cast("ReplaceMode", mode),
        new_name=client_id(parameters, "cancelNewClientOrderId"),
        restriction=read_restriction(parameters),
        cancels_past_limit=exceeded == "CANCEL_ONLY",
        request=read_order(call, also_read=REPLACE_PARAMETERS),
    )


def cancel_replace(call: Call) -> Document:
    """POST order/cancelReplace. It counts its new order itself: one that was not attempted counts as well."""
    swap = _read_swap(call)
    symbol = call.exchange.symbol(swap.request.symbol)
    if not symbol.cancel_replace_allowed:
        raise Refused(400, -1013, "Order cancel-replace is not supported for this symbol.")
    limited = _past_limit(call)
    if limited is not None and not swap.cancels_past_limit:
        raise limited
    now, names = call.exchange.turn(symbol.name), open_names(call, symbol.name)
    _count(call, 1)  # before it may be filled, which gives it back
    try:
        replacement = _replace(call, swap, now) if limited is None else _cancel_only(call, swap, now, limited)
    except Refused:
        _count(call, -1)
        raise
    if isinstance(replacement.placed, Refused):
        _count(call, -1)
    return _replaced(replacement, names, status=429 if limited and swap.mode == "STOP_ON_FAILURE" else None)


def _replace(call: Call, swap: Swap, now: int) -> Replacement:
    return call.exchange.engine.cancel_replace(
        call.account,
        swap.request,
        swap.which,
        now,
        mode=swap.mode,
        new_client_order_id=swap.new_name,
        restriction=swap.restriction,
    )


def _cancel_only(call: Call, swap: Swap, now: int, limited: Refused) -> Replacement:
    """What an account past its order limit may still do; the new order's filters come first all the same."""
    engine, symbol = call.exchange.engine, swap.request.symbol
    engine.check(call.account, swap.request, now)
    try:
        order = engine.cancel(
            call.account, symbol, swap.which, now, new_client_order_id=swap.new_name, restriction=swap.restriction
        )
    except Refused as refused:
        return Replacement(refused, limited if swap.mode == "ALLOW_FAILURE" else None)
    return Replacement(order, limited)


def _replaced(replacement: Replacement, names: Mapping[int, str], status: int | None) -> Document:
    """The answer, or `Refused` with it; an order of a list was cancelled with its list, which is told instead."""
    cancelled, error = replacement.cancelled, None
    old = None if isinstance(cancelled, Refused) else names[cancelled.id]
    document: dict[str, Any]
    try:
        document = documents.replacement_answer(replacement, original=old)
    except Refused as refused:
        document, error = refused.data or {}, refused
    if not isinstance(cancelled, Refused) and cancelled.group:
        document["cancelResponse"] = documents.cancelled_list(cancelled.group, names)
    if error is None:
        return document
    raise Refused(status or error.status, error.code, error.message, data=document)


def _past_limit(call: Call) -> Refused | None:
    if call.limiter is not None:
        try:
            call.limiter.check_order(call.account, call.exchange.clock.now_ms())
        except Refused as refused:
            return refused
    return None


def _count(call: Call, orders: int) -> None:
    if call.limiter is not None:
        call.limiter.count_order(call.account, call.exchange.clock.now_ms(), orders)


# Amending


def amend_order(call: Call) -> Document:
    """PUT order/amend/keepPriority."""
    symbol, parameters, engine = listed(call), call.parameters, call.exchange.engine
    which, new_name = read_which(parameters), client_id(parameters, "newClientOrderId")
    mandatory(parameters, "newQty")
    quantity = number(parameters, "newQty") or Decimal(0)
    now = call.exchange.turn(symbol.name)
    order = engine.order(call.account, symbol.name, which)
    _refuse_new_quantity(symbol, order.request, quantity)
    if any(name == new_name and order_id != order.id for order_id, name in open_names(call, symbol.name).items()):
        raise Refused(400, -2038, "Duplicate order sent.")
    engine.amend(call.account, symbol.name, which, quantity, now, new_client_order_id=new_name)
    if order.status == "EXPIRED" and call.limiter is not None:  # it had traded as much: such an amendment is free
        call.limiter.settle(call.client, -AMEND_WEIGHT, call.exchange.clock.now_ms())
    return documents.amend_answer(order, order.amendments[-1].report)


def _refuse_new_quantity(symbol: Symbol, request: OrderRequest, quantity: Decimal) -> None:
    try:
        check_precision(symbol, replace(request, quantity=quantity))
    except Refused as refused:
        raise renamed(refused, {"quantity": "newQty"}) from None


def amendments(call: Call) -> Document:
    """GET order/amendments, oldest first."""
    symbol, parameters, engine = listed(call), call.parameters, call.exchange.engine
    mandatory(parameters, "orderId")
    first, rows = whole(parameters, "fromExecutionId") or 0, limit(parameters, 500, 1_000)
    order = engine.order(call.account, symbol.name, Which(whole(parameters, "orderId")))
    found = [one for one in order.amendments if one.report.execution_id >= first]
    return [documents.amendment_row(one.report, one.previous) for one in found[:rows]]


# Self-trade prevention


def prevented_matches(call: Call) -> Document:
    """GET myPreventedMatches, oldest first."""
    symbol, parameters, engine = listed(call), call.parameters, call.exchange.engine
    match_id, order_id, first = (whole(parameters, name) for name in PREVENTED_NUMBERS)
    rows = limit(parameters, 500, 1_000)
    asked = set(parameters) & (PREVENTED_BY_ID | PREVENTED_BY_ORDER)
    if asked != PREVENTED_BY_ID and ("orderId" not in asked or not asked <= PREVENTED_BY_ORDER):
        raise Refused(400, -1128, "Combination of optional parameters invalid.")
    orders = engine.all_orders(call.account, symbol.name)
    matches = {match.id: match for order in orders for match in order.prevented_matches}
    found = [
        match
        for match in matches.values()
        if match_id in (None, match.id)
        and order_id in (None, match.taker_order_id, match.maker_order_id)
        and match.id >= (first or 0)
    ]
    return [account_documents.prevented_match_row(match) for match in sorted(found, key=lambda match: match.id)[:rows]]


def weigh_prevented(parameters: Parameters) -> int:
    """One match is cheap to find."""
    return 2 if "preventedMatchId" in parameters else 20


WHICH = ("symbol", "orderId", "origClientOrderId")
ROUTES: tuple[Route, ...] = (
    Route(
        "POST", "/api/v3/order", place_order, None,
        security="signed", weighs_on_failure=True, orders=1, socket_method="order.place",
    ),
    Route(
        "POST", "/api/v3/order/test", try_order, None,
        weight=weigh_test, security="signed", socket_method="order.test",
    ),
    Route(
        "GET", "/api/v3/order", show_order, reads(*WHICH),
        weight=4, security="signed", socket_method="order.status",
    ),
    Route(
        "DELETE", "/api/v3/order", cancel_order, reads(*WHICH, "newClientOrderId", "cancelRestrictions"),
        security="signed", weighs_on_failure=True, socket_method="order.cancel",
    ),
    Route(
        "GET", "/api/v3/openOrders", open_orders, reads("symbol"),
        weight=weigh_open, security="signed", socket_method="openOrders.status",
    ),
    Route(
        "DELETE", "/api/v3/openOrders", cancel_open_orders, reads("symbol"),
        security="signed", weighs_on_failure=True, socket_method="openOrders.cancelAll",
    ),
    Route(
        "POST", "/api/v3/order/cancelReplace", cancel_replace, None,
        security="signed", weighs_on_failure=True, socket_method="order.cancelReplace",
    ),
    Route(
        "PUT", "/api/v3/order/amend/keepPriority", amend_order, reads(*WHICH, "newClientOrderId", "newQty"),
        weight=AMEND_WEIGHT, security="signed", socket_method="order.amend.keepPriority",
    ),
    Route(
        "GET", "/api/v3/order/amendments", amendments, reads("symbol", "orderId", "fromExecutionId", "limit"),
        weight=4, security="signed", socket_method="order.amendments",
    ),
    Route(
        "GET", "/api/v3/myPreventedMatches", prevented_matches,
        reads("symbol", "limit", *PREVENTED_NUMBERS),
        weight=weigh_prevented, security="signed", socket_method="myPreventedMatches",
    ),
)  # fmt: skip
