"""Many parameter sets of one strategy on one series of candles, as one frame of figures."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from thunes.errors import StrategyError, UsageError, did_you_mean
from thunes.kernels import sweep as kernel
from thunes.kernels.compiled import is_compiled, jit
from thunes.kernels.metrics import METRICS, derive
from thunes.kernels.simulation import START_CASH
from thunes.kernels.sweep import Blocks, PerSet, Plan, Rows, Swept
from thunes.model import NO_STOPS, Candles, Costs, Fill, Float1D, Int1D, Stops
from thunes.research.backtest import checked_costs, checked_fill, strategy_class
from thunes.research.grid import Columns, grid
from thunes.research.provenance import finite, provenance
from thunes.strategies.base import SERIES, Line, Number, Strategy, argument_names, blaming, evaluate

if TYPE_CHECKING:
    from thunes.research.frame import Frame

DEFAULT_METRICS = ("total_return", "sharpe", "max_drawdown", "trades")
LINES_LIMIT = 256 * 2**20  # bytes of lines held at once; a sweep that needs more goes in batches of sets


@dataclass(frozen=True, repr=False)
class SweepResult:
    """Figures of every feasible set: `parameters` and `metrics` are columns of shape (sets,), in grid order.

    `blocks` are the per-block sums where they were asked for (see `kernels.sweep.Blocks`).
    """

    strategy: type[Strategy]
    candles: Candles
    costs: Costs
    parameters: Columns
    metrics: Mapping[str, Float1D]
    blocks: Blocks | None
    provenance: Mapping[str, Any]

    def __len__(self) -> int:
        return len(next(iter(self.metrics.values())))

    @cached_property
    def frame(self) -> Frame:
        from thunes.research.frame import Frame

        return Frame({**self.parameters, **self.metrics})

    def to_frame(self) -> Frame:
        """One row per feasible set: parameter columns, then metric columns."""
        return self.frame

    def best(self, metric: str = "sharpe") -> dict[str, Any]:
        """Parameters and metrics of the set where `metric` is highest (NaN never wins), the first of equals."""
        if metric not in self.metrics:
            raise UsageError("E-METRIC", f"{metric!r} was not computed.", did_you_mean(metric, self.metrics))
        values = self.metrics[metric]
        row = int(np.nanargmax(values)) if not np.isnan(values).all() else 0
        return {name: column[row].item() for name, column in {**self.parameters, **self.metrics}.items()}

    def to_dict(self) -> dict[str, Any]:
        best = self.best(next(m for m in ("sharpe", *self.metrics) if m in self.metrics))
        shown = {name: finite(value) for name, value in best.items()}
        return {"sets": len(self), "best": shown, "provenance": dict(self.provenance)}

    def to_json(self) -> str:
        return json.dumps(self.to_dict())

    def __repr__(self) -> str:
        return f"SweepResult({self.strategy.name()}, {len(self):,} sets on {self.candles!r}: {', '.join(self.metrics)})"


def sweep(
    strategy: Strategy | type[Strategy] | str,
    candles: Candles,
    costs: Costs | None = None,
    *,
    stops: Stops = NO_STOPS,
    fill: Fill = "next_open",
    metrics: Sequence[str] = DEFAULT_METRICS,
    block_length: int = 0,
    warm_up: int = 0,
    threads: int | None = None,
    **ranges: Iterable[Number] | Number,
) -> SweepResult:
    """Figures of every feasible set of a grid, given as `name=values`; without any, of the whole declared space.

    `block_length` > 0 also gives per-block sums of that many bars. The first `warm_up` bars only warm the strategy up:
    the account begins flat after them, and the figures are of the bars from there on. Errors as in `backtest`;
    `UsageError` for an unknown metric or an empty grid.
    """
    chosen, paid, metrics = strategy_class(strategy), checked_costs(costs), tuple(metrics)
    require_known(metrics)
    if isinstance(strategy, Strategy) and ranges:
        ranges = {**strategy.values, **ranges}  # an instance keeps its values, as in a backtest
    if block_length and stops.any:
        raise UsageError("E-SWEEP-BLOCKS", "per-block sums are of exposure × return, which stops leave undefined.")
    workers = kernel.available_cores() if threads is None else threads
    if block_length < 0 or workers < 1:
        raise UsageError("E-SWEEP", f"block_length={block_length} must be ≥ 0, threads={threads} ≥ 1.")
    if not 0 <= warm_up < len(candles):
        raise UsageError("E-SWEEP", f"warm_up={warm_up} leaves none of {len(candles):,} bars.")
    columns = grid(chosen, ranges)
    terms: dict[str, Any] = {"stops": stops, "fill": checked_fill(fill), "metrics": metrics, "threads": workers}
    terms |= {"block_length": block_length, "warm_up": warm_up}
    parts: list[tuple[Int1D, Swept]] = []
    with blaming(chosen, chosen.name()):
        for sets, plan in plans(chosen, candles, columns, workers):
            parts.append((sets, kernel.run(plan, candles, paid, **terms)))
            del plan  # and with it the lines of this batch, before those of the next are made
    swept = _joined(parts)
    if swept.invalid.size:
        _blame(chosen, candles, columns, int(swept.invalid[0]))
    space = {name: _coded(values)[0].tolist() for name, values in columns.items()}
    return SweepResult(
        strategy=chosen,
        candles=candles,
        costs=paid,
        parameters=columns,
        metrics=derive(swept.moments, len(candles) - warm_up, candles.bars_per_year, START_CASH, metrics),
        blocks=swept.blocks,
        provenance=provenance(chosen, space, candles, paid, stops, fill),
    )


def require_known(metrics: Sequence[str]) -> None:
    """Errors: `UsageError` for no metric at all, or one that there is not."""
    if not metrics:
        raise UsageError("E-METRIC", "no metric to compute.", did_you_mean("", METRICS))
    for metric in metrics:
        if metric not in METRICS:
            raise UsageError("E-METRIC", f"unknown metric {metric!r}.", did_you_mean(metric, METRICS))


def parse_metrics(text: str | None) -> tuple[str, ...]:
    """``sharpe,trades`` or ``all`` as metric names, None as the default ones; `UsageError` for an unknown one."""
    if text is None:
        return DEFAULT_METRICS
    names = METRICS if text == "all" else tuple(dict.fromkeys(name.strip() for name in text.split(",")))
    require_known(names)
    return names


def plans(strategy: type[Strategy], candles: Candles, columns: Columns, threads: int) -> Iterator[tuple[Int1D, Plan]]:
    """What the kernel needs to sweep these sets: batches of sets, by index, as many as their lines' memory asks for."""
    sets = np.arange(len(next(iter(columns.values()))) if columns else 1)
    if strategy.exposure is not Strategy.exposure:
        yield from _array_plans(strategy, candles, columns, sets.size)
    elif strategy.kernel is not None:
        names = argument_names(strategy.kernel)
        yield sets, Plan(strategy.kernel, [_shared(n, candles, columns) for n in names], sets.size, is_kernel=True)
    elif strategy.rule is None:
        raise StrategyError("E-STRATEGY-EMPTY", f"{strategy.__name__} has no rule, no kernel and no exposure().")
    else:
        for batch in _batches(strategy, candles, columns, sets):
            yield batch, _rule_plan(strategy, strategy.rule, candles, _rows(columns, batch), batch.size, threads)


