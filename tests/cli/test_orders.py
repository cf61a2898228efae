"""`thunes positions`, `balance`, `orders` and `order preview`."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.cli.desk import ENTRY, EXIT, Run, facts, promote

pytestmark = pytest.mark.loopback  # python-binance opens a socket pair even where nothing is sent


def test_questions_before_the_first_pass_make_no_files(run: Run) -> None:
    assert facts(run, "positions")["positions"] == facts(run, "orders")["orders"] == facts(run, "balance")["balances"]
    assert run("positions")[1] == "0 open in sim; realised 0\n"
    assert run("orders")[1] == "No order was made in sim yet.\n"
    assert run("balance")[1] == "No balance is known in sim yet: thunes paper asks.\n"
    assert not Path("state").exists()


def test_a_position_its_order_and_the_money(run: Run) -> None:
    promote()
    run("paper", "--bars", str(ENTRY + 1))
    told = facts(run, "positions")
    (held,) = told["positions"]
    assert (held["symbol"], held["strategy"], told["open_positions"]) == ("BTCUSDT", "sma_cross", 1)
    (order,) = facts(run, "orders")["orders"]
    assert (order["side"], order["status"], order["resolved"]) == ("BUY", "FILLED", True)
    balance = facts(run, "balance")
    rows = {row["asset"]: row for row in balance["balances"]}
    assert rows["BTC"]["free"] == rows["BTC"]["expected"] == held["quantity"]
    assert balance["age_seconds"] == 0
    for words in (["positions"], ["orders"], ["balance"]):
        out = run(*words)[1]
        assert max(map(len, out.splitlines())) <= 80
    assert "0 seconds ago; equity 9999." in out


def test_dust_is_told_apart(run: Run) -> None:
    promote()
    run("paper", "--bars", str(EXIT))
    told = facts(run, "positions")
    assert (told["positions"], [one["symbol"] for one in told["dust"]]) == ([], ["BTCUSDT"])
    assert run("positions")[1].startswith("dust: 0.00000")
    assert len(facts(run, "orders", "-n", "1")["orders"]) == 1


def test_a_preview_names_every_check_and_sends_nothing(run: Run) -> None:
    promote()
    told = facts(run, "order", "preview", "BTCUSDT", "buy", "25")
    assert (told["passed"], told["side"], told["ticket"]["quote_quantity"]) == (True, "BUY", "25.00000000")
    names = {(check["stage"], check["name"]) for check in told["checks"]}
    assert {("filters", "NOTIONAL"), ("risk", "daily loss"), ("risk", "price age")} <= names
    assert facts(run, "orders")["orders"] == []
    code, out, _ = run("order", "preview", "BTCUSDT", "BUY", "25")
    assert (code, out.splitlines()[-1]) == (0, "BUY BTCUSDT for 25 would be sent.")
    assert max(map(len, out.splitlines())) <= 80


@pytest.mark.parametrize("amount", ["0", "-1", "NaN", "inf", "1e-12", "much"])
def test_no_amount(amount: str, run: Run) -> None:
    promote()
    code, _, err = run("order", "preview", "BTCUSDT", "BUY", amount)
    assert (code, err.count("\n")) == (1 if amount == "1e-12" else 2, 1)
    assert ("[E-FILTER-" if amount == "1e-12" else "[E-AMOUNT]") in err


@pytest.mark.parametrize(
    ("words", "ends", "told"),
    [
        (("BTCUSDT", "BUY", "26"), 7, "E-RISK-"),
        (("BTCUSDT", "SELL", "25"), 1, "E-FILTER-BALANCE"),
        (("NOSUCHPAIR", "BUY", "25"), 2, "E-SYMBOL-UNKNOWN"),
        (("BTCUSDT", "HOLD", "25"), 2, "E-SIDE"),
    ],
)
def test_what_would_not_be_sent(words: tuple[str, ...], ends: int, told: str, run: Run) -> None:
    promote()
    code, _, err = run("order", "preview", *words)
    assert (code, err.count("\n")) == (ends, 1)
    assert told in err


def test_a_preview_needs_an_exchange(run: Run) -> None:
    assert run("order", "preview", "BTCUSDT", "BUY", "25")[0] == 4
    assert run("order", "preview", "BTCUSDT", "BUY", "25", "--environment", "live")[0] == 2
    assert "preview" in run("order")[1]


def test_ages_are_said_as_people_do() -> None:
    from thunes.cli.orders import _age

    assert [_age(seconds) for seconds in (5, 300, 9_000, 400_000)] == ["5 seconds", "5 minutes", "2 hours", "5 days"]
