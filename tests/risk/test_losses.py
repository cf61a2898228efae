"""What counts as a loss, when a day begins, and what a loss leads to."""

from __future__ import annotations

from decimal import Decimal

import pytest
from tests.risk.desk import HOUR, NOON, Desk, code, entry, fill, leaving, reserved

from thunes.errors import UsageError
from thunes.risk.book import Position
from thunes.risk.request import RiskFill

D = Decimal


@pytest.mark.covers("pitfall X3")
def test_a_fall_of_what_is_held_trips_with_nothing_closed(desk: Desk) -> None:
    risk = desk.opened("1000")
    desk.hold()
    risk.on_mark(D("980.01"), {"BTCUSDT": D("20.04")})
    assert risk.standing().state == "ACTIVE"
    risk.on_mark(D(980), {"BTCUSDT": D(20)})
    assert risk.standing().code == "E-RISK-DAILY-LOSS"
    assert code(risk.reserve(entry("a", "ETHUSDT"))) == "E-RISK-REDUCING"
    assert [(event.before, event.after, event.actor) for event in desk.events] == [("ACTIVE", "REDUCING", "risk")]


@pytest.mark.covers("pitfall X3")
def test_a_losing_exit_counts_at_once_without_a_mark(desk: Desk) -> None:
    risk = desk.opened("1000")
    risk.on_fill(fill(1, "BUY", "100", "1", held="1"))
    risk.on_fill(fill(2, "SELL", "10", "1", held="0"))
    assert [event.after for event in desk.events] == ["REDUCING"]  # told by the fill, not by the next question
    assert risk.get_risk_status()["daily_pnl"] == D(-90)
    assert code(risk.reserve(entry("a"))) == "E-RISK-REDUCING"


@pytest.mark.covers("pitfall X3")
def test_fees_are_a_loss(desk: Desk) -> None:
    risk = desk.opened("1000")
    risk.on_fill(fill(1, "BUY", "100", "0.25", held="0.25", fee="15.5"))
    assert risk.get_risk_status()["daily_pnl"] == D("-15.5")
    assert code(risk.reserve(entry("a", "ETHUSDT"))) == "E-RISK-DAILY-LOSS"
    assert risk.standing().state == "ACTIVE"


@pytest.mark.covers("pitfall X1")
def test_after_the_daily_loss_limit_an_exit_still_passes(desk: Desk) -> None:
    risk = desk.opened("1000")
    desk.hold()
    risk.on_mark(D(975), {"BTCUSDT": D(0)})
    assert risk.validate_trade("BTCUSDT", 25, "BUY", "sma")[0] is False
    assert risk.validate_trade("BTCUSDT", 25, "SELL", "sma") == (True, "")
    assert risk.before_submit(reserved(risk.reserve(leaving()))) is None


@pytest.mark.covers("fault 63")
def test_a_stop_by_loss_outlives_midnight_and_a_restart(desk: Desk) -> None:
    desk.opened("1000").on_mark(D(979))
    desk.clock.sleep(24 * 3600)
    assert desk.another().standing().state == "REDUCING"


@pytest.mark.covers("fault 72")
def test_the_day_begins_at_midnight_utc_with_the_last_equity(desk: Desk) -> None:
    risk = desk.opened("1000")
    desk.clock.sleep(12 * 3600 - 0.001)
    risk.on_mark(D(990))
    assert risk.get_risk_status()["daily_pnl"] == D(-10)
    desk.clock.sleep(0.001)
    assert risk.get_risk_status()["daily_pnl"] == D(0)
    risk.on_mark(D(985))  # what fell over midnight belongs to the new day
    assert risk.get_risk_status()["daily_pnl"] == D(-5)


@pytest.mark.covers("fault 72")
def test_a_clock_that_goes_back_brings_no_fresh_allowance(desk: Desk) -> None:
    risk = desk.opened("1000")
    risk.on_mark(D(990))
    for hours in (-24, -36, -24 * 365):
        desk.clock.sleep(hours * 3600)
        assert risk.get_risk_status()["daily_pnl"] == D(-10)


