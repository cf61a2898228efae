"""A search as one page that needs nothing else: its charts, its best sets, what it rests on. Works offline."""

from __future__ import annotations

from collections.abc import Iterator
from html import escape
from importlib.resources import files
from string import Template
from typing import Any

from thunes.research.report import html
from thunes.research.report.assumptions import period
from thunes.research.report.figures import ratio, typographic
from thunes.research.search.charts import Chart, charts
from thunes.research.search.result import SearchResult
from thunes.research.search.words import facts, set_text

ROWS = 20  # sets of the front in the table


def page(result: SearchResult) -> str:
    """The whole page as text. Errors: `UsageError` where plotly is not installed."""
    candles, plotly = result.task.candles, html.plotly_script()
    drawn = charts(result)
    market = f"{candles.symbol} {candles.interval}"
    own = files(__package__)
    return Template(own.joinpath("page.html").read_text(encoding="utf-8")).substitute(
        title=escape(f"{result.task.strategy.name()} searched on {market}"),
        style=html.own("page.css") + own.joinpath("page.css").read_text(encoding="utf-8"),
        banner=html.banner(candles),
        strategy=escape(result.task.strategy.name()),
        market=escape(market),
        summary=escape(" · ".join((set_text(result), period(candles), candles.source))),
        charts="\n".join(map(_figure, drawn)),
        head="".join(f"<th>{escape(name)}</th>" for name in (*result.space.axes, *result.task.objectives)),
        rows="".join(_rows(result)),
        facts=html.pairs(facts(result)),
        provenance=html.pairs(dict(html.flat(result.provenance))),
        data=html.inert("{" + ",".join(f'"{chart.name}":{chart.figure}' for chart in drawn if chart.figure) + "}"),
        plotly=plotly,
        script=own.joinpath("page.js").read_text(encoding="utf-8"),
    )


def _figure(chart: Chart) -> str:
    place = '<div class="chart"></div>' if chart.figure else ""
    words = f"<figcaption><h2>{escape(chart.title)}</h2><p>{html.text(chart.note)}</p></figcaption>"
    return f'<figure id="{chart.name}">{words}{place}</figure>'


def _rows(result: SearchResult) -> Iterator[str]:
    for row in result.front[:ROWS]:
        values: list[Any] = [f"{value:g}" for value in result.trials.set_of(row).values()]
        values += [typographic(ratio(value)) for value in result.trials.values[row]]
        yield "<tr>" + "".join(f"<td>{escape(value)}</td>" for value in values) + "</tr>"
