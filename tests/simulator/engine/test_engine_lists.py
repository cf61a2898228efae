"""Order lists by hand: the market stands at 100, 99 / 101."""

from __future__ import annotations

from decimal import Decimal

import pytest
from tests.simulator.engine.test_engine import is_whole
from tests.simulator.engine.test_engine_wishes import refused
from tests.simulator.engine.venue import Venue, venue

from thunes.simulator.engine.engine import Which
from thunes.simulator.engine.events import ListStatus
from thunes.simulator.engine.orders import ListRequest, OrderList
from thunes.simulator.engine.rules import Rules
from thunes.simulator.request import OrderRequest

D = Decimal


@pytest.fixture
def exchange() -> Venue:
    return venue()


def place(exchange: Venue, working: OrderRequest | None, *followers: OrderRequest, name: str = "list") -> OrderList:
    return exchange.engine.place_list("ann", ListRequest("BTCUSDT", name, working, followers), exchange.time())


def bracket(exchange: Venue, quantity: str = "2") -> tuple[OrderRequest, OrderRequest]:
    """Sell at 110, or at the market once 90 trades."""
    return (
        exchange.request("SELL", "LIMIT_MAKER", quantity, "110"),
        exchange.request("SELL", "STOP_LOSS", quantity, stop_price="90"),
    )


def stages(exchange: Venue) -> list[tuple[str, str, str]]:
    return [(e.contingency, e.stage, e.status) for e in exchange.events if isinstance(e, ListStatus)]


def test_a_pair_sets_its_money_aside_once(exchange: Venue) -> None:
    group = place(exchange, None, *bracket(exchange, "10"))
    assert [order.status for order in group.orders] == ["NEW", "NEW"]
    assert exchange.balance("BTC") == (D(0), D(10))
    assert stages(exchange) == [("OCO", "EXEC_STARTED", "EXECUTING")]


def test_a_pair_to_buy_sets_aside_what_its_dearer_order_needs(exchange: Venue) -> None:
    place(
        exchange,
        None,
        exchange.request("BUY", "LIMIT_MAKER", "2", "90"),
        exchange.request("BUY", "STOP_LOSS_LIMIT", "2", "112", stop_price="110"),
    )
    assert exchange.balance("USDT") == (D(10_000 - 224), D(224))
    exchange.tick("89", "0.5")
    assert exchange.balance("USDT") == (D(10_000) - 2 * 90, D("1.5") * 90)
    assert is_whole(exchange)


def test_the_limit_order_of_a_pair_ends_its_stop(exchange: Venue) -> None:
    limit, stop = place(exchange, None, *bracket(exchange)).orders
    exchange.tick("111", "0.5")
    assert (limit.status, stop.status, stop.expiry_reason) == ("PARTIALLY_FILLED", "EXPIRED", "OCO_TRIGGER")
    exchange.tick("111", "9")
    assert limit.status == "FILLED"
    assert stages(exchange)[1:] == [("OCO", "ALL_DONE", "ALL_DONE")]
    assert exchange.balance("BTC") == (D(8), 0)


def test_the_stop_of_a_pair_ends_its_limit_order(exchange: Venue) -> None:
    group = place(exchange, None, *bracket(exchange))
    limit, stop = group.orders
    exchange.tick("90")
    assert (limit.status, limit.expiry_reason, stop.status) == ("EXPIRED", "OCO_TRIGGER", "FILLED")
    assert group.done
    assert is_whole(exchange)


def test_of_two_stops_that_trigger_together_one_works(exchange: Venue) -> None:
    gain = exchange.request("SELL", "TAKE_PROFIT", "1", stop_price="110", trailing_delta=5_000)
    loss = exchange.request("SELL", "STOP_LOSS", "1", stop_price="95")
    first, second = place(exchange, None, gain, loss).orders
    exchange.tick("120")
    exchange.tick("60")  # half of 120, and below 95
    assert (first.status, second.status, second.expiry_reason) == ("FILLED", "EXPIRED", "OCO_TRIGGER")


