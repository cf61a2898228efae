"""What a symbol's rules, its status and its being listed do to a trader that holds it, or would."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from tests.trading.desk import D, script
from tests.trading.faults.desk import ORDER, FaultDesk

from thunes.audit.events import Refusal
from thunes.errors import DataError
from thunes.trading.decision import Sizing
from thunes.trading.flatten import Flattener
from thunes.trading.ledger.values import SymbolPause

if TYPE_CHECKING:
    from tests.trading.faults.conftest import OpenFaultDesk

pytestmark = pytest.mark.loopback  # python-binance opens a socket pair even where nothing is sent
INFO = "GET /api/v3/exchangeInfo"
COSTLY: dict[str, Any] = {"NOTIONAL": {"minNotional": "5000.00"}}
USUAL: dict[str, Any] = {"NOTIONAL": {"minNotional": "5.00"}}


@pytest.mark.covers("fault 42")
def test_rules_that_changed_are_known_within_ten_minutes(fault_desk: OpenFaultDesk) -> None:
    """The smallest order is raised: ten minutes later nothing is sent that would be refused."""
    desk = fault_desk(script((0, 1.0)))
    desk.exchange.advance(1)
    desk.venue.rules("BTCUSDT")
    desk.change(**COSTLY)
    desk.exchange.advance(until=desk.exchange.now_ms + 600_000)
    done = desk.trader.run()
    assert (done.code, desk.orders()) == ("E-FILTER-NOTIONAL", [])
    assert ORDER not in desk.asked


@pytest.mark.covers("fault 42")
def test_a_filter_that_refused_is_read_again_at_once(fault_desk: OpenFaultDesk) -> None:
    """The rules change while the order is on its way: −1013 once; the next pass, seconds later, knows them."""
    desk = fault_desk(script((0, 1.0)))
    desk.before.append((ORDER, lambda found: found.change(**COSTLY)))
    done = desk.run()
    assert done.order is not None
    assert (done.order.outcome, done.order.note[:5]) == ("REFUSED", "-1013")
    desk.before.clear()
    asked = desk.asked.count(INFO)
    assert desk.trader.run().code in ("E-DECIDED", "E-FILTER-NOTIONAL")
    assert desk.asked.count(INFO) == asked + 1
    assert desk.run().code == "E-FILTER-NOTIONAL"
    assert desk.asked.count(ORDER) == 1


@pytest.mark.covers("fault 42")
def test_an_exit_is_rounded_by_the_new_step(fault_desk: OpenFaultDesk) -> None:
    """The step becomes coarser while something is held: what lies on the new grid is sold, the rest is dust."""
    desk = fault_desk(script((0, 1.0), (2, 0.0)), money="USDT=100000", sizing=Sizing(quote_amount=D(5_000)))
    desk.run(2)
    desk.change(LOT_SIZE={"stepSize": "0.01000000", "minQty": "0.01000000"})
    done = desk.run()
    assert done.order is not None
    assert (done.order.status, done.order.executed % D("0.01")) == ("FILLED", 0)
    assert desk.ledger.positions() == []
    assert desk.agrees()


@pytest.mark.covers("fault 42")
def test_a_third_refusal_in_a_row_pauses_the_symbol(fault_desk: OpenFaultDesk) -> None:
    """An exchange that refuses by a rule which it does not tell: three orders in three bars, then none, with a reason;
    after a person has lifted the pause it is tried anew."""
    desk = fault_desk(script((0, 1.0)))
    _refuse_orders(desk)
    for _ in range(3):
        done = desk.run()
        assert done.order is not None
        assert done.order.outcome == "REFUSED"
    assert "E-SYMBOL-REFUSED" in desk.anomalies()
    done = desk.run(3)
    assert (done.code, done.order) == ("E-SYMBOL-PAUSED", None)
    assert "-1013 Filter failure: NOTIONAL" in done.reason
    assert desk.asked.count(ORDER) == 3
    desk.again()
    assert desk.run().code == "E-SYMBOL-PAUSED"
    desk.before.clear()
    pause = desk.ledger.pause_of("BTCUSDT")
    assert pause is not None
    desk.ledger.pause(replace(pause, lifted_ms=desk.exchange.now_ms))
    assert desk.run().code == "E-ENTRY"


def _refuse_orders(desk: FaultDesk) -> None:
    """The rule is in force when an order arrives, and not told when anybody asks."""
    desk.before += [(ORDER, lambda found: found.change(**COSTLY)), (INFO, lambda found: found.change(**USUAL))]


@pytest.mark.covers("fault 42")
def test_a_paused_symbol_may_be_sold(fault_desk: OpenFaultDesk) -> None:
    """A pause stops entries, never exits."""
    desk = fault_desk(script((0, 1.0), (1, 0.0), (2, 1.0)))
    desk.run()
    desk.ledger.pause(SymbolPause("BTCUSDT", "E-SYMBOL-REFUSED", "a test", desk.exchange.now_ms))
    assert [desk.run().code for _ in range(2)] == ["E-EXIT", "E-SYMBOL-PAUSED"]


@pytest.mark.covers("fault 43")
@pytest.mark.parametrize("status", ["HALT", "BREAK", "CANCEL_ONLY", "END_OF_DAY", "SOMETHING_NEW"])
def test_a_symbol_that_does_not_trade_is_not_traded(fault_desk: OpenFaultDesk, status: str) -> None:
    """No entry and no exit is sent, each says why once a bar; when it trades again what is wanted is done."""
    desk = fault_desk(script((0, 1.0), (2, 0.0), (4, 1.0)))
    desk.run()
    sent = desk.asked.count(ORDER)
    desk.status(status)
    codes = [desk.run().code for _ in range(3)]
    assert codes == ["E-HOLD-AS-WANTED", "E-FILTER-STATUS", "E-FILTER-STATUS"]  # the exit waits
    assert desk.asked.count(ORDER) == sent
    assert [event.code for event in desk.events(Refusal)] == ["E-FILTER-STATUS"] * 2
    assert status in desk.decisions()[-1].reason
    desk.status("TRADING")
    assert desk.run().code == "E-HOLD-AS-WANTED"  # by now it is wanted again, and held
    assert desk.agrees()


@pytest.mark.covers("fault 43")
def test_an_exit_that_waited_goes_when_the_symbol_trades_again(fault_desk: OpenFaultDesk) -> None:
    """The wish stands until it is fulfilled."""
    desk = fault_desk(script((0, 1.0), (1, 0.0)))
    desk.run()
    desk.status("HALT")
    assert desk.run(3).order is None
    desk.status("TRADING")
    assert desk.run().code == "E-EXIT"
    assert desk.ledger.positions() == []


@pytest.mark.covers("fault 43")
def test_a_market_that_closes_under_an_order_is_no_loop(fault_desk: OpenFaultDesk) -> None:
    """−1013 "Market is closed." to an order on its way: refused once, then the status is known."""
    desk = fault_desk(script((0, 1.0)))
    desk.before.append((ORDER, lambda found: found.status("HALT")))
    done = desk.run()
    assert done.order is not None
    assert done.order.outcome == "REFUSED"
    assert [desk.run().code for _ in range(3)] == ["E-FILTER-STATUS"] * 3
    assert desk.asked.count(ORDER) == 1


@pytest.mark.covers("fault 43")
def test_a_rule_that_nobody_here_knows_stops_entries_alone(fault_desk: OpenFaultDesk) -> None:
    """A filter of an unknown type: what is held may be sold, nothing is bought."""
    desk = fault_desk(script((0, 1.0), (1, 0.0), (2, 1.0)))
    desk.run()
    desk.rewrite[INFO] = _with_a_new_rule
    assert [desk.run().code for _ in range(2)] == ["E-EXIT", "E-FILTER-UNKNOWN-FILTERS"]


def _with_a_new_rule(info: dict[str, Any]) -> dict[str, Any]:
    for symbol in info["symbols"]:
        symbol["filters"].append({"filterType": "NEW_RULE", "limit": 1})
    return info


@pytest.mark.covers("fault 44")
def test_a_symbol_that_is_delisted_freezes_what_is_held(fault_desk: OpenFaultDesk) -> None:
    """One clear event, an error at every pass, the position as it was and never worth nothing: no equity is noted, no
    loss is counted, nothing is sent."""
    desk = fault_desk(script((0, 1.0), (2, 0.0)))
    desk.run()
    position, noted = desk.ledger.position("BTCUSDT"), len(desk.ledger.equity())
    loss = desk.risk.get_risk_status()["daily_pnl"]
    desk.fault("delist", symbol="BTCUSDT")
    for _ in range(3):
        with pytest.raises(DataError, match=r"lists it no more; .* at a price that is not known"):
            desk.run()
        desk.again()
    assert desk.ledger.position("BTCUSDT") == position
    assert len(desk.ledger.equity()) == noted
    assert desk.risk.get_risk_status()["daily_pnl"] == loss
    assert desk.anomalies() == ["E-SYMBOL-GONE"]
    assert desk.asked.count(ORDER) == 1


@pytest.mark.covers("fault 44")
def test_flatten_says_what_it_cannot_sell_and_goes_on(fault_desk: OpenFaultDesk) -> None:
    """A person's way out is not blocked by a symbol that is gone."""
    desk = fault_desk(script((0, 1.0)))
    desk.run()
    desk.fault("delist", symbol="BTCUSDT")
    flattener = Flattener(desk.venue, desk.ledger, desk.risk, desk.trail, desk.reserve, desk.clock)
    desk.exchange.advance(until=desk.exchange.now_ms + 600_000)
    (done,) = flattener.run(None, "tests", "it is gone")
    assert (done.left > 0, "no more" in done.problem) == (True, True)
