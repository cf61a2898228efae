"""What the trader tells the audit trail, from its own values."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import Any, Literal, Protocol

from pydantic import TypeAdapter

from thunes.audit.events import Check, Event, Intent, OrderFill, OrderOutcome
from thunes.exchange.filters.verdict import Check as FilterCheck
from thunes.exchange.orders import OrderTicket
from thunes.exchange.outcomes import Accepted, NotSent, Outcome, Refused, Unknown
from thunes.risk.verdict import Check as RiskCheck
from thunes.trading.ledger.values import BookedFill

Purpose = Literal["entry", "exit", "stop", "flatten"]
CHECKS = TypeAdapter(list[Check])  # makes all rungs in one call


class Story(Protocol):
    """The audit trail: what it takes is on disk when the call returns. `AuditError` where it cannot be kept."""

    def append_many(self, events: Sequence[Event]) -> object: ...


def intent(ticket: OrderTicket, purpose: Purpose, strategy: str, bar_ms: int, decision: str) -> Intent:
    """An order about to be sent."""
    return Intent(
        id=ticket.client_order_id,
        decision=decision,
        symbol=ticket.symbol,
        side=ticket.side,
        type=ticket.type,
        purpose=purpose,
        quantity=ticket.quantity,
        quote_quantity=ticket.quote_quantity,
        price=ticket.price,
        stop_price=ticket.stop_price,
        time_in_force=ticket.time_in_force,
        strategy=strategy,
        bar=bar_ms,
    )


def outcome(client_id: str, symbol: str, found: Outcome) -> OrderOutcome:
    """What became of it."""
    match found:
        case NotSent(reason):
            return OrderOutcome(id=client_id, symbol=symbol, result="NOT_SENT", reason=reason)
        case Unknown(reason):
            return OrderOutcome(id=client_id, symbol=symbol, result="UNKNOWN", reason=reason)
        case Refused(code, message):
            return OrderOutcome(id=client_id, symbol=symbol, result="REFUSED", code=code, reason=message)
        case Accepted(order):
            return OrderOutcome(
                id=client_id,
                symbol=symbol,
                result="ACCEPTED",
                order_id=order.order_id,
                status=order.status,
                executed=order.executed,
                quote_executed=order.quote_executed,
            )


def fills(client_id: str, booked: Iterable[BookedFill]) -> list[OrderFill]:
    """Its trades, as they were booked."""
    return [
        OrderFill(
            id=client_id,
            symbol=one.fill.symbol,
            trade_id=one.fill.trade_id,
            order_id=one.fill.order_id,
            side=one.fill.side,
            price=one.fill.price,
            quantity=one.fill.quantity,
            quote=one.fill.quote,
            commission=one.fill.commission,
            commission_asset=one.fill.commission_asset,
            maker=one.fill.maker,
            time_ms=one.fill.time_ms,
            realised=one.realised,
        )
        for one in booked
    ]


def filter_checks(checks: Iterable[FilterCheck]) -> list[Check]:
    """The rungs that the exchange's filters are; in words as well where one fails."""
    return CHECKS.validate_python([_filter_check(check) for check in checks])


def _filter_check(check: FilterCheck) -> dict[str, Any]:
    value, bound = check.words
    code, text = (None, None) if check.passed else (check.code, str(check))
    return {
        "stage": "filters", "name": check.filter, "passed": check.passed, "value": value, "bound": bound, "code": code,
        "text": text,
    }  # fmt: skip


def risk_checks(checks: Iterable[RiskCheck]) -> list[Check]:
    """The rungs that the rules of risk are."""
    return CHECKS.validate_python([_risk_check(check) for check in checks])


def _risk_check(check: RiskCheck) -> dict[str, Any]:
    code, text = (None, None) if check.passed else (check.code, check.text)
    return {
        "stage": "risk", "name": check.rule, "passed": check.passed, "value": check.value, "bound": check.bound,
        "code": code, "text": text,
    }  # fmt: skip


def plain(stage: str, name: str, value: Decimal | str | int | None, *, passed: bool = True, text: str = "") -> Check:
    """A rung of the trader's own: what it saw, and whether it could go on."""
    told = format(value, "f") if isinstance(value, Decimal) else None if value is None else str(value)
    return Check(stage=stage, name=name, passed=passed, value=told, text=text or None)
