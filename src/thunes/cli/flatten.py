"""`thunes flatten`: cancel, sell what can be sold, report the dust; in every state."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer

from thunes.cli.options import Environment, Json, Yes

if TYPE_CHECKING:
    from thunes.cli.wing import Wing
    from thunes.settings import Settings
    from thunes.strategies.artefact import Artefact
    from thunes.trading.flatten import Flattened


def flatten(
    symbol: Annotated[str | None, typer.Argument(help="Default: all that is held, or open by our orders.")] = None,
    reason: Annotated[str, typer.Option(help="Kept in the audit trail.")] = "none given",
    yes: Yes = False,
    environment: Environment = None,
    as_json: Json = False,
) -> None:
    """Cancel the open orders and sell what the ledger holds, whatever state risk is in. Exit code 5 if some is left.

    Entries are not stopped by it: thunes kill does that, and should come first.

    Example: thunes flatten BTCUSDT --yes
    """
    from thunes.cli.options import confirm, said
    from thunes.cli.output import console, emit_json, talk
    from thunes.cli.wing import in_environment
    from thunes.errors import UsageError

    if symbol == "":  # a script's variable that is not set must not sell everything
        raise UsageError("E-FLATTEN-SYMBOL", "the symbol is empty.", "Name one, or give none for all that is held.")
    settings = in_environment(environment)
    confirm(f"Open orders are cancelled and {symbol or 'everything held'} is sold", settings.environment, yes=yes)
    done, untold, state = _flattened(settings, symbol, said(reason))
    if as_json:
        rows = [asdict(one) for one in done]
        emit_json("flatten", {"environment": settings.environment, "symbols": rows, "untold": untold, "state": state})
    else:
        for line in _lines(done, state):
            console.print(line, markup=False, soft_wrap=True)
    for line in untold:
        talk.print(f"! not written down yet, the next pass does it: {line}", markup=False, soft_wrap=True)
    _complain_of(done)


def _flattened(settings: Settings, symbol: str | None, reason: str) -> tuple[list[Flattened], list[str], str]:
    from thunes.cli.wing import connected, require_market

    done: list[Flattened] = []
    untold: list[str] = []
    state = ""
    for artefact in _markets(settings, symbol):
        with connected(settings, lambda artefact=artefact: artefact) as wing:  # type: ignore[misc]
            symbols = [symbol] if symbol else [artefact.symbol] if artefact else None
            if symbol:
                require_market(wing, symbol)
            found, left_out = _run(wing, symbols, reason)
            state = wing.risk.get_risk_status()["state"]
            done, untold = [*done, *found], [*untold, *left_out]
    return done, untold, state


def _markets(settings: Settings, symbol: str | None) -> Sequence[Artefact | None]:
    """In sim every promoted market is an exchange of its own; elsewhere there is one for all."""
    from thunes.cli.wing import artefact_of, promoted_store

    if settings.environment != "sim":
        return [None]
    if symbol:
        return [artefact_of(settings, symbol)]
    store = promoted_store(settings)
    return [store.current(*slot) for slot in store.slots()]


def _run(wing: Wing, symbols: Sequence[str] | None, reason: str) -> tuple[list[Flattened], list[str]]:
    from thunes.cli.wing import operator
    from thunes.trading.flatten import Flattener

    assert wing.venue is not None
    flattener = Flattener(wing.venue, wing.ledger, wing.risk, wing.trail, wing.reserve, wing.clock)
    return flattener.run(symbols, operator(), reason), flattener.untold


def _lines(done: Sequence[Flattened], state: str) -> list[str]:
    lines = [line for one in done for line in _of(one)] or ["Nothing is held, nothing is open."]
    if state == "ACTIVE":
        lines.append("Entries are not stopped: the next pass may buy again. thunes kill REASON stops them.")
    return lines


def _of(one: Flattened) -> list[str]:
    said: list[Any] = [f"cancelled {name}" for name in one.cancelled]
    if one.orders:
        said.append(f"sold {one.sold:f} for {one.received.normalize():f}")
    if one.problem:
        said.append(f"NOT flat, {one.left:f} left: {one.problem}")
    elif one.left:
        said.append(f"dust, too little to be sold: {one.left:f}")
    return [f"{one.symbol}: {text}" for text in said or ["nothing is held, nothing is open"]]


def _complain_of(done: Sequence[Flattened]) -> None:
    from thunes.errors import NetworkError

    left = [one.symbol for one in done if one.problem]
    if left:
        raise NetworkError("E-FLATTEN-LEFT", f"{', '.join(left)}: not flat.", "Run thunes flatten again.")