def test_the_money_of_a_pair_goes_to_the_one_that_trades(exchange: Venue) -> None:
    stop, limit = place(exchange, None, *reversed(bracket(exchange))).orders
    exchange.tick("111", "0.5")
    assert (limit.executed, stop.status) == (D("0.5"), "EXPIRED")
    assert exchange.balance("BTC") == (D(8), D("1.5"))


def test_cancelling_one_of_a_pair_cancels_both(exchange: Venue) -> None:
    limit, stop = place(exchange, None, *bracket(exchange)).orders
    exchange.engine.cancel("ann", "BTCUSDT", Which(stop.id), exchange.time())
    assert [limit.status, stop.status] == ["CANCELED", "CANCELED"]
    assert exchange.balance("BTC") == (D(10), 0)
    assert exchange.engine.standing("ann", "BTCUSDT").on_symbol.lists == 0


def test_a_list_is_cancelled_by_its_own_id(exchange: Venue) -> None:
    group = place(exchange, None, *bracket(exchange), name="mine")
    cancel = exchange.engine.cancel_list
    assert cancel("ann", "BTCUSDT", exchange.time(), client_order_id="mine") is group
    assert group.done
    text = "Unknown order list sent."
    assert refused(lambda: cancel("ann", "BTCUSDT", exchange.time(), list_id=group.id)) == (-2011, text)
    assert exchange.engine.lists("ann") == [group]


def test_cancelling_everything_passes_lists_once(exchange: Venue) -> None:
    place(exchange, None, *bracket(exchange))
    exchange.engine.cancel_all("ann", "BTCUSDT", exchange.time())
    assert exchange.engine.open_orders("ann") == []


def test_amending_one_of_a_pair_amends_both(exchange: Venue) -> None:
    limit, stop = place(exchange, None, *bracket(exchange)).orders
    exchange.engine.amend("ann", "BTCUSDT", Which(stop.id), D(1), exchange.time())
    assert (limit.quantity, stop.quantity) == (1, 1)
    assert exchange.balance("BTC") == (D(9), D(1))
    assert stages(exchange)[-1] == ("OCO", "UPDATED", "EXECUTING")


def test_a_pair_must_enclose_the_market(exchange: Venue) -> None:
    text = "The relationship of the prices for the orders is not correct."
    limit = exchange.request("SELL", "LIMIT_MAKER", "1", "110")
    stop = exchange.request("SELL", "STOP_LOSS", "1", stop_price="105")
    assert refused(lambda: place(exchange, None, limit, stop)) == (-2010, text)
    assert refused(lambda: place(exchange, None, limit, limit))[0] == -2010  # the same client id twice
    other = exchange.request("SELL", "LIMIT_MAKER", "1", "111")
    assert refused(lambda: place(exchange, None, limit, other)) == (-1014, "Unsupported order combination.")
    assert exchange.engine.open_orders("ann") == []


def test_a_list_that_the_balance_does_not_cover_leaves_nothing(exchange: Venue) -> None:
    before = len(exchange.events)
    assert refused(lambda: place(exchange, None, *bracket(exchange, "11")))[0] == -2010
    assert len(exchange.events) == before
    assert exchange.engine.lists("ann") == []


def test_a_follower_waits_for_the_working_order(exchange: Venue) -> None:
    working = exchange.request("BUY", "LIMIT", "2", "95")
    pending = exchange.request("SELL", "LIMIT", "12", "110")  # more than there is before the fill
    group = place(exchange, working, pending)
    first, second = group.orders
    assert (first.status, second.status, exchange.balance("BTC")) == ("NEW", "PENDING_NEW", (D(10), D(0)))
    exchange.tick("94", "1")
    assert second.status == "PENDING_NEW"
    exchange.tick("94", "1")
    assert (first.status, second.status, exchange.balance("BTC")) == ("FILLED", "NEW", (D(0), D(12)))
    assert exchange.story(second) == [("NEW", "PENDING_NEW"), ("NEW", "NEW")]
    exchange.tick("111", "12")
    assert group.done
    assert stages(exchange) == [
        ("OTO", "EXEC_STARTED", "EXECUTING"), ("OTO", "UPDATED", "EXECUTING"), ("OTO", "ALL_DONE", "ALL_DONE")
    ]  # fmt: skip


