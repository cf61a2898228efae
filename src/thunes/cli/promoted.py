"""`thunes promoted`: what may be traded, what it replaced, and whether it is still what was promoted."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer

from thunes.cli.options import Json

if TYPE_CHECKING:
    from rich.table import Table

    from thunes.strategies.artefact import Artefact
    from thunes.strategies.promoted import Finding, Promoted, Slot

app = typer.Typer(rich_markup_mode="rich")

Strategy = Annotated[str | None, typer.Option(metavar="NAME", help="Not needed where only one thing is promoted.")]
Symbol = Annotated[str | None, typer.Option(help="The same.")]
Interval = Annotated[str | None, typer.Option(help="The same.")]
HEADLINE = ("sharpe", "total_return", "max_drawdown", "trades")


@app.callback(invoke_without_command=True)
def promoted(context: typer.Context) -> None:
    """List, show, compare, verify and roll back what was promoted."""
    if context.invoked_subcommand is None:
        typer.echo(context.get_help())


@app.command("list")
def list_(as_json: Json = False) -> None:
    """List what is current, with its out-of-sample Sharpe ratio.

    Example: thunes promoted list
    """
    from thunes.cli.output import console, emit_json

    store = open_store()
    rows = [_row(store, slot) for slot in store.slots()]
    if as_json:
        emit_json("promoted_list", {"promoted": rows})
    elif rows:
        console.print(_list_table(rows))
        _complain_of(row["problem"] for row in rows if row["problem"])
    else:
        console.print("Nothing is promoted yet: see thunes promote --help.", soft_wrap=True)


@app.command()
def show(
    strategy: Strategy = None,
    symbol: Symbol = None,
    interval: Interval = None,
    id_: Annotated[str | None, typer.Option("--id", help="One of the history. Default: the current one.")] = None,
    as_json: Json = False,
) -> None:
    """Show an artefact whole: parameters, figures, gates, and what was current when.

    Example: thunes promoted show --strategy sma_cross --symbol BTCUSDT --interval 1h
    """
    from thunes.cli.output import console, emit_json

    store = open_store()
    slot = chosen_slot(store, strategy, symbol, interval)
    artefact = store.find(*slot, id_) if id_ else store.current(*slot)
    moves = [asdict(move) for move in store.moves(*slot)]
    if as_json:
        emit_json("promoted", {"artefact": plain(artefact), "moves": moves})
        return
    for part in _shown(artefact, moves):
        console.print(part, markup=False)


@app.command()
def diff(
    old: Annotated[str | None, typer.Argument(help="An id of the history. Default: the former one.")] = None,
    new: Annotated[str | None, typer.Argument(help="An id of the history. Default: the current one.")] = None,
    strategy: Strategy = None,
    symbol: Symbol = None,
    interval: Interval = None,
    as_json: Json = False,
) -> None:
    """Compare two artefacts: parameters, source, and out-of-sample figures.

    Example: thunes promoted diff --strategy sma_cross --symbol BTCUSDT --interval 1h
    """
    from thunes.cli.output import console, emit_json
    from thunes.errors import DataError

    store = open_store()
    slot = chosen_slot(store, strategy, symbol, interval)
    before = old or store.former(*slot)
    if before is None:
        raise DataError("E-ARTEFACT-NONE", f"{slot} has no former artefact to compare with.", "Name two ids.")
    first, second = store.find(*slot, before), store.find(*slot, new) if new else store.current(*slot)
    rows = {part: _differences(first, second, part) for part in ("parameters", "out_of_sample", "expected")}
    if as_json:
        source = first.strategy_sha256 == second.strategy_sha256
        emit_json("promoted_diff", {"old": first.id, "new": second.id, "same_source": source, **rows})
    else:
        console.print(_diff_table(first, second, rows))


@app.command()
def verify(
    strategy: Strategy = None,
    symbol: Symbol = None,
    interval: Interval = None,
    as_json: Json = False,
) -> None:
    """Check every current artefact for this ENVIRONMENT, and that nothing of the history was changed.

    Exit code 4 and the first reason where one is refused. The hash finds accidents, not forgers.

    Example: thunes promoted verify
    """
    from thunes.cli.output import console, emit_json
    from thunes.settings import load_settings

    environment, store = load_settings().environment, open_store()
    slots = chosen_slots(store, strategy, symbol, interval)
    found = [finding for slot in slots for finding in store.check(*slot, environment)]
    rows = [_finding_row(finding) for finding in found]
    if as_json:
        emit_json("promoted_verify", {"environment": environment, "artefacts": rows})
    else:
        sound = sum(row["ok"] for row in rows)
        console.print(f"{sound} of {len(rows)} artefacts are sound; the current ones were tried for {environment}.")
    problems = [finding.problem for finding in found if finding.problem is not None]
    if problems:
        if not as_json:
            _complain_of(problems[1:])
        raise problems[0]


@app.command()
def rollback(
    strategy: Strategy = None,
    symbol: Symbol = None,
    interval: Interval = None,
    to: Annotated[str | None, typer.Option(metavar="ID", help="Of the history. Default: the former one.")] = None,
    as_json: Json = False,
) -> None:
    """Make a former artefact current again; nothing is deleted, and the move is recorded.

    Example: thunes promoted rollback --strategy sma_cross --symbol BTCUSDT --interval 1h
    """
    from thunes.cli.output import console, emit_json

    store = open_store()
    slot = chosen_slot(store, strategy, symbol, interval)
    artefact = store.rollback(*slot, to)
    if as_json:
        emit_json("promoted_rollback", {**slot._asdict(), "id": artefact.id, "moves": len(store.moves(*slot))})
    else:
        console.print(f"Current for {slot}: {artefact.id}", soft_wrap=True, markup=False)


def open_store() -> Promoted:
    """The promoted artefacts of the state folder and environment in force."""
    from thunes.clock import SystemClock
    from thunes.settings import load_settings
    from thunes.strategies.promoted import Promoted, folder_of

    settings = load_settings()
    return Promoted(settings.state_dir / folder_of(settings.environment), SystemClock())


def chosen_slots(store: Promoted, strategy: str | None, symbol: str | None, interval: str | None) -> list[Slot]:
    """Everything promoted that fits what was named. Errors: `DataError` where nothing does."""
    from thunes.errors import DataError

    wanted = (strategy, symbol, interval)
    found = [s for s in store.slots() if all(w in (None, part) for w, part in zip(wanted, s, strict=True))]
    if not found:
        named = " ".join(filter(None, wanted))
        what = f"nothing is promoted{' for ' if named else ''}{named}."
        raise DataError("E-ARTEFACT-NONE", what, "See thunes promoted list.")
    return found


def chosen_slot(store: Promoted, strategy: str | None, symbol: str | None, interval: str | None) -> Slot:
    """The one thing meant. Errors: `DataError` where nothing fits, `UsageError` where several do."""
    from thunes.errors import UsageError
    from thunes.strategies.promoted import Slot

    if strategy and symbol and interval:  # also one whose record of moves was lost
        return Slot(strategy, symbol, interval)
    found = chosen_slots(store, strategy, symbol, interval)
    if len(found) > 1:
        known = "; ".join(map(str, found))
        raise UsageError("E-ARTEFACT-WHICH", f"several are promoted: {known}.", "Say --strategy --symbol --interval.")
    return found[0]


def plain(artefact: Artefact) -> dict[str, Any]:
    """An artefact for JSON, with its id and hash."""
    return {"id": artefact.id, "sha256": artefact.sha256, **vars(artefact)}


def _row(store: Promoted, slot: Slot) -> dict[str, Any]:
    """One line of the list; an artefact that cannot be read is listed with the reason."""
    from thunes.errors import ThunesError

    told: tuple[str, ...] = ("id", "environment", "created", "parameters", "forced")
    row = {**slot._asdict(), **dict.fromkeys((*told, *HEADLINE)), "problem": None}
    try:
        artefact = store.current(*slot)
    except ThunesError as error:
        return row | {"problem": str(error)}
    figures = {name: artefact.out_of_sample.get(name) for name in HEADLINE}
    return row | {name: getattr(artefact, name) for name in told} | figures


def _finding_row(finding: Finding) -> dict[str, Any]:
    problem = None if finding.problem is None else str(finding.problem)
    row = {"id": finding.id, "current": finding.current, "ok": problem is None, "problem": problem}
    return {**finding.slot._asdict(), **row}


def _complain_of(problems: Iterable[object]) -> None:
    from thunes.cli.output import talk

    for problem in problems:
        talk.print(f"! {problem}", markup=False, soft_wrap=True)


def _list_table(rows: list[dict[str, Any]]) -> Table:
    from rich.table import Table

    table = Table(box=None, pad_edge=False, header_style="dim")
    table.add_column("strategy", overflow="fold")
    for head in ("market", "current", "for"):
        table.add_column(head, no_wrap=True)
    table.add_column("Sharpe", justify="right")
    for row in rows:
        id_ = "cannot be read" if row["id"] is None else row["id"]
        sharpe = _labelled("sharpe", row["sharpe"])[1]
        table.add_row(row["strategy"], f"{row['symbol']} {row['interval']}", id_, row["environment"] or "", sharpe)
    return table


def _shown(artefact: Artefact, moves: list[dict[str, Any]]) -> Iterator[str | Table]:
    candles = artefact.provenance.get("candles") or {}
    yield f"{artefact.strategy} {artefact.symbol} {artefact.interval} for {artefact.environment}"
    yield f"{artefact.id}\nsha256 {artefact.sha256}"
    if artefact.is_synthetic:
        yield "SYNTHETIC MARKET: made-up candles. No figure here tells anything of a real one."
    if artefact.forced is not None:
        yield f"FORCED past the gates: {artefact.forced}"
    yield "  ".join(f"{name}={value:g}" for name, value in artefact.parameters.items()) or "no parameters"
    yield f"Candles {candles.get('source', 'unknown')}, {candles.get('first', '?')} to {candles.get('last', '?')} UTC\n"
    yield _pairs_table("in sample", artefact.in_sample, "out of sample", artefact.out_of_sample)
    yield ""
    yield _gates_table(artefact)
    yield from artefact.notes
    yield "\nWas made current"
    yield from (f"  {move['time']}  {move['action']:8}  {move['id']}" for move in moves)


def _gates_table(artefact: Artefact) -> Table:
    from rich.table import Table

    table = Table("gate", "value", "threshold", "", "", box=None, pad_edge=False, header_style="dim")
    for gate in artefact.gates:
        passed = "passed" if gate.get("passed") else "FAILED"
        cells = (gate.get("gate"), gate.get("value"), gate.get("threshold"))
        table.add_row(*map(_number, cells), passed, str(gate.get("meaning", "")))
    return table


def _differences(old: Artefact, new: Artefact, part: str) -> dict[str, dict[str, Any]]:
    """Old and new value of everything that one of two artefacts has in a part."""
    before, after = getattr(old, part), getattr(new, part)
    return {name: {"old": before.get(name), "new": after.get(name)} for name in [*before, *(after.keys() - before)]}


def _diff_table(old: Artefact, new: Artefact, rows: Mapping[str, Mapping[str, Mapping[str, Any]]]) -> Table:
    from rich.table import Table

    table = Table(box=None, pad_edge=False, header_style="dim")
    table.add_column("", overflow="fold")
    for artefact in (old, new):
        table.add_column(artefact.id, justify="right", no_wrap=True)
    table.add_row("source", *(artefact.strategy_sha256[:12] for artefact in (old, new)))
    table.add_row("anchor", *(_time(artefact.anchor) for artefact in (old, new)))
    for part in rows.values():
        for name, values in part.items():
            style = "bold" if values["old"] != values["new"] else "dim"
            (label, before), (_, after) = _labelled(name, values["old"]), _labelled(name, values["new"])
            table.add_row(label, before, after, style=style)
    return table


def _pairs_table(left: str, before: Mapping[str, Any], right: str, after: Mapping[str, Any]) -> Table:
    from rich.table import Table

    table = Table("", box=None, pad_edge=False, header_style="dim")
    for head in (left, right):
        table.add_column(head, justify="right")
    for name in after:
        (label, out), (_, inside) = _labelled(name, after[name]), _labelled(name, before.get(name))
        table.add_row(label, inside, out)
    return table


def _time(ms: int) -> str:
    from thunes.clock import iso

    return iso(ms)


def _labelled(name: str, value: Any) -> tuple[str, str]:
    """A figure's name and value as a report writes them."""
    from thunes.research.report.figures import FIGURES, rate

    written = next(((figure.label, figure.show) for figure in FIGURES if figure.metric == name), None)
    if written is not None:
        return written[0], "–" if value is None else written[1](value)
    if name.endswith(("_mean", "_deviation")):
        return name.replace("_", " ").capitalize(), "–" if value is None else rate(value)
    return ("Trades / year" if name == "trades_per_year" else name), _number(value)


def _number(value: Any) -> str:
    """A figure to four digits; a dash for none."""
    if value is None:
        return "–"
    return f"{value:,.4g}" if isinstance(value, float) else str(value)
