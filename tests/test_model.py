from __future__ import annotations

import dataclasses
import math
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_array_equal
from tests.series import walk

from thunes.clock import to_ms
from thunes.errors import DataError, UsageError
from thunes.model import (
    COLUMNS,
    DAY_MS,
    INTERVAL_MS,
    INTERVALS,
    Candles,
    Costs,
    Stops,
    interval_ms,
    next_open_time,
    off_grid,
)

HOUR = 3_600_000
NAN, INF = float("nan"), float("inf")
MONDAY = to_ms("2024-01-01")


def candles(**changes: Any) -> Candles:
    """Three good candles, some of whose fields are replaced."""
    fields: dict[str, Any] = {
        "symbol": "BTCUSDT",
        "interval": "1h",
        "open_time": [0, HOUR, 2 * HOUR],
        "open": [10.0, 11, 12],
        "high": [12.0, 13, 14],
        "low": [9.0, 10, 11],
        "close": [11.0, 12, 13],
        "volume": [1.0, 0, 3],
        "source": "file:three",
    }
    return Candles(**fields | changes)


def at(*times: str) -> dict[str, Any]:
    """Open times and as many equal bars."""
    n = len(times)
    return {"open_time": [to_ms(t) for t in times], **{c: np.ones(n) for c in COLUMNS[1:]}}


# -- what a candle may be


@pytest.mark.parametrize("row", [0, 1, 2])
@pytest.mark.parametrize(
    ("column", "value", "code"),
    [
        *((c, v, "E-DATA-PRICE") for c in ("open", "high", "low", "close") for v in (NAN, INF, 0.0, -1.0)),
        ("open", 20.0, "E-DATA-OHLC"),
        ("open", 5.0, "E-DATA-OHLC"),
        ("close", 20.0, "E-DATA-OHLC"),
        ("close", 5.0, "E-DATA-OHLC"),
        ("high", 9.5, "E-DATA-OHLC"),
        ("low", 13.5, "E-DATA-OHLC"),
        ("volume", NAN, "E-DATA-VOLUME"),
        ("volume", INF, "E-DATA-VOLUME"),
        ("volume", -1.0, "E-DATA-VOLUME"),
    ],
)
def test_a_bad_row_is_named_with_its_values(row: int, column: str, value: float, code: str) -> None:
    values = getattr(candles(), column).copy()
    values[row] = value
    with pytest.raises(DataError) as caught:
        candles(**{column: values})
    assert caught.value.code == code
    assert f"row {row} (1970-01-01 0{row}:00 UTC)" in str(caught.value)
    assert f"{column}={value:g}" in str(caught.value)
    assert "1 bad in all" in str(caught.value)


@pytest.mark.parametrize(
    ("changes", "code", "text"),
    [
        ({c: [] for c in COLUMNS}, "E-DATA-EMPTY", "no candles for BTCUSDT 1h"),
        ({"close": [1.0, 2]}, "E-DATA-SHAPE", "columns differ in length"),
        ({"open": [[10.0, 11, 12]]}, "E-DATA-SHAPE", "columns differ in length"),
        ({"open_time": [0, HOUR, HOUR]}, "E-DATA-ORDER", "duplicate at row 2"),
        ({"open_time": [HOUR, 0, 2 * HOUR]}, "E-DATA-ORDER", "out of order at row 1"),
        ({"open_time": [0, HOUR + 1, 2 * HOUR]}, "E-DATA-GRID", "row 1 (1970-01-01 01:00 UTC) does not lie on the 1h"),
        ({"open_time": [0.0, HOUR + 0.5, 2 * HOUR]}, "E-DATA-GRID", "row 1"),
        ({"open_time": [0, NAN, 2 * HOUR]}, "E-DATA-GRID", "row 1"),
    ],
)
def test_a_series_that_cannot_be_is_refused(changes: dict[str, Any], code: str, text: str) -> None:
    with pytest.raises(DataError) as caught:
        candles(**changes)
    assert caught.value.code == code
    assert text in str(caught.value)
    assert "\n" not in str(caught.value)


@given(st.permutations(range(3)))
def test_only_one_order_of_rows_is_candles(order: list[int]) -> None:
    shuffled = {c: getattr(candles(), c)[order] for c in COLUMNS}
    if order == [0, 1, 2]:
        assert len(candles(**shuffled)) == 3
        return
    with pytest.raises(DataError, match="E-DATA-ORDER"):
        candles(**shuffled)


