"""The report as one page that needs nothing else: charts, figures, assumptions, provenance. Works offline."""

from __future__ import annotations

import base64
from dataclasses import asdict, dataclass
from html import escape
from string import Template
from typing import Any

import numpy as np
import orjson

from thunes.model import DAY_MS, Candles, interval_ms
from thunes.research.report.assumptions import assumptions, parameters_text, period
from thunes.research.report.charts import Fixed, OverTime, fixed, over_time
from thunes.research.report.contents import Report, Row, open_position, rows
from thunes.research.report.curves import Curves, curves, positions
from thunes.research.report.figures import bounds, change, count, days, money, ratio, share
from thunes.research.report.html import banner, flat, inert, own, pairs, plotly_script, text

SPANS = {"1 month": 30, "3 months": 91, "1 year": 365}  # days; what the buttons show
HINT = "Or drag across a chart to look closer, and double-click to go back."


@dataclass(frozen=True)
class Added:
    """What a page says beyond the backtest: sections (HTML) above its charts, charts before the others."""

    sections: str = ""
    charts: tuple[Fixed, ...] = ()


def page(report: Report, added: Added = Added()) -> str:
    """The whole page as text. Errors: `UsageError` where plotly is not installed."""
    result = report.result
    shown = curves(result)
    over, other = over_time(report, shown), (*added.charts, *fixed(report))
    candles = result.candles
    market = f"{candles.symbol} {candles.interval}"
    return Template(own("page.html")).substitute(
        title=escape(f"{result.strategy.name()} on {market}"),
        style=own("page.css"),
        banner=banner(candles),
        strategy=escape(result.strategy.name()),
        market=escape(market),
        summary=escape(" · ".join(filter(None, (parameters_text(result, ", "), period(candles), candles.source)))),
        tiles=_tiles(report),
        added=added.sections,
        charts=_figures(over, other, candles),
        figures=_table(report),
        assumptions=pairs(
            {**assumptions(result), "Open position": open_position(result), "Cross-check": report.check.text}
        ),
        provenance=pairs(dict(flat(result.provenance))),
        data=inert(orjson.dumps(_data(report, shown, over, other)).decode()),
        plotly=plotly_script(),
        script=own("page.js"),
    )


def _data(report: Report, shown: Curves, over: tuple[OverTime, ...], other: tuple[Fixed, ...]) -> dict[str, Any]:
    """What the script draws from: columns as base64 of float32, times as int32 seconds from the first bar."""
    columns = asdict(shown)
    merged, start = columns.pop("merged"), int(shown.open_time[0])
    del columns["window"]
    times = columns.pop("open_time")
    return {
        "start": start,
        "step": merged * interval_ms(report.result.candles.interval),
        "columns": {"time": _seconds(times, start), **{name: _floats(values) for name, values in columns.items()}},
        "trades": {
            name: (_seconds(values, start) if name.endswith("time") else _floats(values))
            for name, values in positions(report.result).items()
        },
        "overTime": [asdict(chart) for chart in over if chart.lines],
        "fixed": [{"name": chart.name, **chart.figure} for chart in other if chart.figure],
    }


def _seconds(times: Any, start: int) -> str:
    return base64.b64encode(((times - start) // 1000).astype("<i4").tobytes()).decode()


def _floats(values: Any) -> str:
    return base64.b64encode(np.asarray(values, dtype="<f4").tobytes()).decode()


def _tiles(report: Report) -> str:
    stats, hold = report.result.stats, report.result.hold
    lasted = days(stats["max_drawdown_duration"], report.result.candles)
    tiles = (
        ("Total return", change(stats["total_return"]), f"buy & hold {change(hold['total_return'])}"),
        ("CAGR", change(stats["annual_return"]), f"buy & hold {change(hold['annual_return'])}"),
        ("Sharpe", ratio(stats["sharpe"]), f"95 %: {bounds(*report.sharpe_interval)}"),
        ("Max drawdown", share(stats["max_drawdown"]), f"longest {count(lasted)} days"),
        ("Trades", count(stats["trades"]), f"won {share(stats['win_rate'])}"),
        ("Profit factor", ratio(stats["profit_factor"]), f"fees {money(stats['fees'])}"),
    )
    return "".join(_tile(*tile) for tile in tiles)


def _tile(label: str, value: str, beside: str) -> str:
    return f"<div><dt>{label}</dt><dd><strong>{text(value)}</strong><small>{text(beside)}</small></dd></div>"


def _figures(over: tuple[OverTime, ...], other: tuple[Fixed, ...], candles: Candles) -> str:
    """Charts over time one below the other, the others in pairs."""
    wide = [_figure(chart, _legend(chart) + _spans(chart, candles), bool(chart.lines)) for chart in over]
    paired = [_figure(chart, "", chart.figure is not None, f' style="height: {chart.height}px"') for chart in other]
    return "\n".join([*wide, '<div class="pair">', *paired, "</div>"])


def _figure(chart: OverTime | Fixed, controls: str, drawn: bool, style: str = "") -> str:
    title, place = text(chart.title), f'<div class="chart"{style}></div>' if drawn else ""
    words = f"<figcaption><h2>{title}</h2>{controls}<p>{text(chart.note)}</p></figcaption>"
    return f'<figure id="{chart.name}">{words}{place}</figure>'


def _legend(chart: OverTime) -> str:
    if len(chart.lines) < 2:
        return ""
    named = (f'<span><i style="--line: var({line["color"]})"></i>{line["label"]}</span>' for line in chart.lines)
    return f'<span class="legend">{"".join(named)}</span>'


def _spans(chart: OverTime, candles: Candles) -> str:
    """Buttons for shorter views, beside the first chart's title."""
    length = (candles.end_time - int(candles.open_time[0])) / DAY_MS
    fitting = {name: span for name, span in SPANS.items() if span < length}
    if chart.name != "price" or not fitting:
        return ""
    buttons = (f'<button data-days="{span}">{name}</button>' for name, span in {**fitting, "all": 0}.items())
    return f'<span class="spans" title="{HINT}">{"".join(buttons)}</span>'


def _table(report: Report) -> str:
    stressed = (Row(f"Sharpe at {n} × costs", ratio(sharpe), "") for n, sharpe in report.sharpe_at_costs.items())
    return "".join(_row(row) for row in (*rows(report), *stressed))


def _row(row: Row) -> str:
    label = f'<td class="nested">{row.label}</td>' if row.nested else f"<td>{row.label}</td>"
    return f"<tr>{label}<td>{text(row.strategy)}</td><td>{text(row.hold)}</td></tr>"
