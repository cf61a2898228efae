"""Orders as clients send them: every type, every documented refusal, cancels, replacements and amendments."""

from __future__ import annotations

from decimal import Decimal

import pytest
from tests.simulator.api.trader import ROUTES, Trader, market, trader

from thunes.simulator.api.limits import Limiter

__all__ = ["market"]
D = Decimal
SYMBOL = {"symbol": "BTCUSDT"}
UNKNOWN = (-2011, "Unknown order sent.")
MISSING = (-2013, "Order does not exist.")
NEITHER = (-1102, "Param 'origClientOrderId' or 'orderId' must be sent, but both were empty/null!")


def few_orders(most: int) -> Limiter:
    """Limits of an exchange that takes so few orders a day."""
    return Limiter([{"rateLimitType": "ORDERS", "interval": "DAY", "intervalNum": 1, "limit": most}])


def dearer(market: Trader) -> dict[str, str]:
    return {**SYMBOL, "side": "BUY", "quantity": "0.01", "stopPrice": market.at("1.05")}


# Placing


def test_a_limit_order_rests_and_its_answer_is_full(market: Trader) -> None:
    answer = market.order(newClientOrderId="mine")
    assert (answer["status"], answer["clientOrderId"], answer["fills"]) == ("NEW", "mine", [])
    assert answer["transactTime"] == market.exchange.now_ms
    assert market.exchange.engine.account("ann").locked("USDT") == D(answer["price"]) * D("0.01")


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ({"type": "MARKET", "quantity": "0.01"}, "FILLED"),
        ({"type": "MARKET", "quoteOrderQty": "100"}, "FILLED"),
        ({"type": "LIMIT", "timeInForce": "IOC", "quantity": "0.01", "price": "0.9"}, "EXPIRED"),
        ({"type": "LIMIT", "timeInForce": "FOK", "quantity": "0.01", "price": "0.9"}, "EXPIRED"),
        ({"type": "LIMIT", "timeInForce": "GTC", "quantity": "0.01", "price": "1.1"}, "FILLED"),
        ({"type": "LIMIT", "timeInForce": "GTC", "quantity": "0.1", "price": "0.9", "icebergQty": "0.01"}, "NEW"),
        ({"type": "LIMIT_MAKER", "quantity": "0.01", "price": "0.9"}, "NEW"),
        ({"type": "STOP_LOSS", "quantity": "0.01", "stopPrice": "1.05"}, "NEW"),
        ({"type": "STOP_LOSS", "quantity": "0.01", "trailingDelta": "100"}, "NEW"),
        (
            {"type": "STOP_LOSS_LIMIT", "timeInForce": "GTC", "quantity": "0.01", "price": "1.06", "stopPrice": "1.05"},
            "NEW",
        ),
        ({"type": "TAKE_PROFIT", "quantity": "0.01", "stopPrice": "0.9"}, "NEW"),
        (
            {
                "type": "TAKE_PROFIT_LIMIT",
                "timeInForce": "GTC",
                "quantity": "0.01",
                "price": "0.91",
                "stopPrice": "0.95",
                "trailingDelta": "50",
                "strategyId": "7",
                "strategyType": "1000000",
            },
            "NEW",
        ),
    ],
)
def test_every_type_is_taken(market: Trader, changes: dict[str, str], status: str) -> None:
    prices = {name: market.at(changes[name]) for name in ("price", "stopPrice") if name in changes}
    sent = {**SYMBOL, "side": "BUY", "newOrderRespType": "RESULT", **changes, **prices}
    assert market.ask("POST order", **sent)["status"] == status
    assert market.is_whole()


