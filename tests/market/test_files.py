"""Candles through files: nothing lost, nothing relabelled, nothing half-written."""

from __future__ import annotations

import contextlib
import json
import os
import stat
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.market.loopback import klines, market, zipped

from thunes.clock import to_ms
from thunes.errors import DataError, ThunesError, UsageError
from thunes.market.files import read_file, read_table, sidecar, write_file
from thunes.model import COLUMNS, Candles

SUFFIXES = (".parquet", ".pq", ".feather", ".arrow", ".ipc", ".csv")
T = to_ms("2024-03-01")
POSITIVE = st.floats(1e-8, 1e8)


def same(a: Candles, b: Candles) -> bool:
    return a.fingerprint() == b.fingerprint()


@st.composite
def any_candles(draw: st.DrawFn) -> Candles:
    """Candles with gaps, odd floats and any of the sources."""
    rows = draw(st.lists(st.integers(0, 500), min_size=1, max_size=20, unique=True).map(sorted))
    prices = np.array(draw(st.lists(st.tuples(*[POSITIVE] * 4), min_size=len(rows), max_size=len(rows)))).T
    volume = draw(st.lists(st.floats(0, 1e12), min_size=len(rows), max_size=len(rows)))
    source = draw(st.sampled_from(["binance", "archive", "file:a.csv", "synthetic:7,edge=0", "archive+binance"]))
    return Candles(
        symbol="BTCUSDT", interval="1m", open_time=T + 60_000 * np.array(rows), open=prices[0], high=prices.max(axis=0),
        low=prices.min(axis=0), close=prices[1], volume=np.array(volume), source=source,
    )  # fmt: skip


@pytest.mark.parametrize("suffix", SUFFIXES)
@given(candles=any_candles())
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=25)
def test_what_is_written_is_read_back_bit_for_bit_with_its_source(
    tmp_path: Path, suffix: str, candles: Candles
) -> None:
    path = tmp_path / f"any{suffix}"  # the name tells nothing: the label does
    write_file(candles, path)
    assert read_table(path).frame.equals(candles.to_frame())
    if len(candles) == 1 or np.diff(candles.open_time).min() == 60_000:
        assert same(read_file(path), candles)


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_synthetic_stays_synthetic_under_another_name(tmp_path: Path, suffix: str) -> None:
    candles = market("2024-03-01", 30, source="synthetic:7,edge=0")
    path = tmp_path / f"ETHUSDT-1h{suffix}"
    write_file(candles, path)
    assert read_file(path, symbol="ETHUSDT").source == "synthetic:7,edge=0"
    assert read_file(path).symbol == "BTCUSDT"  # the label knows better than the name


@pytest.mark.parametrize(("source", "after"), [("binance", "file:a.csv"), ("synthetic:7,edge=0", "synthetic:7,edge=0")])
def test_an_edited_file_loses_a_real_source_and_keeps_a_synthetic_one(tmp_path: Path, source: str, after: str) -> None:
    path = tmp_path / "a.csv"
    write_file(market("2024-03-01", 30, source=source), path)
    assert read_file(path).source == source
    path.write_text("\n".join(path.read_text().splitlines()[:-1]))
    assert read_file(path).source == after


def test_a_plain_file_is_its_own_source_and_its_name_tells_the_rest(tmp_path: Path) -> None:
    path = tmp_path / "ethusdt-15m-2024-03.csv"
    path.write_text("".join(",".join(map(str, row)) + "\n" for row in klines(T, 4, "15m")))
    candles = read_file(path)
    assert (candles.symbol, candles.interval, candles.source) == ("ETHUSDT", "15m", f"file:{path.name}")


@pytest.mark.parametrize(
    ("name", "symbol", "interval"),
    [
        ("BTCUSDT-1h.csv", "BTCUSDT", "1h"),
        ("BTCUSDT-1h-2017-2022.csv", "BTCUSDT", "1h"),
        ("BTC-USD-1h.csv", "BTC-USD", "1h"),
        ("1000SATSUSDT-1h-x.csv", "1000SATSUSDT", "1h"),
    ],
)
def test_a_name_gives_symbol_and_interval(tmp_path: Path, name: str, symbol: str, interval: str) -> None:
    write_plain(tmp_path / name)
    candles = read_file(tmp_path / name)
    assert (candles.symbol, candles.interval) == (symbol, interval)


