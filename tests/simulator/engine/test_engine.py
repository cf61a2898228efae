"""Every order type by hand: the market stands at 100, bids 1 at 99 and 2 at 98, asks 1 at 101 and 2 at 102."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from tests.simulator.engine.venue import Plain, Venue, venue

from thunes.simulator.engine.engine import Which
from thunes.simulator.engine.gate import Gate
from thunes.simulator.engine.rules import Rules
from thunes.simulator.request import Refused

D = Decimal


@pytest.fixture
def exchange() -> Venue:
    return venue()


def refusal(exchange: Venue, *order: Any, **more: Any) -> tuple[int, str]:
    """Code and text of a refused order, which must have changed nothing."""
    before, sums = len(exchange.events), exchange.balance("USDT") + exchange.balance("BTC")
    with pytest.raises(Refused) as caught:
        exchange.place(*order, **more)
    assert len(exchange.events) == before
    assert exchange.balance("USDT") + exchange.balance("BTC") == sums
    return caught.value.code, caught.value.message


def is_whole(exchange: Venue) -> bool:
    return all(book.difference == 0 for book in exchange.engine.conservation().values())


def test_a_market_buy_walks_the_asks(exchange: Venue) -> None:
    order = exchange.place("BUY", "MARKET", "2")
    assert [(fill.price, fill.quantity) for fill in order.fills] == [(D(101), D(1)), (D(102), D(1))]
    assert (order.status, order.executed, order.quote_executed) == ("FILLED", D(2), D(203))
    assert exchange.balance("USDT") == (D(10_000 - 203), 0)
    assert exchange.balance("BTC") == (D(12), 0)
    assert exchange.story(order) == [("NEW", "NEW"), ("TRADE", "PARTIALLY_FILLED"), ("TRADE", "FILLED")]
    assert is_whole(exchange)


def test_a_market_sell_walks_the_bids(exchange: Venue) -> None:
    order = exchange.place("SELL", "MARKET", "1.5")
    assert order.quote_executed == D(99) + D("0.5") * 98
    assert exchange.balance("BTC") == (D("8.5"), 0)


def test_a_market_order_that_finds_too_little_expires_with_what_it_got(exchange: Venue) -> None:
    order = exchange.place("BUY", "MARKET", "5")
    assert (order.status, order.executed, order.expiry_reason) == ("EXPIRED", D(3), "INSUFFICIENT_LIQUIDITY")
    assert exchange.balance("USDT") == (D(10_000 - 101 - 204), 0)


def test_what_was_taken_from_the_market_is_gone_until_its_next_tick(exchange: Venue) -> None:
    exchange.place("BUY", "MARKET", "3")
    assert exchange.place("BUY", "MARKET", "1").executed == 0
    exchange.tick("100")
    assert exchange.place("BUY", "MARKET", "1").executed == 1


def test_a_market_buy_by_quote_spends_at_most_that(exchange: Venue) -> None:
    # 101 for the first, and the 99 left buy 0.970 at 102 (98.94) in steps of 0.001.
    order = exchange.place("BUY", "MARKET", quote_quantity="200")
    assert (order.executed, order.quantity, order.quote_executed) == (D("1.970"), D("1.970"), D("199.940"))
    assert order.status == "FILLED"


def test_a_market_sell_by_quote_takes_in_at_most_that(exchange: Venue) -> None:
    order = exchange.place("SELL", "MARKET", quote_quantity="50")
    assert (order.executed, order.quote_executed) == (D("0.505"), D("49.995"))


def test_a_quote_order_that_empties_the_book_expires(exchange: Venue) -> None:
    order = exchange.place("BUY", "MARKET", quote_quantity="1000")
    assert (order.status, order.executed, order.quote_executed) == ("EXPIRED", D(3), D(305))
    assert order.quantity > order.executed


def test_a_quote_order_is_refused_by_an_empty_book(exchange: Venue) -> None:
    exchange.tick("100", bids=[], asks=[])
    text = "Order book liquidity is less than symbol minimum quantity."
    assert refusal(exchange, "BUY", "MARKET", quote_quantity="100") == (-2010, text)


def test_a_quote_order_below_one_step_is_refused(exchange: Venue) -> None:
    assert refusal(exchange, "BUY", "MARKET", quote_quantity="0.1") == (-2010, "Price * QTY is zero or less.")


def test_a_limit_order_takes_what_crosses_and_rests_with_the_rest(exchange: Venue) -> None:
    order = exchange.place("BUY", "LIMIT", "2", "101")
    assert (order.status, order.executed, order.remaining) == ("PARTIALLY_FILLED", D(1), D(1))
    assert exchange.balance("USDT") == (D(10_000 - 202), D(101))


def test_a_limit_buy_that_trades_better_gets_the_difference_back(exchange: Venue) -> None:
    order = exchange.place("BUY", "LIMIT", "1", "150")
    assert order.quote_executed == 101
    assert exchange.balance("USDT") == (D(9_899), 0)


def test_a_resting_order_waits_for_a_trade_through_its_price(exchange: Venue) -> None:
    order = exchange.place("BUY", "LIMIT", "1", "95")
    exchange.tick("95")
    assert order.status == "NEW"
    exchange.tick("94.99", "0.4")
    assert (order.status, order.executed, order.fills[0].price) == ("PARTIALLY_FILLED", D("0.4"), D(95))
    exchange.tick("94", "5")
    assert (order.status, order.quote_executed, order.fills[1].maker) == ("FILLED", D(95), True)
    assert is_whole(exchange)


def test_a_switch_lets_a_trade_at_the_price_fill() -> None:
    exchange = venue(rules=Rules(fill_at="at"))
    order = exchange.place("SELL", "LIMIT", "1", "105")
    exchange.tick("105")
    assert order.status == "FILLED"


def test_better_prices_fill_first_then_older_orders(exchange: Venue) -> None:
    late = exchange.place("BUY", "LIMIT", "1", "90")
    first, second = (exchange.place("BUY", "LIMIT", "1", "91", account=name) for name in ("bob", "ann"))
    exchange.tick("89", "1.5")
    assert [order.executed for order in (first, second, late)] == [1, D("0.5"), 0]


def test_users_come_before_the_market_at_one_price(exchange: Venue) -> None:
    resting = exchange.place("SELL", "LIMIT", "1", "101", account="bob")
    exchange.place("BUY", "MARKET", "1")
    assert resting.status == "FILLED"
    assert exchange.balance("USDT", "bob") == (D(10_101), 0)


def test_ioc_leaves_nothing_behind(exchange: Venue) -> None:
    order = exchange.place("BUY", "LIMIT", "2", "101", time_in_force="IOC")
    assert (order.status, order.executed, order.expiry_reason) == ("EXPIRED", D(1), "UNFILLED_IOC_QUANTITY_EXPIRED")
    assert exchange.balance("USDT") == (D(9_899), 0)


def test_fok_trades_all_or_nothing(exchange: Venue) -> None:
    order = exchange.place("BUY", "LIMIT", "2", "101", time_in_force="FOK")
    assert (order.status, order.executed, order.expiry_reason) == ("EXPIRED", 0, "UNFILLED_FOK_ORDER_EXPIRED")
    assert exchange.place("BUY", "LIMIT", "2", "102", time_in_force="FOK").status == "FILLED"


def test_a_post_only_order_that_crosses_is_refused(exchange: Venue) -> None:
    text = "Order would immediately match and take."
    assert refusal(exchange, "BUY", "LIMIT_MAKER", "1", "101") == (-2010, text)
    assert exchange.place("BUY", "LIMIT_MAKER", "1", "100.99").status == "NEW"


def test_a_stop_on_the_wrong_side_is_refused(exchange: Venue) -> None:
    text = "Order would trigger immediately."
    for side, kind, stop in (
        ("BUY", "STOP_LOSS", "100"), ("SELL", "STOP_LOSS", "100"), ("BUY", "TAKE_PROFIT", "101"),
        ("SELL", "TAKE_PROFIT", "99"),
    ):  # fmt: skip
        assert refusal(exchange, side, kind, "1", stop_price=stop) == (-2010, text)


@pytest.mark.parametrize(
    ("side", "type", "stop", "spares"),
    [("SELL", "STOP_LOSS", "95", "96"), ("BUY", "STOP_LOSS", "105", "104"), ("SELL", "TAKE_PROFIT", "105", "104"),
     ("BUY", "TAKE_PROFIT", "95", "96")],
)  # fmt: skip
def test_a_stop_sells_or_buys_at_the_market_once_its_price_trades(
    exchange: Venue, side: Any, type: str, stop: str, spares: str
) -> None:
    order = exchange.place(side, type, "1", stop_price=stop)
    assert not exchange.reports(order)[0].working
    exchange.tick(spares)
    assert order.status == "NEW"
    exchange.tick(stop)
    assert order.status == "FILLED"
    assert order.fills[0].price == (D(99) if side == "SELL" else D(101))
    assert exchange.story(order) == [("NEW", "NEW"), ("NEW", "NEW"), ("TRADE", "FILLED")]
    assert is_whole(exchange)


def test_a_stop_limit_rests_at_its_limit_once_triggered(exchange: Venue) -> None:
    order = exchange.place("SELL", "STOP_LOSS_LIMIT", "1", "103", stop_price="95")
    assert exchange.balance("BTC") == (D(9), D(1))
    exchange.tick("95")
    assert (order.status, order.working_ms) == ("NEW", exchange.now)
    exchange.tick("103.01")
    assert (order.status, order.fills[0].price) == ("FILLED", D(103))


def test_a_stop_without_the_money_expires_as_rejected(exchange: Venue) -> None:
    order = exchange.place("BUY", "STOP_LOSS", "80", stop_price="120")
    exchange.tick("120", asks=[("130", "100")])
    assert (order.status, order.expiry_reason, order.executed) == ("EXPIRED", "REJECTED", 0)
    assert exchange.balance("USDT") == (D(10_000), 0)


def test_a_stop_whose_filters_no_longer_pass_expires_as_rejected() -> None:
    class Strict(Gate):
        def check_trigger(self, *_: Any) -> None:
            raise Refused(400, -1013, "Filter failure: NOTIONAL")

    exchange = venue(gate=Strict())
    order = exchange.place("SELL", "STOP_LOSS", "1", stop_price="95")
    exchange.tick("94")
    assert (order.status, order.expiry_reason) == ("EXPIRED", "REJECTED")


def test_the_exchanges_own_scenario_of_a_trailing_stop() -> None:
    # Trailing Stop FAQ, scenario A: BUY, stop price 44,000, 500 bips, limit 45,000; scaled down by 100.
    exchange = venue()
    exchange.tick("400", asks=[("450", "5")])
    order = exchange.place("BUY", "STOP_LOSS_LIMIT", "1", "450", stop_price="440", trailing_delta=500)
    for price in ("370", "440", "460", "420", "440.99"):
        exchange.tick(price)
        assert order.working_ms is None
    exchange.tick("441")
    assert order.status == "FILLED"


def test_a_trailing_stop_without_stop_price_follows_at_once() -> None:
    # Scenario E: SELL, 700 bips from 40,000 on; 42,315 = 45,500 · 0.93.
    exchange = venue()
    exchange.tick("400", bids=[("390", "5")])
    order = exchange.place("SELL", "STOP_LOSS_LIMIT", "1", "390", trailing_delta=700)
    assert order.trailing_ms is not None
    for price in ("420", "395", "455", "423.16"):
        exchange.tick(price)
        assert order.status == "NEW"
    exchange.tick("423.15")
    assert order.status == "FILLED"


def test_the_trades_of_one_stop_trigger_the_next(exchange: Venue) -> None:
    exchange.tick("100", bids=[("99", "1"), ("90", "5")])
    second = exchange.place("SELL", "STOP_LOSS", "1", stop_price="91", account="bob")
    first = exchange.place("SELL", "STOP_LOSS", "2", stop_price="98")
    exchange.tick("98")
    assert [fill.price for fill in first.fills] == [D(99), D(90)]
    assert second.status == "FILLED"


def test_an_order_beyond_the_balance_is_refused(exchange: Venue) -> None:
    text = "Account has insufficient balance for requested action."
    assert refusal(exchange, "BUY", "LIMIT", "101", "100") == (-2010, text)
    assert refusal(exchange, "SELL", "LIMIT", "10.001", "100") == (-2010, text)
    exchange.tick("100", asks=[("101", "1000")])
    assert refusal(exchange, "BUY", "MARKET", "100") == (-2010, text)


def test_locked_money_cannot_be_spent_twice(exchange: Venue) -> None:
    exchange.place("SELL", "LIMIT", "10", "200")
    text = "Account has insufficient balance for requested action."
    assert refusal(exchange, "SELL", "MARKET", "1") == (-2010, text)


def test_commission_is_taken_from_what_comes_in() -> None:
    exchange = venue("0.001")
    bought = exchange.place("BUY", "MARKET", "1")
    assert (bought.fills[0].commission, bought.fills[0].commission_asset) == (D("0.001"), "BTC")
    sold = exchange.place("SELL", "MARKET", "1")
    assert (sold.fills[0].commission, sold.fills[0].commission_asset) == (D("0.099"), "USDT")
    assert exchange.balance("BTC") == (D("9.999"), 0)
    assert exchange.engine.conservation()["BTC"].fees == D("0.001")
    assert is_whole(exchange)


def test_commission_in_bnb_is_discounted_until_it_runs_out() -> None:
    exchange = venue("0.001", pays_in_bnb=True)
    exchange.engine.tick("BNBUSDT", exchange.time(), D(500), D(1))
    exchange.engine.deposit("ann", "BNB", D("0.0002"), exchange.time())
    first = exchange.place("BUY", "MARKET", "1").fills[0]
    assert (first.commission, first.commission_asset) == (D("0.0001515"), "BNB")  # 101 · 0.001 · 0.75 / 500
    second = exchange.place("BUY", "MARKET", "1").fills[0]
    assert (second.commission, second.commission_asset) == (D("0.001"), "BTC")
    assert is_whole(exchange)


def test_commission_in_bnb_needs_no_price_where_bnb_is_the_quote() -> None:
    exchange = venue("0.001", pays_in_bnb=True)
    exchange.engine.set_symbol(Plain("ETHBNB", "ETH", "BNB"))
    exchange.engine.deposit("ann", "BNB", D(10), exchange.time())
    exchange.symbol = "ETHBNB"
    exchange.tick("4", asks=[("4", "1")])
    fill = exchange.place("BUY", "MARKET", "1").fills[0]
    assert (fill.commission, fill.commission_asset) == (D("0.003"), "BNB")  # 4 · 0.001 · 0.75


def test_a_client_id_is_barred_only_while_its_order_is_open(exchange: Venue) -> None:
    exchange.place("BUY", "LIMIT", "1", "90", client_order_id="mine")
    assert refusal(exchange, "BUY", "MARKET", "1", client_order_id="mine") == (-2010, "Duplicate order sent.")
    exchange.engine.cancel("ann", "BTCUSDT", Which(client_order_id="mine"), exchange.time())
    assert exchange.place("BUY", "MARKET", "1", client_order_id="mine").status == "FILLED"
    assert exchange.place("BUY", "MARKET", "1", client_order_id="mine").status == "FILLED"
    assert exchange.place("BUY", "LIMIT", "1", "90", client_order_id="mine", account="bob").status == "NEW"


def test_an_unknown_symbol_is_refused(exchange: Venue) -> None:
    exchange.symbol = "NOPE"
    assert refusal(exchange, "BUY", "MARKET", "1") == (-1121, "Invalid symbol.")


def test_an_order_of_nothing_is_refused(exchange: Venue) -> None:
    assert refusal(exchange, "BUY", "LIMIT", "0", "100") == (-2010, "Price * QTY is zero or less.")


def test_the_gate_is_asked_with_the_accounts_standing() -> None:
    seen = []

    class Watching(Gate):
        def check(self, *asked: Any) -> None:
            standing = asked[-1]
            tally = standing.on_symbol
            seen.append((tally.orders, tally.stops, standing.on_account.icebergs, standing.base, standing.buying))

    exchange = venue(gate=Watching())
    exchange.place("BUY", "LIMIT", "1", "90", iceberg_quantity="0.5")
    exchange.place("SELL", "STOP_LOSS", "1", stop_price="90")
    exchange.place("SELL", "STOP_LOSS", "1", stop_price="90")
    assert seen == [(0, 0, 0, 10, 0), (1, 0, 1, 10, 1), (2, 1, 1, 10, 1)]
    exchange.engine.cancel_all("ann", "BTCUSDT", exchange.time())
    exchange.engine.check("ann", exchange.request("BUY", "MARKET", "1"), exchange.time())
    assert seen[-1] == (0, 0, 0, 10, 0)


def test_the_balances_follow_the_reports_of_a_call(exchange: Venue) -> None:
    before = len(exchange.events)
    exchange.place("BUY", "MARKET", "1")
    told = exchange.events[before:]
    assert [type(event).__name__ for event in told] == ["ExecutionReport", "ExecutionReport", "AccountPosition"]
    assert {asset: (free, locked) for asset, free, locked in told[-1].balances} == {  # type: ignore[union-attr]
        "USDT": (D(9_899), 0), "BTC": (D(11), 0),
    }  # fmt: skip
    assert [event.sequence for event in exchange.events] == list(range(1, len(exchange.events) + 1))


def test_money_comes_and_goes_as_balance_updates(exchange: Venue) -> None:
    exchange.engine.deposit("ann", "USDT", D(-4_000), exchange.time())
    update, position = exchange.events[-2:]
    assert (update.delta, position.balances) == (D(-4_000), (("USDT", D(6_000), D(0)),))  # type: ignore[union-attr]
    with pytest.raises(Refused):
        exchange.engine.deposit("ann", "USDT", D(-6_001), exchange.time())
    assert is_whole(exchange)


def test_the_market_brings_in_what_it_sells(exchange: Venue) -> None:
    exchange.place("BUY", "MARKET", "1")
    market = exchange.engine.account("market")
    assert (market.deposited["BTC"], market.free("USDT")) == (1, 101)
    exchange.place("SELL", "MARKET", "1")
    assert (market.free("BTC"), market.free("USDT")) == (1, 2)


def test_the_same_calls_tell_the_same_story() -> None:
    def run() -> str:
        exchange = venue("0.001", seed=7)
        order = exchange.place("BUY", "LIMIT", "2", "101")
        exchange.place("SELL", "STOP_LOSS", "1", stop_price="95")
        exchange.tick("94")
        exchange.engine.cancel("ann", "BTCUSDT", Which(order.id), exchange.time()) if order.is_open else None
        exchange.engine.cancel_all("ann", "BTCUSDT", exchange.time()) if exchange.engine.open_orders("ann") else None
        return repr(exchange.events)

    assert run() == run()
