"""What every `Venue` does, whatever stands behind it."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest
from tests.exchange.places import BASE, MINUTE_MS, QUOTE, STEP, SYMBOL, Place, accepted, new_id

from thunes.errors import UsageError
from thunes.exchange.filters.rules import SymbolRules
from thunes.exchange.outcomes import Refused
from thunes.exchange.venue import Venue

NOBODY = 999_999_999_999


def refused(outcome: object, code: int) -> Refused:
    assert isinstance(outcome, Refused), outcome
    assert outcome.code == code
    return outcome


def total(venue: Venue, asset: str) -> Decimal:
    found = venue.balances().get(asset)
    return found.total if found else Decimal(0)


# The market


def test_the_time_does_not_run_back(place: Place) -> None:
    first, second = place.venue.server_time(), place.venue.server_time()
    assert 10**12 < first <= second < first + MINUTE_MS


def test_the_rules_are_those_of_the_symbol(place: Place) -> None:
    rules = place.venue.rules(SYMBOL)
    assert isinstance(rules, SymbolRules)
    assert (rules.symbol, rules.base, rules.quote) == (SYMBOL, BASE, QUOTE)
    assert place.venue.rules(SYMBOL, fresh=True) == rules


@pytest.mark.parametrize("name", ["NOSUCHUSDT", "no symbol", ""])
def test_a_symbol_that_is_not_listed_is_the_callers_mistake(place: Place, name: str) -> None:
    with pytest.raises(UsageError, match="lists no symbol"):
        place.venue.rules(name)


def test_candles_are_all_that_are_over_from_a_moment_on(place: Place) -> None:
    now = place.venue.server_time()
    start = (now // MINUTE_MS - 1_200) * MINUTE_MS  # more than one page
    candles = place.venue.closed_candles(SYMBOL, "1m", start)
    assert (candles.symbol, candles.interval, int(candles.open_time[0])) == (SYMBOL, "1m", start)
    assert now - MINUTE_MS < candles.end_time <= place.venue.server_time()
    assert len(candles) == (candles.end_time - start) // MINUTE_MS


def test_the_best_prices_stand_around_the_average(place: Place) -> None:
    quote, average = place.venue.quote(SYMBOL), place.venue.average_price(SYMBOL)
    assert quote.bid is not None
    assert quote.ask is not None
    assert average * Decimal("0.95") < quote.bid < quote.ask < average * Decimal("1.05")


# The account


def test_balances_are_those_not_zero(place: Place) -> None:
    balances = place.venue.balances()
    assert {BASE, QUOTE} <= balances.keys()
    assert all(balance.total > 0 for balance in balances.values())


def test_fees_are_fractions(place: Place) -> None:
    fees = place.venue.fees(SYMBOL)
    assert 0 <= fees.maker < Decimal("0.01")
    assert 0 <= fees.taker < Decimal("0.01")


# Orders


def test_what_is_bought_is_booked_to_the_last_digit(place: Place) -> None:
    venue, ticket = place.venue, place.market()
    before = {asset: total(venue, asset) for asset in (BASE, QUOTE)}
    order = accepted(venue.submit(ticket))
    assert (order.client_order_id, order.side, order.status) == (ticket.client_order_id, "BUY", "FILLED")
    assert not order.is_open
    assert order.executed == sum(fill.quantity for fill in order.fills)
    assert order.quote_executed == sum(fill.quote for fill in order.fills)
    charged = {asset: sum(f.commission for f in order.fills if f.commission_asset == asset) for asset in before}
    assert total(venue, QUOTE) == before[QUOTE] - order.quote_executed - charged[QUOTE]
    assert total(venue, BASE) == before[BASE] + order.executed - charged[BASE]


def test_an_order_is_told_alike_by_every_question(place: Place) -> None:
    venue = place.venue
    placed = accepted(venue.submit(place.market("SELL", quantity=STEP * 100, quote_quantity=None)))
    by_client, by_id = (
        venue.order(SYMBOL, client_order_id=placed.client_order_id),
        venue.order(SYMBOL, order_id=placed.order_id),
    )
    assert by_client == by_id == replace(placed, fills=(), time_ms=by_id.time_ms if by_id else 0)
    assert by_client in venue.orders_since(SYMBOL, placed.time_ms - MINUTE_MS)
    assert tuple(venue.fills(SYMBOL, order_id=placed.order_id)) == placed.fills
    assert [*venue.fills(SYMBOL, from_id=placed.fills[0].trade_id)][: len(placed.fills)] == [*placed.fills]
    assert venue.fills(SYMBOL, from_id=placed.fills[-1].trade_id + 1) == []


def test_an_order_that_waits_is_open_until_it_is_cancelled(place: Place) -> None:
    venue, ticket = place.venue, place.resting()
    placed = accepted(venue.submit(ticket))
    assert (placed.status, placed.is_open, placed.executed, placed.price) == ("NEW", True, 0, ticket.price)
    assert placed.order_id in [order.order_id for order in venue.open_orders(SYMBOL)]
    assert placed.order_id in [order.order_id for order in venue.open_orders()]
    gone = accepted(venue.cancel(SYMBOL, order_id=placed.order_id, client_order_id=placed.client_order_id))
    assert (gone.status, gone.client_order_id) == ("CANCELED", ticket.client_order_id)
    assert venue.open_orders(SYMBOL) == []


def test_an_order_that_we_cancelled_is_found_by_its_first_id(place: Place) -> None:
    venue, ticket = place.venue, place.resting()
    placed = accepted(venue.submit(ticket))
    accepted(venue.cancel(SYMBOL, order_id=placed.order_id, client_order_id=ticket.client_order_id))
    found = venue.order(SYMBOL, client_order_id=ticket.client_order_id)
    assert found is not None
    assert (found.order_id, found.status) == (placed.order_id, "CANCELED")
    assert found.client_order_id == ticket.client_order_id
    assert venue.order(SYMBOL, order_id=placed.order_id) == found
    assert found in venue.orders_since(SYMBOL, placed.time_ms - MINUTE_MS)


def test_a_stop_waits_with_both_its_prices(place: Place) -> None:
    venue, ticket = place.venue, place.stop()
    placed = accepted(venue.submit(ticket))
    assert (placed.type, placed.stop_price, placed.price) == (ticket.type, ticket.stop_price, ticket.price)
    assert placed.is_open
    assert accepted(venue.cancel(SYMBOL, client_order_id=ticket.client_order_id)).status == "CANCELED"


def test_an_id_serves_one_open_order(place: Place) -> None:
    ticket = place.resting()
    accepted(place.venue.submit(ticket))
    assert refused(place.venue.submit(ticket), -2010).duplicate
    assert len(place.venue.open_orders(SYMBOL)) == 1


def test_what_a_filter_refuses_is_refused(place: Place) -> None:
    ticket = place.resting()
    assert ticket.quantity is not None
    outcome = refused(place.venue.submit(replace(ticket, quantity=ticket.quantity + STEP / 10)), -1013)
    assert "LOT_SIZE" in outcome.message
    assert place.venue.order(SYMBOL, client_order_id=ticket.client_order_id) is None


def test_what_cannot_be_paid_is_refused(place: Place) -> None:
    many = (place.venue.balances()[BASE].free // STEP + 1) * STEP
    if many > Decimal(9_000):
        pytest.skip("this account is richer than the largest order")
    outcome = refused(place.venue.submit(place.resting("SELL", quantity=many)), -2010)
    assert not outcome.duplicate


def test_nothing_is_known_of_an_order_that_is_not_there(place: Place) -> None:
    venue = place.venue
    assert venue.order(SYMBOL, client_order_id=new_id()) is None
    assert venue.order(SYMBOL, order_id=NOBODY) is None
    refused(venue.cancel(SYMBOL, client_order_id=new_id()), -2011)


def test_an_order_that_is_filled_cannot_be_cancelled(place: Place) -> None:
    placed = accepted(place.venue.submit(place.market()))
    refused(place.venue.cancel(SYMBOL, order_id=placed.order_id), -2011)
    found = place.venue.order(SYMBOL, order_id=placed.order_id)
    assert found is not None
    assert found.status == "FILLED"


def test_an_order_must_be_named(place: Place) -> None:
    with pytest.raises(UsageError, match="order_id or its client_order_id"):
        place.venue.order(SYMBOL)
    with pytest.raises(UsageError, match="order_id or its client_order_id"):
        place.venue.cancel(SYMBOL)
