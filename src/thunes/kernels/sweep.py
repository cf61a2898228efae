"""Many parameter sets over one series of candles, on all cores, without a bars × sets matrix.

A sweep is told how to get a set's decision (a *plan*: a rule over prepared lines, or a kernel called per set) and
reduces each set to its moments at once. One compiled loop serves a slice of the sets and releases the GIL; slices run
on a thread pool. (numba's own `parallel=True` kills forked workers and aborts under threads.)
"""

from __future__ import annotations

import functools
import itertools
import os
from collections import deque
from collections.abc import Callable, Collection, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np

from thunes.kernels import fused
from thunes.kernels.metrics import EQUITY, METRICS, MOMENTS, summarise
from thunes.kernels.score import (
    DRAWDOWN,
    EVERYTHING,
    RETURN,
    block_sums,
    changes,
    chunks,
    follow,
    fraction_sums,
    growth_of,
    score,
    tape,
)
from thunes.kernels.simulation import ORDER, START_CASH, TRADE, fill_bar, match, rules, simulate
from thunes.model import NO_STOPS, Candles, Costs, Fill, Float1D, Int1D, Stops

SLICE = 50_000_000  # sets × bars of one slice at most, some 50 ms
SLICES_PER_THREAD = 4  # so that a slow slice does not leave a core idle
FINE, NOT_FLAT, INVALID = 0, 1, 2  # what became of a set: long or flat throughout, or not, or no fraction at all
BASIC = frozenset({"total_return", "annual_return", "volatility", "sharpe", "trades", "final_equity"})
SCANNED = BASIC | {"max_drawdown", "calmar"}
WIDTH = len(MOMENTS)


@dataclass(frozen=True)
class Rows:
    """An argument that is a line: distinct lines, float64 (r, n), and each set's row among them, int64 (sets,)."""

    lines: Float1D
    row: Int1D


@dataclass(frozen=True)
class PerSet:
    """An argument that is a parameter: its value in each set, shape (sets,)."""

    values: Float1D | Int1D


@dataclass(frozen=True)
class Plan:
    """How to get the decisions of each set.

    `function` is a rule (its arguments: `held`, then one value each) or, with `is_kernel`, a kernel (the zeroed
    float64[n] to fill, then its arguments). An argument is `Rows`, `PerSet`, or a series of shape (n,) shared by all.
    """

    function: Callable[..., Any]
    arguments: Sequence[Rows | PerSet | Float1D]
    sets: int
    is_kernel: bool = False


@dataclass(frozen=True)
class Blocks:
    """Sums per set and block of bars, float64 of shape (sets, blocks); block j covers [j · length, (j + 1) · length).

    A bar's return runs from its fill price to the next bar's (the last one's to the last close), so exposure × return
    is exact and costless: `gross` sums it, `squares` its square, `exposure` the exposure held, `switches` the size of
    its changes. A fraction counts as held at its target in every bar. `market`, shape (blocks,), sums the return
    itself; `bars`, the same shape, are the bars of each block: the last may have fewer. Memory: 32 bytes per set and
    block.
    """

    length: int
    bars: Int1D
    gross: Float1D
    squares: Float1D
    exposure: Float1D
    switches: Float1D
    market: Float1D


@dataclass(frozen=True)
class Swept:
    """Moments of each set, shape (sets, 14), with NaN rows for sets in `invalid`, and the block sums asked for."""

    moments: Float1D
    invalid: Int1D
    blocks: Blocks | None


FLAT = """
def loop(first, last, {parameters}, tape, chunks, growth, length, lag, warm_up, level, fee, cash, moments, sums,
         status):
    bars = tape.shape[1]
    words = np.zeros((bars + 7) // 8, np.uint64)
    turns = np.zeros_like(words)
    decision, turn = words.view(np.uint8), turns.view(np.uint8)
    fills = np.empty(bars + 1, np.int64)
    target = np.empty(bars)
    for s in range(first, last):
        {fetch}
        wrong = 0
        {decide}
        status[s] = wrong
        if wrong:
            continue
        decision[:warm_up] = 0
        count = changes(words, bars, lag, fills)
        score(fills, count, tape, chunks, fee, cash, level, moments[s])
        if length > 0:
            block_sums(fills, count, growth, length, sums[:, s])
"""
# Asked after flat and after long, the rule's answers of all bars are independent of each other, and the compiler works
# on several at once; `follow` then walks the answers. A rule that never looks at what it held costs no walk.
FLAT_RULE = """depends = False
        for t in range(bars):
            flat, long = rule(0, {values}), rule(1, {values})
            decision[t], turn[t] = flat == 1, flat != long
            depends |= flat != long
            wrong |= ((flat != 0) & (flat != 1)) | ((long != 0) & (long != 1))
        if depends:
            follow(words, turns)"""
