"""What a person is shown."""

from __future__ import annotations

from decimal import Decimal
from typing import TypedDict

from thunes.risk.book import ZERO, Book, State
from thunes.risk.limits import RiskLimits
from thunes.risk.rules import cool_down_left


class RiskStatus(TypedDict):
    """The keys people know, then ours. Money in quote currency; None where the state cannot be read."""

    kill_switch_active: bool
    daily_pnl: Decimal | None  # realised, unrealised and fees, since 00:00 UTC
    daily_loss_limit: Decimal
    daily_loss_utilization: Decimal | None  # fraction of the limit; a profit uses none
    open_positions: int | None
    max_positions: int
    position_slots_available: int
    cool_down_active: bool | None
    cool_down_remaining_minutes: int | None
    circuit_breaker_status: str
    state: State
    reason: str
    code: str
    since_ms: int | None
    entries_under_way: int | None
    equity: Decimal | None
    drawdown: Decimal | None  # fraction of the highest equity
    gross_exposure: Decimal | None


def status(book: Book, limits: RiskLimits, now: int) -> RiskStatus:
    """The status of a book; an open circuit breaker shows as REDUCING, for that is what it does."""
    standing = book.standing
    breaker_open = standing.state == "ACTIVE" and book.breaker not in ("closed", "half-open")
    minutes = cool_down_left(book, limits, now)
    bound = book.loss_bound(limits.daily_loss)
    return RiskStatus(
        kill_switch_active=standing.state != "ACTIVE",
        daily_pnl=-book.loss,
        daily_loss_limit=bound,
        daily_loss_utilization=_used(book.new_loss, bound),
        open_positions=len(book.positions),
        max_positions=limits.positions,
        position_slots_available=max(0, limits.positions - len(book.symbols)),
        cool_down_active=minutes > 0,
        cool_down_remaining_minutes=minutes,
        circuit_breaker_status=book.breaker,
        state="REDUCING" if breaker_open else standing.state,
        reason=f"circuit breaker {book.breaker}" if breaker_open else standing.reason,
        code="E-RISK-BREAKER" if breaker_open else standing.code,
        since_ms=standing.since_ms or None,
        entries_under_way=len(book.reservations),
        equity=book.equity,
        drawdown=book.drawdown,
        gross_exposure=book.gross_exposure,
    )


def _used(loss: Decimal, bound: Decimal) -> Decimal:
    if loss <= 0:
        return ZERO
    return loss / bound if bound else Decimal(1)


def unreadable(reason: str, code: str, limits: RiskLimits, breaker: str) -> RiskStatus:
    """The status where the state cannot be trusted: halted, and nothing known."""
    return RiskStatus(
        kill_switch_active=True,
        daily_pnl=None,
        daily_loss_limit=limits.daily_loss,
        daily_loss_utilization=None,
        open_positions=None,
        max_positions=limits.positions,
        position_slots_available=0,
        cool_down_active=None,
        cool_down_remaining_minutes=None,
        circuit_breaker_status=breaker,
        state="HALTED",
        reason=reason,
        code=code,
        since_ms=None,
        entries_under_way=None,
        equity=None,
        drawdown=None,
        gross_exposure=None,
    )