def test_a_month_is_not_taken_for_a_minute(tmp_path: Path) -> None:
    path = tmp_path / "BTCUSDT-1mo-2024.csv"
    days = ("2024-01-01", "2024-02-01", "2024-03-01")
    path.write_text("open_time,open,high,low,close,volume\n" + "".join(f"{d},1,1,1,1,1\n" for d in days))
    assert read_file(path).interval == "1M"


def write_plain(path: Path, rows: int = 5) -> None:
    path.write_text("".join(",".join(map(str, row)) + "\n" for row in klines(T, rows)))


@pytest.mark.parametrize("name", ["candles.csv", "BTCUSDT.csv", "BTCUSDT_1h.csv", "BTCUSDT-2h30.csv"])
def test_a_name_that_tells_nothing_is_a_usage_error(tmp_path: Path, name: str) -> None:
    write_plain(tmp_path / name)
    with pytest.raises(UsageError, match="does not tell its symbol and interval") as caught:
        read_file(tmp_path / name)
    assert caught.value.exit_code == 2
    assert read_file(tmp_path / name, symbol="BTCUSDT", interval="1h").symbol == "BTCUSDT"


def test_given_symbol_and_interval_win_over_the_name(tmp_path: Path) -> None:
    path = tmp_path / "ETHUSDT-4h.csv"
    write_plain(path)
    candles = read_file(path, symbol="BTCUSDT", interval="1h")
    assert (candles.symbol, candles.interval) == ("BTCUSDT", "1h")


@pytest.mark.parametrize("interval", ["1m", "4h", "1d", "1M"])
def test_an_interval_that_is_not_the_files_is_refused(tmp_path: Path, interval: str) -> None:
    write_plain(tmp_path / "BTCUSDT-1h.csv")
    with pytest.raises(DataError, match=rf"BTCUSDT-1h.csv: its candles are 1h apart, not {interval}") as caught:
        read_file(tmp_path / "BTCUSDT-1h.csv", interval=interval)
    assert caught.value.code == "E-DATA-INTERVAL"


def with_value(column: str, value: float) -> pl.DataFrame:
    frame = market("2024-03-01", 10).to_frame()
    return frame.with_columns(pl.when(pl.int_range(10) == 3).then(value).otherwise(pl.col(column)).alias(column))


BAD_FRAMES = {
    "duplicate times": (lambda f: pl.concat([f, f[-1:]]), "E-DATA-ORDER", "duplicate at row 10"),
    "unsorted times": (lambda f: pl.concat([f[5:], f[:5]]), "E-DATA-ORDER", "out of order at row 5"),
    "a NaN price": (lambda _: with_value("close", float("nan")), "E-DATA-PRICE", "row 3"),
    "a negative price": (lambda _: with_value("low", -1.0), "E-DATA-PRICE", "row 3"),
    "a price of zero": (lambda _: with_value("open", 0.0), "E-DATA-PRICE", "row 3"),
    "an infinite price": (lambda _: with_value("high", float("inf")), "E-DATA-PRICE", "row 3"),
    "high below low": (lambda _: with_value("high", 1.0), "E-DATA-OHLC", "row 3"),
    "a negative volume": (lambda _: with_value("volume", -1.0), "E-DATA-VOLUME", "row 3"),
    "off the grid": (
        lambda f: f.with_columns(pl.col("open_time") + 60_000),
        "E-DATA-GRID",
        "does not lie on the 1h grid",
    ),
}


