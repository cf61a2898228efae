"""What is done at a bar, from what is wanted and what is held."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from thunes.errors import UsageError
from thunes.trading.decision import Seen, Sizing, decide

D = Decimal
HUNDRED, ALL = Sizing(quote_amount=D(100)), Sizing(fraction=D(1))


def seen(exposure: str, achieved: str = "0", held: str = "0", sellable: str | None = None, cash: str = "1000") -> Seen:
    price = D(10)
    free = D(cash)
    return Seen(
        D(exposure), D(achieved), D(held), D(held if sellable is None else sellable), price,
        free + D(held) * price, free,
    )  # fmt: skip


def test_a_new_wish_buys_its_worth() -> None:
    plan = decide(seen("1"), HUNDRED)
    assert (plan.action, plan.quote, plan.code) == ("BUY", 100, "E-ENTRY")
    assert decide(seen("0.5"), HUNDRED).quote == 50
    assert decide(seen("1"), ALL).quote == 1_000


def test_no_more_is_spent_than_is_free() -> None:
    assert decide(seen("1", cash="30"), HUNDRED).quote == 30
    assert decide(seen("1", cash="0"), HUNDRED).code == "E-HOLD-NO-ROOM"


def test_drift_is_no_reason_to_trade() -> None:
    assert decide(seen("1", "1", held="7"), HUNDRED).code == "E-HOLD-AS-WANTED"
    assert decide(seen("1", "1", held="99"), HUNDRED).action == "HOLD"


def test_a_wish_that_was_not_achieved_is_tried_again() -> None:
    assert decide(seen("1", "0"), HUNDRED).action == "BUY"


def test_nothing_wanted_sells_what_can_be_sold() -> None:
    plan = decide(seen("0", "1", held="7"), HUNDRED)
    assert (plan.action, plan.quantity, plan.code) == ("SELL", 7, "E-EXIT")
    rest = decide(seen("0", "0", held="3"), HUNDRED)
    assert (rest.action, rest.quantity) == ("SELL", 3)  # an exit that was only partly filled goes on
    assert decide(seen("0", "1", held="0.001", sellable="0"), HUNDRED).code == "E-HOLD-FLAT"


def test_a_smaller_wish_sells_the_surplus() -> None:
    plan = decide(seen("0.5", "1", held="10"), HUNDRED)
    assert (plan.action, plan.quantity, plan.code) == ("SELL", 5, "E-REDUCE")
    assert decide(seen("0.5", "1", held="4"), HUNDRED).code == "E-HOLD-NO-SURPLUS"


def test_a_larger_wish_buys_what_is_missing() -> None:
    assert decide(seen("1", "0.5", held="5"), HUNDRED).quote == 50


NO_SIZES: list[dict[str, Decimal]] = [
    {},
    {"quote_amount": D(0)},
    {"fraction": D("1.1")},
    {"fraction": D(-1)},
    {"quote_amount": D("NaN")},
    {"quote_amount": D(1), "fraction": D(1)},
]


@pytest.mark.parametrize("size", NO_SIZES)
def test_a_size_is_one_positive_number(size: dict[str, Decimal]) -> None:
    with pytest.raises(UsageError):
        Sizing(**size)


fractions = st.integers(0, 4).map(lambda quarter: D(quarter) / 4)
amounts = st.integers(0, 10_000).map(lambda number: D(number) / 10)


@given(exposure=fractions, achieved=fractions, held=amounts, cash=amounts, sizing=st.sampled_from([HUNDRED, ALL]))
def test_no_order_is_larger_than_what_there_is(
    exposure: Decimal, achieved: Decimal, held: Decimal, cash: Decimal, sizing: Sizing
) -> None:
    plan = decide(Seen(exposure, achieved, held, held, D(10), cash + held * 10, cash), sizing)
    if plan.action == "BUY":
        assert plan.quote is not None
        assert plan.quantity is None
        assert 0 < plan.quote <= cash
    elif plan.action == "SELL":
        assert plan.quantity is not None
        assert 0 < plan.quantity <= held
    else:
        assert plan.quote is plan.quantity is None
