"""Order lists: every form of them, where their orders may stand, what each refusal names, and their end."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from tests.simulator.api.trader import Trader, market

__all__ = ["market"]
D = Decimal
SYMBOL = {"symbol": "BTCUSDT"}
OCO, OTO, OTOCO, OLD = "POST orderList/oco", "POST orderList/oto", "POST orderList/otoco", "POST order/oco"
# Prices as multiples of the market's.
SELLING = {
    "side": "SELL",
    "aboveType": "LIMIT_MAKER",
    "abovePrice": 1.1,
    "belowType": "STOP_LOSS",
    "belowStopPrice": 0.9,
}
BUYING = {"side": "BUY", "aboveType": "STOP_LOSS", "aboveStopPrice": 1.1, "belowType": "LIMIT_MAKER", "belowPrice": 0.9}
ENTRY = {"workingType": "LIMIT", "workingSide": "BUY", "workingTimeInForce": "GTC", "workingQuantity": "0.01"}
EXIT = {"pendingType": "MARKET", "pendingSide": "SELL", "pendingQuantity": "0.009"}
BRACKET = {
    "pendingSide": "SELL",
    "pendingQuantity": "0.009",
    "pendingAboveType": "TAKE_PROFIT",
    "pendingAboveStopPrice": 1.1,
    "pendingBelowType": "STOP_LOSS",
    "pendingBelowStopPrice": 0.9,
}


def wire(market: Trader, **sent: str | float) -> dict[str, str]:
    """Parameters of a list; a number is a multiple of the market's price."""
    made = {name: market.at(str(value)) if isinstance(value, float) else value for name, value in sent.items()}
    return {**SYMBOL, **made}


def oco(market: Trader, **sent: str | float) -> dict[str, str]:
    return wire(market, quantity="0.01", **sent)


def statuses(answer: dict[str, Any]) -> list[tuple[str, str]]:
    return [(report["type"], report["status"]) for report in answer["orderReports"]]


# Pairs


@pytest.mark.parametrize(
    "legs",
    [
        SELLING,
        BUYING,
        {**SELLING, "belowType": "STOP_LOSS_LIMIT", "belowPrice": 0.89, "belowTimeInForce": "GTC"},
        {**SELLING, "belowStopPrice": 0.95, "belowTrailingDelta": "100"},
        {
            "side": "SELL",
            "aboveType": "TAKE_PROFIT",
            "aboveStopPrice": 1.1,
            **{k: SELLING[k] for k in SELLING if "below" in k},
        },
        {
            "side": "SELL",
            "aboveType": "TAKE_PROFIT_LIMIT",
            "abovePrice": 1.09,
            "aboveStopPrice": 1.1,
            "aboveTimeInForce": "GTC",
            "belowType": "STOP_LOSS",
            "belowStopPrice": 0.9,
        },
        {**BUYING, "belowType": "TAKE_PROFIT", "belowStopPrice": 0.9, "belowPrice": ""},
        {**SELLING, "aboveIcebergQty": "0.001", "aboveStrategyId": "5", "aboveStrategyType": "1000000"},
    ],
)
def test_a_pair_is_placed_with_the_stop_loss_first(market: Trader, legs: dict[str, Any]) -> None:
    sent = oco(market, **{name: value for name, value in legs.items() if value != ""})
    answer = market.ask(OCO, **sent, listClientOrderId="pair")
    assert (answer["contingencyType"], answer["listStatusType"], answer["listClientOrderId"]) == (
        "OCO",
        "EXEC_STARTED",
        "pair",
    )
    types = [report["type"] for report in answer["orderReports"]]
    assert types[0].startswith("STOP_LOSS")
    assert sorted(types) == sorted([sent["aboveType"], sent["belowType"]])
    assert [row["orderId"] for row in answer["orders"]] == [1, 2]
    assert {report["status"] for report in answer["orderReports"]} == {"NEW"}


