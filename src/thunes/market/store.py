"""Candles kept on disk: one folder per origin, symbol and interval; one Parquet part per month; one manifest.

    store/binance/BTCUSDT/1h/manifest.json
                             2021-03-5f0c9b1e.parquet

Origins never mix: `binance` (REST), `archive` (bulk files) and `imported` (files) are series of their own, and a series
has one source; where imported files follow each other, it is the pattern of their names. A part's name holds the hash
of its content and the manifest is replaced in one step, so a reader needs no lock and a crash leaves the old state or
the new one; writers take turns through a lock file.
"""

from __future__ import annotations

import hashlib
import itertools
import re
from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Literal, get_args

import numpy as np

from thunes.clock import Clock, to_datetime
from thunes.errors import DataError, UsageError
from thunes.market.grid import opening
from thunes.market.ranges import EVER, Range, inside, union, without
from thunes.model import COLUMNS, INTERVALS, Candles, interval_ms, next_open_time
from thunes.storage.atomic import write_atomic
from thunes.storage.locking import LOCK_WAIT, locked
from thunes.storage.versioned import Format

Origin = Literal["binance", "archive", "imported"]
ORIGINS: tuple[Origin, ...] = get_args(Origin)
FORMAT = Format("store manifest", 1)
MANIFEST = "manifest.json"
SYMBOL = re.compile(r"[A-Z0-9][A-Z0-9._-]{0,39}")


@dataclass(frozen=True)
class Part:
    """The candles of one month in one file."""

    month: str  # YYYY-MM, UTC
    file: str
    bars: int
    first: int  # open time, epoch ms
    last: int
    sha256: str


@dataclass(frozen=True)
class Manifest:
    """What a series holds. `known` are the opening times about which nothing is left to ask: a candle that is missing
    there does not exist."""

    symbol: str
    interval: str
    source: str
    known: tuple[Range, ...] = ()
    parts: tuple[Part, ...] = field(default=())

    @property
    def bars(self) -> int:
        return sum(part.bars for part in self.parts)


def symbol_name(text: str) -> str:
    """A symbol in its canonical, upper-case form; `UsageError` for what cannot be one (or would leave its folder)."""
    symbol = text.upper()
    if not SYMBOL.fullmatch(symbol):
        raise UsageError("E-SYMBOL", f"{text!r} is no symbol.", "Write it like BTCUSDT.")
    return symbol


class Store:
    """All series under one folder."""

    def __init__(self, root: Path, clock: Clock, lock_wait: float = LOCK_WAIT) -> None:
        self._root, self._clock, self._lock_wait = root, clock, lock_wait

    def series(self, origin: Origin, symbol: str, interval: str) -> Series:
        """One series, whether it exists yet or not."""
        interval_ms(interval)  # refuses an unknown one
        written = "1mo" if interval == "1M" else interval  # 1m and 1M are one folder where case does not count
        folder = self._root / origin / symbol_name(symbol) / written
        return Series(folder, origin, symbol_name(symbol), interval, self._clock, self._lock_wait)

    def all(self) -> Iterator[Series]:
        """Every series that holds something, sorted."""
        written = {"1mo" if interval == "1M" else interval: interval for interval in INTERVALS}
        for path in sorted(self._root.glob(f"*/*/*/{MANIFEST}")):
            origin, symbol, folder = path.parts[-4:-1]
            if origin in ORIGINS and folder in written:
                yield self.series(origin, symbol, written[folder])