@pytest.mark.covers("fault 72")
@pytest.mark.covers("pitfall X18")
@pytest.mark.parametrize("zone", ["Asia/Tokyo", "America/New_York"])
def test_the_hosts_time_zone_changes_nothing(desk: Desk, zone: str, monkeypatch: pytest.MonkeyPatch) -> None:
    import time

    monkeypatch.setenv("TZ", zone)
    time.tzset()
    try:
        test_the_day_begins_at_midnight_utc_with_the_last_equity(desk)
    finally:
        monkeypatch.delenv("TZ")
        time.tzset()


@pytest.mark.covers("fault 72")
def test_a_deposit_is_no_profit_and_a_withdrawal_no_loss(desk: Desk) -> None:
    risk = desk.opened("1000")
    risk.on_mark(D(990))
    for money, equity, reference in ((500, 1490, "in"), (-800, 690, "out")):
        risk.on_external_flow(D(money), reference)
        assert risk.get_risk_status()["daily_pnl"] == D(-10)
        risk.on_mark(D(equity))
        assert risk.get_risk_status()["daily_pnl"] == D(-10)
        assert risk.get_risk_status()["drawdown"] == pytest.approx(D("0.01"))
    assert risk.standing().state == "ACTIVE"


@pytest.mark.covers("fault 72")
def test_a_deposit_just_before_midnight_belongs_to_its_day(desk: Desk) -> None:
    risk = desk.opened("1000")
    desk.clock.sleep(12 * 3600 - 1)
    risk.on_external_flow(D(100), "in")
    desk.clock.sleep(1)
    assert risk.get_risk_status()["daily_pnl"] == 0
    risk.on_mark(D(1095))
    assert risk.get_risk_status()["daily_pnl"] == D(-5)


def test_a_flow_told_twice_counts_once_and_one_before_the_first_mark_is_in_it(desk: Desk) -> None:
    desk.manager.on_external_flow(D(100), "early")
    risk = desk.opened("1000")
    for _ in range(2):
        risk.on_external_flow(D(100), "in")
    assert risk.get_risk_status()["equity"] == D(1100)
    assert risk.get_risk_status()["daily_pnl"] == 0


def test_all_withdrawn_is_neither_a_loss_nor_a_drawdown(desk: Desk) -> None:
    risk = desk.opened("1000")
    risk.on_external_flow(D(-1000), "out")
    risk.on_mark(D(0))
    risk.on_external_flow(D(50), "in again")
    assert risk.get_risk_status()["drawdown"] == 0
    assert risk.standing().state == "ACTIVE"


def test_a_drawdown_over_days_trips(desk: Desk) -> None:
    risk = desk.opened("1000")
    for equity in range(990, 750, -10):
        desk.clock.sleep(24 * 3600)
        risk.on_mark(D(equity))
        assert risk.standing().state == "ACTIVE", equity
    desk.clock.sleep(24 * 3600)
    desk.another().on_mark(D(750))  # the peak is the stored one
    assert risk.standing().code == "E-RISK-DRAWDOWN"


def test_the_cool_down_follows_a_losing_exit_for_its_minutes(desk: Desk) -> None:
    risk = desk.opened("1000")
    risk.on_fill(fill(1, "BUY", "100", "0.25", held="0.25"))
    risk.on_fill(fill(2, "SELL", "99", "0.25", held="0"))
    assert code(risk.reserve(entry("a"))) == "E-RISK-COOL-DOWN"
    desk.clock.sleep(59 * 60 + 59)
    shown = desk.another().get_risk_status()
    assert (shown["cool_down_active"], shown["cool_down_remaining_minutes"]) == (True, 1)
    desk.clock.sleep(1)
    reserved(risk.reserve(entry("a", at=NOON + HOUR)))


