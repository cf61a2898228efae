"""Tables of candles as exchanges and files write them, brought to one form.

That form, a *frame*, has the six columns of `model.COLUMNS`: `open_time` int64 epoch ms, the others float64. It is not
validated yet: it may hold NaN, duplicates or nonsense, so that the quality report can describe it.
"""

from __future__ import annotations

import io
import re
import zipfile
import zlib

import numpy as np
import polars as pl

from thunes.errors import DataError
from thunes.model import COLUMNS, Candles

BINANCE_COLUMNS = (*COLUMNS, "close_time", "quote_volume", "trades", "taker_base", "taker_quote", "ignore")
TIME_NAMES = ("open_time", "opentime", "timestamp", "datetime", "date", "time", "unix")  # first match wins
TIME_FORMS = "Known: ISO 8601 text, or epoch seconds (10 digits), milliseconds (13), microseconds (16)."
BIGGEST_CSV = 1 << 30  # bytes unpacked; a month of 1s candles takes a third of it
UNREADABLE = (pl.exceptions.PolarsError, pl.exceptions.PanicException, OSError)  # what a damaged file may raise
NUMBER = re.compile(rb"\s*[+-]?[0-9.]+(?:[eE][+-]?[0-9]+)?\s*")


def from_csv(text: bytes, name: str) -> pl.DataFrame:
    """A frame from CSV: named columns in any order, or Binance's twelve without a header."""
    text = text.removeprefix(b"\xef\xbb\xbf")
    if not text.strip():
        raise DataError("E-DATA-EMPTY", f"{name} is empty.")
    first_cell = text.lstrip().split(b"\n", 1)[0].split(b",", 1)[0]
    header = not NUMBER.fullmatch(first_cell)
    try:
        table = pl.read_csv(io.BytesIO(text), has_header=header, infer_schema=False)
    except UNREADABLE as e:
        raise DataError("E-DATA-CSV", f"{name} is no table: {_first_line(e)}.") from e
    return from_table(table if header else _name_binance(table, name), name)


def from_table(table: pl.DataFrame, name: str) -> pl.DataFrame:
    """A frame from any table whose columns can be recognised; other columns are dropped.

    Times are ISO text, dates, or epoch numbers whose unit is told by magnitude, row by row: milliseconds and
    microseconds may mix (Binance's archive changed in 2025), seconds may not. A time that fits no unit is refused.
    """
    known = _recognise(table, name)
    times = _epoch_ms(table[known["open_time"]], name)
    values = [_numbers(table[known[column]], name).alias(column) for column in COLUMNS[1:]]
    if not len(times):
        raise DataError("E-DATA-EMPTY", f"{name} holds no candles.")
    return pl.DataFrame([times.alias("open_time"), *values])


def to_candles(frame: pl.DataFrame, symbol: str, interval: str, source: str) -> Candles:
    """The frame's columns as validated candles."""
    columns = {name: frame[name].to_numpy() for name in COLUMNS}
    return Candles(symbol=symbol, interval=interval, source=source, **columns)


def unzip(data: bytes, name: str) -> bytes:
    """The one CSV inside a zip."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            (member,) = [m for m in archive.infolist() if m.filename.endswith(".csv")]
            if member.file_size > BIGGEST_CSV:
                raise DataError("E-ARCHIVE-ZIP", f"{name} would unpack to {member.file_size:,} bytes: too many.")
            return archive.read(member)
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError) as e:
        raise DataError("E-ARCHIVE-ZIP", f"{name} is truncated or no zip: {_first_line(e)}.", "Fetch it again.") from e
    except ValueError:
        raise DataError("E-ARCHIVE-ZIP", f"{name} does not hold exactly one CSV file.") from None


def _first_line(error: Exception) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0].rstrip(".")


def _name_binance(table: pl.DataFrame, name: str) -> pl.DataFrame:
    if table.width != len(BINANCE_COLUMNS):
        why = f"{name} has no header and {table.width} columns; Binance's own form has {len(BINANCE_COLUMNS)}."
        raise DataError("E-DATA-COLUMNS", why, f"Add a header: {','.join(COLUMNS)}.")
    return table.rename(dict(zip(table.columns, BINANCE_COLUMNS, strict=True)))


def _recognise(table: pl.DataFrame, name: str) -> dict[str, str]:
    """Our column names → the table's."""
    plain = {re.sub(r"[\s_]+", "_", column.strip().lower()): column for column in reversed(table.columns)}
    time = next((plain[alias] for alias in TIME_NAMES if alias in plain), None)
    known = {"open_time": time, **{column: plain.get(column) for column in COLUMNS[1:]}}
    missing = [column for column, there in known.items() if there is None]
    if missing:
        found = ", ".join(table.columns)[:120]
        what = f"{name} holds no candles: it has no column {', '.join(missing)}; found: {found}."
        raise DataError("E-DATA-COLUMNS", what)
    return {column: there for column, there in known.items() if there is not None}


