"""Dust, fees that change their asset, money that is not there: the ledger agrees, and nothing is tried for ever."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest
from tests.trading.desk import CANDLES, D, script
from tests.trading.faults.desk import ORDER, FaultDesk

from thunes.market.synthetic import generate
from thunes.risk.limits import RiskLimits
from thunes.trading.decision import Sizing
from thunes.trading.ladder import explain

if TYPE_CHECKING:
    from tests.trading.faults.conftest import OpenFaultDesk

pytestmark = pytest.mark.loopback  # python-binance opens a socket pair even where nothing is sent
BNB = generate("BNBUSDT", "1h", 300, seed=11)
TRADES = script(*((bar, float(bar % 2 == 0)) for bar in range(12)))  # in and out, bar by bar


@pytest.mark.covers("fault 46")
def test_dust_is_kept_and_never_chased(fault_desk: OpenFaultDesk) -> None:
    """What is left is too small to be sold: it is in the ledger as dust, is no position, takes no place, and no order
    is tried for it at any bar; the next exit sweeps it along."""
    limits = RiskLimits(
        order_notional=D(10**6), loss_per_trade=D(10**6), daily_loss=D(10**6), positions=1, gross_exposure=D(10**6),
        cool_down_minutes=0,
    )  # fmt: skip
    desk = fault_desk(script((0, 1.0), (1, 0.0), (6, 1.0), (7, 0.0)), limits=limits)
    desk.run(2)
    (dust,) = desk.ledger.dust()
    assert 0 < dust.quantity == desk.free("BTC")
    assert [desk.run().code for _ in range(4)] == ["E-HOLD-FLAT"] * 4
    assert (desk.ledger.count_open_positions(), desk.asked.count(ORDER)) == (0, 2)
    assert desk.run().code == "E-ENTRY"  # the one place is free
    assert desk.run().code == "E-EXIT"
    assert [one.quantity for one in desk.ledger.dust()] == [desk.free("BTC")]
    assert desk.free("BTC") < D("0.00001")
    assert desk.agrees()


@pytest.mark.covers("fault 46")
def test_a_position_that_became_too_small_is_not_tried_again_and_again(fault_desk: OpenFaultDesk) -> None:
    """The price falls until what is held is worth less than the least order: no order, no loop, and a word why."""
    desk = fault_desk(script((0, 1.0), (1, 0.0)))
    desk.run()
    desk.change(NOTIONAL={"minNotional": "500.00"})
    desk.exchange.advance(until=desk.exchange.now_ms + 600_000)
    codes = {desk.run().code for _ in range(4)}
    assert codes == {"E-HOLD-FLAT"}
    assert desk.asked.count(ORDER) == 1
    desk.change(NOTIONAL={"minNotional": "5.00"})
    assert desk.run().code == "E-EXIT"


@pytest.mark.covers("fault 47")
def test_bnb_runs_out_between_two_orders(fault_desk: OpenFaultDesk) -> None:
    """Commissions are paid in BNB until there is none, then in what a fill brings in: three assets, and the ledger
    equals the account to the last digit after each; every exit sells what is free."""
    desk = fault_desk(TRADES, money="USDT=10000,BNB=0.002", pays_in_bnb=True, candles=(CANDLES, BNB))
    for _ in range(12):
        done = desk.run()
        assert done.order is not None
        assert done.order.status == "FILLED"
        assert desk.agrees()
    paid = [one.fill.commission_asset for one in desk.ledger.fills()]
    assert (paid[0], paid[-2], paid[-1]) == ("BNB", "BTC", "USDT")
    assert desk.free("BNB") > 0  # a rest that pays for nothing
    assert desk.ledger.unvalued() == []
    desk.again()
    assert desk.agrees()


@pytest.mark.covers("fault 47")
def test_bnb_runs_out_within_an_order(fault_desk: OpenFaultDesk) -> None:
    """Some trades of one order pay in BNB, the rest of them in base."""
    desk = fault_desk(
        script((0, 1.0), (1, 0.0)), sizing=Sizing(quote_amount=D(3_000_000)), money="USDT=5000000,BNB=5",
        pays_in_bnb=True, candles=(CANDLES, BNB),
    )  # fmt: skip
    done = desk.run()
    assert {one.fill.commission_asset for one in done.fills} == {"BNB", "BTC"}
    assert desk.agrees()
    desk.run(3)
    assert desk.agrees()


@pytest.mark.covers("fault 47")
def test_bnb_without_a_price_is_booked_all_the_same(fault_desk: OpenFaultDesk) -> None:
    """Nobody tells what a BNB is worth: the fill is booked, its commission waits for a value."""
    desk = fault_desk(script((0, 1.0)), money="USDT=10000,BNB=1", pays_in_bnb=True, candles=(CANDLES, BNB))
    desk.before.append(("GET /api/v3/avgPrice", _forget_bnb))
    done = desk.run()
    assert done.order is not None
    assert done.order.status == "FILLED"
    desk.before.clear()
    assert desk.agrees()
    assert [one.fill.commission_asset for one in desk.ledger.unvalued()] == ["BNB"] * len(done.fills)


def _forget_bnb(desk: FaultDesk) -> None:
    exchange = desk.exchange.parts.exchange
    if "BNBUSDT" in exchange.info.symbols and ORDER in desk.asked:
        exchange.delist("BNBUSDT")


@pytest.mark.covers("fault 48")
def test_an_exit_sells_what_is_free_not_what_was_bought(fault_desk: OpenFaultDesk) -> None:
    """The commission was taken from what was bought: what is sold lies under it, on the grid, and is never refused."""
    desk = fault_desk(TRADES)
    for _ in range(6):
        bought = desk.run().fills
        gross = sum((one.fill.quantity for one in bought), D(0))
        free = desk.free("BTC")
        sold = desk.run().order
        assert sold is not None
        assert sold.status == "FILLED"
        assert sold.executed <= free
        assert sold.executed % D("0.00001") == 0
        assert gross > D(0)
    assert desk.agrees()


@pytest.mark.covers("fault 48")
def test_what_a_person_has_locked_is_not_sold(fault_desk: OpenFaultDesk) -> None:
    """Half of it is bound in a person's own order: the free half is sold, and nothing is refused."""
    desk = fault_desk(script((0, 1.0), (1, 0.0)), sizing=Sizing(quote_amount=D(400)))
    desk.run()
    ask = desk.venue.quote("BTCUSDT").ask
    assert ask is not None
    half = (desk.free("BTC") / 2).quantize(D("0.00001"))
    desk.placed("SELL", (ask * D("1.5")).quantize(D("0.01")), quantity=format(half, "f"))
    free = desk.free("BTC")
    done = desk.run()
    assert done.order is not None
    assert (done.order.status, done.order.executed <= free) == ("FILLED", True)
    assert desk.run(2).order is None
    assert desk.asked.count(ORDER) == 3
    assert desk.agrees()


