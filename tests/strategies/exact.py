"""The textbook formulas of the built-in strategies in 60 digits: what each decides, with no rounding to speak of."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from decimal import Decimal, localcontext
from itertools import pairwise
from typing import Any

import numpy as np

from thunes.model import Candles, Float1D

Line = list[Decimal | None]  # None during warm-up


def _mean(x: Sequence[Decimal]) -> Decimal:
    return sum(x, Decimal(0)) / len(x)


def _windows(x: Sequence[Decimal], period: int) -> Iterator[Sequence[Decimal] | None]:
    for t in range(len(x)):
        yield x[t - period + 1 : t + 1] if t >= period - 1 else None


def _sma(x: Sequence[Decimal], period: int) -> Line:
    return [_mean(window) if window else None for window in _windows(x, period)]


def _smoothed(x: Sequence[Decimal | None], period: int, weight: Decimal) -> Line:
    """weight · x + (1 − weight) · before, seeded with the mean of the first `period` defined values."""
    start = next(t for t, value in enumerate(x) if value is not None) + period
    line: Line = [None] * (start - 1) + [_mean([v for v in x[start - period : start] if v is not None])]
    for value in x[start:]:
        line.append(weight * value + (1 - weight) * line[-1])  # type: ignore[operator]
    return line


def _ema(x: Sequence[Decimal | None], period: int) -> Line:
    return _smoothed(x, period, Decimal(2) / (period + 1))


def _rsi(x: Sequence[Decimal], period: int) -> Line:
    changes = [None, *(b - a for a, b in pairwise(x))]
    share = Decimal(1) / period
    gains = _smoothed([c if c is None else max(c, Decimal(0)) for c in changes], period, share)
    losses = _smoothed([c if c is None else max(-c, Decimal(0)) for c in changes], period, share)
    return [None if g is None or h is None else _strength(g, h) for g, h in zip(gains, losses, strict=True)]


def _strength(gain: Decimal, loss: Decimal) -> Decimal:
    return 100 * gain / (gain + loss) if gain + loss else Decimal(50)


def _cross(fast: Line, slow: Line) -> list[int]:
    return [int(f is not None and s is not None and f > s) for f, s in zip(fast, slow, strict=True)]


def sma_cross(close: list[Decimal], p: dict[str, Any], _: Candles) -> list[int]:
    return _cross(_sma(close, p["fast"]), _sma(close, p["slow"]))


def ema_cross(close: list[Decimal], p: dict[str, Any], _: Candles) -> list[int]:
    return _cross(_ema(close, p["fast"]), _ema(close, p["slow"]))


def macd_trend(close: list[Decimal], p: dict[str, Any], _: Candles) -> list[int]:
    def lead(period: int) -> Line:
        average = _ema(close, period)
        own = _ema(average, p["signal"])
        return [None if o is None else a - o for a, o in zip(average, own, strict=True)]  # type: ignore[operator]

    return _cross(lead(p["fast"]), lead(p["slow"]))


def _latched(buy: Sequence[bool], sell: Sequence[bool]) -> list[int]:
    held, out = 0, []
    for enter, leave in zip(buy, sell, strict=True):
        held = 1 if enter else 0 if leave else held
        out.append(held)
    return out


def rsi_reversion(close: list[Decimal], p: dict[str, Any], _: Candles) -> list[int]:
    line = _rsi(close, p["period"])
    lower, upper = Decimal(p["lower"]), Decimal(p["upper"])
    return _latched([v is not None and v < lower for v in line], [v is not None and v > upper for v in line])


def bollinger_reversion(close: list[Decimal], p: dict[str, Any], _: Candles) -> list[int]:
    width = Decimal(p["width"])
    buy, sell = [], []
    for price, window in zip(close, _windows(close, p["window"]), strict=True):
        mean = _mean(window) if window else price + 1
        deviation = _mean([(v - mean) ** 2 for v in window]).sqrt() if window else Decimal(0)
        buy.append(bool(window) and price < mean - width * deviation)
        sell.append(price >= mean)
    return _latched(buy, sell)


def donchian_breakout(_: list[Decimal], p: dict[str, Any], candles: Candles) -> list[int]:
    buy, sell = [], []
    for t, price in enumerate(candles.close):
        high, low = candles.high[max(0, t - p["entry"]) : t], candles.low[max(0, t - p["exit"]) : t]
        buy.append(high.size == p["entry"] and price > high.max())
        sell.append(low.size == p["exit"] and price < low.min())
    return _latched(buy, sell)


def buy_and_hold(close: list[Decimal], _: dict[str, Any], __: Candles) -> list[int]:
    return [1] * len(close)


FORMULAS: dict[str, Callable[[list[Decimal], dict[str, Any], Candles], list[int]]] = {
    f.__name__: f
    for f in (
        sma_cross,
        ema_cross,
        macd_trend,
        rsi_reversion,
        bollinger_reversion,
        donchian_breakout,
        buy_and_hold,
    )
}


def decisions(name: str, parameters: dict[str, Any], candles: Candles) -> Float1D:
    """What the textbook decides at each close."""
    with localcontext() as context:
        context.prec = 60
        close = [Decimal(price) for price in candles.close.tolist()]
        return np.array(FORMULAS[name](close, parameters, candles), dtype=np.float64)
