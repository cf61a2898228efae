"""`thunes decay`: what a strategy earned against what its artefact promises."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path

import pytest
from tests.strategies.artefacts import artefact

from thunes.cli.app import main
from thunes.clock import SystemClock
from thunes.strategies.promoted import Promoted, folder_of

FOLDER = folder_of("sim")

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Run:
    """Run `thunes decay --returns …` where an SMA cross is promoted; gives exit code, stdout, stderr."""
    Promoted(FOLDER, SystemClock()).promote(artefact())

    def run(*words: str) -> tuple[int, str, str]:
        code = main(["decay", "--returns", *words])
        return (code, *capsys.readouterr())

    return run


def curve(*returns: float) -> str:
    """A file of an account with these daily returns."""
    rows, worth = ["time,equity"], 10_000.0
    for k, change in enumerate((0.0, *returns)):
        worth *= 1 + change
        rows.append(f"{date(2026, 3, 1) + timedelta(days=k)},{worth!r}")
    Path("paper.csv").write_text("\n".join(rows))
    return "paper.csv"


def test_a_strategy_that_earns_is_healthy(run: Run) -> None:
    code, out, err = run(curve(*[0.012, -0.008] * 50))
    assert (code, err) == (0, "")
    assert out.startswith("healthy  sma_cross BTCUSDT 1h 20260301T120000Z-")
    assert "No sign of decay." in out
    assert max(map(len, out.splitlines())) <= 80


def test_one_that_loses_is_critical_and_exits_with_6(run: Run) -> None:
    code, out, err = run(curve(*[-0.03, 0.02] * 100))
    assert (code, out.split()[0]) == (6, "critical")
    assert "at most 1 in" in out
    assert err.endswith("has decayed. Stop it, or promote a better one. [E-DECAY]\n")
    assert err.count("\n") == 1


def test_json_has_the_evidence_beside_the_plain_figure(run: Run) -> None:
    code, out, _ = run(curve(*[-0.03, 0.02] * 100), "--json")
    found = json.loads(out)
    assert (code, found["kind"], found["state"], found["unit"]) == (6, "decay", "critical", "days")
    assert found["p"] <= 0.05
    assert (found["returns"], found["days"], found["strategy"]) == (200, 200.0, "sma_cross")
    assert found["rolling"]["state"] == "critical"
    assert found["expected_mean"] == 0.002


def test_an_empty_history_is_unknown_and_no_alarm(run: Run) -> None:
    code, out, err = run(curve(), "--json")
    assert (code, err) == (0, "")
    assert json.loads(out)["state"] == "unknown"
    assert "Too early to say: 0 days" in run(curve())[1]


def test_a_start_leaves_out_the_good_old_times(run: Run) -> None:
    path = curve(*[0.03, -0.01] * 100, *[-0.03, 0.02] * 100)
    assert run(path)[0] == 0
    assert run(path, "--start", "2026-09-17")[0] == 6


@pytest.mark.parametrize(("file", "unit"), [("equity", "days"), ("trades", "trades")])
def test_what_a_backtest_writes_is_read(file: str, unit: str, run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["--data", "synthetic:7,edge=2", "--last", "4800", "--engine", "kernel", "--no-html", "--json"]
    assert main(["backtest", *words]) == 0
    stats = json.loads(capsys.readouterr().out)["stats"]
    path = f"artifacts/backtest/{file}_BTCUSDT_1h.csv"
    assert json.loads(run(path, "--json")[1])["returns"] == 0  # all of it is older than what was judged
    found = json.loads(run(path, "--start", "2018-01-01", "--json")[1])
    assert found["unit"] == unit
    if unit == "trades":
        assert (found["returns"], found["trades"]) == (stats["trades"], stats["trades"])
    else:
        assert found["days"] == 199


@pytest.mark.parametrize(
    ("words", "code", "text"),
    [
        (["none.csv"], 4, "there is no file none.csv."),
        (["none.xls"], 2, "none.xls is no kind of file that is read."),
        (["none.csv", "--symbol", "ETHUSDT"], 4, "nothing is promoted for ETHUSDT."),
        (["none.csv", "--start", "soon"], 2, "'soon' is not a date."),
    ],
)
def test_bad_input_is_one_line(words: list[str], code: int, text: str, run: Run) -> None:
    found, out, err = run(*words)
    assert (found, out, err.count("\n")) == (code, "", 1)
    assert text in err
