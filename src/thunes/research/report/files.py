"""The files of a report: figures, trades and equity as CSV, all with provenance as JSON, and the page.

Everything is made in memory first, then each file is put in place as a whole: a run that fails leaves what was there.
The next run on the same symbol and interval overwrites them.
"""

from __future__ import annotations

import json
from pathlib import Path

import polars as pl

from thunes.research.report.contents import Report
from thunes.research.report.figures import FIGURES
from thunes.storage.atomic import write_atomic

FOLDER = Path("artifacts") / "backtest"


def write_files(report: Report, folder: Path, page: str | None = None) -> dict[str, Path]:
    """Write a report's files into a folder; their paths by what they hold.

    Without a page an older one is removed: what lies together belongs to one run. Errors: `DataError` where the folder
    cannot be written.
    """
    candles = report.result.candles
    name = f"{candles.symbol}_{candles.interval}"
    contents = {
        "stats": (f"stats_{name}.csv", _csv(stats_frame(report), report)),
        "trades": (f"trades_{name}.csv", _csv(report.result.trades, report)),
        "equity": (f"equity_{name}.csv", _csv(report.result.equity, report)),
        "result": (f"result_{name}.json", json.dumps(report.to_dict(), indent=2, ensure_ascii=False).encode()),
    }
    if page is not None:
        contents["page"] = (f"report_{name}.html", page.encode())
    for file, content in contents.values():
        write_atomic(folder / file, content)
    if page is None:
        (folder / f"report_{name}.html").unlink(missing_ok=True)
    return {kind: folder / file for kind, (file, _) in contents.items()}


def stats_frame(report: Report) -> pl.DataFrame:
    """One row per metric: its name, the strategy's value and that of buy and hold; undefined is null."""
    stats, hold = report.result.stats, report.result.hold
    names = [figure.metric for figure in FIGURES]
    columns = {"strategy": [stats[name] for name in names], "buy_and_hold": [hold[name] for name in names]}
    return pl.DataFrame({"metric": names, **columns}).fill_nan(None)


def _csv(frame: pl.DataFrame, report: Report) -> bytes:
    """CSV with ISO times; the last column says where the candles are from."""
    labelled = pl.DataFrame(frame).with_columns(source=pl.lit(report.result.candles.source))
    return labelled.write_csv(datetime_format="%Y-%m-%dT%H:%M:%SZ").encode()
