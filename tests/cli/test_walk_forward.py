from __future__ import annotations

import json
from pathlib import Path

import polars as pl
import pytest
from tests.cli.conftest import Run

from thunes.research.walk_forward.report import FOLDER, SHOWN

QUICK = (
    "walk-forward",
    "--data",
    "synthetic:7",
    "--last",
    "900",
    "--train",
    "15d",
    "--test",
    "5d",
    "--min-trades",
    "2",
)
GRID = ("--grid", "fast=5:12", "--grid", "slow=10:40:10")


def written() -> list[str]:
    return sorted(path.name for path in Path.cwd().rglob("*") if path.is_file())


def test_it_prints_folds_account_and_stability_in_80_columns(run: Run) -> None:
    code, out, err = run(*QUICK, *GRID)
    assert (code, err) == (0, "")
    assert out.startswith(" SYNTHETIC MARKET: made-up candles.")
    assert max(len(line) for line in out.splitlines()) <= 80
    for heading in (
        "\nTest from ",
        "\nOut of sample ",
        "\nParameter ",
        "\nSharpe: ",
        "\nFiles: artifacts/walk_forward/",
    ):
        assert heading in out
    assert sum(line.startswith("20") for line in out.splitlines()) == 4 + 1  # folds, and the period


def test_the_files_have_all_folds_and_bars_with_their_source(run: Run) -> None:
    found = json.loads(run(*QUICK, *GRID, "--json")[1])
    assert written() == [f"{kind}_BTCUSDT_1h_sma_cross.{end}" for kind, end in zip(KINDS, ENDS, strict=True)]
    folds = pl.read_csv(FOLDER / "folds_BTCUSDT_1h_sma_cross.csv")
    assert folds["out_sharpe"].to_list() == pytest.approx([f["out_of_sample"]["sharpe"] for f in found["folds"]])
    assert set(folds["source"]) == {"synthetic:7,edge=0"}
    equity = pl.read_csv(FOLDER / "equity_BTCUSDT_1h_sma_cross.csv")
    assert equity.height == 4 * 120
    assert equity["equity"][-1] == pytest.approx(found["stats"]["final_equity"])
    kept = json.loads((FOLDER / "result_BTCUSDT_1h_sma_cross.json").read_text())
    assert kept["stats"] == found["stats"]


KINDS, ENDS = ("equity", "folds", "result"), ("csv", "csv", "json")


def test_json_is_one_object_with_every_fold(run: Run) -> None:
    code, out, _ = run(*QUICK, *GRID, "--json")
    found = json.loads(out)
    assert (code, found["kind"], found["schema"], out.count("\n")) == (0, "walk_forward", 1, 1)
    assert len(found["folds"]) == 4
    assert found["folds"][0]["train"] == {"first": 0, "stop": 360}
    assert found["folds"][0]["test"] == {"first": 360, "stop": 480}
    assert set(found["stability"]) == {"fast", "slow"}
    assert found["notice"].startswith("SYNTHETIC")
    assert found["files"]["folds"] == "artifacts/walk_forward/folds_BTCUSDT_1h_sma_cross.csv"


def test_the_options_reach_the_folds(run: Run) -> None:
    words = ("--anchored", "--purge", "1d", "--embargo", "6", "--step", "130", "--metric", "total_return", "--fee", "0")
    asked = json.loads(run(*QUICK, *GRID, *words, "--json")[1])["provenance"]
    assert asked["parameters"]["walk_forward"] == {
        "train": 360,
        "test": 120,
        "step": 130,
        "purge": 24,
        "embargo": 6,
        "anchored": True,
        "metric": "total_return",
        "min_trades": 2,
    }
    assert asked["costs"]["fee"] == 0


@pytest.mark.parametrize("strategy", ["buy_and_hold", "macd_trend", "bollinger_reversion", "donchian_breakout"])
def test_every_kind_of_set_fits_80_columns(strategy: str, run: Run) -> None:
    code, out, _ = run(*QUICK, "--strategy", strategy, "--min-trades", "0")
    assert code == 0
    assert max(len(line) for line in out.splitlines()) <= 80