def test_what_fills_an_order_is_told_with_its_commission(market: Trader) -> None:
    answer = market.ask("POST order", **SYMBOL, side="SELL", type="MARKET", quantity="0.02")
    fills = answer["fills"]
    assert sum(D(fill["qty"]) for fill in fills) == D(answer["executedQty"]) == D("0.02")
    assert {fill["commissionAsset"] for fill in fills} == {"USDT"}
    assert sum(D(fill["price"]) * D(fill["qty"]) for fill in fills) == D(answer["cummulativeQuoteQty"])


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"symbol": "NOPEUSDT"}, (-1121, "Invalid symbol.")),
        ({"quantity": "0.010000000"}, (-1111, "Parameter 'quantity' has too much precision.")),
        ({"quantity": "0.000015"}, (-1013, "Filter failure: LOT_SIZE")),
        ({"quantity": "1e-05"}, (-1100, "")),
        ({"quantity": "0.0001"}, (-1013, "Filter failure: NOTIONAL")),
        ({"quantity": "100"}, (-2010, "Account has insufficient balance for requested action.")),
        ({"strategyId": "99999999999999999999"}, (-1108, "Parameter 'strategyId' overflowed.")),
        ({"strategyType": "3000000000"}, (-1108, "Parameter 'strategyType' overflowed.")),
        ({"typo": "1"}, (-1104, "Not all sent parameters were read; read '6' parameter(s) but was sent '7'.")),
        ({"pegPriceType": "BEST"}, (-1210, "Invalid pegPriceType.")),
        ({"pegPriceType": "MARKET_PEG"}, (-1013, "Pegged orders are not supported for this symbol.")),
        ({"pegOffsetType": "TICKS", "pegOffsetValue": "1"}, (-1211, "Invalid pegOffsetType.")),
        ({"pegOffsetType": "PRICE_LEVEL"}, (-1128, "Combination of optional fields invalid. Recommendation: ")),
        (
            {"pegOffsetType": "PRICE_LEVEL", "pegOffsetValue": "101"},
            (-1130, "Data sent for parameter 'pegOffsetValue' is not valid."),
        ),
        ({"pegPriceType": "MARKET_PEG", "type": "MARKET"}, (-1013, "This order type may not use pegged price.")),
    ],
)
@pytest.mark.parametrize("name", ["POST order", "POST order/test"])
def test_a_bad_order_is_refused_and_leaves_nothing(
    market: Trader, name: str, changes: dict[str, str], told: tuple[int, str]
) -> None:
    if name == "POST order/test" and told[0] == -2010:
        return  # the engine alone looks at balances
    code, message = market.code(name, **{**market.resting(), **changes})
    assert (code, message[: len(told[1])]) == told
    assert market.ask("GET openOrders") == []
    assert market.exchange.engine.next_order_id == 1


def test_a_post_only_order_that_crosses_and_a_stop_on_the_wrong_side_are_refused(market: Trader) -> None:
    crossing = {**SYMBOL, "side": "BUY", "type": "LIMIT_MAKER", "quantity": "0.01", "price": market.at("1.1")}
    assert market.code("POST order", **crossing) == (-2010, "Order would immediately match and take.")
    stop = {**dearer(market), "type": "TAKE_PROFIT"}
    assert market.code("POST order", **stop) == (-2010, "Order would trigger immediately.")


def test_a_name_is_free_again_once_its_order_is_done(market: Trader) -> None:
    market.order(newClientOrderId="once")
    assert market.code("POST order", **market.resting(newClientOrderId="once")) == (-2010, "Duplicate order sent.")
    market.ask("DELETE order", **SYMBOL, origClientOrderId="once")
    assert market.order(newClientOrderId="once")["orderId"] == 2


def test_a_symbol_without_a_market_takes_orders_that_nobody_fills(market: Trader) -> None:
    quiet = {"symbol": "ETHUSDT", "side": "BUY"}
    limit = {**quiet, "type": "LIMIT", "timeInForce": "GTC", "quantity": "0.1", "price": "1000"}
    assert market.ask("POST order", **limit)["status"] == "NEW"
    assert market.code("POST order", **quiet, type="MARKET", quantity="0.1") == (-1013, "Filter failure: NOTIONAL")


