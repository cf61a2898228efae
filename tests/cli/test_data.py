"""`thunes data`: the whole way from an exchange or a file to the store and out again."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from tests.market.loopback import Answer, Exchange, klines, market, running

from thunes.cli import loading
from thunes.cli.app import main
from thunes.clock import SystemClock, to_ms
from thunes.market.files import read_file, sidecar, write_file

HOUR = 3_600_000
FEBRUARY = to_ms("2024-02-01")
Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Run:
    """Run `thunes data …`; gives exit code, stdout, stderr."""

    def run(*words: str) -> tuple[int, str, str]:
        code = main(["data", *words])
        return (code, *capsys.readouterr())

    return run


@pytest.fixture
def exchange(monkeypatch: pytest.MonkeyPatch) -> Iterator[Exchange]:
    """An exchange that stands at the machine's time, reached by the settings."""
    with running() as exchange:
        exchange.now = SystemClock().now_ms()
        monkeypatch.setenv("BINANCE_DATA_URL", exchange.url)
        monkeypatch.setenv("BINANCE_ARCHIVE_URL", exchange.url)
        yield exchange


def series_of(output: str) -> list[dict[str, Any]]:
    return list(json.loads(output)["series"])


def one_line(talk: str) -> bool:
    return talk.count("\n") == 1 and talk.endswith("]\n")


def plain_csv(name: str = "BTCUSDT-1h.csv", bars: int = 48) -> Path:
    path = Path(name)
    path.write_text("".join(",".join(map(str, row)) + "\n" for row in klines(FEBRUARY, bars)))
    return path


@pytest.mark.loopback
class TestFetch:
    def test_it_fills_the_store_and_says_with_what(self, run: Run, exchange: Exchange) -> None:
        code, out, talk = run("fetch", "--start", "2024-02-01", "--end", "2024-03-01", "--json")
        assert (code, talk) == (0, "")
        (row,) = series_of(out)
        assert (row["symbol"], row["interval"], row["source"]) == ("BTCUSDT", "1h", "binance")
        assert (row["bars"], row["first"], row["missing"]) == (29 * 24, FEBRUARY, 0)
        assert row["fingerprint"] == market(FEBRUARY, 29 * 24).fingerprint()
        exchange.asked.clear()
        run("fetch", "--start", "2024-02-01", "--end", "2024-03-01")
        assert exchange.asked == []

    def test_the_last_bars_are_the_last_finished_ones(self, run: Run, exchange: Exchange) -> None:
        code, out, _ = run("fetch", "--last", "30", "--json")
        (row,) = series_of(out)
        assert (code, row["bars"]) == (0, 30)
        assert exchange.now - 2 * HOUR < row["last"] <= exchange.now - HOUR

    def test_the_archive_is_fetched_by_months(self, run: Run, exchange: Exchange) -> None:
        exchange.publish("monthly", "2024-02", klines(FEBRUARY, 29 * 24))
        code, out, _ = run("fetch", "--data", "archive", "--start", "2024-02-01", "--end", "2024-03-01", "--json")
        assert (code, series_of(out)[0]["source"]) == (0, "archive")

    @pytest.mark.parametrize(
        ("answer", "exit_code", "what"),
        [
            (Answer(451, b"<html>"), 5, "blocked, not down"),
            (Answer(200, b"<html>log in</html>"), 5, "nonsense"),
            (Answer(418, b"", {"Retry-After": "9999"}), 5, "banned"),
        ],
    )
    def test_a_bad_answer_is_one_line_and_leaves_nothing(
        self, run: Run, exchange: Exchange, answer: Answer, exit_code: int, what: str
    ) -> None:
        exchange.script.append(answer)
        code, out, talk = run("fetch", "--last", "5")
        assert (code, out) == (exit_code, "")
        assert what in talk
        assert one_line(talk)
        assert not list(Path().rglob("*.parquet"))

    def test_a_symbol_that_does_not_exist_is_a_usage_error(self, run: Run, exchange: Exchange) -> None:
        code, _, talk = run("fetch", "--symbol", "BTCUSD", "--last", "5")
        assert (code, one_line(talk)) == (2, True)
        assert "knows no symbol 'BTCUSD'" in talk
        assert exchange.asked

    def test_a_gap_is_told_of_on_stderr(self, run: Run, exchange: Exchange) -> None:
        exchange.outages = [(FEBRUARY + HOUR, FEBRUARY + 3 * HOUR)]
        code, out, talk = run("fetch", "--start", "2024-02-01", "--end", "2024-02-02", "--json")
        assert (code, series_of(out)[0]["missing"]) == (0, 2)
        assert talk == "BTCUSDT 1h: 2 bars missing in 1 gap, the longest of 2 from 2024-02-01 01:00 UTC.\n"


