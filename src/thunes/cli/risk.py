"""`thunes risk`, `kill` and `resume`: how risk stands, and the switch."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from decimal import Decimal
from typing import TYPE_CHECKING, Annotated, Any

import typer

from thunes.cli.options import Environment, Json, Yes

if TYPE_CHECKING:
    from thunes.audit.events import OperatorAction
    from thunes.cli.wing import Wing
    from thunes.risk.book import Standing
    from thunes.risk.events import RiskEvent
    from thunes.risk.limits import RiskLimits
    from thunes.risk.status import RiskStatus
    from thunes.risk.switch import KillReceipt
    from thunes.settings import Settings
    from thunes.trading.ledger.values import Flow

WIDTH = 30  # columns of a name


def risk(environment: Environment = None, as_json: Json = False) -> None:
    """Show how risk stands: the state, the day's loss, free positions, and every limit. Exit code 7 if unreadable.

    Example: thunes risk
    """
    from thunes.cli.output import console, emit_json
    from thunes.cli.wing import in_environment, risk_alone
    from thunes.errors import RiskError

    settings = in_environment(environment)
    manager = risk_alone(settings)
    status = manager.get_risk_status()
    if as_json:
        emit_json("risk", {"environment": settings.environment, **status, "limits": asdict(manager.limits)})
    else:
        for line in _status_lines(settings.environment, status, manager.limits):
            console.print(line, markup=False, soft_wrap=True)
    if status["equity"] is None and status["daily_pnl"] is None:
        hint = "Entries and exits are stopped; thunes flatten works."
        raise RiskError(status["code"], f"risk cannot be read: {status['reason']}", hint)


def kill(
    reason: Annotated[str, typer.Argument(help="Why; it is kept in the audit trail.")],
    halt: Annotated[bool, typer.Option("--halt", help="Stop exits too.")] = False,
    environment: Environment = None,
    as_json: Json = False,
) -> None:
    """Stop entries at once, in every process; what is held may still be sold, unless --halt. thunes resume re-arms.

    Example: thunes kill "the market has gone mad"
    """
    from thunes.cli.options import said
    from thunes.cli.output import console, emit_json, talk
    from thunes.cli.wing import in_environment, operator
    from thunes.errors import UsageError

    reason = said(reason)  # else it could not be written down, and nothing would be stopped
    if not reason.strip():
        raise UsageError("E-RISK-REASON", "no reason is given.", 'Say why: thunes kill "REASON".')
    settings = in_environment(environment)
    receipt, untold = _killed(settings, reason, operator(), halt=halt)
    if as_json:
        emit_json("kill", {"environment": settings.environment, **_receipt(receipt), "untold": untold})
    else:
        console.print(_stopped(settings.environment, receipt), markup=False, soft_wrap=True)
    for line in untold:
        talk.print(f"! stopped, but not written into the trail: {line}", markup=False, soft_wrap=True)


def _killed(settings: Settings, reason: str, actor: str, *, halt: bool) -> tuple[KillReceipt, list[str]]:
    """The stop, first of all; then the trail is told, and what cannot be told is said."""
    from thunes.cli.wing import opened, risk_alone, tell_of
    from thunes.errors import ThunesError

    changes: list[RiskEvent] = []
    receipt = risk_alone(settings, changes.append).kill(reason, halt=halt, actor=actor)
    try:
        with opened(settings) as wing:
            wing.trail.append_many([_action(wing, "kill", actor, reason), *map(tell_of, changes)])
    except (ThunesError, OSError) as error:
        return receipt, [str(error)]
    return receipt, []


def _action(wing: Wing, action: str, actor: str, reason: str) -> OperatorAction:
    from thunes.audit.events import OperatorAction

    return OperatorAction(id=f"{action}-{wing.clock.now_ms()}", action=action, actor=actor, reason=reason)


def resume(
    reason: Annotated[str, typer.Option(help="Why trading may go on; it is kept in the audit trail.")],
    budget: Annotated[str, typer.Option(help="Quote currency that may still be lost until 00:00 UTC.")],
    adopt: Annotated[bool, typer.Option("--adopt", help="Take the account as it is, each difference booked.")] = False,
    yes: Yes = False,
    environment: Environment = None,
    as_json: Json = False,
) -> None:
    """Let entries pass again. The day's loss so far is acknowledged; the budget bounds what is lost from here on.

    Example: thunes resume --reason "looked at it" --budget 10
    """
    from thunes.cli.options import confirm, money_of, said
    from thunes.cli.output import console, emit_json
    from thunes.cli.wing import in_environment

    settings, money = in_environment(environment), money_of("the budget", budget)
    confirm("Trading resumes", settings.environment, yes=yes)
    standing, flows = _resumed(settings, said(reason), money, adopt=adopt)
    if as_json:
        told = {"state": standing.state, "code": standing.code, "reason": standing.reason, "actor": standing.actor}
        rows = [asdict(flow) for flow in flows]
        emit_json("resume", {"environment": settings.environment, **told, "budget": money, "adjustments": rows})
        return
    for flow in flows:
        console.print(f"{flow.asset}: {flow.amount:+f} booked as an adjustment.", markup=False)
    console.print(f"{settings.environment} is {standing.state}; {money:f} may be lost until 00:00 UTC.", markup=False)


def _resumed(settings: Settings, reason: str, budget: Decimal, *, adopt: bool) -> tuple[Standing, list[Flow]]:
    from thunes.cli.wing import artefact_of, connected, opened, operator
    from thunes.errors import UsageError

    actor, flows = operator(), []
    with connected(settings, lambda: artefact_of(settings)) if adopt else opened(settings) as wing:
        if wing.risk.standing().state == "ACTIVE":
            raise UsageError("E-RISK-ACTIVE", "nothing is stopped.", "There is nothing to resume.")
        wing.trail.append_many([_action(wing, "resume", actor, reason)])
        if adopt:
            flows = _adopted(settings, wing, actor)
        return wing.risk.resume(reason, budget, actor), flows


def _adopted(settings: Settings, wing: Wing, actor: str) -> list[Flow]:
    from thunes.trading.adoption import adopt

    assert wing.venue is not None
    quote = wing.venue.rules(settings.default_symbol).quote
    return adopt(wing.venue, wing.ledger, wing.risk, wing.trail, wing.clock, quote=quote, actor=actor)


# Showing


def _status_lines(environment: str, status: RiskStatus, limits: RiskLimits) -> Iterator[str]:
    from thunes.cli.output import shown

    yield f"{environment} is {status['state']}" + (f": {shown(status['reason'])}" if status["reason"] else "")
    for name in SHOWN:
        value = status[name]  # type: ignore[literal-required]
        yield f"  {name:<{WIDTH}}  {_plain(value)}"
    yield "limits"
    for name, value in asdict(limits).items():
        yield f"  {name:<{WIDTH}}  {_plain(value)}"


SHOWN = (
    "kill_switch_active", "daily_pnl", "daily_loss_limit", "daily_loss_utilization", "open_positions", "max_positions",
    "position_slots_available", "entries_under_way", "cool_down_active", "cool_down_remaining_minutes",
    "circuit_breaker_status", "equity", "drawdown", "gross_exposure",
)  # fmt: skip


def _plain(value: Any) -> str:
    from thunes.risk.verdict import plain

    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, Decimal):
        return plain(value)
    return "not known" if value is None else str(value)


def _receipt(receipt: KillReceipt) -> dict[str, Any]:
    standing = receipt.standing
    return {
        "state": standing.state,
        "code": standing.code,
        "reason": standing.reason,
        "actor": standing.actor,
        "recorded": receipt.recorded,
        "in_flight": [held.client_order_id for held in receipt.in_flight],
    }


def _stopped(environment: str, receipt: KillReceipt) -> str:
    passing = "only cancels and thunes flatten pass" if receipt.standing.state == "HALTED" else "exits still pass"
    said = f"{environment} is {receipt.standing.state}: no entry is sent any more, {passing}."
    under_way = ", ".join(held.client_order_id for held in receipt.in_flight)
    return f"{said} Under way already: {under_way}." if under_way else said