@pytest.mark.parametrize(
    ("sets", "allowed"),
    [
        ([], True),
        ([[]], True),
        ([["SPOT"], ["TRD_GRP_004", "TRD_GRP_005"]], True),
        ([["MARGIN"]], False),
        ([["SPOT"], ["LEVERAGED"]], False),
    ],
)
def test_a_symbol_is_for_spot_accounts_or_not(market: Trader, sets: list[list[str]], allowed: bool) -> None:
    market.change_symbol(permission_sets=tuple(frozenset(names) for names in sets))
    if allowed:
        assert market.order()["status"] == "NEW"
    else:
        told = (-2010, "This symbol is not permitted for this account.")
        assert market.code("POST order", **market.resting()) == told


# Testing


def test_an_order_can_be_tried(market: Trader) -> None:
    assert market.ask("POST order/test", **market.resting()) == {}
    rates = market.ask("POST order/test", **market.resting(), computeCommissionRates="true")
    assert rates["standardCommissionForOrder"] == {"maker": "0.00100000", "taker": "0.00100000"}
    assert market.ask("POST order/test", **market.resting(), computeCommissionRates="false") == {}
    assert market.code("POST order/test", **market.resting(), computeCommissionRates="yes")[0] == -1130
    assert market.ask("GET openOrders") == []
    weigh = ROUTES["POST order/test"].weigh
    assert (weigh({}), weigh({"computeCommissionRates": "true"})) == (1, 20)


# Asking


def test_an_order_is_found_by_either_id_or_both(market: Trader) -> None:
    market.order(newClientOrderId="mine")
    ways: list[dict[str, str]] = [{"orderId": "1"}, {"origClientOrderId": "mine"}]
    for way in (*ways, ways[0] | ways[1]):
        assert market.ask("GET order", **SYMBOL, **way)["clientOrderId"] == "mine"
    wrong = {"orderId": "1", "origClientOrderId": "other"}
    assert market.code("GET order", **SYMBOL, **wrong)[0] == -2039


@pytest.mark.parametrize(
    ("sent", "told"),
    [
        ({}, (-1102, "Mandatory parameter 'symbol' was not sent, was empty/null, or malformed.")),
        ({"symbol": "NOPE", "orderId": "1"}, (-1121, "Invalid symbol.")),
        (SYMBOL, NEITHER),
        ({**SYMBOL, "orderId": "9"}, MISSING),
        ({**SYMBOL, "orderId": "99999999999999999999"}, MISSING),
        ({**SYMBOL, "origClientOrderId": "nobody"}, MISSING),
    ],
)
def test_a_question_about_no_order_is_refused(market: Trader, sent: dict[str, str], told: tuple[int, str]) -> None:
    assert market.code("GET order", **sent) == told


def test_nobody_sees_the_orders_of_another(market: Trader) -> None:
    market.order("bob")
    assert market.code("GET order", **SYMBOL, orderId="1") == MISSING
    assert market.code("DELETE order", **SYMBOL, orderId="1") == UNKNOWN
    assert market.ask("GET openOrders") == []


def test_open_orders_of_one_symbol_or_of_all(market: Trader) -> None:
    market.order()
    market.order()
    assert [row["orderId"] for row in market.ask("GET openOrders")] == [1, 2]
    assert market.ask("GET openOrders", symbol="ETHUSDT") == []
    assert len(market.ask("GET openOrders", **SYMBOL)) == 2
    assert market.code("GET openOrders", symbol="NOPE") == (-1121, "Invalid symbol.")
    weigh = ROUTES["GET openOrders"].weigh
    assert (weigh(SYMBOL), weigh({})) == (6, 80)


# Cancelling


