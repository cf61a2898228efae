"""`thunes data`: fetch, import, list, check and export candles."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from thunes.cli.options import SOURCES, End, Interval, Json, Last, Start, Symbol

if TYPE_CHECKING:
    from thunes.errors import DataError
    from thunes.market.quality import Quality
    from thunes.market.store import Series, Store
    from thunes.model import Candles

app = typer.Typer(rich_markup_mode="rich")

NamedSymbol = Annotated[str | None, typer.Option("--symbol", help="Overrides what the file says.")]
NamedInterval = Annotated[str | None, typer.Option("--interval", help="Overrides what the file says.")]


@dataclass(frozen=True)
class Check:
    """What looking at one file or series gave: a report, or why there can be none."""

    name: str
    report: Quality | None
    error: DataError | None = None

    def require_ok(self) -> None:
        """Raise what is wrong with it, if anything is."""
        if self.error is not None:
            raise self.error
        if self.report is not None:
            self.report.require_ok(self.name)

    def to_dict(self) -> dict[str, Any]:
        found = self.report.to_dict() if self.report else {"ok": False, "problems": [str(self.error)]}
        return {"name": self.name, **found}


@app.callback(invoke_without_command=True)
def data(context: typer.Context) -> None:
    """Fetch, import, list, check and export candles."""
    if context.invoked_subcommand is None:
        typer.echo(context.get_help())


@app.command()
def fetch(
    symbol: Symbol = None,
    interval: Interval = None,
    data: Annotated[str, typer.Option(help="binance (REST) or archive (whole months, faster for years).")] = "binance",
    start: Start = None,
    end: End = None,
    last: Last = None,
    as_json: Json = False,
) -> None:
    """Fetch candles from Binance into the store: only what it lacks.

    Without --start, --end and --last: the last 17,520 candles (two years of hours).

    Example: thunes data fetch --symbol BTCUSDT --interval 1h --start 2020-01-01
    """
    from thunes.cli.loading import load_candles
    from thunes.errors import UsageError, did_you_mean

    if data not in ("archive", "binance"):
        raise UsageError("E-DATA-WORD", f"cannot fetch from {data!r}.", did_you_mean(data, ("archive", "binance")))
    candles = load_candles(symbol, interval, data, start=start, end=end, last=last)
    _show_candles("data_fetch", [candles], as_json)


@app.command("import")
def import_files(
    files: Annotated[list[Path], typer.Argument(help="CSV, Parquet, Feather, or a zip of Binance's archive.")],
    symbol: NamedSymbol = None,
    interval: NamedInterval = None,
    replace: Annotated[bool, typer.Option("--replace", help="Forget what was imported before.")] = False,
    as_json: Json = False,
) -> None:
    """Copy candles from files into the store, where `--data auto` finds them.

    A name such as BTCUSDT-1h-2021.csv tells symbol and interval. Several files of one series are joined, also by one
    import after another; synthetic candles, and files that say otherwise of the same time, only replace.

    Example: thunes data import BTCUSDT-1h-2021-*.csv --replace
    """
    from thunes.cli.output import spinner
    from thunes.market.files import read_files

    with spinner("importing"):
        loaded = read_files(files, symbol=symbol, interval=interval)
        store = _store()
        for candles in loaded:
            series = store.series("imported", candles.symbol, candles.interval)
            if replace:
                series.replace(candles)
            else:
                series.add([candles], [], candles.source)
    _show_candles("data_import", loaded, as_json)


@app.command("list")
def list_series(as_json: Json = False) -> None:
    """List what the store holds.

    Example: thunes data list --json
    """
    from thunes.cli.output import console, emit_json

    rows = [_coverage(series) for series in _store().all()]
    if as_json:
        emit_json("data_list", {"series": rows})
    elif rows:
        console.print(_coverage_table(rows))
    else:
        console.print("The store is empty. Fill it: thunes data fetch", soft_wrap=True)


@app.command()
def check(
    files: Annotated[list[Path] | None, typer.Argument(help="Files to check; without them the store.")] = None,
    symbol: NamedSymbol = None,
    interval: NamedInterval = None,
    repair: Annotated[bool, typer.Option("--repair", help="Drop damaged parts of the store.")] = False,
    as_json: Json = False,
) -> None:
    """Report on the quality of files, or of everything in the store.

    Gaps, hours without trades and outliers are facts about a market; duplicates, disorder, impossible prices and
    damaged files end with exit code 4. --repair drops damaged parts, so that the next fetch brings them again.

    Example: thunes data check BTCUSDT-1h-2021.csv
    """
    from thunes.cli.output import spinner
    from thunes.market.quality import inspect_file

    with spinner("checking"):
        if files:
            found = [_tried(path.name, partial(inspect_file, path, symbol=symbol, interval=interval)) for path in files]
        else:
            found = [_tried(_name(series), partial(_inspect, series, repair)) for series in _chosen(symbol, interval)]
    _show_checks(found, as_json)
    for check in found:
        check.require_ok()


@app.command()
def export(
    file: Annotated[Path, typer.Argument(help="Where to: .csv, .parquet or .feather.")],
    symbol: Symbol = None,
    interval: Interval = None,
    data: Annotated[str, typer.Option(metavar="SOURCE", help=f"Where from: {SOURCES}")] = "store",
    start: Start = None,
    end: End = None,
    last: Last = None,
    resample: Annotated[str | None, typer.Option(help="Write candles of this longer interval.")] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace the file if it is there.")] = False,
    as_json: Json = False,
) -> None:
    """Write candles to a file. Their source goes with them: synthetic candles stay synthetic.

    Example: thunes data export btc.parquet --symbol BTCUSDT --interval 1h --resample 1d
    """
    from thunes.cli.loading import load_candles
    from thunes.cli.output import spinner
    from thunes.errors import UsageError
    from thunes.market.files import writer_of
    from thunes.market.resample import resample as resampled

    write = writer_of(file)
    if file.exists() and not force:
        raise UsageError("E-FILE-EXISTS", f"{file} is there already.", "Use --force to replace it.")
    candles = load_candles(symbol, interval, data, start=start, end=end, last=last)
    with spinner("writing"):
        candles = resampled(candles, resample) if resample else candles
        write(candles, file)
    _show_candles("data_export", [candles], as_json, file=file)


def _store() -> Store:
    from thunes.clock import SystemClock
    from thunes.market.store import Store
    from thunes.settings import load_settings

    return Store(load_settings().state_dir / "store", SystemClock())


def _tried(name: str, inspect: Callable[[], Quality]) -> Check:
    from thunes.errors import DataError

    try:
        return Check(name, inspect())
    except DataError as error:
        return Check(name, None, error)


def _chosen(symbol: str | None, interval: str | None) -> list[Series]:
    """The series of the store that are meant; an error where there are none."""
    from thunes.errors import DataError
    from thunes.market.store import symbol_name

    name = symbol_name(symbol) if symbol else None
    found = [s for s in _store().all() if name in (None, s.symbol) and interval in (None, s.interval)]
    found = [series for series in found if series.holds_candles()]
    if not found:
        what = " ".join(filter(None, [name, interval])) or "candles"
        raise DataError("E-STORE-EMPTY", f"the store holds no {what}.", "See `thunes data list`.")
    return found


def _name(series: Series) -> str:
    return f"{series.origin} {series.symbol} {series.interval}"


def _inspect(series: Series, repair: bool) -> Quality:
    from thunes.cli.loading import say
    from thunes.errors import DataError
    from thunes.market.quality import inspect_candles

    if repair and (damaged := series.damaged()):
        series.forget(damaged)
        say(f"{_name(series)}: dropped {', '.join(part.month for part in damaged)}. Fetch or import it again.")
    candles = series.read()
    if candles is None:
        raise DataError("E-STORE-EMPTY", f"{_name(series)} holds no candles any more.", "Fetch or import them again.")
    return inspect_candles(candles)


def _coverage(series: Series) -> dict[str, Any]:
    """A row of the list, from the manifest alone."""
    from thunes.market.store import Manifest

    manifest = series.manifest() or Manifest(series.symbol, series.interval, "")
    edges = (manifest.parts[0].first, manifest.parts[-1].last) if manifest.parts else None
    row = _row(series.symbol, series.interval, manifest.source, manifest.bars, edges)
    return {"origin": series.origin, **row}


def _coverage_of(candles: Candles) -> dict[str, Any]:
    edges = int(candles.open_time[0]), int(candles.open_time[-1])
    row = _row(candles.symbol, candles.interval, candles.source, len(candles), edges)
    return {**row, "fingerprint": candles.fingerprint()}


def _row(symbol: str, interval: str, source: str, bars: int, edges: tuple[int, int] | None) -> dict[str, Any]:
    from thunes.market.grid import expected_bars

    first, last = edges or (None, None)
    missing = expected_bars(*edges, interval) - bars if edges else 0
    row = {"symbol": symbol, "interval": interval, "source": source}
    return {**row, "bars": bars, "first": first, "last": last, "missing": missing}


def _show_candles(kind: str, loaded: list[Candles], as_json: bool, **more: Any) -> None:
    from thunes.cli.output import console, emit_json

    rows = [_coverage_of(candles) for candles in loaded]
    if as_json:
        emit_json(kind, {"series": rows, **more})
    else:
        console.print(_coverage_table(rows))


def _coverage_table(rows: list[dict[str, Any]]) -> object:
    from rich.table import Table
    from rich.text import Text

    from thunes.clock import iso

    table = Table(box=None, pad_edge=False)
    for name in ("symbol", "", "source", "from", "to"):
        table.add_column(name, no_wrap=name != "source", overflow="ellipsis")  # only the source gives way
    for name in ("bars", "missing"):
        table.add_column(name, justify="right", no_wrap=True)
    for row in rows:
        when = ["" if row[edge] is None else iso(row[edge])[:10] for edge in ("first", "last")]
        words = [Text(text) for text in (row["symbol"], row["interval"], row["source"], *when)]
        table.add_row(*words, f"{row['bars']:,}", f"{row['missing']:,}")
    return table


def _show_checks(checks: list[Check], as_json: bool) -> None:
    from thunes.cli.output import console, emit_json

    if as_json:
        emit_json("data_check", {"checks": [check.to_dict() for check in checks]})
        return
    for check in checks:
        if check.report is not None:
            console.print("\n".join(_lines(check.name, check.report)), markup=False, soft_wrap=True)
        elif len(checks) > 1:  # else the error says it all
            console.print(f"{check.name}: {check.error}", markup=False, soft_wrap=True)


def _lines(name: str, report: Quality) -> list[str]:
    """A report for people."""
    from thunes.clock import iso

    return [
        f"{name}: {'usable' if report.ok else 'UNUSABLE'}",
        f"  {report.bars:,} bars, {iso(report.first)} … {iso(report.last)} UTC, from {report.source}",
        *(f"  {problem}" for problem in report.problems),
        f"  missing bars: {report.missing:,}, gaps: {report.gap_count:,}",
        *(f"    {gap.bars:,} from {iso(gap.start)}" for gap in report.gaps),
        f"  bars without volume: {report.zero_volume:,}",
        f"  outliers: {report.outlier_count:,}",
        *(f"    {iso(o.open_time)}: a range {o.times:.0f} times the usual" for o in report.outliers),
    ]
