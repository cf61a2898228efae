"""Walk-forward: in each fold the best set of the past, tested on what follows; all tests as one account."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from thunes.errors import UsageError, did_you_mean
from thunes.kernels import simulation
from thunes.kernels.simulation import Simulation
from thunes.model import NO_STOPS, Candles, Costs, Fill, Float1D, Stops
from thunes.research.backtest import checked_costs, checked_fill, stats_of, strategy_class
from thunes.research.grid import grid
from thunes.research.provenance import finite, provenance
from thunes.research.sweep import SweepResult, sweep
from thunes.research.walk_forward.splitter import Fold, Length, bars_in, folds
from thunes.research.walk_forward.stability import ParameterStability, neighbour_rank_correlation, stability
from thunes.strategies.base import Number, Strategy, evaluate

if TYPE_CHECKING:
    from thunes.research.frame import Frame

SELECTORS = ("sharpe", "sortino", "calmar", "total_return", "annual_return", "profit_factor", "expectancy", "win_rate")
COMPARED = ("sharpe", "total_return", "max_drawdown", "trades")  # the columns of the frame, in sample and out of it
FEWEST_TRADES = 10  # closed in a training window, or a set is not viable there

Progress = Callable[[int, int], None]


@dataclass(frozen=True, eq=False)
class FoldResult:
    """What one fold chose and what became of it.

    `parameters` is None where no set was viable: the fold then stays flat. `scores`, shape (sets,), are the selecting
    metric of every set in training, NaN for those not viable; `exposure` is the target at each close of the test. The
    figures are the sixteen metrics of an account that
    begins flat at the window's first bar.
    """

    fold: Fold
    parameters: Mapping[str, Number] | None
    scores: Float1D
    exposure: Float1D
    in_sample: Mapping[str, float]
    out_of_sample: Mapping[str, float]

    @property
    def viable(self) -> int:
        """How many sets could have been chosen."""
        return int((~np.isnan(self.scores)).sum())

    def to_dict(self) -> dict[str, Any]:
        return {
            "train": asdict(self.fold.train),
            "test": asdict(self.fold.test),
            "parameters": None if self.parameters is None else dict(self.parameters),
            "viable": self.viable,
            "in_sample": {name: finite(value) for name, value in self.in_sample.items()},
            "out_of_sample": {name: finite(value) for name, value in self.out_of_sample.items()},
        }


@dataclass(frozen=True, repr=False, eq=False)
class WalkForwardResult:
    """All folds, and the one account that traded their tests in turn.

    `candles` are those of the out-of-sample span, first test bar to last, cut from `history`; `exposure` (float64, as
    long) is the target at each of their closes: that of the fold whose test it is, 0 between tests. `simulation` is
    the account over this span, so that going from one fold's set to the next costs what its orders cost.
    """

    strategy: type[Strategy]
    history: Candles
    candles: Candles
    costs: Costs
    fill: Fill
    metric: str
    folds: tuple[FoldResult, ...]
    exposure: Float1D
    simulation: Simulation
    provenance: Mapping[str, Any]

    @cached_property
    def stats(self) -> dict[str, float]:
        """The sixteen metrics of the out-of-sample account."""
        return stats_of(self.simulation, self.candles)

    @cached_property
    def held(self) -> Simulation:
        """The account that buys at the span's first possible fill and holds."""
        return simulation.run(self.candles, np.ones(len(self.candles)), self.costs, fill=self.fill)

    @cached_property
    def hold(self) -> dict[str, float]:
        """The same metrics of buying and holding over the same span, at the same costs."""
        return stats_of(self.held, self.candles)

    @cached_property
    def stability(self) -> dict[str, ParameterStability]:
        """How alike the folds' parameters are, by parameter."""
        return stability([each.parameters for each in self.folds if each.parameters is not None])

    @cached_property
    def rank_correlation(self) -> float:
        """How alike neighbouring folds rank all sets: see `neighbour_rank_correlation`."""
        return neighbour_rank_correlation([each.scores for each in self.folds])

    @property
    def flat_folds(self) -> int:
        """How many folds had no viable set and stayed flat."""
        return sum(each.parameters is None for each in self.folds)

    @property
    def in_sample_sharpe(self) -> float:
        """Mean Sharpe ratio of the chosen sets in their training windows; NaN where none was chosen."""
        chosen = [each.in_sample["sharpe"] for each in self.folds if each.parameters is not None]
        return float(np.mean(chosen)) if chosen else float("nan")

    @property
    def efficiency(self) -> float:
        """What is left out of sample: the account's Sharpe ratio over the mean one in sample; NaN if that is not > 0.

        Pardo (2008), The Evaluation and Optimization of Trading Strategies, divides annual profits; a short test
        compounded to a year blows that up, a Sharpe ratio it does not.
        """
        before = self.in_sample_sharpe
        return self.stats["sharpe"] / before if before > 0 else float("nan")

    @cached_property
    def frame(self) -> Frame:
        """One row per fold: open times of its windows' first and last bars, viable sets, parameters, figures.

        Parameters are null where the fold stayed flat; figures are prefixed `in_` and `out_`.
        """
        from thunes.research.frame import Frame, times

        columns: dict[str, Any] = {}
        for window in ("train", "test"):
            spans = [getattr(each.fold, window) for each in self.folds]
            for edge, rows in (("first", [s.first for s in spans]), ("last", [s.stop - 1 for s in spans])):
                columns[f"{window}_{edge}"] = times(f"{window}_{edge}", self.history.open_time[rows])
        columns["viable"] = [each.viable for each in self.folds]
        for name in self.strategy.parameters():
            columns[name] = [None if each.parameters is None else each.parameters[name] for each in self.folds]
        for prefix, part in (("in", "in_sample"), ("out", "out_of_sample")):
            for name in COMPARED:
                columns[f"{prefix}_{name}"] = [getattr(each, part)[name] for each in self.folds]
        return Frame(columns)

    def to_frame(self) -> Frame:
        """One row per fold."""
        return self.frame

    @cached_property
    def equity(self) -> Frame:
        """One row per out-of-sample bar: open_time, close, target, exposure (position / equity), equity, hold."""
        from thunes.research.frame import Frame, times

        return Frame(
            {
                "open_time": times("open_time", self.candles.open_time),
                "close": self.candles.close,
                "target": self.exposure,
                "exposure": self.simulation.exposed,
                "equity": self.simulation.equity,
                "hold": self.held.equity,
            }
        )

    def to_dict(self) -> dict[str, Any]:
        """Figures, folds and provenance as plain values; undefined figures are None."""
        return {
            "stats": {name: finite(value) for name, value in self.stats.items()},
            "buy_and_hold": {name: finite(value) for name, value in self.hold.items()},
            "metric": self.metric,
            "in_sample_sharpe": finite(self.in_sample_sharpe),
            "efficiency": finite(self.efficiency),
            "rank_correlation": finite(self.rank_correlation),
            "flat_folds": self.flat_folds,
            "stability": {name: asdict(value) for name, value in self.stability.items()},
            "folds": [each.to_dict() for each in self.folds],
            "provenance": dict(self.provenance),
        }

    def to_json(self) -> str:
        return json.dumps(self.to_dict())

    def __repr__(self) -> str:
        figures = ", ".join(f"{name}={self.stats[name]:.4g}" for name in COMPARED)
        return f"WalkForwardResult({self.strategy.name()}, {len(self.folds)} folds on {self.candles!r}: {figures})"


