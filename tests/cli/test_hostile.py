"""What a person, or a script gone wrong, gives the commands of the order path."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest
from tests.cli.desk import ENTRY, Run, facts, promote

from thunes.cli.app import main
from thunes.cli.options import said

pytestmark = pytest.mark.loopback  # python-binance opens a socket pair even where nothing is sent

NO_TEXT = "no \udcff text"  # what Python makes of an argument whose bytes are no UTF-8
BUDGET = ("--budget", "5", "--yes")


def test_a_reason_that_is_no_text_still_stops(run: Run) -> None:
    told = facts(run, "kill", NO_TEXT)
    assert (told["state"], told["reason"], told["recorded"], told["untold"]) == ("REDUCING", "no ? text", True, [])
    assert facts(run, "risk")["kill_switch_active"] is True
    assert facts(run, "resume", "--reason", NO_TEXT, *BUDGET)["reason"] == "no ? text"
    assert run("audit", "verify")[0] == 0


def test_the_reason_of_a_flatten_need_not_be_text_either(run: Run) -> None:
    promote()
    run("paper", "--bars", str(ENTRY))
    assert facts(run, "flatten", "--yes", "--reason", NO_TEXT)["symbols"][0]["orders"]


def test_text_is_left_as_it_is() -> None:
    assert said("Grüße ☃") == "Grüße ☃"


def test_a_reason_cannot_drive_the_terminal(run: Run) -> None:
    run("kill", "red \x1b[31m \u202e")
    assert run("risk")[1].startswith("sim is REDUCING: red ?[31m ?\n")
    assert facts(run, "risk")["reason"] == "red \x1b[31m \u202e"


@pytest.mark.parametrize("typed", [None, "", "sim?", "no\n"])
def test_without_the_name_the_refusal_has_its_own_line(
    typed: str | None, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where there is no standard input at all."""
    monkeypatch.setattr("sys.stdin", None if typed is None else io.StringIO(typed))
    code, out, err = run("flatten")
    assert (code, out) == (2, "")
    asked, _, refused = err.partition("Type sim to go on: ")
    assert asked.startswith("Open orders are cancelled")
    assert refused.lstrip("\n").startswith("✗ not confirmed")
    assert refused.startswith("\n") is not (typed == "no\n")  # there the terminal shows the return key


def test_an_empty_symbol_does_not_sell_everything(run: Run) -> None:
    promote()
    run("paper", "--bars", str(ENTRY))
    code, out, err = run("flatten", "", "--yes")
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert "[E-FLATTEN-SYMBOL]" in err
    assert facts(run, "positions")["open_positions"] == 1


@pytest.mark.parametrize("words", [("order", "preview", "ETHUSDT", "BUY", "25"), ("flatten", "ETHUSDT", "--yes")])
def test_a_symbol_that_is_listed_and_not_played(words: tuple[str, ...], run: Run) -> None:
    promote()
    code, out, err = run(*words)
    assert (code, out) == (4, "")
    assert err.startswith("✗ the embedded exchange plays BTCUSDT; nothing is promoted for ETHUSDT.")
    assert err.endswith("[E-NO-MARKET]\n")


@pytest.mark.parametrize("amount", ["1_0", "٢٥"])  # Decimal takes both for a number
def test_an_amount_is_written_in_plain_digits(amount: str, run: Run) -> None:
    assert run("order", "preview", "BTCUSDT", "BUY", amount)[0] == 2


def test_a_refusal_names_its_code_once(run: Run) -> None:
    promote()
    run("paper")
    run("kill", "enough")
    run("resume", "--reason", "x", "--budget", "0.01", "--yes")
    out = run("paper", "--bars", str(ENTRY - 1))[1]
    assert out.splitlines()[-1].count("[E-RISK-DAILY-LOSS]") == 1
    log = Path("logs/paper_trader.log").read_text()
    assert log.splitlines()[-1].count("[E-RISK-DAILY-LOSS]") == 1


def test_a_balance_older_than_the_last_fill_says_so(run: Run) -> None:
    promote()
    run("paper", "--bars", str(ENTRY))
    assert "The ledger expects otherwise" in run("balance")[1]
    run("paper")
    assert "The ledger expects otherwise" not in run("balance")[1]


@pytest.mark.parametrize(
    ("environment", "first"),
    [("sim", "thunes promote --strategy sma_cross --data synthetic:7,edge=2 "),
     ("testnet", "ENVIRONMENT=testnet thunes promote --strategy sma_cross --data archive ")],
)  # fmt: skip
def test_the_command_that_promotes_would_be_accepted(environment: str, first: str, run: Run) -> None:
    """Where prices are real, the gates refuse what was judged on made-up ones."""
    code, _, err = run("paper", "--environment", environment)
    assert code == 4
    assert f"Promote something first: {first}" in err


def test_an_account_of_another_version_is_not_blamed_on_the_candles(run: Run) -> None:
    promote()
    run("paper")
    journal = Path("state/sim/exchange-BTCUSDT-1h/journal.jsonl")
    head, *rest = journal.read_text().splitlines(keepends=True)
    begun = json.loads(head)
    begun["identity"]["symbols"] = "0" * 64
    journal.write_text(json.dumps(begun) + "\n" + "".join(rest))
    code, out, err = run("paper")
    assert (code, out, err.count("\n")) == (4, "", 1)
    assert "was begun by another version of thunes" in err
    assert main(["positions", "--json"]) == 0  # what is remembered can still be read


def test_an_interrupt_that_typer_lets_through_is_one_line(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(**_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("thunes.cli.app.app", interrupted)
    assert run("paper") == (130, "", "✗ interrupted. [E-INTERRUPTED]\n")
