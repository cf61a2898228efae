"""An order's outcome and its fills, noted at once: the same as one after the other."""

from __future__ import annotations

import itertools
import shutil
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.trading.ledger.making import IN_USDT, D, accepted, fill, intent

from thunes.clock import ManualClock
from thunes.errors import DataError, ThunesError, UsageError
from thunes.exchange.orders import Fill
from thunes.exchange.outcomes import NotSent, Outcome, Refused, Unknown
from thunes.trading.ledger.ledger import Ledger
from thunes.trading.ledger.values import Intent, Settled

ORDERS = {"one": 7, "two": 8}
Told = tuple[str, Outcome, tuple[Fill, ...]]


def step_by_step(ledger: Ledger, client_id: str, outcome: Outcome, told: tuple[Fill, ...]) -> Settled:
    record = ledger.record_outcome(client_id, outcome)
    booked = ledger.book(told, IN_USDT)
    position = ledger.position("BTCUSDT")
    return Settled(ledger.order(client_id) or record, tuple(booked), position.quantity if position else D(0))


def everything(ledger: Ledger) -> Any:
    books = (ledger.fills(), ledger.positions(), ledger.closed_positions(), ledger.dust(), ledger.expected())
    return books, ledger.orders(), ledger.open_intents()


def of_strategies(ledger: Ledger) -> Ledger:
    for number, client_id in enumerate(ORDERS):
        ledger.intend(Intent(intent(client_id).ticket, f"strategy {number}", 0, number))
    return ledger


@pytest.fixture(scope="module")
def two(template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[], tuple[Ledger, Ledger]]]:
    """Gives two new ledgers; those of before are closed."""
    folder, opened = tmp_path_factory.mktemp("two"), list[Ledger]()
    numbers = itertools.count()

    def make() -> tuple[Ledger, Ledger]:
        while opened:
            opened.pop().close()
        for _ in range(2):
            path = folder / f"{next(numbers)}.db"
            shutil.copyfile(template, path)
            opened.append(of_strategies(Ledger.open(path, "sim", ManualClock(1_000_000))))
        return opened[0], opened[1]

    yield make
    for one in opened:
        one.close()


@st.composite
def stories(draw: st.DrawFn) -> list[Told]:
    """Answers about two orders, in any order and more than once, each with some of the fills."""
    fees = st.sampled_from(["0 USDT", "0.01 USDT", "0.01 BTC", "0.02 BNB", "3 DOGE"])
    quantities = st.sampled_from(["0.1", "0.25", "1"])
    fills = [
        fill(number, draw(st.sampled_from(["BUY", "SELL"])), draw(quantities), draw(st.sampled_from(["90", "110.5"])),
             draw(fees), order_id=draw(st.sampled_from([7, 7, 7, 8])))
        for number in range(draw(st.integers(0, 6)))
    ]  # fmt: skip
    return draw(st.lists(_told(fills), max_size=6))


@st.composite
def _told(draw: st.DrawFn, fills: list[Fill]) -> Told:
    client_id = draw(st.sampled_from(sorted(ORDERS)))
    mine = [one for one in fills if one.order_id == ORDERS[client_id] or draw(st.integers(0, 9)) == 0]
    with_state = st.builds(
        accepted,
        st.just(client_id),
        st.sampled_from(["NEW", "PARTIALLY_FILLED", "FILLED", "CANCELED"]),
        st.sampled_from(["0", "0.35", "2"]),
        order_id=st.just(ORDERS[client_id]),
    )
    rest = st.sampled_from([NotSent("x"), Refused(-1013, "x"), Unknown("read timed out")])
    told = draw(st.lists(st.sampled_from(mine), max_size=4)) if mine else []
    return client_id, draw(st.one_of(with_state, with_state, with_state, rest)), tuple(told)


@settings(max_examples=60, deadline=None)
@given(stories())
def test_all_at_once_is_one_after_the_other(two: Callable[[], tuple[Ledger, Ledger]], told: list[Told]) -> None:
    at_once, stepwise = two()
    for client_id, outcome, fills in told:
        assert at_once.settle(client_id, outcome, fills, IN_USDT) == step_by_step(stepwise, client_id, outcome, fills)
    assert everything(at_once) == everything(stepwise)


def test_an_order_is_settled_on_every_database(ledger: Ledger) -> None:
    of_strategies(ledger)
    fills = [fill(1, quantity="0.4", fee="0.001 BTC"), fill(2, quantity="0.6", fee="0.01 BNB")]
    first = ledger.settle("one", accepted(), fills[:1], IN_USDT)
    assert (first.record.resolved, first.held) == (False, D("0.399"))
    last = ledger.settle("one", accepted(), fills, IN_USDT)
    assert (last.record, last.held) == (ledger.order("one"), D("0.999"))
    assert last.record.resolved
    assert [one.fill for one in last.booked] == fills[1:]
    assert [position.strategy for position in ledger.positions()] == ["strategy 0"]
    assert ledger.expected() == {"BTC": D("0.999"), "USDT": D(-100), "BNB": D("-0.01")}
    assert ledger.settle("one", accepted(), fills, IN_USDT) == replace(last, booked=())


def test_an_order_without_fills_is_settled(ledger: Ledger) -> None:
    of_strategies(ledger)
    told = ledger.settle("one", Refused(-1013, "Filter failure: NOTIONAL"), [], IN_USDT)
    assert told == Settled(ledger.order("one") or told.record, (), D(0))
    assert told.record.outcome == "REFUSED"


def test_fills_of_another_order_are_booked_for_that(ledger: Ledger) -> None:
    of_strategies(ledger)
    ledger.record_outcome("two", accepted("two", order_id=8))
    ledger.settle("one", accepted(), [fill(1, order_id=8)], IN_USDT)
    assert [record.intent.client_id for record in ledger.open_intents()] == ["one"]
    assert [position.strategy for position in ledger.positions()] == ["strategy 1"]


def test_a_trade_of_another_order_between_two_counts_for_that_alone(ledger: Ledger) -> None:
    of_strategies(ledger)
    ledger.settle("two", accepted("two", order_id=8), [fill(2, order_id=8)], IN_USDT)
    told = ledger.settle("one", accepted(), [fill(1, quantity="0.5"), fill(3, quantity="0.5")], IN_USDT)
    assert (told.record.executed, told.record.quote_executed, told.record.resolved) == (1, 100, True)


def test_an_order_that_was_never_intended_settles_nothing(ledger: Ledger) -> None:
    with pytest.raises(UsageError, match="no order one was intended"):
        ledger.settle("one", accepted(), [fill(1)], IN_USDT)
    assert ledger.fills() == []


@pytest.mark.parametrize(
    ("wrong", "error"), [(fill(2, quantity="0"), DataError), (fill(2, symbol="ETHUSDT"), UsageError)]
)
def test_an_outcome_is_noted_though_its_fills_cannot_be(
    fresh: Callable[[], Ledger], wrong: Fill, error: type[ThunesError]
) -> None:
    ledger = of_strategies(fresh())
    with pytest.raises(error):
        ledger.settle("one", accepted(), [fill(1), wrong], IN_USDT)
    record = ledger.order("one")
    assert record is not None
    assert (record.outcome, record.resolved, ledger.fills()) == ("ACCEPTED", False, [])