def _numbers(column: pl.Series, name: str) -> pl.Series:
    """float64, NaN where empty."""
    if column.dtype == pl.String:
        column = column.str.strip_chars()
        column = column.set(column == "", None)
    elif not (column.dtype.is_numeric() or column.dtype == pl.Null):  # casts a category to its rank, a list to nothing
        raise DataError("E-DATA-NUMBER", f"{name}: column {column.name} is of type {column.dtype}, not of numbers.")
    numbers = column.cast(pl.Float64, strict=False)
    wrong = numbers.is_null() & column.is_not_null()
    if wrong.any():
        row = wrong.arg_max() or 0
        raise DataError("E-DATA-NUMBER", f"{name}: {column[row]!r} in column {column.name}, row {row}, is no number.")
    return numbers.fill_null(float("nan"))


def _epoch_ms(times: pl.Series, name: str) -> pl.Series:
    if times.dtype == pl.String:
        times = times.str.strip_chars()
        numbers = times.cast(pl.Int64, strict=False)
        times = _iso_times(times, name) if numbers.null_count() else numbers
    _refuse_times(times.is_null(), times, name, "is missing")
    if times.dtype in (pl.Date, pl.Datetime):  # without a zone: UTC
        return times.cast(pl.Datetime("ms")).cast(pl.Int64)
    if not times.dtype.is_numeric():
        raise DataError("E-DATA-TIME", f"{name}: times of type {times.dtype} are not understood.", TIME_FORMS)
    whole = times.cast(pl.Int64, strict=False)
    _refuse_times((whole != times).fill_null(value=True), times, name, "is no whole number")
    return _by_magnitude(whole, name)


def _iso_times(times: pl.Series, name: str) -> pl.Series:
    iso_like = times.str.contains(r"^\d{4}-\d{2}-\d{2}").fill_null(value=False)
    _refuse_times(~iso_like, times, name, "is no ISO date")
    try:
        return times.str.to_datetime(time_unit="ms", time_zone="UTC", strict=True)
    except pl.exceptions.PolarsError as e:
        raise DataError("E-DATA-TIME", f"{name}: not every time is a date of one form.", TIME_FORMS) from e


def _by_magnitude(times: pl.Series, name: str) -> pl.Series:
    seconds = times.is_between(10**9, 10**10 - 1)
    milliseconds = times.is_between(10**12, 10**13 - 1)
    microseconds = times.is_between(10**15, 10**16 - 1) & (times % 1000 == 0)
    _refuse_times(~(seconds | milliseconds | microseconds), times, name, "could be of more than one unit, or of none")
    if seconds.any():
        _refuse_times(~seconds, times, name, "is not in seconds, as other rows are")
        return times * 1000
    return pl.Series(np.where(microseconds.to_numpy(), times.to_numpy() // 1000, times.to_numpy()))


def _refuse_times(wrong: pl.Series, times: pl.Series, name: str, why: str) -> None:
    if wrong.any():
        row = wrong.arg_max() or 0
        raise DataError("E-DATA-TIME", f"{name}: the time {times[row]!r} in row {row} {why}.", TIME_FORMS)
