"""Results from files: the curve of an account or its trades, as `thunes backtest` and the daemon write them."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path

import numpy as np
import polars as pl

from thunes.errors import DataError, UsageError, did_you_mean
from thunes.model import Float1D, Int1D
from thunes.ops.realised import Realised, from_equity, from_trades

CURVE_TIMES = ("time", "open_time")
READERS: dict[str, Callable[[io.BytesIO], pl.DataFrame]] = {
    ".csv": lambda file: pl.read_csv(file, infer_schema=False),
    ".parquet": pl.read_parquet,
}
FIRST_MS = 10**12  # 2001: a smaller number is of seconds
TIMES = "Write them like 2021-03-01T12:00:00Z, in UTC, or as epoch milliseconds."
FORMS = "Write columns time and equity, or exit_time and return."


def read_results(path: Path, since: int | None = None) -> Realised:
    """The results in a .csv or .parquet file, from a time (epoch ms) on.

    Columns `time` (or `open_time`) and `equity` are an account's curve; `exit_time` and `return`, with `open` where
    there is one, are trades, of which the open ones are left out. Times are ISO text, datetimes (UTC where they name no
    zone) or epoch milliseconds. Errors: `UsageError` for another kind of file, `DataError` for one that cannot be read.
    """
    table = _table(path)
    time = next((name for name in CURVE_TIMES if name in table.columns), None)
    if time and "equity" in table.columns:
        times, equity = _kept(_times(table, time, path), _numbers(table, "equity", path), since)
        return from_equity(times, equity)
    if {"exit_time", "return"} <= set(table.columns):
        closed = _closed(table)
        return from_trades(*_kept(_times(closed, "exit_time", path), _numbers(closed, "return", path), since))
    found = ", ".join(table.columns)[:120]
    raise DataError("E-RESULTS-COLUMNS", f"{path.name} holds neither a curve nor trades; it has {found}.", FORMS)


def _table(path: Path) -> pl.DataFrame:
    reader = READERS.get(path.suffix.lower())
    if reader is None:
        known = did_you_mean(path.suffix, READERS)
        raise UsageError("E-FILE-SUFFIX", f"{path.name} is no kind of file that is read.", known)
    try:
        return reader(io.BytesIO(path.read_bytes()))
    except FileNotFoundError:
        raise DataError("E-FILE-MISSING", f"there is no file {path}.") from None
    except pl.exceptions.NoDataError:
        raise DataError("E-RESULTS-COLUMNS", f"{path.name} is empty.", FORMS) from None
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException, OSError) as error:
        raise DataError("E-FILE-READ", f"cannot read {path}: {str(error).splitlines()[0]}.") from error


def _closed(table: pl.DataFrame) -> pl.DataFrame:
    """The trades that are not open any more."""
    if "open" not in table.columns:
        return table
    return table.filter(pl.col("open").cast(pl.String).str.to_lowercase().is_in(["true", "1"]).not_())


def _times(table: pl.DataFrame, name: str, path: Path) -> Int1D:
    column = table[name]
    if column.dtype == pl.String:
        numbers = column.cast(pl.Int64, strict=False)
        column = numbers if not numbers.null_count() else _iso(column)
    if column.dtype.is_temporal():
        column = column.cast(pl.Datetime("ms")).cast(pl.Int64)
    if column.null_count() or not column.dtype.is_integer() or (column < FIRST_MS).any():
        raise DataError("E-RESULTS-TIME", f"{path.name}: not every {name} is a time.", TIMES)
    times: Int1D = column.cast(pl.Int64).to_numpy()
    return times


def _iso(column: pl.Series) -> pl.Series:
    """ISO text as UTC times; null for what is none."""
    plain = column.str.replace(" ", "T").str.replace(r"(Z|\+00:00)$", "")
    try:
        return plain.str.to_datetime(time_unit="ms", strict=False)
    except pl.exceptions.ComputeError:  # it cannot tell the form of the first
        return pl.Series([None], dtype=pl.Int64)


def _numbers(table: pl.DataFrame, name: str, path: Path) -> Float1D:
    numbers = table[name].cast(pl.Float64, strict=False)
    if numbers.null_count():
        raise DataError("E-RESULTS-NUMBER", f"{path.name}: not every {name} is a number.")
    return numbers.to_numpy()


def _kept(times: Int1D, values: Float1D, since: int | None) -> tuple[Int1D, Float1D]:
    keep = np.ones(times.size, dtype=bool) if since is None else times >= since
    return times[keep], values[keep]