def _batches(strategy: type[Strategy], candles: Candles, columns: Columns, sets: Int1D) -> Iterator[Int1D]:
    """Sets whose distinct lines fit in memory: all of them, or halves by the parameter with most values, and so on."""
    part = _rows(columns, sets)
    lines = sum(len(_distinct(line, part, sets.size)[0]) for line in strategy.lines.values())
    counts = {p: _coded(part[p])[0].size for line in strategy.lines.values() for p in line.parameters}
    widest = max(counts, key=counts.__getitem__, default="")
    if lines * len(candles) * 8 <= LINES_LIMIT or counts.get(widest, 1) == 1:
        yield sets
        return
    middle = np.median(_coded(part[widest])[0])
    for half in (part[widest] <= middle, part[widest] > middle):
        yield from _batches(strategy, candles, columns, sets[half])


def _rows(columns: Columns, sets: Int1D) -> Columns:
    return {name: values[sets] for name, values in columns.items()}


def _rule_plan(
    strategy: type[Strategy], rule: Callable[..., Any], candles: Candles, columns: Columns, sets: int, threads: int
) -> Plan:
    def argument(name: str) -> Rows | PerSet | Float1D:
        if name not in strategy.lines:
            return _shared(name, candles, columns)
        values, row = _distinct(strategy.lines[name], columns, sets)
        return Rows(_compute(strategy, name, candles, values, threads), row)

    return Plan(rule, [argument(name) for name in argument_names(rule)], sets)


