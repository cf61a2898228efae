"""`thunes paper`: passes on the embedded exchange, its log, and what it says when it cannot trade."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.cli.desk import ENTRY, EXIT, Run, facts, promote

pytestmark = pytest.mark.loopback  # python-binance opens a socket pair even where nothing is sent

LOG = Path("logs/paper_trader.log")


def test_without_an_artefact_it_says_what_to_run(run: Run) -> None:
    code, out, err = run("paper")
    assert (code, out) == (4, "")
    assert err.startswith("✗ nothing is promoted for sim. Promote something first: thunes promote --strategy")
    assert err.endswith("[E-NO-ARTEFACT]\n")
    assert not Path("state").exists()


def test_passes_enter_leave_and_are_logged(run: Run) -> None:
    promote()
    code, out, err = run("paper", "--bars", str(EXIT))
    assert (code, err) == (0, "")
    assert [line.split()[0] for line in out.splitlines() if "FILLED" in line] == ["BUY", "SELL"]
    lines = LOG.read_text().splitlines()
    assert len(lines) == EXIT
    assert ": BUY 0.00279" in lines[ENTRY - 1]
    assert lines[0].endswith("[E-HOLD-FLAT]")


def test_one_object_tells_the_pass(run: Run) -> None:
    promote()
    run("paper", "--bars", str(ENTRY - 1))
    told = facts(run, "paper")
    assert told["decision"]["code"] == "E-ENTRY"
    assert told["order"]["status"] == "FILLED"
    assert told["ledger"]["open_positions"] == len(told["fills"]) == 1


@pytest.mark.covers("pitfall X14")
def test_an_artefact_that_was_edited_is_refused(run: Run) -> None:
    made = promote()
    (file,) = Path("artifacts").rglob(f"{made.id}.json")
    file.write_bytes(file.read_bytes().replace(b'"slow": 50', b'"slow": 51').replace(b'"slow":50', b'"slow":51'))
    code, out, err = run("paper")
    assert (code, out, err.count("\n")) == (4, "", 1)


def test_an_entry_while_stopped_ends_with_seven(run: Run) -> None:
    promote()
    assert run("kill", "enough")[0] == 0
    code, out, err = run("paper", "--bars", str(ENTRY))
    assert code == 7
    assert out.count("no order") == ENTRY
    assert err.startswith("✗ trading is stopped: REDUCING, enough.")


def test_an_account_that_nobody_knows_ends_with_eight_until_it_is_adopted(run: Run) -> None:
    from decimal import Decimal

    from thunes.cli.wing import in_environment, opened
    from thunes.trading.ledger.values import Flow

    promote()
    run("paper")
    with opened(in_environment("sim")) as wing:  # the ledger believes in money that the exchange has not
        wing.ledger.record_flow(Flow("rumour", "deposit", "USDT", Decimal(5), wing.clock.now_ms()))
    code, _, err = run("paper")
    assert (code, err.count("\n")) == (8, 1)
    assert LOG.read_text().splitlines()[-1].endswith("[E-RECONCILE]")
    told = facts(run, "resume", "--reason", "seen", "--budget", "5", "--adopt", "--yes")
    assert [(flow["asset"], flow["amount"]) for flow in told["adjustments"]] == [("USDT", "-5.00000000")]
    assert run("paper")[0] == 0


def test_a_log_that_cannot_be_written_stops_no_pass(run: Run) -> None:
    promote()
    LOG.mkdir(parents=True)
    code, out, err = run("paper")
    assert (code, len(out.splitlines())) == (0, 2)
    assert err.startswith("! logs/paper_trader.log: ")


@pytest.mark.parametrize("environment", ["paper", "live"])
def test_other_environments_are_not_traded_in(environment: str, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ENVIRONMENT", environment)
    assert run("paper")[::2] == (
        2,
        f"✗ paper does not trade in {environment}. Give sim or testnet. [E-PAPER-ENVIRONMENT]\n",
    )


def test_testnet_needs_its_keys(run: Run) -> None:
    code, _, err = run("flatten", "--yes", "--environment", "testnet")
    assert (code, err.split("[")[-1]) == (3, "E-SETTINGS-KEYS]\n")


def test_promoting_first_leaves_what_is_promoted_alone(run: Run) -> None:
    promote()
    assert run("paper", "--promote-first")[::2] == (0, "")


def test_promoting_first_tells_what_it_runs_and_stops_where_that_fails(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("thunes.cli.paper.PLANTED", ("--strategy", "nonesuch", "--data", "synthetic:7,edge=2"))
    code, out, err = run("paper", "--promote-first")
    assert (code, out) == (4, "")
    assert "Nothing is promoted for sim yet." in err
    assert "thunes optimize --strategy nonesuch" in err
    assert err.endswith("See above. [E-NO-ARTEFACT]\n")


@pytest.mark.parametrize(("setting", "value"), [("MAX_DAILY_LOSS", "-1"), ("MAX_POSITIONS", "1e99")])
def test_absurd_limits_are_refused(setting: str, value: str, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(setting, value)
    code, out, err = run("paper")
    assert (code, out, err.count("\n")) == (3, "", 1)
    assert setting in err


def test_an_account_without_money_buys_nothing(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("thunes.cli.wing.OPENING", "USDT=1")
    promote()
    code, out, _ = run("paper", "--bars", str(ENTRY))
    assert code == 0
    assert "no order: BTCUSDT BUY not sent:" in out.splitlines()[-1]


def test_a_ledger_that_cannot_be_read_is_one_line(run: Run) -> None:
    promote()
    run("paper")
    Path("state/sim/ledger.db").write_bytes(b"no database" * 100)
    for words in (["paper"], ["positions"], ["balance"], ["orders"]):
        code, out, err = run(*words)
        assert (code, out, err.count("\n")) == (4, "", 1), words
