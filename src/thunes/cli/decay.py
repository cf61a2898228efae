"""`thunes decay`: whether what was promoted still earns what it promised."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from thunes.cli.options import Json, Start
from thunes.cli.promoted import Interval, Strategy, Symbol

if TYPE_CHECKING:
    from thunes.ops.decay import Decay

RESULTS = "A .csv or .parquet file: time and equity of the account, or exit_time and return of each trade."
STYLES = {"healthy": "green", "warning": "yellow", "critical": "bold red", "unknown": "dim"}


def decay(
    returns: Annotated[Path, typer.Option(metavar="FILE", help=RESULTS)],
    strategy: Strategy = None,
    symbol: Symbol = None,
    interval: Interval = None,
    start: Start = None,
    as_json: Json = False,
) -> None:
    """Compare results, of paper or live, with what the current artefact expects, by a test that may be run every day.

    Of strategies that keep their promise at most one in twenty is ever called critical, if the promised mean is true;
    one that was estimated on two years makes it one in ten within five years. Results count from the end of the
    candles that it was judged on, or from --start. Exit code 6 where it is critical, 0 for healthy, warning and
    unknown (under 30 days or 20 closed trades). Nothing is deployed or stopped.

    Example: thunes decay --returns artifacts/backtest/equity_BTCUSDT_1h.csv --start 2026-03-01
    """
    from thunes.cli.output import emit_json
    from thunes.cli.promoted import chosen_slot, open_store
    from thunes.clock import to_ms
    from thunes.errors import GateRefused
    from thunes.ops.decay import PerformanceTracker
    from thunes.ops.results import read_results

    store = open_store()
    artefact = store.current(*chosen_slot(store, strategy, symbol, interval))
    since = to_ms(start or artefact.provenance["candles"]["last"])
    found = PerformanceTracker(artefact.expected).judge(read_results(returns, since))
    named = {name: getattr(artefact, name) for name in ("strategy", "symbol", "interval", "id")}
    if as_json:
        emit_json("decay", {**named, **found.to_dict()})
    else:
        _print(named, found)
    if found.state == "critical":
        raise GateRefused("E-DECAY", f"{artefact.id} has decayed.", "Stop it, or promote a better one.")


def _print(named: dict[str, Any], found: Decay) -> None:
    from rich.table import Table
    from rich.text import Text

    from thunes.cli.output import console

    console.print(Text.assemble((found.state, STYLES[found.state]), "  ", " ".join(map(str, named.values()))))
    console.print(found.sentence, soft_wrap=False, markup=False)
    table = Table("", box=None, pad_edge=False, header_style="dim")
    for head in ("realised", "expected"):
        table.add_column(head, justify="right")
    table.add_row(f"mean of {found.unit}", _percent(found.mean), _percent(found.expected_mean))
    table.add_row("Sharpe ratio", _ratio(found.sharpe), _ratio(found.expected_sharpe))
    table.add_row(f"of the last {found.rolling.returns} {found.unit}", _ratio(found.rolling.sharpe), "")
    table.add_row("by luck alone", _percent(found.rolling.by_luck, 0), "")
    table.add_row("p of the shortfall", _ratio(found.p, 3), "")
    console.print(table)


def _percent(value: float | None, digits: int = 3) -> str:
    return "–" if value is None else f"{100 * value:.{digits}f} %"


def _ratio(value: float | None, digits: int = 2) -> str:
    return "–" if value is None else f"{value:.{digits}f}"
