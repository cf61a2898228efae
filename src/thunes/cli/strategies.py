"""`thunes strategies` and `thunes new-strategy`: what there is, whether it is honest, and how to start one's own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from thunes.cli import options as given

if TYPE_CHECKING:
    from thunes.strategies.base import Strategy
    from thunes.strategies.lookahead import Report

app = typer.Typer(help="List strategies, or check one.", rich_markup_mode="rich")


@app.callback(invoke_without_command=True)
def strategies(context: typer.Context, as_json: given.Json = False) -> None:
    """List the strategies with their parameters, search ranges and number of parameter sets.

    Example: thunes strategies --json
    """
    if context.invoked_subcommand is None:
        _list(as_json)


@app.command()
def check(
    strategy: Annotated[str, typer.Argument(help="A name, or FILE.py:Class.", metavar="NAME_OR_PATH")],
    set_: given.Set = None,
    data: given.Data = "synthetic:1",
    symbol: given.Symbol = None,
    interval: given.Interval = None,
    last: Annotated[int, typer.Option(min=2, help="Only the last so many candles.")] = 2000,
    as_json: given.Json = False,
) -> None:
    """Check that no future changes the past, and that walking forward bar by bar gives the same as the whole at once.

    Exit code 6 and the first bar that leaks where one of the two fails.

    Example: thunes strategies check my_idea.py:MyIdea --set window=50 --data synthetic:7
    """
    from thunes.cli.output import strategy_prints
    from thunes.errors import GateRefused
    from thunes.research.backtest import instance

    with strategy_prints():
        chosen = instance(strategy, given.named("--set", set_ or (), given.assignment))
    reports = _reports(chosen, data, symbol, interval, last)
    _show(reports, as_json)
    for report in reports:
        if report.leak is not None:
            hint = "A decision may use its own bar and earlier ones only."
            raise GateRefused("E-STRATEGY-LEAK", f"{report.check} check of {strategy}: {report.leak}.", hint)


def new_strategy(
    name: Annotated[str, typer.Argument(help="A Python name, such as my_idea.")], as_json: given.Json = False
) -> None:
    """Write NAME.py and test_NAME.py here: a strategy to start from and its test, which pass as written.

    Example: thunes new-strategy my_idea
    """
    from pathlib import Path

    from thunes.cli.output import console, emit_json
    from thunes.strategies.scaffold import class_name, write_strategy

    written = [path.name for path in write_strategy(name, Path())]
    spec = f"{written[0]}:{class_name(name)}"
    if as_json:
        emit_json("new_strategy", {"strategy": spec, "files": written})
    else:
        lines = [f"Wrote {' and '.join(written)}. Next:", f"  thunes strategies check {spec}", f"  pytest {written[1]}"]
        console.print("\n".join(lines), markup=False, soft_wrap=True)


def _list(as_json: bool) -> None:
    from thunes.cli.output import console, emit_json

    found = [_description(name, strategy) for name, strategy in _loadable().items()]
    if as_json:
        emit_json("strategies", {"strategies": found})
        return
    for entry in found:
        console.print(_block(entry))
    console.print("Write your own: thunes new-strategy NAME", soft_wrap=True)


def _loadable() -> dict[str, type[Strategy]]:
    """Every registered strategy; a package whose strategy cannot be imported is named on stderr."""
    from thunes.cli.output import talk
    from thunes.errors import ThunesError
    from thunes.strategies.registry import load, names

    found = {}
    for name in names():
        try:
            found[name] = load(name)
        except ThunesError as error:
            talk.print(f"! {error}", markup=False, soft_wrap=True)
    return found


def _description(name: str, strategy: type[Strategy]) -> dict[str, Any]:
    from dataclasses import asdict

    return {
        "name": name,
        "description": (strategy.__doc__ or "").strip().partition("\n")[0],
        "sets": strategy.space_size(),
        "constraints": list(strategy.constraints),
        "parameters": [asdict(parameter) for parameter in strategy.parameters().values()],
    }


def _block(entry: dict[str, Any]) -> object:
    from rich.console import Group
    from rich.padding import Padding
    from rich.table import Table
    from rich.text import Text

    size = f"{entry['sets']:,} parameter set{'' if entry['sets'] == 1 else 's'}"
    head = Text.assemble(
        (entry["name"], "bold"), "  ", (" with ".join(filter(None, [size, " and ".join(entry["constraints"])])), "dim")
    )
    table = Table("parameter", "default", "search range", box=None, pad_edge=False, header_style="dim")
    for p in entry["parameters"]:
        step = "" if p["step"] == 1 else f" by {p['step']:g}"
        table.add_row(p["name"], f"{p['default']:g} {p['unit']}", f"{p['first']:g} … {p['last']:g}{step}")
    body = Group(Text(entry["description"]), *([table] if entry["parameters"] else []))
    return Group(head, Padding(body, (0, 0, 1, 2), expand=False))


def _reports(
    strategy: Strategy, data: str, symbol: str | None, interval: str | None, last: int
) -> tuple[Report, Report]:
    from thunes.cli.loading import load_candles
    from thunes.cli.output import spinner, strategy_prints
    from thunes.strategies.lookahead import check_lookahead, check_walk_forward

    candles = load_candles(symbol, interval, data, last=last)
    with spinner("checking"), strategy_prints():
        return check_lookahead(strategy, candles), check_walk_forward(strategy, candles)


def _show(reports: tuple[Report, ...], as_json: bool) -> None:
    from dataclasses import asdict

    from thunes.cli.output import console, emit_json

    if as_json:
        emit_json("strategy_check", {"checks": [{**asdict(report), "passed": report.passed} for report in reports]})
    else:
        console.print("\n".join(map(str, reports)), markup=False, soft_wrap=True)
