"""The bench runs; what it measures is nobody's business here."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from benchmarks.rows import Goal, number, seconds
from benchmarks.run import CASES, main
from benchmarks.table import WIDTH

IN_PROCESS = ("metrics", "growth", "single", "vectorbt")  # the others start fresh processes and compile for seconds


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of one tiny run of the cases that need no other process and no peer."""
    out = tmp_path_factory.mktemp("bench")
    with pytest.MonkeyPatch.context() as patch, (out / "stdout").open("w") as stdout:
        patch.setattr("sys.stdout", stdout)
        arguments = ["--quick", "--no-peers", "--data", "synthetic:7", "--out", str(out), "--only", *IN_PROCESS]
        assert main(arguments) == 0
    return out


@pytest.fixture(scope="module")
def document(run: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((run / "bench.json").read_text())
    return found


def test_the_table_fits_100_columns_and_names_every_case(run: Path, document: dict[str, Any]) -> None:
    table = (run / "stdout").read_text()
    tables = [line for line in table.splitlines() if not line.startswith(("Candles", "All figures"))]
    assert max(map(len, tables)) <= WIDTH
    assert all(row["case"] in table for row in document["rows"])


def test_the_json_says_where_what_and_how_long(document: dict[str, Any]) -> None:
    assert {"cores", "processor", "python", "versions", "load_average"} <= document["machine"].keys()
    assert document["quick"]
    assert document["candles"]["sha256"]
    timings = [row["seconds"] for row in document["rows"] if row["seconds"]]
    assert len(timings) >= 8
    assert all(0 < t["min"] <= t["median"] and len(t["wall"]) == len(t["cpu"]) for t in timings)


def test_every_strategy_and_the_own_kernel_are_swept(document: dict[str, Any]) -> None:
    swept = {row["case"].partition(",")[0] for row in document["rows"] if row["sets"]}
    assert swept >= {"sma_cross", "rsi_reversion", "macd_trend", "own_kernel"}


def test_without_the_real_candles_it_says_so_and_does_nothing(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("benchmarks.run.REAL", tmp_path / "missing.parquet")
    assert main(["--out", str(tmp_path)]) == 0
    assert capsys.readouterr().err.startswith("skipped: no real candles")


def test_a_missing_peer_is_named(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr("benchmarks.run.PEERS", ("no_such_peer",))
    assert main(["--data", "synthetic:7"]) == 2
    assert "no_such_peer not installed" in capsys.readouterr().err


def test_a_goal_is_a_bound_from_below_or_above() -> None:
    assert [Goal(300, least=True).met(value) for value in (299, 300, 301)] == [False, True, True]
    assert [Goal(10, least=False).met(value) for value in (9.9, 10, 10.1)] == [True, True, False]


@pytest.mark.parametrize(
    ("value", "text"), [(5.213, "5.21 s"), (0.00891, "8.91 ms"), (3.4e-5, "34 µs"), (2e-9, "2 ns")]
)
def test_durations_read_well(value: float, text: str) -> None:
    assert seconds(value) == text


def test_numbers_read_well() -> None:
    assert [number(v) for v in (572.4, 1.034, 2.41e9, 3531.0, 0.0)] == ["572", "1.03", "2.41e9", "3,531", "0"]


def test_the_cases_in_process_are_cases() -> None:
    assert CASES.keys() >= set(IN_PROCESS)
