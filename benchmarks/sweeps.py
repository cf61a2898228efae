"""Sweeps on the last candles: beside vectorbt, with more metrics, and how their cost grows."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

import thunes as th
from benchmarks.measure import Timing, timed
from benchmarks.peers import ENGINES, require_equal, vectorbt_call
from benchmarks.rows import Goal, Row, seconds
from benchmarks.setting import COSTS, CROSS, STRATEGIES, Setting, decisions, sets_of
from thunes.kernels.metrics import METRICS
from thunes.research.backtest import strategy_class
from thunes.research.sweep import SweepResult
from thunes.strategies.base import Strategy

AGAINST = "Sweeps against vectorbt (from_signals, total return, Sharpe, drawdown)"
MORE = "More out of the same sweep"
GROWTH = "Growth"
WITHOUT_DRAWDOWN = ("total_return", "sharpe", "trades")
BLOCK = 168  # bars: a week of hours
CHUNK = 1_000  # columns, in which vectorbt is faster than in all of them at once
OWN = f"{Path(__file__).with_name('own_kernel.py')}:OwnKernel"
TREND, *OTHERS = STRATEGIES


def against_vectorbt(setting: Setting) -> Iterator[Row]:
    """Every built-in strategy with parameters and a user's kernel, each on its declared space."""
    trend, own = strategy_class(TREND), strategy_class(OWN)
    peers = _vectorbt(setting, trend, ENGINES, 3) if setting.peers else {}
    yield _compared(setting, trend, "4 metrics", 300, peers)
    yield _compared(setting, trend, "no drawdown", 500, peers, metrics=WITHOUT_DRAWDOWN)
    if setting.peers:
        best = min(peers, key=lambda engine: peers[engine].median)
        chunked = {f"{best}*": _vectorbt(setting, trend, (best,), 1, CHUNK)[best]}
        row = _compared(setting, trend, "4 metrics", None, chunked)
        yield replace(row, note=f"* by {CHUNK:,} columns a call, where vectorbt is at its fastest")
    for name in OTHERS:
        strategy = strategy_class(name)
        yield _compared(
            setting, strategy, "4 metrics", 300, _vectorbt(setting, strategy, ENGINES, 1) if setting.peers else {}
        )
    yield _compared(setting, own, "4 metrics", 100, _vectorbt(setting, own, (best,), 1) if setting.peers else {})


def _compared(
    setting: Setting,
    strategy: type[Strategy],
    what: str,
    goal: float | None,
    peers: Mapping[str, Timing],
    **options: Any,
) -> Row:
    """Our time on the strategy's sets, and how many times the better of the peer's engines takes."""
    timing = timed(lambda: _sweep(setting, strategy, **options), setting.repeats)
    sets, bars = len(_sweep(setting, strategy)), len(setting.recent)
    rate = bars * sets / timing.median
    row = Row(AGAINST, f"{strategy.name()}, {what}", rate, "bar-sets/s", timing, sets, bars)
    if not peers:
        return row
    best = min(peers, key=lambda engine: peers[engine].median)
    facts = {"bar_sets_per_second": rate, "engines": {name: peer.to_dict() for name, peer in peers.items()}}
    return replace(
        row,
        value=peers[best].median / timing.median,
        unit="×",
        peer=f"vectorbt {best}",
        peer_timing=peers[best],
        goal=Goal(goal, least=True) if goal else None,
        facts=facts,
    )


def _sweep(setting: Setting, strategy: type[Strategy], **options: Any) -> SweepResult:
    return th.sweep(strategy, setting.recent, COSTS, **setting.ranges(strategy), **options)


def _vectorbt(
    setting: Setting, strategy: type[Strategy], engines: Sequence[str], repeats: int, chunk: int | None = None
) -> dict[str, Timing]:
    """What vectorbt's engines take for the same sets after a first call; figures unlike ours raise."""
    columns = sets_of(strategy, setting.ranges(strategy))
    chosen = decisions(strategy, setting.recent, columns)
    ours = dict(_sweep(setting, strategy).metrics)
    found = {}
    for engine in engines:
        call = vectorbt_call(setting.recent, chosen, COSTS, engine, chunk)
        require_equal(ours, call())
        found[engine] = timed(call, repeats, warm=False, tidy=True)  # gigabytes in cycles
    return found


def more_metrics(setting: Setting) -> Iterator[Row]:
    """What all sixteen metrics and per-block sums cost beside the default four."""
    four = timed(lambda: _cross(setting), setting.repeats)
    for case, options in (
        ("sma_cross, all 16 metrics", {"metrics": METRICS}),
        ("sma_cross, 4 and block sums", {"block_length": BLOCK}),
    ):
        timing = timed(lambda o=options: _cross(setting, **o), setting.repeats)
        cost = timing.median / four.median
        sets, bars = len(_cross(setting)), len(setting.recent)
        note = f"the four alone {seconds(four.median)}"
        yield Row(MORE, case, cost, "× the four", timing, sets, bars, note=note, facts={"four": four.to_dict()})


def _cross(setting: Setting, **options: Any) -> SweepResult:
    return _sweep(setting, strategy_class("sma_cross"), **options)


def growth(setting: Setting) -> Iterator[Row]:
    """The exponent of cost in bars and in sets, over four sizes of each; 1 is linear."""
    whole, slow = setting.whole, CROSS["slow"]
    repeats = max(2, setting.repeats // 5)
    for unit, sizes in (
        ("bars", [len(whole) // k for k in (8, 4, 2, 1)]),
        ("sets", [len(slow) // k for k in (8, 4, 2, 1)]),
    ):
        counts, spent = [], []
        for size in sizes:
            candles = whole[-size:] if unit == "bars" else whole
            ranges = {"fast": CROSS["fast"], "slow": slow if unit == "bars" else slow[-size:]}
            timing = timed(lambda c=candles, r=ranges: th.sweep("sma_cross", c, COSTS, **r), repeats)
            counts.append((len(candles), len(sets_of(strategy_class("sma_cross"), ranges)["fast"])))
            spent.append(timing.least)
        yield _growth(unit, counts, spent)


def _growth(unit: str, counts: list[tuple[int, int]], spent: list[float]) -> Row:
    varied = [bars if unit == "bars" else sets for bars, sets in counts]
    exponent = float(np.polyfit(np.log(varied), np.log(spent), 1)[0])
    costs = [s / (bars * sets) * 1e9 for (bars, sets), s in zip(counts, spent, strict=True)]
    note = f"{', '.join(f'{v:,}' for v in varied)} {unit}: {', '.join(f'{c:.2f}' for c in costs)} ns a bar-set"
    facts = {"sizes": varied, "size_seconds": spent, "nanoseconds_per_bar_set": costs}
    return Row(GROWTH, f"sma_cross in {unit}", exponent, "exponent", note=note, facts=facts)
