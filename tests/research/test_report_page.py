from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from tests.series import bars, walk

from thunes.errors import DataError
from thunes.kernels.metrics import METRICS
from thunes.model import DAY_MS, Candles, Costs, Float1D, Stops
from thunes.research.backtest import backtest
from thunes.research.report.contents import Report, report
from thunes.research.report.files import write_files
from thunes.research.report.page import page
from thunes.strategies.base import Strategy, param

QUARTER = walk(24 * 90, seed=6).replace(source="synthetic:7,edge=0")
CHARTS = ("price", "equity", "drawdown", "rolling", "months", "trades", "costs", "neighbours")
FLAGS = (
    "--headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking "
    "--disable-component-update --disable-sync --enable-logging=stderr --virtual-time-budget=3000 --dump-dom"
)
# What a reader does: a button, then a drag. It is told where the other charts look then.
READER = """<script>
document.querySelector('.spans button[data-days="30"]').click();
document.body.dataset.month = document.querySelector('#equity .chart').layout.xaxis.range.join();
Plotly.relayout(document.querySelector('#drawdown .chart'), {
  "xaxis.range[0]": "1970-01-11", "xaxis.range[1]": "1970-01-15 12:00",
}).then(() => setTimeout(() => {
  const price = document.querySelector('#price .chart');
  document.body.dataset.dragged = price.layout.xaxis.range.join();
  document.body.dataset.drawn = price.data[0].type;
}, 100));
</script>"""


class Idle(Strategy):
    """Never invested."""

    unused: float = param(0.5, "of nothing", first=0, last=1, step=0.5)

    def exposure(self, candles: Candles) -> Float1D:
        return np.zeros(len(candles))


def crossed(candles: Candles = QUARTER, **terms: Any) -> Report:
    return report(backtest("sma_cross", candles, fast=5, slow=20, **terms))


@pytest.fixture(scope="module")
def text() -> str:
    return page(crossed())


def browsed(html: str, folder: Path) -> tuple[str, str]:
    """What headless Chromium makes of a page, and what it says meanwhile."""
    browser = shutil.which("chromium")
    if browser is None:
        pytest.skip("no chromium: the page is not drawn")
    file = folder / "report.html"
    file.write_text(html)
    command = [browser, *FLAGS.split(), f"--user-data-dir={folder}/profile", "--window-size=1280,900", file.as_uri()]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
    return done.stdout, done.stderr


def test_a_browser_draws_every_chart_and_follows_its_reader_without_complaint(text: str, tmp_path: Path) -> None:
    dom, talk = browsed(text.replace("</body>", f"{READER}</body>"), tmp_path)
    assert "CONSOLE" not in talk
    drawn = {
        name: body.count('class="main-svg"')
        for name, body in re.findall(r'<figure id="(\w+)">(.*?)</figure>', dom, re.DOTALL)
    }
    assert tuple(drawn) == CHARTS
    assert all(drawn.values())
    assert dom.count('class="hm"') == 3  # heat maps
    assert f'data-month="{60 * DAY_MS},{90 * DAY_MS}"' in dom  # a button moves all charts over time
    assert f'data-dragged="{10 * DAY_MS},{10 * DAY_MS + 4 * DAY_MS + DAY_MS // 2}"' in dom  # so does a drag
    assert 'data-drawn="candlestick"' in dom  # few bars are drawn as candles


def test_the_page_needs_nothing_from_elsewhere(text: str) -> None:
    own = text.replace(text[text.index("/**\n* plotly.js") : text.rindex("</script>\n<script>")], "")
    assert len(own) < 400_000
    assert not re.search(r"https?://|//cdn|<link|@import|url\(| src=", own)
    assert "default-src 'none'" in own


def test_the_page_never_says_nan(text: str) -> None:
    words = re.sub(r"<(script|style).*?</\1>|<[^>]*>", " ", text, flags=re.DOTALL)
    assert not re.search(r"\b(nan|inf|null|None)\b", words)
    assert not re.search(r"[:,\[](NaN|-?Infinity)", text[text.index('id="data">') : text.index("/**\n* plotly.js")])


