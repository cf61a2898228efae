"""What the gates say, as sections and charts of a report's page."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from html import escape
from typing import Any

import numpy as np

from thunes.clock import iso
from thunes.kernels import simulation
from thunes.model import Float1D
from thunes.research.evidence.shown import Shown
from thunes.research.gates.panel import headline, notes, number
from thunes.research.promotion import Promotion, Walked
from thunes.research.report.charts import Fixed
from thunes.research.report.figures import FIGURES, change, ratio
from thunes.research.report.html import text
from thunes.research.report.page import Added
from thunes.strategies.base import Parameter, Strategy

MOST_POINTS = 600  # of a line


def judgement(found: Promotion, shown: Sequence[Shown], more: Iterable[str] = ()) -> Added:
    """Sections on gates, walk-forward and what is no gate; charts of the walk-forward and of what it chose."""
    deployed, walked = found.verdict.deployed, found.walked
    assert deployed is not None, "nothing was deployed"
    assert walked is not None, "nothing was deployed"
    sections = (_gates(found, more), _walk_forward(found, walked), _not_gates(shown))
    return Added("\n".join(sections), (_equity(walked, found), *_choices(found, deployed)))


def stability(found: Promotion) -> str:
    """How often the walk-forward changed its mind, in a sentence."""
    chosen = [choice for _, choice in found.verdict.walk if choice is not None]
    if not chosen:
        return "No set was eligible at any choice."
    favourite, times = Counter(chosen).most_common(1)[0]
    return f"{len(chosen)} choices, {len(set(chosen))} different sets; most often ({times} times) {favourite!r}."


def _gates(found: Promotion, more: Iterable[str]) -> str:
    verdict, candles = found.verdict, found.candles
    rows = (
        _row(
            gate.gate,
            number(gate.value),
            f"{gate.asked} {number(gate.threshold)}",
            f'<span class="{"pass" if gate.passed else "fail"}">{"pass" if gate.passed else "FAIL"}</span>',
            gate.meaning,
            marked=3,
        )
        for gate in verdict.gates
    )
    said = [*notes(verdict, len(candles) / candles.bars_per_year), *more]
    return _section(
        f"More than luck? {headline(verdict, candles)}", ("gate", "value", "asked", "", "meaning"), rows, said
    )


def _walk_forward(found: Promotion, walked: Walked) -> str:
    rows = (
        _row(figure.label, figure.show(found.in_sample[figure.metric]), figure.show(found.out_of_sample[figure.metric]))
        for figure in FIGURES
    )
    begin = iso(int(walked.candles.open_time[0]))[:10]
    said = (
        "In sample: the deployed set on all candles, which it was chosen on.",
        f"Out of sample: from {begin} on, every 30 days the set that was best until then. {stability(found)}",
    )
    return _section("In sample and out of sample", ("", "in sample", "out of sample"), rows, said)


def _not_gates(shown: Sequence[Shown]) -> str:
    rows = (_row(one.name, one.text, one.meaning, one.why_no_gate) for one in shown)
    said = ("Customary figures that gate nothing here; the last column says why.",)
    return _section("Not a gate", ("", "value", "meaning", "why it is no gate"), rows, said)


def _section(title: str, heads: Sequence[str], rows: Iterable[str], said: Iterable[str]) -> str:
    head = "".join(f"<th>{escape(label)}</th>" for label in heads)
    words = "".join(f"<p>{text(sentence)}</p>" for sentence in said)
    table = f'<div class="wide"><table><thead><tr>{head}</tr></thead><tbody>{"".join(rows)}</tbody></table></div>'
    return f'<section class="judged"><h2>{text(title)}</h2>{words}{table}</section>'


def _row(*cells: str, marked: int = -1) -> str:
    """A row whose cells are text; the one at `marked` is HTML."""
    texts = (cell if place == marked else text(cell) for place, cell in enumerate(cells))
    classes = (' class="words"' if len(cell) > 24 and place != marked else "" for place, cell in enumerate(cells))
    return f"<tr>{''.join(f'<td{style}>{shown}</td>' for style, shown in zip(classes, texts, strict=True))}</tr>"


def _equity(walked: Walked, found: Promotion) -> Fixed:
    candles, stats = walked.candles, found.out_of_sample
    held = simulation.run(candles, np.ones(len(candles)), found.costs, fill=found.fill).equity
    every = max(1, len(candles) // MOST_POINTS)
    dates = [iso(int(time)) for time in candles.open_time[::every]]
    lines = [
        _line(dates, held[::every], "Buy and hold", "--quiet"),
        _line(dates, walked.simulation.equity[::every], "Walk-forward", "--accent"),
    ]
    title = f"Out of sample: {change(stats['total_return'])}, Sharpe {ratio(stats['sharpe'])}"
    return Fixed(
        "walked", title, "The stitched walk-forward after costs (coloured), and buy and hold.", _over_dates(lines)
    )


def _choices(found: Promotion, deployed: Strategy) -> tuple[Fixed, ...]:
    """What the first parameter was at each choice, over its whole range; nothing where there is no parameter."""
    parameters = list(deployed.parameters().values())[:1]
    return tuple(_choice(found, deployed, parameter) for parameter in parameters)


def _choice(found: Promotion, deployed: Strategy, parameter: Parameter) -> Fixed:
    name, walked = parameter.name, found.verdict.walk
    line = {
        "type": "scatter",
        "mode": "lines+markers",
        "x": [iso(int(found.candles.open_time[bar])) for bar, _ in walked],
        "y": [None if chosen is None else chosen.values.get(name) for _, chosen in walked],
        "line": {"shape": "hv", "color": "--accent", "width": 1.5},
        "hovertemplate": "%{x|%Y-%m-%d}: %{y:g}<extra></extra>",
    }
    title = f"What the walk-forward chose: {name}"
    note = f"Every 30 days, over its whole range; deployed would be {deployed.values[name]:g}."
    return Fixed(f"chosen-{name}", title, note, _over_dates([line], range=[parameter.first, parameter.last]))


def _line(dates: list[str], values: Float1D, name: str, color: str) -> dict[str, Any]:
    hover = "%{x|%Y-%m-%d}: %{y:,.0f}<extra>" + name + "</extra>"
    drawn = {"x": dates, "y": values.tolist(), "line": {"color": color, "width": 1.5}}
    return {"type": "scatter", "mode": "lines", "hovertemplate": hover, **drawn}


def _over_dates(lines: list[dict[str, Any]], **vertical: Any) -> dict[str, Any]:
    margin = {"l": 56, "r": 8, "t": 8, "b": 40}
    axes = {"xaxis": {"type": "date"}, "yaxis": {"nticks": 6, "tickformat": ",", **vertical}}
    return {"data": lines, "layout": {"margin": margin, **axes}}
