"""The rows as tables for people, at most 100 columns wide."""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Mapping, Sequence
from itertools import groupby
from typing import Any

from rich import box
from rich.console import Console
from rich.table import Table

from benchmarks.rows import Row, number, seconds

WIDTH = 100


def header(machine: Mapping[str, Any], data: str) -> str:
    """What was measured, and on what."""
    versions = ", ".join(f"{name} {version}" for name, version in machine["versions"].items())
    where = f"{machine['cores']} × {machine['processor']}, load {machine['load_average'][0]:.1f}"
    return "\n".join([data, where, *textwrap.wrap(f"Python {machine['python']}, {versions}", WIDTH)])


def show(rows: Sequence[Row], console: Console) -> None:
    """Print one table per group, its notes below."""
    for group, members in groupby(rows, key=lambda row: row.group):
        found = list(members)
        console.print(_table(group, found), *(f" {row.case}: {row.note}" for row in found if row.note), "", sep="\n")


def _table(group: str, rows: list[Row]) -> Table:
    table = Table(title=group, title_justify="left", title_style="bold", box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0))
    columns = {name: [cell(row) for row in rows] for name, cell in CELLS.items()}
    shown = {name: cells for name, cells in columns.items() if any(cells)}
    for name in shown:
        table.add_column(name.strip(), justify="left" if name in (" ", "goal") else "right", no_wrap=True)
    for cells in zip(*shown.values(), strict=True):
        table.add_row(*cells)
    return table


def _goal(row: Row) -> str:
    return f"{row.goal.text()} {'✓' if row.met else '✗'}" if row.goal else ""


def _peer(row: Row) -> str:
    if row.peer_timing is None:
        return ""
    name = "" if row.peer == row.case else row.peer.split()[-1]  # vectorbt's engine
    return f"{name} {seconds(row.peer_timing.median)}".strip()


CELLS: Mapping[str, Callable[[Row], str]] = {
    " ": lambda row: row.case,
    "sets": lambda row: f"{row.sets:,}" if row.sets else "",
    "bars": lambda row: f"{row.bars:,}" if row.bars else "",
    "median": lambda row: seconds(row.timing.median) if row.timing else "",
    "least": lambda row: seconds(row.timing.least) if row.timing else "",
    "peer": _peer,
    "figure": lambda row: f"{number(row.value)} {row.unit}",
    "goal": _goal,
}
