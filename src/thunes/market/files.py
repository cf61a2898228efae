"""Candles in files: CSV, Parquet, Feather and Binance's zips, in many shapes in, in one shape out.

What is written carries a label (`labels`): in Parquet metadata, in Feather as the metadata of the `open_time` column
(an Arrow extension type, the only metadata that polars writes there; other readers see plain integers), for CSV in a
sidecar `NAME.csv.json`.
"""

from __future__ import annotations

import functools
import io
import itertools
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
import polars as pl

from thunes.errors import DataError, UsageError
from thunes.market.labels import Label, from_parquet, to_parquet
from thunes.market.store import joined, joint_source, symbol_name
from thunes.market.tables import UNREADABLE, from_csv, from_table, to_candles, unzip
from thunes.model import INTERVAL_MS, INTERVALS, Candles, Int1D, interval_ms
from thunes.storage.atomic import write_atomic

EXTENSION = "thunes.open_time"
NAME = re.compile(rf"(?P<symbol>[\w.-]+?)-(?P<interval>{'|'.join((*INTERVALS, '1mo'))})(?:-.*)?")
HOW_TO_NAME = "Give --symbol and --interval, or name it like BTCUSDT-1h.csv."

if pl.get_extension_type(EXTENSION) is None:  # without it older polars would drop the metadata, and so the source
    pl.register_extension_type(EXTENSION, pl.Extension)


class Table(NamedTuple):
    """A file's frame, not validated yet, and its label where it has one."""

    frame: pl.DataFrame
    label: Label | None


@dataclass(frozen=True)
class Identity:
    """What a file's candles are called, and the source when nothing better is known."""

    symbol: str
    interval: str
    source: str


def read_file(path: Path, *, symbol: str | None = None, interval: str | None = None) -> Candles:
    """The candles of a file; `symbol` and `interval` override its label and name.

    The source is the label's where the content is still what was labelled (synthetic stays synthetic in any case), else
    `file:NAME`. Errors: `DataError` in one line for whatever is wrong with the file; `UsageError` where nothing says
    which symbol and interval it holds.
    """
    frame, label = read_table(path)
    identity = identify(path, label, symbol, interval)
    require_interval(frame["open_time"].to_numpy(), identity.interval, path.name)
    try:
        candles = to_candles(frame, identity.symbol, identity.interval, identity.source)
    except DataError as e:
        raise DataError(e.code, f"{path.name}: {e.message}", e.hint) from e
    return candles.replace(source=label.source_of(candles, identity.source)) if label else candles


def read_files(paths: Sequence[Path], *, symbol: str | None = None, interval: str | None = None) -> list[Candles]:
    """The candles of several files, joined to one value per symbol and interval.

    Errors: those of `read_file`; `DataError` where two files hold the same time, or only one of them is synthetic.
    """
    series: dict[tuple[str, str], list[Candles]] = {}
    for path in paths:
        candles = read_file(path, symbol=symbol, interval=interval)
        series.setdefault((candles.symbol, candles.interval), []).append(candles)
    return [_joined(pieces) for pieces in series.values()]


def _joined(pieces: list[Candles]) -> Candles:
    pieces = sorted(pieces, key=lambda piece: int(piece.open_time[0]))
    for before, after in itertools.pairwise(pieces):
        if after.open_time[0] <= before.open_time[-1]:
            raise DataError("E-DATA-OVERLAP", f"{before.source} and {after.source} overlap: {before!r}, {after!r}.")
    source = functools.reduce(_joint_source, [piece.source for piece in pieces])
    return joined([piece.replace(source=source) for piece in pieces])


def _joint_source(first: str, second: str) -> str:
    both = joint_source(first, second)
    if both is None:
        raise DataError("E-DATA-MIXED", f"{first} and {second} may not be joined.", "Import one of them alone.")
    return both


def read_table(path: Path) -> Table:
    """The file's table as a frame: recognised, not validated. Errors: `DataError`, `UsageError` for its suffix."""
    reader = READERS.get(path.suffix.lower())
    if reader is None:
        raise UsageError("E-FILE-SUFFIX", f"{path.name} is no kind of file that is read.", _known(READERS))
    try:
        return reader(path.read_bytes(), path)
    except FileNotFoundError:
        raise DataError("E-FILE-MISSING", f"there is no file {path}.") from None
    except OSError as e:
        raise DataError("E-FILE-READ", f"cannot read {path}: {e.strerror or e}.") from e


def write_file(candles: Candles, path: Path) -> None:
    """Write candles with their label, by the suffix: .parquet, .feather, .csv. Atomic: the whole file or nothing."""
    writer_of(path)(candles, path)


