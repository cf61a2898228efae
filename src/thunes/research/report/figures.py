"""The figures of a report: their order, their labels, and how a number is written for people."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps

from thunes.model import DAY_MS, Candles, interval_ms

UNDEFINED = "–"

Show = Callable[[float], str]


def defined(show: Show) -> Show:
    """The same way to write a number, with a dash for one that is undefined."""

    @wraps(show)
    def shown(value: float) -> str:
        return show(value) if math.isfinite(value) else UNDEFINED

    return shown


@defined
def change(value: float) -> str:
    """A fraction as a signed percentage: +12.3 %."""
    return f"{_rounded(100 * value, 1):+,.1f} %" if abs(value) < 100 else f"{100 * value:+,.3g} %"


@defined
def share(value: float) -> str:
    """A fraction as a percentage: 12.3 %."""
    return f"{_rounded(100 * value, 1):,.1f} %" if abs(value) < 100 else f"{100 * value:,.3g} %"


@defined
def percent(value: float) -> str:
    """A fraction as a bare percentage, where there is no room for the sign: 12.3."""
    return f"{_rounded(100 * value, 1):,.1f}" if abs(value) < 10 else f"{100 * value:,.0f}"


@defined
def rate(value: float) -> str:
    """A small fraction as a percentage, to its last digit: 0.075 %."""
    return f"{100 * value:.6g} %"


@defined
def ratio(value: float) -> str:
    """A number to two digits: 1.23."""
    return f"{_rounded(value, 2):,.2f}" if abs(value) < 10_000 else f"{value:.4g}"


@defined
def money(value: float) -> str:
    """Quote currency with thousands separators; cents where they matter."""
    if abs(value) < 100_000:
        return f"{_rounded(value, 2):,.2f}"
    return f"{value:,.0f}" if abs(value) < 1e8 else f"{value:.4g}"


@defined
def count(value: float) -> str:
    """A whole number with thousands separators."""
    return f"{_rounded(value, 0):,.0f}"


@defined
def times(value: float) -> str:
    """How many times: 12.3 ×."""
    return f"{_rounded(value, 1):,.1f} ×" if abs(value) < 1e5 else f"{value:.3g} ×"


def typographic(text: str) -> str:
    """A hyphen that starts a number as the minus it means."""
    return re.sub(r"(?<![\w-])-(?=\d)", "−", text)


def bounds(low: float, high: float) -> str:
    """A confidence interval; a dash where it is undefined."""
    if not math.isfinite(low + high):
        return UNDEFINED
    digits = 2 if max(-low, high) < 10 else 1 if max(-low, high) < 100 else 0
    return f"{_rounded(low, digits):.{digits}f}…{_rounded(high, digits):.{digits}f}"


def _rounded(value: float, digits: int) -> float:
    """Rounded, and never a negative zero."""
    return round(value, digits) + 0.0


def days(bars: float, candles: Candles) -> float:
    """How many days so many bars last."""
    return bars * interval_ms(candles.interval) / DAY_MS


@dataclass(frozen=True)
class Figure:
    """One of the sixteen metrics as people read it."""

    metric: str
    label: str
    show: Show


PERFORMANCE = (
    Figure("total_return", "Total return", change),
    Figure("annual_return", "CAGR", change),
    Figure("volatility", "Volatility", share),
    Figure("sharpe", "Sharpe", ratio),
    Figure("sortino", "Sortino", ratio),
    Figure("calmar", "Calmar", ratio),
    Figure("max_drawdown", "Max drawdown", share),
    Figure("max_drawdown_duration", "Longest, bars", count),
)
ACCOUNT = (
    Figure("final_equity", "Final equity", money),
    Figure("exposure", "Exposure", share),
    Figure("turnover", "Turnover / year", times),
    Figure("fees", "Fees", money),
    Figure("trades", "Trades", count),
    Figure("win_rate", "Win rate", share),
    Figure("profit_factor", "Profit factor", ratio),
    Figure("expectancy", "Expectancy", money),
)
FIGURES = PERFORMANCE + ACCOUNT
