"""Orders and lists of the engine as the documents that clients read; `account_documents` has trades and accounts.

Every function returns what `orjson` can write. Decimals are text of at least eight decimals and never rounded, times
are epoch ms, and -1 stands for what is not there. Fields that depend on the order appear as the exchange documents it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from decimal import Decimal
from functools import lru_cache
from types import MappingProxyType
from typing import Any

from thunes.simulator.engine.accounts import ZERO
from thunes.simulator.engine.engine import Replacement
from thunes.simulator.engine.events import ExecutionReport
from thunes.simulator.engine.orders import STOPS, Fill, Order, OrderList, PreventedMatch
from thunes.simulator.request import Refused

Document = dict[str, Any]
Names = Mapping[int, str]  # order id → the client id that it had before its cancel

DECIMALS = 8
ZERO_TEXT, WHOLE = "0.00000000", ".00000000"
PADDING = tuple("0" * missing for missing in range(DECIMALS + 1))
NO_TRADE_GROUP = -1  # accounts here belong to none
NO_NAMES: Names = MappingProxyType({})


def decimal_text(value: Decimal) -> str:
    """A finite number with at least eight decimals, more only where its value needs them; exact.

    >>> decimal_text(Decimal("0.1")), decimal_text(Decimal("1E-9"))
    ('0.10000000', '0.000000001')
    """
    if not value:
        return ZERO_TEXT
    text = str(value)  # four times as fast as format, and right unless it has an exponent
    if "E" in text:
        text = format(value, "f")
    point = text.find(".")
    if point < 0:
        return text + WHOLE
    missing = DECIMALS - (len(text) - point - 1)
    return text + PADDING[missing] if missing >= 0 else text[:missing] + text[missing:].rstrip("0")


# An order's quantity and quote come several times in its answer, in those of its fills, and in the next order's.
_text = lru_cache(maxsize=1_024)(decimal_text)


def optional_text(value: Decimal | None) -> str:
    """A number that may be missing, which reads as zero."""
    return _text(value) if value else ZERO_TEXT


# Orders


def order_answer(order: Order, response_type: str | None = None) -> Document:
    """What placing an order answers: ACK, RESULT or FULL; by default as its request asks."""
    kind = response_type or order.request.response_type
    answer: Document = {**_identity(order), "transactTime": order.updated_ms}
    if kind == "ACK":
        return answer
    answer |= _state(order)
    answer |= _conditional(order)
    answer |= _working(order)
    prevented = [prevented_quantities(match) for match in order.prevented_matches if match.taker_order_id == order.id]
    if prevented:
        answer["preventedMatches"] = prevented
    if kind == "FULL":
        answer["fills"] = [fill_row(fill) for fill in order.fills]
    return answer


def fill_row(fill: Fill) -> Document:
    """One of the `fills` of a FULL answer."""
    return {
        "price": _text(fill.price),
        "qty": _text(fill.quantity),
        "commission": _text(fill.commission),
        "commissionAsset": fill.commission_asset,
        "tradeId": fill.trade_id,
    }


def prevented_quantities(match: PreventedMatch) -> Document:
    """One of the `preventedMatches` of an answer: what the taker and the maker lost, where they lost something."""
    row: Document = {
        "preventedMatchId": match.id,
        "makerOrderId": match.maker_order_id,
        "price": _text(match.price),
    }
    if match.taker_quantity:
        row["takerPreventedQuantity"] = _text(match.taker_quantity)
    if match.maker_quantity:
        row["makerPreventedQuantity"] = _text(match.maker_quantity)
    return row


def order_document(order: Order) -> Document:
    """An order as GET order, openOrders and allOrders show it."""
    return {
        **_identity(order),
        **_state(order),
        "stopPrice": optional_text(order.request.stop_price),
        "icebergQty": optional_text(order.request.iceberg_quantity),
        "time": order.time_ms,
        "updateTime": order.updated_ms,
        "isWorking": order.working_ms is not None,
        **_conditional(order),
        **_working(order),
    }


def cancel_answer(order: Order, original: str | None = None) -> Document:
    """What cancelling an order answers; `original` is its client id before the cancel, if an amendment changed it."""
    return {
        "symbol": order.request.symbol,
        "origClientOrderId": original or order.request.client_order_id,
        "orderId": order.id,
        "orderListId": order.list_id,
        "clientOrderId": order.client_order_id,
        "transactTime": order.updated_ms,
        **_state(order),
        **_conditional(order),
        "selfTradePreventionMode": order.mode,
    }


def cancel_all_answer(orders: Iterable[Order], originals: Names = NO_NAMES) -> list[Document]:
    """What cancelling all orders of a symbol answers: an entry for each order, or for its whole list."""
    entries: dict[tuple[str, int], Document] = {}
    for order in orders:
        if order.group is None:
            entries["order", order.id] = cancel_answer(order, originals.get(order.id))
        else:
            entries["list", order.group.id] = cancelled_list(order.group, originals)
    return list(entries.values())


def _identity(order: Order) -> Document:
    return {
        "symbol": order.request.symbol,
        "orderId": order.id,
        "orderListId": order.list_id,
        "clientOrderId": order.client_order_id,
    }


def _state(order: Order) -> Document:
    request = order.request
    return {
        "price": optional_text(request.price),
        "origQty": _text(order.quantity),
        "executedQty": _text(order.executed),
        "origQuoteOrderQty": optional_text(request.quote_quantity),
        "cummulativeQuoteQty": _text(order.quote_executed),
        "status": order.status,
        **_kind(order),
    }


def _kind(order: Order) -> Document:
    request = order.request
    return {"timeInForce": request.time_in_force or "GTC", "type": request.type, "side": request.side}


def _working(order: Order) -> Document:
    working_ms = -1 if order.working_ms is None else order.working_ms
    return {"workingTime": working_ms, "selfTradePreventionMode": order.mode}


def _conditional(order: Order) -> Document:
    """The fields that an order shows only if they say something."""
    request = order.request
    fields: Document = {}
    if request.type in STOPS:
        fields["stopPrice"] = optional_text(request.stop_price)
    if request.iceberg_quantity is not None:
        fields["icebergQty"] = _text(request.iceberg_quantity)
    if request.trailing_delta is not None:
        fields["trailingDelta"] = request.trailing_delta
        fields["trailingTime"] = -1 if order.trailing_ms is None else order.trailing_ms
    if request.strategy_id is not None:
        fields["strategyId"] = request.strategy_id
    if request.strategy_type is not None:
        fields["strategyType"] = request.strategy_type
    if order.prevented:
        fields["preventedMatchId"] = _preventing(order).id
        fields["preventedQuantity"] = _text(order.prevented)
    if order.status == "EXPIRED":
        fields["expiryReason"] = order.expiry_reason
    return fields


def _preventing(order: Order) -> PreventedMatch:
    """The last match that took something from the order."""
    return next(
        match
        for match in reversed(order.prevented_matches)
        if (match.maker_quantity if match.maker_order_id == order.id else match.taker_quantity)
    )


# Cancel and replace, amend


def replacement_answer(
    replacement: Replacement, response_type: str | None = None, original: str | None = None
) -> Document:
    """What cancelReplace answers when both halves succeeded; otherwise `Refused`, with the same document as `data`."""
    placed = replacement.placed
    document = {
        "cancelResult": _result(replacement.cancelled),
        "newOrderResult": _result(placed),
        "cancelResponse": (
            _error(replacement.cancelled)
            if isinstance(replacement.cancelled, Refused)
            else cancel_answer(replacement.cancelled, original)
        ),
        "newOrderResponse": (
            order_answer(placed, response_type) if isinstance(placed, Order) else placed and _error(placed)
        ),
    }
    error = replacement.error
    if error is not None:
        raise Refused(error.status, error.code, error.message, data=document)
    return document


def _error(refused: Refused) -> Document:
    return {"code": refused.code, "msg": refused.message}


def _result(half: Order | Refused | None) -> str:
    if half is None:
        return "NOT_ATTEMPTED"
    return "SUCCESS" if isinstance(half, Order) else "FAILURE"


def amend_answer(order: Order, report: ExecutionReport) -> Document:
    """What amending an order answers; `report` is the REPLACED one that the amendment made."""
    answer: Document = {
        "transactTime": report.time_ms,
        "executionId": report.execution_id,
        "amendedOrder": _amended(order, report.original_client_order_id),
    }
    if order.group:
        answer["listStatus"] = {
            "orderListId": order.group.id,
            "contingencyType": order.group.contingency,
            "listOrderStatus": _list_stage(order.group)["listOrderStatus"],
            "listClientOrderId": order.group.client_order_id,
            "symbol": order.group.symbol,
            "orders": _members(order.group),
        }
    return answer


def _amended(order: Order, original: str) -> Document:
    request = order.request
    document = {
        "symbol": request.symbol,
        "orderId": order.id,
        "orderListId": order.list_id,
        "origClientOrderId": original,
        "clientOrderId": order.client_order_id,
        "price": optional_text(request.price),
        "qty": _text(order.quantity),
        "executedQty": _text(order.executed),
        "preventedQty": _text(order.prevented),
        "quoteOrderQty": optional_text(request.quote_quantity),
        "cumulativeQuoteQty": _text(order.quote_executed),
        "status": order.status,
        **_kind(order),
        **_conditional(order),
        **_working(order),
    }
    if order.working_ms is None:
        del document["workingTime"]
    return document


def amendment_row(report: ExecutionReport, previous: Decimal) -> Document:
    """One of the amendments of an order: its REPLACED report, and the quantity that it had before."""
    return {
        "symbol": report.request.symbol,
        "orderId": report.order_id,
        "executionId": report.execution_id,
        "origClientOrderId": report.original_client_order_id,
        "newClientOrderId": report.client_order_id,
        "origQty": _text(previous),
        "newQty": _text(report.quantity),
        "time": report.time_ms,
    }


# Order lists


def list_document(group: OrderList) -> Document:
    """A list as GET orderList, openOrderList and allOrderList show it."""
    return _list(group, _members(group))


def placed_list(group: OrderList, response_type: str = "RESULT") -> Document:
    """What placing a list answers, with a report for each order.

    Where the working order was filled at once, what follows it is still told as pending.
    """
    document, orders = _list(group, _members(group)), group.orders
    if group.working and group.working.status == "FILLED":
        orders = (group.working, *map(_pending, group.followers))
        document |= {"listStatusType": "EXEC_STARTED", "listOrderStatus": "EXECUTING"}
    return {**document, "orderReports": [order_answer(order, response_type) for order in orders]}


def cancelled_list(group: OrderList, originals: Names = NO_NAMES) -> Document:
    """What cancelling a list answers: its orders by the names that they had, and a report for each cancelled one."""
    names = {order.id: originals.get(order.id) or order.request.client_order_id for order in group.orders}
    cancelled = [order for order in group.orders if order.status == "CANCELED"]
    document = _list(group, _members(group, names))
    return {**document, "orderReports": [cancel_answer(order, names[order.id]) for order in cancelled]}


def _pending(order: Order) -> Order:
    """The order as it was before its working order was filled."""
    return replace(
        order, status="PENDING_NEW", working_ms=None, trailing_ms=None, executed=ZERO, quote_executed=ZERO,
        prevented=ZERO, prevented_matches=[], fills=[], updated_ms=order.time_ms,
    )  # fmt: skip


def _list(group: OrderList, members: list[Document]) -> Document:
    return {
        "orderListId": group.id,
        "contingencyType": group.contingency,
        **_list_stage(group),
        "listClientOrderId": group.client_order_id,
        "transactionTime": max(order.updated_ms for order in group.orders),
        "symbol": group.symbol,
        "orders": members,
    }


def _list_stage(group: OrderList) -> Document:
    stage, status = ("ALL_DONE", "ALL_DONE") if group.done else ("EXEC_STARTED", "EXECUTING")
    return {"listStatusType": stage, "listOrderStatus": status}


def _members(group: OrderList, names: Names = NO_NAMES) -> list[Document]:
    return [
        {"symbol": group.symbol, "orderId": order.id, "clientOrderId": names.get(order.id, order.client_order_id)}
        for order in group.orders
    ]
