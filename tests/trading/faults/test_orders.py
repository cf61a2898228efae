"""Answers about orders that come twice, late, in the wrong order or never: one booking, nothing sent twice."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
import requests
from tests.trading.desk import D, script
from tests.trading.faults.desk import ORDER, FaultDesk

from thunes.audit.events import OrderFill
from thunes.errors import Blocked
from thunes.exchange.orders import OrderState
from thunes.exchange.outcomes import Accepted
from thunes.trading.decision import Sizing
from thunes.trading.flatten import Flattener

if TYPE_CHECKING:
    from tests.trading.faults.conftest import OpenFaultDesk

pytestmark = pytest.mark.loopback  # python-binance opens a socket pair even where nothing is sent
CANCEL, QUERY, ACCOUNT = "DELETE /api/v3/order", "GET /api/v3/order", "GET /api/v3/account"


def state_of(desk: FaultDesk) -> Accepted:
    """The trader's one order as the exchange tells it now, with its trades."""
    (order,) = desk.venue.orders_since("BTCUSDT", 0)
    return Accepted(replace(order, fills=tuple(desk.venue.fills("BTCUSDT"))))


def settle(desk: FaultDesk, told: Accepted) -> None:
    name = told.order.client_order_id
    desk.books().settle(desk.venue.rules("BTCUSDT"), desk.venue.average_price("BTCUSDT"), name, told)


@pytest.mark.covers("fault 6")
def test_an_order_that_never_left_goes_again_under_the_same_id(fault_desk: OpenFaultDesk) -> None:
    """Nobody took the connection: the same bar's next pass sends the same order, and no more often than risk lets."""
    desk = fault_desk(script((0, 1.0)))
    desk.before.append((ORDER, _refuse_connection))
    first = desk.run().order
    assert first is not None
    assert (first.outcome, first.may_resend) == ("NOT_SENT", True)
    desk.before.clear()
    second = desk.trader.run().order
    assert second is not None
    assert (second.status, second.intent.client_id) == ("FILLED", first.intent.client_id)
    assert desk.orders() == ["FILLED"]
    assert desk.agrees()


@pytest.mark.covers("fault 6")
def test_a_connection_that_is_never_taken_is_not_tried_for_ever(fault_desk: OpenFaultDesk) -> None:
    """Two entries in a bar, and the third is risk's to refuse."""
    desk = fault_desk(script((0, 1.0)))
    desk.before.append((ORDER, _refuse_connection))
    desk.run()
    assert [desk.trader.run().code for _ in range(3)] == ["E-ENTRY", "E-RISK-BAR-ORDERS", "E-RISK-BAR-ORDERS"]
    assert desk.asked.count(ORDER) == 2
    assert desk.risk.reservations() == ()


def _refuse_connection(_: FaultDesk) -> None:
    raise requests.ConnectTimeout("refused")


@pytest.mark.covers("fault 8")
def test_what_is_told_again_is_booked_once(fault_desk: OpenFaultDesk) -> None:
    """The whole report of an order, replayed three times, also after a restart: one booking in ledger, risk and
    trail."""
    desk = fault_desk(script((0, 1.0)))
    desk.run()
    position, loss = desk.ledger.position("BTCUSDT"), desk.risk.get_risk_status()["daily_pnl"]
    for _ in range(3):
        settle(desk, state_of(desk))
        desk.again()
    assert desk.ledger.position("BTCUSDT") == position
    assert desk.risk.get_risk_status()["daily_pnl"] == loss
    trades = [event.trade_id for event in desk.events(OrderFill)]
    assert len(trades) == len(set(trades)) == len(desk.ledger.fills())
    assert desk.agrees()


@pytest.mark.covers("fault 9")
def test_a_fill_from_two_places_is_one(fault_desk: OpenFaultDesk) -> None:
    """The trades stand in the order's own answer and are asked for once more: each is booked by its trade id, once."""
    desk = fault_desk(script((0, 1.0)))
    done = desk.run()
    told = desk.venue.fills("BTCUSDT")
    assert [one.fill.trade_id for one in done.fills] == [fill.trade_id for fill in told]
    settle(desk, state_of(desk))
    assert [one.fill.trade_id for one in desk.ledger.fills()] == [fill.trade_id for fill in told]
    assert desk.agrees()


