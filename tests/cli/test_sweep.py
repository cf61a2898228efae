from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest
from tests.cli.conftest import Run

from thunes.kernels.metrics import METRICS
from thunes.research.report.sweeps import FOLDER

QUICK = ("sweep", "--data", "synthetic:7", "--last", "900")
GRID = ("--grid", "fast=5:12", "--grid", "slow=10:40:10")


def written() -> list[str]:
    return sorted(path.name for path in Path.cwd().rglob("*") if path.is_file())


def test_a_sweep_prints_its_best_sets_and_keeps_all_of_them(run: Run) -> None:
    code, out, err = run(*QUICK, *GRID)
    assert (code, err) == (0, "")
    assert out.startswith(" SYNTHETIC MARKET: made-up candles.")
    assert "\nsma_cross\n29 sets × 900 bars in " in out
    assert "The best of 29 sets is mostly luck" in out
    assert "All sets: artifacts/sweep/BTCUSDT_1h_sma_cross.parquet" in out
    assert max(len(line) for line in out.splitlines()) <= 80
    kept = pl.read_parquet(FOLDER / "BTCUSDT_1h_sma_cross.parquet")
    assert kept.columns == ["fast", "slow", "total_return", "sharpe", "max_drawdown", "trades"]
    assert kept.height == 29
    assert (kept["fast"] < kept["slow"]).all()


def test_the_printed_sets_are_those_of_the_highest_sharpe(run: Run) -> None:
    _, out, _ = run(*QUICK, *GRID)
    kept = pl.read_parquet(FOLDER / "BTCUSDT_1h_sma_cross.parquet").sort("sharpe", descending=True)
    header = next(k for k, line in enumerate(out.splitlines()) if line.startswith("fast"))
    printed = [tuple(map(int, line.split()[:2])) for line in out.splitlines()[header + 1 : header + 11]]
    assert printed == kept.select("fast", "slow").rows()[:10]


def test_json_is_one_object_with_the_best_sets_and_the_speed(run: Run) -> None:
    code, out, _ = run(*QUICK, *GRID, "--json")
    found = json.loads(out)
    assert (code, found["kind"], found["schema"], out.count("\n")) == (0, "sweep", 1, 1)
    assert (found["sets"], found["bars"], len(found["top"])) == (29, 900, 10)
    assert found["top"][0] == found["best"]
    assert found["bar_sets_per_second"] == pytest.approx(29 * 900 / found["seconds"])
    assert found["out"] == "artifacts/sweep/BTCUSDT_1h_sma_cross.parquet"
    assert "luck" in found["note"]
    assert found["notice"].startswith("SYNTHETIC")


@pytest.mark.parametrize(
    ("suffix", "read"), [(".parquet", pl.read_parquet), (".csv", pl.read_csv), (".feather", pl.read_ipc)]
)
def test_the_suffix_chooses_the_kind_of_file(suffix: str, read: Callable[..., pl.DataFrame], run: Run) -> None:
    assert run(*QUICK, *GRID, "--metrics", "sharpe,trades", "--out", f"found{suffix}")[0] == 0
    assert read(f"found{suffix}").columns == ["fast", "slow", "sharpe", "trades"]
    beside = json.loads(Path(f"found{suffix}.json").read_text())
    assert beside["provenance"]["candles"]["source"] == "synthetic:7,edge=0"
    assert written() == [f"found{suffix}", f"found{suffix}.json"]


def test_a_parquet_file_carries_where_it_comes_from_also_inside(run: Run) -> None:
    run(*QUICK, *GRID, "--out", "found.parquet")
    inside = json.loads(pl.read_parquet_metadata("found.parquet")["thunes.sweep"])
    assert inside == json.loads(Path("found.parquet.json").read_text())


