"""Realised profit and loss: known answers, and what must hold whatever is traded."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.trading.ledger.making import D, fill

from thunes.exchange.orders import Fill
from thunes.trading.ledger.numbers import minus, share, total
from thunes.trading.ledger.pnl import Holding, Lot, commission_value, trade_of, traded
from thunes.trading.ledger.round_trips import Entry, SymbolBook, booked, rebuilt
from thunes.trading.ledger.values import BookedFill, Valuation

USDT = Valuation("BTC", "USDT", {"BNB": D("612.35")})


def entry(one: Fill, least: str = "0") -> Entry:
    return Entry(one, "BTC", commission_value(one, USDT), D(least), "sma_cross")


def play(fills: Sequence[Fill], least: str = "0") -> tuple[SymbolBook, list[BookedFill]]:
    return rebuilt([entry(one, least) for one in fills])


def test_average_cost_and_first_in_first_out_of_a_known_sale() -> None:
    book, results = play([fill(1, quantity="2", price="100"), fill(2, price="130"), fill(3, "SELL", price="150")])
    assert results[2].realised == 150 - D(330) / 3  # the average of 330 for 3
    assert results[2].realised_fifo == 150 - 100
    assert (book.holding.quantity, book.holding.cost) == (2, 220)
    assert book.holding.lots == (Lot(D(1), D(100)), Lot(D(1), D(130)))


def test_a_base_commission_leaves_less_to_sell_for_the_same_money() -> None:
    """Pitfall X7: bought 1 at 100, 0.001 of it kept as fee; all that is there sold at 100, 0.1 % of it kept."""
    _, results = play([fill(1, fee="0.001 BTC"), fill(2, "SELL", quantity="0.999", fee="0.0999 USDT")])
    assert results[1].realised == D("99.9") - D("0.0999") - 100
    assert results[1].uncovered == 0


def test_commissions_in_quote_and_in_a_third_asset_cost_what_they_are_worth() -> None:
    _, results = play([fill(1, fee="0.1 USDT"), fill(2, "SELL", price="110", fee="0.0001 BNB")])
    assert results[1].realised == 110 - D("0.061235") - D("100.1")


def test_a_commission_without_a_price_counts_nothing_and_has_no_value() -> None:
    _, (bought, sold) = play([fill(1, fee="5 DOGE"), fill(2, "SELL", price="110")])
    assert bought.commission_value is None
    assert sold.realised == 10
    assert sold.commission_value == 0


@pytest.mark.covers("pitfall X17")
def test_a_break_even_is_zero_and_a_buy_realises_nothing() -> None:
    """Pitfall X17."""
    _, (bought, sold) = play([fill(1), fill(2, "SELL")])
    assert (bought.realised, bought.realised_fifo) == (None, None)
    assert (sold.realised, sold.realised_fifo) == (0, 0)


def test_what_was_never_bought_has_no_cost_and_makes_no_profit() -> None:
    _, (foreign, _, half) = play([fill(1, "SELL"), fill(2), fill(3, "SELL", quantity="4", price="150")])
    assert (foreign.realised, foreign.uncovered) == (None, 1)
    assert (half.realised, half.uncovered) == (150 - 100, 3)


def test_a_sale_whose_commission_is_in_base_takes_that_from_the_holding_too() -> None:
    book, (_, sold) = play([fill(1, quantity="3"), fill(2, "SELL", quantity="1", price="200", fee="0.5 BTC")])
    assert sold.realised == 200 - 150
    assert book.holding.quantity == D("1.5")


def test_a_round_trip_opens_and_closes_a_position_and_counts_its_own_fills() -> None:
    book, _ = play([fill(1), fill(2, price="120"), fill(3, "SELL", quantity="2", price="130", fee="0.26 USDT")])
    (trip,) = book.trips
    assert book.position is None
    assert (trip.opened_trade_id, trip.opened_ms, trip.closed_ms, trip.strategy) == (1, 1_001, 1_003, "sma_cross")
    assert (trip.bought, trip.bought_quote, trip.sold, trip.sold_quote) == (2, 220, 2, 260)
    assert trip.fees == D("0.26")
    assert trip.realised == trip.realised_fifo == D("39.74")


@pytest.mark.covers("fault 46")
def test_dust_is_no_position_keeps_its_cost_and_joins_the_next_one() -> None:
    """Facts, row 46."""
    first = [fill(1, quantity="1"), fill(2, "SELL", quantity="0.9995", price="110")]
    book, _ = play(first, "0.001")
    dust = book.dust("BTCUSDT")
    assert book.position is None
    assert dust is not None
    assert (dust.quantity, dust.cost) == (D("0.0005"), D("0.05"))
    book, _ = play([*first, fill(3, price="200")], "0.001")
    assert book.dust("BTCUSDT") is None
    assert book.position is not None
    assert (book.position.quantity, book.position.cost) == (D("1.0005"), D("200.05"))
    assert book.position.entry_price == 200  # where its stops are measured from
    assert book.position.average_cost == D("200.05") / D("1.0005")


def test_dust_that_is_sold_belongs_to_the_round_trip_it_is_from() -> None:
    sold = fill(2, "SELL", quantity="0.9995", price="110")
    book, _ = play([fill(1), sold, fill(3, "SELL", quantity="0.0005", price="110")], "0.001")
    (trip,) = book.trips
    assert (trip.realised, trip.closed_ms) == (10, 1_002)
    assert book.dust("BTCUSDT") is None


def test_a_remainder_that_can_be_sold_leaves_the_position_open() -> None:
    book, _ = play([fill(1), fill(2, "SELL", quantity="0.999")], "0.001")
    assert book.position is not None
    assert book.position.is_open


quantities = st.integers(1, 10**9).map(lambda n: D(n) / 10**8)
prices = st.integers(1, 10**7).map(lambda n: D(n) / 100)
fees = st.sampled_from(["BTC", "USDT", "BNB"])


@st.composite
def trades(draw: Any) -> list[Fill]:
    """Buys and sells that never sell what is not held, and at last everything."""
    made: list[Fill] = []
    held = D(0)
    for number in range(draw(st.integers(1, 12))):
        side, price, asset = draw(st.sampled_from(["BUY", "SELL"])), draw(prices), draw(fees)
        quantity = draw(quantities) if side == "BUY" else min(held, draw(quantities))
        if not quantity:
            continue
        asset = "USDT" if (side, asset) == ("SELL", "BTC") else asset
        fee = {"BTC": quantity, "USDT": quantity * price, "BNB": D(1)}[asset] * draw(st.sampled_from([0, 1, 2])) / 1000
        made.append(fill(number, side, str(quantity), str(price), f"{fee:f} {asset}"))
        held += quantity - (fee if asset == "BTC" else 0) if side == "BUY" else -quantity
    return [*made, fill(99, "SELL", str(held), str(draw(prices)))] if held else made


@given(trades())
def test_once_all_is_sold_both_methods_add_up_to_the_money_that_came_and_went(fills: list[Fill]) -> None:
    book, results = play(fills)
    worth = {"USDT": D(1), "BNB": D("612.35"), "BTC": D(0)}  # a base fee costs what the sale then lacks
    moved = total(one.quote if one.side == "SELL" else -one.quote for one in fills)
    paid = total(one.commission * worth[one.commission_asset] for one in fills)
    assert book.holding == Holding()
    for method in ("realised", "realised_fifo"):
        assert total(getattr(result, method) or D(0) for result in results) == moved - paid
        assert total(getattr(trip, method) for trip in book.trips) == moved - paid
    assert total(trip.fees for trip in book.trips) == total(result.commission_value or D(0) for result in results)


@given(trades(), st.randoms())
def test_the_order_in_which_fills_are_given_does_not_matter(fills: list[Fill], random: Any) -> None:
    shuffled = list(fills)
    random.shuffle(shuffled)
    assert play(shuffled) == play(fills)


@given(trades())
def test_one_by_one_gives_what_all_at_once_gives(fills: list[Fill]) -> None:
    book, results = SymbolBook(), []
    for one in fills:
        book, result = booked(book, entry(one))
        results.append(result)
    assert (book, results) == play(fills)


@given(trades())
def test_the_lots_are_the_holding(fills: list[Fill]) -> None:
    holding = Holding()
    for one in fills:
        holding, _ = traded(holding, trade_of(one, "BTC", commission_value(one, USDT)))
        assert total(lot.quantity for lot in holding.lots) == holding.quantity
        assert holding.quantity >= 0


@given(quantities, quantities, prices)
def test_the_parts_of_an_amount_are_the_amount(part: Decimal, rest: Decimal, amount: Decimal) -> None:
    whole = part + rest
    first = share(amount, part, whole)
    assert total((first, share(minus(amount, first), rest, rest))) == amount
    assert abs(first - amount * part / whole) < D("1E-20")


def test_a_buy_that_its_fee_eats_whole_still_costs() -> None:
    book, _ = play([fill(1, quantity="0.00000001", fee="0.00000001 BTC"), fill(2), fill(3, "SELL", price="90")])
    assert book.trips[0].realised == book.trips[0].realised_fifo == 90 - 100 - D("0.000001")
    assert replace(book.holding, lots=()) == Holding()
