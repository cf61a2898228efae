"""Orders as clients read them: every field of the documentation, with its type and its condition."""

from __future__ import annotations

from decimal import Decimal, localcontext
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.simulator.engine.venue import D, Venue, venue

from thunes.simulator.api import documents
from thunes.simulator.api.documents import cancel_answer, decimal_text, order_answer, order_document
from thunes.simulator.engine.desk import Which
from thunes.simulator.engine.orders import Order

ZERO = "0.00000000"
STP = "EXPIRE_MAKER"


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("0", ZERO), ("0E-20", ZERO), ("-0.0", ZERO), ("1", "1.00000000"), ("60000.01", "60000.01000000"),
        ("1E-8", "0.00000001"), ("1.50E+3", "1500.00000000"), ("-2.5", "-2.50000000"), ("1E-9", "0.000000001"),
        ("0.1234567890", "0.123456789"), ("2.0000000000", "2.00000000"), ("9" * 20, "9" * 20 + ".00000000"),
    ],
)  # fmt: skip
def test_a_decimal_has_eight_decimals_or_as_many_as_it_needs(value: str, text: str) -> None:
    assert decimal_text(D(value)) == text


@given(st.decimals(allow_nan=False, allow_infinity=False, places=None, min_value=-(10**20), max_value=10**20))
def test_no_decimal_is_rounded(value: Decimal) -> None:
    text = decimal_text(value)
    assert D(text) == value
    assert "E" not in text
    assert len(text.partition(".")[2]) >= 8
    with localcontext(prec=60):
        if value == value.quantize(D("1E-8")):
            assert text.removeprefix("-") == format(abs(value), ".8f")


def as_read(document: Any) -> Any:
    """The document as a client gets it."""
    return orjson.loads(orjson.dumps(document))


def limit_order(made: Venue, **more: Any) -> Order:
    return made.place("BUY", "LIMIT", "0.5", "90", client_order_id="mine", **more)


def test_an_ack_says_only_which_order_it_is() -> None:
    made = venue()
    order = limit_order(made, response_type="ACK")
    assert as_read(order_answer(order)) == {
        "symbol": "BTCUSDT",
        "orderId": order.id,
        "orderListId": -1,
        "clientOrderId": "mine",
        "transactTime": made.now,
    }


def test_a_result_says_how_the_order_stands() -> None:
    made = venue()
    order = limit_order(made)
    assert as_read(order_answer(order, "RESULT")) == {
        **order_answer(order, "ACK"),
        "price": "90.00000000",
        "origQty": "0.50000000",
        "executedQty": ZERO,
        "origQuoteOrderQty": ZERO,
        "cummulativeQuoteQty": ZERO,
        "status": "NEW",
        "timeInForce": "GTC",
        "type": "LIMIT",
        "side": "BUY",
        "workingTime": made.now,
        "selfTradePreventionMode": STP,
    }
    assert order_answer(order) == {**order_answer(order, "RESULT"), "fills": []}


def test_a_full_answer_lists_the_fills() -> None:
    made = venue("0.001")
    order = made.place("BUY", "MARKET", quote_quantity="254")
    answer = as_read(order_answer(order))
    assert (answer["status"], answer["price"], answer["timeInForce"]) == ("FILLED", ZERO, "GTC")
    assert (answer["origQuoteOrderQty"], answer["origQty"]) == ("254.00000000", "2.50000000")  # 101 + 1.5 · 102
    assert answer["cummulativeQuoteQty"] == "254.00000000"
    first, last = answer["fills"]
    assert (first["price"], first["qty"], first["commission"]) == ("101.00000000", "1.00000000", "0.00100000")
    assert (last["price"], last["qty"], last["commission"]) == ("102.00000000", "1.50000000", "0.00150000")
    assert (last["commissionAsset"], last["tradeId"], len(last)) == ("BTC", order.fills[1].trade_id, 5)


def test_an_order_is_shown_with_its_times() -> None:
    made = venue()
    order = limit_order(made)
    placed = made.now
    made.tick("89", "0.2")
    shown = as_read(order_document(order))
    assert shown == {
        "symbol": "BTCUSDT",
        "orderId": order.id,
        "orderListId": -1,
        "clientOrderId": "mine",
        "price": "90.00000000",
        "origQty": "0.50000000",
        "executedQty": "0.20000000",
        "cummulativeQuoteQty": "18.00000000",
        "status": "PARTIALLY_FILLED",
        "timeInForce": "GTC",
        "type": "LIMIT",
        "side": "BUY",
        "stopPrice": ZERO,
        "icebergQty": ZERO,
        "time": placed,
        "updateTime": placed + 1,
        "isWorking": True,
        "workingTime": placed,
        "origQuoteOrderQty": ZERO,
        "selfTradePreventionMode": STP,
    }


