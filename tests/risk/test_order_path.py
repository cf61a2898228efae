"""Risk in the order path: a real trader on a local exchange that is stopped, restarted, spammed, misled and broken."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pytest
from tests.trading.desk import CANDLES, START, WIDE, D, Desk, ExchangeClock, OpenDesk, Scripted, script

from thunes.audit.events import Decision
from thunes.errors import ReconcileError, StrategyError
from thunes.model import Candles
from thunes.simulator import LocalExchange

pytestmark = pytest.mark.loopback  # python-binance opens a socket pair even where nothing is sent


# Stops


@pytest.mark.covers("fault 61")
@pytest.mark.parametrize("at", ["prepare", "intent", "trail told", "submit"])
def test_no_entry_is_sent_after_a_kill_wherever_the_pass_stands(open_desk: OpenDesk, at: str) -> None:
    desk = open_desk(script((0, 1.0)))
    desk.step = lambda step: desk.risk.kill("now", actor="tests") and None if step == at else None
    done = desk.run()
    assert (done.order, done.code, desk.orders()) == (None, "E-RISK-REDUCING", [])
    assert desk.ledger.open_intents() == []
    assert desk.risk.reservations() == ()


@pytest.mark.covers("fault 61")
def test_an_entry_that_a_kill_came_too_late_for_is_named_and_booked(open_desk: OpenDesk) -> None:
    desk = open_desk(script((0, 1.0), (1, 0.0)))
    receipts = []
    desk.step = lambda step: receipts.append(desk.risk.kill("now", actor="tests")) if step == "wire" else None
    done = desk.run()
    assert done.order is not None
    assert [held.client_order_id for held in receipts[0].in_flight] == [done.order.intent.client_id]
    assert desk.orders() == ["FILLED"]
    assert desk.risk.standing().state == "REDUCING"
    assert desk.run().code == "E-EXIT"  # what was under way can be left


@pytest.mark.covers("fault 62")
def test_a_kill_file_that_nobody_can_read_stops_exits_too(open_desk: OpenDesk) -> None:
    desk = open_desk(script((0, 1.0), (1, 0.0)))
    desk.run()
    (desk.folder / "state" / "KILL").mkdir()
    assert desk.run().code == "E-RISK-HALTED"
    (desk.folder / "state" / "KILL").rmdir()


@pytest.mark.covers("fault 63")
@pytest.mark.covers("pitfall X2")
def test_a_kill_outlives_every_restart(open_desk: OpenDesk) -> None:
    desk = open_desk(script((0, 1.0)))
    desk.risk.kill("enough", actor="tests")
    for _ in range(4):
        desk.again()
        assert desk.run().code == "E-RISK-REDUCING"
    assert desk.orders() == []


@pytest.mark.covers("fault 63")
@pytest.mark.covers("pitfall X1")
@pytest.mark.covers("pitfall X3")
def test_a_fall_trips_with_nothing_sold_no_restart_forgets_it_and_the_exit_goes(open_desk: OpenDesk) -> None:
    strategy = script((0, 1.0), (3, 0.0), (4, 1.0))
    desk = open_desk(strategy, kind=Falling, limits=replace(WIDE, daily_loss=D(40)))
    assert [desk.run().code for _ in range(2)] == ["E-ENTRY", "E-HOLD-AS-WANTED"]
    assert desk.risk.standing().state == "ACTIVE"
    desk.run()
    status = desk.risk.get_risk_status()
    assert (status["state"], status["code"], desk.orders()) == ("REDUCING", "E-RISK-DAILY-LOSS", ["FILLED"])
    desk.again()
    assert desk.risk.get_risk_status()["daily_pnl"] == status["daily_pnl"]
    assert [desk.run().code for _ in range(2)] == ["E-EXIT", "E-RISK-REDUCING"]


@dataclass
class Falling(Desk):
    """Prices fall to `share` of what they were, at the open of the candle `at`, counted from the first one traded."""

    share: float = 0.5
    at: int = 3

    def opened_exchange(self) -> LocalExchange:
        fallen = {
            name: np.where(np.arange(len(CANDLES)) < START + self.at, 1.0, self.share) * getattr(CANDLES, name)
            for name in ("open", "high", "low", "close")
        }
        return LocalExchange(
            CANDLES.replace(**fallen), [f"key:secret:{self.money}"], start=int(CANDLES.open_time[START]), serve=False,
            limits=False,
        )  # fmt: skip


@pytest.mark.covers("pitfall X16")
def test_after_a_resume_trading_goes_on_up_to_the_new_budget_only(open_desk: OpenDesk) -> None:
    desk = open_desk(
        script((0, 1.0), (3, 0.0), (4, 1.0), (6, 0.0), (7, 1.0)), kind=Falling, limits=replace(WIDE, daily_loss=D(40))
    )
    desk.run(4)
    desk.risk.resume("looked at it", D(25), actor="tests")
    assert desk.run().code == "E-ENTRY"  # the old loss does not trip again
    desk.run(2)
    desk.risk.kill("once more", actor="tests")
    desk.risk.resume("looked at it", D(5), actor="tests")
    assert desk.run().code == "E-RISK-DAILY-LOSS"  # 20 are at stake: more than the budget


# Strategies that go wrong


class Broken(Scripted):
    """Answers as a test says."""

    answer = None  # no parameter: not annotated

    def exposure(self, candles: Candles) -> Any:
        return self.answer(candles)  # type: ignore[misc]


def broken(answer: Callable[[Candles], Any]) -> Broken:
    made = Broken()
    object.__setattr__(made, "answer", answer)
    return made


@pytest.mark.covers("fault 64")
@pytest.mark.parametrize(
    ("answer", "code"),
    [
        (lambda _: 1 / 0, "E-STRATEGY-RAISED"),
        (lambda candles: np.full(len(candles), np.nan), "E-STRATEGY-VALUE"),
        (lambda candles: np.full(len(candles), 1e9), "E-STRATEGY-VALUE"),
        (lambda candles: np.full(len(candles), -1.0), "E-STRATEGY-VALUE"),
        (lambda candles: np.full(len(candles), "long"), "E-STRATEGY-TYPE"),
        (lambda _: np.ones(3), "E-STRATEGY-LENGTH"),
        (lambda _: None, "E-STRATEGY-LENGTH"),
    ],
)
def test_a_strategy_that_goes_wrong_makes_no_order_and_harms_nothing(
    answer: Callable[[Candles], Any], code: str, open_desk: OpenDesk
) -> None:
    desk = open_desk(broken(answer))
    for _ in range(2):
        with pytest.raises(StrategyError) as caught:
            desk.run()
        assert caught.value.code == code
    assert desk.orders() == []
    assert desk.risk.standing().state == "ACTIVE"
    assert desk.ledger.open_intents() == []


@pytest.mark.covers("fault 65")
def test_a_strategy_that_spams_is_stopped_for_the_day_and_its_exits_go(open_desk: OpenDesk) -> None:
    flips = script(*((bar, float(bar % 2 == 0)) for bar in range(20)))
    desk = open_desk(flips, limits=replace(WIDE, orders_per_day=2))
    codes = [desk.run().code for _ in range(8)]
    assert codes[:4] == ["E-ENTRY", "E-EXIT"] * 2
    assert set(codes[4:]) == {"E-RISK-DAY-ORDERS", "E-HOLD-FLAT"}
    assert len(desk.orders()) == 4


@pytest.mark.covers("fault 66")
@pytest.mark.parametrize(
    ("share", "code"), [(0.8, "E-RISK-PRICE-MOVED"), (1.2, "E-RISK-PRICE-MOVED"), (0.99, "E-ENTRY")]
)
def test_a_price_far_from_the_one_decided_on_is_no_price_to_buy_at(
    share: float, code: str, open_desk: OpenDesk
) -> None:
    desk = open_desk(script((0, 1.0)), kind=Falling, share=share, at=1)
    assert desk.run().code == code


@pytest.mark.covers("fault 66")
def test_a_price_that_grew_old_before_the_wire_stops_the_order_there(open_desk: OpenDesk) -> None:
    desk = open_desk(script((0, 1.0)))
    desk.step = lambda step: desk.clock.sleep(11) if step == "submit" else None
    done = desk.run()
    assert (done.order, done.code, desk.orders()) == (None, "E-RISK-PRICE-AGE", [])
    assert desk.risk.reservations() == ()


# Two at once


@pytest.mark.covers("fault 36")
@pytest.mark.covers("pitfall X19")
def test_a_trader_with_a_state_of_its_own_on_the_same_account_stops_at_what_it_did_not_do(open_desk: OpenDesk) -> None:
    first = open_desk(script((1, 1.0)))
    second = open_desk(script(), kind=SameAccount)
    second.exchange = first.exchange
    second.clock = ExchangeClock(first.exchange)
    second.again()
    first.run()
    second.trader.run()
    first.run()
    with pytest.raises(ReconcileError, match="USDT"):
        second.trader.run()
    assert second.risk.standing().state == "HALTED"


class SameAccount(Desk):
    """Its exchange is another desk's."""


