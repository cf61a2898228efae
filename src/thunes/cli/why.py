"""`thunes why`: the ladder from data to order, with the rung where a pass stopped."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, Any

import typer

from thunes.cli.options import Environment, Json

if TYPE_CHECKING:
    from thunes.audit.events import Check
    from thunes.trading.ladder import Ladder, Rung

SIGNS = {"passed": "ok", "stop": "STOP", "not reached": "-"}


def why(
    symbol: Annotated[str, typer.Argument(help="Such as BTCUSDT.")],
    at: Annotated[str | None, typer.Option(metavar="BAR", help="Open time of the candle, UTC. Default: last.")] = None,
    environment: Environment = None,
    as_json: Json = False,
) -> None:
    """Tell why an order was sent, or none: data, exposure, sizing, filters, risk, order, and the first stop.

    Example: thunes why BTCUSDT --at 2023-09-14T03:00
    """
    from thunes.audit.history import History
    from thunes.cli.output import console, emit_json, shown
    from thunes.cli.wing import in_environment
    from thunes.clock import to_ms
    from thunes.errors import DataError
    from thunes.trading.ladder import explain

    settings = in_environment(environment)
    bar = to_ms(at) if at else None
    found = explain(History(settings.state_dir / "logs"), settings.environment, symbol, bar)
    if found is None:
        when = f" at {at}" if at else ""
        told = f"the audit trail of {settings.environment} has no decision on {symbol!r}{when}."
        raise DataError("E-WHY-NONE", told, "thunes audit tail shows what it has.")
    if as_json:
        emit_json("why", {"environment": settings.environment, **_document(found)})
        return
    for line in _lines(found):
        console.print(shown(line), markup=False, soft_wrap=True)


def _document(found: Ladder) -> dict[str, Any]:
    from thunes.clock import iso

    decision = found.decision
    return {
        "symbol": decision.symbol,
        "strategy": decision.strategy,
        "interval": decision.interval,
        "bar": None if decision.bar is None else iso(decision.bar),
        "bar_ms": decision.bar,
        "decided_ms": found.time_ms,
        "decision": {"id": decision.id, "action": decision.action, "code": decision.code, "reason": decision.reason},
        "stop": found.stop,
        "ladder": [
            {
                "stage": rung.stage,
                "verdict": rung.verdict,
                "checks": [check.model_dump(exclude={"stage"}) for check in rung.checks],
            }
            for rung in found.rungs
        ],
        "order": [event.model_dump(exclude_none=True) for event in found.order],
    }


def _lines(found: Ladder) -> Iterator[str]:
    from thunes.clock import iso

    decision = found.decision
    bar = "no bar" if decision.bar is None else iso(decision.bar)
    yield f"{decision.strategy} {decision.symbol} {decision.interval or ''}  bar {bar}"
    for rung in found.rungs:
        yield from _rung(rung)
    yield f"{decision.action}: {decision.reason} [{decision.code}]"
    if decision.order:
        yield f"The whole story: thunes audit show {decision.order}"


def _rung(rung: Rung) -> Iterator[str]:
    head = f"{SIGNS[rung.verdict]:<4}  {rung.stage:<8}"
    texts = [_check(check) for check in rung.checks] or ["not reached" if rung.verdict == "not reached" else "passed"]
    for number, text in enumerate(texts):
        yield f"{head if not number else ' ' * len(head)}  {text}"[:LONGEST]


LONGEST = 400  # characters of a line; a terminal wraps it


def _check(check: Check) -> str:
    value = "" if check.value is None else f" {check.value}"
    bound = "" if check.bound is None else f" ({check.bound})"
    failed = "" if check.passed else f"  ✗ {check.text or ''} [{check.code or check.name}]"
    told = f", {check.text}" if check.text and check.passed and check.bound is None else ""
    return f"{check.name}{value}{bound}{told}{failed}"