def test_a_gap_is_data() -> None:
    assert len(candles(open_time=[0, 5 * HOUR, 900 * HOUR])) == 3


# -- the grid of times


@pytest.mark.parametrize(
    ("interval", "times", "fits"),
    [
        ("1s", ["2024-01-01T00:00:07"], True),
        ("1m", ["2024-01-01T00:00:07"], False),
        ("15m", ["2024-01-01T00:45", "2024-01-01T01:30"], True),
        ("4h", ["2024-01-01T02:00"], False),
        ("1d", ["2024-01-01", "2024-02-29"], True),
        ("1d", ["2024-01-01T08:00"], False),
        ("3d", ["2024-01-02", "2024-01-05", "2024-01-11"], True),
        ("3d", ["2024-01-02", "2024-01-06"], False),
        ("3d", ["2024-01-02T12:00", "2024-01-05T12:00"], False),
        ("1w", ["2024-01-01", "2024-01-08", "2024-01-22"], True),
        ("1w", ["2024-01-01", "2024-01-09"], False),
        ("1w", ["2024-01-01T06:00"], False),
        ("1M", ["2023-12-01", "2024-02-01", "2024-03-01"], True),
        ("1M", ["2024-02-01", "2024-02-29"], False),
        ("1M", ["2024-02-01T01:00"], False),
    ],
)
def test_times_lie_on_the_grid_of_their_interval(interval: str, times: list[str], fits: bool) -> None:
    assert off_grid(np.array([to_ms(t) for t in times]), interval).any() != fits
    if fits:
        assert len(candles(interval=interval, **at(*times))) == len(times)
    else:
        with pytest.raises(DataError, match="E-DATA-GRID"):
            candles(interval=interval, **at(*times))


def test_every_interval_of_binance_is_known_with_its_length() -> None:
    assert " ".join(INTERVALS) == "1s 1m 3m 5m 15m 30m 1h 2h 4h 6h 8h 12h 1d 3d 1w 1M"
    assert INTERVAL_MS["15m"] == 15 * 60 * 1000
    assert interval_ms("1M") * 12 == 365 * DAY_MS


@pytest.mark.parametrize(("word", "near"), [("1H", "1h"), ("60m", "6"), ("1D", "1d"), ("1hour", "1h"), ("", "1M")])
def test_an_unknown_interval_is_refused_and_a_known_one_named(word: str, near: str) -> None:
    with pytest.raises(UsageError, match=f"unknown interval {word!r}") as caught:
        candles(interval=word)
    assert near in str(caught.value)


@given(interval=st.sampled_from(INTERVALS), month=st.integers(0, 700))
def test_the_next_candle_opens_where_this_one_ends(interval: str, month: int) -> None:
    opened = int(np.datetime64(month, "M").astype("datetime64[ms]").astype(np.int64))
    following = next_open_time(opened, interval)
    expected = int(np.datetime64(month + 1, "M").astype("datetime64[ms]").astype(np.int64))
    assert following == (expected if interval == "1M" else opened + INTERVAL_MS[interval])


def test_a_month_ends_where_the_next_begins_and_counts_a_twelfth_of_a_year() -> None:
    monthly = candles(interval="1M", **at("2023-12-01", "2024-02-01"))
    assert monthly.end_time == to_ms(datetime(2024, 3, 1, tzinfo=UTC))
    assert monthly.bars_per_year == 12
    assert candles().end_time == 3 * HOUR
    assert candles().bars_per_year == 8_760


# -- frozen values


@pytest.mark.parametrize("column", COLUMNS)
def test_nobody_can_write_to_candles(column: str) -> None:
    mine = np.array(getattr(candles(), column))
    made = candles(**{column: mine})
    mine[0] = 777
    assert getattr(made, column)[0] != 777
    with pytest.raises(ValueError, match="read-only"):
        getattr(made, column)[0] = 777
    with pytest.raises(dataclasses.FrozenInstanceError):
        setattr(made, column, mine)


