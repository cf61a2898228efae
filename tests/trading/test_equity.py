"""What an account is worth to its limits: its cash, and what was bought with it; the same whatever symbol is traded."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from tests.trading.desk import CANDLES, WIDE, D, OpenDesk, script
from tests.trading.faults.desk import FaultDesk

from thunes.market.synthetic import generate
from thunes.trading.adoption import adopt
from thunes.trading.passes import Job
from thunes.trading.trader import Trader

pytestmark = pytest.mark.loopback  # python-binance opens a socket pair even where nothing is sent
STRICT = replace(WIDE, daily_loss=D(60))
ETHER = generate("ETHUSDT", "1h", 300, seed=8)


def test_a_person_s_own_coins_are_neither_equity_nor_at_stake(open_desk: OpenDesk) -> None:
    """An account on testnet begins with a bitcoin: its price is not our loss, and it is not sold."""
    desk = open_desk(script((1, 1.0), (3, 0.0)), money="USDT=10000,BTC=1", limits=STRICT)
    done = desk.run()
    assert (done.held, done.equity) == (0, 10_000)
    for _ in range(30):
        assert abs(desk.run().equity - 10_000) < 20
    assert desk.risk.standing().state == "ACTIVE"
    assert 1 <= desk.held() < D("1.00001")


def test_coins_that_come_or_go_are_no_profit_and_no_loss(open_desk: OpenDesk) -> None:
    desk = open_desk(script((0, 1.0)), limits=STRICT)
    before = desk.run(2).equity
    engine = desk.exchange.parts.exchange.engine
    for amount in ("1", "-1"):
        desk.exchange.advance(until=desk.exchange.now_ms + 1)
        engine.deposit("key", "BTC", D(amount), desk.exchange.now_ms)
        adopt(desk.venue, desk.ledger, desk.risk, desk.trail, desk.clock, quote="USDT", actor="tests")
        pnl = desk.risk.get_risk_status()["daily_pnl"]
        assert desk.trader.run().equity == before
        assert desk.risk.get_risk_status()["daily_pnl"] == pnl


def test_our_own_coins_that_go_are_no_loss_either(open_desk: OpenDesk) -> None:
    desk = open_desk(script((0, 1.0)), limits=STRICT)
    desk.run(2)
    desk.exchange.parts.exchange.engine.deposit("key", "BTC", -desk.held(), desk.exchange.now_ms)
    adopt(desk.venue, desk.ledger, desk.risk, desk.trail, desk.clock, quote="USDT", actor="tests")
    assert desk.trader.run().equity < 9_950
    pnl = desk.risk.get_risk_status()["daily_pnl"]
    assert pnl is not None
    assert abs(pnl) < 5


def test_what_is_held_of_other_symbols_counts(tmp_path: Path) -> None:
    """Two traders in turn on one account: the one does not take what the other holds for lost."""
    desk = FaultDesk(tmp_path, script((0, 1.0)), limits=STRICT, candles=(CANDLES, ETHER))
    job = Job(script((0, 1.0)), "another", "ETHUSDT", "1h", int(ETHER.open_time[0]), desk.sizing)
    other = Trader(job, desk.venue, desk.ledger, desk.risk, desk.trail, desk.reserve, desk.clock)
    seen = []
    for _ in range(4):
        seen += [desk.run().equity, other.run().equity]
    assert desk.risk.standing().state == "ACTIVE"
    assert desk.ledger.count_open_positions() == 2
    assert all(abs(one - 10_000) < 20 for one in seen)
    desk.close()