def test_a_follower_of_an_order_that_fills_at_once_opens_at_once(exchange: Venue) -> None:
    group = place(exchange, exchange.request("BUY", "LIMIT", "1", "101"), *bracket(exchange, "1"))
    assert [order.status for order in group.orders] == ["FILLED", "NEW", "NEW"]
    assert exchange.balance("BTC") == (D(10), D(1))
    exchange.tick("89")
    assert [order.status for order in group.orders] == ["FILLED", "EXPIRED", "FILLED"]
    assert (group.done, is_whole(exchange)) == (True, True)


def test_a_follower_that_is_refused_when_its_turn_comes_expires(exchange: Venue) -> None:
    working = exchange.request("BUY", "LIMIT", "1", "95")
    group = place(exchange, working, exchange.request("SELL", "LIMIT", "12", "110"))
    exchange.tick("94")
    assert (group.orders[1].status, group.orders[1].expiry_reason, group.done) == ("EXPIRED", "REJECTED", True)


def test_followers_end_with_their_working_order(exchange: Venue) -> None:
    expiring = exchange.request("BUY", "LIMIT", "2", "101", time_in_force="IOC")
    group = place(exchange, expiring, *bracket(exchange))
    assert [order.expiry_reason for order in group.orders[1:]] == ["OTO_PHASE_ONE_EXPIRED"] * 2
    resting = exchange.request("BUY", "LIMIT", "2", "95")
    second = place(exchange, resting, exchange.request("SELL", "LIMIT", "1", "110"))
    exchange.engine.cancel("ann", "BTCUSDT", Which(second.orders[1].id), exchange.time())
    assert [order.status for order in second.orders] == ["CANCELED", "CANCELED"]
    assert exchange.balance("USDT") == (D(10_000 - 101), 0)


def test_a_waiting_follower_can_be_amended(exchange: Venue) -> None:
    working = exchange.request("BUY", "LIMIT", "1", "95")
    group = place(exchange, working, exchange.request("BUY", "LIMIT", "5", "90"))
    exchange.engine.amend("ann", "BTCUSDT", Which(group.orders[1].id), D(3), exchange.time())
    assert (group.orders[1].quantity, exchange.balance("USDT")[1]) == (3, 95)
    exchange.tick("94")
    assert exchange.balance("USDT")[1] == 270


def test_self_trade_prevention_of_one_of_a_pair_ends_the_other(exchange: Venue) -> None:
    limit, stop = place(exchange, None, *bracket(exchange)).orders
    exchange.tick("109", asks=[("120", "1")])
    exchange.place("BUY", "LIMIT", "1", "111")
    assert (limit.status, stop.status, stop.expiry_reason) == ("EXPIRED_IN_MATCH", "EXPIRED", "EXCHANGE_CANCELED")
    assert exchange.balance("BTC") == (D(10), 0)


def test_a_pair_that_prevention_makes_smaller_gives_money_back(exchange: Venue) -> None:
    limit, stop = place(exchange, None, *bracket(exchange)).orders
    exchange.tick("109", asks=[("120", "1")])
    exchange.place("BUY", "LIMIT", "1", "111", self_trade_prevention="DECREMENT")
    assert (limit.remaining, stop.remaining, exchange.balance("BTC")) == (1, 2, (D(8), D(2)))


def test_a_finished_list_is_forgotten_with_its_orders() -> None:
    exchange = venue(rules=Rules(keep=1))
    group = place(exchange, None, *bracket(exchange))
    exchange.engine.cancel_all("ann", "BTCUSDT", exchange.time())
    assert exchange.engine.lists("ann") == [group]
    exchange.place("BUY", "MARKET", "1")
    assert exchange.engine.lists("ann") == []
    text = "Unknown order list sent."
    gone = exchange.engine.cancel_list
    assert refused(lambda: gone("ann", "BTCUSDT", exchange.time(), list_id=group.id)) == (-2011, text)
