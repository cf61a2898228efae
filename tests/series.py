"""Candles for tests: scripted bar by bar, random, and real."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from thunes.model import COLUMNS, Candles, Float1D, interval_ms

REAL = ("BTCUSDT-1h-2017-2022", "panel-1h/ETHUSDT-1h", "panel-1h/DOGEUSDT-1h")


def bars(rows: Sequence[Sequence[float]], interval: str = "1h", **identity: Any) -> Candles:
    """Candles from rows of open, high, low, close."""
    opens, highs, lows, closes = np.array(rows, dtype=np.float64).reshape(-1, 4).T
    times = np.arange(opens.size, dtype=np.int64) * interval_ms(interval)
    named = {"symbol": "BTCUSDT", "source": "file:scripted", **identity}
    return Candles(
        interval=interval, open_time=times, open=opens, high=highs, low=lows, close=closes, volume=1 + closes, **named
    )


def moving(opens: Float1D, closes: Float1D, reach: float | Float1D = 0.0, interval: str = "1h") -> Candles:
    """Candles whose high and low reach beyond open and close by a fraction."""
    highs, lows = np.maximum(opens, closes) * (1 + reach), np.minimum(opens, closes) * (1 - reach)
    return bars(np.stack([opens, highs, lows, closes], axis=1), interval)


def walk(count: int, seed: int = 0, *, volatility: float = 0.01, interval: str = "1h") -> Candles:
    """A random walk with gaps between close and open."""
    rng = np.random.default_rng(seed)
    closes = 100 * np.exp(np.cumsum(rng.normal(0, volatility, count)))
    opens = np.concatenate([[100.0], closes[:-1]]) * np.exp(rng.normal(0, volatility / 5, count))
    return moving(opens, closes, rng.uniform(0, volatility, count), interval)


@cache
def real(folder: Path, name: str, last: int) -> Candles:
    """The last bars of a file of real candles."""
    import polars as pl

    frame = pl.read_parquet(folder / f"{name}.parquet").tail(last)
    symbol = Path(name).name.partition("-")[0]
    interval = "1m" if "-1m-" in name else "1h"
    return Candles(symbol, interval, *(frame[column].to_numpy() for column in COLUMNS), source=f"file:{name}")
