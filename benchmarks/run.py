"""Run the bench: tables on stdout, all figures as JSON in artifacts/bench/bench.json."""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import sys
import warnings
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path

from rich.console import Console

from benchmarks.decisions import decisions, searches
from benchmarks.exchange.candles import memory as exchange_memory
from benchmarks.exchange.candles import stepped
from benchmarks.exchange.direct import direct
from benchmarks.exchange.orders import orders
from benchmarks.exchange.streams import streams
from benchmarks.measure import machine
from benchmarks.processes import commands, first_use, memory
from benchmarks.rows import Row
from benchmarks.setting import ROOT, Setting
from benchmarks.single import single
from benchmarks.sweeps import against_vectorbt, growth, more_metrics
from benchmarks.table import WIDTH, header, show
from benchmarks.trading.orders import order_path
from benchmarks.trading.trail import trail

REAL = ROOT.parent / "shared" / "data" / "BTCUSDT-1h-2017-2022.parquet"
PEERS = ("vectorbt", "backtesting", "backtrader")
CASES: dict[str, Callable[[Setting], Iterator[Row]]] = {
    "vectorbt": against_vectorbt,
    "metrics": more_metrics,
    "growth": growth,
    "single": single,
    "verdicts": decisions,
    "search": searches,
    "memory": memory,
    "first": first_use,
    "commands": commands,
    "orders": orders,
    "engine": direct,
    "streams": streams,
    "candles": stepped,
    "trading": order_path,
    "trail": trail,
    "soak": exchange_memory,
}
LONG = ("soak",)  # by name only


def parser() -> argparse.ArgumentParser:
    """The options."""
    options = argparse.ArgumentParser(prog="python -m benchmarks.run", description=__doc__)
    options.add_argument("--data", default=str(REAL), help="candles, as in thunes --data (default: %(default)s)")
    options.add_argument(
        "--only", nargs="+", choices=CASES, default=[name for name in CASES if name not in LONG], help="some cases"
    )
    options.add_argument("--no-peers", action="store_true", help="thunes alone")
    options.add_argument("--quick", action="store_true", help="tiny sizes, to try the bench itself out")
    options.add_argument("--out", type=Path, default=ROOT / "artifacts" / "bench", help="folder of bench.json")
    return options


def main(argv: Sequence[str] | None = None) -> int:
    """Measure, print, write. Without the real candles it only says so; without a peer the exit code is 2."""
    given = parser().parse_args(argv)
    if given.data == str(REAL) and not REAL.exists():
        print(f"skipped: no real candles at {REAL}; --data takes others", file=sys.stderr)
        return 0
    missing = [] if given.no_peers else [name for name in PEERS if importlib.util.find_spec(name) is None]
    if missing:
        print(f"{', '.join(missing)} not installed: use `make bench`, or --no-peers", file=sys.stderr)
        return 2
    with warnings.catch_warnings(action="ignore"):  # the peers have many
        measure(given)
    return 0


def measure(given: argparse.Namespace) -> None:
    """All cases asked for, each printed when it is done."""
    setting = Setting.load(given.data, peers=not given.no_peers, quick=given.quick)
    console = Console(width=WIDTH, highlight=False)
    found, rows = machine(), []
    console.print(header(found, repr(setting.whole)), soft_wrap=True)
    for name in given.only:
        measured = list(CASES[name](setting))
        show(measured, console)
        rows += measured
    _write(given.out, found, setting, rows)
    console.print(f"All figures: {given.out / 'bench.json'}", soft_wrap=True)


def _write(folder: Path, found: dict[str, object], setting: Setting, rows: list[Row]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    document = {
        "schema": 1,
        "time": datetime.now(UTC).isoformat(timespec="seconds"),
        "quick": setting.quick,
        "machine": {**found, "load_average_after": os.getloadavg()},
        "candles": {"source": setting.whole.source, "sha256": setting.whole.fingerprint(), "bars": len(setting.whole)},
        "rows": [row.to_dict() for row in rows],
    }
    (folder / "bench.json").write_text(json.dumps(document, indent=1) + "\n")


if __name__ == "__main__":
    sys.exit(main())
