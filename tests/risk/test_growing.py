"""A position that its own strategy enlarges and makes smaller, as the wanted fraction of equity changes."""

from __future__ import annotations

from dataclasses import replace

import pytest
from tests.trading.desk import CANDLES, D, Desk, OpenDesk, script

from thunes.risk.limits import PROFILES
from thunes.strategies.base import Strategy
from thunes.trading.decision import Sizing
from thunes.trading.passes import Job
from thunes.trading.trader import Trader

pytestmark = pytest.mark.loopback  # python-binance opens a socket pair even where nothing is sent
TINY = replace(PROFILES["tiny"], price_deviation=D(1), cool_down_minutes=0)
UP_AND_DOWN = ((0, 0.5), (2, 1.0), (4, 0.5), (6, 0.0))


def test_an_exposure_that_rises_and_falls_is_traded_as_the_backtest_would(open_desk: OpenDesk) -> None:
    """Each change of the wanted fraction is one order, each order brings what is held to what is wanted."""
    desk = open_desk(script(*UP_AND_DOWN), sizing=Sizing(fraction=D(1)))
    done = [desk.run() for _ in range(8)]
    wanted = ["E-ENTRY", "E-HOLD-AS-WANTED"] * 2 + ["E-REDUCE", "E-HOLD-AS-WANTED", "E-EXIT", "E-HOLD-FLAT"]
    assert [one.code for one in done] == wanted
    assert [fill.fill.side for one in done for fill in one.fills[:1]] == ["BUY", "BUY", "SELL", "SELL"]
    for one, fraction in zip(done[1::2], (0.5, 1.0, 0.5, 0.0), strict=True):  # a bar later: drift and fees are small
        assert float(one.held * D(str(desk_price(desk, one.bar_ms))) / one.equity) == pytest.approx(fraction, abs=0.02)
    assert desk.ledger.reconcile(desk.venue.balances()) == []


def desk_price(desk: Desk, bar_ms: int) -> float:
    return float(CANDLES.close[list(CANDLES.open_time).index(bar_ms)])


def test_a_position_grows_within_the_limits_of_one_trade(open_desk: OpenDesk) -> None:
    """Twice half of the profile's order is one whole order at stake, and passes; a cent more does not."""
    desk = open_desk(script(*UP_AND_DOWN), limits=TINY, sizing=Sizing(quote_amount=D(25)))
    assert [desk.run().code for _ in range(3)] == ["E-ENTRY", "E-HOLD-AS-WANTED", "E-ENTRY"]
    assert desk.ledger.count_open_positions() == 1


def test_a_position_that_would_put_too_much_at_stake_does_not_grow(open_desk: OpenDesk) -> None:
    desk = open_desk(script(*UP_AND_DOWN), limits=TINY, sizing=Sizing(quote_amount=D(30)))
    assert [desk.run().code for _ in range(3)] == ["E-ENTRY", "E-HOLD-AS-WANTED", "E-RISK-TRADE-LOSS"]


def test_whose_position_it_is_outlives_a_restart(open_desk: OpenDesk) -> None:
    desk = open_desk(script(*UP_AND_DOWN))
    desk.run(2)
    desk.again()
    assert desk.run().code == "E-ENTRY"


def test_another_strategy_neither_enlarges_nor_sells_it(open_desk: OpenDesk) -> None:
    desk = open_desk(script((0, 1.0)))
    desk.run()
    held = desk.held()
    other = second(desk, script((2, 1.0)))
    codes = []
    for _ in range(3):
        desk.exchange.advance(1)
        codes.append(other.run().code)
    assert "E-RISK-SYMBOL" in codes
    assert desk.held() == held


def second(desk: Desk, strategy: Strategy) -> Trader:
    """Another strategy's trader on the same account and symbol."""
    job = Job(strategy, "another", "BTCUSDT", "1h", desk.trader.job.anchor_ms, desk.sizing)
    return Trader(job, desk.venue, desk.ledger, desk.risk, desk.trail, desk.reserve, desk.clock)
