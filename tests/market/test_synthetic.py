"""The embedded market: its name, and one path whatever is asked of it."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from thunes.clock import to_ms
from thunes.errors import UsageError
from thunes.market import synthetic
from thunes.market.synthetic import SyntheticSpec, generate, parse
from thunes.model import COLUMNS, INTERVALS

# --- its name ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "source"),
    [
        ("synthetic", "synthetic:1,edge=0"),
        ("synthetic:7", "synthetic:7,edge=0"),
        ("synthetic:7,edge=0", "synthetic:7,edge=0"),
        ("synthetic:7,edge=2", "synthetic:7,edge=2"),
        ("synthetic:0,edge=1.25@2020-06", "synthetic:0,edge=1.25@2020-06"),
    ],
)
def test_a_text_names_a_market(text: str, source: str) -> None:
    assert parse(text).source == source


@given(
    st.builds(SyntheticSpec, st.integers(0, 2**63 - 1), st.just(0.0))
    | st.builds(
        SyntheticSpec,
        st.integers(0, 2**63 - 1),
        st.integers(50, 300).map(lambda hundredths: hundredths / 100),
        st.none() | st.sampled_from(["2018-02", "2020-12", "2099-11"]),
    )
)
def test_the_source_of_a_market_names_it_again(spec: SyntheticSpec) -> None:
    assert parse(spec.source) == spec


@pytest.mark.parametrize(
    "text",
    [
        *("", "synthetic:", "Synthetic:7", "synthetic:x", "synthetic:-1", "synthetic:1.5", "synthetic:7 ", "binance"),
        *("synthetic:7,edge", "synthetic:7,edge=", "synthetic:7,edge=-1", "synthetic:7,edge=nan", "synthetic,edge=1"),
        *(
            "synthetic:7,edge=0.1",
            "synthetic:7,edge=4",
            "synthetic:7,edge=" + 400 * "9",
            "synthetic:9999999999999999999",
        ),
        *("synthetic:7,edge=2@", "synthetic:7,edge=2@2020", "synthetic:7,edge=2@2020-13", "synthetic:7@2020-01"),
        *("synthetic:7,edge=0@2020-01", "synthetic:7,edge=2@2017-12", "synthetic:7,edge=2@2018-01"),
        *("synthetic:7,edge=2@2100-01", "synthetic:7,edge=2@2020-06-01"),
    ],
)
def test_a_text_that_names_no_market_is_refused_in_one_line(text: str) -> None:
    with pytest.raises(UsageError, match=r"E-SYNTHETIC-") as refused:
        parse(text)
    assert refused.value.exit_code == 2
    assert "\n" not in str(refused.value)


def test_candles_say_that_they_are_synthetic_and_of_which_market() -> None:
    candles = generate("BTCUSDT", "1h", 24, seed=7, edge=2, edge_ends="2020-06")
    assert candles.is_synthetic
    assert candles.source == "synthetic:7,edge=2@2020-06"


# --- one path, whatever is asked of it --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("bars", "end"), [(0, None), (-5, None), (25, "2018-01-02"), (1, "2017-06-01"), (10**6, None), (24, "2100-01-02")]
)
def test_candles_outside_the_life_of_the_market_are_refused(bars: int, end: str | None) -> None:
    with pytest.raises(UsageError, match="E-SYNTHETIC-WINDOW"):
        generate("BTCUSDT", "1h", bars, seed=1, end_ms=None if end is None else to_ms(end))


def test_an_unknown_interval_is_refused() -> None:
    with pytest.raises(UsageError, match="E-INTERVAL"):
        generate("BTCUSDT", "7h", 10, seed=1)


@pytest.mark.parametrize("interval", INTERVALS)
def test_every_interval_has_candles_without_gaps(interval: str) -> None:
    candles = generate("BTCUSDT", interval, 40, seed=3)  # constructing validates times and prices
    assert len(candles) == 40
    assert candles.open_time[0] == to_ms("2018-01-01")
    assert_array_equal(candles.open_time[1:], [candles[k : k + 1].end_time for k in range(39)])


def test_another_process_draws_the_same_market() -> None:
    ask = "from thunes.market.synthetic import generate; print(generate('X', '1h', 500, seed=7, edge=2).fingerprint())"
    other = subprocess.run([sys.executable, "-c", ask], capture_output=True, text=True, check=True)
    assert other.stdout.strip() == generate("X", "1h", 500, seed=7, edge=2).fingerprint()


@pytest.mark.parametrize("interval", ["1s", "1m", "15m", "1h", "4h", "1w", "1M"])
def test_more_bars_only_append(interval: str) -> None:
    few, many = (generate("BTCUSDT", interval, bars, seed=5, edge=1) for bars in (23, 60))
    assert many[:23].fingerprint() == few.fingerprint()


@pytest.mark.parametrize("interval", ["1s", "5m", "1h", "1d", "3d", "1M"])
def test_a_window_that_ends_at_a_moment_is_cut_from_the_same_path(interval: str) -> None:
    whole = generate("BTCUSDT", interval, 90, seed=5)
    window = generate("BTCUSDT", interval, 20, seed=5, end_ms=whole.end_time + 1)
    assert window.fingerprint() == whole[70:].fingerprint()


def test_a_window_ends_with_the_last_candle_complete_at_its_end() -> None:
    assert generate("BTCUSDT", "1h", 3, seed=5, end_ms=to_ms("2024-05-06T07:59")).end_time == to_ms("2024-05-06T07:00")
    assert generate("BTCUSDT", "1M", 3, seed=5, end_ms=to_ms("2024-05-06")).end_time == to_ms("2024-05-01")


@pytest.mark.parametrize(
    ("fine", "coarse"),
    [
        ("1m", "3m"),
        ("1m", "15m"),
        ("1m", "1h"),
        ("30m", "2h"),
        ("1h", "12h"),
        ("1h", "1d"),
        ("1d", "3d"),
        ("1d", "1w"),
        ("1d", "1M"),
    ],
)
def test_candles_of_a_higher_interval_are_those_of_a_lower_one_put_together(fine: str, coarse: str) -> None:
    whole = generate("ETHUSDT", coarse, 12, seed=8, edge=1.5)
    length = whole.end_time - int(whole.open_time[0])
    parts = generate("ETHUSDT", fine, length // int(synthetic.interval_ms(fine)), seed=8, edge=1.5)
    first = np.searchsorted(parts.open_time, whole.open_time)
    last = np.append(first[1:], len(parts)) - 1
    assert_allclose(whole.open, parts.open[first], rtol=1e-7)
    assert_allclose(whole.high, np.maximum.reduceat(parts.high, first), rtol=1e-7)
    assert_allclose(whole.low, np.minimum.reduceat(parts.low, first), rtol=1e-7)
    assert_allclose(whole.close, parts.close[last], rtol=1e-7)
    assert_allclose(whole.volume, np.add.reduceat(parts.volume, first), rtol=1e-6)


def test_seconds_open_and_close_with_their_minute() -> None:
    minutes, seconds = generate("BTCUSDT", "1m", 300, seed=8), generate("BTCUSDT", "1s", 18_000, seed=8)
    assert_allclose(seconds.open[::60], minutes.open, rtol=1e-6)
    assert_allclose(seconds.close[59::60], minutes.close, rtol=1e-6)


def test_the_market_of_a_seed_is_the_same_in_every_version() -> None:
    # Pinned on purpose: whoever changes the market measures the table anew (scripts/measure_synthetic_edges.py).
    candles = generate("BTCUSDT", "1h", 1000, seed=1)
    assert_allclose(candles.close[[0, 499, 999]], [29921.71, 30463.8, 36838.86], rtol=1e-6)


def test_columns_are_single_precision() -> None:
    candles = generate("BTCUSDT", "1h", 100, seed=1)
    for name in COLUMNS[1:]:
        values = getattr(candles, name)
        assert_array_equal(values, values.astype(np.float32))
