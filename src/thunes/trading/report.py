"""What a pass says of itself: its decision and its refusals for the trail, its result for whoever ran it."""

from __future__ import annotations

from collections.abc import Sequence

from thunes.audit.events import Check, Decision, Refusal
from thunes.clock import iso
from thunes.exchange.filters.verdict import Denied
from thunes.risk.verdict import Denial
from thunes.trading import story
from thunes.trading.decision import ZERO, Plan
from thunes.trading.passes import Job, Market, Pass, fraction
from thunes.trading.recovery import Recovered


def decision(
    job: Job, seen: Market, plan: Plan, code: str, reason: str, checks: Sequence[Check], order: str | None = None
) -> Decision:
    """What was wanted and done at a bar, with the ladder that led there; `order`: the client id of the one sent."""
    exposure, position = fraction(seen.exposure[-1]), seen.standing.position
    amount = plan.quote if plan.quantity is None else plan.quantity
    rungs = (
        story.plain("data", "last closed candle", iso(seen.bar_ms)),
        story.plain("exposure", "wanted fraction of equity", exposure),
        story.plain("sizing", plan.action, amount, text=plan.reason),
    )
    return Decision(
        id=f"{job.name}-{job.symbol}-{seen.bar_ms}",
        strategy=job.name,
        symbol=job.symbol,
        interval=job.interval,
        bar=seen.bar_ms,
        source=seen.candles.source,
        artefact=job.artefact or None,
        action=plan.action if order else "HOLD",
        code=code,
        reason=reason,
        exposure=exposure,
        wanted=plan.quantity,
        held=position.quantity if position else ZERO,
        price=seen.price,
        order=order,
        checks=(*rungs, *checks),
    )


def filters_refusal(job: Job, plan: Plan, name: str, denied: Denied) -> Refusal:
    """The exchange's filters would not take it."""
    return Refusal(
        id=name, stage="filters", code=denied.code, reason=str(denied), symbol=job.symbol, side=plan.side,
        rule=denied.filter, value=str(denied.value), bound=str(denied.bound),
    )  # fmt: skip


def risk_refusal(job: Job, plan: Plan, name: str, denial: Denial) -> Refusal:
    """Risk does not let it pass."""
    return Refusal(
        id=name, stage="risk", code=denial.code, reason=denial.text, symbol=job.symbol, side=plan.side,
        rule=denial.rule, value=denial.value, bound=denial.bound,
    )  # fmt: skip


def result(seen: Market, plan: Plan, code: str, reason: str, recovered: Recovered, checks: Sequence[Check]) -> Pass:
    """A pass without an order."""
    return Pass(
        bar_ms=seen.bar_ms,
        exposure=fraction(seen.exposure[-1]),
        held=seen.account.held,
        equity=seen.account.equity,
        plan=plan,
        code=code,
        reason=reason,
        checks=tuple(checks),
        recovered=recovered,
    )