def test_a_cancel_renames_the_order(market: Trader) -> None:
    market.order(newClientOrderId="mine")
    answer = market.ask("DELETE order", **SYMBOL, origClientOrderId="mine", newClientOrderId="cancel")
    assert (answer["origClientOrderId"], answer["clientOrderId"], answer["status"]) == ("mine", "cancel", "CANCELED")
    assert market.code("GET order", **SYMBOL, origClientOrderId="mine") == MISSING
    assert market.ask("GET order", **SYMBOL, origClientOrderId="cancel")["status"] == "CANCELED"
    assert market.code("DELETE order", **SYMBOL, orderId="1") == UNKNOWN
    assert market.exchange.engine.account("ann").locked("USDT") == 0


@pytest.mark.parametrize(
    ("sent", "told"),
    [
        ({}, NEITHER),
        ({"orderId": "1", "cancelRestrictions": "ONLY_OLD"}, (-1145, "Invalid cancelRestrictions")),
        (
            {"orderId": "1", "cancelRestrictions": "ONLY_PARTIALLY_FILLED"},
            (-2011, "Order was not canceled due to cancel restrictions."),
        ),
        ({"orderId": "1", "newClientOrderId": "a b"}, (-1100, "Illegal characters found in parameter ")),
    ],
)
def test_a_cancel_that_is_refused_changes_nothing(market: Trader, sent: dict[str, str], told: tuple[int, str]) -> None:
    market.order()
    code, message = market.code("DELETE order", **SYMBOL, **sent)
    assert (code, message[: len(told[1])]) == told
    assert market.ask("GET order", **SYMBOL, orderId="1")["status"] == "NEW"


def test_all_orders_of_a_symbol_are_cancelled_with_their_old_names(market: Trader) -> None:
    market.order(newClientOrderId="one")
    market.ask("PUT order/amend/keepPriority", **SYMBOL, orderId="1", newQty="0.005", newClientOrderId="amended")
    market.order(newClientOrderId="two")
    rows = market.ask("DELETE openOrders", **SYMBOL)
    assert [(row["origClientOrderId"], row["status"]) for row in rows] == [("amended", "CANCELED"), ("two", "CANCELED")]
    assert market.code("DELETE openOrders", **SYMBOL) == UNKNOWN


# Replacing


def swap(market: Trader, mode: str = "STOP_ON_FAILURE", **changes: str) -> dict[str, str]:
    return {**market.resting("0.8"), "cancelReplaceMode": mode, "cancelOrderId": "1", **changes}


def test_an_order_is_replaced(market: Trader) -> None:
    market.order(newClientOrderId="old")
    sent = swap(market, newClientOrderId="new", cancelNewClientOrderId="gone", cancelOrigClientOrderId="old")
    answer = market.ask("POST order/cancelReplace", **sent, cancelRestrictions="ONLY_NEW")
    assert (answer["cancelResult"], answer["newOrderResult"]) == ("SUCCESS", "SUCCESS")
    assert (answer["cancelResponse"]["origClientOrderId"], answer["cancelResponse"]["clientOrderId"]) == ("old", "gone")
    assert (answer["newOrderResponse"]["clientOrderId"], answer["newOrderResponse"]["fills"]) == ("new", [])


