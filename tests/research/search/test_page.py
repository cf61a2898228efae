from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from tests.research.search.worlds import MARKET, RANGES

from thunes.research.search.charts import MOST, shown_rows, study_of
from thunes.research.search.files import write_files
from thunes.research.search.page import page
from thunes.research.search.result import SearchResult
from thunes.research.search.search import search

SYNTHETIC = MARKET.replace(source="synthetic:7,edge=0")
FLAGS = (
    "--headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking "
    "--disable-component-update --disable-sync --enable-logging=stderr --virtual-time-budget=3000 --dump-dom"
)


def searched(**terms: Any) -> SearchResult:
    return search("sma_cross", SYNTHETIC, ranges=RANGES, **{"trials": 24, "sampler": "random", **terms})


@pytest.fixture(scope="module")
def drawn() -> SearchResult:
    return searched(sampler="nsga2", objectives=("sharpe", "calmar"))


@pytest.fixture(scope="module")
def text(drawn: SearchResult) -> str:
    return page(drawn)


def charts(text: str) -> dict[str, Any]:
    inside = re.search(r'<script type="application/json" id="data">(.*?)</script>', text, re.DOTALL)
    assert inside
    found: dict[str, Any] = json.loads(inside[1])
    return found


def test_the_page_holds_every_chart(text: str) -> None:
    assert charts(text).keys() == {"history", "front", "importances", "slices", "parallel"}
    assert charts(page(searched())).keys() == {"history", "importances", "slices", "parallel"}
    assert charts(page(searched(sampler="exhaustive"))).keys() == {"importances", "slices", "parallel"}


def test_the_history_shows_each_viable_set_at_its_own_number(drawn: SearchResult, text: str) -> None:
    viable = drawn.frame.filter(drawn.frame["state"] == "viable")
    points = charts(text)["history"]["data"][0]
    assert points["x"] == viable["trial"].to_list()
    assert points["y"] == pytest.approx(viable["sharpe"].to_list())


def test_it_needs_nothing_from_elsewhere_and_says_where_it_comes_from(drawn: SearchResult, text: str) -> None:
    outside = re.findall(r'(?:src|href)\s*=\s*"?(?!data:)[^"\s>]+', text.partition("<script")[0])
    assert outside == []
    assert "default-src 'none'" in text
    assert drawn.provenance["digest"] in text
    assert "SYNTHETIC MARKET: made-up candles." in text


def test_a_chart_that_cannot_be_drawn_is_named_with_the_reason() -> None:
    text = page(searched(trials=1, min_trades=0, seed=3))
    assert "Not drawn: " in text
    assert "importances" not in charts(text)


def test_a_large_search_is_thinned_evenly_and_keeps_the_front() -> None:
    result = search("donchian_breakout", SYNTHETIC, sampler="exhaustive", objectives=("sharpe", "calmar"))
    rows = shown_rows(result)
    assert len(result) > 2 * MOST
    assert set(result.front) <= set(rows.tolist())
    assert len(study_of(result, rows, 2, numbered=False).trials) == rows.size <= MOST + len(result.front)


@pytest.mark.skipif(not shutil.which("chromium"), reason="needs chromium")
def test_a_browser_draws_every_chart_and_complains_of_nothing(text: str, tmp_path: Path) -> None:
    place = tmp_path / "study.html"
    place.write_text(text)
    words = ["chromium", *FLAGS.split(), f"--user-data-dir={tmp_path / 'profile'}", place.as_uri()]
    done = subprocess.run(words, capture_output=True, text=True, check=True, timeout=120)
    assert "CONSOLE" not in done.stderr
    assert done.stdout.count('class="main-svg"') >= len(charts(text))


def test_the_files_are_the_sets_their_provenance_and_the_page(drawn: SearchResult, tmp_path: Path) -> None:
    files = write_files(drawn, tmp_path, "<html>")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["study.csv", "study.html", "study.json"]
    kept = pl.read_csv(files["csv"])
    assert kept.height == 24
    assert kept.columns[:7] == ["trial", "fast", "slow", "state", "trades", "sharpe", "calmar"]
    assert kept.columns[7:9] == ["sharpe_fold_1", "calmar_fold_1"]
    assert kept["sharpe"].max() == drawn.values["sharpe"]
    assert json.loads(files["json"].read_text()) == json.loads(drawn.to_json())
    write_files(drawn, tmp_path)
    assert not (tmp_path / "study.html").exists()
