"""What the page draws: each chart with a title that says what one sees."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from thunes.kernels.simulation import START_CASH, TRADE
from thunes.model import DAY_MS, Float1D, interval_ms
from thunes.research.provenance import finite
from thunes.research.report.assumptions import duration_text
from thunes.research.report.contents import Report
from thunes.research.report.curves import Curves
from thunes.research.report.figures import Show, change, count, days, percent, ratio, share, typographic
from thunes.research.report.grids import cost_grid, monthly_returns, neighbourhood

CLOSED = TRADE.index("closed")
SHORTEST_WINDOW = 7 * DAY_MS  # of a rolling Sharpe that means anything
HEIGHT = 340  # pixels
Figure = dict[str, Any]


@dataclass(frozen=True)
class OverTime:
    """Lines over time, drawn from the page's columns and zoomed together; without lines only the note, which says why.

    A line names its column, label and colour, `hover` another label for its values, `where` a column that says at which
    bars it is drawn.
    """

    name: str
    title: str
    note: str
    lines: tuple[Mapping[str, Any], ...] = ()
    options: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Fixed:
    """A plotly figure whose colours are names of the page's (`--accent`), or none, and the note says why."""

    name: str
    title: str
    note: str
    figure: Figure | None = None
    height: int = HEIGHT


def over_time(report: Report, curves: Curves) -> tuple[OverTime, ...]:
    """The charts over time in reading order."""
    return _price(report, curves), _equity(report), _drawdown(report), _rolling(report, curves)


def fixed(report: Report) -> tuple[Fixed, ...]:
    """The other charts in reading order."""
    return _months(report), _trades(report), _costs(report), _neighbours(report)


def _price(report: Report, curves: Curves) -> OverTime:
    result = report.result
    positions, invested = len(result.simulation.trades), share(result.stats["exposure"])
    merged = f"{curves.merged} bars are drawn as one. " if curves.merged > 1 else ""
    return OverTime(
        "price",
        f"Price of {result.candles.symbol}: {_counted(positions, 'position')}, invested {invested} of the time",
        f"▲ entry, ▼ exit, where there is room for them. {merged}UTC.",
        (
            {"column": "close", "label": "Flat", "color": "--quiet", "hover": "Close"},
            {"column": "close", "label": "Invested", "color": "--accent", "where": "invested"},
        ),
        {"log": True, "candles": True, "ticks": ",", "values": ",.6~r"},
    )


def _equity(report: Report) -> OverTime:
    end, held = (count(stats["final_equity"]) for stats in (report.result.stats, report.result.hold))
    title = f"{count(START_CASH)} became {end}; buy and hold made it {held}"
    options = {"log": True, "ticks": ",", "values": ",.0f"}
    return OverTime("equity", title, "Equity after costs, at each bar's close.", _pair("equity", "hold"), options)


def _drawdown(report: Report) -> OverTime:
    stats = report.result.stats
    lasted = days(stats["max_drawdown_duration"], report.result.candles)
    title = f"Drawdown: {share(stats['max_drawdown'])} at the deepest, {count(lasted)} days at the longest"
    lines = _pair("drawdown", "hold_drawdown", fill=True)
    return OverTime("drawdown", title, "Equity below its former peak.", lines, {"ticks": ".0%", "values": ".1%"})


def _rolling(report: Report, curves: Curves) -> OverTime:
    known = curves.rolling_sharpe[np.isfinite(curves.rolling_sharpe)]
    length = curves.window * interval_ms(report.result.candles.interval)
    if length < SHORTEST_WINDOW or not known.size:
        why = "Needs four weeks of candles." if length < SHORTEST_WINDOW else "Nothing was traded for long enough."
        return OverTime("rolling", "Rolling Sharpe", why)
    below = share(float((known < 0).mean()))
    return OverTime(
        "rolling",
        f"Sharpe over the last {duration_text(length)}: below zero {below} of the time",
        "Annualised, of bar returns.",
        ({"column": "rolling_sharpe", "label": "Rolling Sharpe", "color": "--accent"},),
        {"zero": True, "values": ".2f"},
    )


def _months(report: Report) -> Fixed:
    grid = monthly_returns(report.result.simulation.equity, report.result.candles.open_time)
    won, known = int((grid.values > 0).sum()), int(np.isfinite(grid.values).sum())
    figure = _heatmap(grid.years, grid.months, grid.values, percent, unit=0.01)
    figure["layout"]["yaxis"]["autorange"] = "reversed"
    figure["layout"]["xaxis"]["tickangle"] = 0
    title = f"{won} of {_counted(known, 'month')} gained"
    return Fixed("months", title, "In percent; under each year its own.", figure, 72 + 24 * len(grid.months))


def _trades(report: Report) -> Fixed:
    trades = report.result.simulation.trades
    _, _, size, entry, _, _, pnl, _, _ = trades[trades[:, CLOSED] == 1.0].T
    returns = pnl / (size * entry)
    if not returns.size:
        return Fixed("trades", "Trades", "No position was closed.")
    won = f"{count((returns > 0).sum())} of {_counted(returns.size, 'trade')} won"
    title = f"{won}; the median made {change(float(np.median(returns)))}"
    return Fixed("trades", title, "After costs. The outermost bars hold what lies beyond.", _histogram(returns))