@pytest.mark.covers("fault 9")
def test_an_answer_that_holds_half_of_the_trades_is_completed(fault_desk: OpenFaultDesk) -> None:
    """Some of the trades are told with the order, the rest is asked for, and nothing is booked twice."""
    desk = fault_desk(script((0, 1.0)), sizing=Sizing(quote_amount=D(3_000_000)), money="USDT=5000000")
    desk.fault("drop_after_accept", ORDER, count=1)
    desk.run()
    told = state_of(desk)
    assert len(told.order.fills) > 1
    settle(desk, Accepted(replace(told.order, fills=told.order.fills[:1])))
    assert len(desk.ledger.fills()) == len(told.order.fills)
    assert desk.ledger.open_intents() == []
    assert desk.agrees()


@pytest.mark.covers("fault 10")
def test_an_older_word_about_an_order_takes_nothing_back(fault_desk: OpenFaultDesk) -> None:
    """NEW and PARTIALLY_FILLED arrive after FILLED: executed stays, the order stays closed, no order follows."""
    desk = fault_desk(script((0, 1.0)))
    done = desk.run()
    order = state_of(desk).order
    zero = D(0)
    for older in (
        replace(order, status="NEW", executed=zero, quote_executed=zero, fills=()),
        replace(order, status="PARTIALLY_FILLED", executed=order.executed / 2, fills=order.fills[:0]),
    ):
        settle(desk, Accepted(older))
        record = desk.ledger.order(order.client_order_id)
        assert record is not None
        assert (record.status, record.executed, record.resolved) == ("FILLED", done.order.executed, True)  # type: ignore[union-attr]
    assert desk.run().code == "E-HOLD-AS-WANTED"
    assert desk.agrees()


@pytest.mark.covers("fault 11")
def test_a_fill_after_the_end_of_an_order_is_booked(fault_desk: OpenFaultDesk) -> None:
    """An order is told to be CANCELED; it traded all the same. The account differs, the order is asked for again, its
    fill is booked and told, and nothing halts."""
    desk = fault_desk(script((0, 0.0)))
    desk.run()
    bid = desk.venue.quote("BTCUSDT").bid
    assert bid is not None
    name = desk.resting((bid * D("1.001")).quantize(D("0.01")), told=_cancelled).intent.client_id  # it trades at once
    assert desk.orders() == ["FILLED"]
    assert desk.ledger.open_intents() == []
    done = desk.run()
    record = desk.ledger.order(name)
    assert record is not None
    assert (record.status, record.executed) == ("FILLED", D("0.01"))
    assert "E-ORDER-LATE-FILL" in desk.anomalies()
    assert desk.risk.standing().state == "ACTIVE"
    assert done.code == "E-EXIT"  # what was bought is seen at once, and nothing is wanted
    assert desk.agrees()


def _cancelled(order: OrderState) -> OrderState:
    """As the ledger hears of a cancel before any trade, from a place that is behind."""
    return replace(order, status="CANCELED", executed=D(0), quote_executed=D(0), fills=())


@pytest.mark.covers("fault 13")
def test_a_cancel_that_a_fill_overtakes_is_a_fill(fault_desk: OpenFaultDesk) -> None:
    """While the cancel is on its way the order trades: −2011, the order is asked for by its id, and booked."""
    desk = fault_desk(script((0, 0.0)))
    desk.run()
    bid = desk.venue.quote("BTCUSDT").bid
    assert bid is not None
    name = desk.resting((bid * D("0.999")).quantize(D("0.01"))).intent.client_id
    desk.before.append((CANCEL, _until_filled))
    flattener = Flattener(desk.venue, desk.ledger, desk.risk, desk.trail, desk.reserve, desk.clock)
    (done,) = flattener.run(["BTCUSDT"], "tests", "a race")
    record = desk.ledger.order(name)
    assert record is not None
    assert (record.status, record.executed) == ("FILLED", D("0.01"))
    assert (done.cancelled, done.problem) == ((name,), "")
    assert done.sold > 0  # what it bought is sold by the same command
    assert desk.ledger.positions() == []
    assert desk.agrees()


def _until_filled(desk: FaultDesk) -> None:
    for _ in range(100):
        if not desk.exchange.parts.exchange.engine.open_orders("key", "BTCUSDT"):
            return
        desk.exchange.advance(1)
    raise AssertionError("the market never came down to the order")