class TestImport:
    def test_a_file_goes_into_the_store_under_its_own_name(self, run: Run) -> None:
        code, out, _ = run("import", str(plain_csv()), "--json")
        (row,) = series_of(out)
        assert (code, row["symbol"], row["interval"], row["bars"]) == (0, "BTCUSDT", "1h", 48)
        assert row["source"] == "file:BTCUSDT-1h.csv"
        listed = json.loads(run("list", "--json")[1])["series"]
        assert [(s["origin"], s["source"], s["bars"]) for s in listed] == [("imported", "file:BTCUSDT-1h.csv", 48)]

    def test_several_files_of_one_series_are_joined(self, run: Run) -> None:
        write_plain("BTCUSDT-1h-a.csv", klines(FEBRUARY, 24))
        write_plain("BTCUSDT-1h-b.csv", klines(FEBRUARY + 24 * HOUR, 24))
        code, out, _ = run("import", "BTCUSDT-1h-b.csv", "BTCUSDT-1h-a.csv", "--json")
        (row,) = series_of(out)
        assert (code, row["bars"], row["source"]) == (0, 48, "file:BTCUSDT-1h-*.csv")

    def test_the_next_months_file_joins_what_was_imported(self, run: Run) -> None:
        for month, first in (("01", FEBRUARY), ("02", FEBRUARY + 24 * HOUR), ("02", FEBRUARY + 24 * HOUR)):
            write_plain(f"BTCUSDT-1h-2024-{month}.csv", klines(first, 24))
            assert run("import", f"BTCUSDT-1h-2024-{month}.csv")[0] == 0
        (row,) = series_of(run("list", "--json")[1])
        assert (row["bars"], row["missing"], row["source"]) == (48, 0, "file:BTCUSDT-1h-2024-0*.csv")

    def test_synthetic_candles_do_not_join_imported_ones(self, run: Run) -> None:
        run("import", str(plain_csv()))
        write_file(market(FEBRUARY + 90 * HOUR, 24, source="synthetic:7,edge=0"), Path("BTCUSDT-1h-b.csv"))
        code, _, talk = run("import", "BTCUSDT-1h-b.csv")
        assert (code, one_line(talk)) == (4, True)
        assert "synthetic:7,edge=0 may not join them" in talk

    @pytest.mark.parametrize("manifest", ['{"format": 2}', "{"])
    def test_replacing_leaves_what_it_cannot_read(self, run: Run, manifest: str) -> None:
        run("import", str(plain_csv()))
        (path,) = Path("store").rglob("manifest.json")
        path.write_text(manifest)
        code, _, talk = run("import", "BTCUSDT-1h.csv", "--replace")
        assert (code, one_line(talk), path.read_text()) == (4, True, manifest)

    def test_files_that_overlap_are_refused(self, run: Run) -> None:
        write_plain("BTCUSDT-1h-a.csv", klines(FEBRUARY, 24))
        write_plain("BTCUSDT-1h-b.csv", klines(FEBRUARY + 23 * HOUR, 24))
        code, _, talk = run("import", "BTCUSDT-1h-b.csv", "BTCUSDT-1h-a.csv")
        assert (code, one_line(talk)) == (4, True)
        assert "overlap" in talk

    def test_synthetic_and_real_files_are_not_joined(self, run: Run) -> None:
        write_plain("BTCUSDT-1h-a.csv", klines(FEBRUARY, 24))
        write_file(market(FEBRUARY + 24 * HOUR, 24, source="synthetic:7,edge=0"), Path("BTCUSDT-1h-b.csv"))
        code, _, talk = run("import", "BTCUSDT-1h-b.csv", "BTCUSDT-1h-a.csv")
        assert (code, one_line(talk)) == (4, True)
        assert "may not be joined" in talk
        assert not Path("store").exists()

    def test_a_file_that_says_otherwise_joins_only_by_replacing(self, run: Run) -> None:
        run("import", str(plain_csv()))
        write_plain("BTCUSDT-1h-other.csv", [[*row[:5], "7", *row[6:]] for row in klines(FEBRUARY, 5)])
        code, _, talk = run("import", "BTCUSDT-1h-other.csv")
        assert (code, one_line(talk)) == (4, True)
        assert "--replace" in talk
        assert run("import", "BTCUSDT-1h-other.csv", "--replace")[0] == 0
        assert json.loads(run("list", "--json")[1])["series"][0]["bars"] == 5

    def test_a_name_that_tells_nothing_needs_options(self, run: Run) -> None:
        plain_csv("candles.csv")
        code, _, talk = run("import", "candles.csv")
        assert (code, one_line(talk)) == (2, True)
        assert "--symbol" in talk
        assert run("import", "candles.csv", "--symbol", "BTCUSDT", "--interval", "1h")[0] == 0

    def test_a_bad_file_among_good_ones_stores_none(self, run: Run) -> None:
        plain_csv("ETHUSDT-1h.csv")
        Path("BTCUSDT-1h.csv").write_text("open_time,open,high,low,close,volume\n2024-02-01,1,2,3,4,5\n")
        code, out, talk = run("import", "ETHUSDT-1h.csv", "BTCUSDT-1h.csv")
        assert (code, out, one_line(talk)) == (4, "", True)
        assert not Path("store").exists()


