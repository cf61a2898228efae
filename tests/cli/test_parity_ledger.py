"""`thunes parity --ledger`: what an account did, beside the backtest of what is promoted."""

from __future__ import annotations

import hashlib
import json
import sqlite3
from pathlib import Path

import pytest
from tests.cli.desk import EXIT, Run, facts, promote

pytestmark = pytest.mark.loopback  # python-binance opens a socket pair even where nothing is sent


@pytest.fixture
def traded(run: Run) -> None:
    """An account that has bought and sold, and seen the bar close in which it sold."""
    promote()
    assert run("paper", "--bars", str(EXIT + 1))[0] == 0


def standing(run: Run) -> list[object]:
    """What the databases tell, and every byte of all other files: trail, exchange, artefacts."""
    files = {
        path: hashlib.sha256(path.read_bytes()).hexdigest()
        for path in Path().rglob("*")
        if path.is_file() and ".db" not in path.name
    }
    return [files, *(facts(run, *words) for words in (["orders"], ["positions"], ["balance"], ["risk"]))]


@pytest.mark.usefixtures("traded")
def test_both_stand_side_by_side_and_nothing_is_touched(run: Run) -> None:
    before = standing(run)
    code, out, err = run("parity", "--ledger")
    assert (code, err) == (0, "")
    lines = out.splitlines()
    assert lines[0] == "sma_cross BTCUSDT 1h in sim: the ledger made the backtest's trades"
    assert lines[1] == "2023-09-13 20:00 to 2023-09-14 17:00 UTC, 21 bars, synthetic:7,edge=2"
    assert lines[2].startswith("SYNTHETIC MARKET")
    assert lines[3].split() == ["ledger", "backtest"]
    told = {line[:28].strip(): line[28:].split() for line in lines[4:]}
    assert told["orders"] == told["of both"] == ["2", "2"]
    assert told["closed trades"] == ["1", "1"]
    assert float(told["result"][0]) - float(told["result"][1]) == pytest.approx(
        float(told["difference of the results"][0]), abs=2e-4
    )
    assert max(map(len, lines)) <= 80
    assert standing(run) == before


@pytest.mark.usefixtures("traded")
def test_one_object_says_all_of_it(run: Run) -> None:
    found = facts(run, "parity", "--ledger", "--strategy", "sma_cross")
    assert (found["kind"], found["schema"], found["environment"]) == ("parity_ledger", 1, "sim")
    assert (found["strategy"], found["symbol"], found["interval"], found["bars"]) == ("sma_cross", "BTCUSDT", "1h", 21)
    assert (found["first"], found["last"]) == ("2023-09-13 20:00", "2023-09-14 16:00")
    assert (found["holds"], found["matched"], found["unmatched"], found["under_way"]) == (True, 2, {}, 0)
    assert (found["amount"], found["quote"], found["synthetic"]) == ("25", "USDT", True)
    assert found["costs"] == {"fee": 0.001, "slippage": 0.0005}
    keys = ["orders", "alone", "closed_trades", "win_rate", "bought", "fees", "realised", "unrealised", "result"]
    assert list(found["ledger"]) == list(found["backtest"]) == keys
    assert found["ledger"]["realised"] == f"{float(facts(run, 'positions')['realised']):.8f}"
    results = [float(found[one]["result"]) for one in ("ledger", "backtest")]
    assert float(found["difference"]) == pytest.approx(results[0] - results[1], abs=1e-9)


def test_an_entry_that_risk_refused_is_told_by_its_code(run: Run) -> None:
    promote()
    run("kill", "enough")
    assert run("paper", "--bars", str(EXIT + 1))[0] == 0
    code, out, _ = run("parity", "--ledger")
    assert code == 0
    assert out.startswith("sma_cross BTCUSDT 1h in sim: each difference has its reason\n")
    assert [line.split() for line in out.splitlines() if "alone" in line] == [["alone:", "E-RISK-REDUCING", "0", "2"]]


