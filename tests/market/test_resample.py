"""Longer bars: by hand, against polars, and never unfinished."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.market.loopback import market

from thunes.clock import to_ms
from thunes.errors import DataError, UsageError
from thunes.market.resample import resample
from thunes.model import Candles

HOUR = 3_600_000


def hours(start: str, closes: list[float]) -> Candles:
    """Hourly candles with the given closes, each opening at the close before, one unit of volume each."""
    close = np.array(closes, dtype=float)
    opened = np.append(close[0], close[:-1])
    times = to_ms(start) + HOUR * np.arange(close.size)
    return Candles(
        symbol="BTCUSDT", interval="1h", open_time=times, open=opened, high=np.maximum(opened, close) + 1,
        low=np.minimum(opened, close) - 1, close=close, volume=np.ones(close.size), source="binance",
    )  # fmt: skip


def without_rows(candles: Candles, *rows: int) -> Candles:
    keep = np.setdiff1d(np.arange(len(candles)), rows)
    names = ("open_time", "open", "high", "low", "close", "volume")
    return candles.replace(**{name: getattr(candles, name)[keep] for name in names})


def test_four_hours_by_hand() -> None:
    bar = resample(hours("2024-01-01T04:00", [10, 14, 8, 12]), "4h")
    row = [float(getattr(bar, name)[0]) for name in ("open", "high", "low", "close", "volume")]
    assert row == [10, 15, 7, 12, 4]  # open of the first; 14 + 1; 8 − 1; close of the last; 4 × 1
    assert bar.open_time.tolist() == [to_ms("2024-01-01T04:00")]
    assert (bar.interval, bar.symbol, bar.source) == ("4h", "BTCUSDT", "binance")


def test_the_last_bar_is_dropped_until_its_last_hour_has_closed() -> None:
    almost, whole = hours("2024-01-01", [10.0] * 7), hours("2024-01-01", [10.0] * 8)
    assert len(resample(almost, "4h")) == 1
    assert len(resample(whole, "4h")) == 2


def test_the_first_bar_is_dropped_when_its_beginning_is_missing() -> None:
    assert resample(hours("2024-01-01T01:00", [10.0] * 7), "4h").open_time.tolist() == [to_ms("2024-01-01T04:00")]


def test_a_gap_inside_leaves_a_bar_of_what_there_is() -> None:
    bars = resample(without_rows(hours("2024-01-01", [10, 14, 8, 12, 9, 9, 9, 9]), 1, 3), "4h")
    assert bars.open_time.size == 2
    assert (bars.open[0], bars.close[0], bars.volume[0]) == (10, 8, 2)


def test_a_bar_ending_in_a_gap_is_finished_once_a_later_candle_is_there() -> None:
    bars = resample(without_rows(hours("2024-01-01", [10.0] * 8), 3), "4h")
    assert len(bars) == 2


def test_a_gap_that_swallows_a_bar_stays_a_gap() -> None:
    bars = resample(without_rows(hours("2024-01-01", [10.0] * 12), 4, 5, 6, 7), "4h")
    assert np.diff(bars.open_time).tolist() == [8 * HOUR]


def test_no_complete_bar_is_an_error() -> None:
    with pytest.raises(DataError, match="no complete 1d bar"):
        resample(hours("2024-01-01T01:00", [10.0] * 24), "1d")


@pytest.mark.parametrize(("short", "long"), [("8h", "12h"), ("1h", "30m"), ("1w", "1M"), ("3d", "1w"), ("1d", "1h")])
def test_what_does_not_divide_is_refused(short: str, long: str) -> None:
    with pytest.raises(UsageError, match=f"{long} bars cannot be made of {short}"):
        resample(market("2024-01-01", 3, interval=short), long)


def test_the_same_interval_changes_nothing() -> None:
    candles = market("2024-01-01", 5)
    assert resample(candles, "1h") is candles


@pytest.mark.parametrize(("interval", "every"), [("4h", "4h"), ("1d", "1d"), ("1w", "1w"), ("1M", "1mo")])
def test_real_candles_give_the_bars_of_polars(shared_data: Path, interval: str, every: str) -> None:
    frame = pl.read_parquet(shared_data / "BTCUSDT-1h-2017-2022.parquet").select(
        "open_time", "open", "high", "low", "close", "volume"
    )
    candles = Candles(
        symbol="BTCUSDT", interval="1h", source="x", **{name: frame[name].to_numpy() for name in frame.columns}
    )
    bars = resample(candles, interval)
    expected = (
        frame.with_columns(at=pl.from_epoch("open_time", time_unit="ms"))
        .group_by_dynamic("at", every=every)
        .agg(pl.first("open"), pl.max("high"), pl.min("low"), pl.last("close"), pl.sum("volume"))
        .with_columns(open_time=pl.col("at").dt.epoch("ms"))
        .filter(pl.col("open_time").is_in(bars.open_time.tolist()))
    )
    for name in ("open_time", "open", "high", "low", "close"):
        assert getattr(bars, name).tolist() == expected[name].to_list()
    np.testing.assert_allclose(bars.volume, expected["volume"], rtol=1e-12)
    whole = {"4h": 11_777, "1d": 1_962, "1w": 279, "1M": 64}  # 4h and 1d: 47,108 hours; the first bar begun late
    assert len(bars) == whole[interval]


@given(st.integers(1, 60), st.integers(0, 30), st.sampled_from(["2h", "4h", "6h", "12h", "1d"]))
def test_more_candles_never_change_a_bar_that_was_given_out(n: int, more: int, interval: str) -> None:
    short, long = market("2024-01-01", n), market("2024-01-01", n + more)
    try:
        early = resample(short, interval)
    except DataError:
        return
    late = resample(long, interval)
    assert all(
        getattr(late, name)[: len(early)].tolist() == getattr(early, name).tolist()
        for name in ("open_time", "open", "high", "low", "close", "volume")
    )
