"""Tables in all shapes become one form, or one clear refusal."""

from __future__ import annotations

import contextlib
import zipfile
from datetime import UTC, date, datetime
from io import BytesIO

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.market.loopback import kline, klines, zipped

from thunes.clock import to_ms
from thunes.errors import DataError
from thunes.market.tables import BINANCE_COLUMNS, from_csv, from_table, unzip
from thunes.model import COLUMNS

HOUR = 3_600_000
T = to_ms("2024-03-01")


def csv(rows: list[list[object]], header: str = "") -> bytes:
    return (header + "".join(",".join(map(str, row)) + "\n" for row in rows)).encode()


def named(times: list[object], name: str = "open_time") -> pl.DataFrame:
    frame = pl.DataFrame({column: [1.0] * len(times) for column in COLUMNS[1:]})
    return frame.with_columns(pl.Series(name, times))


def test_twelve_columns_without_a_header_are_binances() -> None:
    rows = klines(T, 3)
    frame = from_csv(csv(rows), "x.csv")
    assert frame.columns == list(COLUMNS)
    assert frame["open_time"].to_list() == [row[0] for row in rows]
    assert frame["close"].to_list() == [float(row[4]) for row in rows]


@pytest.mark.parametrize(
    "header",
    [
        ",".join(BINANCE_COLUMNS),
        "Open time,Open,High,Low,Close,Volume,Close time,a,b,c,d,e",
        "\ufeffopen_time, open , high,low,close,volume,g,h,i,j,k,l",
        "timestamp,OPEN,HIGH,LOW,CLOSE,VOLUME,g,h,i,j,k,l",
    ],
)
def test_a_header_is_recognised_however_it_is_written(header: str) -> None:
    rows = klines(T, 3)
    assert from_csv(csv(rows, header + "\n"), "x").equals(from_csv(csv(rows), "x"))


def test_columns_may_stand_in_any_order_among_others() -> None:
    text = b"volume,note,close,low,high,open,date\n5,hello,4,1,9,2,2024-03-01\n"
    assert from_csv(text, "x").row(0) == (T, 2.0, 9.0, 1.0, 4.0, 5.0)


