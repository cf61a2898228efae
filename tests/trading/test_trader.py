"""Passes of a trader on a local exchange: from closed candles to booked fills."""

from __future__ import annotations

import os
from decimal import Decimal
from pathlib import Path

import pytest
from tests.trading.desk import WIDE, D, OpenDesk, script

from thunes.audit.verify import verify
from thunes.errors import ReconcileError
from thunes.exchange.orders import Balance
from thunes.strategies.sma_cross import SmaCross

pytestmark = pytest.mark.loopback  # python-binance opens a socket pair even where nothing is sent


def test_a_wish_becomes_a_booked_position(open_desk: OpenDesk) -> None:
    desk = open_desk(script((0, 1.0)))
    done = desk.run()
    assert done.order is not None
    assert (done.code, done.order.status, desk.orders()) == ("E-ENTRY", "FILLED", ["FILLED"])
    position = desk.ledger.position("BTCUSDT")
    assert position is not None
    assert position.quantity == desk.held() > 0
    assert desk.ledger.reconcile(desk.venue.balances()) == []


def test_what_is_wanted_and_held_makes_no_order(open_desk: OpenDesk) -> None:
    desk = open_desk(script((0, 1.0)))
    assert [desk.run().code for _ in range(3)] == ["E-ENTRY", "E-HOLD-AS-WANTED", "E-HOLD-AS-WANTED"]
    assert desk.orders() == ["FILLED"]


def test_nothing_wanted_any_more_sells_and_leaves_dust_at_most(open_desk: OpenDesk) -> None:
    desk = open_desk(script((0, 1.0), (2, 0.0)))
    desk.run(3)
    assert desk.orders() == ["FILLED", "FILLED"]
    assert desk.ledger.positions() == []
    assert desk.held() < D("0.00001")
    assert desk.run().code == "E-HOLD-FLAT"


@pytest.mark.covers("pitfall X9")
def test_passes_that_were_missed_heal_themselves(open_desk: OpenDesk) -> None:
    desk = open_desk(script((1, 1.0), (5, 0.0), (6, 1.0)))
    desk.exchange.advance(3)  # nobody was there when it was first wanted
    assert desk.trader.run().code == "E-ENTRY"
    desk.exchange.advance(2)
    desk.run(2)  # nor when it was not
    assert desk.run().code == "E-HOLD-AS-WANTED"
    assert desk.ledger.count_open_positions() == 1


@pytest.mark.covers("pitfall X4")
def test_one_decision_is_one_order_however_often_it_is_asked(open_desk: OpenDesk) -> None:
    desk = open_desk(script((0, 1.0)))
    desk.run()
    for _ in range(3):
        assert desk.trader.run().order is None
    desk.again()
    assert desk.trader.run().order is None
    assert desk.orders() == ["FILLED"]


def test_a_fraction_of_equity_uses_what_there_is(open_desk: OpenDesk) -> None:
    from thunes.trading.decision import Sizing

    desk = open_desk(script((0, 1.0)), sizing=Sizing(fraction=D(1)), money="USDT=1000")
    desk.run()
    assert desk.exchange.parts.exchange.engine.account("key").free("USDT") < 1


def test_a_smaller_wish_sells_a_part(open_desk: OpenDesk) -> None:
    desk = open_desk(script((0, 1.0), (1, 0.25)))
    sizes = []
    for _ in range(3):
        desk.run()
        sizes.append(desk.held())
    assert float(sizes[1]) == pytest.approx(float(sizes[0]) / 4, rel=0.05)
    assert sizes[2] == sizes[1]


def test_an_order_that_the_exchange_would_refuse_is_not_sent(open_desk: OpenDesk) -> None:
    desk = open_desk(script((0, 1.0)), money="USDT=3")
    done = desk.run()
    assert done.order is None
    assert done.code.startswith("E-FILTER-")
    assert desk.orders() == []
    assert [one.stage for one in done.checks] == ["filters"] * len(done.checks)


