"""Results from files."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from thunes.clock import to_ms
from thunes.errors import DataError, ThunesError, UsageError
from thunes.ops.results import read_results

DAYS = [f"2026-03-{day:02}" for day in range(1, 5)]
EQUITY = [100.0, 110.0, 99.0, 99.0]
RETURNS = [0.1, -0.1, 0.0]


def csv(text: str) -> Path:
    path = Path("results.csv")
    path.write_text(text)
    return path


def refused(path: Path) -> ThunesError:
    with pytest.raises(ThunesError) as caught:
        read_results(path)
    assert "\n" not in str(caught.value)
    return caught.value


@pytest.mark.parametrize("name", ["time", "open_time"])
@pytest.mark.parametrize("form", ["{}", "{}T00:00:00Z", "{} 00:00:00", "{}T00:00:00+00:00", "{}T00:00:00.000Z"])
def test_a_curve_may_write_its_times_in_many_forms(name: str, form: str) -> None:
    rows = [f"{form.format(day)},{value}" for day, value in zip(DAYS, EQUITY, strict=True)]
    found = read_results(csv("\n".join([f"{name},equity", *rows])))
    assert found.unit == "days"
    np.testing.assert_allclose(found.returns, RETURNS)


def test_epoch_milliseconds_are_times_and_seconds_are_refused() -> None:
    rows = [f"{to_ms(day)},{value}" for day, value in zip(DAYS, EQUITY, strict=True)]
    np.testing.assert_allclose(read_results(csv("\n".join(["time,equity", *rows]))).returns, RETURNS)
    rows = [f"{to_ms(day) // 1000},{value}" for day, value in zip(DAYS, EQUITY, strict=True)]
    assert refused(csv("\n".join(["time,equity", *rows]))).code == "E-RESULTS-TIME"


@pytest.mark.parametrize("zone", [None, "UTC"])
def test_parquet_is_read_alike(zone: str | None) -> None:
    moments = pl.Series([datetime.fromisoformat(day) for day in DAYS]).dt.replace_time_zone(zone)
    pl.DataFrame({"time": moments, "equity": EQUITY}).write_parquet("results.parquet")
    np.testing.assert_allclose(read_results(Path("results.parquet")).returns, RETURNS)
    np.testing.assert_allclose(read_results(Path("results.parquet"), to_ms("2026-03-02")).returns, RETURNS[1:])


def test_only_closed_trades_count() -> None:
    rows = "2026-03-02,0.1,false\n2026-03-04,-0.2,false\n2026-03-05,9,true"
    found = read_results(csv(f"exit_time,return,open\n{rows}"))
    assert (found.unit, found.trades, found.returns.tolist(), found.days) == ("trades", 2, [0.1, -0.2], 2.0)
    assert read_results(csv("exit_time,return\n2026-03-02,0.1")).trades == 1


def test_a_start_leaves_out_what_was_before() -> None:
    rows = "\n".join(f"{day},{value}" for day, value in zip(DAYS, EQUITY, strict=True))
    found = read_results(csv(f"time,equity\n{rows}"), to_ms("2026-03-02"))
    np.testing.assert_allclose(found.returns, RETURNS[1:])


def test_a_header_alone_is_no_result_and_no_error() -> None:
    assert read_results(csv("time,equity\n")).returns.size == 0
    assert read_results(csv("exit_time,return\n")).trades == 0


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("", "E-RESULTS-COLUMNS"),
        ("time,worth\n2026-03-01,1", "E-RESULTS-COLUMNS"),
        ("time,equity\nyesterday,1", "E-RESULTS-TIME"),
        ("time,equity\n2026-03-01,1\n,2", "E-RESULTS-TIME"),
        ("time,equity\n2026-03-01,1\n2026-13-01,2", "E-RESULTS-TIME"),
        ("time,equity\n2026-03-01,much", "E-RESULTS-NUMBER"),
        ("time,equity\n2026-03-01,", "E-RESULTS-NUMBER"),
        ("time,equity\n2026-03-01,-5\n2026-03-02,1", "E-RESULTS-NUMBER"),
        ("time,equity\n2026-03-02,1\n2026-03-01,1", "E-RESULTS-ORDER"),
        ("exit_time,return\n2026-03-02,-3", "E-RESULTS-NUMBER"),
    ],
)
def test_what_is_no_result_is_one_line(text: str, code: str) -> None:
    error = refused(csv(text))
    assert (error.code, isinstance(error, DataError)) == (code, True)


def test_files_that_cannot_be_read_are_named() -> None:
    assert refused(Path("none.csv")).code == "E-FILE-MISSING"
    assert isinstance(refused(Path("results.txt")), UsageError)
    Path("broken.parquet").write_bytes(b"PAR1 nothing PAR1")
    assert refused(Path("broken.parquet")).code == "E-FILE-READ"
