"""Equity, anchors, latches, flows: small facts that must survive."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.trading.ledger.making import IN_USDT, D, balances, fill

from thunes.clock import ManualClock
from thunes.errors import DataError
from thunes.exchange.orders import Balance
from thunes.trading.ledger.ledger import Ledger
from thunes.trading.ledger.values import Anchor, Difference, Equity, Flow, Latch


def test_equity_is_told_from_a_time_on_and_its_peak_kept(ledger: Ledger) -> None:
    assert ledger.equity_peak() is None
    for time_ms, equity in ((3, 90), (1, 100), (2, 120)):
        ledger.record_equity(Equity(time_ms, D(equity), D(10)))
    assert [snapshot.equity for snapshot in ledger.equity(2)] == [120, 90]
    assert ledger.equity_peak() == 120  # as numbers: as text 90 would be the most
    ledger.record_equity(Equity(3, D(95), D(10)))
    assert ledger.equity(3) == [Equity(3, D(95), D(10))]


def test_an_anchor_never_goes_back(ledger: Ledger, clock: ManualClock) -> None:
    assert ledger.last_anchor() is None
    assert ledger.anchor(1, "aa")
    assert ledger.anchor(3, "cc")
    assert not ledger.anchor(2, "bb")
    assert ledger.last_anchor() == Anchor(3, "cc", clock.now_ms())
    assert ledger.last_anchor("another") is None


def test_a_latch_stays_until_it_is_taken_off(ledger: Ledger) -> None:
    ledger.latch(Latch("sma_cross", "BTCUSDT", 60_000, "stop-loss"))
    ledger.latch(Latch("sma_cross", "BTCUSDT", 120_000, "trailing"))
    ledger.latch(Latch("rsi", "BTCUSDT", 60_000, "stop-loss"))
    assert [(latch.strategy, latch.bar_ms) for latch in ledger.latches()] == [("rsi", 60_000), ("sma_cross", 120_000)]
    assert ledger.unlatch("sma_cross", "BTCUSDT")
    assert not ledger.unlatch("sma_cross", "BTCUSDT")
    assert [latch.strategy for latch in ledger.latches()] == ["rsi"]


def test_an_account_is_taken_over_once(ledger: Ledger) -> None:
    assert ledger.open_account(balances(USDT="1000", BTC="0.5"))
    assert not ledger.open_account(balances(USDT="5"))
    assert ledger.expected() == {"BTC": D("0.5"), "USDT": 1000}
    assert [flow.kind for flow in ledger.flows()] == ["opening", "opening"]


def test_what_was_booked_before_the_account_was_taken_over_is_no_difference(ledger: Ledger) -> None:
    ledger.book([fill(1)], IN_USDT)
    assert ledger.open_account(balances(USDT="900", BTC="1"))
    assert ledger.reconcile(balances(USDT="900", BTC="1")) == []


def test_money_from_outside_is_no_profit_and_comes_once(ledger: Ledger) -> None:
    """Facts, rows 38 and 72."""
    deposit = Flow("deposit 1", "deposit", "USDT", D("100.5"), 5, D("100.5"))
    assert ledger.record_flow(deposit)
    assert not ledger.record_flow(deposit)
    assert ledger.record_flow(Flow("dust 1", "conversion", "BTC", D("-0.1"), 9))
    assert ledger.flows() == [deposit, Flow("dust 1", "conversion", "BTC", D("-0.1"), 9)]
    assert [flow.reference for flow in ledger.flows(6)] == ["dust 1"]
    assert ledger.expected() == {"BTC": D("-0.1"), "USDT": D("100.5")}
    assert ledger.realised() == 0


def test_a_difference_is_told_to_the_last_digit(ledger: Ledger) -> None:
    ledger.open_account(balances(USDT="1000"))
    ledger.book([fill(1, fee="0.001 BTC")], IN_USDT)
    told = {"USDT": Balance("USDT", D(800), D(100)), "BTC": Balance("BTC", D("0.999000000000000001"), D(0))}
    (difference,) = ledger.reconcile(told)
    assert difference == Difference("BTC", D("0.999"), D("0.999000000000000001"))
    assert difference.amount == D("1E-18")
    assert ledger.balances() == told


def test_an_asset_that_is_gone_and_one_that_is_new_are_differences(ledger: Ledger) -> None:
    ledger.open_account(balances(USDT="10"))
    found = ledger.reconcile(balances(DOGE="3"))
    assert [(difference.asset, difference.amount) for difference in found] == [("DOGE", 3), ("USDT", -10)]
    assert list(ledger.balances()) == ["DOGE"]


def test_a_balance_that_is_no_number_is_refused(ledger: Ledger) -> None:
    with pytest.raises(DataError, match="balance of USDT cannot be NaN"):
        ledger.reconcile(balances(USDT="NaN"))
    with pytest.raises(DataError, match="flow x cannot be Infinity"):
        ledger.record_flow(Flow("x", "deposit", "USDT", D("Infinity"), 1))


def test_everything_is_there_after_a_restart(place: Path | str, clock: ManualClock) -> None:
    with Ledger.open(place, "sim", clock) as ledger:
        ledger.book([fill(1)], IN_USDT)
        ledger.latch(Latch("sma_cross", "BTCUSDT", 60_000, "stop-loss"))
        before = (ledger.fills(), ledger.positions(), ledger.latches(), ledger.expected())
    with Ledger.open(place, "sim", clock) as ledger:
        assert (ledger.fills(), ledger.positions(), ledger.latches(), ledger.expected()) == before