@pytest.mark.covers("fault 14")
def test_a_cancel_whose_answer_is_lost_is_asked_for_and_may_be_repeated(fault_desk: OpenFaultDesk) -> None:
    """The cancel worked, its answer did not come: the order is looked at, and a second command finds nothing open."""
    desk = fault_desk(script((0, 0.0)))
    desk.run()
    bid = desk.venue.quote("BTCUSDT").bid
    assert bid is not None
    name = desk.resting((bid * D("0.8")).quantize(D("0.01"))).intent.client_id
    desk.fault("drop_after_accept", CANCEL, count=1)
    flattener = Flattener(desk.venue, desk.ledger, desk.risk, desk.trail, desk.reserve, desk.clock)
    for _ in range(2):
        (done,) = flattener.run(["BTCUSDT"], "tests", "a lost answer")
        assert done.problem == ""
    record = desk.ledger.order(name)
    assert record is not None
    assert (record.status, record.resolved) == ("CANCELED", True)
    assert desk.asked.count(CANCEL) == 1


@pytest.mark.covers("fault 15")
def test_a_clock_that_jumped_is_measured_and_the_pass_goes_on(fault_desk: OpenFaultDesk) -> None:
    """−1021 once: the time is asked for again, the question repeated, and nobody is stopped."""
    desk = fault_desk(script((0, 1.0)), time_checks=True)
    desk.run()
    desk.venue.shared.time.offset_ms += 30_000
    assert desk.trader.run().code == "E-HOLD-AS-WANTED"
    assert desk.risk.standing().state == "ACTIVE"


@pytest.mark.covers("fault 15")
def test_a_clock_that_is_refused_again_and_again_stops_entries(fault_desk: OpenFaultDesk) -> None:
    """More than five −1021 in five minutes: no entries until a person resumes, nothing is asked in a loop, and the
    exit goes once the clock is right again."""
    desk = fault_desk(script((1, 1.0), (2, 0.0)), time_checks=True)
    desk.run(2)
    _break_clock(desk)
    for _ in range(4):
        with pytest.raises(Exception, match=r"our time|recvWindow|ahead"):
            desk.trader.run()
    standing = desk.risk.standing()
    assert (standing.state, "refused our time" in standing.reason) == ("REDUCING", True)
    asked = len(desk.asked)
    with pytest.raises(Blocked):
        desk.trader.run()
    assert len(desk.asked) - asked < 10
    desk.before.clear()
    desk.exchange.parts.exchange.clock_offset_ms = 0
    assert desk.run().code == "E-EXIT"


def _break_clock(desk: FaultDesk) -> None:
    """What the exchange says of its time is right; what it judges by is a minute ahead."""
    exchange = desk.exchange.parts.exchange
    desk.before.append(("GET /api/v3/time", lambda _: setattr(exchange, "clock_offset_ms", 0)))
    for signed in (ACCOUNT, QUERY, ORDER):
        desk.before.append((signed, lambda _: setattr(exchange, "clock_offset_ms", 60_000)))


def test_a_key_that_is_not_taken_stops_entries(fault_desk: OpenFaultDesk) -> None:
    """−2015 to a question: the pass ends, entries stop with a clear reason, once; nothing loops."""
    desk = fault_desk(script((0, 1.0)))
    desk.run()
    desk.exchange.parts.keyring.revoke("key")
    for _ in range(3):
        with pytest.raises(Blocked, match="refuses the key"):
            desk.run()
    standing = desk.risk.standing()
    assert (standing.state, standing.actor, "refuses the key" in standing.reason) == ("REDUCING", "trader", True)
    assert desk.anomalies().count("E-VENUE-BLOCKED") == 1


def test_a_key_that_is_revoked_while_an_order_is_sent_stops_entries(fault_desk: OpenFaultDesk) -> None:
    """−2015 to the order itself: refused for good, its room is free again, and entries stop."""
    desk = fault_desk(script((0, 1.0)))
    desk.before.append((ORDER, lambda found: found.exchange.parts.keyring.revoke("key")))
    done = desk.run()
    assert done.order is not None
    assert (done.order.outcome, done.order.resolved) == ("REFUSED", True)
    assert desk.risk.reservations() == ()
    assert desk.risk.standing().state == "REDUCING"
    assert "refuses the key" in desk.risk.standing().reason


def test_a_firewall_in_the_way_stops_entries(fault_desk: OpenFaultDesk) -> None:
    """403 with a page: the fate of the order is not known, the next question says that this place is blocked."""
    desk = fault_desk(script((0, 1.0)))
    desk.fault("forbidden_html", ACCOUNT)
    with pytest.raises(Blocked):
        desk.run()
    assert desk.risk.standing().state == "REDUCING"
    assert desk.orders() == []
