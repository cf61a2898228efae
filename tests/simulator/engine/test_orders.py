"""Statuses and stops."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from thunes.simulator.engine.accounts import Account
from thunes.simulator.engine.orders import CLOSED, TRANSITIONS, Order, Status
from thunes.simulator.request import OrderRequest

D = Decimal


def order(side: Any, type: str, **more: Any) -> Order:
    request = OrderRequest("BTCUSDT", side, type, "mine", quantity=D(1), **more)
    return Order(1, request, Account("ann"), D(1), 0, "NONE", "mine")


def test_nothing_follows_an_end() -> None:
    assert set(TRANSITIONS) == set(Status.__args__)  # type: ignore[attr-defined]
    assert all(not TRANSITIONS[status] for status in CLOSED)
    finished = order("BUY", "MARKET")
    finished.become("FILLED", 1)
    assert not finished.is_open
    with pytest.raises(AssertionError):
        finished.become("NEW", 2)


def test_a_partly_filled_order_is_never_new_again() -> None:
    partly = order("BUY", "LIMIT")
    partly.become("PARTIALLY_FILLED", 1)
    with pytest.raises(AssertionError):
        partly.become("NEW", 2)


@pytest.mark.parametrize(
    ("side", "type", "triggers"),
    [("BUY", "STOP_LOSS", (False, True, True)), ("SELL", "STOP_LOSS", (True, True, False)),
     ("BUY", "TAKE_PROFIT_LIMIT", (True, True, False)), ("SELL", "TAKE_PROFIT_LIMIT", (False, True, True))],
)  # fmt: skip
def test_a_stop_hears_its_side_of_the_price(side: str, type: str, triggers: tuple[bool, ...]) -> None:
    heard = [order(side, type, stop_price=D(100)).hears(D(price), 1) for price in (99, 100, 101)]
    assert tuple(heard) == triggers


@given(
    side=st.sampled_from(["BUY", "SELL"]),
    delta=st.integers(1, 2_000),
    prices=st.lists(st.integers(1, 10_000).map(D), min_size=1, max_size=30),
)
def test_a_trailing_stop_triggers_at_the_first_turn_from_its_best_price(
    side: str, delta: int, prices: list[Decimal]
) -> None:
    stop = order(side, "STOP_LOSS", trailing_delta=delta)
    share = D(delta) / 10_000
    expected = [
        price >= min(prices[: n + 1]) * (1 + share) if side == "BUY" else price <= max(prices[: n + 1]) * (1 - share)
        for n, price in enumerate(prices)
    ]
    assert [stop.hears(price, 1) for price in prices] == expected
