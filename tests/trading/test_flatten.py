"""Flattening and adopting, straight at an exchange: what the commands' tests do not reach."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
from tests.trading.desk import D, Desk, OpenDesk, script

from thunes.audit.events import Event
from thunes.errors import AuditError, DataError, ReconcileError
from thunes.exchange.orders import OrderTicket
from thunes.exchange.outcomes import Accepted
from thunes.trading.adoption import adopt
from thunes.trading.flatten import Flattener
from thunes.trading.identity import client_order_id
from thunes.trading.ledger.values import Flow, Intent

pytestmark = pytest.mark.loopback  # python-binance opens a socket pair even where nothing is sent


class Shut:
    """A trail that cannot be written."""

    def append_many(self, events: Sequence[Event]) -> object:
        raise AuditError("E-AUDIT-WRITE", f"no room for {len(events)} events.")


def flattener(desk: Desk, trail: Any = None) -> Flattener:
    return Flattener(desk.venue, desk.ledger, desk.risk, trail or desk.trail, desk.reserve, desk.clock)


def resting(desk: Desk, name: str, *, ours: bool = True) -> None:
    """A SELL of all that is free, far above the market."""
    symbol, price = "BTCUSDT", desk.venue.average_price("BTCUSDT")
    free = desk.venue.balances()["BTC"].free
    ticket = OrderTicket(
        symbol, "SELL", "LIMIT", name, quantity=free.quantize(D("0.00001"), "ROUND_DOWN"),
        price=(price * D("1.2")).quantize(D("0.01")), time_in_force="GTC",
    )  # fmt: skip
    if ours:
        desk.ledger.intend(Intent(ticket, "scripted", 0, desk.exchange.now_ms))
    found = desk.venue.submit(ticket)
    assert isinstance(found, Accepted), found
    if ours:
        desk.ledger.record_outcome(name, found)


@pytest.mark.parametrize("ours", [True, False])
def test_what_is_locked_in_an_open_order_is_freed_and_sold(open_desk: OpenDesk, ours: bool) -> None:
    desk = open_desk(script((0, 1.0)))
    desk.run()
    resting(desk, "th-resting" if ours else "by-hand", ours=ours)
    (done,) = flattener(desk).run(["BTCUSDT"], "a person", "a test")
    assert (len(done.cancelled), done.problem, len(done.orders)) == (1, "", 1)
    assert (desk.orders()[1:], desk.ledger.open_intents()) == (["CANCELED", "FILLED"], [])
    assert desk.ledger.reconcile(desk.venue.balances()) == []


def test_all_that_concerns_us_is_found(open_desk: OpenDesk) -> None:
    desk = open_desk(script((0, 1.0)))
    assert flattener(desk).run(None, "a person", "a test") == []
    desk.run()
    assert [done.symbol for done in flattener(desk).run(None, "a person", "a test")] == ["BTCUSDT"]
    assert desk.held() < D("0.00001")


def test_what_was_bought_and_never_booked_is_sold_too(open_desk: OpenDesk) -> None:
    desk = open_desk(script((0, 0.0)))
    desk.run()
    ticket = OrderTicket("BTCUSDT", "BUY", "MARKET", client_order_id("scripted", "BTCUSDT", 1, "BUY"), D("0.01"))
    desk.ledger.intend(Intent(ticket, "scripted", 1, desk.exchange.now_ms))
    desk.venue.submit(ticket)  # and the process dies here
    (done,) = flattener(desk).run(None, "a person", "a test")
    assert done.sold == D("0.00999")
    assert desk.ledger.reconcile(desk.venue.balances()) == []


def test_an_order_of_unknown_fate_is_named_as_a_problem(open_desk: OpenDesk) -> None:
    """It may still turn out to have bought: a person who is told that all is flat would look away."""
    desk = open_desk(script((0, 0.0)))
    desk.run()
    name = client_order_id("scripted", "BTCUSDT", 1, "BUY")
    ticket = OrderTicket("BTCUSDT", "BUY", "MARKET", name, D("0.01"))
    desk.ledger.intend(Intent(ticket, "scripted", 1, desk.exchange.now_ms))  # and nobody knows whether it was sent
    (done,) = flattener(desk).run(None, "a person", "a test")
    assert (done.sold, name in done.problem) == (0, True)
    (again,) = flattener(desk).run(["BTCUSDT"], "a person", "a test")
    assert again.problem == ""


def test_without_a_trail_the_reserve_file_has_the_intent(open_desk: OpenDesk) -> None:
    desk = open_desk(script((0, 1.0), (1, 0.0)))
    desk.run()
    way_out = flattener(desk, Shut())
    (done,) = way_out.run(["BTCUSDT"], "a person", "a test")
    assert (done.problem, len(desk.reserve.records())) == ("", 1)
    assert any("E-AUDIT-WRITE" in line for line in way_out.untold)
    desk.again()
    desk.run()
    assert desk.ledger.positions() == []


def test_what_is_not_free_is_said(open_desk: OpenDesk) -> None:
    desk = open_desk(script((0, 1.0)))
    desk.run()
    engine = desk.exchange.parts.exchange.engine
    rest = desk.venue.balances()["BTC"].free
    desk.ledger.record_flow(Flow("gone", "withdrawal", "BTC", -rest, 0))
    sell = OrderTicket("BTCUSDT", "SELL", "MARKET", "by-hand", quantity=rest.quantize(D("0.00001"), "ROUND_DOWN"))
    assert isinstance(desk.venue.submit(sell), Accepted)
    assert engine.account("key").free("BTC") < D("0.00001")
    (done,) = flattener(desk).run(["BTCUSDT"], "a person", "a test")
    assert done.problem
    assert done.left > 0
    assert done.orders == ()


def test_an_order_that_nobody_could_note_is_not_sent(open_desk: OpenDesk, monkeypatch: pytest.MonkeyPatch) -> None:
    desk = open_desk(script((0, 1.0)))
    desk.run()

    def full(_: bytes) -> int:
        raise DataError("E-RESERVE-FULL", "full.")

    monkeypatch.setattr(desk.reserve, "append", full)
    with pytest.raises(DataError, match="full"):
        flattener(desk, Shut()).run(["BTCUSDT"], "a person", "a test")
    assert desk.orders() == ["FILLED"]


def test_adopting_makes_the_ledger_what_the_exchange_has(open_desk: OpenDesk) -> None:
    desk = open_desk(script((0, 1.0)))
    desk.run()
    for asset, amount in (("USDT", "7"), ("BTC", "-0.001"), ("NOPRICE", "3")):
        desk.ledger.record_flow(Flow(f"rumour {asset}", "deposit", asset, D(amount), 0))
    equity = desk.risk.get_risk_status()["equity"]
    made = adopt(desk.venue, desk.ledger, desk.risk, desk.trail, desk.clock, quote="USDT", actor="a person")
    assert {flow.asset: flow.amount for flow in made} == {"USDT": D(-7), "BTC": D("0.001"), "NOPRICE": D(-3)}
    assert [flow.asset for flow in made if flow.value is None] == ["NOPRICE"]
    assert desk.ledger.reconcile(desk.venue.balances()) == []
    moved = sum(flow.value for flow in made if flow.value is not None)
    assert equity is not None
    assert desk.risk.get_risk_status()["equity"] == equity + moved
    assert adopt(desk.venue, desk.ledger, desk.risk, desk.trail, desk.clock, quote="USDT", actor="a person") == []


def test_a_fresh_account_is_opened_as_it_is(open_desk: OpenDesk) -> None:
    desk = open_desk(script((0, 1.0)))
    assert adopt(desk.venue, desk.ledger, desk.risk, desk.trail, desk.clock, quote="USDT", actor="a person") == []
    assert desk.ledger.expected() == {"USDT": D(10_000)}


def test_nothing_is_adopted_while_an_order_is_in_the_fog(open_desk: OpenDesk) -> None:
    desk = open_desk(script((0, 0.0)))
    desk.run()
    ticket = OrderTicket("BTCUSDT", "BUY", "MARKET", "th-fog", D("0.01"))
    desk.ledger.intend(Intent(ticket, "scripted", 1, desk.exchange.now_ms + 3_600_000))
    with pytest.raises(ReconcileError, match="th-fog"):
        adopt(desk.venue, desk.ledger, desk.risk, desk.trail, desk.clock, quote="USDT", actor="a person")