def walk_forward(
    strategy: Strategy | type[Strategy] | str,
    candles: Candles,
    costs: Costs | None = None,
    *,
    train: Length,
    test: Length,
    step: Length | None = None,
    anchored: bool = False,
    purge: Length = 0,
    embargo: Length = 0,
    metric: str = "sharpe",
    min_trades: int = FEWEST_TRADES,
    stops: Stops = NO_STOPS,
    fill: Fill = "next_open",
    threads: int | None = None,
    progress: Progress | None = None,
    **ranges: Iterable[Number] | Number,
) -> WalkForwardResult:
    """Choose the best set of a grid in each fold's training window and trade it in the test that follows.

    Lengths are bars or durations, and fold as in `splitter.folds`; the grid is given as in `sweep`. The best set has
    the highest `metric` among those with `min_trades` closed trades in the window and a defined figure; an account
    begins flat at the window's first bar. The strategy itself is always evaluated from the first candle on, so bars
    before a window warm it up, and none after it is looked at. Without any such set a fold stays flat.

    `progress` is called with the folds done and their number. Errors as in `sweep` and `folds`; `UsageError` for a
    metric of which more is not better.
    """
    require_selector(metric, min_trades)
    market: dict[str, Any] = {"stops": stops, "fill": checked_fill(fill)}
    kind, paid = strategy_class(strategy), checked_costs(costs)
    if isinstance(strategy, Strategy) and ranges:
        ranges = {**strategy.values, **ranges}  # an instance keeps its values, as in a sweep
    space = {name: np.unique(column).tolist() for name, column in grid(kind, ranges).items()}
    lengths = {"train": train, "test": test, "step": test if step is None else step, "purge": purge, "embargo": embargo}
    in_bars = {name: bars_in(length, candles.interval) for name, length in lengths.items()}
    cut = folds(len(candles), anchored=anchored, **in_bars)
    choice = _Choice(kind, paid, metric, min_trades, market, threads, ranges)
    played = tuple(_counted((choice.play(candles, fold) for fold in cut), len(cut), progress))
    span, target = stitched(candles, played)
    how = {**in_bars, "anchored": anchored, "metric": metric, "min_trades": min_trades}
    asked = {"space": space, "walk_forward": how}
    return WalkForwardResult(
        strategy=kind,
        history=candles,
        candles=span,
        costs=paid,
        fill=market["fill"],
        metric=metric,
        folds=played,
        exposure=target,
        simulation=simulation.run(span, target, paid, **market),
        provenance=provenance(kind, asked, candles, paid, **market),
    )


