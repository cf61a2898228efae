"""Stopped at once, everywhere, for as long as nobody says otherwise."""

from __future__ import annotations

from decimal import Decimal

import pytest
from tests.risk.desk import Desk, code, entry, leaving, reserved

from thunes.errors import RiskError, UsageError
from thunes.risk.events import RiskEvent
from thunes.risk.flag import KillFile
from thunes.risk.manager import RiskManager
from thunes.risk.store import RiskStore

D = Decimal


@pytest.mark.covers("fault 61")
@pytest.mark.covers("pitfall X2")
def test_a_kill_holds_in_every_process_before_its_next_submission(desk: Desk) -> None:
    trader, shell = desk.opened(), desk.another()
    held = reserved(trader.reserve(entry("a")))
    shell.kill("too fast", actor="ada")
    assert code(trader.before_submit(held)) == "E-RISK-REDUCING"
    assert trader.validate_trade("BTCUSDT", 25, "BUY", "sma")[0] is False
    assert trader.get_risk_status()["kill_switch_active"] is True
    assert trader.before_submit(reserved(trader.reserve(leaving()))) is None
    assert [(e.before, e.after, e.reason, e.actor) for e in desk.events] == [("ACTIVE", "REDUCING", "too fast", "ada")]


@pytest.mark.covers("fault 61")
def test_a_kill_names_the_entries_that_it_came_too_late_for(desk: Desk) -> None:
    risk = desk.opened()
    sent, kept = (reserved(risk.reserve(entry(name, f"{name}USDT"))) for name in ("sent", "kept"))
    assert risk.before_submit(sent) is None
    receipt = desk.another().kill("stop", actor="ada")
    assert [held.client_order_id for held in receipt.in_flight] == ["sent"]
    assert code(risk.before_submit(kept)) == "E-RISK-REDUCING"
    assert receipt.recorded


def test_halt_stops_exits_too_but_not_a_person(desk: Desk) -> None:
    risk = desk.opened()
    out = reserved(risk.reserve(leaving()))
    risk.kill("reconcile failed", halt=True, actor="trader")
    assert code(risk.before_submit(out)) == "E-RISK-HALTED"
    assert code(risk.reserve(leaving())) == "E-RISK-HALTED"
    for action in ("cancel", "flatten"):
        assert risk.before_submit(reserved(risk.reserve(leaving(action=action)))) is None  # type: ignore[arg-type]


def test_a_kill_makes_nothing_milder_and_tells_a_state_once(desk: Desk) -> None:
    risk = desk.opened()
    for halt in (False, True, False, True):
        risk.kill("again", halt=halt, actor="ada")
    assert risk.standing().state == "HALTED"
    assert [event.after for event in desk.events] == ["REDUCING", "HALTED"]


def test_a_loss_limit_reached_while_stopped_changes_no_word_of_the_stop(desk: Desk) -> None:
    risk = desk.opened("1000")
    risk.kill("mine", actor="ada")
    risk.on_mark(D(1))
    assert risk.standing().reason == "mine"


def test_resuming_takes_a_reason_and_a_budget_within_the_limit(desk: Desk) -> None:
    risk = desk.opened()
    risk.kill("stop", actor="ada")
    for reason, budget in ((" ", D(5)), ("ok", D(0)), ("ok", D(-1)), ("ok", D("20.01")), ("ok", D("NaN"))):
        with pytest.raises(UsageError):
            risk.resume(reason, budget, "ada")
    assert risk.standing().state == "REDUCING"
    assert risk.resume("ok", D(20), "ada").state == "ACTIVE"
    with pytest.raises(UsageError, match="nothing is stopped"):
        risk.resume("ok", D(5), "ada")


@pytest.mark.covers("pitfall X16")
def test_after_resuming_only_the_budget_may_be_lost(desk: Desk) -> None:
    risk = desk.opened("1000")
    risk.on_mark(D(970))
    risk.resume("seen", D(6), "ada")
    risk.on_mark(D(970))
    assert desk.another().standing().state == "ACTIVE"  # the old loss does not trip again
    reserved(risk.reserve(entry("a")))
    risk.release("a")
    risk.on_mark(D("968.99"))
    assert code(risk.reserve(entry("b"))) == "E-RISK-DAILY-LOSS"
    assert risk.get_risk_status()["daily_loss_limit"] == 6
    assert risk.get_risk_status()["daily_pnl"] == D("-31.01")
    risk.on_mark(D(964))
    assert risk.standing().code == "E-RISK-DAILY-LOSS"


@pytest.mark.covers("pitfall X16")
def test_the_budget_ends_with_the_day(desk: Desk) -> None:
    risk = desk.opened("1000")
    risk.on_mark(D(970))
    risk.resume("seen", D(1), "ada")
    desk.clock.sleep(12 * 3600)
    assert risk.get_risk_status()["daily_loss_limit"] == 20
    risk.on_mark(D(951))
    assert risk.standing().state == "ACTIVE"