MANY = """
from thunes.strategies.base import Strategy, param

class Many(Strategy):
    \"\"\"Long while the close is above the open, with names that take room.\"\"\"

    first_long_name: int = param(1_000_000, "bars", first=1_000_000, last=1_000_000)
    second_long_name: int = param(1_000_000, "bars", first=1_000_000, last=1_000_000)
    third_long_name: int = param(1_000_000, "bars", first=1_000_000, last=1_000_000)

    @staticmethod
    def rule(held: int, open: float, close: float) -> bool:
        return close > open
"""


def test_a_wide_set_takes_no_room_from_the_figures(run: Run) -> None:
    Path("many.py").write_text(MANY)
    code, out, _ = run(*QUICK, "--strategy", "many.py:Many")
    heading = next(line for line in out.splitlines() if line.startswith("Test from"))
    assert code == 0
    assert len(heading) <= 80
    assert heading.split("…")[1].split() == ["Sharpe", "in", "out", "Return", "out", "Drawdown", "Trades"]


def test_a_flat_fold_is_said_so(run: Run) -> None:
    code, out, _ = run(*QUICK, *GRID, "--min-trades", "1000")
    assert code == 0
    assert out.count("flat: none viable") == 4
    assert "4 of 4 folds had no viable set and stayed flat." in out
    kept = (FOLDER / "folds_BTCUSDT_1h_sma_cross.csv").read_text()
    assert "nan" not in (out + kept).lower()


def test_many_folds_are_cut_on_screen_only(run: Run) -> None:
    _, out, _ = run(*QUICK, "--grid", "fast=5", "--grid", "slow=20", "--test", "12h")
    folds = pl.read_csv(FOLDER / "folds_BTCUSDT_1h_sma_cross.csv").height
    assert folds == (900 - 360) // 12 > SHOWN
    assert sum(line.endswith(" %") or " %  " in line for line in out.splitlines() if line[:2] == "20") == SHOWN
    assert f"Shown are the last {SHOWN} of {folds} folds." in out


@pytest.mark.parametrize(
    ("words", "code", "line"),
    [
        (["--train", "90d"], 4, "one fold needs 2,280 bars, there are 900."),
        (["--train", "0"], 2, "train=0 and test=120 must be at least 1 bar."),
        (["--train", "10 days"], 2, "cannot read the length '10 days'."),
        (["--test", "90m"], 2, "90m is no whole number of 1h bars."),
        (["--step", "1d"], 2, "step=24 must be at least test=120, or tests would overlap."),
        (["--purge", "15d"], 2, "purge=360 must be at least 0 and leave some of train=360."),
        (["--metric", "sharp"], 2, "no set can be chosen by 'sharp'. Did you mean 'sharpe'?"),
        (["--grid", "fats=5:10"], 2, "sma_cross has no parameter 'fats'. Did you mean 'fast'?"),
        (["--grid", "slow=400:500"], 4, "is undefined on all 360 bars."),
        (["--strategy", "sma_cros"], 2, "unknown strategy 'sma_cros'. Did you mean 'sma_cross'?"),
        (["--data", "nothing.csv"], 4, "nothing.csv"),
    ],
)
def test_bad_input_is_one_line_and_leaves_no_file(words: list[str], code: int, line: str, run: Run) -> None:
    found, out, err = run(*QUICK, *words)
    assert (found, out) == (code, "")
    assert line in err
    assert err.startswith("✗ ")
    assert err.count("\n") == 1
    assert written() == []


@pytest.mark.parametrize("words", [["--metric", "sharp"], ["--grid", "fats=5"], ["--train", "10 days"]])
def test_wrong_arguments_are_refused_before_any_candle_is_read(words: list[str], run: Run) -> None:
    code, _, err = run("walk-forward", "--data", "nothing.csv", *words)
    assert (code, "nothing.csv" in err) == (2, False)
