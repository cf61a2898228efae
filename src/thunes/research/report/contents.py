"""Everything that a report of one backtest says, computed once for terminal, files and page."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from thunes.clock import iso
from thunes.kernels import simulation
from thunes.model import Costs
from thunes.research.backtest import BacktestResult, stats_of
from thunes.research.provenance import finite
from thunes.research.report.assumptions import assumptions, synthetic_notice
from thunes.research.report.confidence import LEVEL, METHOD, Interval, sharpe_interval
from thunes.research.report.crosscheck import UNCHECKED, Check
from thunes.research.report.figures import FIGURES, Figure, bounds, change, count, days

STRESS = (0, 1, 2, 3)  # times the costs


class Row(NamedTuple):
    """One line of figures as text; `nested` says more about the line before."""

    label: str
    strategy: str
    hold: str
    nested: bool = False


@dataclass(frozen=True)
class Report:
    """A result, what vectorbt said of it, and what surrounds its figures.

    `sharpe_interval` and `hold_interval` are 95 % confidence intervals; `sharpe_at_costs` is the Sharpe ratio by how
    many times the costs were paid, NaN where undefined.
    """

    result: BacktestResult
    check: Check
    sharpe_interval: Interval
    hold_interval: Interval
    sharpe_at_costs: Mapping[int, float]

    def to_dict(self) -> dict[str, Any]:
        """Figures, assumptions and provenance as plain values; undefined figures are None."""
        intervals = {"strategy": self.sharpe_interval, "buy_and_hold": self.hold_interval}
        return {
            **self.result.to_dict(),
            "sharpe_interval": {
                "level": LEVEL,
                "method": METHOD,
                **{name: [finite(bound) for bound in interval] for name, interval in intervals.items()},
            },
            "sharpe_at_costs": {str(times): finite(sharpe) for times, sharpe in self.sharpe_at_costs.items()},
            "vectorbt": {"agreed": self.check.agreed, "text": self.check.text},
            "notice": synthetic_notice(self.result.candles),
            "assumptions": assumptions(self.result),
        }


def report(result: BacktestResult, check: Check = UNCHECKED) -> Report:
    """The report of a result."""
    return Report(
        result=result,
        check=check,
        sharpe_interval=sharpe_interval(result.simulation.equity, result.candles),
        hold_interval=sharpe_interval(result.held.equity, result.candles),
        sharpe_at_costs={n: sharpe_at(result, result.costs.times(n)) for n in STRESS if payable(result.costs, n)},
    )


def rows(report: Report, figures: tuple[Figure, ...] = FIGURES) -> Iterator[Row]:
    """These figures of the strategy, and of buy and hold beside them."""
    stats, hold = report.result.stats, report.result.hold
    for figure in figures:
        yield Row(figure.label, figure.show(stats[figure.metric]), figure.show(hold[figure.metric]))
        if figure.metric == "sharpe":
            yield Row("95 % interval", bounds(*report.sharpe_interval), bounds(*report.hold_interval), nested=True)
        if figure.metric == "max_drawdown_duration":
            lasted, held = (days(s[figure.metric], report.result.candles) for s in (stats, hold))
            yield Row("in days", count(lasted), count(held), nested=True)


def open_position(result: BacktestResult) -> str:
    """The position still open at the end, which no trade figure counts; empty where there is none."""
    if not result.simulation.trades.size:
        return ""
    entry_bar, _, size, entry, _, _, pnl, _, closed = result.simulation.trades[-1]
    if closed:
        return ""
    since = iso(int(result.candles.open_time[int(entry_bar)]))
    return f"since {since} UTC, {change(pnl / (size * entry))} so far; in no trade figure"


def payable(costs: Costs, times: float) -> bool:
    """Whether costs can be so many times as high: a fee of all that is traded cannot."""
    return max(costs.fee, costs.slippage) * times < 1


def sharpe_at(result: BacktestResult, costs: Costs) -> float:
    """The Sharpe ratio of the same decisions at other costs."""
    simulated = simulation.run(result.candles, result.exposure, costs, result.stops, result.fill)
    return stats_of(simulated, result.candles)["sharpe"]