def test_after_a_drawdown_it_is_measured_anew_and_otherwise_from_the_old_peak(desk: Desk) -> None:
    risk = desk.opened("1000")
    risk.kill("a pause", actor="ada")
    risk.on_mark(D(800))
    risk.resume("go on", D(20), "ada")
    assert risk.get_risk_status()["drawdown"] == D("0.2")
    desk.clock.sleep(24 * 3600)
    risk.on_mark(D(750))
    assert risk.standing().state == "REDUCING"
    risk.resume("go on", D(20), "ada")
    assert risk.get_risk_status()["drawdown"] == 0
    risk.on_mark(D(745))
    assert risk.standing().state == "ACTIVE"


@pytest.mark.parametrize(("text", "state"), [("", "REDUCING"), ("fire!", "REDUCING"), ("please halt", "HALTED")])
def test_the_files_existence_stops_and_the_word_halt_halts(desk: Desk, text: str, state: str) -> None:
    risk = desk.opened()
    held, out = reserved(risk.reserve(entry("a"))), reserved(risk.reserve(leaving()))
    (desk.folder / "KILL").write_text(text)
    assert risk.get_risk_status()["state"] == state
    assert text in risk.standing().reason
    assert code(risk.before_submit(held)) == f"E-RISK-{state}"
    assert (risk.before_submit(out) is None) is (state == "REDUCING")
    assert [event.actor for event in desk.events] == ["file"]


@pytest.mark.covers("fault 62")
def test_a_kill_file_that_cannot_be_read_halts(desk: Desk) -> None:
    risk = desk.opened()
    (desk.folder / "KILL").mkdir()
    assert risk.standing().state == "HALTED"
    assert code(risk.reserve(leaving())) == "E-RISK-HALTED"


@pytest.mark.covers("fault 63")
def test_removing_the_file_re_arms_nothing_once_it_was_seen(desk: Desk) -> None:
    risk = desk.opened()
    (desk.folder / "KILL").touch()
    risk.on_mark(D(1000))
    (desk.folder / "KILL").unlink()
    assert desk.another().standing().state == "REDUCING"


def test_resuming_removes_the_file(desk: Desk) -> None:
    risk = desk.opened()
    (desk.folder / "KILL").write_text("halt")
    risk.resume("checked", D(5), "ada")
    assert not (desk.folder / "KILL").exists()
    assert desk.another().standing().state == "ACTIVE"
    assert [(event.before, event.after) for event in desk.events] == [("ACTIVE", "HALTED"), ("HALTED", "ACTIVE")]
    assert ("budget", "5") in desk.events[-1].details


def test_what_cannot_be_recorded_is_not_armed(desk: Desk) -> None:
    def broken(event: RiskEvent) -> None:
        if event.after == "ACTIVE":
            raise RiskError("E-AUDIT", "the trail cannot be written.")

    risk = RiskManager(desk.limits, desk.stores[0], desk.clock, broken)
    (desk.folder).mkdir(parents=True)
    (desk.folder / "KILL").touch()
    with pytest.raises(RiskError, match="trail"):
        risk.resume("checked", D(5), "ada")
    assert not (desk.folder / "KILL").exists()
    assert desk.another().standing().state == "REDUCING"


def test_a_file_that_cannot_be_removed_leaves_all_stopped(desk: Desk) -> None:
    risk = desk.opened()
    (desk.folder / "KILL").mkdir()
    with pytest.raises(RiskError):
        risk.resume("checked", D(5), "ada")
    assert desk.another().standing().state == "HALTED"


@pytest.mark.parametrize(("halt", "state"), [(False, "REDUCING"), (True, "HALTED")])
def test_where_the_book_cannot_be_written_the_file_stops_every_process(desk: Desk, halt: bool, state: str) -> None:
    risk, other = desk.opened(), desk.another()
    held = reserved(other.reserve(entry("a")))
    blocked = RiskStore(desk.folder, wait=0.01)
    desk.stores.append(blocked)
    risk = RiskManager(desk.limits, blocked, desk.clock, desk.events.append)
    with desk.stores[1].transaction():
        receipt = risk.kill("disk", halt=halt, actor="ada")
    assert not receipt.recorded
    assert risk.standing().state == state
    assert code(other.before_submit(held)) == f"E-RISK-{state}"
    assert [event.after for event in desk.events] == [state, state]  # the second is the file, seen by another


def test_where_nothing_can_be_written_this_process_at_least_stops(desk: Desk) -> None:
    desk.opened()
    blocked = RiskStore(desk.folder, wait=0.01)
    desk.stores.append(blocked)
    risk = RiskManager(desk.limits, blocked, desk.clock, desk.events.append)
    (desk.folder / "KILL").mkdir()
    for reason, halt in (("disk", True), ("milder", False)):
        with desk.stores[0].transaction(), pytest.raises(RiskError, match="this process alone"):
            risk.kill(reason, halt=halt, actor="ada")
    (desk.folder / "KILL").rmdir()
    assert risk.standing().reason == "disk"
    assert desk.manager.standing().state == "ACTIVE"
    risk.on_mark(D(1000))  # the disk is back: the stop is written at last
    assert desk.manager.standing().reason == "disk"


def test_the_file_is_only_added_to(desk: Desk) -> None:
    desk.opened()
    file = KillFile(desk.folder)
    file.create("first")
    file.create("second")
    assert file.path.read_text() == "first\nsecond\n"
    assert file.path.stat().st_mode & 0o777 == 0o600
