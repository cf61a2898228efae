"""Orders made smaller, and trades of an account with itself that were prevented."""

from __future__ import annotations

from decimal import Decimal

import pytest
from tests.simulator.api.trader import ROUTES, Trader, market, trader

from thunes.simulator.api.limits import Limiter
from thunes.simulator.symbols.exchange_info import built_in

__all__ = ["market"]
SYMBOL = {"symbol": "BTCUSDT"}
AMEND, HISTORY, PREVENTED = "PUT order/amend/keepPriority", "GET order/amendments", "GET myPreventedMatches"
COMBINATION = (-1128, "Combination of optional parameters invalid.")


def test_an_order_becomes_smaller_and_its_past_is_told(market: Trader) -> None:
    market.order(newClientOrderId="first")
    answer = market.ask(AMEND, **SYMBOL, orderId="1", newQty="0.008", newClientOrderId="second")
    amended = answer["amendedOrder"]
    assert (amended["origClientOrderId"], amended["clientOrderId"]) == ("first", "second")
    assert (amended["qty"], amended["status"]) == ("0.00800000", "NEW")
    again = market.ask(AMEND, **SYMBOL, origClientOrderId="second", newQty="0.005")
    rows = market.ask(HISTORY, **SYMBOL, orderId="1")
    assert [(row["origQty"], row["newQty"]) for row in rows] == [
        ("0.01000000", "0.00800000"),
        ("0.00800000", "0.00500000"),
    ]
    assert [row["executionId"] for row in rows] == [answer["executionId"], again["executionId"]]
    assert rows[1]["newClientOrderId"] == again["amendedOrder"]["clientOrderId"] != "second"
    later = market.ask(HISTORY, **SYMBOL, orderId="1", fromExecutionId=str(again["executionId"]))
    assert later == rows[1:]
    assert market.ask(HISTORY, **SYMBOL, orderId="1", limit="1") == rows[:1]


def test_an_order_keeps_its_name_when_that_is_sent(market: Trader) -> None:
    market.order(newClientOrderId="mine")
    answer = market.ask(AMEND, **SYMBOL, orderId="1", newQty="0.008", newClientOrderId="mine")
    assert answer["amendedOrder"]["clientOrderId"] == "mine"


@pytest.mark.parametrize(
    ("sent", "told"),
    [
        ({"newQty": "0.01"}, (-1102, "Param 'origClientOrderId' or 'orderId' must be sent")),
        ({"orderId": "1"}, (-1102, "Mandatory parameter 'newQty' was not sent")),
        ({"orderId": "9", "newQty": "0.005"}, (-2013, "Order does not exist.")),
        ({"orderId": "1", "newQty": "0.0000000001"}, (-1111, "Parameter 'newQty' has too much precision.")),
        ({"orderId": "1", "newQty": "-1"}, (-1100, "Illegal characters found in parameter 'newQty';")),
        ({"orderId": "1", "newQty": "0"}, (-1013, "Filter failure: LOT_SIZE")),
        ({"orderId": "1", "newQty": "0.01"}, (-2038, "The requested action would change no state; rejecting.")),
        ({"orderId": "1", "newQty": "0.02"}, (-2038, "Order amend (quantity increase) is not supported.")),
        ({"orderId": "1", "newQty": "0.0001"}, (-1013, "Filter failure: NOTIONAL")),
        ({"orderId": "1", "newQty": "0.005", "newClientOrderId": "taken"}, (-2038, "Duplicate order sent.")),
    ],
)
def test_an_amendment_that_is_refused_changes_nothing(
    market: Trader, sent: dict[str, str], told: tuple[int, str]
) -> None:
    market.order(newClientOrderId="mine")
    market.order(newClientOrderId="taken")
    heard = len(market.exchange.report_listeners)
    code, message = market.code(AMEND, **SYMBOL, **sent)
    assert (code, message[: len(told[1])]) == told
    assert market.ask("GET order", **SYMBOL, orderId="1")["origQty"] == "0.01000000"
    assert market.ask(HISTORY, **SYMBOL, orderId="1") == []
    assert len(market.exchange.report_listeners) == heard