@pytest.mark.parametrize(
    ("mode", "changes", "status", "code", "results"),
    [
        ("STOP_ON_FAILURE", {"cancelOrderId": "9"}, 400, -2022, ("FAILURE", "NOT_ATTEMPTED")),
        ("ALLOW_FAILURE", {"cancelOrderId": "9"}, 409, -2021, ("FAILURE", "SUCCESS")),
        ("ALLOW_FAILURE", {"cancelOrderId": "9", "quantity": "100"}, 400, -2022, ("FAILURE", "FAILURE")),
        ("ALLOW_FAILURE", {"quantity": "100"}, 409, -2021, ("SUCCESS", "FAILURE")),
        ("STOP_ON_FAILURE", {"quantity": "100"}, 409, -2021, ("SUCCESS", "FAILURE")),
    ],
)
def test_a_half_that_fails_is_told_with_both_halves(
    market: Trader, mode: str, changes: dict[str, str], status: int, code: int, results: tuple[str, str]
) -> None:
    market.order()
    refused = market.refusal("POST order/cancelReplace", **swap(market, mode, **changes))
    assert (refused.status, refused.code) == (status, code)
    assert refused.data is not None
    assert (refused.data["cancelResult"], refused.data["newOrderResult"]) == results
    if results[0] == "FAILURE":
        assert refused.data["cancelResponse"] == {"code": -2011, "msg": "Unknown order sent."}
    if results[1] == "NOT_ATTEMPTED":
        assert refused.data["newOrderResponse"] is None
    assert market.is_whole()


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"cancelReplaceMode": "MAYBE"}, (-1130, "Data sent for parameter 'cancelReplaceMode' is not valid.")),
        ({"orderRateLimitExceededMode": "X"}, (-1130, "Data sent for parameter 'orderRateLimitExceededMode' is not ")),
        ({"cancelRestrictions": "X"}, (-1145, "Invalid cancelRestrictions")),
        ({"quantity": "0.0001"}, (-1013, "Filter failure: NOTIONAL")),
        ({"typo": "1"}, (-1104, "Not all sent parameters were read;")),
        ({"cancelOrderId": "x"}, (-1100, "Illegal characters found in parameter 'cancelOrderId';")),
    ],
)
def test_a_replacement_that_never_reaches_the_engine_cancels_nothing(
    market: Trader, changes: dict[str, str], told: tuple[int, str]
) -> None:
    market.order()
    code, message = market.code("POST order/cancelReplace", **swap(market, **changes))
    assert (code, message[: len(told[1])]) == told
    assert market.ask("GET order", **SYMBOL, orderId="1")["status"] == "NEW"


def test_a_replacement_names_its_mode_and_its_order(market: Trader) -> None:
    assert market.code("POST order/cancelReplace", **market.resting(), cancelOrderId="1")[0] == -1102
    message = "Param 'cancelOrigClientOrderId' or 'cancelOrderId' must be sent, but both were empty/null!"
    sent = {**market.resting(), "cancelReplaceMode": "ALLOW_FAILURE"}
    assert market.code("POST order/cancelReplace", **sent) == (-1102, message)


def test_a_symbol_may_not_take_replacements(market: Trader) -> None:
    market.order()
    market.change_symbol(cancel_replace_allowed=False)
    told = (-1013, "Order cancel-replace is not supported for this symbol.")
    assert market.code("POST order/cancelReplace", **swap(market)) == told


def test_past_its_order_limit_an_account_may_still_cancel() -> None:
    market = trader(few_orders(0))
    market.order()
    refused = market.refusal("POST order/cancelReplace", **swap(market))
    assert (refused.status, refused.code) == (429, -1015)
    only = {"orderRateLimitExceededMode": "CANCEL_ONLY"}
    refused = market.refusal("POST order/cancelReplace", **swap(market, **only, cancelOrderId="9"))
    assert (refused.status, refused.code) == (429, -2022)
    refused = market.refusal("POST order/cancelReplace", **swap(market, "ALLOW_FAILURE", **only, cancelOrderId="9"))
    assert (refused.status, refused.code) == (400, -2022)
    assert market.code("POST order/cancelReplace", **swap(market, **only, quantity="0.0001"))[0] == -1013
    refused = market.refusal("POST order/cancelReplace", **swap(market, **only))
    assert (refused.status, refused.code) == (429, -2021)
    assert refused.data is not None
    assert (refused.data["cancelResult"], refused.data["newOrderResponse"]["code"]) == ("SUCCESS", -1015)
    assert market.ask("GET openOrders") == []


def test_a_replacement_counts_as_an_order_also_when_it_was_not_attempted() -> None:
    market = trader(few_orders(9))
    market.order()
    market.ask("POST order/cancelReplace", **swap(market))
    market.refusal("POST order/cancelReplace", **swap(market))  # its order is gone
    market.refusal("POST order/cancelReplace", **swap(market, "ALLOW_FAILURE", quantity="100"))
    assert [row["count"] for row in market.ask("GET rateLimit/order")] == [2]
