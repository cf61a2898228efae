"""`thunes parity`: the trader against the backtest, order for order."""

from __future__ import annotations

from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Annotated, Any

import typer

from thunes.cli import options as given

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from thunes.model import Candles
    from thunes.ops.parity import Parity

All = Annotated[bool, typer.Option("--all", help="Every built-in strategy, with its default values.")]


def parity(
    strategy: given.Strategy = "sma_cross",
    set_: given.Set = None,
    data: given.Data = "auto",
    symbol: given.Symbol = None,
    interval: given.Interval = None,
    start: given.Start = None,
    end: given.End = None,
    last: given.Last = 2_160,
    every: All = False,
    as_json: given.Json = False,
) -> None:
    """Drive the real trader through candles on the local exchange and compare each order with the backtest's.

    Both begin with the first candle and the same cash, all of it traded, without limits of risk. Every difference in
    money is told by its cause. Exit code 1 where an order is missing without one, or money is left unexplained.

    Example: thunes parity --strategy sma_cross --symbol BTCUSDT --data synthetic:7 --last 500
    """
    from thunes.cli.loading import load_candles
    from thunes.cli.output import emit_json
    from thunes.errors import CheckFailed, UsageError
    from thunes.settings import load_settings

    values = given.named("--set", set_ or (), given.assignment)
    if every and values:
        raise UsageError("E-PARITY-ALL", "--all takes no --set.", "Name one strategy.")
    settings = load_settings()
    chosen = _chosen(None if every else strategy, values)
    candles = load_candles(symbol, interval, data, start=start, end=end, last=last, settings=settings)
    found = []
    for one in _compared(chosen, candles, settings.state_dir / "state"):
        found.append(one)
        if not as_json:
            _print(one)
    if as_json:
        emit_json("parity", {"strategies": [one.to_dict() for one in found]} if every else found[0].to_dict())
    apart = [one.strategy for one in found if not one.holds]
    if apart:
        raise CheckFailed("E-PARITY", f"trader and backtest are not the same: {', '.join(apart)}.")


def _chosen(strategy: str | None, values: dict[str, str]) -> list[tuple[str, Any]]:
    """Names and strategies; all built-in ones for None."""
    from thunes.research.backtest import instance
    from thunes.strategies.registry import BUILT_IN

    return [(name, instance(name, values)) for name in ([strategy] if strategy else BUILT_IN)]


def _compared(chosen: Sequence[tuple[str, Any]], candles: Candles, folder: Path) -> Iterator[Parity]:
    from pathlib import Path

    from thunes.cli.loading import progress_bar
    from thunes.cli.output import strategy_prints
    from thunes.ops.parity import parity as compared

    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    for name, strategy in chosen:
        with (
            TemporaryDirectory(dir=folder, prefix="parity-") as place,
            progress_bar(name) as progress,
            strategy_prints(),
        ):
            found = compared(strategy, candles, Path(place), name=name, progress=progress)
        yield found


def _print(found: Parity) -> None:
    from rich.table import Table

    from thunes.cli.output import console

    verdict = "the same trades" if found.holds else "NOT the same"
    told = found.candles
    head = f"{found.strategy}  {told.symbol} {told.interval}, {len(told):,} bars: {verdict}"
    console.print(head, style="green" if found.holds else "bold red", markup=False, soft_wrap=True)
    table = Table(box=None, show_header=False, pad_edge=False)
    table.add_column()
    table.add_column(justify="right")
    for name, value in _rows(found):
        table.add_row(f"  {name}", value)
    console.print(table)


def _rows(found: Parity) -> Iterator[tuple[str, str]]:
    yield "orders of both", f"{found.matched:,}"
    for cause, count in found.unmatched.items():
        yield f"of one alone: {cause}", f"{count:,}"
    yield "largest difference in price", f"{found.price_difference:.2f} ({100 * found.price_fraction:.4f} %)"
    yield "largest difference in money", f"{found.money_difference:.2f}"
    yield "backtest ends with", f"{found.backtest_equity:.6f}"
    for cause, amount in found.money.items():
        yield f"+ {cause}", f"{amount:.6f}"
    yield "trader ends with", f"{found.trader_equity:.6f}"
    yield "unexplained, at most", f"{found.unexplained:.2e}"
