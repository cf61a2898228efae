"""The report of a sweep: its best sets in a terminal, all sets in a file."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from rich.table import Table

from thunes.errors import UsageError
from thunes.research.report.figures import FIGURES, Figure
from thunes.research.sweep import DEFAULT_METRICS, SweepResult
from thunes.storage.atomic import write_atomic

KEY = "thunes.sweep"  # name of the provenance in Parquet metadata
FOLDER = Path("artifacts") / "sweep"
TOP = 10
WIDTH, PARAMETER, VALUE, GAP = 80, 5, 9, 2  # columns of text


def _parquet(frame: pl.DataFrame, about: str) -> bytes:
    buffer = io.BytesIO()
    frame.write_parquet(buffer, metadata={KEY: about})
    return buffer.getvalue()


def _feather(frame: pl.DataFrame, _: str) -> bytes:
    buffer = io.BytesIO()
    frame.write_ipc(buffer)
    return buffer.getvalue()


def _csv(frame: pl.DataFrame, _: str) -> bytes:
    return frame.fill_nan(None).write_csv().encode()


WRITERS: Mapping[str, Callable[[pl.DataFrame, str], bytes]] = {".parquet": _parquet, ".csv": _csv, ".feather": _feather}


def require_writable(path: Path) -> None:
    """Errors: `UsageError` for a file name of a kind that cannot be written."""
    if path.suffix.lower() not in WRITERS:
        raise UsageError("E-OUT-SUFFIX", f"cannot write {path.name!r}.", f"End it in {', '.join(WRITERS)}.")


def file_name(result: SweepResult) -> str:
    """What a sweep's file is called unless somebody says otherwise."""
    return f"{result.candles.symbol}_{result.candles.interval}_{result.strategy.name()}.parquet"


def write_table(result: SweepResult, path: Path) -> None:
    """Write one row per set, parameters then metrics, and where they come from beside it as ``NAME.json``.

    Each file is put in place as a whole. Undefined figures are NaN, in CSV empty. Errors: `UsageError` for an unknown
    suffix, `DataError` where it cannot be written.
    """
    require_writable(path)
    about = json.dumps(result.to_dict(), indent=2, ensure_ascii=False)
    content = WRITERS[path.suffix.lower()](pl.DataFrame(result.to_frame()), about)
    write_atomic(path, content)
    write_atomic(path.with_name(path.name + ".json"), about.encode())


def ranked_by(result: SweepResult) -> str:
    """The metric that ranks the sets: Sharpe, or the first where Sharpe was not asked for."""
    return "sharpe" if "sharpe" in result.metrics else next(iter(result.metrics))


def best_rows(result: SweepResult, rows: int = TOP) -> list[dict[str, Any]]:
    """The best sets, the highest first; those whose figure is undefined come last."""
    frame = result.to_frame().fill_nan(None)
    return frame.sort(ranked_by(result), descending=True, nulls_last=True, maintain_order=True).head(rows).to_dicts()


def best_table(result: SweepResult) -> Table:
    """The best sets in 80 columns: all parameters, and as many metrics as fit, the ranking one first."""
    shown = _fitting(result)
    table = Table(box=None, pad_edge=False, padding=(0, GAP, 0, 0))
    for label in (*result.parameters, *(figure.label for figure in shown)):
        table.add_column(label, justify="right", no_wrap=True)
    for row in best_rows(result):
        figures = (figure.show(_number(row[figure.metric])) for figure in shown)
        table.add_row(*(f"{row[name]:g}" for name in result.parameters), *figures)
    return table


def _fitting(result: SweepResult) -> list[Figure]:
    """The figures that have room beside the parameters, the most telling first."""
    first = (ranked_by(result), *DEFAULT_METRICS)
    found = [figure for figure in FIGURES if figure.metric in result.metrics]
    found.sort(key=lambda figure: first.index(figure.metric) if figure.metric in first else len(first))
    taken = np.cumsum([GAP + max(len(figure.label), VALUE) for figure in found])
    room = WIDTH - sum(GAP + max(len(name), PARAMETER) for name in result.parameters)
    return found[: max(1, int((taken <= room).sum()))]


def luck_note(result: SweepResult) -> str:
    """What the best of many must be read with."""
    if len(result) == 1:
        return "One set, so nothing was chosen."
    return f"The best of {len(result):,} sets is mostly luck: judge it on candles not in this sweep."


def _number(value: float | None) -> float:
    return float("nan") if value is None else value