def test_synthetic_candles_have_a_banner_and_real_ones_none(text: str) -> None:
    assert '<div class="notice" role="note">SYNTHETIC MARKET: made-up candles.' in text
    assert "SYNTHETIC" not in page(crossed(QUARTER.replace(source="file:x.csv")))


def test_what_a_user_named_cannot_become_markup() -> None:
    hostile = QUARTER.replace(source='file:</script><b onload="x">.csv', symbol="</script><b onload>")
    text = page(crossed(hostile))
    assert "<b onload" not in text
    assert "file:&lt;/script&gt;&lt;b onload=&quot;x&quot;&gt;.csv" in text


def test_the_page_ends_with_where_its_figures_come_from(text: str) -> None:
    found = crossed().result.provenance
    assert f"<dd>{found['digest']}</dd>" in text
    assert found["candles"]["sha256"] in text
    assert text.index("All figures") < text.index("Where this comes from")


@pytest.mark.parametrize(
    "found",
    [
        report(backtest(Idle(), QUARTER)),
        report(backtest("buy_and_hold", bars([(1, 2, 0.5, 1.5)]), Costs(0, 0))),
        report(backtest("buy_and_hold", walk(12, interval="1w"))),
        crossed(stops=Stops(0.02, 0.03, 0.04), fill="next_close"),
        crossed(costs=Costs(0.9, 0)),
    ],
    ids=["idle", "one bar", "weeks", "stops", "ruinous"],
)
def test_odd_results_have_a_page_too(found: Report) -> None:
    assert page(found).count("<figure") == len(CHARTS)


def test_the_files_hold_the_figures_the_trades_and_the_curve(tmp_path: Path) -> None:
    found = crossed()
    files = write_files(found, tmp_path / "backtest")
    assert {kind: file.name for kind, file in files.items()} == {
        "stats": "stats_BTCUSDT_1h.csv",
        "trades": "trades_BTCUSDT_1h.csv",
        "equity": "equity_BTCUSDT_1h.csv",
        "result": "result_BTCUSDT_1h.json",
    }
    stats, trades, equity = (pl.read_csv(files[kind]) for kind in ("stats", "trades", "equity"))
    assert dict(zip(stats["metric"], stats["strategy"], strict=True)) == found.result.stats
    assert set(stats["metric"]) == set(METRICS)
    assert trades["pnl"].to_list() == found.result.trades["pnl"].to_list()
    assert (equity["open_time"][1], equity["equity"][-1]) == (
        "1970-01-01T01:00:00Z",
        found.result.stats["final_equity"],
    )
    for frame in (stats, trades, equity):
        assert set(frame["source"]) == {"synthetic:7,edge=0"}


def test_undefined_figures_are_empty_in_csv_and_null_in_json(tmp_path: Path) -> None:
    files = write_files(report(backtest(Idle(), QUARTER)), tmp_path)
    assert ",nan" not in files["stats"].read_text().lower()
    written = json.loads(files["result"].read_text(), parse_constant=lambda text: pytest.fail(text))
    assert written["stats"]["sharpe"] is None
    assert written["sharpe_interval"]["strategy"] == [None, None]
    assert written["provenance"]["candles"]["synthetic"] is True
    assert written["notice"].startswith("SYNTHETIC")


def test_a_run_without_a_page_leaves_no_older_one_beside_it(tmp_path: Path) -> None:
    found = crossed()
    assert write_files(found, tmp_path, "<html>")["page"].read_text() == "<html>"
    assert "page" not in write_files(found, tmp_path)
    assert not list(tmp_path.glob("*.html"))


def test_a_folder_that_cannot_be_written_is_one_clear_error(tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("")
    with pytest.raises(DataError, match="cannot write"):
        write_files(crossed(), tmp_path / "taken")
    assert [path.name for path in tmp_path.iterdir()] == ["taken"]
