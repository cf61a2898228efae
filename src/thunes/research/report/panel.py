"""The report in a terminal: assumptions, one panel of figures, and what vectorbt said. 80 columns."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator
from itertools import zip_longest

import numpy as np
from rich.text import Text

from thunes.model import Float1D
from thunes.research.report.assumptions import assumptions, parameters_text, synthetic_notice
from thunes.research.report.contents import Report, Row, open_position, rows
from thunes.research.report.curves import thinned_to
from thunes.research.report.figures import ACCOUNT, PERFORMANCE, ratio

WIDTH = 80
LABEL, VALUE, GAP = 16, 11, 4  # columns of text: 16 + 11 + 11, a gap, and the same again
BLOCKS = "▁▂▃▄▅▆▇█"

HEAD = Row("", "Strategy", "Buy & hold")
EMPTY = Row("", "", "")


def panel(report: Report) -> Text:
    """What `thunes backtest` prints."""
    return Text("\n").join(_lines(report))


def _lines(report: Report) -> Iterator[Text]:
    result = report.result
    notice = synthetic_notice(result.candles)
    if notice:
        yield Text(f" {notice}".ljust(WIDTH), "bold black on yellow")
    yield Text.assemble((result.strategy.name(), "bold"), "  ", parameters_text(result))
    yield Text()
    for label, text in assumptions(result).items():
        yield from _labelled(label, text)
    yield Text()
    yield from _figures(report)
    yield Text()
    for label, text in _closing(report).items():
        yield from _labelled(label, text)


def _labelled(label: str, text: str) -> Iterator[Text]:
    for k, line in enumerate(textwrap.wrap(text, WIDTH - LABEL)):
        yield Text.assemble(((label if k == 0 else "").ljust(LABEL), "dim"), line)


def _figures(report: Report) -> Iterator[Text]:
    """Two blocks beside each other, each of label, strategy, buy and hold."""
    blocks = ([HEAD, *rows(report, figures)] for figures in (PERFORMANCE, ACCOUNT))
    for left, right in zip_longest(*blocks, fillvalue=EMPTY):
        line = Text.assemble(*_cells(left), " " * GAP, *_cells(right))
        line.rstrip()
        yield line


def _cells(row: Row) -> Iterator[tuple[str, str]]:
    yield ("  " * row.nested + row.label).ljust(LABEL), ""
    yield row.strategy.rjust(VALUE), "dim" if row is HEAD else "bold"
    yield row.hold.rjust(VALUE), "dim"


def _closing(report: Report) -> dict[str, str]:
    stress = "   ".join(f"× {times}  {ratio(sharpe)}" for times, sharpe in report.sharpe_at_costs.items())
    closing = {
        "Sharpe at costs": stress,
        "Equity": sparkline(report.result.simulation.equity, WIDTH - LABEL),
        "Open position": open_position(report.result),
        "Cross-check": report.check.text,
    }
    return {label: text for label, text in closing.items() if text}


def sparkline(curve: Float1D, width: int) -> str:
    """A curve as a line of blocks, lowest to highest."""
    values = thinned_to(curve, width)
    low, high = values.min(), values.max()
    steps = (values - low) / (high - low) if high > low else np.zeros(values.size)
    return "".join(BLOCKS[round(step * (len(BLOCKS) - 1))] for step in steps)
