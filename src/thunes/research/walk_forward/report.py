"""The report of a walk-forward: its folds and its account in a terminal, both as CSV with provenance beside."""

from __future__ import annotations

import json
from pathlib import Path

import polars as pl
from rich.table import Table

from thunes.clock import iso
from thunes.research.report.figures import FIGURES, UNDEFINED, change, ratio, share
from thunes.research.walk_forward.runner import FoldResult, WalkForwardResult
from thunes.storage.atomic import write_atomic

FOLDER = Path("artifacts") / "walk_forward"
SHOWN = 36  # folds in the terminal; the files have all of them
SET_WIDTH = 18  # what 80 columns leave for the chosen set
SUMMARY = ("total_return", "annual_return", "sharpe", "max_drawdown", "trades", "exposure", "turnover")


def write_files(result: WalkForwardResult, folder: Path) -> dict[str, Path]:
    """Write folds and equity as CSV and everything as JSON into a folder; their paths by what they hold.

    Each file is put in place as a whole; the next run of the strategy on the same symbol and interval overwrites them.
    Undefined figures are empty. Errors: `DataError` where the folder cannot be written.
    """
    name = f"{result.history.symbol}_{result.history.interval}_{result.strategy.name()}"
    contents = {
        "folds": (f"folds_{name}.csv", _csv(result.frame, result)),
        "equity": (f"equity_{name}.csv", _csv(result.equity, result)),
        "result": (f"result_{name}.json", json.dumps(result.to_dict(), indent=2, ensure_ascii=False).encode()),
    }
    for file, content in contents.values():
        write_atomic(folder / file, content)
    return {kind: folder / file for kind, (file, _) in contents.items()}


def _csv(frame: pl.DataFrame, result: WalkForwardResult) -> bytes:
    """CSV with ISO times; the last column says where the candles are from."""
    labelled = pl.DataFrame(frame).fill_nan(None).with_columns(source=pl.lit(result.history.source))
    return labelled.write_csv(datetime_format="%Y-%m-%dT%H:%M:%SZ").encode()


def fold_table(result: WalkForwardResult) -> Table:
    """The last folds in 80 columns: when tested, what was chosen, and its figures in training and in the test."""
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    table.add_column("Test from", no_wrap=True)
    table.add_column(", ".join(result.strategy.parameters()) or "set", no_wrap=True, max_width=SET_WIDTH)
    for label in ("Sharpe in", "out", "Return out", "Drawdown", "Trades"):
        table.add_column(label, justify="right", no_wrap=True)
    for each in result.folds[-SHOWN:]:
        table.add_row(*_row(each, result))
    return table


def _row(each: FoldResult, result: WalkForwardResult) -> list[str]:
    begins = iso(int(result.history.open_time[each.fold.test.first])).partition(" ")[0]
    if each.parameters is None:
        return [begins, "flat: none viable", *[UNDEFINED] * 5]
    chosen = ", ".join(f"{value:g}" for value in each.parameters.values())
    before, after = each.in_sample, each.out_of_sample
    figures = [ratio(before["sharpe"]), ratio(after["sharpe"]), change(after["total_return"])]
    return [begins, chosen, *figures, share(after["max_drawdown"]), f"{after['trades']:g}"]


def summary_table(result: WalkForwardResult) -> Table:
    """The out-of-sample account and buying and holding over the same span."""
    table = Table(box=None, pad_edge=False, padding=(0, 3, 0, 0))
    table.add_column("Out of sample")
    table.add_column("Walk-forward", justify="right")
    table.add_column("Buy and hold", justify="right")
    for figure in FIGURES:
        if figure.metric in SUMMARY:
            table.add_row(figure.label, *(figure.show(stats[figure.metric]) for stats in (result.stats, result.hold)))
    return table


def stability_table(result: WalkForwardResult) -> Table:
    """What the folds chose, parameter by parameter."""
    table = Table(box=None, pad_edge=False, padding=(0, 3, 0, 0))
    for label in ("Parameter", "Median", "Middle half", "Distinct", "Most frequent", "In folds"):
        table.add_column(label, justify="left" if label == "Parameter" else "right", no_wrap=True)
    for name, found in result.stability.items():
        middle = f"{found.low:g} … {found.high:g}"
        figures = (f"{found.median:g}", middle, str(found.distinct), f"{found.mode:g}", share(found.share))
        table.add_row(name, *figures)
    return table


def remarks(result: WalkForwardResult) -> list[str]:
    """What the tables must be read with."""
    before, after = ratio(result.in_sample_sharpe), ratio(result.stats["sharpe"])
    said = [f"Sharpe: {before} in sample on average, {after} out of sample; efficiency {ratio(result.efficiency)}."]
    said.append(f"Rank correlation of neighbouring folds' scores: {ratio(result.rank_correlation)}; overlap counts.")
    if result.flat_folds:
        said.append(f"{result.flat_folds} of {len(result.folds)} folds had no viable set and stayed flat.")
    if len(result.folds) > SHOWN:
        said.append(f"Shown are the last {SHOWN} of {len(result.folds)} folds.")
    return said