@pytest.mark.covers("fault 49")
def test_money_that_is_not_there_twice_pauses_the_symbol(fault_desk: OpenFaultDesk) -> None:
    """−2010 although the balance seemed enough: it is read anew, tried once more, then entries of the symbol pause."""
    desk = fault_desk(script((0, 1.0)))
    _vanish(desk)
    for _ in range(2):
        done = desk.run()
        assert done.order is not None
        assert (done.order.outcome, done.order.note[:5]) == ("REFUSED", "-2010")
    assert desk.anomalies() == ["E-SYMBOL-REFUSED"]
    done = desk.run(3)
    assert (done.code, desk.asked.count(ORDER)) == ("E-SYMBOL-PAUSED", 2)
    assert "-2010" in done.reason
    assert desk.risk.reservations() == ()


@pytest.mark.covers("fault 49")
def test_an_order_that_is_taken_begins_the_count_anew(fault_desk: OpenFaultDesk) -> None:
    """It is refusals in a row that count, and a person's lifting of a pause ends a row too."""
    desk = fault_desk(script((0, 1.0)))
    _vanish(desk)
    desk.run(2)
    pause = desk.ledger.pause_of("BTCUSDT")
    assert pause is not None
    desk.exchange.advance(1)
    desk.ledger.pause(replace(pause, lifted_ms=desk.exchange.now_ms))
    done = desk.trader.run()
    assert done.order is not None
    assert done.order.outcome == "REFUSED"
    standing = desk.ledger.pause_of("BTCUSDT")
    assert standing is not None
    assert not standing.holds
    desk.venue.balances()  # the money is back
    desk.before.clear()
    assert desk.run().code == "E-ENTRY"


def _vanish(desk: FaultDesk) -> None:
    """The money goes just before an order arrives, and is back when anybody looks."""
    gone = D(9_990)
    kept: list[Decimal] = []

    def away(found: FaultDesk) -> None:
        found.withdraw("USDT", gone)
        kept.append(gone)

    def back(found: FaultDesk) -> None:
        while kept:
            found.withdraw("USDT", -kept.pop())

    desk.before += [(ORDER, away), ("GET /api/v3/account", back)]


def test_why_shows_every_filter_of_an_order_that_went(fault_desk: OpenFaultDesk) -> None:
    """Each filter and each rule with value and bound, also where all of them passed."""
    desk = fault_desk(script((0, 1.0), (1, 0.0)))
    for _ in range(2):
        done = desk.run()
        told: dict[str, list[Any]] = {}
        for check in done.checks:
            told.setdefault(check.stage, []).append(check)
        assert all(check.passed for check in done.checks)
        assert {"STATUS", "LOT_SIZE", "NOTIONAL", "BALANCE"} <= {check.name for check in told["filters"]}
        assert all(check.value and check.bound for check in told["filters"])
        assert told["risk"]
        written = [event for event in desk.decisions() if event.order][-1]
        assert [check.name for check in written.checks if check.stage == "filters"] == [
            check.name for check in told["filters"]
        ]


def test_why_stops_at_the_filter_that_denied_an_order(fault_desk: OpenFaultDesk) -> None:
    """The first rung that says no, with its value and bound; what comes after it was not reached."""
    desk = fault_desk(script((0, 1.0)), money="USDT=3")
    desk.run()
    ladder = explain(desk.trail.history(), "sim", "BTCUSDT")
    assert ladder is not None
    assert ladder.stop == "filters"
    assert [rung.verdict for rung in ladder.rungs] == ["passed"] * 3 + ["stop"] + ["not reached"] * 2
    failed = [check.name for check in ladder.rungs[3].checks if not check.passed]
    assert "NOTIONAL" in failed
