"""Who comes first in a book."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from tests.simulator.engine.venue import BTCUSDT

from thunes.simulator.engine.accounts import Account
from thunes.simulator.engine.book import Book, Half
from thunes.simulator.engine.matching import Match, plan
from thunes.simulator.engine.orders import Order
from thunes.simulator.request import OrderRequest
from thunes.simulator.symbols.quote_quantity import affordable

D = Decimal
entries = st.lists(st.tuples(st.integers(90, 110), st.integers(1, 9)), max_size=15)


def resting(number: int, side: Any, price: int, quantity: int) -> Order:
    request = OrderRequest("BTCUSDT", side, "LIMIT", str(number), price=D(price), quantity=D(quantity))
    return Order(number, request, Account("ann"), D(quantity), 0, "NONE", str(number), working_ms=0)


@given(side=st.sampled_from(["BUY", "SELL"]), users=entries, market=entries)
def test_offers_come_by_price_then_users_by_age_then_the_market(side: Any, users: Any, market: Any) -> None:
    half, sign = Half(side), -1 if side == "BUY" else 1
    for number, (price, quantity) in enumerate(users):
        half.add(resting(number, side, price, quantity))
    half.refresh([(D(price), D(size)) for price, size in sorted(dict(market).items(), key=lambda one: sign * one[0])])
    expected = [(sign * price, 0, number, size) for number, (price, size) in enumerate(users)]
    expected += [(sign * price, 1, 0, size) for price, size in dict(market).items()]
    found = [(sign * price, 0 if order else 1, order.id if order else 0, size) for price, order, size in half.offers()]
    assert found == sorted(expected)
    assert half.best() == (sign * found[0][0] if found else None)


@given(users=entries)
def test_what_is_removed_is_gone(users: Any) -> None:
    half = Half("BUY")
    orders = [resting(number, "BUY", *entry) for number, entry in enumerate(users)]
    for order in orders:
        half.add(order)
    for order in orders[::2]:
        half.remove(order)
        half.remove(order)  # a second time changes nothing
    assert {order for _, order, _ in half.offers()} == set(orders[1::2])
    assert half.prices == sorted({order.request.price for order in orders[1::2]})  # type: ignore[type-var]


def test_a_level_holds_what_was_not_taken() -> None:
    half = Half("SELL")
    half.refresh([(D(101), D(2)), (D(102), D(1))])
    half.take(D(101), D("0.5"))
    half.take(D(102), D(1))
    assert list(half.offers()) == [(D(101), None, D("1.5"))]
    half.refresh([(D(101), D(2))])
    assert list(half.offers()) == [(D(101), None, D(2))]


def test_a_book_is_idle_until_somebody_waits_in_it() -> None:
    book = Book(BTCUSDT)
    assert book.is_idle
    book.add(resting(1, "BUY", 100, 1))
    assert not book.is_idle


@given(
    offers=st.lists(st.tuples(st.integers(1, 50), st.integers(1, 3_000)), min_size=1, max_size=6),
    budget=st.integers(0, 5_000),
)
def test_a_budget_buys_the_most_whole_steps_that_it_pays_for(offers: Any, budget: int) -> None:
    ladder = [(D(price), D(units) / 1_000) for price, units in sorted(offers)]
    quantity, _ = affordable(D(budget), ladder, D("0.001"))
    # One step at a time, in thousandths of a price.
    spent, steps, left = 0, 0, budget * 1_000
    for price, units in sorted(offers):
        fits = min(units, (left - spent) // price)
        spent, steps = spent + fits * price, steps + fits
        if fits < units:
            break
    else:
        steps += (left - spent) // max(price for price, _ in offers)
    assert quantity * 1_000 == steps


@given(offers=entries, limit=st.none() | st.integers(90, 110), wanted=st.integers(1, 40))
def test_a_plan_takes_the_cheapest_within_its_limit(offers: Any, limit: int | None, wanted: int) -> None:
    ladder = [(D(price), None, D(size)) for price, size in sorted(offers)]
    made = plan(ladder, "BUY", None if limit is None else D(limit), D(wanted), Account("bob"), "NONE")
    units = [price for price, size in sorted(offers) for _ in range(size) if limit is None or price <= limit][:wanted]
    assert (made.executed, made.cost) == (len(units), sum(units))
    assert all(isinstance(step, Match) for step in made.steps)
