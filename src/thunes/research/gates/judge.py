"""Ask all gates, in one pass over the whole declared space."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from thunes.errors import UsageError
from thunes.model import Candles, Costs, Fill, interval_ms
from thunes.research.backtest import checked_costs, checked_fill, strategy_class
from thunes.research.evidence import spa
from thunes.research.evidence.stitched import NOBODY, cuts, leaders, stitch
from thunes.research.evidence.timing import Sums, block_length, hedged, mean_exposure, round_trips, t_value
from thunes.research.gates.family import Family, Window, family
from thunes.research.gates.verdict import Gate, Terms, Thresholds, Verdict
from thunes.strategies.base import Number, Strategy

LEAST_BLOCKS = 12  # a third of fewer is nothing to look at
RESOLUTION = 10  # resamples that lie beyond p's limit, so that p can be told from it
MOST_DRAWS = 20_000  # what memory allows
DEFAULTS = Thresholds()
Chosen = Strategy | type[Strategy] | str


@dataclass(frozen=True)
class _Candidate:
    """What may be deployed. `forward` is what has to confirm it: the stitched walk-forward, or, for a set that somebody
    asked for, its own later history, which that somebody may have seen."""

    family: Family
    row: int
    own: Sums
    forward: Sums
    stitched: Sums


def judge(
    strategies: Chosen | Sequence[Chosen],
    candles: Candles,
    costs: Costs | None = None,
    *,
    fill: Fill = "next_open",
    chosen: Mapping[str, Number] | None = None,
    limits: Thresholds = DEFAULTS,
    tried: int = 1,
    seed: int = 0,
) -> Verdict:
    """Ask all gates about the whole declared space of one strategy, or about several strategies' spaces as one.

    With `chosen`, exactly that set of the one strategy is judged: it must be eligible and pass G2 and G3 itself.
    `tried` is how many spaces were searched on this stretch of history, this one included: p is held to its limit
    divided by it. Errors: `UsageError` for a space of over a million sets, and those of `sweep`.
    """
    named = [strategies] if isinstance(strategies, str) or not isinstance(strategies, Sequence) else strategies
    classes = [strategy_class(strategy) for strategy in named]
    if not classes or tried < 1 or seed < 0:
        raise UsageError("E-JUDGE", f"{len(classes)} strategies, tried={tried}, seed={seed}: need 1, 1 and 0 at least.")
    if chosen is not None and len(classes) != 1:
        raise UsageError("E-PROMOTE-SET", "one set is judged for one strategy.", "Name a single --strategy.")
    terms = Terms(candles.interval, checked_costs(costs), checked_fill(fill), limits, chosen is not None)
    history, length = _history(candles, limits), block_length(candles)
    if len(candles) // length < LEAST_BLOCKS:
        return Verdict((history, _too_few(len(candles) // length)), None, None, {}, {}, tried, terms)
    draws = min(MOST_DRAWS, max(spa.DRAWS, int(RESOLUTION * tried / limits.p)))
    blocks = len(candles) // length
    at = cuts(blocks, length * interval_ms(candles.interval))
    window = Window(candles, terms.costs, terms.fill, length, at, spa.resamples(blocks, draws, seed=seed))
    families = [family(strategy, window, limits) for strategy in classes]
    tested = {f.strategy.name(): f.t.size for f in families}
    best = max(families, key=lambda f: f.best_t)
    if chosen is None and not best.eligible.any():
        return Verdict((history, _nobody(limits)), None, None, {}, tested, tried, terms)
    candidate = _candidate(families, best, chosen, window)
    gates = (
        history,
        *_eligibility(candidate.own, limits),
        _edge(spa.p_value(best.best_t, [f.maxima for f in families]), limits, tried, sum(tested.values())),
        _recency(candidate.forward, limits),
        _floor(candidate),
    )
    top = best.make(best.best) if best.eligible.any() else None
    return Verdict(
        gates=gates,
        best=top,
        deployed=best.make(candidate.row),
        figures=_figures(candidate),
        tested=tested,
        tried=tried,
        terms=terms,
        walk=tuple(_walk(families, window)),
    )


def _candidate(
    families: Sequence[Family], best: Family, chosen: Mapping[str, Number] | None, window: Window
) -> _Candidate:
    """The peak of the best family's plateau, or the set asked for."""
    stitched = stitch([(f.sums, f.choices) for f in families], window.cuts)
    row = best.peak if chosen is None else best.row_of(chosen)
    own = best.sums.rows(slice(row, row + 1))
    forward = stitched if chosen is None else own.window(int(window.cuts[0]), own.count)
    return _Candidate(best, row, own, forward, stitched)


