"""Room that is held counts against every limit until it is filled or released."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest
from tests.risk.desk import HOUR, NOON, Desk, code, entry, fill, leaving, reserved

from thunes.risk.request import Prices

D = Decimal


@pytest.mark.covers("pitfall X6")
def test_room_is_visible_to_another_process_and_freed_by_release(desk: Desk) -> None:
    risk, other = desk.opened(), desk.another()
    held = reserved(risk.reserve(entry("a")))
    assert other.reservations() == (held,)
    assert code(other.reserve(entry("b"))) == "E-RISK-SYMBOL"
    assert other.release("a") is True
    assert risk.release("a") is False
    reserved(other.reserve(entry("b")))


def test_each_reservation_counts_against_positions_and_exposure(desk: Desk) -> None:
    risk = desk.opened()
    for symbol in ("A", "B", "C"):
        reserved(risk.reserve(entry(symbol, symbol)))
    status = risk.get_risk_status()
    assert (status["open_positions"], status["position_slots_available"], status["entries_under_way"]) == (0, 0, 3)
    assert status["gross_exposure"] == 75
    assert code(risk.reserve(entry("D", "D"))) == "E-RISK-POSITIONS"


def test_a_fill_turns_room_into_a_position(desk: Desk) -> None:
    risk = desk.opened()
    risk.reserve(entry("a"))
    risk.filled("a", fill(1, "BUY", "100", "0.25", held="0.24975", fee="0.025"))
    status = risk.get_risk_status()
    assert (status["open_positions"], status["entries_under_way"]) == (1, 0)
    assert status["gross_exposure"] == D("24.975")


def test_a_partial_fill_keeps_room_for_the_rest_and_one_slot_in_all(desk: Desk) -> None:
    risk = desk.opened()
    risk.reserve(entry("a"))
    first = fill(1, "BUY", "100", "0.1", held="0.1")
    for _ in range(2):
        risk.filled("a", first, done=False)
    assert risk.reservations()[0].notional == 15
    assert risk.reservations()[0].worst_loss == 3
    assert risk.get_risk_status()["gross_exposure"] == 25
    assert risk.get_risk_status()["position_slots_available"] == 2
    risk.filled("a", first, fill(2, "BUY", "101", "0.25", held="0.35"), done=False)  # more than was asked for
    assert risk.reservations()[0].notional == 0
    risk.filled("a")
    assert risk.reservations() == ()


def test_an_order_that_ended_without_a_fill_frees_its_room(desk: Desk) -> None:
    risk = desk.opened()
    risk.reserve(entry("a"))
    risk.filled("a")
    assert risk.reservations() == ()
    assert risk.get_risk_status()["open_positions"] == 0


def test_the_same_order_is_not_reserved_twice_even_for_another_symbol(desk: Desk) -> None:
    risk = desk.opened()
    reserved(risk.reserve(entry("a")))
    assert code(desk.another().reserve(entry("a", "ETHUSDT"))) == "E-RISK-DUPLICATE"


def test_room_lost_in_a_power_cut_is_held_again_whatever_the_rules_say(desk: Desk) -> None:
    risk = desk.opened()
    risk.kill("test", actor="me")
    for _ in range(2):
        risk.restore(entry("a", notional="1000"))
    assert [held.client_order_id for held in risk.reservations()] == ["a"]
    assert desk.stores[0].read().entries == 1
    assert risk.get_risk_status()["gross_exposure"] == 1000


@pytest.mark.covers("fault 65")
def test_a_strategy_that_spams_is_stopped_by_bar_and_by_day(desk: Desk) -> None:
    risk = desk.another(orders_per_bar=2, orders_per_day=4)
    risk.on_mark(D(1000))
    answers = []
    for number in range(6):
        bar = NOON - HOUR if number < 3 else NOON + number * HOUR
        answer = risk.reserve(entry(str(number), bar_ms=bar))
        risk.release(str(number))
        answers.append(getattr(answer, "code", "passed"))
    assert answers == ["passed", "passed", "E-RISK-BAR-ORDERS", "passed", "passed", "E-RISK-DAY-ORDERS"]
    desk.clock.sleep(12 * 3600)
    reserved(risk.reserve(entry("tomorrow", at=NOON + 12 * HOUR)))


def test_an_exit_takes_no_room_and_is_never_counted(desk: Desk) -> None:
    risk = desk.another(orders_per_bar=1, orders_per_day=1)
    risk.on_mark(D(1000))
    for _ in range(5):
        assert risk.before_submit(reserved(risk.reserve(leaving()))) is None
    assert risk.reservations() == ()
    reserved(risk.reserve(entry("a")))


@pytest.mark.covers("fault 66")
def test_just_before_the_wire_the_price_is_looked_at_again(desk: Desk) -> None:
    risk = desk.opened()
    held = reserved(risk.reserve(entry("a")))
    moved = Prices(D(100), D(120), NOON)
    assert code(risk.before_submit(held, moved)) == "E-RISK-PRICE-MOVED"
    desk.clock.sleep(11)
    assert code(risk.before_submit(held, replace(moved, current=D(100)))) == "E-RISK-PRICE-AGE"
    assert risk.reservations()[0].submitted_ms is None
    assert risk.before_submit(held, Prices(D(100), D(101), NOON + 11_000)) is None
    assert risk.reservations()[0].submitted_ms == NOON + 11_000


def test_without_room_nothing_is_submitted(desk: Desk) -> None:
    risk = desk.opened()
    held = reserved(risk.reserve(entry("a")))
    risk.release("a")
    assert code(risk.before_submit(held)) == "E-RISK-NOT-RESERVED"


def test_an_open_breaker_stops_entries_while_it_is_open(desk: Desk) -> None:
    risk = desk.opened()
    held = reserved(risk.reserve(entry("a")))
    desk.breaker = "open"
    assert code(risk.before_submit(held)) == "E-RISK-BREAKER"
    assert code(risk.reserve(entry("b", "ETHUSDT"))) == "E-RISK-BREAKER"
    status = risk.get_risk_status()
    assert (status["state"], status["circuit_breaker_status"], status["kill_switch_active"]) == (
        "REDUCING",
        "open",
        False,
    )
    assert risk.before_submit(reserved(risk.reserve(leaving()))) is None
    desk.breaker = "half-open"
    assert risk.before_submit(held) is None
    assert desk.events == []


@pytest.mark.parametrize("quantity", [0, -1, "NaN", "1e-400000000000000000000", "ten", float("inf"), None, True])
@pytest.mark.parametrize("side", ["BUY", "sell"])
def test_an_amount_that_is_none_is_no_trade(desk: Desk, quantity: object, side: str) -> None:
    valid, reason = desk.opened().validate_trade("BTCUSDT", quantity, side, "sma")  # type: ignore[arg-type]
    assert not valid
    assert reason.endswith("[E-RISK-AMOUNT]")


@pytest.mark.parametrize("quantity", [25, 25.0, "25", D(25)])
def test_validating_answers_without_reserving(desk: Desk, quantity: object) -> None:
    risk = desk.opened()
    for _ in range(5):
        assert risk.validate_trade("BTCUSDT", quantity, "buy", "sma") == (True, "")  # type: ignore[arg-type]
    assert risk.reservations() == ()
    assert risk.validate_trade("BTCUSDT", "25.01", "BUY", "sma") == (
        False,
        "this trade may lose 5.002, 5 are allowed [E-RISK-TRADE-LOSS]",
    )
    assert not risk.validate_trade("BTCUSDT", 25, "HOLD", "sma")[0]


def test_a_preview_shows_every_rule_and_takes_nothing(desk: Desk) -> None:
    risk = desk.opened()
    assert all(check.passed for check in risk.preview(entry("a")))
    assert len(risk.preview(entry("a"))) == 17
    assert [check.rule for check in risk.preview(leaving())] == ["state"]
    assert risk.preview(leaving(action="flatten")) == ()
    assert risk.reservations() == ()


def test_the_status_has_the_keys_people_know(desk: Desk) -> None:
    risk = desk.opened("1000")
    risk.on_mark(D(995))
    known = {
        "kill_switch_active": False,
        "daily_pnl": D(-5),
        "daily_loss_limit": D(20),
        "daily_loss_utilization": D("0.25"),
        "open_positions": 0,
        "max_positions": 3,
        "position_slots_available": 3,
        "cool_down_active": False,
        "cool_down_remaining_minutes": 0,
        "circuit_breaker_status": "closed",
        "state": "ACTIVE",
        "reason": "",
    }
    status = risk.get_risk_status()
    assert {key: status[key] for key in known} == known  # type: ignore[literal-required]
    risk.on_mark(D(1005))
    assert risk.get_risk_status()["daily_loss_utilization"] == 0  # a profit uses nothing
