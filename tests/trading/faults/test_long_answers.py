"""Candles that take long, what others do meanwhile, a price that nobody tells: a pass acts on nothing that is old."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal

import pytest
from tests.trading.desk import CANDLES, script
from tests.trading.faults.conftest import OpenFaultDesk
from tests.trading.faults.desk import KLINES, FaultDesk

from thunes.audit.trail import Trail
from thunes.errors import UsageError
from thunes.market.synthetic import generate
from thunes.risk.manager import RiskManager
from thunes.risk.store import RiskStore
from thunes.trading.flatten import Flattener
from thunes.trading.ledger.ledger import Ledger
from thunes.trading.ledger.reserve_file import ReserveFile


def once(act: Callable[[FaultDesk], object]) -> Callable[[FaultDesk], object]:
    left = [act]
    return lambda desk: left.pop()(desk) if left else None


def takes(seconds: float) -> tuple[str, Callable[[FaultDesk], object]]:
    return KLINES, lambda desk: desk.clock.sleep(seconds)


def flatten(desk: FaultDesk) -> None:
    """What `thunes flatten` does, in another process."""
    with (
        Ledger.of(desk.folder, "sim", desk.clock) as ledger,
        Trail(desk.folder / "logs", "sim", desk.clock) as trail,
        ReserveFile(desk.folder / "reserve") as reserve,
    ):
        risk = RiskManager(desk.limits, RiskStore(desk.folder / "state"), desk.clock, lambda _: None)
        Flattener(desk.venue, ledger, risk, trail, reserve, desk.clock).run(None, "a person", "enough")


def test_a_price_is_not_as_old_as_a_long_history_takes(fault_desk: OpenFaultDesk) -> None:
    desk = fault_desk(script((0, 1.0)))
    desk.before.append(takes(12))
    assert desk.run().code == "E-ENTRY"
    assert desk.orders() == ["FILLED"]


def test_an_intent_is_as_young_as_its_order(fault_desk: OpenFaultDesk) -> None:
    """Its age says when an order that is not found was never placed."""
    desk = fault_desk(script((0, 1.0), (1, 0.0)))
    desk.run()
    desk.again()
    desk.before.append(takes(30))
    done = desk.run()
    assert done.order is not None
    assert done.order.intent.time_ms == desk.exchange.now_ms


def test_candles_that_come_at_once_are_the_last_question(fault_desk: OpenFaultDesk) -> None:
    desk = fault_desk(script((1, 1.0)))
    desk.run()
    desk.asked.clear()
    desk.run()
    assert desk.asked[-2:] == [KLINES, "POST /api/v3/order"]
    assert desk.asked.count("GET /api/v3/account") == 1


def test_what_a_person_sold_meanwhile_is_not_sold_again(fault_desk: OpenFaultDesk) -> None:
    """Not out of a person's own coins either."""
    desk = fault_desk(script((0, 1.0), (1, 0.0)), money="USDT=10000,BTC=1")
    desk.run()
    desk.before.append((KLINES, once(flatten)))
    assert desk.run().code == "E-POSITION-CHANGED"
    assert desk.held() >= 1
    assert desk.orders() == ["FILLED", "FILLED"]
    assert desk.run().code == "E-HOLD-FLAT"
    assert desk.agrees()


def test_a_fill_is_booked_though_nobody_tells_the_price_of_its_fee(
    fault_desk: OpenFaultDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The commission waits for its value."""
    listed = (CANDLES, generate("BNBUSDT", "1h", 300, seed=3))
    desk = fault_desk(script((0, 1.0)), pays_in_bnb=True, money="USDT=10000,BNB=5", candles=listed)
    real = desk.venue.average_price

    def unlisted(symbol: str) -> Decimal:
        if symbol == "BNBUSDT":
            raise UsageError("E-SYMBOL-UNKNOWN", "the exchange lists no BNBUSDT.")
        return real(symbol)

    monkeypatch.setattr(desk.venue, "average_price", unlisted)
    assert desk.run().code == "E-ENTRY"
    assert [fill.fill.commission_asset for fill in desk.ledger.unvalued()] == ["BNB"]
    assert desk.ledger.open_intents() == []
    assert desk.agrees()