def write_plain(name: str, rows: list[list[Any]]) -> None:
    Path(name).write_text("".join(",".join(map(str, row)) + "\n" for row in rows))


class TestList:
    def test_an_empty_store_says_how_to_fill_it(self, run: Run) -> None:
        assert run("list") == (0, "The store is empty. Fill it: thunes data fetch\n", "")

    def test_the_table_fits_80_columns_and_cuts_only_the_source(self, run: Run) -> None:
        run("import", str(plain_csv("1000SATSUSDT-15m-" + "long-" * 20 + ".csv")), "--interval", "1h")
        code, out, _ = run("list")
        assert code == 0
        assert all(len(line) <= 80 for line in out.splitlines())
        assert re.search(r"1000SATSUSDT +1h +file:1000SATS\S+ +2024-02-01 +2024-02-02 +48 +0", out)


class TestCheck:
    def test_a_good_file_is_usable(self, run: Run) -> None:
        code, out, talk = run("check", str(plain_csv()))
        assert (code, talk) == (0, "")
        assert out.startswith("BTCUSDT-1h.csv: usable\n")

    def test_a_bad_file_is_described_and_ends_with_4(self, run: Run) -> None:
        rows = klines(FEBRUARY, 48)
        write_plain("BTCUSDT-1h.csv", [*rows[:10], rows[9], *rows[10:20], *rows[22:]])
        code, out, talk = run("check", "BTCUSDT-1h.csv")
        assert (code, one_line(talk)) == (4, True)
        assert "BTCUSDT-1h.csv: 1 duplicate times (the first in row 10)" in talk
        assert "UNUSABLE" in out
        assert "missing bars: 2, gaps: 1" in out
        code, out, _ = run("check", "BTCUSDT-1h.csv", "--json")
        (found,) = json.loads(out)["checks"]
        assert (code, found["ok"], found["duplicates"], found["missing"]) == (4, False, 1, 2)

    def test_a_wrong_interval_is_one_line_that_names_the_file(self, run: Run) -> None:
        code, _, talk = run("check", str(plain_csv()), "--interval", "1d")
        assert (code, one_line(talk)) == (4, True)
        assert talk.startswith("✗ BTCUSDT-1h.csv: its candles are 1h apart, not 1d. Say --interval 1h or make longer")

    def test_a_file_that_is_no_table_does_not_hide_the_others(self, run: Run) -> None:
        plain_csv("ETHUSDT-1h.csv")
        Path("BTCUSDT-1h.csv").write_text("<html>")
        code, out, talk = run("check", "BTCUSDT-1h.csv", "ETHUSDT-1h.csv")
        assert (code, one_line(talk)) == (4, True)
        assert "ETHUSDT-1h.csv: usable" in out

    def test_a_damaged_part_is_named_and_repaired_on_demand(self, run: Run) -> None:
        run("import", str(plain_csv("BTCUSDT-1h.csv", bars=24 * 40)))
        part = next(Path("store").rglob("2024-03-*.parquet"))
        part.write_bytes(part.read_bytes()[:-5])
        code, _, talk = run("check")
        assert (code, one_line(talk)) == (4, True)
        assert part.name in talk
        code, out, talk = run("check", "--repair", "--symbol", "btcusdt")
        assert (code, talk) == (0, "imported BTCUSDT 1h: dropped 2024-03. Fetch or import it again.\n")
        assert "696 bars" in out  # February's 29 days

    def test_an_empty_store_has_nothing_to_check(self, run: Run) -> None:
        code, _, talk = run("check")
        assert (code, one_line(talk)) == (4, True)


