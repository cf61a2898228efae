"""Curves over the bars, thinned to what a page can hold and a screen can show."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from thunes.model import DAY_MS, Float1D, Int1D, interval_ms
from thunes.research.backtest import BacktestResult

MOST_BARS = 20_000  # on a page; more are merged, as a higher interval would
LONGEST_WINDOW = 90  # days of the rolling Sharpe


@dataclass(frozen=True)
class Curves:
    """Aligned columns of shape (m,): `merged` consecutive bars each, named by the open time (epoch ms) of their first.

    Drawdowns are the deepest of the merged bars, the others what a merged candle has or their last value. `invested` is
    1 where a position is held at the close. `rolling_sharpe` looks back over `window` bars; NaN before that and where
    nothing moved.
    """

    merged: int
    window: int
    open_time: Int1D
    open: Float1D
    high: Float1D
    low: Float1D
    close: Float1D
    equity: Float1D
    hold: Float1D
    drawdown: Float1D
    hold_drawdown: Float1D
    rolling_sharpe: Float1D
    invested: Float1D


def curves(result: BacktestResult, most: int = MOST_BARS) -> Curves:
    """The curves of a result, merged until there are at most `most` points."""
    candles = result.candles
    merged = -(-len(candles) // most)
    starts = np.arange(0, len(candles), merged)
    ends = np.append(starts[1:], len(candles)) - 1
    equity, hold = result.simulation.equity, result.held.equity
    window = window_bars(len(candles), candles.interval)
    return Curves(
        merged=merged,
        window=window,
        open_time=candles.open_time[starts],
        open=candles.open[starts],
        high=np.maximum.reduceat(candles.high, starts),
        low=np.minimum.reduceat(candles.low, starts),
        close=candles.close[ends],
        equity=equity[ends],
        hold=hold[ends],
        drawdown=np.minimum.reduceat(drawdown(equity), starts),
        hold_drawdown=np.minimum.reduceat(drawdown(hold), starts),
        rolling_sharpe=rolling_sharpe(equity, window, candles.bars_per_year)[ends],
        invested=(result.simulation.exposed > 0)[ends].astype(np.float64),
    )


def drawdown(equity: Float1D) -> Float1D:
    """Equity over its former peak, minus 1."""
    return np.asarray(equity / np.maximum.accumulate(equity) - 1.0)


def window_bars(bars: int, interval: str) -> int:
    """Bars of the rolling Sharpe: 90 days, or a quarter of what there is."""
    return max(2, min(LONGEST_WINDOW * DAY_MS // interval_ms(interval), bars // 4))


def rolling_sharpe(equity: Float1D, window: int, bars_per_year: float) -> Float1D:
    """Annualised Sharpe ratio of the last `window` bar returns, shape (n,); NaN before, and where nothing moved."""
    out = np.full(equity.size, np.nan)
    returns = equity[1:] / equity[:-1] - 1.0
    if returns.size < window:
        return out
    views = [np.append(0.0, np.cumsum(column)) for column in (returns, returns**2, returns != 0)]
    total, squares, moves = (sums[window:] - sums[:-window] for sums in views)
    variance = (squares - total**2 / window) / (window - 1)
    moved = (moves > 0) & (variance > 0)
    ratio = np.full(total.size, np.nan)
    ratio[moved] = total[moved] / window / np.sqrt(variance[moved]) * np.sqrt(bars_per_year)
    out[window:] = ratio
    return out


def thinned_to(curve: Float1D, points: int) -> Float1D:
    """About so many values of a curve, evenly apart, its last one among them."""
    return np.asarray(curve[np.unique(np.linspace(0, curve.size - 1, points).astype(int))])


def positions(result: BacktestResult) -> dict[str, Float1D | Int1D]:
    """Each position's entry and exit: time (epoch ms), price and return; an open one has no exit (NaN)."""
    rows, times = result.simulation.trades, result.candles.open_time
    entry_bar, exit_bar, size, entry, leave, _, pnl, _, closed = rows.T
    return {
        "entry_time": times[entry_bar.astype(np.int64)],
        "exit_time": times[exit_bar.astype(np.int64)],
        "entry_price": entry,
        "exit_price": np.where(closed == 1.0, leave, np.nan),
        "return": pnl / (size * entry),
    }
