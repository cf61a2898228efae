"""`thunes risk`, `kill` and `resume`."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from tests.cli.desk import ENTRY, Run, facts, promote

pytestmark = pytest.mark.loopback  # python-binance opens a socket pair even where nothing is sent

KNOWN = {
    "kill_switch_active", "daily_pnl", "daily_loss_limit", "daily_loss_utilization", "open_positions", "max_positions",
    "position_slots_available", "cool_down_active", "cool_down_remaining_minutes", "circuit_breaker_status",
}  # fmt: skip
RESUME = ("resume", "--reason", "looked at it", "--budget", "5")


def test_the_status_has_the_keys_people_know_and_the_limits(run: Run) -> None:
    told = facts(run, "risk")
    assert set(told) >= KNOWN
    assert (told["state"], told["limits"]["order_notional"]) == ("ACTIVE", "25")
    assert max(map(len, run("risk")[1].splitlines())) <= 80


def test_kill_stops_entries_and_resume_lets_them_pass(run: Run) -> None:
    told = facts(run, "kill", "enough")
    assert (told["state"], told["reason"], told["recorded"], told["untold"]) == ("REDUCING", "enough", True, [])
    assert facts(run, "risk")["kill_switch_active"] is True
    told = facts(run, *RESUME, "--yes")
    assert (told["state"], told["budget"]) == ("ACTIVE", "5")
    events = [event["event"] for event in facts(run, "audit", "tail")["events"]]
    assert sorted(events) == ["operator_action", "operator_action", "risk_state", "risk_state"]


def test_halt_is_said_in_words(run: Run) -> None:
    out = run("kill", "--halt", "enough")[1]
    assert out == "sim is HALTED: no entry is sent any more, only cancels and thunes flatten pass.\n"
    assert run("risk")[1].startswith("sim is HALTED: enough\n")
    assert "exits still pass" not in out


def test_time_in_sim_is_the_exchanges(run: Run) -> None:
    """A stop by the wall's clock would begin a day that the exchange reaches in years."""
    promote()
    run("paper", "--bars", str(ENTRY))
    before = facts(run, "risk")
    run("kill", "enough")
    after = facts(run, "risk")
    assert after["daily_pnl"] == before["daily_pnl"] != "0"
    assert run("paper")[0] == 0
    assert facts(run, "risk")["daily_pnl"] != "0"


@pytest.mark.parametrize("typed", ["", "yes\n", "live\n"])
def test_resume_wants_the_environments_name(typed: str, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    run("kill", "enough")
    monkeypatch.setattr("sys.stdin", io.StringIO(typed))
    code, out, err = run(*RESUME)
    assert (code, out) == (2, "")
    assert err.startswith("Trading resumes in sim. Type sim to go on: ")
    assert err.endswith("✗ not confirmed: nothing was done. Type sim, or give --yes. [E-CONFIRM]\n")
    assert facts(run, "risk")["state"] == "REDUCING"


def test_the_name_typed_is_enough(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    run("kill", "enough")
    monkeypatch.setattr("sys.stdin", io.StringIO("sim\n"))
    code, out, _ = run(*RESUME)
    assert (code, out) == (0, "sim is ACTIVE; 5 may be lost until 00:00 UTC.\n")


@pytest.mark.parametrize("budget", ["0", "-1", "NaN", "1e99", "much"])
def test_a_budget_that_is_none(budget: str, run: Run) -> None:
    run("kill", "enough")
    code, out, err = run("resume", "--reason", "r", f"--budget={budget}", "--yes")
    assert (code, out, err.count("\n")) == (2, "", 1)


def test_nothing_to_resume_and_no_reason(run: Run) -> None:
    assert run(*RESUME, "--yes")[::2] == (2, "✗ nothing is stopped. There is nothing to resume. [E-RISK-ACTIVE]\n")
    assert run("kill", " ")[0] == 2


def test_adopting_without_a_difference_books_nothing(run: Run) -> None:
    promote()
    run("kill", "enough")
    assert facts(run, *RESUME, "--yes", "--adopt")["adjustments"] == []


def test_kill_works_where_ledger_and_trail_do_not(run: Run) -> None:
    Path("state/sim").mkdir(parents=True)
    Path("state/sim/ledger.db").write_bytes(b"no database" * 100)
    code, out, err = run("kill", "enough")
    assert code == 0
    assert out.startswith("sim is REDUCING")
    assert err.startswith("! stopped, but not written into the trail: ")
    assert facts(run, "risk")["reason"] == "enough"


def test_a_state_that_cannot_be_read_is_shown_as_halted_and_ends_with_seven(run: Run) -> None:
    run("kill", "enough")
    for file in (*Path("state/sim").glob("risk.db-*"), Path("state/sim/risk.db")):
        file.unlink()
    Path("state/sim/risk.db").write_bytes(b"no database" * 1_000)
    assert facts(run, "risk", code=7)["state"] == "HALTED"
    code, out, err = run("risk")
    assert (code, out.splitlines()[0].split(":")[0], err.count("\n")) == (7, "sim is HALTED", 1)


def test_another_environment_has_its_own_switch(run: Run) -> None:
    run("kill", "enough", "--environment", "live")
    assert facts(run, "risk")["state"] == "ACTIVE"
    assert facts(run, "risk", "--environment", "live")["state"] == "REDUCING"