@pytest.mark.usefixtures("traded")
def test_an_order_that_nothing_explains_exits_with_1(run: Run) -> None:
    with sqlite3.connect("state/sim/ledger.db") as ledger:
        ledger.execute("UPDATE orders SET bar_ms = bar_ms + 3600000 WHERE side = 'BUY'")
    ledger.close()
    code, out, err = run("parity", "--ledger")
    assert code == 1
    assert out.startswith("sma_cross BTCUSDT 1h in sim: NOT the same trades\n")
    assert "alone: unexplained" in out
    assert err.startswith("✗ sma_cross: 2 orders are in the ledger alone or in the backtest alone, ")
    assert err.endswith("[E-PARITY]\n")
    assert err.count("\n") == 1


@pytest.mark.usefixtures("traded")
def test_a_trail_that_was_cut_explains_nothing(run: Run) -> None:
    trail = Path("logs/audit_trail.jsonl")
    trail.write_bytes(trail.read_bytes()[:-900])
    code, out, err = run("parity", "--ledger")
    assert (code, out, err.count("\n")) == (4, "", 1)
    assert err.endswith("[E-AUDIT-BROKEN]\n")
    for path in Path("logs").glob("audit_trail*.jsonl"):
        path.unlink()
    code, out, err = run("parity", "--ledger")
    assert (code, out, err.count("\n")) == (4, "", 1)
    assert "no audit trail" in err or err.endswith("[E-PARITY-TRAIL]\n")


@pytest.mark.usefixtures("traded")
def test_no_digit_is_cut_off_where_there_is_little_room(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    wide = "".join(run("parity", "--ledger")[1].split())
    figures = run("parity", "--ledger", "--json")[1]
    monkeypatch.setenv("COLUMNS", "40")
    narrow = run("parity", "--ledger")[1]
    for one in ("ledger", "backtest"):
        bought = f"{float(json.loads(figures)[one]['bought']):,.4f}"
        assert bought in wide
        assert bought in narrow


def test_an_order_of_the_bar_under_way_is_left_out_and_told(run: Run) -> None:
    promote()
    assert run("paper", "--bars", str(EXIT))[0] == 0
    code, out, _ = run("parity", "--ledger")
    assert code == 0
    assert out.endswith("Left out: 1 order of the ledger in the bar that is not closed yet.\n")


def test_an_account_that_never_traded_is_told_how(run: Run) -> None:
    code, out, err = run("parity", "--ledger")
    assert (code, out) == (4, "")
    assert err.startswith("✗ nothing is promoted for sim. Promote something first: thunes promote --strategy")
    assert err.endswith("[E-NO-ARTEFACT]\n")
    promote()
    code, out, err = run("parity", "--ledger")
    assert (code, out) == (4, "")
    assert err == (
        "✗ sma_cross BTCUSDT 1h has made no pass in sim yet. Trade first: thunes paper --bars 24 [E-PARITY-UNTRADED]\n"
    )
    assert not Path("state").exists()


def test_of_several_the_one_named_is_compared(run: Run) -> None:
    promote()
    assert run("paper")[0] == 0
    promote(symbol="ETHUSDT")
    assert run("parity", "--ledger")[0] == 2
    assert run("parity", "--ledger", "--symbol", "BTCUSDT")[0] == 0
    code, out, err = run("parity", "--ledger", "--symbol", "ETHUSDT")
    assert (code, out) == (4, "")
    assert err.endswith("[E-PARITY-UNTRADED]\n")
    assert [path.name for path in Path("state/sim").glob("exchange-*")] == ["exchange-BTCUSDT-1h"]


@pytest.mark.parametrize(
    ("words", "named"),
    [
        (["--all"], "--all"),
        (["--set", "fast=3", "--data", "auto"], "--set, --data"),
        (["--start", "2021-03-01", "--end", "2021-04-01", "--last", "2160"], "--start, --end, --last"),
    ],
)
def test_what_is_told_to_a_replay_is_refused(words: list[str], named: str, run: Run) -> None:
    code, out, err = run("parity", "--ledger", *words)
    assert (code, out) == (2, "")
    assert err == (
        f"✗ --ledger takes no {named}. It takes --strategy, --symbol, --interval and --json. [E-PARITY-LEDGER]\n"
    )
