"""What an account is told of itself: balances, past orders and trades, rates, counts, filters."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from tests.simulator.api.trader import ROUTES, Trader, market, trader

from thunes.simulator.api.limits import Limiter
from thunes.simulator.symbols.exchange_info import built_in
from thunes.simulator.symbols.symbol import AccountLimits

__all__ = ["market"]
D = Decimal
SYMBOL = {"symbol": "BTCUSDT"}
COMBINATION = (-1128, "Combination of optional parameters invalid.")
TOO_LONG = (-1127, "More than 24 hours between startTime and endTime.")


def bought(market: Trader, times: int = 1, **sent: str) -> list[Any]:
    """Market orders a second apart."""
    made = []
    for _ in range(times):
        made.append(market.ask("POST order", **SYMBOL, side="BUY", type="MARKET", quantity="0.01", **sent))
        market.exchange.advance_to(market.exchange.now_ms + 1_000)
    return made


def ids(market: Trader, name: str, key: str, **sent: str) -> list[int]:
    return [row[key] for row in market.ask(name, **SYMBOL, **sent)]


# The account


def test_balances_are_told_of_every_asset_or_of_those_held(market: Trader) -> None:
    market.order()
    told = market.ask("GET account")
    assets = {row["asset"]: row for row in told["balances"]}
    assert {"BNB", "BTC", "SOL", "USDT"} <= set(assets)
    locked = D(market.at("0.9")) * D("0.01")
    assert D(assets["USDT"]["locked"]) == locked
    assert D(assets["USDT"]["free"]) == 100_000 - locked
    held = market.ask("GET account", omitZeroBalances="true")
    assert {row["asset"] for row in held["balances"]} == {"BTC", "USDT"}
    assert held["permissions"] == ["SPOT"]
    assert market.ask("GET account", "bob")["uid"] != told["uid"] == held["uid"]
    assert market.code("GET account", omitZeroBalances="1")[0] == -1130


def test_commission_is_the_accounts_own() -> None:
    market = trader(maker_rate=D("0.0005"), taker_rate=D("0.0007"), pays_in_bnb=True)
    told = market.ask("GET account/commission", **SYMBOL)
    assert (told["standardCommission"]["maker"], told["standardCommission"]["taker"]) == ("0.00050000", "0.00070000")
    assert told["discount"]["enabledForAccount"] is True
    assert market.code("GET account/commission", symbol="NOPE") == (-1121, "Invalid symbol.")


def test_order_counts_are_those_of_the_limiter(market: Trader) -> None:
    assert [(row["intervalNum"], row["count"]) for row in market.ask("GET rateLimit/order")] == [(10, 0), (1, 0)]
    counting = trader(Limiter(built_in().rate_limits))
    assert counting.limiter is not None
    counting.limiter.count_order("ann", counting.exchange.clock.now_ms(), 3)
    assert [row["count"] for row in counting.ask("GET rateLimit/order")][1] == 3
    assert [row["count"] for row in counting.ask("GET rateLimit/order", "bob")] == [0, 0]


def test_filters_are_the_symbols_and_the_accounts() -> None:
    market = trader(limits=AccountLimits(exchange_max_num_orders=1_000, max_asset={"BTC": D(3), "SOL": D(5)}))
    told = market.ask("GET myFilters", **SYMBOL)
    assert told["exchangeFilters"] == [{"filterType": "EXCHANGE_MAX_NUM_ORDERS", "maxNumOrders": 1_000}]
    assert told["assetFilters"] == [{"filterType": "MAX_ASSET", "asset": "BTC", "limit": "3.00000000"}]
    assert "LOT_SIZE" in {row["filterType"] for row in told["symbolFilters"]}
    assert market.ask("GET myFilters", "bob", **SYMBOL)["exchangeFilters"] == []


# Orders


def test_past_orders_by_id_time_and_number(market: Trader) -> None:
    begin = market.exchange.now_ms
    bought(market, 4)
    market.order("bob")
    second = str(begin + 1_000)
    assert ids(market, "GET allOrders", "orderId") == [1, 2, 3, 4]
    assert ids(market, "GET allOrders", "orderId", limit="2") == [3, 4]
    assert ids(market, "GET allOrders", "orderId", orderId="2") == [2, 3, 4]
    assert ids(market, "GET allOrders", "orderId", orderId="2", limit="2") == [2, 3]
    assert ids(market, "GET allOrders", "orderId", startTime=second, limit="2") == [2, 3]
    assert ids(market, "GET allOrders", "orderId", endTime=second) == [1, 2]
    assert ids(market, "GET allOrders", "orderId", startTime=second, endTime=second) == [2]
    assert ids(market, "GET allOrders", "orderId", startTime=second, endTime=str(begin)) == []
    assert ids(market, "GET allOrders", "orderId", startTime=f"{second}000", orderId="3") == [3, 4]
    assert market.code("GET allOrders", **SYMBOL, startTime="0", endTime="86400001") == TOO_LONG
    assert market.ask("GET allOrders", **SYMBOL, startTime="0", endTime="86400000") == []
    assert market.code("GET allOrders", **SYMBOL, limit="0")[0] == -1130
    assert market.code("GET allOrders")[0] == -1102


def test_a_page_of_orders_has_a_thousand_at_most(market: Trader) -> None:
    for _ in range(1_002):
        market.ask("POST order", **SYMBOL, side="BUY", type="MARKET", quantity="0.0003", newOrderRespType="ACK")
    assert len(market.ask("GET allOrders", **SYMBOL)) == len(market.ask("GET myTrades", **SYMBOL)) == 500
    assert ids(market, "GET allOrders", "orderId", limit="9999")[::999] == [3, 1_002]
    assert len(market.ask("GET myTrades", **SYMBOL, limit="1001")) == 1_000


# Trades


def test_trades_in_every_documented_way(market: Trader) -> None:
    begin = market.exchange.now_ms
    answers = bought(market, 3)
    told = market.ask("GET myTrades", **SYMBOL)
    fills = [(answer["orderId"], fill["tradeId"]) for answer in answers for fill in answer["fills"]]
    assert [(row["orderId"], row["id"]) for row in told] == fills
    assert sum(D(row["qty"]) for row in told) == D("0.03")
    last, second = told[-1]["id"], str(begin + 1_000)
    assert ids(market, "GET myTrades", "orderId", limit="1") == [3]
    assert set(ids(market, "GET myTrades", "orderId", orderId="2")) == {2}
    assert ids(market, "GET myTrades", "id", fromId=str(last)) == [last]
    assert ids(market, "GET myTrades", "id", fromId="1", limit="1") == [told[0]["id"]]
    assert ids(market, "GET myTrades", "id", orderId="3", fromId=str(last + 1)) == []
    assert set(ids(market, "GET myTrades", "orderId", startTime=second)) == {2, 3}
    assert set(ids(market, "GET myTrades", "orderId", endTime=second)) == {1, 2}
    assert set(ids(market, "GET myTrades", "orderId", startTime=second, endTime=second)) == {2}
    assert market.ask("GET myTrades", "bob", **SYMBOL) == []
    assert market.code("GET myTrades", **SYMBOL, startTime="0", endTime="86400001") == TOO_LONG
    weigh = ROUTES["GET myTrades"].weigh
    assert (weigh({}), weigh({"orderId": "1"})) == (20, 5)


@pytest.mark.parametrize(
    "sent",
    [
        {"orderId": "1", "startTime": "1"},
        {"fromId": "1", "endTime": "1"},
        {"orderId": "1", "fromId": "1", "startTime": "1"},
        {"fromId": "1", "startTime": "1", "endTime": "1"},
    ],
)
def test_trades_in_no_other_way(market: Trader, sent: dict[str, str]) -> None:
    assert market.code("GET myTrades", **SYMBOL, **sent) == COMBINATION
    named = {"fromAllocationId" if name == "fromId" else name: value for name, value in sent.items()}
    assert market.code("GET myAllocations", **SYMBOL, **named) == COMBINATION


# Smart order routing


def test_no_symbol_has_smart_order_routing(market: Trader) -> None:
    order = {**SYMBOL, "side": "BUY", "type": "MARKET", "quantity": "0.01"}
    for name in ("POST sor/order", "POST sor/order/test"):
        assert market.code(name, **order) == (-1013, "This symbol has no SOR.")
        assert market.code(name, **order, price="1")[0] == -1106
    assert market.code("POST sor/order", **order, computeCommissionRates="true")[0] == -1104
    assert market.ask("GET myAllocations", **SYMBOL, orderId="1", fromAllocationId="0", limit="5") == []
    assert market.code("GET myAllocations", **SYMBOL, startTime="0", endTime="86400001") == TOO_LONG