# Money


@pytest.mark.covers("pitfall X7")
def test_a_round_trip_closes_flat_and_the_ledger_is_the_change_of_the_balance(open_desk: OpenDesk) -> None:
    """The fee of the BUY is taken in base, so less can be sold than was bought."""
    desk = open_desk(script((0, 1.0), (2, 0.0)))
    bought, *_, sold = (desk.run() for _ in range(3))
    (buy, sell) = ([one.fill for one in done.fills] for done in (bought, sold))
    assert {fill.commission_asset for fill in buy} == {"BTC"}
    assert sum(fill.quantity for fill in sell) <= sum(fill.quantity - fill.commission for fill in buy)
    dust = sum(one.cost for one in desk.ledger.dust())
    change = desk.venue.balances()["USDT"].total - 10_000
    assert abs(desk.ledger.realised() - change - dust) < D("1e-20")  # shares of a cost are rounded
    assert desk.ledger.reconcile(desk.venue.balances()) == []
    assert desk.ledger.positions() == []


@pytest.mark.covers("pitfall X8")
def test_dust_holds_no_slot_and_blocks_no_entry(open_desk: OpenDesk) -> None:
    desk = open_desk(script((0, 1.0), (1, 0.0), (2, 1.0), (3, 0.0)), limits=replace(WIDE, positions=1))
    assert [desk.run().code for _ in range(4)] == ["E-ENTRY", "E-EXIT"] * 2
    assert desk.held() > 0
    assert desk.risk.get_risk_status()["open_positions"] == 0
    assert [desk.run().code for _ in range(3)] == ["E-HOLD-FLAT"] * 3  # and nobody tries to sell it