def writer_of(path: Path) -> Callable[[Candles, Path], None]:
    """What writes this kind of file; `UsageError` where nothing does."""
    try:
        return WRITERS[path.suffix.lower()]
    except KeyError:
        what = f"{path.name} is no kind of file that is written."
        raise UsageError("E-FILE-SUFFIX", what, _known(WRITERS)) from None


def identify(path: Path, label: Label | None, symbol: str | None, interval: str | None) -> Identity:
    """What a file holds: as given, else as labelled, else as its name says."""
    named = NAME.fullmatch(path.stem)
    symbol = symbol or (label.symbol if label else named and named["symbol"])
    interval = interval or (label.interval if label else named and named["interval"].replace("1mo", "1M"))
    if not symbol or not interval:
        lacking = " and ".join(n for n, value in (("symbol", symbol), ("interval", interval)) if not value)
        raise UsageError("E-FILE-NAME", f"the name {path.name} does not tell its {lacking}.", HOW_TO_NAME)
    interval_ms(interval)  # refuses an unknown one
    return Identity(symbol_name(symbol), interval, f"file:{path.name}")


def sidecar(path: Path) -> Path:
    """The file beside a CSV that holds its label."""
    return path.with_name(f"{path.name}.json")


def require_interval(times: Int1D, interval: str, name: str) -> None:
    """Raise `DataError` unless the smallest step is one bar of the interval: gaps may hide it, nothing shortens it."""
    steps = np.diff(times)
    if not steps.size or (steps <= 0).any():  # one candle fits any; disorder has its own message
        return
    smallest = int(steps.min())
    fits = 28 <= smallest / INTERVAL_MS["1d"] <= 31 if interval == "1M" else smallest == interval_ms(interval)
    if not fits:
        found = next((known for known, ms in INTERVAL_MS.items() if ms == smallest), f"{smallest / 1000:g} s")
        longer = (
            f" or make longer bars: thunes data export --resample {interval}"
            if smallest < interval_ms(interval)
            else ""
        )
        hint = f"Say --interval {found}{longer}." if found in INTERVALS else ""
        raise DataError("E-DATA-INTERVAL", f"{name}: its candles are {found} apart, not {interval}.", hint)


def _read_csv(content: bytes, path: Path) -> Table:
    table, beside = from_csv(content, path.name), sidecar(path)
    return Table(table, Label.loads(beside.read_bytes(), beside.name) if beside.exists() else None)


def _read_parquet(content: bytes, path: Path) -> Table:
    table, label = from_parquet(content, path.name)
    return Table(from_table(table, path.name), label)


def _read_feather(content: bytes, path: Path) -> Table:
    try:
        table = pl.read_ipc(io.BytesIO(content))
    except UNREADABLE as e:
        raise DataError("E-DATA-FEATHER", f"{path.name} is damaged or no Feather file.") from e
    kind = table.schema.get("open_time")
    if not (isinstance(kind, pl.BaseExtension) and kind.ext_name() == EXTENSION):
        return Table(from_table(table, path.name), None)
    label = Label.loads(kind.ext_metadata() or "", path.name)
    plain = table.with_columns(pl.col("open_time").ext.storage())
    return Table(from_table(plain, path.name), label)


def _read_zip(content: bytes, path: Path) -> Table:
    return Table(from_csv(unzip(content, path.name), path.name), None)


def _write_csv(candles: Candles, path: Path) -> None:
    """The label first: a crash in between leaves an old CSV whose label no longer vouches for it."""
    write_atomic(sidecar(path), Label.of(candles).dumps().encode())
    write_atomic(path, candles.to_frame().write_csv().encode())


def _write_parquet(candles: Candles, path: Path) -> None:
    write_atomic(path, to_parquet(candles))


def _write_feather(candles: Candles, path: Path) -> None:
    labelled = pl.Extension(EXTENSION, pl.Int64, Label.of(candles).dumps())
    buffer = io.BytesIO()
    frame = candles.to_frame().with_columns(pl.col("open_time").ext.to(labelled))
    frame.write_ipc(buffer, compression="zstd")
    write_atomic(path, buffer.getvalue())


def _known(suffixes: Iterable[str]) -> str:
    return f"Known: {' '.join(suffixes)}."


READERS: dict[str, Callable[[bytes, Path], Table]] = {
    ".csv": _read_csv,
    ".parquet": _read_parquet,
    ".pq": _read_parquet,
    ".feather": _read_feather,
    ".arrow": _read_feather,
    ".ipc": _read_feather,
    ".zip": _read_zip,
}
WRITERS: dict[str, Callable[[Candles, Path], None]] = {
    ".csv": _write_csv,
    ".parquet": _write_parquet,
    ".pq": _write_parquet,
    ".feather": _write_feather,
    ".arrow": _write_feather,
    ".ipc": _write_feather,
}
