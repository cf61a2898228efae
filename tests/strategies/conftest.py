"""Candles that the strategies are tried on."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from thunes.model import COLUMNS, Candles, Float1D

START = 1_600_000_000_000 // 3_600_000 * 3_600_000  # an hour of September 2020
REAL = {
    "BTCUSDT-1h-2017-2022": "1h",
    "BTCUSDT-1m-2023-03": "1m",
    "panel-1h/DOGEUSDT-1h": "1h",
    "panel-1h/ETHUSDT-1h": "1h",
}


def candles_of(close: Float1D, volume: Float1D | None = None) -> Candles:
    """Hourly candles with the given closes, each opening at the close before."""
    before = np.concatenate([close[:1], close[:-1]])
    return Candles(
        symbol="BTCUSDT",
        interval="1h",
        open_time=START + 3_600_000 * np.arange(close.size),
        open=before,
        high=np.maximum(before, close),
        low=np.minimum(before, close),
        close=close,
        volume=np.ones(close.size) if volume is None else volume,
        source="synthetic:test",
    )


def walk(bars: int, seed: int = 1) -> Candles:
    """Hourly candles of a random walk, with volumes that have a fat tail."""
    generator = np.random.default_rng(seed)
    close = np.round(1000.0 * np.exp(np.cumsum(generator.normal(0.0, 0.01, bars))), 2)
    return candles_of(close, generator.pareto(2.0, bars) + 0.1)


@pytest.fixture(scope="session")
def make_walk() -> Callable[..., Candles]:
    return walk


@pytest.fixture(scope="session")
def make_candles() -> Callable[..., Candles]:
    return candles_of


@pytest.fixture(scope="session", params=REAL)
def real_candles(request: pytest.FixtureRequest, shared_data: Path) -> Candles:
    """Real candles, whole."""
    frame = pl.read_parquet(shared_data / f"{request.param}.parquet")
    symbol = request.param.rpartition("/")[2].partition("-")[0]
    columns = {name: frame[name].to_numpy() for name in COLUMNS}
    return Candles(symbol=symbol, interval=REAL[request.param], source="file:real", **columns)