def _costs(report: Report) -> Fixed:
    grid = cost_grid(report.result)
    figure = _heatmap(grid.slippages, grid.fees, grid.sharpe, ratio, unit=0.1)
    _name_axes(figure, "slippage", "fee", grid.chosen)
    free, assumed = report.sharpe_at_costs[0], report.result.stats["sharpe"]
    title = f"Sharpe without costs {ratio(free)}, as assumed {ratio(assumed)}"
    return Fixed("costs", title, "The frame marks what this report assumes.", figure)


def _neighbours(report: Report) -> Fixed:
    grid = neighbourhood(report.result)
    if isinstance(grid, str):
        return Fixed("neighbours", "Neighbouring parameters", grid)
    figure = _heatmap(grid.columns, grid.rows, grid.sharpe, ratio, unit=0.1)
    del figure["data"][0]["texttemplate"]  # too many cells to write in
    _name_axes(figure, grid.names[1], grid.names[0], grid.chosen)
    title = f"Neighbours: {count(grid.better)} of {_counted(grid.sets, 'set')} have a higher Sharpe"
    note = "The frame marks this report's set. A plateau is worth more than a peak."
    return Fixed("neighbours", title, note, figure)


def _counted(number: int, what: str) -> str:
    return f"{count(number)} {what}{'' if number == 1 else 's'}"


def _pair(strategy: str, hold: str, **more: Any) -> tuple[Mapping[str, Any], ...]:
    return (
        {"column": hold, "label": "Buy and hold", "color": "--quiet"},
        {"column": strategy, "label": "Strategy", "color": "--accent", **more},
    )


def _histogram(returns: Float1D) -> Figure:
    edges = bin_edges(returns)
    counts, _ = np.histogram(np.clip(returns, edges[0], edges[-1]), edges)
    middles = (edges[1:] + edges[:-1]) / 2
    bars = {
        "type": "bar",
        "x": middles.tolist(),
        "y": counts.tolist(),
        "width": float(edges[1] - edges[0]) * 0.9,
        "marker": {"color": ["--accent" if middle > 0 else "--loss" for middle in middles]},
        "hovertemplate": "%{y} around %{x:.1%}<extra></extra>",
    }
    return _figure(bars, {"xaxis": {"tickformat": ".1~%"}, "yaxis": {"automargin": True}})


def bin_edges(returns: Float1D, most: int = 40) -> Float1D:
    """Edges of equal, round bins, one of them 0, over all but the outermost half percent on each side."""
    low, high = min(float(np.quantile(returns, 0.005)), 0.0), max(float(np.quantile(returns, 0.995)), 0.0)
    width = _round_up(max((high - low) / most, 1e-6))
    first, last = np.floor(low / width), max(np.ceil(high / width), 1.0)
    return np.asarray(np.arange(first, last + 1) * width)


def _round_up(value: float) -> float:
    """The next of 1, 2, 5, 10 … times a power of ten."""
    power = 10.0 ** np.floor(np.log10(value))
    return float(power * min(step for step in (1, 2, 5, 10) if step * power >= value * (1 - 1e-9)))


def _heatmap(x: list[str], y: list[str], z: Float1D, show: Show, unit: float) -> Figure:
    """A heat map over named columns and rows, full colour at `unit` or above, paler towards zero."""
    known = np.abs(z[np.isfinite(z)])
    limit = max(float(np.quantile(known, 0.95)) if known.size else 0.0, unit)
    cells = {
        "type": "heatmap",
        "x": list(range(len(x))),
        "y": list(range(len(y))),
        "z": [[finite(value) for value in row] for row in z.tolist()],
        "text": [[typographic(show(value)) if np.isfinite(value) else "" for value in row] for row in z.tolist()],
        "customdata": [[f"{column.partition('<br>')[0]}, {row}" for column in x] for row in y],
        "zmin": -limit,
        "zmax": limit,
        "colorscale": [[0.0, "--less"], [0.5, "--surface"], [1.0, "--more"]],
        "showscale": False,
        "xgap": 1,
        "ygap": 1,
        "hoverongaps": False,
        "texttemplate": "%{text}",
        "textfont": {"color": "--ink"},
        "hovertemplate": "%{customdata}: %{text}<extra></extra>",
    }
    return _figure(cells, {"xaxis": _labelled(x), "yaxis": _labelled(y)})


def _figure(trace: Mapping[str, Any], axes: Mapping[str, Any]) -> Figure:
    return {"data": [trace], "layout": {"margin": {"l": 16, "r": 8, "t": 8, "b": 40}, **axes}}


def _labelled(labels: list[str], most: int = 12) -> dict[str, Any]:
    """An axis with a label per row or column, only every so manieth where there are many."""
    every = -(-len(labels) // most)
    places = list(range(0, len(labels), every))
    texts = [typographic(labels[place]) for place in places]
    return {"tickvals": places, "ticktext": texts, "showgrid": False, "automargin": True}


def _name_axes(figure: Figure, x: str, y: str, chosen: tuple[int, int]) -> None:
    """Name both axes, and frame the cell that is chosen: (row, column)."""
    row, column = chosen
    edges = {"x0": column - 0.5, "x1": column + 0.5, "y0": row - 0.5, "y1": row + 0.5}
    figure["layout"]["shapes"] = [{"type": "rect", **edges, "line": {"color": "--ink", "width": 2}}]
    for axis, name in (("xaxis", x), ("yaxis", y)):
        figure["layout"][axis]["title"] = {"text": name, "standoff": 12}