def _walk(families: Sequence[Family], window: Window) -> Iterator[tuple[int, Strategy | None]]:
    """From which bar on which set was chosen."""
    for cut, leader, row in zip(window.cuts, *leaders([f.choices for f in families]), strict=True):
        yield int(cut) * window.length, None if row == NOBODY else families[leader].make(int(row))


def _history(candles: Candles, limits: Thresholds) -> Gate:
    years = len(candles) / candles.bars_per_year
    enough = years >= limits.years
    means = "enough to tell an edge from luck" if enough else "not enough history: whether there is an edge stays open"
    return Gate("history, years", years, "≥", limits.years, enough, means)


def _too_few(blocks: int) -> Gate:
    means = "not enough history: there is nothing to judge"
    return Gate("history, blocks", blocks, "≥", LEAST_BLOCKS, passed=False, meaning=means)


def _nobody(limits: Thresholds) -> Gate:
    means = "no set trades enough while being neither hardly ever nor almost always in the market"
    return Gate("G0 round trips a year", float("nan"), "≥", limits.round_trips, passed=False, meaning=means)


def _eligibility(own: Sums, limits: Thresholds) -> Iterator[Gate]:
    trips, held = float(round_trips(own)[0]), float(mean_exposure(own)[0])
    enough = trips >= limits.round_trips
    yield Gate("G0 round trips a year", trips, "≥", limits.round_trips, enough, "trades often enough to be judged")
    least, most = limits.exposure
    asked, bound = ("≤", most) if held > most else ("≥", least)
    yield Gate("G0 exposure", held, asked, bound, least <= held <= most, "in the market neither hardly ever nor always")


def _edge(p: float, limits: Thresholds, tried: int, sets: int) -> Gate:
    limit = limits.p / tried
    means = f"how often luck alone does as well as the best eligible of {sets:,} sets"
    if limit * MOST_DRAWS < 1:
        means = "too small a limit to be told from zero: too much was tried on this history"
    return Gate("G1 p of superior timing", p, "≤", limit, p <= limit, means)


def _recency(forward: Sums, limits: Thresholds) -> Gate:
    t = recent_t(forward)
    passed = bool(t > limits.recent_t)
    means = (
        "timing still pays in the last third" if passed else "no timing profit in the last third: dead, or never was"
    )
    return Gate("G2 t of recent timing", t, ">", limits.recent_t, passed, means)


def recent_t(forward: Sums) -> float:
    """t of the hedged profits in the second half of what follows the first cut: the last third of history."""
    last = forward.window(forward.count // 2, forward.count)
    return t_value(hedged(last)[0])


def _floor(candidate: _Candidate) -> Gate:
    least = min(yearly_net(candidate.own), yearly_net(candidate.forward))
    where = "on all history and on its last two thirds"
    means = f"mean net return {'above' if least > 0 else 'not above'} zero {where}"
    return Gate("G3 net return a year", least, ">", 0.0, least > 0, means)


def yearly_net(sums: Sums) -> float:
    """Mean net return a year of the first set, not compounded, as a fraction."""
    return float(sums.net[0].sum() / sums.years)


def sharpe(sums: Sums) -> float:
    """Sharpe ratio of the first set's net returns per block, annualised; NaN without variance."""
    return t_value(sums.net[0]) / float(np.sqrt(sums.years))


def _figures(candidate: _Candidate) -> dict[str, float]:
    best, own, stitched = candidate.family, candidate.own, candidate.stitched
    return {
        "best_t": best.best_t,
        "deployed_t": float(best.t[candidate.row]),
        "peak_t": float(best.t[best.peak]) if best.eligible.any() else float("nan"),
        "sharpe_in_sample": sharpe(own),
        "sharpe_out_of_sample": sharpe(stitched),
        "net_in_sample": yearly_net(own),
        "net_out_of_sample": yearly_net(stitched),
        "exposure": float(mean_exposure(own)[0]),
        "round_trips": float(round_trips(own)[0]),
    }
