from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import polars as pl
import pytest
from tests.cli.conftest import Run
from tests.research.search.worlds import flat

from thunes.research.evidence.ledger import LEDGER
from thunes.research.search.search import FOLDER

QUICK = ("optimize", "--data", "synthetic:7", "--last", "900", "--grid", "fast=5:12", "--grid", "slow=10:40")
DRAWN = (*QUICK, "--sampler", "random", "--trials", "24", "--seed", "1")


def written() -> list[str]:
    """What lies in the folder of studies."""
    return sorted(path.name for path in (Path.cwd() / FOLDER).rglob("*") if path.is_file())


def test_it_prints_the_best_set_fold_by_fold_and_keeps_the_study(run: Run) -> None:
    code, out, err = run(*DRAWN)
    assert code == 0
    assert out.startswith(" SYNTHETIC MARKET: made-up candles.")
    assert "random, seed 1" in out
    assert "24 tried of 242 in the space" in out
    assert "The best of 24 sets is mostly luck" in out
    assert max(len(line) for line in out.splitlines()) <= 80
    assert err.splitlines()[0] == "The space has 242 sets: --sampler exhaustive tries them all, faster and exact."
    assert err.splitlines()[-1].startswith("24 of 24 trials, best sharpe ")
    assert [Path(name).suffix for name in written() if name.startswith("sma_cross_BTCUSDT_1h_")] == [".lock", ".log"]
    assert {"study.csv", "study.html", "study.json"} <= set(written())


def test_json_is_one_object_and_its_winner_is_the_best_row_of_the_csv(run: Run) -> None:
    code, out, _ = run(*DRAWN, "--json")
    found = json.loads(out)
    assert (code, found["kind"], found["schema"], out.count("\n")) == (0, "optimize", 1, 1)
    best = (
        pl.read_csv(FOLDER / "study.csv")
        .filter(pl.col("state") == "viable")
        .sort("sharpe", descending=True)
        .row(0, named=True)
    )
    assert found["best"]["values"] == {"sharpe": best["sharpe"]}
    assert found["best"]["parameters"] == {"fast": best["fast"], "slow": best["slow"]}
    assert [fold["sharpe"] for fold in found["folds"]] == [best[f"sharpe_fold_{k}"] for k in range(1, 6)]


def test_the_same_command_again_or_with_more_workers_prints_the_same(run: Run) -> None:
    first = run(*DRAWN, "--workers", "1")[1]
    assert run(*DRAWN, "--workers", "4")[1] == first


def test_it_ends_in_a_verdict_on_the_best_set(run: Run) -> None:
    on_grid = (
        "optimize",
        "--data",
        "synthetic:7",
        "--last",
        "2160",
        "--trials",
        "16",
        "--no-html",
        "--min-trades",
        "1",
    )
    _, out, _ = run(*on_grid)
    assert "2,160 bars, 2018-01-01 … 2018-03-31: refused" in out
    assert "not enough history" in out
    verdict = json.loads(run(*on_grid, "--json")[1])["verdict"]
    assert not verdict["passed"]
    assert verdict["tested"] == {"sma_cross": 9370}
    assert json.loads(run(*on_grid, "--json", "--no-verdict")[1])["verdict"] is None


def test_a_set_that_the_strategy_does_not_declare_is_not_judged(run: Run) -> None:
    code, out, _ = run(
        *QUICK[:-1], "slow=15:19", "--trials", "16", "--sampler", "random", "--no-html", "--min-trades", "1"
    )
    assert code == 0
    assert "Not judged: SmaCross(" in out
    assert "not in the declared space of sma_cross" in out


def test_a_search_is_on_the_ledger(run: Run) -> None:
    run(*DRAWN, "--no-html")
    run(*DRAWN, "--no-html", "--seed", "2")
    (trial,) = json.loads(Path(LEDGER).read_text())["trials"]
    assert trial["strategy"] == "sma_cross"


def test_several_objectives_show_the_front(run: Run) -> None:
    _, out, _ = run(*QUICK, "--sampler", "nsga2", "--trials", "24", "--objective", "sharpe,return_over_drawdown")
    assert "Pareto front, " in out
    assert max(len(line) for line in out.splitlines()) <= 80


def test_exhaustive_tries_every_set_and_recommends_nothing(run: Run) -> None:
    code, out, err = run(*QUICK, "--sampler", "exhaustive")
    assert code == 0
    assert "242 tried of 242 in the space" in out
    assert "--sampler exhaustive" not in err
    assert written() == ["study.csv", "study.html", "study.json"]


