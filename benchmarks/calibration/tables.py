"""What the judged markets say: how many were promoted, with exact (Clopper-Pearson) limits; tables, JSON, curves."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table
from scipy.stats import beta

from thunes.research.gates import power
from thunes.storage.atomic import write_atomic

Rows = Sequence[Mapping[str, Any]]
console = Console(highlight=False, width=100)
POWER = Path(power.__file__).with_name("power.json")
EDGES = ("trend", "reversal", "dead")


def limits(hits: int, trials: int) -> tuple[float, float]:
    """Clopper-Pearson two-sided 95 % interval of a share."""
    low = float(beta.ppf(0.025, hits, trials - hits + 1)) if hits else 0.0
    high = float(beta.ppf(0.975, hits + 1, trials - hits)) if hits < trials else 1.0
    return low, high


def upper_bound(hits: int, trials: int) -> float:
    """One-sided 95 % upper bound of a share."""
    return float(beta.ppf(0.95, hits + 1, trials - hits)) if hits < trials else 1.0


def cells(rows: Rows) -> Iterator[dict[str, Any]]:
    """One row for each space, kind, strength and length of history, then all edge-less markets of a space as one."""
    found: dict[tuple[Any, ...], list[Mapping[str, Any]]] = defaultdict(list)
    for row in rows:
        found[row["space"], row["kind"], row["strength"], row["years"]].append(row)
    for key, group in sorted(found.items(), key=lambda item: (item[0][0], item[0][1] in EDGES, item[0][1:])):
        yield _cell(key, group)
    for space in sorted({row["space"] for row in rows}):
        edgeless = [row for row in rows if row["space"] == space and row["kind"] not in EDGES]
        if edgeless:
            yield _cell((space, "all without edge", 0.0, None), edgeless)


def _cell(key: tuple[Any, ...], rows: Rows) -> dict[str, Any]:
    hits, trials = sum(row["passed"] for row in rows), len(rows)
    alone = {gate: sum(row["gates"].get(gate, [0, False])[1] for row in rows) / trials for gate in ("G1", "G2", "G3")}
    named = dict(zip(("space", "kind", "sharpe", "years"), key, strict=True))
    low, high = limits(hits, trials)
    bounds = {"low": low, "high": high, "upper_bound": upper_bound(hits, trials)}
    return {**named, "promoted": hits, "markets": trials, **bounds, **alone}


def show(rows: Rows, folder: Path) -> None:
    """Print the table; write it as `calibration.json`, and the power curves as `power.html`."""
    found = list(cells(rows))
    table = Table(box=None, pad_edge=False)
    for label in ("space", "market", "Sharpe", "years", "promoted", "share", "95 %", "at most", "G1", "G2", "G3"):
        table.add_column(label, justify="left" if label in ("space", "market") else "right", no_wrap=True)
    for cell in found:
        table.add_row(*_texts(cell))
    console.print(table)
    write_atomic(folder / "calibration.json", json.dumps({"cells": found}, indent=1).encode())
    write_atomic(folder / "power.html", _curves(found).encode())


def _texts(cell: Mapping[str, Any]) -> Iterator[str]:
    hits, trials = cell["promoted"], cell["markets"]
    yield from (
        cell["space"],
        cell["kind"],
        f"{cell['sharpe']:g}",
        "" if cell["years"] is None else f"{cell['years']:g}",
    )
    yield from (f"{hits}/{trials}", f"{hits / trials:.1%}", f"{cell['low']:.1%}–{cell['high']:.1%}")
    yield f"{cell['upper_bound']:.2%}"
    yield from (f"{cell[gate]:.0%}" for gate in ("G1", "G2", "G3"))


def _curves(found: Sequence[Mapping[str, Any]]) -> str:
    """Power by length of history, one line a strength, on one page that needs nothing else."""
    from plotly import graph_objects as go

    figure = go.Figure()
    for sharpe in sorted({cell["sharpe"] for cell in found if cell["kind"] == "trend"}):
        line = [c for c in found if c["kind"] == "trend" and c["sharpe"] == sharpe and c["space"] == "sma_cross"]
        line.sort(key=lambda cell: cell["years"])
        share = [c["promoted"] / c["markets"] for c in line]
        above = [c["high"] - s for c, s in zip(line, share, strict=True)]
        below = [s - c["low"] for c, s in zip(line, share, strict=True)]
        bars = {"type": "data", "array": above, "arrayminus": below}
        figure.add_scatter(x=[c["years"] for c in line], y=share, error_y=bars, name=f"Sharpe {sharpe:g}")
    figure.update_layout(
        title="Share of markets with a planted edge that the gates promote (space of sma_cross, hourly candles)",
        xaxis_title="years of history",
        yaxis={"title": "promoted", "tickformat": ".0%", "range": [0, 1]},
        legend_title="true net Sharpe ratio",
    )
    text: str = figure.to_html(include_plotlyjs=True)
    return text


def write_power(rows: Rows) -> None:
    """Keep the power of the planted trends beside the gates, which quote it."""
    wanted = ("sharpe", "years", "promoted", "markets")
    found = [c for c in cells(rows) if (c["kind"], c["space"]) == ("trend", "sma_cross") and c["years"] >= 2]
    POWER.write_text(json.dumps({"rows": [{name: c[name] for name in wanted} for c in found]}, indent=1) + "\n")
