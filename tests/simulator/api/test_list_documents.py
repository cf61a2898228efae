"""Order lists, replacements and amendments as clients read them."""

from __future__ import annotations

from typing import Any

import orjson
import pytest
from tests.simulator.engine.venue import D, Venue, venue

from thunes.simulator.api import documents
from thunes.simulator.api.documents import cancel_answer, order_answer
from thunes.simulator.engine.desk import Which
from thunes.simulator.engine.events import ExecutionReport
from thunes.simulator.engine.orders import ListRequest, Order, OrderList
from thunes.simulator.request import Refused

ZERO = "0.00000000"
STP = "EXPIRE_MAKER"


def as_read(document: Any) -> Any:
    """The document as a client gets it."""
    return orjson.loads(orjson.dumps(document))


def limit_order(made: Venue) -> Order:
    return made.place("BUY", "LIMIT", "0.5", "90", client_order_id="mine")


def pair(made: Venue, **more: Any) -> OrderList:
    orders = (
        made.request("SELL", "LIMIT_MAKER", "0.5", "110", client_order_id="gain"),
        made.request("SELL", "STOP_LOSS_LIMIT", "0.5", "80", stop_price="90", client_order_id="loss"),
    )
    return made.engine.place_list("ann", ListRequest("BTCUSDT", "pair", None, orders), made.time(), **more)


def following(made: Venue, price: str, follower: Any = ("SELL", "MARKET", "0.5"), **more: Any) -> OrderList:
    """A working order and what follows it."""
    working = made.request("BUY", "LIMIT", "0.5", price, client_order_id="first", **more)
    then = made.request(*follower, client_order_id="then")
    return made.engine.place_list("ann", ListRequest("BTCUSDT", "chain", working, (then,)), made.time())


def test_a_placed_list_reports_each_order() -> None:
    made = venue()
    group = pair(made)
    answer = as_read(documents.placed_list(group))
    first, second = group.orders
    assert answer == {
        "orderListId": group.id,
        "contingencyType": "OCO",
        "listStatusType": "EXEC_STARTED",
        "listOrderStatus": "EXECUTING",
        "listClientOrderId": "pair",
        "transactionTime": made.now,
        "symbol": "BTCUSDT",
        "orders": [
            {"symbol": "BTCUSDT", "orderId": first.id, "clientOrderId": "gain"},
            {"symbol": "BTCUSDT", "orderId": second.id, "clientOrderId": "loss"},
        ],
        "orderReports": [order_answer(first, "RESULT"), order_answer(second, "RESULT")],
    }
    assert answer["orderReports"][0]["orderListId"] == group.id
    assert documents.placed_list(group, "ACK")["orderReports"][1] == order_answer(second, "ACK")
    shown = {name: value for name, value in answer.items() if name != "orderReports"}
    assert documents.list_document(group) == shown


def test_a_list_that_waits_shows_its_followers_as_pending() -> None:
    made = venue()
    reports = documents.placed_list(following(made, "90"))["orderReports"]
    assert [report["status"] for report in reports] == ["NEW", "PENDING_NEW"]
    assert reports[1]["workingTime"] == -1


def test_followers_of_an_order_filled_at_once_are_still_told_as_pending() -> None:
    made = venue()
    group = following(made, "101")
    assert group.done
    answer = documents.placed_list(group, "FULL")
    assert (answer["contingencyType"], answer["listOrderStatus"]) == ("OTO", "EXECUTING")
    assert [report["status"] for report in answer["orderReports"]] == ["FILLED", "PENDING_NEW"]
    assert (answer["orderReports"][1]["executedQty"], answer["orderReports"][1]["fills"]) == (ZERO, [])
    assert documents.list_document(group)["listStatusType"] == "ALL_DONE"
    assert group.orders[1].status == "FILLED"


def test_followers_of_an_order_that_expired_at_once_have_expired() -> None:
    made = venue()
    answer = documents.placed_list(following(made, "90", time_in_force="FOK"))
    assert [report["status"] for report in answer["orderReports"]] == ["EXPIRED", "EXPIRED"]
    assert answer["listOrderStatus"] == "ALL_DONE"


def test_a_cancelled_list_reports_what_was_cancelled_alone() -> None:
    made = venue()
    group = following(made, "101", follower=("SELL", "LIMIT", "0.5", "120"))
    placed = documents.placed_list(group)["orderReports"]
    assert (placed[1]["status"], group.orders[1].status) == ("PENDING_NEW", "NEW")
    made.engine.cancel_list("ann", "BTCUSDT", made.time(), list_id=group.id)
    answer = documents.cancelled_list(group)
    assert [report["origClientOrderId"] for report in answer["orderReports"]] == ["then"]
    assert [entry["clientOrderId"] for entry in answer["orders"]] == ["first", "then"]


def test_a_cancelled_list_tells_the_names_of_before() -> None:
    made = venue()
    group = pair(made)
    made.engine.cancel_list("ann", "BTCUSDT", made.time(), list_id=group.id)
    answer = as_read(documents.cancelled_list(group))
    assert (answer["listStatusType"], answer["listOrderStatus"]) == ("ALL_DONE", "ALL_DONE")
    assert [entry["clientOrderId"] for entry in answer["orders"]] == ["gain", "loss"]
    assert answer["orderReports"] == [cancel_answer(order) for order in group.orders]
    assert answer["transactionTime"] == made.now
    assert documents.list_document(group)["transactionTime"] == made.now


