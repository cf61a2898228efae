"""`thunes walk-forward`: choose on the past, trade what follows, again and again."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from thunes.cli import options as given

if TYPE_CHECKING:
    from thunes.research.walk_forward import WalkForwardResult

LENGTH = "Bars, or a duration: 720, 12h, 30d, 8w."
Length = Annotated[str, typer.Option(metavar="LENGTH", help=LENGTH)]


def walk_forward(
    strategy: given.Strategy = "sma_cross",
    train: Length = "365d",
    test: Length = "30d",
    step: Annotated[str | None, typer.Option(metavar="LENGTH", help="From test to test. Default: its length.")] = None,
    anchored: Annotated[bool, typer.Option("--anchored", help="Train on all bars so far, not on a window.")] = False,
    purge: Annotated[str, typer.Option(metavar="LENGTH", help="Cut from the end of each training window.")] = "0",
    embargo: Annotated[str, typer.Option(metavar="LENGTH", help="Skipped between training and test.")] = "0",
    metric: Annotated[str, typer.Option(help="What the best set of a fold has most of.")] = "sharpe",
    min_trades: Annotated[int, typer.Option(min=0, help="A set with fewer in training is not viable.")] = 10,
    grid: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME=RANGE", help="fast=5:54, fast=5:54:2 or fast=5,10,20; may be repeated."),
    ] = None,
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
    as_json: given.Json = False,
) -> None:
    """Choose the best parameters on each stretch of the past and trade them on the one that follows.

    The tests are joined into one account that pays for every change of parameters. Without --grid the choice is among
    the strategy's whole search range. Files go to artifacts/walk_forward; the next run overwrites them.

    Example: thunes walk-forward --strategy sma_cross --train 180d --test 30d --data synthetic:7
    """
    from thunes.cli.loading import load_candles, progress_bar
    from thunes.cli.output import strategy_prints
    from thunes.research import walk_forward as research
    from thunes.research.backtest import strategy_class
    from thunes.research.grid import grid as feasible
    from thunes.research.grid import parse_range
    from thunes.research.walk_forward.report import FOLDER, write_files
    from thunes.settings import load_settings

    terms: dict[str, Any] = {"train": train, "test": test, "step": step, "purge": purge, "embargo": embargo}
    terms |= {"anchored": anchored, "metric": metric, "min_trades": min_trades, "fill": fill}
    terms["stops"] = given.stops_of(stop_loss, take_profit, trailing)
    costs = given.costs_of(fee, slippage)
    ranges: dict[str, Any] = given.named("--grid", grid or (), parse_range)
    settings = load_settings()
    with strategy_prints():
        chosen = strategy_class(strategy)
    feasible(chosen, ranges)  # this and what follows: refused before candles are fetched for it
    research.require_selector(metric, min_trades)
    for length in (train, test, step or test, purge, embargo):
        research.read_length(length)
    candles = load_candles(symbol, interval, data, start=start, end=end, last=last, settings=settings)
    with progress_bar("folds") as progress, strategy_prints():
        result = research.walk_forward(chosen, candles, costs, progress=progress, **terms, **ranges)
    _show(result, write_files(result, settings.state_dir / FOLDER), as_json)


def _show(result: WalkForwardResult, files: dict[str, Path], as_json: bool) -> None:
    from thunes.cli.output import console, emit_json
    from thunes.research.report.assumptions import period, synthetic_notice
    from thunes.research.walk_forward import report

    notice = synthetic_notice(result.candles)
    if as_json:
        emit_json("walk_forward", {**result.to_dict(), "notice": notice, "files": files})
        return
    if notice:
        console.print(f" {notice}".ljust(80), style="bold black on yellow", soft_wrap=True, markup=False)
    console.print(f"[bold]{result.strategy.name()}[/]\n{period(result.candles)}, out of sample\n", soft_wrap=True)
    for table in (report.fold_table(result), report.summary_table(result), report.stability_table(result)):
        if table.row_count:
            console.print(table, "")
    console.print("\n".join(report.remarks(result)), markup=False)
    console.print(f"Files: {files['folds'].parent}/", soft_wrap=True, markup=False)
