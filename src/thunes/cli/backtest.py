"""`thunes backtest`: one strategy, one series of candles, a report."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from thunes.cli import options as given

if TYPE_CHECKING:
    from thunes.research.backtest import BacktestResult
    from thunes.research.report.contents import Report

Engine = Literal["vectorbt", "kernel"]


def backtest(
    strategy: given.Strategy = "sma_cross",
    set_: given.Set = None,
    data: given.Data = "auto",
    symbol: given.Symbol = None,
    interval: given.Interval = None,
    start: given.Start = None,
    end: given.End = None,
    last: given.Last = None,
    fee: given.Fee = None,
    slippage: given.Slippage = None,
    fill: given.Fill = "next_open",
    stop_loss: given.StopLoss = given.NONE,
    take_profit: given.TakeProfit = given.NONE,
    trailing: given.Trailing = given.NONE,
    engine: Annotated[Engine, typer.Option(help="vectorbt checks every figure; kernel alone is instant.")] = "vectorbt",
    html: Annotated[bool | None, typer.Option("--html/--no-html", help="The page too. Default: with vectorbt.")] = None,
    as_json: given.Json = False,
) -> None:
    """Backtest one strategy and report: here, and as files in artifacts/backtest.

    Decisions at a bar's close are filled in the next bar. Every figure is computed twice, by the kernel and by
    vectorbt; where they differ nothing is reported. The next run on the same symbol and interval overwrites the files.

    Example: thunes backtest --strategy sma_cross --set fast=10 --set slow=50 --data synthetic:7
    """
    from thunes.cli.loading import load_candles
    from thunes.cli.output import strategy_prints
    from thunes.research import backtest as research
    from thunes.settings import load_settings

    costs, stops = given.costs_of(fee, slippage), given.stops_of(stop_loss, take_profit, trailing)
    values = given.named("--set", set_ or (), given.assignment)
    settings = load_settings()
    with strategy_prints():
        chosen = research.instance(strategy, values)
        candles = load_candles(symbol, interval, data, start=start, end=end, last=last, settings=settings)
        result = research.backtest(chosen, candles, costs, stops=stops, fill=fill)
    _report(result, engine, settings.state_dir, engine == "vectorbt" if html is None else html, as_json)


def _report(result: BacktestResult, engine: Engine, state_dir: Path, html: bool, as_json: bool) -> None:
    from thunes.cli.output import console, emit_json, spinner, strategy_prints
    from thunes.research.report.contents import report
    from thunes.research.report.crosscheck import UNCHECKED, against_vectorbt
    from thunes.research.report.files import FOLDER, write_files

    with spinner("vectorbt checks the figures" if engine == "vectorbt" else "reporting"), strategy_prints():
        found = report(result, against_vectorbt(result) if engine == "vectorbt" else UNCHECKED)
        files = write_files(found, state_dir / FOLDER, _page(found) if html else None)
    if as_json:
        emit_json("backtest", {**found.to_dict(), "files": files})
        return
    from thunes.research.report.panel import panel

    console.print(panel(found), soft_wrap=True)
    console.print("\n".join(_places(files)), soft_wrap=True, markup=False)


def _page(report: Report) -> str:
    from thunes.research.report.page import page

    return page(report)


def _places(files: Mapping[str, Path]) -> Iterator[str]:
    """Where the files are: the page first, if there is one, as what a person opens."""
    if "page" in files:
        yield f"Report          {files['page']}"
    yield f"Files           {files['stats'].parent}/"
    names = ", ".join(path.name for kind, path in files.items() if kind != "page")
    yield from textwrap.wrap(names, 80, initial_indent=" " * 16, subsequent_indent=" " * 16)