def test_risk_has_the_last_word_on_entries_and_none_on_exits(open_desk: OpenDesk) -> None:
    desk = open_desk(script((0, 1.0), (2, 0.0), (3, 1.0)))
    desk.run(2)
    desk.risk.kill("a test", actor="tests")
    assert desk.run().code == "E-EXIT"
    refused = desk.run()
    assert refused.order is None
    assert refused.code.startswith("E-RISK-")
    desk.risk.resume("a test", D(100), actor="tests")
    assert desk.run().code == "E-ENTRY"


def test_halted_means_not_even_exits(open_desk: OpenDesk) -> None:
    desk = open_desk(script((0, 1.0), (1, 0.0)))
    desk.run()
    desk.risk.kill("a test", halt=True, actor="tests")
    assert desk.run().order is None
    assert desk.held() > 0


def test_the_order_s_size_is_bounded_by_risk(open_desk: OpenDesk) -> None:
    from dataclasses import replace

    desk = open_desk(script((0, 1.0)), limits=replace(WIDE, order_notional=D(50)))
    assert desk.run().code.startswith("E-RISK-")
    assert desk.orders() == []


@pytest.mark.covers("fault 61")
def test_a_kill_between_intent_and_wire_stops_the_order(open_desk: OpenDesk) -> None:
    desk = open_desk(script((0, 1.0)))
    desk.step = lambda at: desk.risk.kill("now", actor="tests") and None if at == "submit" else None
    done = desk.run()
    assert done.order is None
    assert desk.orders() == []
    assert desk.ledger.open_intents() == []
    assert desk.risk.reservations() == ()


def test_money_that_nobody_told_of_stops_everything(open_desk: OpenDesk) -> None:
    desk = open_desk(script((0, 1.0)))
    desk.run()
    engine = desk.exchange.parts.exchange.engine
    engine.deposit("key", "USDT", D(500), desk.exchange.now_ms)
    with pytest.raises(ReconcileError, match="USDT"):
        desk.run()
    assert desk.risk.standing().state == "HALTED"


def test_the_trail_tells_the_whole_story_and_verifies(open_desk: OpenDesk, tmp_path: Path) -> None:
    desk = open_desk(script((0, 1.0), (2, 0.0)))
    desk.run(4)
    assert verify(tmp_path / "logs", desk.trail.head()).first_break is None
    record = desk.ledger.orders()[0]
    told = [record.event.event for record in desk.trail.history().of(record.intent.client_id)]
    assert told[:3] == ["intent", "outcome", "fill"]


@pytest.mark.parametrize(("bars", "code"), [(1, "E-EXIT"), (2, "E-ENTRY")])
def test_one_write_before_the_wire_and_one_after(
    open_desk: OpenDesk, monkeypatch: pytest.MonkeyPatch, bars: int, code: str
) -> None:
    desk, syncs, at = open_desk(script((0, 1.0), (1, 0.0), (2, 1.0))), list[str](), ["start"]
    desk.run(bars)  # files exist
    sync = os.fdatasync

    def counted(descriptor: int) -> None:
        syncs.append(at[0])
        sync(descriptor)

    monkeypatch.setattr("thunes.audit.tip._durable", counted)
    for name in ("fsync", "fdatasync"):  # whoever else would sync
        monkeypatch.setattr(os, name, counted)
    desk.step = lambda step: at.__setitem__(0, step)
    assert desk.run().code == code
    before = ("decide", "prepare", "intent", "trail told", "submit", "wire")
    after = ("settle", "booked", "risk told", "done")
    assert [sum(syncs.count(step) for step in steps) for steps in (before, after)] == [1, 1]


def test_equity_is_what_the_account_is_worth(open_desk: OpenDesk) -> None:
    desk = open_desk(script((0, 1.0)))
    done = desk.run(3)
    account = desk.venue.balances()
    nothing = Balance("", Decimal(0), Decimal(0))
    bid = desk.venue.quote("BTCUSDT").bid
    assert bid is not None
    assert done.equity == account["USDT"].total + account.get("BTC", nothing).total * bid


def test_nothing_is_wanted_while_a_strategy_warms_up(open_desk: OpenDesk) -> None:
    desk = open_desk(SmaCross(fast=50, slow=200))
    done = desk.run()  # a hundred candles
    assert (done.exposure, done.code) == (0, "E-HOLD-FLAT")
