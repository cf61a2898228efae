"""`thunes sweep`: many parameter sets of one strategy, one row of figures each."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from thunes.cli import options as given

if TYPE_CHECKING:
    from thunes.research.sweep import SweepResult


def sweep(
    strategy: given.Strategy = "sma_cross",
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
    metrics: Annotated[
        str | None,
        typer.Option(metavar="A,B,…", help="Or all. Default: total_return,sharpe,max_drawdown,trades."),
    ] = None,
    out: Annotated[
        Path | None, typer.Option(help="A .parquet, .csv or .feather file. Default: in artifacts/sweep.")
    ] = None,
    as_json: given.Json = False,
) -> None:
    """Compute the figures of every feasible set of a grid, on all cores, and keep them in a file.

    Without --grid it is the strategy's whole search range; with it, a parameter not named keeps its default.

    Example: thunes sweep --strategy sma_cross --grid fast=5:54 --grid slow=20:219 --data synthetic:7
    """
    from time import perf_counter

    from thunes.cli.loading import load_candles
    from thunes.cli.output import spinner, strategy_prints
    from thunes.research import sweep as research
    from thunes.research.backtest import strategy_class
    from thunes.research.grid import grid as feasible
    from thunes.research.grid import parse_range
    from thunes.research.report import sweeps
    from thunes.settings import load_settings

    costs, stops = given.costs_of(fee, slippage), given.stops_of(stop_loss, take_profit, trailing)
    ranges: dict[str, Any] = given.named("--grid", grid or (), parse_range)
    wanted = research.parse_metrics(metrics)
    if out is not None:
        sweeps.require_writable(out)
    settings = load_settings()
    with strategy_prints():
        chosen = strategy_class(strategy)
    feasible(chosen, ranges)  # refuses a wrong grid before candles are fetched for it
    candles = load_candles(symbol, interval, data, start=start, end=end, last=last, settings=settings)
    with spinner("sweeping"), strategy_prints():
        begun = perf_counter()
        result = research.sweep(chosen, candles, costs, stops=stops, fill=fill, metrics=wanted, **ranges)
        seconds = perf_counter() - begun
    path = out or settings.state_dir / sweeps.FOLDER / sweeps.file_name(result)
    sweeps.write_table(result, path)
    _show(result, seconds, path, as_json)


def _show(result: SweepResult, seconds: float, path: Path, as_json: bool) -> None:
    from thunes.cli.output import console, emit_json
    from thunes.research.report import sweeps
    from thunes.research.report.assumptions import synthetic_notice

    bars, notice = len(result.candles), synthetic_notice(result.candles)
    speed = len(result) * bars / seconds
    if as_json:
        found = {**result.to_dict(), "ranked_by": sweeps.ranked_by(result), "top": sweeps.best_rows(result)}
        work = {"bars": bars, "seconds": seconds, "bar_sets_per_second": speed}
        emit_json("sweep", {**found, **work, "notice": notice, "note": sweeps.luck_note(result), "out": path})
        return
    if notice:
        console.print(f" {notice}".ljust(80), style="bold black on yellow", soft_wrap=True, markup=False)
    done = f"{len(result):,} sets × {bars:,} bars in {seconds:.2f} s, {speed / 1e6:,.3g} million bar-sets a second"
    console.print(f"[bold]{result.strategy.name()}[/]\n{done}\n", soft_wrap=True)
    console.print(sweeps.best_table(result))
    console.print(f"\n{sweeps.luck_note(result)}\nAll sets: {path}", soft_wrap=True, markup=False)
