"""What requests about orders have in common: the order that is asked for, the one that is meant, what is refused."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from itertools import count
from typing import cast

from thunes.simulator.api.call import Call
from thunes.simulator.api.parameters import (
    Parameters,
    check_precision,
    client_id,
    either,
    invalid,
    parse_order,
    symbol_name,
    whole,
)
from thunes.simulator.engine.desk import Restriction, Which
from thunes.simulator.request import OrderRequest, Refused
from thunes.simulator.symbols.symbol import Symbol

LARGEST_LONG, LARGEST_INT = 2**63 - 1, 2**31 - 1
OVERFLOWS = {
    "strategyId": ("strategy_id", LARGEST_LONG),
    "strategyType": ("strategy_type", LARGEST_INT),
    "trailingDelta": ("trailing_delta", LARGEST_INT),
}
PEGS = frozenset(("pegPriceType", "pegOffsetType", "pegOffsetValue"))
PEGGED_TYPES = ("LIMIT", "LIMIT_MAKER", "STOP_LOSS_LIMIT", "TAKE_PROFIT_LIMIT")
MOST_PEG_OFFSET = 100
RESTRICTIONS = ("ONLY_NEW", "ONLY_PARTIALLY_FILLED")
QUOTED = re.compile(r"'(\w+)'")


def listed(call: Call) -> Symbol:
    """The symbol that a request names, which must exist."""
    return call.exchange.symbol(symbol_name(call.parameters))


def check_permission(symbol: Symbol) -> None:
    """Raise `Refused` for a symbol that is not for spot accounts, which belong to every trading group."""
    for names in symbol.permission_sets:
        if names and "SPOT" not in names and not any(name.startswith("TRD_GRP_") for name in names):
            raise Refused(400, -2010, "This symbol is not permitted for this account.")


def read_order(
    call: Call,
    parameters: Parameters | None = None,
    also_read: Collection[str] = (),
    ids: count[int] | None = None,
) -> OrderRequest:
    """The order that a request asks for, as far as its parameters and its symbol tell: filters come later.

    `parameters` are the request's own unless given; `ids` numbers the client ids that the exchange gives.
    """
    sent, engine = call.parameters if parameters is None else parameters, call.exchange.engine
    if not PEGS.isdisjoint(sent):
        _refuse_peg(call, sent)
    request = parse_order(sent, (ids or count(engine.next_order_id)).__next__, also_read)
    if not OVERFLOWS.keys().isdisjoint(sent):
        _refuse_overflow(request)
    symbol = call.exchange.symbol(request.symbol)
    check_precision(symbol, request)
    check_permission(symbol)
    return request


def _refuse_overflow(request: OrderRequest) -> None:
    if request.strategy_id is None and request.strategy_type is None and request.trailing_delta is None:
        return
    for name, (attribute, largest) in OVERFLOWS.items():
        value = getattr(request, attribute)
        if value is not None and value > largest:
            raise Refused(400, -1108, f"Parameter '{name}' overflowed.")


def _refuse_peg(call: Call, sent: Parameters) -> None:
    """No symbol here takes pegged prices, whatever its document says: the last word is always a refusal."""
    call.exchange.symbol(symbol_name(sent))
    if sent.get("pegPriceType", "PRIMARY_PEG") not in ("PRIMARY_PEG", "MARKET_PEG"):
        raise Refused(400, -1210, "Invalid pegPriceType.")
    if sent.get("pegOffsetType", "PRICE_LEVEL") != "PRICE_LEVEL":
        raise Refused(400, -1211, "Invalid pegOffsetType.")
    if (whole(sent, "pegOffsetValue") or 0) > MOST_PEG_OFFSET:
        raise invalid("pegOffsetValue")
    if ("pegOffsetType" in sent) != ("pegOffsetValue" in sent):
        advice = "Recommendation: 'pegOffsetType' and 'pegOffsetValue' must both be sent."
        raise Refused(400, -1128, f"Combination of optional fields invalid. {advice}")
    if sent.get("type") not in PEGGED_TYPES:
        raise Refused(400, -1013, "This order type may not use pegged price.")
    raise Refused(400, -1013, "Pegged orders are not supported for this symbol.")


def renamed(refused: Refused, names: Mapping[str, str]) -> Refused:
    """The same refusal, with the parameters that it names called as the client called them."""
    message = QUOTED.sub(lambda found: f"'{names.get(found[1], found[1])}'", refused.message)
    return Refused(refused.status, refused.code, message)


def read_which(parameters: Parameters, id_name: str = "orderId", client_name: str = "origClientOrderId") -> Which:
    """The order that a request means; −1102 when it names none."""
    which = Which(whole(parameters, id_name), client_id(parameters, client_name))
    either(parameters, client_name, id_name)
    return which


def word(parameters: Parameters, name: str, known: Collection[str]) -> str | None:
    """One of the known words, None when not sent; −1130 for another."""
    value = parameters.get(name)
    if value is not None and value not in known:
        raise invalid(name)
    return value


def read_restriction(parameters: Parameters) -> Restriction | None:
    """Which orders a cancel is for, None for all; −1145 for another word."""
    value = parameters.get("cancelRestrictions")
    if value is not None and value not in RESTRICTIONS:
        raise Refused(400, -1145, "Invalid cancelRestrictions")
    return cast("Restriction | None", value)


def open_names(call: Call, symbol: str) -> dict[int, str]:
    """The client ids that open orders bear before a cancel gives them others."""
    return {order.id: order.client_order_id for order in call.exchange.engine.open_orders(call.account, symbol)}
