"""From candles to a promoted artefact: leak check, gates, what a walk-forward would have earned, what to expect."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from thunes.errors import DataError, GateRefused, UsageError
from thunes.kernels import simulation
from thunes.kernels.simulation import START_CASH, TRADE, Simulation
from thunes.model import Candles, Costs, Fill, Float1D
from thunes.research.backtest import BacktestResult, backtest, checked_fill, stats_of
from thunes.research.evidence.intervals import daily_returns
from thunes.research.evidence.shown import Shown, shown
from thunes.research.evidence.timing import block_length
from thunes.research.gates.family import require_enumerable
from thunes.research.gates.judge import DEFAULTS, judge
from thunes.research.gates.panel import failures
from thunes.research.gates.verdict import Gate, Thresholds, Verdict
from thunes.research.provenance import finite
from thunes.research.sweep import sweep
from thunes.strategies.artefact import Artefact
from thunes.strategies.base import Number, Strategy, evaluate
from thunes.strategies.lookahead import check_lookahead, check_walk_forward
from thunes.strategies.registry import source_hash

FEW_CUTS = 10  # of a set that only the walk-forward chose


@dataclass(frozen=True)
class Walked:
    """The account that followed the walk-forward's choices over `candles`, which begin where it did."""

    candles: Candles
    simulation: Simulation


@dataclass(frozen=True)
class Promotion:
    """What stands for and against deploying `verdict.deployed`: the leak check is the first of the gates.

    `in_sample` are its metrics on all candles, `out_of_sample` those of the walk-forward that re-chose every 30 days,
    by name; `expected` is what decay compares with (fractions, NaN where undefined).
    """

    verdict: Verdict
    candles: Candles
    costs: Costs
    fill: Fill
    in_sample: Mapping[str, float]
    out_of_sample: Mapping[str, float]
    expected: Mapping[str, float]
    provenance: Mapping[str, Any]
    backtest: BacktestResult | None = None
    walked: Walked | None = None

    def artefact(
        self, reference: str, environment: str, *, notes: Sequence[str] = (), forced: str | None = None
    ) -> Artefact:
        """What the daemon would trade. `forced` is why it is promoted against the gates."""
        deployed = self.verdict.deployed
        assert deployed is not None, "nothing to deploy"
        return Artefact(
            strategy=deployed.name(),
            reference=reference,
            strategy_sha256=source_hash(type(deployed)),
            symbol=self.candles.symbol,
            interval=self.candles.interval,
            environment=environment,
            parameters=deployed.values,
            anchor=int(self.candles.open_time[0]),
            provenance=self.provenance,
            in_sample=_finite(self.in_sample),
            out_of_sample=_finite(self.out_of_sample),
            expected=_finite(self.expected),
            gates=[gate.to_dict() for gate in self.verdict.gates],
            notes=notes,
            forced=forced,
            created=str(self.provenance["time"]),
        )

    def to_dict(self) -> dict[str, Any]:
        """Plain values; undefined figures are None."""
        figures = {"in_sample": self.in_sample, "out_of_sample": self.out_of_sample, "expected": self.expected}
        found = {name: _finite(values) for name, values in figures.items()}
        return {**self.verdict.to_dict(), **found, "provenance": dict(self.provenance)}


def consider(
    strategies: Sequence[Strategy | type[Strategy] | str],
    candles: Candles,
    costs: Costs | None = None,
    *,
    fill: Fill = "next_open",
    chosen: Mapping[str, Number] | None = None,
    limits: Thresholds = DEFAULTS,
    tried: int = 1,
    seed: int = 0,
) -> Promotion:
    """Ask everything that is asked before a promotion. Arguments and errors as in `gates.judge`."""
    terms: dict[str, Any] = {"fill": fill, "chosen": chosen, "limits": limits, "tried": tried, "seed": seed}
    verdict, paid = judge(strategies, candles, costs, **terms), costs or Costs()
    deployed = verdict.deployed
    if deployed is None:
        return Promotion(verdict, candles, paid, fill, {}, {}, {}, {})
    verdict = replace(verdict, gates=(leak_check(verdict, candles), *verdict.gates))
    walked = walk(verdict, candles, paid, fill)
    whole = backtest(deployed, candles, paid, fill=fill)
    return Promotion(
        verdict=verdict,
        candles=candles,
        costs=paid,
        fill=fill,
        in_sample=whole.stats,
        out_of_sample=stats_of(walked.simulation, walked.candles),
        expected=expected(walked),
        provenance={
            **whole.provenance,
            "seed": seed,
            "tested": dict(verdict.tested),
            "tried": tried,
        },
        backtest=whole,
        walked=walked,
    )


def evidence(found: Promotion) -> list[Shown]:
    """What is shown beside the gates, of the deployed set among its strategy's whole space."""
    deployed = found.verdict.deployed
    assert deployed is not None, "nothing to deploy"
    terms: dict[str, Any] = {"fill": found.fill, "block_length": block_length(found.candles)}
    swept = sweep(type(deployed), found.candles, found.costs, metrics=("total_return",), **terms)
    return shown(swept, deployed.values)


def verdict_on(
    strategy: type[Strategy], best: Mapping[str, Number], candles: Candles, costs: Costs, limits: Thresholds, tried: int
) -> Verdict | str:
    """What the gates say of the best set of a search; a sentence where it cannot be judged."""
    try:
        require_enumerable(strategy)
        return judge([strategy], candles, costs, chosen=best, limits=limits, tried=tried)
    except UsageError as error:
        return f"Not judged: {error.message} {error.hint}"