def test_columns_are_contiguous_and_typed() -> None:
    strided = np.arange(60.0).reshape(6, 10)[::2, 3] + 10
    made = candles(
        high=strided + 1, low=strided - 1, open=strided, close=strided, open_time=np.arange(3, dtype=np.int32) * HOUR
    )
    for name in COLUMNS:
        column = getattr(made, name)
        assert column.flags.c_contiguous
        assert column.dtype == (np.int64 if name == "open_time" else np.float64)


def test_a_slice_keeps_identity_and_is_validated() -> None:
    part = candles()[1:]
    assert (part.symbol, part.interval, part.source, len(part)) == ("BTCUSDT", "1h", "file:three", 2)
    assert_array_equal(part.close, [12, 13])
    with pytest.raises(DataError, match="E-DATA-EMPTY"):
        candles()[3:]
    with pytest.raises(DataError, match="E-DATA-ORDER"):
        candles()[::-1]


def test_a_replacement_is_validated() -> None:
    assert candles().replace(symbol="ETHUSDT").symbol == "ETHUSDT"
    with pytest.raises(DataError, match="E-DATA-PRICE"):
        candles().replace(open=np.zeros(3))


def test_a_frame_has_the_six_columns() -> None:
    frame = candles().to_frame()
    assert tuple(frame.columns) == COLUMNS
    assert frame.height == 3


def test_candles_say_what_they_are() -> None:
    assert repr(candles()) == (
        "Candles(BTCUSDT 1h, 3 bars, 1970-01-01 00:00 … 1970-01-01 02:00 UTC, source='file:three')"
    )
    assert candles(source="synthetic:7,edge=0").is_synthetic
    assert not candles(source="file:synthetic.csv").is_synthetic


# -- fingerprint


def test_the_same_content_has_the_same_fingerprint() -> None:
    assert candles().fingerprint() == candles().fingerprint()
    assert len(candles().fingerprint()) == 64
    assert walk(50)[:].fingerprint() == walk(50).fingerprint()


@pytest.mark.parametrize("field", ["symbol", "interval", "source", *COLUMNS])
def test_any_change_changes_the_fingerprint(field: str) -> None:
    base = candles(interval="1h")
    if field in COLUMNS[1:]:
        changed = getattr(base, field).copy()
        changed[1] = np.nextafter(changed[1], 11.5)
    else:
        changed = {"symbol": "ETHUSDT", "interval": "30m", "source": "binance", "open_time": [0, HOUR, 3 * HOUR]}[field]
    assert base.replace(**{field: changed}).fingerprint() != base.fingerprint()


def test_a_row_moved_from_one_end_to_the_other_changes_the_fingerprint() -> None:
    assert candles()[1:].fingerprint() != candles()[:-1].fingerprint()


# -- costs and stops


@pytest.mark.parametrize("name", ["fee", "slippage"])
@pytest.mark.parametrize("value", [-0.001, 1.0, 2, NAN, INF])
def test_costs_are_fractions(name: str, value: float) -> None:
    with pytest.raises(UsageError, match=f"{name}={value} must be a fraction"):
        Costs(**{name: value})


def test_costs_have_the_contracts_defaults_and_scale() -> None:
    assert Costs() == Costs(fee=0.001, slippage=0.0005)
    assert Costs(0.001, 0.0005).times(2) == Costs(0.002, 0.001)
    assert Costs().times(0) == Costs(0, 0)
    with pytest.raises(UsageError, match="must be a fraction"):
        Costs(0.5).times(2)


@pytest.mark.parametrize("name", ["stop_loss", "take_profit", "trailing"])
def test_stops_are_fractions_or_absent(name: str) -> None:
    for value in (0.0, -0.1, INF, *(() if name == "take_profit" else (1.0,))):
        with pytest.raises(UsageError, match=f"{name}={value} must be a fraction"):
            Stops(**{name: value})
    assert Stops(**{name: 0.05}).any
    assert not Stops(**{name: NAN}).any


def test_there_are_no_stops_by_default_and_a_target_may_be_far() -> None:
    assert not Stops().any
    assert math.isnan(Stops().stop_loss)
    assert Stops(take_profit=3).take_profit == 3


def test_an_unknown_stop_mode_is_refused() -> None:
    with pytest.raises(UsageError, match="vectorbt"):
        Stops(stop_loss=0.1, mode="vectorbot")  # type: ignore[arg-type]
