"""Order lists: a pair of which one executes (OCO), an order and what follows it (OTO), or a pair that follows (OTOCO).

An order of a list is sent as parameters of its own names; each goes through the checks of a single order, and what is
refused names the parameter that was sent.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import count

from thunes.simulator.api import documents
from thunes.simulator.api.account import page, read_period, within
from thunes.simulator.api.call import Call, Document, Route, reads
from thunes.simulator.api.order_requests import listed, open_names, read_order, renamed, word
from thunes.simulator.api.parameters import (
    RESPONSE_TYPES,
    Parameters,
    client_id,
    either,
    generated_id,
    limit,
    mandatory,
    whole,
)
from thunes.simulator.engine.desk import Which
from thunes.simulator.engine.orders import ListRequest, OrderList
from thunes.simulator.request import OrderRequest, Refused
from thunes.simulator.symbols.symbol import Symbol

OWN_NAMES = {
    "type": "Type",
    "price": "Price",
    "stopPrice": "StopPrice",
    "trailingDelta": "TrailingDelta",
    "icebergQty": "IcebergQty",
    "timeInForce": "TimeInForce",
    "newClientOrderId": "ClientOrderId",
    "strategyId": "StrategyId",
    "strategyType": "StrategyType",
    "pegPriceType": "PegPriceType",
    "pegOffsetType": "PegOffsetType",
    "pegOffsetValue": "PegOffsetValue",
}
SHARED = ("symbol", "selfTradePreventionMode", "newOrderRespType")
# Where an order of a pair may not stand, by its side and what its type begins with.
MISPLACED = {
    ("below", "BUY", "STOP_LOSS"): (-1196, "A stop loss order in a buy OCO must be above."),
    ("above", "SELL", "STOP_LOSS"): (-1197, "A stop loss order in a sell OCO must be below."),
    ("above", "BUY", "TAKE_PROFIT"): (-1198, "A take profit order in a buy OCO must be below."),
    ("below", "SELL", "TAKE_PROFIT"): (-1199, "A take profit order in a sell OCO must be above."),
    ("above", "BUY", "LIMIT"): (-1165, "A limit order in a buy OCO must be below."),
    ("below", "SELL", "LIMIT"): (-1166, "A limit order in a sell OCO must be above."),
}


@dataclass(frozen=True)
class Leg:
    """One order of a list: `names` says what each parameter of an order is called there, `fixed` what is given."""

    names: Mapping[str, str]
    fixed: Mapping[str, str] = field(default_factory=dict)

    def order(self, sent: Parameters) -> dict[str, str]:
        """The parameters of the order alone."""
        own = {name: sent[called] for name, called in self.names.items() if called in sent}
        return {**own, **self.fixed}

    def read(self, call: Call, ids: count[int]) -> OrderRequest:
        """The order; `Refused` names parameters as they were sent."""
        try:
            return read_order(call, self.order(call.parameters), ids=ids)
        except Refused as refused:
            raise self._told(refused) from None

    def _told(self, refused: Refused) -> Refused:
        """A combination that a single order may not have is an iceberg that would not stay in the book."""
        if refused.code != -1014:
            return renamed(refused, self.names)
        message = (
            f"Parameter '{self.names['icebergQty']}' is not supported if '{self.names['timeInForce']}' is not GTC."
        )
        return Refused(400, -1160, message)


def leg(prefix: str, side: str, quantity: str) -> Leg:
    """A leg whose parameters begin with its place in the list."""
    own = {name: prefix + suffix for name, suffix in OWN_NAMES.items()}
    return Leg({**{name: name for name in SHARED}, **own, "side": side, "quantity": quantity})


ABOVE, BELOW = (leg(prefix, "side", "quantity") for prefix in ("above", "below"))
WORKING = leg("working", "workingSide", "workingQuantity")
PENDING = leg("pending", "pendingSide", "pendingQuantity")
PENDING_ABOVE, PENDING_BELOW = (
    leg(prefix, "pendingSide", "pendingQuantity") for prefix in ("pendingAbove", "pendingBelow")
)
OLD_LIMIT = Leg(
    {
        **{name: name for name in (*SHARED, "side", "quantity", "price")},
        "icebergQty": "limitIcebergQty",
        "newClientOrderId": "limitClientOrderId",
        "strategyId": "limitStrategyId",
        "strategyType": "limitStrategyType",
    },
    {"type": "LIMIT_MAKER"},
)
OLD_STOP = {
    **{name: name for name in (*SHARED, "side", "quantity", "stopPrice", "trailingDelta")},
    "price": "stopLimitPrice",
    "timeInForce": "stopLimitTimeInForce",
    "icebergQty": "stopIcebergQty",
    "newClientOrderId": "stopClientOrderId",
    "strategyId": "stopStrategyId",
    "strategyType": "stopStrategyType",
}


# Placing


def place_oco(call: Call) -> Document:
    """POST orderList/oco."""
    return _place(call, None, (ABOVE, BELOW))


def place_oto(call: Call) -> Document:
    """POST orderList/oto."""
    return _place(call, WORKING, (PENDING,))


def place_otoco(call: Call) -> Document:
    """POST orderList/otoco."""
    return _place(call, WORKING, (PENDING_ABOVE, PENDING_BELOW))


def place_old_oco(call: Call) -> Document:
    """POST order/oco: deprecated, and still answered."""
    mandatory(call.parameters, "price")
    mandatory(call.parameters, "stopPrice")
    stop = Leg(OLD_STOP, {"type": "STOP_LOSS_LIMIT" if "stopLimitPrice" in call.parameters else "STOP_LOSS"})
    limit_above = call.parameters.get("side") == "SELL"
    return _place(call, None, (OLD_LIMIT, stop) if limit_above else (stop, OLD_LIMIT))


def refuse_opo(call: Call) -> Document:
    """POST orderList/opo and opoco: no symbol here has them, whatever its document says."""
    listed(call)
    raise Refused(400, -1013, "OPO orders are not supported for this symbol.")


def _place(call: Call, working: Leg | None, followers: tuple[Leg, ...]) -> Document:
    """Read the orders of a list and hand them to the engine; `followers` are one order, or those above and below."""
    symbol, parameters, engine = listed(call), call.parameters, call.exchange.engine
    name, ids = client_id(parameters, "listClientOrderId"), count(engine.next_order_id)
    response_type = word(parameters, "newOrderRespType", RESPONSE_TYPES) or "RESULT"
    first = _read_working(call, working, ids) if working else None
    _check_types(call, followers)
    rest = tuple(one.read(call, ids) for one in followers)
    if len(rest) > 1:
        _check_places(*rest)
    _check_allowed(symbol, pairs=len(rest) > 1, follows=working is not None)
    # The stop loss comes first, whatever its place: so the exchange numbers them.
    ordered = tuple(sorted(rest, key=lambda request: not request.type.startswith("STOP_LOSS")))
    request = ListRequest(symbol.name, name or generated_id(next(ids)), first, ordered)
    group = engine.place_list(call.account, request, call.exchange.turn(symbol.name))
    return documents.placed_list(group, response_type)


def _read_working(call: Call, working: Leg, ids: count[int]) -> OrderRequest:
    """The order that comes first. What the exchange says to another type than these two is not documented."""
    if mandatory(call.parameters, "workingType") not in ("LIMIT", "LIMIT_MAKER"):
        raise Refused(400, -1014, "Unsupported order combination.")
    return working.read(call, ids)


def _check_types(call: Call, followers: tuple[Leg, ...]) -> None:
    """Quantities must be given in base; a pair takes neither LIMIT nor MARKET."""
    for one in followers:
        mandatory(call.parameters, one.names["quantity"])
        type_name = one.order(call.parameters).get("type")
        if len(followers) > 1 and type_name in ("LIMIT", "MARKET"):
            raise Refused(400, -1158, "Order type not supported in OCO.")


def _check_places(above: OrderRequest, below: OrderRequest) -> None:
    """Which order of a pair stands above the market and which below; the engine compares their prices."""
    if above.type == below.type == "LIMIT_MAKER":
        raise Refused(400, -1168, "At least one OCO order must be contingent.")
    for place, request in (("above", above), ("below", below)):
        kind = request.type.removesuffix("_MAKER").removesuffix("_LIMIT")
        if (place, request.side, kind) in MISPLACED:
            raise Refused(400, *MISPLACED[place, request.side, kind])


def _check_allowed(symbol: Symbol, *, pairs: bool, follows: bool) -> None:
    if pairs and not symbol.oco_allowed:
        raise Refused(400, -1013, "OCO orders are not supported for this symbol.")
    if follows and not symbol.oto_allowed:
        raise Refused(400, -1013, "OTO orders are not supported for this symbol.")


# Asking and cancelling


def _find(call: Call, client_name: str, symbol: str | None = None) -> OrderList | None:
    """The list of the given id, else the newest of the given name; both must fit when both are given."""
    list_id, name = whole(call.parameters, "orderListId"), client_id(call.parameters, client_name)
    found = [
        group
        for group in call.exchange.engine.lists(call.account)
        if list_id in (None, group.id) and name in (None, group.client_order_id) and symbol in (None, group.symbol)
    ]
    return found[-1] if found else None


def show_list(call: Call) -> Document:
    """GET orderList."""
    if "orderListId" not in call.parameters and "origClientOrderId" not in call.parameters:
        advice = "Recommendation: 'orderListId' should also be sent."
        raise Refused(400, -1128, f"Combination of optional parameters invalid. {advice}")
    group = _find(call, "origClientOrderId")
    if group is None:
        raise Refused(400, -2018, "Order list does not exist.")
    return documents.list_document(group)


def open_lists(call: Call) -> Document:
    """GET openOrderList, the newest first as in `all_lists`."""
    groups = call.exchange.engine.lists(call.account)
    return [documents.list_document(group) for group in reversed(groups) if not group.done]


def all_lists(call: Call) -> Document:
    """GET allOrderList: those from an id on, or the oldest since a time, or the newest; told the newest first."""
    first, period = whole(call.parameters, "fromId"), read_period(call.parameters)
    rows = limit(call.parameters, 500, 1_000)
    if first is not None and period != (None, None):
        raise Refused(400, -1128, "Combination of optional parameters invalid.")
    groups = [
        group
        for group in call.exchange.engine.lists(call.account)
        if group.id >= (first or 0) and within(period, group.time_ms)
    ]
    found = page(groups, rows, oldest=first is not None or period[0] is not None)
    return [documents.list_document(group) for group in reversed(found)]


def cancel_list(call: Call) -> Document:
    """DELETE orderList."""
    symbol = listed(call).name
    either(call.parameters, "orderListId", "listClientOrderId")
    new_name, group = client_id(call.parameters, "newClientOrderId"), _find(call, "listClientOrderId", symbol)
    if group is None or group.done:
        raise Refused(400, -2011, "Unknown order list sent.")
    now, names = call.exchange.turn(symbol), open_names(call, symbol)
    which = Which(next(order.id for order in group.orders if order.is_open))
    call.exchange.engine.cancel(call.account, symbol, which, now, new_client_order_id=new_name)
    return documents.cancelled_list(group, names)


def _names(*legs: Leg) -> frozenset[str]:
    """The parameters of a list with these orders."""
    return reads("listClientOrderId", *(name for one in legs for name in one.names.values()))


ROUTES: tuple[Route, ...] = (
    Route(
        "POST", "/api/v3/order/oco", place_old_oco, _names(OLD_LIMIT, Leg(OLD_STOP)),
        security="signed", weighs_on_failure=True, orders=2, socket_method="orderList.place",
    ),
    Route(
        "POST", "/api/v3/orderList/oco", place_oco, _names(ABOVE, BELOW),
        security="signed", weighs_on_failure=True, orders=2, socket_method="orderList.place.oco",
    ),
    Route(
        "POST", "/api/v3/orderList/oto", place_oto, _names(WORKING, PENDING),
        security="signed", weighs_on_failure=True, orders=2, socket_method="orderList.place.oto",
    ),
    Route(
        "POST", "/api/v3/orderList/otoco", place_otoco, _names(WORKING, PENDING_ABOVE, PENDING_BELOW),
        security="signed", weighs_on_failure=True, orders=3, socket_method="orderList.place.otoco",
    ),
    Route(
        "POST", "/api/v3/orderList/opo", refuse_opo, None,
        security="signed", weighs_on_failure=True, orders=2, socket_method="orderList.place.opo",
    ),
    Route(
        "POST", "/api/v3/orderList/opoco", refuse_opo, None,
        security="signed", weighs_on_failure=True, orders=3, socket_method="orderList.place.opoco",
    ),
    Route(
        "GET", "/api/v3/orderList", show_list, reads("orderListId", "origClientOrderId"),
        weight=4, security="signed", socket_method="orderList.status",
    ),
    Route(
        "DELETE", "/api/v3/orderList", cancel_list,
        reads("symbol", "orderListId", "listClientOrderId", "newClientOrderId"),
        security="signed", weighs_on_failure=True, socket_method="orderList.cancel",
    ),
    Route(
        "GET", "/api/v3/openOrderList", open_lists, reads(),
        weight=6, security="signed", socket_method="openOrderLists.status",
    ),
    Route(
        "GET", "/api/v3/allOrderList", all_lists, reads("fromId", "startTime", "endTime", "limit"),
        weight=20, security="signed", socket_method="allOrderLists",
    ),
)  # fmt: skip