def test_the_orders_of_a_pair_have_names_of_their_own(market: Trader) -> None:
    sent = oco(market, **SELLING, aboveClientOrderId="gain", belowClientOrderId="loss")
    answer = market.ask(OCO, **sent, newOrderRespType="ACK")
    assert [row["clientOrderId"] for row in answer["orders"]] == ["loss", "gain"]
    assert "status" not in answer["orderReports"][0]
    given = [market.ask(OCO, **oco(market, **SELLING)) for _ in range(2)]
    market.order()
    names = [row["clientOrderId"] for one in given for row in one["orders"]]
    assert len(set(names)) == 4


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"aboveType": "LIMIT"}, (-1158, "Order type not supported in OCO.")),
        ({"belowType": "MARKET"}, (-1158, "Order type not supported in OCO.")),
        ({"aboveType": "FANCY"}, (-1116, "Invalid orderType.")),
        (
            {"belowType": "LIMIT_MAKER", "belowPrice": 0.9, "belowStopPrice": ""},
            (-1168, "At least one OCO order must "),
        ),
        (
            {"aboveType": "STOP_LOSS", "abovePrice": "", "aboveStopPrice": 1.1},
            (-1197, "A stop loss order in a sell OCO must be below."),
        ),
        ({"belowType": "TAKE_PROFIT"}, (-1199, "A take profit order in a sell OCO must be above.")),
        (
            {
                "aboveType": "TAKE_PROFIT",
                "abovePrice": "",
                "aboveStopPrice": 1.1,
                "belowType": "LIMIT_MAKER",
                "belowPrice": 0.9,
                "belowStopPrice": "",
            },
            (-1166, "A limit order in a sell OCO must be above."),
        ),
        ({"side": "BUY"}, (-1165, "A limit order in a buy OCO must be below.")),
        (
            {"side": "BUY", "aboveType": "TAKE_PROFIT", "abovePrice": "", "aboveStopPrice": 1.1},
            (-1198, "A take profit order in a buy OCO must be below."),
        ),
        (
            {"side": "BUY", "aboveType": "STOP_LOSS", "abovePrice": "", "aboveStopPrice": 1.1},
            (-1196, "A stop loss order in a buy OCO must be above."),
        ),
        ({"side": "HOLD"}, (-1117, "Invalid side.")),
        ({"abovePrice": ""}, (-1102, "Mandatory parameter 'abovePrice' was not sent,")),
        ({"aboveType": ""}, (-1102, "Mandatory parameter 'aboveType' was not sent,")),
        ({"belowStopPrice": ""}, (-1102, "Param 'belowStopPrice' or 'belowTrailingDelta' must be sent,")),
        ({"aboveStopPrice": 1.1}, (-1106, "Parameter 'aboveStopPrice' sent when not required.")),
        ({"abovePrice": "1e5"}, (-1100, "Illegal characters found in parameter 'abovePrice'; legal range is '^([0-9]")),
        ({"aboveClientOrderId": "a b"}, (-1100, "Illegal characters found in parameter 'aboveClientOrderId';")),
        ({"belowStopPrice": "1.123456789"}, (-1111, "Parameter 'belowStopPrice' has too much precision.")),
        ({"belowStrategyType": "1"}, (-1134, "strategyType was less than 1000000.")),
        ({"belowStrategyId": "99999999999999999999"}, (-1108, "Parameter 'belowStrategyId' overflowed.")),
        ({"abovePegPriceType": "PRIMARY_PEG"}, (-1013, "Pegged orders are not supported for this symbol.")),
        ({"quantity": ""}, (-1102, "Mandatory parameter 'quantity' was not sent,")),
        ({"listClientOrderId": "a b"}, (-1100, "Illegal characters found in parameter 'listClientOrderId';")),
        ({"newOrderRespType": "ALL"}, (-1130, "Data sent for parameter 'newOrderRespType' is not valid.")),
        ({"aboveQuantity": "1"}, (-1104, "Not all sent parameters were read; read '7' parameter(s) but was sent '8'.")),
        ({"abovePrice": 0.95}, (-2010, "The relationship of the prices for the orders is not correct.")),
        ({"quantity": "100"}, (-2010, "Account has insufficient balance for requested action.")),
        ({"quantity": "0.0001"}, (-1013, "Filter failure: NOTIONAL")),
        ({"symbol": "NOPE"}, (-1121, "Invalid symbol.")),
    ],
)
def test_a_pair_that_is_refused_leaves_nothing(market: Trader, changes: dict[str, Any], told: tuple[int, str]) -> None:
    base = {"quantity": "0.01", **SELLING, **changes}
    sent = wire(market, **{name: value for name, value in base.items() if value != ""})
    code, message = market.code(OCO, **sent)
    assert (code, message[: len(told[1])]) == told
    assert market.ask("GET openOrders") == market.ask("GET allOrderList") == []


