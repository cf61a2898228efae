"""`thunes unpause`: entries of a symbol pass again, after a person has looked."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from thunes.cli.options import Environment, Json, Yes

if TYPE_CHECKING:
    from thunes.cli.wing import Wing
    from thunes.trading.ledger.values import SymbolPause


def unpause(
    symbol: Annotated[str | None, typer.Argument(help="Such as BTCUSDT; none: list what is paused, and why.")] = None,
    reason: Annotated[str, typer.Option(help="Why entries may pass again; it is kept in the audit trail.")] = "",
    yes: Yes = False,
    environment: Environment = None,
    as_json: Json = False,
) -> None:
    """Let entries of a symbol pass again that was paused: after a jump of its price, or refusals in a row.

    Example: thunes unpause BTCUSDT --reason "the new denomination is real"
    """
    from dataclasses import asdict

    from thunes.cli.options import confirm, said
    from thunes.cli.output import console, emit_json, shown
    from thunes.cli.wing import in_environment, opened
    from thunes.clock import iso

    settings = in_environment(environment)
    with opened(settings) as wing:
        if symbol is not None:
            _require(wing, symbol, reason)
            confirm(f"Entries of {symbol} resume", settings.environment, yes=yes)
            _lift(wing, symbol, said(reason))
        left = wing.ledger.pauses()
    if as_json:
        emit_json("unpause", {"environment": settings.environment, "paused": [asdict(pause) for pause in left]})
        return
    for pause in left:
        told = f"{pause.symbol}: paused since {iso(pause.since_ms)}: {pause.reason} [{pause.code}]"
        console.print(shown(told), markup=False, soft_wrap=True)
    if not left:
        console.print(f"Nothing is paused in {settings.environment}.", markup=False)


def _require(wing: Wing, symbol: str, reason: str) -> SymbolPause:
    """The pause that holds. `UsageError` where none does, or no reason is given."""
    from thunes.errors import UsageError

    pause = wing.ledger.pause_of(symbol)
    if pause is None or not pause.holds:
        raise UsageError("E-PAUSE-NONE", f"{symbol!r} is not paused.", "thunes unpause lists what is.")
    if not reason.strip():
        raise UsageError("E-PAUSE-REASON", "no reason is given.", 'Say why: --reason "…".')
    return pause


def _lift(wing: Wing, symbol: str, reason: str) -> None:
    from dataclasses import replace

    from thunes.audit.events import OperatorAction
    from thunes.cli.wing import operator

    now = wing.clock.now_ms()
    action = OperatorAction(
        id=f"unpause-{now}", action="unpause", actor=operator(), reason=reason, details={"symbol": symbol}
    )
    wing.trail.append_many([action])
    wing.ledger.pause(replace(_require(wing, symbol, reason), lifted_ms=now))
