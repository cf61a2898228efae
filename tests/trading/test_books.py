"""What risk is told of trades: of several at once, each with what is held after it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest

from thunes.clock import ManualClock
from thunes.exchange.orders import Fill, Side
from thunes.risk.limits import PROFILES
from thunes.risk.manager import RiskManager
from thunes.risk.store import RiskStore
from thunes.trading.books import risk_fills
from thunes.trading.ledger.ledger import Ledger
from thunes.trading.ledger.values import Valuation

D = Decimal
NOON = 1_772_366_400_000
LIMITS = replace(PROFILES["tiny"], cool_down_minutes=60)
VALUATION = Valuation("BTC", "USDT", {}, D("0.001"))


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    with Ledger.open(tmp_path / "ledger.db", "sim", ManualClock(NOON)) as made:
        yield made


@pytest.fixture
def risk(tmp_path: Path) -> RiskManager:
    made = RiskManager(LIMITS, RiskStore(tmp_path / "risk"), ManualClock(NOON), lambda _: None)
    made.on_mark(D(1000))
    return made


def trade(number: int, side: Side, price: str, quantity: str, commission: str, asset: str) -> Fill:
    quote = D(price) * D(quantity)
    return Fill(
        "BTCUSDT", number, 1, side, D(price), D(quantity), quote, D(commission), asset, maker=False, time_ms=NOON
    )


def told(ledger: Ledger, risk: RiskManager, *trades: Fill) -> list[Decimal]:
    """Book them as one answer told them; what risk hears is held after each."""
    found = risk_fills(ledger, "BTCUSDT", ledger.book(trades, VALUATION))
    risk.filled("", *found, done=False)
    return [one.held for one in found]


def test_each_trade_has_what_is_held_after_it(ledger: Ledger, risk: RiskManager) -> None:
    bought = told(
        ledger, risk,
        trade(1, "BUY", "100", "0.4", "0.0004", "BTC"), trade(2, "BUY", "100", "0.6", "0.06", "USDT"),
    )  # fmt: skip
    assert bought == [D("0.3996"), D("0.9996")]
    sold = told(
        ledger, risk,
        trade(3, "SELL", "100", "0.5", "0", "USDT"), trade(4, "SELL", "100", "0.3", "0", "USDT"),
    )  # fmt: skip
    assert sold == [D("0.4996"), D("0.1996")]
    assert risk.get_risk_status()["open_positions"] == 1


def test_a_winning_exit_in_several_trades_begins_no_cool_down(ledger: Ledger, risk: RiskManager) -> None:
    """The whole of it is judged by its last trade: one alone would be a loss of its commission."""
    told(ledger, risk, trade(1, "BUY", "100", "1", "0", "BTC"))
    told(
        ledger, risk, trade(2, "SELL", "110", "0.4", "0.04", "USDT"), trade(3, "SELL", "110", "0.5995", "0.06", "USDT")
    )
    status = risk.get_risk_status()
    assert (status["open_positions"], status["cool_down_active"]) == (0, False)


def test_a_losing_exit_in_several_trades_begins_one(ledger: Ledger, risk: RiskManager) -> None:
    """Also where its last trade alone was a gain."""
    told(ledger, risk, trade(1, "BUY", "100", "1", "0", "BTC"))
    told(ledger, risk, trade(2, "SELL", "80", "0.9", "0", "USDT"), trade(3, "SELL", "101", "0.1", "0", "USDT"))
    assert risk.get_risk_status()["cool_down_active"]