def test_an_iceberg_of_a_list_must_stay_in_the_book(market: Trader) -> None:
    legs = {**SELLING, "belowType": "STOP_LOSS_LIMIT", "belowPrice": 0.89, "belowTimeInForce": "IOC"}
    told = (-1160, "Parameter 'belowIcebergQty' is not supported if 'belowTimeInForce' is not GTC.")
    assert market.code(OCO, **oco(market, **legs, belowIcebergQty="0.001")) == told


@pytest.mark.parametrize(
    ("flag", "name", "told"),
    [
        ("oco_allowed", OCO, "OCO orders are not supported for this symbol."),
        ("oto_allowed", OTO, "OTO orders are not supported for this symbol."),
    ],
)
def test_a_symbol_may_not_take_lists(market: Trader, flag: str, name: str, told: str) -> None:
    market.change_symbol(**{flag: False})
    sent = oco(market, **SELLING) if name == OCO else wire(market, **ENTRY, **EXIT, workingPrice=0.9)
    assert market.code(name, **sent) == (-1013, told)


def test_an_order_may_follow_where_pairs_are_not_taken(market: Trader) -> None:
    market.change_symbol(oco_allowed=False)
    assert len(market.ask(OTO, **wire(market, **ENTRY, **EXIT, workingPrice=0.9))["orders"]) == 2


# The old form


@pytest.mark.parametrize(("side", "limit", "stop"), [("SELL", 1.1, 0.9), ("BUY", 0.9, 1.1)])
def test_the_old_form_is_still_answered(market: Trader, side: str, limit: float, stop: float) -> None:
    names = {"limitClientOrderId": "limit", "stopClientOrderId": "stop", "listClientOrderId": "list"}
    answer = market.ask(OLD, **oco(market, side=side, price=limit, stopPrice=stop, **names))
    assert statuses(answer) == [("STOP_LOSS", "NEW"), ("LIMIT_MAKER", "NEW")]
    assert [row["clientOrderId"] for row in answer["orders"]] == ["stop", "limit"]
    sent = oco(market, side=side, price=limit, stopPrice=stop, stopLimitPrice=stop, limitIcebergQty="0.001")
    answer = market.ask(OLD, **sent, stopLimitTimeInForce="GTC")
    assert statuses(answer) == [("STOP_LOSS_LIMIT", "NEW"), ("LIMIT_MAKER", "NEW")]
    assert answer["orderReports"][1]["icebergQty"] == "0.00100000"
    missing = (-1102, "Mandatory parameter 'stopLimitTimeInForce' was not sent, was empty/null, or malformed.")
    assert market.code(OLD, **sent) == missing
    del sent["stopPrice"]
    assert market.code(OLD, **sent)[1].startswith("Mandatory parameter 'stopPrice'")


# What follows a working order


def test_what_follows_waits_for_the_working_order(market: Trader) -> None:
    answer = market.ask(OTO, **wire(market, **ENTRY, **EXIT, workingPrice=0.9))
    assert answer["contingencyType"] == "OTO"
    assert statuses(answer) == [("LIMIT", "NEW"), ("MARKET", "PENDING_NEW")]
    assert [row["status"] for row in market.ask("GET openOrders")] == ["NEW", "PENDING_NEW"]