FLAT_KERNEL = """target[:] = 0.0
        rule(target, {values})
        for t in range(bars):
            decision[t] = target[t] == 1.0
            wrong |= (target[t] != 0.0) & (target[t] != 1.0)"""
GENERAL = """
def loop(first, last, {parameters}, o, h, l, c, growth, length, lag, warm_up, terms, moments, sums, status):
    bars = c.size
    target, equity, exposed = np.empty(bars), np.empty(bars), np.empty(bars)
    orders, trades = np.empty((2 * bars, {orders})), np.empty((bars + 1, {trades}))
    for s in range(first, last):
        {fetch}
        {decide}
        wrong = 0
        for t in range(bars):
            wrong |= not (0.0 <= target[t] <= 1.0)
        status[s] = 2 * wrong
        if wrong:
            continue
        target[:warm_up] = 0.0
        count = simulate(o, h, l, c, target, *terms, equity, exposed, orders)
        moments[s] = summarise(equity, exposed, orders, count, trades, match(orders, count, c, trades))
        if length > 0:
            fraction_sums(target, lag, growth, length, sums[:, s])
"""
GENERAL_RULE = """held = 0.0
        for t in range(bars):
            held = rule(held, {values})
            target[t] = held"""
GENERAL_KERNEL = """target[:] = 0.0
        rule(target, {values})"""


LINES = """
def loop(first, last, {parameters}, out):
    for s in range(first, last):
        {fetch}
        {decide}
"""


def lines(plan: Plan, bars: int, threads: int) -> Float1D:
    """The lines that an indicator (the plan's function) gives for each set of its parameters, float64 (sets, n)."""
    out = np.empty((plan.sets, bars))
    loop = fused.load(_source(LINES, "out[s] = rule({values})", plan), {"rule": plan.function})
    arguments = [array for a in plan.arguments for array in _arrays(a, None)]

    def work(first: int, last: int) -> None:
        loop(first, last, *arguments, out)

    work(0, 0)  # compiles, once, before the threads
    in_slices(work, plan.sets, threads, bars)
    return out


def run(
    plan: Plan,
    candles: Candles,
    costs: Costs,
    *,
    stops: Stops = NO_STOPS,
    fill: Fill = "next_open",
    metrics: Collection[str] = METRICS,
    block_length: int = 0,
    warm_up: int = 0,
    threads: int | None = None,
) -> Swept:
    """Moments of every set of a plan; only those that `metrics` need are filled. Blocks need `block_length` > 0.

    The account begins flat at bar `warm_up`, and the moments are of the bars from there on; block sums cover all.
    """
    job = _Job(plan, candles, costs, stops, fill, metrics, block_length, warm_up, threads or available_cores())
    if stops.any:
        job.run_general(np.arange(plan.sets))
    else:
        job.run_flat()
        job.run_general(np.flatnonzero(job.status == NOT_FLAT))
    job.moments[:, EQUITY] -= warm_up * START_CASH  # nothing happened to the account before, and no other sum knows
    invalid = np.flatnonzero(job.status == INVALID)
    job.moments[invalid] = np.nan
    return Swept(job.moments, invalid, job.blocks())


def available_cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def level_for(metrics: Collection[str]) -> int:
    """How much of the moments these metrics need."""
    wanted = set(metrics)
    return RETURN if wanted <= BASIC else DRAWDOWN if wanted <= SCANNED else EVERYTHING