def _distinct(line: Line, columns: Columns, sets: int) -> tuple[list[dict[str, Number]], Int1D]:
    """The distinct parameter values of a line, and which of them each set uses."""
    names = line.parameters
    if not names:
        return [{}], np.zeros(sets, np.int64)
    coded = [_coded(columns[name]) for name in names]
    codes = np.zeros(sets, np.int64)
    for axis, code in coded:
        codes = codes * axis.size + code
    used, row = _coded(codes)
    picked = np.unravel_index(used, [axis.size for axis, _ in coded])
    values = [axis[index].tolist() for (axis, _), index in zip(coded, picked, strict=True)]
    return [dict(zip(names, value, strict=True)) for value in zip(*values, strict=True)], row


def _coded(values: NDArray[Any]) -> tuple[NDArray[Any], Int1D]:
    """The distinct values in ascending order, and where among them each value is; whole numbers by counting them."""
    low = values.min()
    if values.dtype == np.int64 and values.max() - low < 8 * values.size:
        used = np.bincount(values - low) > 0
        return np.flatnonzero(used) + low, (np.cumsum(used) - 1)[values - low]
    axis = np.unique(values)
    return axis, np.searchsorted(axis, values)


def _compute(
    strategy: type[Strategy], name: str, candles: Candles, values: list[dict[str, Number]], threads: int
) -> Float1D:
    """The distinct lines as rows, float64 of shape (r, n), each computed once."""
    line = strategy.lines[name]
    if is_compiled(line.kernel):
        columns = {p: np.array([chosen[p] for chosen in values]) for p in line.parameters}
        plan = Plan(line.kernel, [_shared(a, candles, columns) for a in line.arguments], len(values), is_kernel=True)
        out = kernel.lines(plan, len(candles), threads)
    else:
        out = np.stack([line.checked(name, line.compute(candles, c), len(candles), c) for c in values])
    for row in np.flatnonzero(np.isnan(out[:, -1])):
        line.checked(name, out[row], len(candles), values[row])
    return out


def _shared(name: str, candles: Candles, columns: Columns) -> PerSet | Float1D:
    """An argument that is a candle column or a parameter."""
    if name in SERIES:
        column: Float1D = getattr(candles, name)
        return column
    if name in columns:
        return PerSet(columns[name])
    raise StrategyError("E-STRATEGY-ARGUMENT", f"no line, column or parameter {name!r}.", did_you_mean(name, columns))


@jit
def take(out: Float1D, exposure: Float1D) -> None:
    """A kernel for exposures that are there already."""
    for t in range(out.size):
        out[t] = exposure[t]


def _array_plans(
    strategy: type[Strategy], candles: Candles, columns: Columns, sets: int
) -> Iterator[tuple[Int1D, Plan]]:
    """Plans for a strategy that overrides `exposure`: computed set by set, a batch held at a time."""
    batch = max(1, LINES_LIMIT // (len(candles) * 8))
    for first in range(0, sets, batch):
        rows = np.arange(first, min(first + batch, sets))
        exposures = np.empty((rows.size, len(candles)))
        for k, row in enumerate(rows):
            exposures[k] = _exposure(strategy, candles, columns, int(row))
        yield rows, Plan(take, [Rows(exposures, np.arange(rows.size))], rows.size, is_kernel=True)
        del exposures


def _exposure(strategy: type[Strategy], candles: Candles, columns: Columns, row: int) -> Float1D:
    chosen = strategy.make({name: values[row].item() for name, values in columns.items()})
    return evaluate(chosen, candles)


def _blame(strategy: type[Strategy], candles: Candles, columns: Columns, row: int) -> None:
    """Raise the error that a backtest of this set raises."""
    _exposure(strategy, candles, columns, row)
    raise StrategyError("E-STRATEGY-RANGE", f"set {row} of {strategy.name()} is not a fraction of equity everywhere.")


def _joined(parts: list[tuple[Int1D, Swept]]) -> Swept:
    """Batches as one, each set in its place."""
    if len(parts) == 1:
        return parts[0][1]
    order = np.argsort(np.concatenate([sets for sets, _ in parts]))
    invalid = np.sort(np.concatenate([sets[part.invalid] for sets, part in parts]))
    blocks = _joined_blocks([part.blocks for _, part in parts if part.blocks is not None], order)
    return Swept(np.concatenate([part.moments for _, part in parts])[order], invalid, blocks)


def _joined_blocks(parts: list[Blocks], order: Int1D) -> Blocks | None:
    if not parts:
        return None
    names = ("gross", "squares", "exposure", "switches")
    gross, squares, exposure, switches = (np.concatenate([getattr(b, n) for b in parts])[order] for n in names)
    return Blocks(parts[0].length, parts[0].bars, gross, squares, exposure, switches, parts[0].market)
