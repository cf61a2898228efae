"""A search in a terminal: what it rests on, the best set fold by fold, the front. 80 columns."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator

from rich.console import Group
from rich.table import Table
from rich.text import Text

from thunes.clock import iso
from thunes.research.report.figures import ratio
from thunes.research.search.result import SearchResult
from thunes.research.search.words import facts, notice, set_text

WIDTH, LABEL = 80, 16
TOP = 10  # sets of a front


def panel(result: SearchResult) -> Group:
    """What `thunes optimize` prints."""
    head = [Text(f" {notice(result)}".ljust(WIDTH), "bold black on yellow")] if notice(result) else []
    tables = [_folds(result)] if len(result.task.objectives) == 1 else [_folds(result), Text(), _front(result)]
    return Group(*head, *_lines(result), Text(), *tables)


def _lines(result: SearchResult) -> Iterator[Text]:
    yield Text.assemble((result.task.strategy.name(), "bold"), "  ", set_text(result))
    yield Text()
    for label, text in facts(result).items():
        for k, line in enumerate(textwrap.wrap(text, WIDTH - LABEL)):
            yield Text.assemble(((label if k == 0 else "").ljust(LABEL), "dim"), line)


def _folds(result: SearchResult) -> Table:
    """The best set's figures in each fold, and their means."""
    table = _table("Fold", *result.task.objectives)
    for piece, values in zip(result.task.pieces, result.winner.folds, strict=True):
        table.add_row(f"{iso(int(piece.open_time[0]))[:10]} to {iso(piece.end_time)[:10]}", *map(ratio, values))
    table.add_row("mean", *map(ratio, result.winner.values), style="bold")
    return table


def _front(result: SearchResult) -> Table:
    """The first sets of the Pareto front."""
    shown = result.front[:TOP]
    table = _table(f"Pareto front, {len(shown)} of {len(result.front)}", *result.task.objectives)
    for row in shown:
        chosen = " ".join(f"{name}={value:g}" for name, value in result.trials.set_of(row).items())
        table.add_row(chosen, *map(ratio, result.trials.values[row].tolist()))
    return table


def _table(first: str, *objectives: str) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    table.add_column(first)
    for name in objectives:
        table.add_column(name.replace("return_over_drawdown", "return/dd"), justify="right", no_wrap=True)
    return table
