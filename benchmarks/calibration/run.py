"""Judge many simulated markets with the very code of `thunes promote`; one line a market, kept as it goes.

    python -m benchmarks.calibration.run --kinds edgeless --seeds 5000:5070 --space sma_cross
    python -m benchmarks.calibration.run --kinds trend --strength 2 --years 1 2 3 5 --seeds 6000:6200
    python -m benchmarks.calibration.run --tables          # what all lines so far say

`make calibrate ARGS="…"` is the same. Thresholds are not chosen on the markets that measure them: the limit of p was
halved after seeds 5000 to 5069, and the figures are of other seeds.
"""

from __future__ import annotations

import argparse
import contextlib
import itertools
import json
import os
import sys
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import asdict
from multiprocessing import get_context
from pathlib import Path

import numpy as np

from benchmarks.calibration.markets import EDGELESS, KINDS, Market
from benchmarks.calibration.tables import show, write_power
from benchmarks.setting import ROOT
from thunes.research.gates.judge import judge
from thunes.research.gates.verdict import Thresholds
from thunes.strategies.registry import BUILT_IN

REAL = ROOT.parent / "shared" / "data" / "BTCUSDT-1h-2017-2022.parquet"
OUT = ROOT / "artifacts" / "calibration" / "markets.jsonl"
ALL = tuple(sorted(BUILT_IN))
LIMITS = json.loads(json.dumps(asdict(Thresholds())))
WITHOUT_EDGE = (*EDGELESS, "synthetic")

_real: np.ndarray


def begin(data: str) -> None:
    """A worker's own copy of the real returns."""
    global _real
    import thunes as th

    close = th.load_candles(data=data).close
    _real = close[1:] / close[:-1] - 1.0


def decide(market: Market, space: str) -> dict[str, object]:
    """What the gates say of one market."""
    candles = market.candles(_real)
    begun = time.perf_counter()
    verdict = judge(ALL if space == "all" else [space], candles, market.costs, seed=market.seed)
    deployed = verdict.deployed
    return {
        **vars(market),
        "space": space,
        "limits": LIMITS,
        "passed": verdict.passed,
        "gates": {gate.gate[:2]: [gate.value, gate.passed] for gate in verdict.gates},
        "figures": dict(verdict.figures),
        "strategy": deployed.name() if deployed else None,
        "deployed": deployed.values if deployed else None,
        "seconds": time.perf_counter() - begun,
    }


def parser() -> argparse.ArgumentParser:
    """The options."""
    options = argparse.ArgumentParser(
        prog="python -m benchmarks.calibration.run", description=__doc__.partition("\n")[0]
    )
    options.add_argument("--kinds", nargs="+", default=["edgeless"], choices=[*KINDS, "edgeless"])
    options.add_argument("--seeds", default="1:11", help="FIRST:STOP (default: %(default)s)")
    options.add_argument("--years", nargs="+", type=float, default=[3.0])
    options.add_argument(
        "--strength", nargs="+", type=float, default=[0.0], help="true net Sharpe ratio of planted kinds"
    )
    options.add_argument("--space", default="sma_cross", help="a strategy, or all for the union of the built-in ones")
    options.add_argument("--data", default=str(REAL), help="real candles, for the kinds made of them")
    options.add_argument("--out", type=Path, default=OUT)
    options.add_argument("--tables", action="store_true", help="only show what is there")
    options.add_argument("--write-power", action="store_true", help="keep the power beside the gates, which quote it")
    return options


def markets(given: argparse.Namespace) -> Iterator[Market]:
    """What is asked for, seed by seed, so that any beginning of the run has all kinds."""
    first, stop = map(int, given.seeds.split(":"))
    kinds = [k for kind in given.kinds for k in (WITHOUT_EDGE if kind == "edgeless" else (kind,))]
    for seed, kind, years in itertools.product(range(first, stop), kinds, given.years):
        for strength in [0.0] if kind in EDGELESS else given.strength:
            yield Market(kind, seed, years, strength)


def main(argv: Sequence[str] | None = None) -> int:
    """Judge, keep, show. A market that was judged before is not judged again."""
    given = parser().parse_args(argv)
    given.out.parent.mkdir(parents=True, exist_ok=True)
    known = list(_known(given.out))
    if not (given.tables or given.write_power):
        keys = {(r["kind"], r["seed"], r["years"], r["strength"], r["space"]) for r in known}
        todo = [m for m in markets(given) if (*vars(m).values(), given.space) not in keys]
        known += _judged(todo, given)
    show(known, given.out.parent)
    if given.write_power:
        write_power(known)
    return 0


def _known(path: Path) -> Iterator[dict[str, object]]:
    """The markets judged so far under the thresholds in force; a last line that was torn is judged again."""
    for line in path.read_text().splitlines() if path.exists() else ():
        with contextlib.suppress(json.JSONDecodeError):
            row = json.loads(line)
            if row.get("limits", LIMITS) == LIMITS:
                yield row


def _judged(todo: list[Market], given: argparse.Namespace) -> list[dict[str, object]]:
    """Judge on one process a core: many single-threaded decisions are faster than one on all cores."""
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    found = []
    cores = os.cpu_count() or 1
    with (
        given.out.open("a") as file,
        ProcessPoolExecutor(cores, get_context("spawn"), begin, (given.data,)) as pool,
    ):
        for done in as_completed([pool.submit(decide, market, given.space) for market in todo]):
            found.append(done.result())
            file.write(json.dumps(found[-1]) + "\n")
            file.flush()
            if len(found) % 50 == 0:
                print(f"{len(found)} of {len(todo)} markets", file=sys.stderr)
    return found


if __name__ == "__main__":
    raise SystemExit(main())
