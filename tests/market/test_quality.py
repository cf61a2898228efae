"""The quality report says what is wrong, where, and what is merely odd."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.market.loopback import market

from thunes.clock import to_ms
from thunes.errors import DataError, ThunesError
from thunes.market.files import read_table
from thunes.market.quality import PROBLEMS, Gap, gap_note, inspect, inspect_candles
from thunes.market.tables import to_candles

HOUR = 3_600_000
START = to_ms("2024-01-01")


def frame(bars: int = 300) -> pl.DataFrame:
    return market(START, bars).to_frame()


def changed(column: str, row: int, value: float) -> pl.DataFrame:
    here = pl.int_range(pl.len()) == row
    return frame().with_columns(pl.when(here).then(pl.lit(value)).otherwise(pl.col(column)).alias(column))


def test_good_candles_have_nothing_to_report() -> None:
    report = inspect(frame(), "BTCUSDT", "1h", "binance")
    assert report.ok
    assert (report.bars, report.missing, report.outlier_count, report.zero_volume) == (300, 0, 0, 0)
    assert (report.first, report.last) == (START, START + 299 * HOUR)
    report.require_ok("x")


@pytest.mark.parametrize(
    ("bad", "kind", "row"),
    [
        (pl.concat([frame(), frame()[-1:]]), "duplicates", 300),
        (pl.concat([frame()[10:], frame()[:10]]), "unsorted", 290),
        (frame().with_columns(pl.col("open_time") + 60_000 * (pl.int_range(300) == 7)), "off_grid", 7),
        (changed("close", 5, float("nan")), "bad_prices", 5),
        (changed("low", 6, -1.0), "bad_prices", 6),
        (changed("high", 8, 1.0), "bad_ohlc", 8),
        (changed("volume", 9, -1.0), "bad_volume", 9),
    ],
)
def test_what_makes_candles_unusable_is_counted_and_its_first_row_named(bad: pl.DataFrame, kind: str, row: int) -> None:
    report = inspect(bad, "BTCUSDT", "1h", "file:x.csv")
    assert not report.ok
    assert (getattr(report, kind), report.rows) == (1, {kind: row})
    with pytest.raises(DataError, match=rf"x.csv: 1 {PROBLEMS[kind]} \(the first in row {row}\)") as caught:
        report.require_ok("x.csv")
    assert (caught.value.exit_code, "\n" in str(caught.value)) == (4, False)


def test_several_problems_come_in_one_line() -> None:
    bad = pl.concat([changed("close", 5, -1.0), frame()[-1:]])
    with pytest.raises(DataError, match=r"1 duplicate times .*; 1 prices not finite"):
        inspect(bad, "BTCUSDT", "1h", "x").require_ok("x")


def test_gaps_are_counted_and_the_longest_listed_first() -> None:
    kept = frame().filter(~pl.int_range(300).is_in([50, 100, 101, 102, 200]))
    report = inspect(kept, "BTCUSDT", "1h", "binance")
    assert report.ok
    assert (report.missing, report.gap_count) == (5, 3)
    assert report.gaps[0] == Gap(START + 100 * HOUR, 3)


def test_a_gap_note_is_one_sentence() -> None:
    candles = market(START, 300)
    assert gap_note(candles) == ""
    kept = to_candles(candles.to_frame().filter(~pl.int_range(300).is_in([50, 100, 101])), "BTCUSDT", "1h", "x")
    assert gap_note(kept) == "BTCUSDT 1h: 3 bars missing in 2 gaps, the longest of 2 from 2024-01-05 04:00 UTC."


def test_hours_without_trades_are_counted_and_usable() -> None:
    report = inspect(changed("volume", 4, 0.0), "BTCUSDT", "1h", "binance")
    assert (report.ok, report.zero_volume) == (True, 1)


@pytest.mark.parametrize(("column", "factor"), [("high", 10.0), ("low", 0.1)])
def test_a_tenfold_spike_is_the_worst_outlier(column: str, factor: float) -> None:
    value = frame()[column][150] * factor
    report = inspect(changed(column, 150, value), "BTCUSDT", "1h", "binance")
    assert report.ok
    assert report.outliers[0].open_time == START + 150 * HOUR
    assert report.outliers[0].times > 20


def test_a_flat_market_has_no_outliers() -> None:
    flat = frame().with_columns(pl.lit(5.0).alias(name) for name in ("open", "high", "low", "close"))
    assert inspect(flat, "BTCUSDT", "1h", "binance").outlier_count == 0


def test_real_candles_have_few_outliers_and_no_problem(shared_data: Path) -> None:
    for path in (shared_data / "BTCUSDT-1h-2017-2022.parquet", shared_data / "panel-1h" / "DOGEUSDT-1h.parquet"):
        report = inspect(read_table(path).frame, "X", "1h", "file:x")
        assert report.ok
        assert report.missing == 0
        assert 1 <= report.outlier_count <= 5


def test_the_report_is_plain_json() -> None:
    report = inspect_candles(market(START, 5))
    document = json.loads(json.dumps(report.to_dict()))
    assert document["ok"] is True
    assert document["bars"] == 5


PRICE = st.one_of(st.floats(allow_nan=True), st.sampled_from([1.0, 2.0, 0.0, -1.0]))


@given(st.lists(st.tuples(st.integers(-3, 30), *[PRICE] * 5), min_size=1, max_size=12))
def test_a_frame_is_ok_exactly_when_it_makes_candles(rows: list[tuple[float, ...]]) -> None:
    times = [START + int(row[0] * HOUR / 2) for row in rows]
    raw = pl.DataFrame({"open_time": times}).with_columns(
        pl.Series(name, [row[i] for row in rows], dtype=pl.Float64)
        for i, name in enumerate(("open", "high", "low", "close", "volume"), start=1)
    )
    with np.errstate(all="ignore"):
        report = inspect(raw, "BTCUSDT", "1h", "x")
        try:
            to_candles(raw, "BTCUSDT", "1h", "x")
            made = True
        except ThunesError:
            made = False
    assert report.ok == made