def inside(market: Trader) -> str:
    """A price between the best bid and the best ask."""
    market.exchange.turn("BTCUSDT")
    bids, asks = market.exchange.engine.depth("BTCUSDT", 1)
    price = asks[0][0] - Decimal("0.01")
    assert price > bids[0][0]
    return str(price)


def test_an_order_that_has_traded_as_much_already_ends_and_its_amendment_is_free() -> None:
    limiter = Limiter(built_in().rate_limits)
    market = trader(limiter)
    price, now = inside(market), market.exchange.clock.now_ms()
    market.order(side="SELL", price=price, quantity="0.02")
    market.order("bob", price=price, quantity="0.01")
    limiter.charge("127.0.0.1", 10, now)
    answer = market.ask(AMEND, **SYMBOL, orderId="1", newQty="0.015")["amendedOrder"]
    assert (answer["status"], answer["executedQty"]) == ("PARTIALLY_FILLED", "0.01000000")
    assert limiter.usage("127.0.0.1", None, now)[0]["count"] == 10
    answer = market.ask(AMEND, **SYMBOL, orderId="1", newQty="0.01")["amendedOrder"]
    assert (answer["status"], answer["qty"]) == ("EXPIRED", "0.01000000")
    assert limiter.usage("127.0.0.1", None, now)[0]["count"] == 6
    assert market.is_whole()


def test_both_orders_of_a_pair_are_amended(market: Trader) -> None:
    pair = {"aboveType": "LIMIT_MAKER", "abovePrice": market.at("1.1"), "belowType": "STOP_LOSS"}
    market.ask("POST orderList/oco", **SYMBOL, side="SELL", quantity="0.02", **pair, belowStopPrice=market.at("0.9"))
    answer = market.ask(AMEND, **SYMBOL, orderId="2", newQty="0.01")
    assert answer["listStatus"]["listOrderStatus"] == "EXECUTING"
    for order_id in ("1", "2"):
        rows = market.ask(HISTORY, **SYMBOL, orderId=order_id)
        assert [(row["origQty"], row["newQty"]) for row in rows] == [("0.02000000", "0.01000000")]


def test_the_past_of_an_unknown_order_is_refused(market: Trader) -> None:
    assert market.code(HISTORY, **SYMBOL, orderId="1") == (-2013, "Order does not exist.")
    assert market.code(HISTORY, **SYMBOL)[0] == -1102


# Self-trade prevention


def crossed(market: Trader) -> None:
    """An order of ann's inside the spread, and one of hers that would have met it."""
    price = inside(market)
    market.order(side="SELL", price=price)
    market.order(price=price, selfTradePreventionMode="EXPIRE_TAKER")


def test_a_trade_with_oneself_is_prevented_and_told(market: Trader) -> None:
    crossed(market)
    crossed(market)
    row, *_ = market.ask(PREVENTED, **SYMBOL, orderId="2")
    assert (row["takerOrderId"], row["makerOrderId"], row["selfTradePreventionMode"]) == (2, 1, "EXPIRE_TAKER")
    assert market.ask(PREVENTED, **SYMBOL, preventedMatchId="1") == [row]
    assert market.ask(PREVENTED, **SYMBOL, orderId="1", fromPreventedMatchId="1", limit="1") == [row]
    assert [one["preventedMatchId"] for one in market.ask(PREVENTED, **SYMBOL, orderId="4")] == [2]
    assert market.ask(PREVENTED, **SYMBOL, orderId="2", fromPreventedMatchId="2") == []
    assert market.ask(PREVENTED, "bob", **SYMBOL, orderId="2") == []
    assert market.ask("GET order", **SYMBOL, orderId="2")["preventedMatchId"] == 1


@pytest.mark.parametrize(
    "sent",
    [
        {},
        {"limit": "5"},
        {"fromPreventedMatchId": "1"},
        {"preventedMatchId": "1", "orderId": "1"},
        {"preventedMatchId": "1", "limit": "1"},
    ],
)
def test_prevented_matches_are_asked_for_by_match_or_by_order(market: Trader, sent: dict[str, str]) -> None:
    assert market.code(PREVENTED, **SYMBOL, **sent) == COMBINATION


def test_one_match_is_cheaper_than_those_of_an_order() -> None:
    weigh = ROUTES[PREVENTED].weigh
    assert (weigh({"preventedMatchId": "1"}), weigh({"orderId": "1"})) == (2, 20)