def test_the_page_can_be_left_out(run: Run) -> None:
    _, out, _ = run(*QUICK, "--sampler", "exhaustive", "--no-html")
    assert "Page" not in out
    assert written() == ["study.csv", "study.json"]


def test_a_shared_study_says_so_before_and_after(run: Run) -> None:
    _, out, err = run(*DRAWN, "--shared", "--study", "ours")
    assert "Shared study: " in err
    assert "Shared study: " in out
    assert "seed" not in out


def test_flat_prices_end_with_exit_code_6_and_one_line(run: Run) -> None:
    market = flat(900)
    market.replace(open_time=market.open_time + 1_600_000_000_000 // 3_600_000 * 3_600_000).to_frame().write_csv(
        "flat.csv"
    )
    words = [word for word in DRAWN if word not in ("--last", "900", "--data", "synthetic:7")]
    code, out, err = run(*words, "--data", "flat.csv", "--symbol", "BTCUSDT", "--interval", "1h")
    assert (code, out) == (6, "")
    assert err.splitlines()[-1].startswith("✗ no viable parameters: of 24 sets ")
    assert "study.csv" not in written()


@pytest.mark.parametrize(
    ("words", "code", "line"),
    [
        (["--strategy", "sma_cros"], 2, "unknown strategy 'sma_cros'. Did you mean 'sma_cross'?"),
        (["--strategy", "buy_and_hold"], 2, "buy_and_hold"),
        (["--grid", "fats=5:10"], 2, "sma_cross has no parameter 'fats'. Did you mean 'fast'?"),
        (["--grid", "signal=10:5"], 2, "sma_cross has no parameter 'signal'."),
        (["--objective", "sharp"], 2, "unknown objective 'sharp'. Did you mean 'sharpe'?"),
        (["--sampler", "cmaes"], 2, "cmaes cannot keep to fast < slow."),
        (["--sampler", "exhaustive", "--study", "x"], 2, "exhaustive keeps no study."),
        (["--study", "../x"], 2, "'../x' is no name for a study."),
        (["--slippage", "2"], 2, "slippage=2.0 must be a fraction"),
        (["--folds", "50"], 4, "900 bars are too few for 50 folds after 52 bars of warm-up; it takes 1,552."),
        (["--storage", "sqlite:////no/folder/s.db"], 5, "cannot use the storage sqlite:////no/folder/s.db: "),
    ],
)
def test_bad_input_is_one_line_and_leaves_no_file(words: list[str], code: int, line: str, run: Run) -> None:
    found, out, err = run(*DRAWN, *words)
    assert (found, out) == (code, "")
    assert line in err
    assert sum(text.startswith("✗ ") for text in err.splitlines()) == 1
    assert written() == []


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (["--grid", "fast=10:5"], "the range of fast is empty."),
        (["--grid", "fast=60:70", "--grid", "slow=10:20"], "no set of the grid meets fast < slow."),
        (["--grid", "fast=5,6,9"], "the values of fast are not evenly spaced."),
    ],
)
def test_a_wrong_range_is_refused_before_any_candle_is_read(words: list[str], line: str, run: Run) -> None:
    code, out, err = run("optimize", "--data", "nothing.csv", *words)
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert line in err


def test_a_damaged_study_file_is_one_line(run: Run) -> None:
    FOLDER.mkdir(parents=True)
    (FOLDER / "mine.log").write_text("no journal\n")
    code, out, err = run(*DRAWN, "--study", "mine")
    assert (code, out) == (4, "")
    assert "✗ artifacts/optuna/mine.log is damaged: no study." in err
    assert (FOLDER / "mine.log").read_text() == "no journal\n"


def test_other_settings_for_a_named_study_are_refused(run: Run) -> None:
    assert run(*DRAWN, "--study", "mine")[0] == 0
    code, _, err = run(*DRAWN, "--study", "mine", "--min-trades", "3")
    assert code == 2
    assert "study mine was begun with other settings: min_trades." in err


def test_its_help_and_a_refusal_load_neither_optuna_nor_plotly() -> None:
    code = "import sys; from thunes.cli.app import main; main(['optimize', '--help']); main(['--help']);"
    code += "print([m for m in ('optuna', 'plotly', 'numpy', 'polars', 'sqlalchemy') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"