def stitched(candles: Candles, played: Sequence[FoldResult]) -> tuple[Candles, Float1D]:
    """The out-of-sample span of the folds, and the target at each of its closes: 0 where no fold is tested."""
    first, stop = played[0].fold.test.first, played[-1].fold.test.stop
    target = np.zeros(stop - first)
    for each in played:
        target[each.fold.test.first - first : each.fold.test.stop - first] = each.exposure
    return candles[first:stop], target


def _counted(folds: Iterable[FoldResult], count: int, progress: Progress | None) -> Iterator[FoldResult]:
    for done, fold in enumerate(folds, 1):
        if progress is not None:
            progress(done, count)
        yield fold


def require_selector(metric: str, min_trades: int) -> None:
    """Errors: `UsageError` for a metric of which more is not better, or less than no trades."""
    if metric not in SELECTORS:
        raise UsageError("E-METRIC", f"no set can be chosen by {metric!r}.", did_you_mean(metric, SELECTORS))
    if min_trades < 0:
        raise UsageError("E-MIN-TRADES", f"min_trades={min_trades} must be at least 0.")


@dataclass(frozen=True)
class _Choice:
    """How every fold chooses: from which sets, by what, under which costs, stops and fill."""

    kind: type[Strategy]
    costs: Costs
    metric: str
    min_trades: int
    market: Mapping[str, Any]
    threads: int | None
    ranges: Mapping[str, Any]

    def play(self, candles: Candles, fold: Fold) -> FoldResult:
        """Choose on a fold's training window; evaluate the choice up to the end of its test and no further."""
        swept = self._sweep(candles[: fold.train.stop], fold.train.first)
        scores = self._scores(swept)
        chosen = None if np.isnan(scores).all() else _row(swept, int(np.nanargmax(scores)))
        known = candles[: fold.test.stop]
        target = np.zeros(len(known)) if chosen is None else evaluate(self.kind.make(chosen), known)
        before, after = (self._figures(known[span.rows], target[span.rows]) for span in (fold.train, fold.test))
        return FoldResult(fold, chosen, scores, target[fold.test.rows], before, after)

    def _figures(self, window: Candles, target: Float1D) -> dict[str, float]:
        return stats_of(simulation.run(window, target, self.costs, **self.market), window)

    def _sweep(self, past: Candles, warm_up: int) -> SweepResult:
        wanted = tuple(dict.fromkeys((self.metric, "trades")))
        terms: dict[str, Any] = {"metrics": wanted, "warm_up": warm_up, "threads": self.threads, **self.market}
        return sweep(self.kind, past, self.costs, **terms, **self.ranges)

    def _scores(self, swept: SweepResult) -> Float1D:
        """The metric of each set, NaN where it traded too little."""
        return np.where(swept.metrics["trades"] >= self.min_trades, swept.metrics[self.metric], np.nan)


def _row(swept: SweepResult, row: int) -> dict[str, Number]:
    return {name: column[row].item() for name, column in swept.parameters.items()}
