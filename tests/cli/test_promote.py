from __future__ import annotations

import contextlib
import io
import json
import os
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from thunes.cli.app import main
from thunes.clock import SystemClock
from thunes.strategies.artefact import load_strategy, read, verify
from thunes.strategies.promoted import Promoted, folder_of
from thunes.strategies.sma_cross import SmaCross

FOLDER = folder_of("sim")

EDGE = ["--data", "synthetic:102,edge=2", "--last", "26280"]
NONE = ["--data", "synthetic:103", "--last", "26280"]


class Run(NamedTuple):
    """What a command left behind."""

    code: int
    out: str
    err: str
    folder: Path

    @property
    def json(self) -> dict[str, Any]:
        return dict(json.loads(self.out))


def run(folder: Path, *arguments: str) -> Run:
    out, err, before = io.StringIO(), io.StringIO(), Path.cwd()
    os.chdir(folder)
    try:
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            code = main(["promote", *arguments])
    finally:
        os.chdir(before)
    return Run(code, out.getvalue(), err.getvalue(), folder)


@pytest.fixture(scope="module")
def promoted(tmp_path_factory: pytest.TempPathFactory) -> Run:
    return run(tmp_path_factory.mktemp("promoted"), *EDGE, "--json")


@pytest.fixture(scope="module")
def refused(tmp_path_factory: pytest.TempPathFactory) -> Run:
    return run(tmp_path_factory.mktemp("refused"), *NONE, "--json")


def test_a_planted_edge_is_promoted_into_sim(promoted: Run) -> None:
    assert (promoted.code, promoted.err) == (0, "")
    found = promoted.json
    assert found["kind"] == "promote"
    assert found["passed"]
    assert found["promoted"]
    assert "SYNTHETIC" in found["notice"]
    artefact = Promoted(promoted.folder / FOLDER, SystemClock()).current("sma_cross", "BTCUSDT", "1h")
    verify(artefact, "sim")
    assert load_strategy(artefact) == SmaCross(**found["deployed"])
    assert artefact.out_of_sample["sharpe"] == found["out_of_sample"]["sharpe"]


def test_a_market_without_edge_is_refused_with_the_reasons(refused: Run) -> None:
    assert refused.code == 6
    assert "refused: G1 p of superior timing 0.9" in refused.err
    assert refused.err.count("\n") == 1
    assert refused.json["refused"] in refused.err
    assert refused.json["artefact"] is None
    assert not (refused.folder / FOLDER).exists()


def test_both_write_a_report_that_says_so(promoted: Run, refused: Run) -> None:
    for found, answer in ((promoted, "passed every gate"), (refused, "refused")):
        page = (found.folder / found.json["report"]).read_text(encoding="utf-8")
        assert answer in page
        assert "Not a gate" in page
        assert "In sample and out of sample" in page


@pytest.fixture
def here() -> Path:
    return Path.cwd()


def test_a_dry_run_shows_the_table_in_80_columns_and_promotes_nothing(here: Path) -> None:
    found = run(here, *EDGE, "--dry-run", "--no-html", "--set", "fast=15", "--set", "slow=129")
    assert found.code == 0
    assert "passed every gate" in found.out
    assert "nothing was promoted (--dry-run)" in found.out
    assert max(len(line) for line in found.out.splitlines()[2:] if "Report" not in line) <= 80
    assert not (here / FOLDER).exists()


def test_force_promotes_against_the_gates_in_sim_and_is_on_record(here: Path) -> None:
    found = run(here, *NONE, "--force", "to try the daemon", "--no-html", "--json")
    assert found.code == 0
    assert found.json["refused"]
    artefact = Promoted(here / FOLDER, SystemClock()).current("sma_cross", "BTCUSDT", "1h")
    assert artefact.forced == "to try the daemon"


def test_an_interval_without_calibration_needs_a_word(here: Path) -> None:
    four_hours = ["--data", "synthetic:102,edge=3", "--interval", "4h", "--last", "8760", "--strategy", "macd_trend"]
    found = run(here, *four_hours, "--dry-run", "--no-html")
    assert "Not calibrated" in found.out


def refusal(here: Path, *arguments: str) -> tuple[int, str]:
    found = run(here, *arguments)
    assert found.out == ""
    assert found.err.count("\n") == 1
    return found.code, found.err


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (["--strategy", "sma_cros"], 2, "Did you mean 'sma_cross'?"),
        (["--strategy", ","], 2, "no strategy is named"),
        (["--set", "fast=10", "--study", "study.json"], 2, "both name the set"),
        (["--strategy", "all", "--set", "fast=10"], 2, "one set is judged for one strategy"),
        (["--set", "fast=60", "--set", "slow=30"], 2, "violates fast < slow"),
        (["--set", "fast=60", "--set", "slow=70"], 2, "not in the declared space"),
        (["--study", "nothing.json"], 4, "there is no nothing.json"),
        (["--force", " ", *NONE], 2, "--force needs a reason"),
        (["--data", "missing.parquet", "--symbol", "BTCUSDT", "--interval", "1h"], 4, "missing.parquet"),
    ],
)
def test_bad_input_is_one_line(here: Path, arguments: list[str], code: int, says: str) -> None:
    found = run(here, *arguments)
    assert found.code == code
    assert says in found.err.splitlines()[-1]
    assert not (here / FOLDER).exists()


@pytest.mark.parametrize("option", [["--accept-uncalibrated"], ["--force", "because"]])
def test_exceptions_are_for_sim_only(here: Path, option: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ENVIRONMENT", "testnet")
    code, line = refusal(here, *option)
    assert code == 2
    assert "ENVIRONMENT=sim only, not in testnet" in line


def test_made_up_candles_are_promoted_nowhere_else(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ENVIRONMENT", "paper")
    code, line = refusal(here, "--data", "synthetic:7", "--last", "300")
    assert code == 6
    assert "made up" in line


def test_too_little_history_is_no_verdict_on_the_edge(here: Path) -> None:
    found = run(here, "--data", "synthetic:7", "--last", "2160", "--no-html", "--json")
    assert found.code == 6
    assert "history, years 0.2466, asked ≥ 2" in found.err


def test_a_proposal_is_written_and_nothing_deployed(promoted: Run, capsys: pytest.CaptureFixture[str]) -> None:
    os.chdir(promoted.folder)
    fresh = ["--data", "synthetic:102,edge=2", "--last", "28000"]
    assert main(["reoptimize", *fresh, "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["passed"]
    assert found["current"] in promoted.json["artefact"]
    assert read(promoted.folder / found["proposal"]).parameters == found["proposed"]
    store = Promoted(promoted.folder / FOLDER, SystemClock())
    assert len(store.history("sma_cross", "BTCUSDT", "1h")) == 1


def test_where_the_gates_refuse_the_current_one_stays(promoted: Run, capsys: pytest.CaptureFixture[str]) -> None:
    os.chdir(promoted.folder)
    assert main(["reoptimize", *NONE]) == 6
    captured = capsys.readouterr()
    assert "Current:  fast=" in captured.out
    assert "Proposed" not in captured.out
    assert "stays current" in captured.err


def test_without_anything_promoted_there_is_nothing_to_replace(here: Path) -> None:
    assert main(["reoptimize"]) == 4
