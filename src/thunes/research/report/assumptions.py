"""What the figures rest on, as labelled lines: the same in the terminal, in the files and on the page."""

from __future__ import annotations

import math

from thunes.clock import iso
from thunes.kernels.simulation import START_CASH
from thunes.model import DAY_MS, YEAR_MS, Candles, Costs, Fill, Stops
from thunes.research.backtest import BacktestResult
from thunes.research.report.figures import count, rate

FILLS: dict[Fill, str] = {
    "next_open": "decided at a bar's close, filled at the next bar's open",
    "next_close": "decided at a bar's close, filled at the next bar's close",
}
INTERVAL = "of the Sharpe ratio: 95 %, after Lo (2002), clustered by UTC day"
STOPS = {"stop_loss": "stop-loss", "take_profit": "take-profit", "trailing": "trailing stop"}


def assumptions(result: BacktestResult) -> dict[str, str]:
    """Label to text, in reading order."""
    candles = result.candles
    return {
        "Candles": f"{candles.symbol} {candles.interval}, {len(candles):,} bars",
        "Period": period(candles),
        "Source": candles.source,
        "Fills": FILLS[result.fill],
        "Costs": costs_text(result.costs),
        "Stops": stops_text(result.stops),
        "Calendar": f"365 days a year; start {count(START_CASH)}, risk-free rate 0",
        "Interval": INTERVAL,
    }


def synthetic_notice(candles: Candles) -> str:
    """What a reader of figures on made-up candles must be told; empty for real ones."""
    if not candles.is_synthetic:
        return ""
    return f"SYNTHETIC MARKET: made-up candles. No figure here says anything about {candles.symbol}."


def period(candles: Candles) -> str:
    """From the first candle's opening to the last one's close."""
    start, end = int(candles.open_time[0]), candles.end_time
    return f"{iso(start)} to {iso(end)} UTC, {duration_text(end - start)}"


def costs_text(costs: Costs) -> str:
    """Fee and slippage of a fill."""
    return f"fee {rate(costs.fee)} and slippage {rate(costs.slippage)} on every fill"


def stops_text(stops: Stops) -> str:
    """The stops in force; a stop of the default mode works inside the bar."""
    levels = {text: getattr(stops, name) for name, text in STOPS.items()}
    named = [f"{text} {rate(level)}" for text, level in levels.items() if not math.isnan(level)]
    return ", ".join(named) or "none"


def parameters_text(result: BacktestResult, separator: str = "  ") -> str:
    """The strategy's parameters: fast=20  slow=50."""
    return separator.join(f"{name}={value:g}" for name, value in result.strategy.values.items())


def duration_text(milliseconds: int) -> str:
    """A span in days, or in years where there are many."""
    spent = milliseconds / DAY_MS
    if spent < 2:
        return f"{24 * spent:.3g} hours"
    return f"{spent:,.0f} days" if milliseconds < 2 * YEAR_MS else f"{milliseconds / YEAR_MS:.1f} years"