def test_a_working_order_that_fills_at_once_is_told_so_and_its_follower_still_as_pending(market: Trader) -> None:
    answer = market.ask(OTO, **wire(market, **ENTRY, **EXIT, workingPrice=1.1))
    assert statuses(answer) == [("LIMIT", "FILLED"), ("MARKET", "PENDING_NEW")]
    assert market.ask("GET order", **SYMBOL, orderId="2")["status"] == "FILLED"
    assert market.ask("GET orderList", orderListId="1")["listOrderStatus"] == "ALL_DONE"
    assert market.is_whole()


def test_a_bracket_follows_its_entry(market: Trader) -> None:
    answer = market.ask(OTOCO, **wire(market, **ENTRY, **BRACKET, workingPrice=1.1))
    assert statuses(answer) == [("LIMIT", "FILLED"), ("STOP_LOSS", "PENDING_NEW"), ("TAKE_PROFIT", "PENDING_NEW")]
    assert [row["status"] for row in market.ask("GET openOrders")] == ["NEW", "NEW"]
    assert market.exchange.engine.account("ann").locked("BTC") == D("0.009")


@pytest.mark.parametrize(
    ("name", "changes", "told"),
    [
        (OTO, {"workingType": "MARKET"}, (-1014, "Unsupported order combination.")),
        (OTO, {"workingType": ""}, (-1102, "Mandatory parameter 'workingType' was not sent,")),
        (OTO, {"workingTimeInForce": ""}, (-1102, "Mandatory parameter 'workingTimeInForce' was not sent,")),
        (OTO, {"workingSide": "UP"}, (-1117, "Invalid side.")),
        (OTO, {"pendingQuantity": ""}, (-1102, "Mandatory parameter 'pendingQuantity' was not sent,")),
        (OTO, {"pendingQuoteOrderQty": "10"}, (-1104, "Not all sent parameters were read;")),
        (OTO, {"pendingType": "LIMIT"}, (-1102, "Mandatory parameter 'pendingTimeInForce' was not sent,")),
        (OTOCO, {"pendingBelowType": ""}, (-1102, "Mandatory parameter 'pendingBelowType' was not sent,")),
        (OTOCO, {"pendingBelowType": "TAKE_PROFIT"}, (-1199, "A take profit order in a sell OCO must be above.")),
        (OTOCO, {"pendingAboveType": "MARKET"}, (-1158, "Order type not supported in OCO.")),
    ],
)
def test_a_list_names_what_was_sent(market: Trader, name: str, changes: dict[str, Any], told: tuple[int, str]) -> None:
    base: dict[str, Any] = {**ENTRY, "workingPrice": 0.9, **(EXIT if name == OTO else BRACKET), **changes}
    code, message = market.code(name, **wire(market, **{key: value for key, value in base.items() if value != ""}))
    assert (code, message[: len(told[1])]) == told
    assert market.ask("GET openOrders") == []


@pytest.mark.parametrize("name", ["POST orderList/opo", "POST orderList/opoco"])
def test_nothing_here_is_paid_by_another_order(market: Trader, name: str) -> None:
    assert market.code(name, **SYMBOL) == (-1013, "OPO orders are not supported for this symbol.")


# Asking and cancelling


def test_a_list_is_found_by_its_id_or_its_name(market: Trader) -> None:
    market.ask(OCO, **oco(market, **SELLING, listClientOrderId="mine"))
    by_id = market.ask("GET orderList", orderListId="1")
    assert by_id == market.ask("GET orderList", origClientOrderId="mine")
    assert by_id["listOrderStatus"] == "EXECUTING"
    missing = (-2018, "Order list does not exist.")
    assert market.code("GET orderList", orderListId="2") == missing
    assert market.code("GET orderList", orderListId="1", origClientOrderId="other") == missing
    assert market.code("GET orderList", "bob", orderListId="1") == missing
    assert market.code("GET orderList")[0] == -1128