def in_slices(work: Callable[[int, int], None], count: int, threads: int, bars: int) -> None:
    """Call `work(first, last)` for slices that cover range(count), on this thread and `threads` − 1 more.

    A slice takes well under a second, so that an interrupt is heard: what was not begun is then left out.
    """
    wanted = max(threads * SLICES_PER_THREAD, count * bars // SLICE)
    edges = np.linspace(0, count, min(count, wanted) + 1).astype(int).tolist()
    slices = iter(list(itertools.pairwise(edges)))  # its next() is atomic, so each slice goes once

    def drain() -> None:
        for first, last in slices:
            work(first, last)

    helpers = [_pool(os.getpid()).submit(drain) for _ in range(min(threads, len(edges)) - 1)]
    try:
        drain()
        for helper in helpers:
            if not helper.cancel():  # one that never began has nothing left to do
                helper.result()
    finally:
        deque(slices, maxlen=0)


@functools.cache
def _pool(process: int) -> ThreadPoolExecutor:
    """The threads of one process, kept: starting them costs half a millisecond, and a fork has none of its parent's."""
    return ThreadPoolExecutor(available_cores(), thread_name_prefix=f"thunes-{process}")


class _Job:
    """One sweep's inputs as the compiled loops take them, and the arrays they fill."""

    def __init__(
        self,
        plan: Plan,
        candles: Candles,
        costs: Costs,
        stops: Stops,
        fill: Fill,
        metrics: Collection[str],
        block_length: int,
        warm_up: int,
        threads: int,
    ) -> None:
        self.plan, self.candles, self.costs, self.threads = plan, candles, costs, threads
        self.prices = candles.open if fill == "next_open" else candles.close
        self.terms, self.level, self.length = rules(costs, stops, fill), level_for(metrics), block_length
        self.growth = growth_of(self.prices, candles.close) if block_length else np.zeros((5, 1))
        self.block_terms = (self.growth, block_length, fill_bar(0), warm_up)
        count = -(-len(candles) // block_length) if block_length else 0
        self.sums = np.zeros((4, plan.sets, count))
        self.moments = np.zeros((plan.sets, WIDTH))
        self.status = np.zeros(plan.sets, np.int64)

    def run_flat(self) -> None:
        market = tape(self.prices, self.candles.close, self.costs.fee, self.costs.slippage)
        shared = (market, chunks(self.candles.close), *self.block_terms, self.level, self.costs.fee, START_CASH)
        functions: dict[str, Callable[..., Any]] = {"follow": follow, "changes": changes, "score": score}
        functions["block_sums"] = block_sums
        self._run(_source(FLAT, FLAT_KERNEL if self.plan.is_kernel else FLAT_RULE, self.plan), functions, shared)

    def run_general(self, sets: Int1D) -> None:
        """The bar-by-bar simulation of some sets: those with stops, or exposures between 0 and 1."""
        if not sets.size:
            return
        c = self.candles
        functions: dict[str, Callable[..., Any]] = {"simulate": simulate, "match": match, "summarise": summarise}
        functions["fraction_sums"] = fraction_sums
        shared = (c.open, c.high, c.low, c.close, *self.block_terms, self.terms)
        source = _source(GENERAL, GENERAL_KERNEL if self.plan.is_kernel else GENERAL_RULE, self.plan)
        self._run(source, functions, shared, sets)

    def _run(
        self,
        source: str,
        functions: Mapping[str, Callable[..., Any]],
        shared: tuple[Any, ...],
        sets: Int1D | None = None,
    ) -> None:
        loop = fused.load(source, {**functions, "rule": self.plan.function})
        arguments = [array for a in self.plan.arguments for array in _arrays(a, sets)]
        chosen = slice(None) if sets is None else sets
        targets = (self.moments[chosen], self.sums[:, chosen], self.status[chosen])

        def work(first: int, last: int) -> None:
            loop(first, last, *arguments, *shared, *targets)

        work(0, 0)  # compiles, once, before the threads
        in_slices(work, len(targets[0]), self.threads, len(self.candles))
        if sets is not None:
            self.moments[sets], self.sums[:, sets], self.status[sets] = targets

    def blocks(self) -> Blocks | None:
        if not self.length:
            return None
        starts = np.arange(0, len(self.candles), self.length)
        market = np.add.reduceat(self.growth[4, :-1], starts)
        gross, squares, exposure, switches = self.sums
        bars = np.diff(starts, append=len(self.candles))
        return Blocks(self.length, bars, gross, squares, exposure, switches, market)


def _arrays(argument: Rows | PerSet | Float1D, sets: Int1D | None) -> list[np.ndarray]:
    """The arrays of an argument, for all sets or some."""
    if isinstance(argument, Rows):
        return [argument.lines, argument.row if sets is None else argument.row[sets]]
    if isinstance(argument, PerSet):
        return [argument.values if sets is None else argument.values[sets]]
    return [argument]


def _source(loop: str, decide: str, plan: Plan) -> str:
    """A loop's text for a plan: how each argument is passed, fetched per set and given to the function."""
    parameters, fetch, values = [], [], []
    for k, argument in enumerate(plan.arguments):
        if isinstance(argument, Rows):
            parameters += [f"m{k}", f"i{k}"]
            fetch.append(f"a{k} = m{k}[i{k}[s]]")
        elif isinstance(argument, PerSet):
            parameters.append(f"p{k}")
            fetch.append(f"a{k} = p{k}[s]")
        else:
            parameters.append(f"a{k}")
        by_bar = not plan.is_kernel and not isinstance(argument, PerSet)
        values.append(f"a{k}[t]" if by_bar else f"a{k}")
    body = decide.format(values=", ".join(values))
    fetched = "\n        ".join(fetch) or "pass"
    source = loop.format(
        parameters=", ".join(parameters), fetch=fetched, decide=body, orders=len(ORDER), trades=len(TRADE)
    )
    return source.replace(", , ", ", ")