@pytest.mark.parametrize("suffix", [".csv", ".parquet", ".feather"])
@pytest.mark.parametrize("what", BAD_FRAMES)
def test_bad_candles_are_refused_in_one_line_that_names_the_file(tmp_path: Path, suffix: str, what: str) -> None:
    change, code, why = BAD_FRAMES[what]
    path = tmp_path / f"BTCUSDT-1h{suffix}"
    frame = change(market("2024-03-01", 10).to_frame())
    {".csv": frame.write_csv, ".parquet": frame.write_parquet, ".feather": frame.write_ipc}[suffix](path)
    with pytest.raises(DataError, match=why) as caught:
        read_file(path)
    assert (caught.value.code, caught.value.exit_code) == (code, 4)
    assert str(caught.value).startswith(f"{path.name}: ")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("name", "content", "code"),
    [
        ("BTCUSDT-1h.csv", b"", "E-DATA-EMPTY"),
        ("BTCUSDT-1h.parquet", b"", "E-DATA-PARQUET"),
        ("BTCUSDT-1h.parquet", b"<html>", "E-DATA-PARQUET"),
        ("BTCUSDT-1h.feather", b"ARROW1 but then not", "E-DATA-FEATHER"),
        ("BTCUSDT-1h.feather", b"", "E-DATA-FEATHER"),
        ("BTCUSDT-1h.zip", zipped("a.csv", "1" * 9000)[:-40], "E-ARCHIVE-ZIP"),
    ],
)
def test_a_file_that_is_not_what_its_suffix_says_is_refused(
    tmp_path: Path, name: str, content: bytes, code: str
) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(DataError) as caught:
        read_file(tmp_path / name)
    assert caught.value.code == code
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("suffix", [".parquet", ".feather"])
@given(st.data())
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
def test_a_damaged_file_never_raises_anything_but_our_error(tmp_path: Path, suffix: str, data: st.DataObject) -> None:
    path = tmp_path / f"BTCUSDT-1h{suffix}"
    write_file(market("2024-03-01", 50), path)
    content = bytearray(path.read_bytes())
    if data.draw(st.booleans()):
        del content[data.draw(st.integers(0, len(content) - 1)) :]
    else:
        content[data.draw(st.integers(0, len(content) - 1))] ^= data.draw(st.integers(1, 255))
    path.write_bytes(content)
    with contextlib.suppress(ThunesError):
        assert read_file(path).source in ("binance", f"file:{path.name}")


def test_a_zip_of_the_archive_is_read_as_it_is(tmp_path: Path) -> None:
    text = "".join(",".join(map(str, row)) + "\n" for row in klines(T, 5))
    (tmp_path / "BTCUSDT-1h-2024-03.zip").write_bytes(zipped("BTCUSDT-1h-2024-03.csv", text))
    candles = read_file(tmp_path / "BTCUSDT-1h-2024-03.zip")
    assert candles.fingerprint() == market(T, 5, source="file:BTCUSDT-1h-2024-03.zip").fingerprint()


def test_a_missing_file_is_a_data_error_and_an_unknown_kind_a_usage_error(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="there is no file"):
        read_file(tmp_path / "BTCUSDT-1h.csv")
    (tmp_path / "BTCUSDT-1h.xlsx").touch()
    with pytest.raises(UsageError, match=r"Known: \.csv"):
        read_file(tmp_path / "BTCUSDT-1h.xlsx")
    with pytest.raises(UsageError, match=r"Known: \.csv"):
        write_file(market("2024-03-01", 3), tmp_path / "BTCUSDT-1h.zip")


def test_a_label_of_a_newer_program_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "BTCUSDT-1h.csv"
    write_file(market("2024-03-01", 3), path)
    label = json.loads(sidecar(path).read_text())
    sidecar(path).write_text(json.dumps({**label, "format": 99}))
    with pytest.raises(DataError, match="format 99"):
        read_file(path)


def test_other_readers_see_six_plain_columns(tmp_path: Path) -> None:
    candles = market("2024-03-01", 3)
    for suffix, read in ((".csv", pl.read_csv), (".parquet", pl.read_parquet)):
        write_file(candles, tmp_path / f"a{suffix}")
        assert read(tmp_path / f"a{suffix}").columns == list(COLUMNS)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_where_nothing_can_be_written_nothing_is_left(tmp_path: Path) -> None:
    tmp_path.chmod(stat.S_IRUSR | stat.S_IXUSR)
    try:
        with pytest.raises(DataError, match="cannot write"):
            write_file(market("2024-03-01", 3), tmp_path / "a.parquet")
    finally:
        tmp_path.chmod(stat.S_IRWXU)
    assert not list(tmp_path.iterdir())


def test_a_write_that_fails_keeps_the_old_file_and_leaves_no_other(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    path.mkdir()  # cannot be replaced by a file
    (path / "inside").touch()
    with pytest.raises(DataError, match="cannot write"):
        write_file(market("2024-03-01", 3), path)
    assert [p.name for p in tmp_path.iterdir()] == ["a.parquet"]


def test_real_candles_are_read(shared_data: Path) -> None:
    candles = read_file(shared_data / "BTCUSDT-1h-2017-2022.parquet")
    assert (candles.symbol, candles.interval, len(candles)) == ("BTCUSDT", "1h", 47_108)
