"""The judge: the same decisions simulated by vectorbt, and its figures under our names."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import vectorbt as vbt

from thunes.errors import CheckFailed, UsageError
from thunes.kernels.simulation import START_CASH, fill_bar
from thunes.model import NO_STOPS, YEAR_MS, Candles, Costs, Fill, Float1D, Stops, interval_ms

YEAR = pd.Timedelta(YEAR_MS, unit="ms")
RELATIVE, ABSOLUTE = 1e-9, 1e-12  # how far two figures may lie apart and still be one


def portfolio(
    candles: Candles, exposure: Float1D, costs: Costs, stops: Stops = NO_STOPS, fill: Fill = "next_open", **options: Any
) -> vbt.Portfolio:
    """A `vectorbt.Portfolio` from target exposures of shape (n,) or (n, sets), known at each close.

    Long-or-flat targets become `from_signals`, fractions `from_orders` with target percents. Stops follow vectorbt's
    rule, which knows one of stop-loss and trailing, and none for fractions: `UsageError` otherwise.
    """
    index = pd.to_datetime(candles.open_time, unit="ms", utc=True)
    wanted = np.zeros_like(exposure)
    wanted[fill_bar(0) :] = exposure[: -fill_bar(0)]
    before = np.zeros_like(wanted)
    before[1:] = wanted[:-1]
    price = candles.open if fill == "next_open" else candles.close
    terms: dict[str, Any] = {
        "price": _series(price, index),
        "fees": costs.fee,
        "slippage": costs.slippage,
        "init_cash": START_CASH,
        "freq": pd.Timedelta(interval_ms(candles.interval), unit="ms"),
        **options,
    }
    close = _series(candles.close, index)
    if np.isin(exposure, (0.0, 1.0)).all():
        entries, exits = (wanted > 0) & (before == 0), (wanted == 0) & (before > 0)
        signals = (_frame(entries, index), _frame(exits, index))
        return vbt.Portfolio.from_signals(close, *signals, **terms, **_stop_terms(candles, stops, index))
    if stops.any:
        raise UsageError("E-VECTORBT-STOPS", "vectorbt has no stops for fractional exposure.")
    size = _frame(np.where(wanted != before, wanted, np.nan), index)
    return vbt.Portfolio.from_orders(close, size=size, size_type="targetpercent", direction="longonly", **terms)


def figures(judged: vbt.Portfolio, candles: Candles) -> dict[str, Float1D]:
    """vectorbt's values of our sixteen metrics, each of shape (sets,); what is not finite is NaN."""
    years, sets = len(candles) / candles.bars_per_year, judged.wrapper.shape_2d[1]
    orders, closed, drawdowns = judged.orders.records, judged.positions.closed.records, judged.drawdowns
    gains, losses = closed[closed["pnl"] > 0], closed[closed["pnl"] <= 0]
    count, gained, lost = (
        _sums(closed, 1.0, sets),
        _sums(gains, gains["pnl"], sets),
        -_sums(losses, losses["pnl"], sets),
    )
    longest = np.full(sets, np.nan)
    np.fmax.at(longest, drawdowns.col_arr, drawdowns.duration.values)
    values = {
        "total_return": judged.total_return(),
        "annual_return": judged.annualized_return(year_freq=YEAR),
        "volatility": judged.annualized_volatility(year_freq=YEAR),
        "sharpe": judged.sharpe_ratio(year_freq=YEAR),
        "sortino": judged.sortino_ratio(year_freq=YEAR),
        "calmar": judged.calmar_ratio(year_freq=YEAR),
        "max_drawdown": judged.max_drawdown(),
        "max_drawdown_duration": longest,
        "trades": count,
        "win_rate": _ratio(_sums(gains, 1.0, sets), count),
        "profit_factor": _ratio(gained, lost),
        "expectancy": _ratio(gained - lost, count),
        "exposure": judged.gross_exposure().mean(),
        "turnover": _sums(orders, orders["size"] * orders["price"], sets)
        / np.atleast_1d(judged.value().mean())
        / years,
        "fees": _sums(orders, orders["fees"], sets),
        "final_equity": judged.final_value(),
    }
    return {name: _finite(value) for name, value in values.items()}


def _sums(records: pd.DataFrame, values: pd.Series[float] | float, sets: int) -> Float1D:
    """Sum of a value over the records of each set. vectorbt's own reductions compile for seconds in every process."""
    return np.bincount(records["col"], np.broadcast_to(values, len(records)), sets).astype(np.float64)


def _ratio(above: Float1D, below: Float1D) -> Float1D:
    with np.errstate(divide="ignore", invalid="ignore"):
        return above / below


def differences(ours: dict[str, Float1D], judged: dict[str, Float1D]) -> dict[str, tuple[float, float]]:
    """Metrics that differ by more than the tolerance, with the first differing pair (ours, vectorbt's)."""
    found = {}
    for name, values in ours.items():
        mine, theirs = np.atleast_1d(values), judged[name]
        apart = ~np.isclose(mine, theirs, rtol=RELATIVE, atol=ABSOLUTE, equal_nan=True)
        if apart.any():
            k = int(np.argmax(apart))
            found[name] = (float(mine[k]), float(theirs[k]))
    return found


def require_agreement(ours: dict[str, Float1D], judged: dict[str, Float1D]) -> None:
    """Raise `CheckFailed` naming what differs."""
    found = differences(ours, judged)
    if found:
        text = "; ".join(f"{name} {mine!r} against {theirs!r}" for name, (mine, theirs) in found.items())
        raise CheckFailed("E-VECTORBT", f"kernel and vectorbt disagree, so nothing is reported: {text}.")


def _stop_terms(candles: Candles, stops: Stops, index: pd.DatetimeIndex) -> dict[str, Any]:
    if not stops.any:
        return {}
    loss, trail = stops.stop_loss, stops.trailing
    if not (np.isnan(loss) or np.isnan(trail)):
        raise UsageError("E-VECTORBT-STOPS", "vectorbt serves a stop-loss or a trailing stop, not both.")
    return {
        "open": _series(candles.open, index),
        "high": _series(candles.high, index),
        "low": _series(candles.low, index),
        "sl_stop": trail if np.isnan(loss) else loss,
        "sl_trail": not np.isnan(trail),
        "tp_stop": stops.take_profit,
        "stop_entry_price": "fillprice",
        "stop_exit_price": "stopmarket",
    }


def _series(values: Float1D, index: pd.DatetimeIndex) -> pd.Series[float]:
    return pd.Series(values, index=index)


def _frame(values: np.ndarray, index: pd.DatetimeIndex) -> Any:
    return pd.DataFrame(values, index=index) if values.ndim == 2 else pd.Series(values, index=index)


def _finite(values: Any) -> Float1D:
    array = np.atleast_1d(np.asarray(values, dtype=np.float64))
    return np.where(np.isfinite(array), array, np.nan)