def refusal(verdict: Verdict, *, accept_uncalibrated: bool = False) -> str:
    """Why this must not be promoted, in one sentence; empty where every gate passed."""
    if not verdict.passed:
        return f"refused: {failures(verdict)}."
    if not (verdict.calibrated or accept_uncalibrated):
        return f"refused: {verdict.terms.uncalibrated} (--accept-uncalibrated, in sim)."
    return ""


def require_fitting(candles: Candles, environment: str) -> None:
    """Errors: `GateRefused` for made-up candles where prices are real."""
    if candles.is_synthetic and environment != "sim":
        what = f"these candles are made up ({candles.source}), and {environment} has real prices."
        raise GateRefused("E-PROMOTE-SYNTHETIC", what, "Judge on real candles.")


@dataclass(frozen=True)
class Study:
    """The best set of a search, and what was searched: a study of another market says nothing about this one."""

    parameters: Mapping[str, Number]
    strategy_sha256: str
    symbol: str
    interval: str

    def require_fitting(self, strategy: type[Strategy], candles: Candles) -> None:
        """Errors: `UsageError` where other code, or another market, was searched."""
        if self.strategy_sha256 != source_hash(strategy):
            what = f"{strategy.name()} was changed since it was searched."
            raise UsageError("E-STUDY", what, "Run thunes optimize again.")
        if (self.symbol, self.interval) != (candles.symbol, candles.interval):
            what = f"the study searched {self.symbol} {self.interval}, not {candles.symbol} {candles.interval}."
            raise UsageError("E-STUDY", what, "Run thunes optimize on these candles.")


def read_study(path: Path, strategy: type[Strategy]) -> Study:
    """The best set of a search, from the JSON that it wrote (beside a `study.csv` it lies as `study.json`).

    Errors: `DataError` for a file that is no study, `UsageError` for one of another strategy.
    """
    file = path.with_suffix(".json") if path.name else path
    try:
        document = json.loads(file.read_bytes())
        about, best = document["provenance"], dict(document["best"]["parameters"])
        if best.keys() != strategy.parameters().keys() and about["strategy"] == strategy.name():
            raise KeyError
        searched, candles = about["strategy"], about["candles"]
        study = Study(best, str(about["strategy_sha256"]), str(candles["symbol"]), str(candles["interval"]))
    except FileNotFoundError:
        raise DataError("E-STUDY", f"there is no {file}.", "Run thunes optimize first.") from None
    except (ValueError, KeyError, TypeError, RecursionError):
        raise DataError("E-STUDY", f"{file} is damaged, or no study.", "Run thunes optimize again.") from None
    if searched != strategy.name():
        raise UsageError(
            "E-STUDY", f"{file} searched {searched}, not {strategy.name()}.", f"Use --strategy {searched}."
        )
    return replace(study, parameters=strategy.make(best).values)


def costs_and_fill(artefact: Artefact) -> tuple[Costs, Fill]:
    """What an artefact was judged at, so that its successor is judged alike."""
    return Costs(**artefact.provenance["costs"]), checked_fill(artefact.provenance["fill"])


def leak_check(verdict: Verdict, candles: Candles) -> Gate:
    """Whether every set that the verdict rests on sees no future; the value counts failed checks.

    The deployed set and the best one are looked at thoroughly, and walk bar by bar as they run at once; those that only
    the walk-forward chose are looked at less often. One set that peeks makes all others look good.
    """
    resting = [chosen for chosen in (verdict.deployed, verdict.best) if chosen is not None]
    others = {chosen for _, chosen in verdict.walk if chosen is not None} - set(resting)
    reports = [
        check(chosen, candles) for chosen in dict.fromkeys(resting) for check in (check_lookahead, check_walk_forward)
    ]
    reports += [check_lookahead(chosen, candles, FEW_CUTS) for chosen in sorted(others, key=repr)]
    leaks = [f"{report.strategy}: {report.leak}" for report in reports if report.leak is not None]
    means = leaks[0] if leaks else "no future candle changes a past decision"
    return Gate("leak check", float(len(leaks)), "=", 0.0, not leaks, means)


def walk(verdict: Verdict, candles: Candles, costs: Costs, fill: Fill) -> Walked:
    """The account that follows the walk-forward's choices; changing from one set to another is paid for."""
    first = verdict.walk[0][0]
    target = np.zeros(len(candles))
    ends = [*(bar for bar, _ in verdict.walk[1:]), len(candles)]
    exposures: dict[Strategy, Float1D] = {}
    for (begin, chosen), end in zip(verdict.walk, ends, strict=True):
        if chosen is not None:
            if chosen not in exposures:
                exposures[chosen] = evaluate(chosen, candles)
            target[begin:end] = exposures[chosen][begin:end]
    later = candles[first:]
    return Walked(later, simulation.run(later, target[first:], costs, fill=fill))


def expected(walked: Walked) -> dict[str, float]:
    """Mean and deviation (ddof 1) of daily and of trade returns, simple; trades a year. NaN under two of either."""
    candles, trades = walked.candles, walked.simulation.trades
    daily = daily_returns(walked.simulation.equity, candles, START_CASH)
    size, entry, pnl, closed = (trades[:, TRADE.index(name)] for name in ("size", "entry_price", "pnl", "closed"))
    returns = (pnl / (size * entry))[closed == 1.0]
    return {
        "daily_mean": _mean(daily),
        "daily_deviation": _deviation(daily),
        "trade_mean": _mean(returns),
        "trade_deviation": _deviation(returns),
        "trades_per_year": returns.size / (len(candles) / candles.bars_per_year),
    }


def _mean(values: Float1D) -> float:
    return float(values.mean()) if values.size > 1 else float("nan")


def _deviation(values: Float1D) -> float:
    return float(values.std(ddof=1)) if values.size > 1 else float("nan")


def _finite(figures: Mapping[str, float]) -> dict[str, float | None]:
    return {name: finite(value) for name, value in figures.items()}
