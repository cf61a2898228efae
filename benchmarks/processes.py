"""What is measured in processes of their own: memory, the first use after an install, commands."""

from __future__ import annotations

import statistics
import sys
import tempfile
from collections.abc import Iterator

from benchmarks.measure import Timing, fresh, process
from benchmarks.rows import Goal, Row
from benchmarks.setting import Setting

MEMORY = "All candles, in a process of its own"
FIRST = "First use (empty caches, all compiling included), then a second process"
COMMANDS = "Whole commands, warm"
MEGABYTE = 1e6
LOAD = "import thunes as th\ncandles = th.load_candles(data={data!r}, last={last})\n"
CROSS = 'th.sweep("sma_cross", candles, fast=range(5, 55), slow=range(20, 220))'
ONE = 'th.backtest("sma_cross", candles, fast=10, slow=50).stats'
SWEEPS = f"""
from benchmarks.measure import timed
timing = timed(lambda: {CROSS}, 3)
found = {{"wall": timing.wall, "cpu": timing.cpu, "sets": len({CROSS})}}
"""
PEER = """
from benchmarks.peers import vectorbt_call
from benchmarks.setting import COSTS, decisions, sets_of
from thunes.research.backtest import strategy_class
strategy = strategy_class("sma_cross")
columns = sets_of(strategy, {"fast": range(5, 55), "slow": range(20, 220)})
vectorbt_call(candles, decisions(strategy, candles, columns), COSTS, "auto")()
"""


def memory(setting: Setting) -> Iterator[Row]:
    """Speed and peak memory over all candles, and what vectorbt asks for."""
    bars = len(setting.whole)
    found = fresh(LOAD.format(data=setting.data, last=bars) + SWEEPS)
    timing, sets = Timing(tuple(found["wall"]), tuple(found["cpu"])), found["sets"]
    rate = bars * sets / timing.median
    yield Row(
        MEMORY, "sma_cross, 4 metrics", rate, "bar-sets/s", timing, sets=sets, bars=bars, goal=Goal(5e8, least=True)
    )
    peak = found["peak_bytes"] / MEGABYTE
    yield Row(MEMORY, "its peak memory", peak, "MB", sets=sets, bars=bars, goal=Goal(600, least=False))
    matrix = bars * sets * 8 / MEGABYTE
    note = "bars × sets × 8 bytes; it holds several"
    yield Row(MEMORY, "one matrix of vectorbt", matrix, "MB", sets=sets, bars=bars, note=note)
    if setting.peers:
        recent = len(setting.recent)
        peak = fresh(LOAD.format(data=setting.data, last=recent) + PEER)["peak_bytes"] / MEGABYTE
        yield Row(MEMORY, "vectorbt's peak memory", peak, "MB", sets=sets, bars=recent)


def first_use(setting: Setting) -> Iterator[Row]:
    """Whole processes that find no compiled code, neither ours nor vectorbt's, and then the same again."""
    load = LOAD.format(data=setting.data, last=len(setting.recent))
    for case, code in (("backtest", ONE), ("sweep", CROSS)):
        with tempfile.TemporaryDirectory() as empty:
            first, second = (fresh(load + code, {"NUMBA_CACHE_DIR": empty})["process_seconds"] for _ in range(2))
        facts = {"second_seconds": second}
        yield Row(FIRST, case, first, "s", goal=Goal(10, least=False), note=f"second {second:.2f} s", facts=facts)


def commands(setting: Setting) -> Iterator[Row]:
    """Wall seconds from start to exit, median of several."""
    data = ["--data", setting.data, "--last", str(len(setting.recent))]
    yield _command("thunes --help", ["--help"], 2 if setting.quick else 9, Goal(0.6, least=False))
    yield _command(
        "thunes backtest --engine kernel", ["backtest", *data, "--engine", "kernel"], 2 if setting.quick else 5
    )
    if setting.peers:
        yield _command("thunes backtest (vectorbt, report)", ["backtest", *data], 3, Goal(12, least=False))


def _command(case: str, arguments: list[str], repeats: int, goal: Goal | None = None) -> Row:
    command = [sys.executable, "-m", "thunes", *arguments]
    with tempfile.TemporaryDirectory() as state:
        walls = [process(command, {"STATE_DIR": state})[0] for _ in range(repeats + 1)][1:]
    facts = {"process_seconds": walls}
    return Row(COMMANDS, case, statistics.median(walls), "s", goal=goal, note=f"least {min(walls):.2f} s", facts=facts)