@pytest.mark.parametrize("suffix", [".parquet", ".csv", ".feather"])
def test_what_a_sweep_wrote_is_not_taken_for_damaged_candles(suffix: str, run: Run) -> None:
    run(*QUICK, *GRID, "--out", f"found{suffix}")
    code, _, err = run("backtest", "--data", f"found{suffix}", "--symbol", "BTCUSDT", "--interval", "1h")
    assert code == 4
    assert err.startswith(f"✗ found{suffix} holds no candles: it has no column open_time, ")


def test_without_a_grid_the_whole_search_range_is_swept(run: Run) -> None:
    _, out, _ = run(*QUICK, "--strategy", "donchian_breakout", "--json")
    from thunes.strategies.donchian_breakout import DonchianBreakout

    assert json.loads(out)["sets"] == DonchianBreakout.space_size()


@pytest.mark.parametrize("strategy", ["buy_and_hold", "macd_trend", "bollinger_reversion"])
def test_all_metrics_fit_80_columns_on_screen_and_all_are_kept(strategy: str, run: Run) -> None:
    code, out, _ = run(*QUICK, "--strategy", strategy, "--metrics", "all")
    assert code == 0
    assert max(len(line) for line in out.splitlines()) <= 80
    assert {"Sharpe", "Total", "drawdown"} <= set(out.split())
    kept = pl.read_parquet(next(FOLDER.glob("*.parquet")))
    assert set(METRICS) <= set(kept.columns)


def test_an_undefined_figure_is_a_dash_null_or_empty_and_never_wins(run: Run) -> None:
    words = (*QUICK, "--last", "60", "--grid", "fast=5", "--grid", "slow=20:59", "--metrics", "sharpe,profit_factor")
    _, out, _ = run(*words, "--out", "found.csv")
    found = json.loads(run(*words, "--json")[1])
    assert "nan" not in out + Path("found.csv").read_text()
    assert "–" in out
    assert found["best"]["sharpe"] is not None


def test_stops_and_costs_change_the_figures(run: Run) -> None:
    plain, stopped, free = (
        json.loads(run(*QUICK, *GRID, "--json", *more)[1])["best"]["total_return"]
        for more in ([], ["--stop-loss", "0.01"], ["--fee", "0", "--slippage", "0"])
    )
    assert stopped != plain < free


@pytest.mark.parametrize(
    ("words", "code", "line"),
    [
        (["--strategy", "sma_cros"], 2, "unknown strategy 'sma_cros'. Did you mean 'sma_cross'?"),
        (["--grid", "fats=5:10"], 2, "sma_cross has no parameter 'fats'. Did you mean 'fast'?"),
        (["--grid", "fast=5-10"], 2, "cannot read the range 'fast=5-10'."),
        (["--grid", "fast=10:5"], 2, "the range of fast is empty."),
        (["--grid", "fast=5", "--grid", "fast=6"], 2, "--grid fast is given twice."),
        (["--grid", "fast=60:70"], 2, "no set of the grid meets fast < slow."),
        (["--grid", "slow=100:2000"], 4, "is undefined on all 900 bars."),
        (["--metrics", "sharp"], 2, "unknown metric 'sharp'. Did you mean 'sharpe'?"),
        (["--metrics", ""], 2, "unknown metric ''."),
        (["--out", "found.txt"], 2, "cannot write 'found.txt'. End it in .parquet, .csv, .feather."),
        (["--slippage", "2"], 2, "slippage=2.0 must be a fraction"),
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


def test_a_file_that_cannot_be_written_is_said_so(run: Run) -> None:
    Path("taken").write_text("")
    code, out, err = run(*QUICK, *GRID, "--out", "taken/found.csv")
    assert (code, out) == (4, "")
    assert err.startswith("✗ cannot write taken/found.csv: ")
    assert written() == ["taken"]


def test_a_wrong_grid_is_refused_before_any_candle_is_read(run: Run) -> None:
    code, _, err = run("sweep", "--grid", "fats=5:10", "--data", "nothing.csv")
    assert (code, "fats" in err) == (2, True)