class Series:
    """Candles of one origin, symbol and interval on disk."""

    def __init__(self, folder: Path, origin: Origin, symbol: str, interval: str, clock: Clock, wait: float) -> None:
        self.folder, self.origin, self.symbol, self.interval = folder, origin, symbol, interval
        self._clock, self._wait = clock, wait

    def manifest(self) -> Manifest | None:
        """What is there; None for nothing. Errors: `DataError` for a damaged or newer manifest."""
        path = self.folder / MANIFEST
        if not path.exists():
            return None
        document = FORMAT.read(path)
        try:
            known = tuple(Range(*pair) for pair in document["known"])
            parts = tuple(Part(**part) for part in document["parts"])
            return Manifest(document["symbol"], document["interval"], document["source"], known, parts)
        except (KeyError, TypeError) as e:
            raise DataError("E-FORMAT-DAMAGED", f"{path} is damaged: {e}.", f"Remove {self.folder}.") from None

    def holds_candles(self) -> bool:
        """Whether there is anything to read."""
        manifest = self.manifest()
        return manifest is not None and bool(manifest.parts)

    def known(self) -> tuple[Range, ...]:
        """Opening times about which nothing is left to ask."""
        manifest = self.manifest()
        return manifest.known if manifest else ()

    def held(self) -> tuple[Range, ...]:
        """What of `known()` lies between the first and the last candle of a month: candles vouch for it."""
        manifest = self.manifest()
        parts = manifest.parts if manifest else ()
        spans = (Range(part.first, next_open_time(part.last, self.interval)) for part in parts)
        return tuple(piece for span in spans for piece in inside(span, self.known()))

    def read(self, wanted: Range = EVER) -> Candles | None:
        """The candles that open inside `wanted`; None where there are none. Every part is checked against its hash."""
        for last_try in (False, False, True):
            manifest = self.manifest()
            try:
                return self._read(manifest, wanted) if manifest else None
            except FileNotFoundError as e:  # a writer may just have replaced it, then the manifest is another one
                if last_try or self.manifest() == manifest:
                    raise self._damaged(Path(str(e.filename)).name, "missing") from None
        raise AssertionError  # the last try returns or raises

    def add(self, batches: Sequence[Candles], known: Iterable[Range], source: str) -> None:
        """Merge candles in (of two with one open time the newer stays) and remember what is known now."""
        with self._locked():
            manifest = self.manifest() or Manifest(self.symbol, self.interval, source)
            whole = self._joining(manifest, batches, source)
            parts = {part.month: part for part in manifest.parts}
            for month, candles in _by_month(whole) if whole else ():
                parts[month] = self._write(month, self._merged(parts.get(month), candles))
            held = tuple(sorted(parts.values(), key=lambda part: part.month))
            source = whole.source if whole else source
            self._save(replace(manifest, source=source, known=union([*manifest.known, *known]), parts=held))

    def replace(self, candles: Candles) -> None:
        """Forget everything, then hold exactly these; a damaged or newer manifest is refused all the same."""
        with self._locked():
            self.manifest()
            parts = tuple(self._write(month, rows) for month, rows in _by_month(candles))
            known = (Range(int(candles.open_time[0]), candles.end_time),)
            self._save(Manifest(self.symbol, self.interval, candles.source, known, parts))

    def damaged(self) -> tuple[Part, ...]:
        """The parts whose file is missing or not what was written."""
        manifest = self.manifest()
        return tuple(part for part in manifest.parts if not self._is_whole(part)) if manifest else ()

    def forget(self, parts: Sequence[Part]) -> None:
        """Drop parts and what is known about their months, so that they are asked for again."""
        with self._locked():
            manifest = self.manifest()
            if manifest is None:
                return
            months = [_month_range(part.first) for part in parts]
            known = tuple(piece for whole in manifest.known for piece in without(whole, months))
            held = tuple(part for part in manifest.parts if part not in parts)
            self._save(replace(manifest, known=known, parts=held))

    def _locked(self) -> AbstractContextManager[None]:
        return locked(self.folder / ".lock", self._clock, self._wait)

    def _read(self, manifest: Manifest, wanted: Range) -> Candles | None:
        parts = [p for p in manifest.parts if p.last >= wanted.start and p.first < wanted.end]
        return between(joined([self._read_part(p, manifest.source) for p in parts]), wanted) if parts else None

    def _read_part(self, part: Part, source: str) -> Candles:
        from thunes.market.labels import from_parquet
        from thunes.market.tables import to_candles

        content = (self.folder / part.file).read_bytes()
        if hashlib.sha256(content).hexdigest() != part.sha256:
            raise self._damaged(part.file, "not what was written")
        table, _ = from_parquet(content, part.file)
        return to_candles(table, self.symbol, self.interval, source)

    def _joining(self, manifest: Manifest, batches: Sequence[Candles], source: str) -> Candles | None:
        """The candles that come, under the source of all. Errors: `DataError` where the sources may not be joined."""
        both = joint_source(manifest.source, source)
        if both is None:
            raise self._mixing(manifest.source, source)
        if not batches:
            return None
        new = joined(batches).replace(source=both)
        if manifest.source != source and not self._agrees(manifest, new):
            what = f"{source} says of some {self.symbol} {self.interval} otherwise than what was imported before."
            raise DataError("E-STORE-OVERLAP", what, "Use --replace to forget that.")
        return new

    def _agrees(self, manifest: Manifest, new: Candles) -> bool:
        """Whether no stored candle differs from a new one of the same time."""
        held = self._read(replace(manifest, source=new.source), Range(int(new.open_time[0]), new.end_time))
        return held is None or joined([held, new]).fingerprint() == joined([new, held]).fingerprint()

    def _is_whole(self, part: Part) -> bool:
        path = self.folder / part.file
        return path.is_file() and hashlib.sha256(path.read_bytes()).hexdigest() == part.sha256

    def _merged(self, part: Part | None, candles: Candles) -> Candles:
        if part is None:
            return candles
        try:
            return joined([self._read_part(part, candles.source), candles])
        except FileNotFoundError:
            raise self._damaged(part.file, "missing") from None

    def _write(self, month: str, candles: Candles) -> Part:
        from thunes.market.labels import to_parquet  # polars: a fifth of the start of what reads no file

        content = to_parquet(candles)
        sha256 = hashlib.sha256(content).hexdigest()
        file = f"{month}-{sha256[:8]}.parquet"
        write_atomic(self.folder / file, content)
        return Part(month, file, len(candles), int(candles.open_time[0]), int(candles.open_time[-1]), sha256)

    def _save(self, manifest: Manifest) -> None:
        FORMAT.write(self.folder / MANIFEST, {**asdict(manifest), "known": [list(piece) for piece in manifest.known]})
        held = {part.file for part in manifest.parts}
        for path in [*self.folder.glob("*.parquet"), *self.folder.glob(".*.tmp")]:
            if path.name not in held:
                path.unlink(missing_ok=True)

    def _damaged(self, file: str, what: str) -> DataError:
        hint = "`thunes data check --repair` drops it, so that it is fetched again."
        return DataError("E-STORE-DAMAGED", f"{self.folder / file} is {what}.", hint)

    def _mixing(self, held: str, new: str) -> DataError:
        what = f"the store's {self.origin} {self.symbol} {self.interval} are from {held}; {new} may not join them."
        return DataError("E-STORE-SOURCE", what, "Use --replace, or another symbol.")