class TestExport:
    @pytest.mark.parametrize("suffix", [".csv", ".parquet", ".feather"])
    def test_synthetic_stays_synthetic_out_and_in_again(self, run: Run, suffix: str) -> None:
        assert run("export", f"x{suffix}", "--data", "synthetic:7", "--last", "50")[0] == 0
        code, out, _ = run("import", f"x{suffix}", "--symbol", "REALUSDT", "--json")
        assert (code, series_of(out)[0]["source"]) == (0, "synthetic:7,edge=0")
        run("export", "y.csv", "--symbol", "REALUSDT")
        assert read_file(Path("y.csv")).is_synthetic

    def test_longer_bars_are_written_on_demand(self, run: Run) -> None:
        plain_csv()
        code, out, _ = run("export", "day.csv", "--data", "BTCUSDT-1h.csv", "--resample", "1d", "--json")
        (row,) = series_of(out)
        assert (code, row["interval"], row["bars"]) == (0, "1d", 2)
        assert pl.read_csv("day.csv").height == 2

    def test_a_file_is_not_replaced_unless_forced(self, run: Run) -> None:
        Path("x.csv").write_text("precious")
        code, _, talk = run("export", "x.csv", "--data", "synthetic:7", "--last", "5")
        assert (code, one_line(talk)) == (2, True)
        assert Path("x.csv").read_text() == "precious"
        assert run("export", "x.csv", "--data", "synthetic:7", "--last", "5", "--force")[0] == 0
        assert sidecar(Path("x.csv")).exists()

    def test_what_cannot_be_written_is_said_before_anything_is_loaded(self, run: Run) -> None:
        code, _, talk = run("export", "x.xlsx", "--data", "missing.csv")
        assert (code, one_line(talk)) == (2, True)
        assert not list(Path().iterdir())

    def test_an_empty_store_has_nothing_to_export(self, run: Run) -> None:
        code, _, talk = run("export", "x.csv")
        assert (code, one_line(talk)) == (4, True)
        assert not list(Path().iterdir())


def test_a_progress_bar_shows_only_on_a_terminal_after_a_while(capsys: pytest.CaptureFixture[str]) -> None:
    with loading.progress_bar("candles") as progress:
        progress(1, 2)
    assert capsys.readouterr() == ("", "")


def test_a_banner_comes_out_as_it_was_written(capsys: pytest.CaptureFixture[str]) -> None:
    loading.say("!!!\n[bold]not markup\n!!!")
    assert capsys.readouterr().err == "!!!\n[bold]not markup\n!!!\n"
