"""`thunes parity`."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from tests.cli.conftest import Run

from thunes.ops import parity

pytestmark = pytest.mark.loopback  # python-binance opens a socket pair even where nothing is sent
WORDS = ("parity", "--strategy", "donchian_breakout", "--symbol", "BTCUSDT", "--data", "synthetic:7", "--last", "100")


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_the_same_trades_are_said_and_nothing_is_left_behind(run: Run, tmp_path: Path) -> None:
    code, out, _ = run(*WORDS)
    assert code == 0
    assert out.startswith("donchian_breakout  BTCUSDT 1h, 100 bars: the same trades\n")
    assert "+ price model" in out
    assert max(map(len, out.splitlines())) <= 80
    assert list((tmp_path / "state").iterdir()) == []


def test_json_is_one_object(run: Run) -> None:
    code, out, _ = run(*WORDS, "--json")
    found = json.loads(out)
    assert (code, found["kind"], found["strategy"], found["bars"]) == (0, "parity", "donchian_breakout", 100)
    assert (found["holds"], found["unmatched"]) == (True, {})
    assert found["matched"] > 0
    assert float(found["largest_price_difference"]) > 0
    assert abs(float(found["largest_money_difference"])) > 0


def test_all_built_in_strategies_are_compared(run: Run) -> None:
    code, out, _ = run("parity", "--all", "--data", "synthetic:7", "--last", "60", "--json")
    found = json.loads(out)["strategies"]
    assert code == 0
    assert len(found) == 7
    assert all(one["holds"] for one in found)


def test_what_does_not_agree_exits_with_1(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    compare = parity.compare
    monkeypatch.setattr(
        parity, "compare", lambda *given: replace(compare(*given), unmatched={"unexplained": 2})
    )  # a trader that is wrong cannot be had
    code, out, err = run(*WORDS)
    assert code == 1
    assert "NOT the same" in out
    assert "of one alone: unexplained" in out
    assert err.endswith("not the same: donchian_breakout. [E-PARITY]\n")


@pytest.mark.parametrize(
    ("words", "code", "text"),
    [
        (["--all", "--set", "fast=3"], 2, "E-PARITY-ALL"),
        (["--strategy", "nosuch"], 2, "E-STRATEGY-UNKNOWN"),
        (["--data", "none.parquet"], 4, "none.parquet"),
        (["--data", "synthetic:7", "--last", "1", "--strategy", "buy_and_hold"], 2, "E-PARITY-SHORT"),
        (["--data", "synthetic:7", "--symbol", "NOSUCHUSDT"], 4, "E-EXCHANGE-SYMBOL"),
    ],
)
def test_bad_input_is_one_line(words: list[str], code: int, text: str, run: Run) -> None:
    found, out, err = run("parity", *words)
    assert (found, out) == (code, "")
    assert text in err