def test_cancelling_a_list_or_one_of_its_orders_ends_it(market: Trader) -> None:
    for number in ("1", "2", "3"):
        names = {"aboveClientOrderId": f"gain{number}", "belowClientOrderId": f"loss{number}"}
        market.ask(OCO, **oco(market, **SELLING, listClientOrderId=f"list{number}", **names))
    ends = [
        market.ask("DELETE orderList", **SYMBOL, orderListId="1", newClientOrderId="end"),
        market.ask("DELETE orderList", **SYMBOL, listClientOrderId="list2"),
        market.ask("DELETE order", **SYMBOL, origClientOrderId="gain3"),
    ]
    for number, answer in enumerate(ends, 1):
        assert answer["listOrderStatus"] == "ALL_DONE"
        names = [report["origClientOrderId"] for report in answer["orderReports"]]
        assert names == [row["clientOrderId"] for row in answer["orders"]] == [f"loss{number}", f"gain{number}"]
    assert "end" in {report["clientOrderId"] for report in ends[0]["orderReports"]}
    assert market.code("DELETE orderList", **SYMBOL, orderListId="1") == (-2011, "Unknown order list sent.")
    assert market.code("DELETE orderList", **SYMBOL)[1].startswith("Param 'orderListId' or 'listClientOrderId'")
    assert market.exchange.engine.account("ann").locked("BTC") == 0


def test_cancelling_everything_tells_lists_as_lists(market: Trader) -> None:
    market.order()
    market.ask(OCO, **oco(market, **SELLING))
    single, group = market.ask("DELETE openOrders", **SYMBOL)
    assert (single["orderId"], group["orderListId"]) == (1, 1)
    assert {report["status"] for report in group["orderReports"]} == {"CANCELED"}


def test_replacing_an_order_of_a_list_tells_the_end_of_the_list(market: Trader) -> None:
    market.ask(OCO, **oco(market, **SELLING))
    answer = market.ask(
        "POST order/cancelReplace", **market.resting(), cancelOrderId="1", cancelReplaceMode="STOP_ON_FAILURE"
    )
    assert answer["cancelResponse"]["listOrderStatus"] == "ALL_DONE"
    market.ask(OCO, **oco(market, **SELLING))
    sent = market.resting(quantity="100", cancelOrderId="4", cancelReplaceMode="STOP_ON_FAILURE")
    refused = market.refusal("POST order/cancelReplace", **sent)
    assert refused.data is not None
    assert refused.data["cancelResponse"]["orderListId"] == 2


def test_lists_are_told_the_newest_first(market: Trader) -> None:
    begin = market.exchange.now_ms
    for _ in range(3):
        market.ask(OCO, **oco(market, **SELLING))
        market.exchange.advance_to(market.exchange.now_ms + 1_000)
    market.ask("DELETE orderList", **SYMBOL, orderListId="2")

    def ids(name: str, **sent: str) -> list[int]:
        return [row["orderListId"] for row in market.ask(name, **sent)]

    assert ids("GET openOrderList") == [3, 1]
    assert ids("GET allOrderList") == [3, 2, 1]
    assert ids("GET allOrderList", limit="2") == [3, 2]
    assert ids("GET allOrderList", fromId="2") == [3, 2]
    assert ids("GET allOrderList", fromId="1", limit="1") == [1]
    assert ids("GET allOrderList", startTime=str(begin + 1_000)) == [3, 2]
    assert ids("GET allOrderList", endTime=str(begin + 1_000)) == [2, 1]
    assert ids("GET allOrderList", startTime=str(begin * 1_000), endTime=str(begin + 1_000)) == [2, 1]
    assert market.code("GET allOrderList", fromId="1", startTime="1")[0] == -1128
    assert market.code("GET allOrderList", startTime="0", endTime="86400001")[0] == -1127