def joint_source(first: str, second: str) -> str | None:
    """The source of two series joined to one; None where they may not be: only files join files.

    >>> joint_source("file:BTCUSDT-1h-2021-01.csv", "file:BTCUSDT-1h-2021-12.csv")
    'file:BTCUSDT-1h-2021-*.csv'
    """
    if first == second:
        return first
    if not (first.startswith("file:") and second.startswith("file:")):
        return None
    start = _common_start(first, second)
    end = _common_start(*(name.removeprefix(start)[::-1] for name in (first, second)))[::-1]
    return f"{start}*{end.lstrip('*')}"


def _common_start(first: str, second: str) -> str:
    return "".join(a for a, _ in itertools.takewhile(lambda pair: pair[0] == pair[1], zip(first, second, strict=False)))


def joined(pieces: Sequence[Candles]) -> Candles:
    """One series out of one or more pieces of it; of two candles with one open time the later piece's stays."""
    if len(pieces) == 1:
        return pieces[0]
    times = np.concatenate([piece.open_time for piece in pieces])
    order = np.argsort(times, kind="stable")
    rows = order[np.append(np.diff(times[order]) != 0, True)]  # the last of equal times
    columns = {name: np.concatenate([getattr(piece, name) for piece in pieces])[rows] for name in COLUMNS}
    return pieces[-1].replace(**columns)


def between(candles: Candles, wanted: Range) -> Candles | None:
    """The candles that open inside `wanted`; None where there are none."""
    first, last = np.searchsorted(candles.open_time, wanted)
    if last <= first:
        return None
    return candles if last - first == len(candles) else candles[first:last]


def _by_month(candles: Candles) -> Iterator[tuple[str, Candles]]:
    months = opening(candles.open_time, "1M")
    edges = [*np.flatnonzero(np.diff(months, prepend=months[0] - 1)), len(candles)]
    for first, after in itertools.pairwise(edges):
        yield to_datetime(int(months[first])).strftime("%Y-%m"), candles[first:after]


def _month_range(moment: int) -> Range:
    start = int(opening(np.array([moment]), "1M")[0])
    return Range(start, next_open_time(start, "1M"))
