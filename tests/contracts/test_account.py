"""The account over HTTP: what it holds, what it pays, what it has traded, what it may still do."""

from __future__ import annotations

from decimal import Decimal

import pytest
from tests.contracts import shapes
from tests.contracts.test_market_data import assert_shape
from tests.contracts.venue import LocalVenue, Venue


def test_an_account_tells_its_balances_and_rates(venue: Venue) -> None:
    account = venue.client.get_account()
    assert_shape(venue, account, shapes.ACCOUNT)
    assert {venue.market.base, venue.market.quote} <= {balance["asset"] for balance in account["balances"]}


def test_an_account_leaves_out_what_it_has_none_of(venue: Venue) -> None:
    account = venue.client.get_account(omitZeroBalances="true")
    assert all(Decimal(held["free"]) + Decimal(held["locked"]) > 0 for held in account["balances"])


def test_the_clients_own_balance_is_the_accounts(venue: Venue) -> None:
    balance = venue.client.get_asset_balance(venue.market.quote)
    assert_shape(venue, balance, shapes.BALANCE)
    assert Decimal(balance["free"]) > 0


def test_a_waiting_order_locks_what_it_may_spend(venue: Venue) -> None:
    before = venue.client.get_asset_balance(venue.market.quote)
    order = venue.client.create_order(**venue.market.resting())
    after = venue.client.get_asset_balance(venue.market.quote)
    needed = Decimal(order["price"]) * Decimal(order["origQty"])
    assert Decimal(after["locked"]) - Decimal(before["locked"]) == needed
    assert Decimal(before["free"]) - Decimal(after["free"]) == needed


def test_a_trade_moves_what_it_says(venue: Venue) -> None:
    market = venue.market
    base, quote = venue.free(market.base), venue.free(market.quote)
    order = venue.client.create_order(**market.market())
    paid = sum(Decimal(fill["commission"]) for fill in order["fills"] if fill["commissionAsset"] == market.base)
    assert venue.free(market.base) == base + Decimal(order["executedQty"]) - paid
    assert venue.free(market.quote) == quote - Decimal(order["cummulativeQuoteQty"])


def test_my_trades_are_the_fills_of_my_orders(venue: Venue) -> None:
    order = venue.client.create_order(**venue.market.market())
    trades = venue.until(lambda: venue.client.get_my_trades(symbol=venue.symbol, orderId=order["orderId"]))
    assert_shape(venue, trades, [shapes.MY_TRADE])
    for trade, fill in zip(trades, order["fills"], strict=True):
        assert trade["id"] == fill["tradeId"]
        assert {name: trade[name] for name in ("price", "qty", "commission", "commissionAsset")} == {
            name: fill[name] for name in ("price", "qty", "commission", "commissionAsset")
        }
        assert (trade["isBuyer"], trade["isMaker"]) == (True, False)
    found = venue.client.get_my_trades(symbol=venue.symbol, fromId=trades[0]["id"])
    assert found[: len(trades)] == trades


def test_the_rates_of_commission_have_three_parts(venue: Venue) -> None:
    told = venue.client._get("account/commission", signed=True, data={"symbol": venue.symbol})
    assert_shape(venue, told, shapes.COMMISSION)


def test_unfilled_orders_are_counted(venue: Venue) -> None:
    venue.client.create_order(**venue.market.resting())
    headers = venue.client.response.headers
    assert int(headers["X-MBX-ORDER-COUNT-10S"]) >= 1
    assert int(headers["X-MBX-ORDER-COUNT-1D"]) >= 1
    counts = venue.client.get_current_order_count()
    assert_shape(venue, counts, [shapes.ORDER_COUNT])
    assert {(count["interval"], count["intervalNum"]) for count in counts} == {("SECOND", 10), ("DAY", 1)}
    assert all(count["count"] <= count["limit"] for count in counts)


def test_my_filters_are_the_symbols_and_the_accounts(venue: Venue) -> None:
    told = venue.client._get("myFilters", signed=True, data={"symbol": venue.symbol})
    assert_shape(venue, told, shapes.MY_FILTERS)
    assert {"PRICE_FILTER", "LOT_SIZE"} <= {one["filterType"] for one in told["symbolFilters"]}
    assert all(one["filterType"].startswith("EXCHANGE_") for one in told["exchangeFilters"])


def test_nothing_was_prevented_and_nothing_allocated(venue: Venue) -> None:
    order = venue.client.create_order(**venue.market.resting())
    assert venue.client.get_prevented_matches(symbol=venue.symbol, orderId=order["orderId"]) == []
    assert venue.client.get_allocations(symbol=venue.symbol, orderId=order["orderId"]) == []


def test_two_own_orders_never_trade_with_each_other(venue: Venue) -> None:
    market = venue.market
    bid, ask = market.best()
    if ask - bid < 2 * market.tick:
        pytest.skip("there is no price between bid and ask")
    inside = market.price("1")
    mine = venue.client.create_order(**market.resting("SELL", price=inside, quantity=market.quantity(inside, "2")))
    taker = market.resting("BUY", price=inside, quantity=market.quantity(inside, "2"))
    venue.client.create_order(**taker, selfTradePreventionMode="EXPIRE_MAKER")
    found = venue.client.get_order(symbol=venue.symbol, orderId=mine["orderId"])
    assert (found["status"], Decimal(found["executedQty"])) == ("EXPIRED_IN_MATCH", 0)
    matches = venue.client.get_prevented_matches(symbol=venue.symbol, orderId=mine["orderId"])
    assert [match["makerOrderId"] for match in matches] == [mine["orderId"]]


@pytest.mark.loopback
def test_nothing_is_lost_whatever_is_traded(local: LocalVenue) -> None:
    for side in ("BUY", "SELL", "BUY"):
        local.client.create_order(**local.market.market(side))
        local.client.create_order(**local.market.resting(side))
        local.pass_time()
    assert {asset: row.difference for asset, row in local.exchange.conservation().items() if row.difference} == {}