class Ended(Exception):
    """The process ends here."""


@pytest.mark.covers("pitfall X8")
@pytest.mark.parametrize(
    "at", ["look", "prepare", "intent", "trail told", "submit", "wire", "settle", "booked", "risk told", "done"]
)
def test_an_exit_that_broke_off_anywhere_is_finished_by_the_next_pass(open_desk: OpenDesk, at: str) -> None:
    desk = open_desk(script((0, 1.0), (1, 0.0)))
    desk.run()

    def end(step: str) -> None:
        if step == at:
            raise Ended

    desk.step = end
    with pytest.raises(Ended):
        desk.run()
    desk.step = lambda _: None
    desk.again()
    desk.run()
    assert desk.orders() == ["FILLED", "FILLED"]
    assert (desk.ledger.positions(), desk.ledger.open_intents(), desk.risk.reservations()) == ([], [], ())
    assert desk.risk.get_risk_status()["open_positions"] == 0
    assert desk.ledger.reconcile(desk.venue.balances()) == []


@pytest.mark.covers("pitfall X9")
@pytest.mark.parametrize("skipped", range(1, 7))
def test_bars_that_nobody_saw_change_nothing_in_the_end(open_desk: OpenDesk, skipped: int) -> None:
    strategy = script((1, 1.0), (3, 0.5), (5, 0.0), (6, 1.0), (8, 0.25))
    whole, gapped = open_desk(strategy), open_desk(strategy)
    whole.run(10)
    gapped.run(2)
    gapped.exchange.advance(skipped)
    gapped.run(8 - skipped)
    assert [one.quantity > 0 for one in gapped.ledger.positions()] == [True]
    assert float(gapped.held()) == pytest.approx(float(whole.held()), rel=0.05)


@pytest.mark.covers("pitfall X10")
def test_every_decision_says_where_its_candles_are_from(open_desk: OpenDesk) -> None:
    desk = open_desk(script((0, 1.0), (2, 0.0)))
    desk.run(4)
    told = [entry.event for entry in desk.trail.history().backwards("decision")]
    assert {event.source for event in told if isinstance(event, Decision)} == {CANDLES.source}
    assert len(told) == 4


@pytest.mark.covers("pitfall X6")
def test_an_order_that_was_let_pass_counts_until_its_fate_is_known(open_desk: OpenDesk) -> None:
    """The last slot is taken from the moment of the approval, also while nobody knows what became of the order."""
    desk = open_desk(script((0, 1.0)), limits=replace(WIDE, positions=1))
    seen = []
    desk.step = lambda step: seen.append((step, desk.risk.get_risk_status()["position_slots_available"]))
    desk.run()
    free = {step for step, slots in seen if slots}
    assert free == {"recover", "look", "decide", "prepare"}
