"""`thunes reoptimize`: what would be promoted today in place of what is."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from thunes.cli import options as given
from thunes.cli.promoted import Interval, Strategy, Symbol

if TYPE_CHECKING:
    from thunes.research.promotion import Promotion
    from thunes.strategies.artefact import Artefact

FOLDER = Path("artifacts") / "proposals"


def reoptimize(
    strategy: Strategy = None,
    symbol: Symbol = None,
    interval: Interval = None,
    data: given.Data = "auto",
    start: given.Start = None,
    end: given.End = None,
    last: Annotated[
        int | None, typer.Option(min=1, help="Only the last so many candles. Default: all there are.")
    ] = None,
    as_json: given.Json = False,
) -> None:
    """Judge a promoted strategy's whole space anew on fresh candles, and propose what the gates would deploy today.

    The proposal is written as an artefact for reading; nothing is deployed, thunes promote does that. Exit code 6
    where the gates refuse.

    Example: thunes reoptimize --strategy sma_cross --data auto
    """
    from thunes.cli.loading import load_candles
    from thunes.cli.output import spinner, strategy_prints
    from thunes.cli.promoted import chosen_slot, open_store
    from thunes.clock import SystemClock
    from thunes.errors import GateRefused
    from thunes.research.evidence.ledger import Ledger, declared
    from thunes.research.promotion import consider, costs_and_fill, refusal, require_fitting
    from thunes.settings import load_settings
    from thunes.storage.atomic import write_atomic
    from thunes.strategies.artefact import dump, load_strategy

    settings, store = load_settings(), open_store()
    current = store.current(*chosen_slot(store, strategy, symbol, interval))
    with strategy_prints():
        chosen = type(load_strategy(current))
    period: dict[str, Any] = {"start": start, "end": end, "last": last, "settings": settings}
    candles = load_candles(current.symbol, current.interval, data, **period)
    require_fitting(candles, current.environment)
    ledger, spaces = Ledger(settings.state_dir, SystemClock()), {chosen: declared(chosen)}
    tried = ledger.count(candles, spaces)
    costs, fill = costs_and_fill(current)
    with spinner("judging"), strategy_prints():
        found = consider([chosen], candles, costs, fill=fill, limits=given.limits_of(settings), tried=tried.count)
    ledger.record(candles, spaces)
    refused = refusal(found.verdict, accept_uncalibrated=True)
    place = settings.state_dir / FOLDER / f"{current.strategy}-{current.symbol}-{current.interval}.json"
    if refused:
        place.unlink(missing_ok=True)  # an older proposal would look like today's
    else:
        proposal = found.artefact(current.reference, current.environment, notes=tried.notes)
        write_atomic(place, dump(proposal))
    _show(current, found, refused, None if refused else place, as_json)
    if refused:
        raise GateRefused("E-GATES", refused, f"{current.id} stays current; decide about it by thunes decay.")


def _show(current: Artefact, found: Promotion, refused: str, path: Path | None, as_json: bool) -> None:
    from thunes.cli.output import console, emit_json
    from thunes.research.gates.panel import headline, table

    deployed = found.verdict.deployed
    proposed = None if deployed is None or refused else deployed.values
    if as_json:
        known = {"current": current.id, "parameters": current.parameters, "proposed": proposed, "proposal": path}
        emit_json("reoptimize", {**found.to_dict(), **known, "refused": refused or None})
        return
    console.print(headline(found.verdict, found.candles), style="bold", soft_wrap=True, markup=False)
    console.print(table(found.verdict))
    console.print(f"\nCurrent:  {_text(current.parameters)}  ({current.id})", soft_wrap=True, markup=False)
    if proposed is not None:
        console.print(f"Proposed: {_text(proposed)}  ({path})", soft_wrap=True, markup=False)
        same = (
            "It is what is deployed already."
            if proposed == current.parameters
            else "Nothing was deployed: thunes promote does that."
        )
        console.print(same, soft_wrap=True, markup=False)


def _text(parameters: Any) -> str:
    return " ".join(f"{name}={value:g}" for name, value in parameters.items()) or "no parameters"