def test_conditional_fields_appear_only_where_they_say_something() -> None:
    made = venue()
    plain = set(order_answer(limit_order(made)))
    trailing = made.place(
        "SELL", "STOP_LOSS_LIMIT", "0.5", "80", stop_price="90", trailing_delta=100, iceberg_quantity="0.1",
        strategy_id=7, strategy_type=1_000_000,
    )  # fmt: skip
    answer = as_read(order_answer(trailing, "FULL"))
    assert {name: answer[name] for name in set(answer) - plain} == {
        "stopPrice": "90.00000000",
        "icebergQty": "0.10000000",
        "trailingDelta": 100,
        "trailingTime": -1,
        "strategyId": 7,
        "strategyType": 1_000_000,
    }
    assert answer["workingTime"] == -1
    assert order_document(trailing)["isWorking"] is False
    following = made.place("SELL", "STOP_LOSS", "0.5", trailing_delta=100)
    assert order_answer(following, "RESULT")["trailingTime"] == made.now
    assert order_answer(following, "RESULT")["stopPrice"] == ZERO


def test_an_expired_order_says_why() -> None:
    made = venue()
    order = made.place("BUY", "MARKET", "5")
    assert (order.status, order_answer(order)["expiryReason"]) == ("EXPIRED", "INSUFFICIENT_LIQUIDITY")
    assert order_document(order)["expiryReason"] == "INSUFFICIENT_LIQUIDITY"


def test_prevented_trades_are_shown_on_both_sides() -> None:
    made = venue()
    maker = made.place("SELL", "LIMIT", "0.4", "100")
    taker = made.place("BUY", "LIMIT", "0.5", "100", self_trade_prevention="EXPIRE_MAKER")
    (match,) = taker.prevented_matches
    row = {
        "preventedMatchId": match.id,
        "makerOrderId": maker.id,
        "price": "100.00000000",
        "makerPreventedQuantity": "0.40000000",
    }
    assert order_answer(taker)["preventedMatches"] == [row]
    assert "preventedQuantity" not in order_document(taker)
    shown = order_document(maker)
    assert (shown["status"], shown["preventedMatchId"], shown["preventedQuantity"]) == (
        "EXPIRED_IN_MATCH", match.id, "0.40000000",
    )  # fmt: skip
    assert "expiryReason" not in shown
    assert "preventedMatches" not in order_answer(maker)


def test_the_prevented_match_shown_is_the_last_that_took_something_from_the_order() -> None:
    made = venue()
    maker = made.place("SELL", "LIMIT", "0.4", "100")
    modes = ("DECREMENT", "DECREMENT", "EXPIRE_TAKER")
    takers = [made.place("BUY", "LIMIT", "0.1", "100", self_trade_prevention=mode) for mode in modes]
    first, second, third = maker.prevented_matches
    assert order_document(maker)["preventedMatchId"] == second.id
    assert order_document(takers[2])["preventedMatchId"] == third.id
    taken = documents.prevented_quantities(first)
    assert (taken["takerPreventedQuantity"], taken["makerPreventedQuantity"]) == ("0.10000000", "0.10000000")
    assert "makerPreventedQuantity" not in documents.prevented_quantities(third)


def test_a_cancel_tells_both_names() -> None:
    made = venue()
    order = limit_order(made)
    made.engine.cancel("ann", "BTCUSDT", Which(order.id), made.time(), new_client_order_id="gone")
    answer = as_read(cancel_answer(order))
    assert (answer["origClientOrderId"], answer["clientOrderId"]) == ("mine", "gone")
    assert (answer["status"], answer["transactTime"]) == ("CANCELED", made.now)
    assert not {"workingTime", "fills", "time"} & set(answer)
    assert set(answer) == set(order_answer(order, "RESULT")) - {"workingTime"} | {"origClientOrderId"}
    assert cancel_answer(order, "amended")["origClientOrderId"] == "amended"
