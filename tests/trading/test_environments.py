"""One trail for several environments: each mends its books from its own lines alone."""

from __future__ import annotations

import pytest
from tests.trading.desk import OpenDesk, script

from thunes.audit.trail import Trail
from thunes.clock import ManualClock
from thunes.risk.manager import RiskManager
from thunes.risk.store import RiskStore
from thunes.trading.ledger.ledger import Ledger
from thunes.trading.mending import mend

pytestmark = pytest.mark.loopback  # python-binance opens a socket pair even where nothing is sent
YEAR_MS = 365 * 86_400_000


def test_another_environment_s_orders_are_not_taken_over(open_desk: OpenDesk) -> None:
    """The same strategy has the same ids at the same bars: taken over, they would block an order or an exit."""
    desk = open_desk(script((0, 1.0)))
    desk.run()
    risk = RiskManager(desk.limits, RiskStore(desk.folder / "other"), desk.clock, lambda _: None)
    with (
        Ledger.of(desk.folder, "testnet", desk.clock) as ledger,
        Trail(desk.folder / "logs", "testnet", desk.clock) as trail,
    ):
        mend(ledger, risk, trail, desk.exchange.now_ms)
        assert ledger.orders() == []


def test_what_another_environment_s_clock_says_hides_nothing(open_desk: OpenDesk) -> None:
    """Its lines may be years older, and stand between: what was told before them is found all the same."""
    desk = open_desk(script((0, 1.0)))
    desk.run()
    with Trail(desk.folder / "logs", "testnet", ManualClock(desk.exchange.now_ms - YEAR_MS)) as other:
        other.append_many([entry.event for entry in desk.trail.history().backwards("intent")])
    with Ledger.open(desk.folder / "lost.db", "sim", desk.clock) as ledger:
        mend(ledger, desk.risk, desk.trail, desk.exchange.now_ms)
        assert len(ledger.orders()) == 1
