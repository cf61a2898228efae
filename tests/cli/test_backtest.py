from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from tests.cli.conftest import Run

from thunes.cli.options import Fee, Slippage
from thunes.kernels import simulation
from thunes.model import Costs
from thunes.research.report.files import FOLDER

QUICK = ("backtest", "--data", "synthetic:7", "--last", "900", "--engine", "kernel")
HALF = """
import numpy as np
import thunes

class Half(thunes.Strategy):
    "Half invested, every other week."

    bars: int = thunes.param(168, "bars", first=24, last=240)

    def exposure(self, candles):
        return np.arange(len(candles)) // self.bars % 2 * 0.5
"""
NOISY = """
from thunes import Strategy
print("imported")

class Noisy(Strategy):
    def exposure(self, candles):
        print("asked")
        return candles.close > candles.open
"""


def written() -> list[str]:
    return sorted(path.name for path in Path.cwd().rglob("*") if path.is_file())


def test_a_run_prints_the_panel_and_where_its_files_are(run: Run) -> None:
    code, out, err = run(*QUICK, "--set", "fast=10", "--set", "slow=30")
    assert (code, err) == (0, "")
    assert out.startswith(" SYNTHETIC MARKET: made-up candles.")
    assert "sma_cross  fast=10  slow=30" in out
    assert "Cross-check     Not checked against vectorbt: kernel only." in out
    assert "\x1b" not in out
    assert max(len(line) for line in out.splitlines()) <= 80
    assert [name.partition("_")[0] for name in written()] == ["equity", "result", "stats", "trades"]
    assert all(name in out for name in written())


def test_vectorbt_checks_the_figures_and_the_page_is_written(run: Run) -> None:
    code, out, _ = run("backtest", "--data", "synthetic:7", "--last", "900")
    assert code == 0
    assert "Cross-check     vectorbt agrees on 16 of 16 figures." in out
    assert "Report          artifacts/backtest/report_BTCUSDT_1h.html" in out
    assert "SYNTHETIC MARKET" in (FOLDER / "report_BTCUSDT_1h.html").read_text()


def test_json_is_one_object_that_says_what_the_panel_says(run: Run) -> None:
    code, out, _ = run(*QUICK, "--json", "--fee", "0.002", "--slippage", "0", "--fill", "next_close")
    found = json.loads(out)
    assert (code, found["kind"], found["schema"], out.count("\n")) == (0, "backtest", 1, 1)
    assert len(found["stats"]) == len(found["buy_and_hold"]) == 16
    assert found["provenance"]["costs"] == {"fee": 0.002, "slippage": 0.0}
    assert (found["provenance"]["fill"], found["provenance"]["parameters"]) == ("next_close", {"fast": 20, "slow": 50})
    assert found["notice"].startswith("SYNTHETIC")
    assert list(found["sharpe_at_costs"]) == ["0", "1", "2", "3"]
    saved = json.loads(Path(found["files"]["result"]).read_text())
    assert saved["stats"] == found["stats"]


@pytest.mark.parametrize(
    "command", [("backtest", "--engine", "kernel", "--strategy"), ("sweep", "--strategy"), ("strategies", "check")]
)
def test_what_a_strategy_prints_is_not_among_the_results(command: tuple[str, ...], run: Run, tmp_path: Path) -> None:
    (tmp_path / "noisy.py").write_text(NOISY)
    code, out, err = run(*command, "noisy.py:Noisy", "--data", "synthetic:7", "--last", "500", "--json")
    assert (code, json.loads(out)["schema"]) == (0, 1)
    assert "imported\n" in err
    assert "asked\n" in err


def test_the_same_call_gives_the_same_figures_and_digest(run: Run) -> None:
    first, second = (json.loads(run(*QUICK, "--json")[1]) for _ in range(2))
    assert first["stats"] == second["stats"]
    assert first["provenance"]["digest"] == second["provenance"]["digest"]


