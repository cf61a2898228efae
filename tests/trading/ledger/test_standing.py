"""What a pass asks of the ledger, told at one moment."""

from __future__ import annotations

import pytest
from tests.trading.ledger.making import IN_USDT, D, accepted, balances, fill, intent

from thunes.trading.ledger.ledger import Ledger
from thunes.trading.ledger.values import Dust, Intent, Owned, Standing, SymbolPause


def intended(ledger: Ledger, client_id: str, bar_ms: int, time_ms: int, strategy: str = "sma_cross") -> None:
    ledger.intend(Intent(intent(client_id).ticket, strategy, bar_ms, time_ms))


def test_nothing_stands_where_nothing_was(ledger: Ledger) -> None:
    assert ledger.standing("sma_cross", "BTCUSDT") == Standing(None, None, (), None)
    assert ledger.owned("BTC") == Owned((), (), D(0))


def test_what_stands_is_what_each_question_gets(ledger: Ledger) -> None:
    intended(ledger, "executed", 1, 10)
    ledger.settle("executed", accepted("executed"), [fill(1)], IN_USDT)
    intended(ledger, "of an older bar", 2, 12)
    intended(ledger, "sell", 3, 14)
    intended(ledger, "buy", 3, 13)
    intended(ledger, "another's", 4, 15, strategy="rsi")
    intended(ledger, "another's of this bar", 3, 15, strategy="rsi")
    ledger.intend(Intent(intent("of another symbol", symbol="ETHUSDT").ticket, "sma_cross", 4, 16))
    ledger.pause(SymbolPause("BTCUSDT", "E-X", "why", 5, 6))
    assert ledger.standing("sma_cross", "BTCUSDT") == Standing(
        ledger.position("BTCUSDT"),
        ledger.last_executed("sma_cross", "BTCUSDT"),
        tuple(record for name in ("buy", "sell") if (record := ledger.order(name))),
        SymbolPause("BTCUSDT", "E-X", "why", 5, 6),
    )
    assert len(ledger.standing("sma_cross", "BTCUSDT").newest) == 2


def test_an_order_that_executed_counts_from_a_time_on(ledger: Ledger) -> None:
    for number in range(3):
        intended(ledger, f"order {number}", number, 10 + number)
    for number in range(2):
        executed = accepted(f"order {number}", executed="0.50", order_id=number)
        ledger.record_outcome(f"order {number}", executed)
    ledger.record_outcome("order 2", accepted("order 2", "CANCELED", "0.00", order_id=2))
    assert ledger.standing("sma_cross", "BTCUSDT", 11).last_executed == ledger.order("order 1")
    assert ledger.standing("sma_cross", "BTCUSDT", 12).last_executed is None


def test_the_newest_order_may_be_the_one_that_executed(ledger: Ledger) -> None:
    intended(ledger, "one", 1, 10)
    ledger.record_outcome("one", accepted())
    standing = ledger.standing("sma_cross", "BTCUSDT", 10)
    assert standing.newest == (standing.last_executed,) == (ledger.order("one"),)
    assert ledger.standing("sma_cross", "BTCUSDT", 11).newest == standing.newest
    assert ledger.standing("sma_cross", "BTCUSDT", 11).last_executed is None


def test_of_two_of_a_bar_that_executed_the_later_one_counts(ledger: Ledger) -> None:
    for number, name in enumerate(("sell", "buy")):
        intended(ledger, name, 3, 10 + number)
        ledger.record_outcome(name, accepted(name, order_id=number))
    assert ledger.standing("sma_cross", "BTCUSDT").last_executed == ledger.order("buy")


@pytest.mark.parametrize(("sold", "left"), [("0.4", 0), ("0.99995", 1), ("1", 0)])
def test_what_is_owned_is_positions_and_dust(ledger: Ledger, sold: str, left: int) -> None:
    ledger.open_account(balances(BTC="3", USDT="1000"))
    ledger.book([fill(1), fill(2, "SELL", sold)], IN_USDT)
    owned = ledger.owned("BTC")
    assert owned == Owned(tuple(ledger.positions()), tuple(ledger.dust()), 4 - D(sold))
    assert len(owned.positions) == (sold == "0.4")
    assert owned.dust == (Dust("BTCUSDT", D("0.00005"), D("0.005")),) * left
    assert ledger.owned("DOGE").expected == 0
