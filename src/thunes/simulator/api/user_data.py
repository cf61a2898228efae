"""What the exchange tells an account, as clients read it: one JSON payload for each event of the engine.

Payloads are bare; whoever sends them wraps them for its connection, so that one encoding serves every subscriber.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

import orjson

from thunes.simulator.api.documents import NO_TRADE_GROUP, decimal_text, optional_text
from thunes.simulator.engine.events import AccountPosition, BalanceUpdate, Event, ExecutionReport, ListStatus

Payload = dict[str, Any]

# Why a new order was rejected after the one that it replaces was cancelled: the engine's text → the stream's word.
REJECT_REASONS = {
    "Account has insufficient balance for requested action.": "INSUFFICIENT_BALANCES",
    "Order would trigger immediately.": "STOP_PRICE_WOULD_TRIGGER_IMMEDIATELY",
    "Order would immediately match and take.": "WOULD_MATCH_IMMEDIATELY",
    "The relationship of the prices for the orders is not correct.": "OCO_BAD_PRICES",
}


def payload(event: Event) -> Payload:
    """The event as a document; times in epoch ms, decimals as text."""
    return PAYLOADS[type(event)](event)


def encode(event: Event) -> bytes:
    """The event as JSON."""
    return orjson.dumps(PAYLOADS[type(event)](event))


def stream_terminated(time_ms: int) -> Payload:
    """The last event of a subscription that has ended."""
    return {"e": "eventStreamTerminated", "E": time_ms}


def server_shutdown(time_ms: int) -> Payload:
    """The word to every connection that the server is about to go."""
    return {"e": "serverShutdown", "E": time_ms}


def _execution_report(report: ExecutionReport) -> Payload:
    request = report.request
    traded = report.commission_asset is not None
    told: Payload = {
        "e": "executionReport",
        "E": report.time_ms,
        "s": request.symbol,
        "c": report.client_order_id,
        "S": request.side,
        "o": request.type,
        "f": request.time_in_force or "GTC",
        "q": decimal_text(report.quantity),
        "p": optional_text(request.price),
        "P": optional_text(request.stop_price),
        "F": optional_text(request.iceberg_quantity),
        "g": report.order_list_id,
        "C": report.original_client_order_id,
        "x": report.execution,
        "X": report.status,
        "r": REJECT_REASONS.get(report.reject_reason, report.reject_reason),
        "i": report.order_id,
        "l": decimal_text(report.last_quantity),
        "z": decimal_text(report.executed),
        "L": decimal_text(report.last_price),
        "n": decimal_text(report.commission) if traded else "0",
        "N": report.commission_asset,
        "T": report.time_ms,
        "t": report.trade_id,
        "I": report.execution_id,
        "w": report.working,
        "m": report.maker,
        "M": traded,  # undocumented; recorded streams have it true for trades
        "O": report.created_ms,
        "Z": decimal_text(report.quote_executed),
        "Y": decimal_text(report.last_quote),
        "Q": optional_text(request.quote_quantity),
        "V": report.self_trade_prevention,
    }
    if report.working_ms is not None:
        told["W"] = report.working_ms
    if report.status == "EXPIRED":
        told["eR"] = report.expiry_reason
    _add_labels(told, report)
    if report.prevented_match_id is not None:
        _add_prevention(told, report)
    return told


def _add_labels(told: Payload, report: ExecutionReport) -> None:
    """What only trailing orders and orders of a strategy show."""
    request = report.request
    if request.trailing_delta is not None:
        told["d"] = request.trailing_delta
        if report.trailing_ms is not None:
            told["D"] = report.trailing_ms
    if request.strategy_id is not None:
        told["j"] = request.strategy_id
    if request.strategy_type is not None:
        told["J"] = request.strategy_type


def _add_prevention(told: Payload, report: ExecutionReport) -> None:
    """What self-trade prevention took, and from a match with which order."""
    told["v"] = report.prevented_match_id
    told["A"] = decimal_text(report.prevented)
    told["B"] = decimal_text(report.last_prevented)
    told["u"] = NO_TRADE_GROUP
    told["U"] = report.counter_order_id
    told["Cs"] = report.request.symbol


def _account_position(position: AccountPosition) -> Payload:
    return {
        "e": "outboundAccountPosition",
        "E": position.time_ms,
        "u": position.time_ms,
        "B": [
            {"a": asset, "f": decimal_text(free), "l": decimal_text(locked)}
            for asset, free, locked in position.balances
        ],
    }


def _balance_update(update: BalanceUpdate) -> Payload:
    return {
        "e": "balanceUpdate",
        "E": update.time_ms,
        "a": update.asset,
        "d": decimal_text(update.delta),
        "T": update.time_ms,
    }


def _list_status(status: ListStatus) -> Payload:
    return {
        "e": "listStatus",
        "E": status.time_ms,
        "s": status.symbol,
        "g": status.order_list_id,
        "c": status.contingency,
        "l": status.stage,
        "L": status.status,
        "r": "NONE",
        "C": status.client_order_id,
        "T": status.time_ms,
        "O": [{"s": status.symbol, "i": order_id, "c": name} for order_id, name in status.orders],
    }


PAYLOADS = cast(
    "dict[type, Callable[[Event], Payload]]",
    {
        ExecutionReport: _execution_report,
        AccountPosition: _account_position,
        BalanceUpdate: _balance_update,
        ListStatus: _list_status,
    },
)