def test_files_lie_under_the_state_folder(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STATE_DIR", str(tmp_path / "state"))
    assert run(*QUICK)[0] == 0
    assert (tmp_path / "state" / FOLDER / "stats_BTCUSDT_1h.csv").is_file()
    assert not Path("artifacts").exists()


def test_stops_are_named_and_checked_in_the_mode_of_vectorbt(run: Run) -> None:
    code, out, _ = run("backtest", "--data", "synthetic:7", "--last", "900", "--no-html", "--stop-loss", "0.02")
    assert code == 0
    assert "Stops           stop-loss 2 %" in out
    assert "agrees on 16 of 16 figures, in vectorbt's own stop mode" in " ".join(out.split())
    assert not list(FOLDER.glob("*.html"))


def test_a_strategy_of_a_file_is_reported_with_its_page(run: Run) -> None:
    Path("half.py").write_text(HALF)
    code, out, err = run(*QUICK, "--strategy", "half.py:Half", "--set", "bars=100", "--html")
    assert (code, err) == (0, "")
    assert out.splitlines()[1] == "half  bars=100"
    assert "fewer than two parameters" in (FOLDER / "report_BTCUSDT_1h.html").read_text()


def test_figures_that_differ_are_not_reported(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    honest = simulation.run

    def wrong(*inputs: object, **terms: object) -> simulation.Simulation:
        found = honest(*inputs, **terms)  # type: ignore[arg-type]
        return replace(found, moments=found.moments * (1 + 1e-6))

    monkeypatch.setattr(simulation, "run", wrong)
    code, out, err = run("backtest", "--data", "synthetic:7", "--last", "900")
    assert (code, out) == (1, "")
    assert err.startswith("✗ kernel and vectorbt disagree, so nothing is reported: ")
    assert err.endswith("[E-VECTORBT]\n")
    assert err.count("\n") == 1
    assert written() == []


@pytest.mark.parametrize(
    ("words", "code", "line"),
    [
        (["--strategy", "sma_cros"], 2, "unknown strategy 'sma_cros'. Did you mean 'sma_cross'?"),
        (["--set", "fats=10"], 2, "SmaCross has no parameter 'fats'. Did you mean 'fast'?"),
        (["--set", "fast=60", "--set", "slow=50"], 2, "SmaCross(fast=60, slow=50) violates fast < slow."),
        (["--set", "fast=ten"], 2, "fast='ten' must be a whole number (bars)."),
        (["--set", "fast"], 2, "cannot read --set 'fast'. Write NAME=VALUE, such as fast=10."),
        (["--set", "fast=1", "--set", "fast=2"], 2, "--set fast is given twice."),
        (["--set", "slow=1000"], 4, "slow_mean (slow=1000) is undefined on all 900 bars. Use more candles."),
        (["--fee", "1.5"], 2, "fee=1.5 must be a fraction"),
        (["--fee", "-0.1"], 2, "fee=-0.1 must be a fraction"),
        (["--slippage", "nan"], 2, "slippage=nan must be a fraction"),
        (["--stop-loss", "5"], 2, "stop_loss=5.0 must be a fraction"),
        (["--fill", "close"], 2, "Invalid value for '--fill'"),
        (["--last", "0"], 2, "Invalid value for '--last'"),
        (["--start", "yesterday"], 2, "'yesterday' is not a date."),
        (["--data", "nothing.csv"], 4, "nothing.csv"),
        (["--data", "synthetik"], 2, "'synthetik' is no source of candles and no file. Did you mean 'synthetic'?"),
        (["--interval", "1hour"], 2, "unknown interval '1hour'."),
    ],
)
def test_bad_input_is_one_line_and_leaves_no_file(words: list[str], code: int, line: str, run: Run) -> None:
    found, out, err = run(*QUICK, *words)
    assert (found, out) == (code, "")
    assert line in err
    assert err.startswith("✗ ")
    assert err.count("\n") == 1
    assert written() == []


def test_what_is_cheap_to_check_is_checked_first(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MAX_POSITIONS", "-1")
    faults = ["--set", "fast", "--strategy", "sma_cros", "--data", "nothing.csv"]
    assert run("backtest", *faults)[0] == 2  # the argument
    code, _, err = run("backtest", *faults[2:])
    assert (code, "MAX_POSITIONS" in err) == (3, True)  # the settings
    monkeypatch.delenv("MAX_POSITIONS")
    assert "unknown strategy" in run("backtest", *faults[2:])[2]
    assert "nothing.csv" in run("backtest", *faults[4:])[2]


def test_a_run_with_the_kernel_alone_imports_no_slow_library() -> None:
    heavy = {"vectorbt", "pandas", "plotly", "matplotlib"}
    code = f"import sys\nfrom thunes.cli.app import main\nmain({list(QUICK)})\nprint({heavy} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=os.environ)
    assert done.stdout.endswith("\nset()\n")


def test_a_library_that_is_not_installed_is_named_and_nothing_is_written() -> None:
    code = (
        f"import sys\nsys.modules['vectorbt'] = None\nfrom thunes.cli.app import main\nexit(main({list(QUICK[:-2])}))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, env=os.environ)
    line = "✗ vectorbt is not installed. Install thunes[research], or use --engine kernel. [E-EXTRA]\n"
    assert (done.returncode, done.stdout, done.stderr) == (2, "", line)
    assert written() == []


def test_the_help_tells_the_costs_that_are_assumed() -> None:
    for option, value in ((Fee, Costs().fee), (Slippage, Costs().slippage)):
        assert f"Default: {value}." in option.__metadata__[0].help


def test_real_candles_are_reported_without_a_banner(run: Run, shared_data: Path) -> None:
    file = str(shared_data / "BTCUSDT-1h-2017-2022.parquet")
    code, out, _ = run("backtest", "--data", file, "--last", "2160", "--engine", "kernel", "--html")
    assert code == 0
    assert "SYNTHETIC" not in out + (FOLDER / "report_BTCUSDT_1h.html").read_text()
    assert "2022-10-03 00:00 to 2023-01-01 00:00 UTC, 90 days" in out
