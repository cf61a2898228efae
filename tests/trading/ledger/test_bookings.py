"""Booking: each trade once, in whatever order and however often it is told."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.trading.ledger.making import IN_USDT, D, accepted, fill, intent
from tests.trading.ledger.test_pnl import trades

from thunes.errors import DataError, ThunesError, UsageError
from thunes.exchange.orders import Fill
from thunes.trading.ledger.ledger import Ledger
from thunes.trading.ledger.positions import PositionTracker

ROUND_TRIP = [fill(1, fee="0.001 BTC"), fill(2, "SELL", quantity="0.999", price="110", fee="0.1 USDT")]


def test_a_fill_comes_back_as_it_was_booked(ledger: Ledger) -> None:
    results = ledger.book(ROUND_TRIP, IN_USDT)
    assert [result.fill for result in results] == ROUND_TRIP
    assert ledger.fills() == results
    assert ledger.fills(1_002) == results[1:]
    assert ledger.fills_of("BTCUSDT", 7) == results
    assert ledger.fills_of("BTCUSDT", 8) == []
    assert ledger.realised() == results[1].realised == D("9.79")
    assert ledger.realised(1_003) == 0
    assert (ledger.last_trade_id("BTCUSDT"), ledger.last_trade_id("ETHUSDT")) == (2, None)


@pytest.mark.covers("fault 8")
@pytest.mark.covers("fault 9")
def test_a_trade_told_again_is_booked_once(ledger: Ledger) -> None:
    """Facts, rows 8 and 9."""
    assert len(ledger.book([ROUND_TRIP[0], ROUND_TRIP[0]], IN_USDT)) == 1
    before = ledger.expected()
    assert ledger.book([replace(ROUND_TRIP[0], quantity=D(9))], IN_USDT) == []
    assert [result.fill.trade_id for result in ledger.book(ROUND_TRIP, IN_USDT)] == [2]
    assert before == {"BTC": D("0.999"), "USDT": -100}
    assert ledger.book([], IN_USDT) == []


def test_trade_ids_are_those_of_a_symbol(ledger: Ledger) -> None:
    eth = replace(IN_USDT, base="ETH")
    assert len(ledger.book([fill(1)], IN_USDT)) == len(ledger.book([fill(1, symbol="ETHUSDT")], eth)) == 1
    assert [position.symbol for position in ledger.positions()] == ["BTCUSDT", "ETHUSDT"]


def test_a_position_is_seen_while_it_is_open(ledger: Ledger) -> None:
    tracker = PositionTracker(ledger)
    ledger.intend(intent())
    ledger.record_outcome("one", accepted())
    ledger.book(ROUND_TRIP[:1], IN_USDT)
    position = tracker.get("BTCUSDT")
    assert position is not None
    assert (position.strategy, position.quantity, position.cost) == ("sma_cross", D("0.999"), 100)
    assert (position.is_open, position.entry_price) == (True, 100)
    assert tracker.count_open_positions() == 1
    assert list(tracker) == [position]
    assert ("BTCUSDT" in tracker, "ETHUSDT" in tracker, 5 in tracker) == (True, False, False)
    ledger.book(ROUND_TRIP[1:], IN_USDT)
    assert (tracker.count_open_positions(), tracker.get("BTCUSDT")) == (0, None)
    (closed,) = ledger.closed_positions()
    assert (closed.closed_ms, closed.realised, closed.quantity, closed.average_cost) == (1_002, D("9.79"), 0, None)
    assert ledger.closed_positions(1_003) == []


def test_dust_holds_no_slot(ledger: Ledger) -> None:
    ledger.book([fill(1), fill(2, "SELL", quantity="0.99995")], IN_USDT)
    assert ledger.count_open_positions() == 0
    assert [(dust.symbol, dust.quantity) for dust in ledger.dust()] == [("BTCUSDT", D("0.00005"))]
    ledger.book([fill(3)], IN_USDT)
    assert ledger.dust() == []
    assert [position.quantity for position in ledger.positions()] == [D("1.00005")]


def test_trades_of_a_persons_own_orders_move_balances_alone(ledger: Ledger) -> None:
    """Facts, row 38."""
    ledger.book([fill(1)], IN_USDT)
    (result,) = ledger.book([fill(2, "SELL", price="500")], IN_USDT, external=True)
    assert (result.external, result.realised) == (True, None)
    assert ledger.count_open_positions() == 1
    assert ledger.realised() == 0
    assert ledger.expected() == {"USDT": 400}
    ledger.book([fill(3, "SELL", price="90")], IN_USDT)
    assert ledger.realised() == -10


def test_a_late_fill_is_put_where_it_belongs(ledger: Ledger) -> None:
    fills = [fill(1), fill(2, price="120"), fill(3, "SELL", quantity="2", price="130")]
    ledger.book([fills[0], fills[2]], IN_USDT)
    assert ledger.fills()[1].uncovered == 1
    (late,) = ledger.book([fills[1]], IN_USDT)
    assert late.realised is None
    by_id = {result.fill.trade_id: result for result in ledger.fills()}
    assert (by_id[3].realised, by_id[3].realised_fifo, by_id[3].uncovered) == (40, 40, 0)
    assert [position.bought for position in ledger.closed_positions()] == [2]


def test_a_commission_gets_its_value_later(ledger: Ledger) -> None:
    ledger.book([fill(1, fee="3 DOGE"), fill(2, "SELL", price="110")], IN_USDT)
    assert [result.fill.trade_id for result in ledger.unvalued()] == [1]
    assert ledger.realised() == 10
    ledger.value_commission("BTCUSDT", 1, D("0.5"))
    assert ledger.unvalued() == []
    assert ledger.realised() == D("9.5")
    assert ledger.closed_positions()[0].fees == D("0.5")
    with pytest.raises(UsageError, match="waits for no value"):
        ledger.value_commission("BTCUSDT", 1, D("0.7"))


def test_a_foreign_trades_commission_gets_its_value_too(ledger: Ledger) -> None:
    ledger.book([fill(1, fee="3 DOGE")], IN_USDT, external=True)
    ledger.value_commission("BTCUSDT", 1, D("0.5"))
    assert ledger.unvalued() == ledger.positions() == []


@pytest.mark.parametrize(
    ("wrong", "error"),
    [
        (fill(1, price="NaN"), DataError),
        (fill(1, quantity="-1"), DataError),
        (fill(1, quantity="0"), DataError),
        (fill(1, fee="-1 USDT"), DataError),
        (fill(1, fee="Infinity USDT"), DataError),
        (fill(1, fee="1.1 BTC"), DataError),
        (fill(1, side="HOLD"), DataError),  # type: ignore[arg-type]
        (fill(1, symbol="ETHUSDT"), UsageError),
    ],
)
def test_a_fill_that_cannot_be_books_nothing(
    fresh: Callable[[], Ledger], wrong: Fill, error: type[ThunesError]
) -> None:
    ledger = fresh()
    with pytest.raises(error):
        ledger.book([fill(2), wrong], IN_USDT)
    assert ledger.fills() == []
    assert ledger.expected() == {}


def standing(ledger: Ledger) -> Any:
    fills = sorted(ledger.fills(), key=lambda result: result.fill.trade_id)
    return fills, ledger.positions(), ledger.closed_positions(), ledger.dust(), ledger.expected()


@settings(max_examples=25)
@given(trades(), st.data())
def test_fills_in_any_order_in_any_parts_told_twice_give_the_same_books(
    fresh: Callable[[], Ledger], fills: list[Fill], data: st.DataObject
) -> None:
    ledger = fresh()
    ledger.book(fills, IN_USDT)
    once = standing(ledger)
    again = fresh()
    told = data.draw(st.permutations([*fills, *fills[: len(fills) // 2]]))
    while told:
        size = data.draw(st.integers(1, len(told)))
        again.book(told[:size], IN_USDT)
        told = told[size:]
    assert standing(again) == once