@pytest.mark.parametrize(
    "times",
    [
        ["2024-03-01", "2024-03-02"],
        ["2024-03-01 00:00:00", "2024-03-02 00:00:00"],
        ["2024-03-01T00:00Z", "2024-03-02T00:00Z"],
        ["2024-03-01T02:00:00+02:00", "2024-03-02T01:00:00+01:00"],
        [str(T // 1000), str(T // 1000 + 86_400)],
        [T // 1000, T // 1000 + 86_400],
        [float(T), float(T + 24 * HOUR)],
        [T, T + 24 * HOUR],
        [T * 1000, (T + 24 * HOUR) * 1000],
        [T, (T + 24 * HOUR) * 1000],  # the archive's change of unit inside one file
        [date(2024, 3, 1), date(2024, 3, 2)],
        [datetime(2024, 3, 1), datetime(2024, 3, 2)],  # noqa: DTZ001  # a column without a zone is UTC
        [datetime(2024, 3, 1, tzinfo=UTC), datetime(2024, 3, 2, tzinfo=UTC)],
    ],
)
def test_times_are_understood(times: list[object]) -> None:
    assert from_table(named(times, "timestamp"), "x")["open_time"].to_list() == [T, T + 24 * HOUR]


@pytest.mark.parametrize(
    ("times", "why"),
    [
        ([T, T // 1000], "is not in seconds, as other rows are"),
        ([T * 10, T], "could be of more than one unit, or of none"),  # 14 digits
        ([T // 10, T], "could be of more than one unit, or of none"),  # 12 digits
        ([T * 1000 + 1, T], "could be of more than one unit, or of none"),  # no whole milliseconds
        ([0, T], "could be of more than one unit, or of none"),
        ([-T, T], "could be of more than one unit, or of none"),
        ([T + 0.5, T], "is no whole number"),
        ([None, T], "is missing"),
        (["", str(T)], "is no ISO date"),
        (["01/03/2024", "02/03/2024"], "is no ISO date"),  # which is the day?
        (["2024-03-01", "yesterday"], "is no ISO date"),
        (["2024-03-01", "2024-13-01"], "not every time is a date"),
    ],
)
def test_times_that_could_be_misread_are_refused(times: list[object], why: str) -> None:
    with pytest.raises(DataError, match=why) as caught:
        from_table(named(times), "x.csv")
    assert "\n" not in str(caught.value)
    assert caught.value.code == "E-DATA-TIME"


@pytest.mark.covers("fault 28")
@given(st.integers(10**12, 10**13 - 1), st.booleans())
def test_each_row_tells_its_own_unit(ms: int, in_microseconds: bool) -> None:
    frame = from_table(named([ms * 1000 if in_microseconds else ms, T]), "x")
    assert frame["open_time"].to_list() == [ms, T]


@pytest.mark.parametrize(
    ("text", "code", "why"),
    [
        (b"", "E-DATA-EMPTY", "x.csv is empty"),
        (b"\n\n", "E-DATA-EMPTY", "x.csv is empty"),
        (b"open_time,open,high,low,close,volume\n", "E-DATA-EMPTY", "x.csv holds no candles"),
        (b"open_time,open,high,low\n1,2,3,4\n", "E-DATA-COLUMNS", "no column close, volume"),
        (b"1709251200000,1,2,3,4,5\n", "E-DATA-COLUMNS", "no header and 6 columns"),
        (b"<!DOCTYPE html><html>log in</html>\n", "E-DATA-COLUMNS", "no column open_time"),
        (
            b"open_time,open,high,low,close,volume\n1709251200000,1,2,3,four,5\n",
            "E-DATA-NUMBER",
            "'four' in column clo",
        ),
        (b"open_time,open,high,low,close,volume\n1709251200000,1,2,3,4,5,6,7\n", "E-DATA-CSV", "is no table"),
        (b"\x00\xff\xfe\x00", "E-DATA-COLUMNS", "no column"),
    ],
)
def test_what_is_no_table_of_candles_is_refused_in_one_line(text: bytes, code: str, why: str) -> None:
    with pytest.raises(DataError, match=why) as caught:
        from_csv(text, "x.csv")
    assert caught.value.code == code
    assert "\n" not in str(caught.value)


@given(st.binary(max_size=300))
def test_no_bytes_raise_anything_but_our_error(text: bytes) -> None:
    with contextlib.suppress(DataError):
        from_csv(text, "x.csv")


def test_a_zip_gives_its_one_csv() -> None:
    assert unzip(zipped("a.csv", "hello"), "a.zip") == b"hello"


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (zipped("a.csv", "hello " * 1000)[:-30], "truncated or no zip"),
        (b"<html>", "truncated or no zip"),
        (b"", "truncated or no zip"),
        (zipped("a.txt", "hello"), "exactly one CSV"),
    ],
)
def test_a_bad_zip_is_refused(data: bytes, why: str) -> None:
    with pytest.raises(DataError, match=why):
        unzip(data, "a.zip")


def test_a_zip_that_would_fill_the_disk_is_refused() -> None:
    buffer = BytesIO(zipped("a.csv", "x"))
    with zipfile.ZipFile(buffer) as archive:
        size_at = buffer.getvalue().rindex(b"PK\x01\x02") + 24  # uncompressed size in the central directory
        assert archive.infolist()[0].file_size == 1
    data = bytearray(buffer.getvalue())
    data[size_at : size_at + 4] = (2 << 30).to_bytes(4, "little")
    with pytest.raises(DataError, match="too many"):
        unzip(bytes(data), "a.zip")


def test_rows_cut_off_at_the_end_show_as_missing_values() -> None:
    text = csv(klines(T, 2)) + b"1709258400000,100.0,1"
    frame = from_csv(text, "x")
    assert len(frame) == 3
    assert frame["close"].is_nan().to_list() == [False, False, True]
    assert kline(T, HOUR)[4] == str(frame["close"][0])


@pytest.mark.parametrize("kind", [pl.Categorical, pl.List(pl.Float64), pl.Struct({"a": pl.Int64})], ids=str)
def test_a_column_that_cannot_hold_numbers_is_refused(kind: pl.DataType) -> None:
    table = pl.DataFrame({column: [1.0] for column in COLUMNS} | {"open_time": [T]})
    with pytest.raises(DataError, match=r"x: column close is of type .*, not of numbers"):
        from_table(table.with_columns(pl.lit(None, kind).alias("close")), "x")