def test_cancelling_all_answers_once_for_each_list() -> None:
    made = venue()
    single, group = limit_order(made), pair(made)
    orders = made.engine.cancel_all("ann", "BTCUSDT", made.time())
    names = {single.id: "amended"}
    answers = documents.cancel_all_answer(orders, names)
    assert answers == [cancel_answer(single, "amended"), documents.cancelled_list(group)]


def replaced(made: Venue, price: str, order_id: int, mode: Any = "STOP_ON_FAILURE") -> Any:
    request = made.request("BUY", "LIMIT_MAKER", "0.5", price, client_order_id="new", response_type="ACK")
    return made.engine.cancel_replace("ann", request, Which(order_id), made.time(), mode=mode)


def test_a_replacement_answers_with_both_halves() -> None:
    made = venue()
    old = limit_order(made)
    done = replaced(made, "91", old.id)
    assert documents.replacement_answer(done) == {
        "cancelResult": "SUCCESS",
        "newOrderResult": "SUCCESS",
        "cancelResponse": cancel_answer(old),
        "newOrderResponse": order_answer(done.placed),
    }


@pytest.mark.parametrize(
    ("price", "known", "mode", "code", "results"),
    [
        ("91", False, "STOP_ON_FAILURE", -2022, ("FAILURE", "NOT_ATTEMPTED")),
        ("91", False, "ALLOW_FAILURE", -2021, ("FAILURE", "SUCCESS")),
        ("105", True, "STOP_ON_FAILURE", -2021, ("SUCCESS", "FAILURE")),
        ("105", False, "ALLOW_FAILURE", -2022, ("FAILURE", "FAILURE")),
    ],
)
def test_a_replacement_that_fails_says_which_half(
    price: str, known: bool, mode: str, code: int, results: tuple[str, str]
) -> None:
    made = venue()
    old = limit_order(made)
    done = replaced(made, price, old.id if known else 999, mode)
    with pytest.raises(Refused) as caught:
        documents.replacement_answer(done)
    assert (caught.value.status, caught.value.code) == (409 if code == -2021 else 400, code)
    data = as_read(caught.value.data)
    assert (data["cancelResult"], data["newOrderResult"]) == results
    unknown = {"code": -2011, "msg": "Unknown order sent."}
    crossing = {"code": -2010, "msg": "Order would immediately match and take."}
    assert data["cancelResponse"] == (cancel_answer(old) if known else unknown)
    answers = {"NOT_ATTEMPTED": None, "FAILURE": crossing}
    expected = order_answer(done.placed) if results[1] == "SUCCESS" else answers[results[1]]
    assert data["newOrderResponse"] == expected


def amended(made: Venue, order: Order, quantity: str) -> ExecutionReport:
    made.engine.amend("ann", "BTCUSDT", Which(order.id), D(quantity), made.time(), new_client_order_id="less")
    return next(report for report in made.reports(order) if report.execution == "REPLACED")


def test_an_amendment_answers_with_the_order_as_it_is_now() -> None:
    made = venue()
    order = limit_order(made)
    placed, report = made.now, amended(made, order, "0.3")
    assert as_read(documents.amend_answer(order, report)) == {
        "transactTime": made.now,
        "executionId": report.execution_id,
        "amendedOrder": {
            "symbol": "BTCUSDT",
            "orderId": order.id,
            "orderListId": -1,
            "origClientOrderId": "mine",
            "clientOrderId": "less",
            "price": "90.00000000",
            "qty": "0.30000000",
            "executedQty": ZERO,
            "preventedQty": ZERO,
            "quoteOrderQty": ZERO,
            "cumulativeQuoteQty": ZERO,
            "status": "NEW",
            "timeInForce": "GTC",
            "type": "LIMIT",
            "side": "BUY",
            "workingTime": placed,
            "selfTradePreventionMode": STP,
        },
    }
    assert as_read(documents.amendment_row(report, D("0.5"))) == {
        "symbol": "BTCUSDT",
        "orderId": order.id,
        "executionId": report.execution_id,
        "origClientOrderId": "mine",
        "newClientOrderId": "less",
        "origQty": "0.50000000",
        "newQty": "0.30000000",
        "time": made.now,
    }


def test_an_amended_order_of_a_list_shows_the_list() -> None:
    made = venue()
    group = following(made, "90")
    order = group.followers[0]
    answer = as_read(documents.amend_answer(order, amended(made, order, "0.3")))
    assert (answer["amendedOrder"]["status"], "workingTime" in answer["amendedOrder"]) == ("PENDING_NEW", False)
    assert answer["listStatus"] == {
        "orderListId": group.id,
        "contingencyType": "OTO",
        "listOrderStatus": "EXECUTING",
        "listClientOrderId": "chain",
        "symbol": "BTCUSDT",
        "orders": [
            {"symbol": "BTCUSDT", "orderId": group.orders[0].id, "clientOrderId": "first"},
            {"symbol": "BTCUSDT", "orderId": order.id, "clientOrderId": "less"},
        ],
    }
