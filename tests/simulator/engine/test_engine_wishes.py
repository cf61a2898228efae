"""Cancelling, replacing, amending, self-trades, questions: the market stands at 100, 99 / 101."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from tests.simulator.engine.test_engine import is_whole
from tests.simulator.engine.venue import Plain, Venue, venue

from thunes.simulator.engine.engine import Which
from thunes.simulator.engine.gate import Gate
from thunes.simulator.engine.orders import Order
from thunes.simulator.engine.rules import Rules
from thunes.simulator.request import Refused

D = Decimal


@pytest.fixture
def exchange() -> Venue:
    return venue()


def refused(call: Callable[[], object]) -> tuple[int, str]:
    with pytest.raises(Refused) as caught:
        call()
    return caught.value.code, caught.value.message


def cancel(exchange: Venue, which: Which, **more: Any) -> Order:
    return exchange.engine.cancel("ann", "BTCUSDT", which, exchange.time(), **more)


# Cancelling


def test_a_cancel_gives_back_the_money_and_renames_the_order(exchange: Venue) -> None:
    order = exchange.place("BUY", "LIMIT", "1", "90", client_order_id="mine")
    assert cancel(exchange, Which(order.id), new_client_order_id="gone") is order
    report = exchange.reports(order)[-1]
    assert (report.execution, report.status) == ("CANCELED", "CANCELED")
    assert (report.client_order_id, report.original_client_order_id) == ("gone", "mine")
    assert exchange.balance("USDT") == (D(10_000), 0)
    assert exchange.engine.order("ann", "BTCUSDT", Which(client_order_id="gone")) is order
    asked = Which(client_order_id="mine")
    assert refused(lambda: exchange.engine.order("ann", "BTCUSDT", asked)) == (-2013, "Order does not exist.")


def test_a_switch_lets_the_old_id_answer() -> None:
    exchange = venue(rules=Rules(cancelled_id_answers=True))
    order = exchange.place("BUY", "LIMIT", "1", "90", client_order_id="mine")
    cancel(exchange, Which(order.id))
    assert exchange.engine.order("ann", "BTCUSDT", Which(client_order_id="mine")) is order


def test_a_client_id_used_again_means_the_order_before_where_a_cancel_has_taken_it_away(exchange: Venue) -> None:
    asked = Which(client_order_id="grid")
    first, second = (exchange.place("BUY", "MARKET", "0.1", client_order_id="grid") for _ in range(2))
    third = exchange.place("BUY", "LIMIT", "1", "90", client_order_id="grid")
    assert exchange.engine.order("ann", "BTCUSDT", asked) is third
    cancel(exchange, asked)
    assert exchange.engine.order("ann", "BTCUSDT", asked) is second
    assert refused(lambda: cancel(exchange, asked)) == (-2011, "Unknown order sent.")
    assert exchange.engine.order("ann", "BTCUSDT", Which(first.id)) is first


def test_namesakes_are_forgotten_with_the_rest() -> None:
    exchange = venue(rules=Rules(keep=2))
    orders = [exchange.place("BUY", "MARKET", "0.1", client_order_id="grid") for _ in range(5)]
    resting = exchange.place("BUY", "LIMIT", "1", "90", client_order_id="grid")
    asked = Which(client_order_id="grid")
    assert exchange.engine.order("ann", "BTCUSDT", asked) is resting
    cancel(exchange, asked)  # of those before it one is remembered beside it
    assert exchange.engine.order("ann", "BTCUSDT", asked) is orders[-1]
    for _ in range(2):
        exchange.place("BUY", "MARKET", "0.1")
    assert refused(lambda: exchange.engine.order("ann", "BTCUSDT", asked)) == (-2013, "Order does not exist.")


def test_what_is_not_open_cannot_be_cancelled(exchange: Venue) -> None:
    done = exchange.place("BUY", "MARKET", "1")
    other = exchange.place("BUY", "LIMIT", "1", "90", account="bob")
    for which in (Which(done.id), Which(99), Which(client_order_id="no"), Which(other.id)):
        assert refused(lambda which=which: cancel(exchange, which)) == (-2011, "Unknown order sent.")  # type: ignore[misc]


def test_two_ids_must_name_one_order(exchange: Venue) -> None:
    order = exchange.place("BUY", "LIMIT", "1", "90", client_order_id="mine")
    assert refused(lambda: cancel(exchange, Which(order.id, "yours")))[0] == -2039
    assert cancel(exchange, Which(order.id, "mine")).status == "CANCELED"


def test_a_cancel_can_be_restricted_to_a_status(exchange: Venue) -> None:
    order = exchange.place("BUY", "LIMIT", "2", "101")
    text = "Order was not canceled due to cancel restrictions."
    assert refused(lambda: cancel(exchange, Which(order.id), restriction="ONLY_NEW")) == (-2011, text)
    assert cancel(exchange, Which(order.id), restriction="ONLY_PARTIALLY_FILLED").executed == 1


def test_all_orders_of_a_symbol_are_cancelled_at_once(exchange: Venue) -> None:
    mine = [exchange.place("BUY", "LIMIT", "1", price) for price in ("90", "91")]
    theirs = exchange.place("BUY", "LIMIT", "1", "90", account="bob")
    assert exchange.engine.cancel_all("ann", "BTCUSDT", exchange.time()) == mine
    assert (exchange.engine.open_orders("ann"), exchange.engine.open_orders("bob")) == ([], [theirs])
    text = "Unknown order sent."
    assert refused(lambda: exchange.engine.cancel_all("ann", "BTCUSDT", exchange.time())) == (-2011, text)


# Replacing


def test_a_replacement_uses_the_money_of_the_old_order(exchange: Venue) -> None:
    old = exchange.place("BUY", "LIMIT", "100", "100")
    request = exchange.request("BUY", "LIMIT", "99", "100.5")
    done = exchange.engine.cancel_replace("ann", request, Which(old.id), exchange.time())
    assert (old.status, done.cancelled, done.error) == ("CANCELED", old, None)
    assert isinstance(done.placed, Order)
    assert exchange.balance("USDT") == (D(10_000) - D("9949.5"), D("9949.5"))


def test_a_replacement_stops_when_the_cancel_fails(exchange: Venue) -> None:
    request = exchange.request("BUY", "LIMIT", "1", "90")
    done = exchange.engine.cancel_replace("ann", request, Which(77), exchange.time())
    assert done.placed is None
    assert done.error is not None
    assert (done.error.status, done.error.code) == (400, -2022)
    assert exchange.engine.open_orders("ann") == []


def test_a_replacement_may_go_on_when_the_cancel_fails(exchange: Venue) -> None:
    request = exchange.request("BUY", "LIMIT", "1", "90")
    done = exchange.engine.cancel_replace("ann", request, Which(77), exchange.time(), mode="ALLOW_FAILURE")
    assert isinstance(done.cancelled, Refused)
    assert done.error is not None
    assert (done.error.status, done.error.code) == (409, -2021)
    assert exchange.engine.open_orders("ann") == [done.placed]


def test_a_replacement_that_is_refused_is_reported_as_rejected(exchange: Venue) -> None:
    old = exchange.place("BUY", "LIMIT", "1", "90")
    request = exchange.request("BUY", "LIMIT_MAKER", "1", "101")
    done = exchange.engine.cancel_replace("ann", request, Which(old.id), exchange.time())
    assert isinstance(done.placed, Refused)
    assert done.placed.message == "Order would immediately match and take."
    assert done.error is not None
    assert (done.error.status, done.error.code, old.status) == (409, -2021, "CANCELED")
    rejected = [event for event in exchange.events if getattr(event, "execution", "") == "REJECTED"]
    assert [(event.status, event.reject_reason) for event in rejected] == [("REJECTED", done.placed.message)]  # type: ignore[union-attr]


def test_a_replacement_that_the_gate_refuses_leaves_the_old_order() -> None:
    class Shut(Gate):
        open = True

        def check(self, *_: Any) -> None:
            if not self.open:
                raise Refused(400, -1013, "Filter failure: LOT_SIZE")

    gate = Shut()
    exchange = venue(gate=gate)
    old = exchange.place("BUY", "LIMIT", "1", "90")
    gate.open = False
    request = exchange.request("BUY", "LIMIT", "1", "91")
    code, _ = refused(lambda: exchange.engine.cancel_replace("ann", request, Which(old.id), exchange.time()))
    assert (code, old.status) == (-1013, "NEW")


# Amending


def test_an_amended_order_keeps_its_place(exchange: Venue) -> None:
    first = exchange.place("BUY", "LIMIT", "3", "90", client_order_id="mine")
    second = exchange.place("BUY", "LIMIT", "1", "90", account="bob")
    exchange.engine.amend("ann", "BTCUSDT", Which(first.id), D(2), exchange.time())
    assert exchange.balance("USDT") == (D(10_000 - 180), D(180))
    report = exchange.reports(first)[-1]
    assert (report.execution, report.quantity, report.original_client_order_id) == ("REPLACED", D(2), "mine")
    assert first.client_order_id != "mine"
    exchange.tick("89", "2")
    assert (first.status, second.executed) == ("FILLED", 0)


def test_an_amended_order_can_keep_its_id(exchange: Venue) -> None:
    order = exchange.place("BUY", "LIMIT", "3", "90", client_order_id="mine")
    which = Which(client_order_id="mine")
    exchange.engine.amend("ann", "BTCUSDT", which, D(2), exchange.time(), new_client_order_id="mine")
    assert exchange.engine.order("ann", "BTCUSDT", which) is order


def test_an_order_cannot_grow(exchange: Venue) -> None:
    order = exchange.place("BUY", "LIMIT", "3", "90")
    text = "Order amend (quantity increase) is not supported."
    amend = exchange.engine.amend
    assert refused(lambda: amend("ann", "BTCUSDT", Which(order.id), D(4), exchange.time())) == (-2038, text)
    cancel(exchange, Which(order.id))
    assert refused(lambda: amend("ann", "BTCUSDT", Which(order.id), D(1), exchange.time()))[0] == -2013


def test_an_order_amended_to_what_it_has_traded_expires(exchange: Venue) -> None:
    order = exchange.place("BUY", "LIMIT", "3", "101")
    exchange.engine.amend("ann", "BTCUSDT", Which(order.id), D("0.5"), exchange.time())
    assert (order.status, order.executed, order.quantity) == ("EXPIRED", 1, 1)
    assert exchange.balance("USDT") == (D(9_899), 0)


# Self-trades: a resting SELL of 1 at 100.5 meets a BUY of 3 at 101; the market offers 1 at 101.


@pytest.mark.parametrize(
    ("mode", "maker", "taker"),
    [
        ("EXPIRE_MAKER", ("EXPIRED_IN_MATCH", D(0), D(1)), ("PARTIALLY_FILLED", D(1), D(0))),
        ("EXPIRE_TAKER", ("NEW", D(0), D(0)), ("EXPIRED_IN_MATCH", D(0), D(3))),
        ("EXPIRE_BOTH", ("EXPIRED_IN_MATCH", D(0), D(1)), ("EXPIRED_IN_MATCH", D(0), D(3))),
        ("DECREMENT", ("EXPIRED_IN_MATCH", D(0), D(1)), ("PARTIALLY_FILLED", D(1), D(1))),
        ("TRANSFER", ("EXPIRED_IN_MATCH", D(0), D(1)), ("PARTIALLY_FILLED", D(1), D(1))),
        ("NONE", ("FILLED", D(1), D(0)), ("PARTIALLY_FILLED", D(2), D(0))),
    ],
)
def test_a_self_trade_is_prevented_as_the_taker_asked(exchange: Venue, mode: str, maker: Any, taker: Any) -> None:
    resting = exchange.place("SELL", "LIMIT", "1", "100.5", self_trade_prevention="NONE")
    order = exchange.place("BUY", "LIMIT", "3", "101", self_trade_prevention=mode)
    assert (resting.status, resting.executed, resting.prevented) == maker
    assert (order.status, order.executed, order.prevented) == taker
    assert exchange.balance("USDT")[1] == (order.remaining * 101 if order.is_open else 0)
    assert exchange.balance("BTC")[1] == (1 if resting.is_open else 0)
    assert is_whole(exchange)
    if mode != "NONE":
        (match,) = order.prevented_matches
        assert resting.prevented_matches == [match]
        assert (match.price, match.taker_order_id, match.maker_order_id) == (D("100.5"), order.id, resting.id)


def test_the_default_prevention_is_the_symbols(exchange: Venue) -> None:
    resting = exchange.place("SELL", "LIMIT", "1", "100.5")
    order = exchange.place("BUY", "LIMIT", "1", "100.5")
    assert (resting.status, order.status) == ("EXPIRED_IN_MATCH", "NEW")
    report = exchange.reports(resting)[-1]
    assert (report.execution, report.last_prevented, report.prevented) == ("TRADE_PREVENTION", D(1), D(1))
    assert (report.counter_order_id, report.prevented_match_id) == (order.id, 1)


def test_an_order_that_prevention_shrank_is_not_called_filled(exchange: Venue) -> None:
    exchange.place("SELL", "LIMIT", "1", "100.5")
    order = exchange.place("BUY", "LIMIT", "2", "101", self_trade_prevention="DECREMENT")
    assert (order.status, order.executed, order.prevented) == ("EXPIRED_IN_MATCH", 1, 1)


def test_a_quote_order_does_not_count_on_its_own_offers(exchange: Venue) -> None:
    exchange.place("SELL", "LIMIT", "1", "100.5")
    order = exchange.place("BUY", "MARKET", quote_quantity="101")
    assert (order.executed, order.quote_executed, order.status) == (1, 101, "FILLED")


# Questions


def test_orders_and_trades_can_be_asked_for(exchange: Venue) -> None:
    resting = exchange.place("BUY", "LIMIT", "1", "90")
    done = exchange.place("BUY", "MARKET", "2")
    exchange.place("BUY", "MARKET", "1", account="bob")
    assert exchange.engine.open_orders("ann", "BTCUSDT") == [resting]
    assert exchange.engine.open_orders("ann") == [resting]
    assert exchange.engine.all_orders("ann", "BTCUSDT") == [resting, done]
    assert exchange.engine.fills("ann", "BTCUSDT") == done.fills
    assert exchange.engine.order("ann", "BTCUSDT", Which(done.id)) is done
    assert exchange.engine.last_price("BTCUSDT") == 102
    assert exchange.engine.standing("ann", "BTCUSDT").buying == 1


def test_only_the_last_finished_orders_are_remembered() -> None:
    exchange = venue(rules=Rules(keep=2))
    orders = [exchange.place("BUY", "MARKET", "0.1") for _ in range(3)]
    resting = exchange.place("BUY", "LIMIT", "1", "90")
    assert exchange.engine.all_orders("ann", "BTCUSDT") == [*orders[1:], resting]
    assert [fill.order_id for fill in exchange.engine.fills("ann", "BTCUSDT")] == [order.id for order in orders[1:]]


def test_a_symbol_can_be_listed_and_changed(exchange: Venue) -> None:
    exchange.engine.set_symbol(Plain("ETHUSDT", "ETH", "USDT"))
    exchange.symbol = "ETHUSDT"
    exchange.tick("10", asks=[("11", "5")])
    assert exchange.place("BUY", "MARKET", "1").status == "FILLED"
    exchange.engine.set_symbol(Plain("ETHUSDT", "ETH", "USDT", step=D(1)))
    assert exchange.place("BUY", "MARKET", quote_quantity="32").executed == 2