def test_a_winning_exit_ends_the_cool_down_and_one_at_cost_does_not(desk: Desk) -> None:
    risk = desk.opened("1000")
    for number, (paid, got) in enumerate([("100", "99"), ("100", "100"), ("100", "101")]):
        assert risk.get_risk_status()["cool_down_active"] is (number > 0)
        risk.on_fill(fill(2 * number, "BUY", paid, "0.25", held="0.25"))
        risk.on_fill(fill(2 * number + 1, "SELL", got, "0.25", held="0"))
    assert risk.get_risk_status()["cool_down_active"] is False


def test_an_exit_is_judged_by_the_whole_position_fees_included(desk: Desk) -> None:
    risk = desk.opened("1000")
    risk.on_fill(fill(1, "BUY", "100", "0.25", held="0.24975", fee="0.025"))
    risk.on_fill(fill(2, "SELL", "100.15", "0.1", held="0.14975", fee="0.01"))
    assert risk.get_risk_status()["open_positions"] == 1
    risk.on_fill(fill(3, "SELL", "100.15", "0.1497", held="0", fee="0.015"))  # dust is left: a slot is free
    assert risk.get_risk_status()["open_positions"] == 0
    assert risk.get_risk_status()["cool_down_active"] is True


def test_before_any_mark_what_was_booked_is_the_loss(desk: Desk) -> None:
    risk = desk.manager
    risk.on_fill(fill(1, "BUY", "100", "1", held="1", fee="1"))
    risk.on_fill(fill(2, "SELL", "90", "0.5", held="0.5", fee="1"))
    assert risk.get_risk_status()["daily_pnl"] == D(-5) - D(5) - D(2)
    assert risk.standing().state == "ACTIVE"
    assert code(risk.reserve(entry("a", "ETHUSDT"))) == "E-RISK-EQUITY"


def test_a_trade_told_twice_counts_once(desk: Desk) -> None:
    risk = desk.opened("1000")
    for _ in range(3):
        risk.on_fill(fill(1, "BUY", "100", "0.25", held="0.25", fee="1"))
    assert risk.get_risk_status()["daily_pnl"] == D(-1)


def test_a_sale_of_what_risk_did_not_know_of_makes_no_result(desk: Desk) -> None:
    risk = desk.opened("1000")
    risk.on_fill(fill(1, "SELL", "100", "5", held="0", fee="1"))
    assert risk.get_risk_status()["daily_pnl"] == D(-1)


def test_at_start_the_ledgers_positions_win(desk: Desk) -> None:
    risk = desk.opened("1000")
    desk.hold("BTCUSDT")
    desk.hold("OLDUSDT")
    holds = {"BTCUSDT": Position(D(2), D(50), D(25)), "ETHUSDT": Position(D(1), D(10), D(10))}
    risk.adopt(holds)
    assert risk.get_risk_status()["open_positions"] == 2
    assert risk.get_risk_status()["gross_exposure"] == D(60)


@pytest.mark.parametrize("value", ["-1", "NaN", "Infinity"])
def test_numbers_that_cannot_be_are_refused_and_change_nothing(desk: Desk, value: str) -> None:
    risk = desk.opened("1000")
    with pytest.raises(UsageError, match="equity is"):
        risk.on_mark(D(value))
    with pytest.raises(UsageError, match="price of BTCUSDT"):
        risk.on_mark(D(1000), {"BTCUSDT": D(value)})
    with pytest.raises(UsageError, match="price is"):
        RiskFill("BTCUSDT", 1, "BUY", D(value), D(1), D(0), D(1))
    if value != "-1":
        with pytest.raises(UsageError, match="flow is"):
            risk.on_external_flow(D(value), "x")
    assert risk.get_risk_status()["daily_pnl"] == 0


def test_a_mark_values_what_is_held_at_its_last_price_up_and_down(desk: Desk) -> None:
    risk = desk.opened("1000")
    desk.hold()
    for price, exposure in (("120", 30), ("80", 20), ("80.00", 20)):
        risk.on_mark(D(1000), {"BTCUSDT": D(price), "ETHUSDT": D(1)})
        assert risk.get_risk_status()["gross_exposure"] == exposure
    risk.on_mark(D(1000))
    assert risk.get_risk_status()["gross_exposure"] == 20
