"""Orders whose answer was lost: what is there, what the client can find out, and what asking again does."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from binance.exceptions import BinanceAPIException
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.contracts.venue import LocalVenue
from tests.simulator.faults.over_sockets import (
    BROKEN,
    DONE,
    ORDER,
    QUERY,
    TIMED_OUT,
    Outcome,
    Script,
    outcome,
    proves,
    scripting,
    send,
    statuses,
    trading,
)
from tests.simulator.faults.over_sockets import emptied as emptied
from tests.simulator.faults.over_sockets import exchange as exchange
from tests.simulator.faults.over_sockets import script as script
from tests.simulator.faults.over_sockets import trader as trader

from thunes.simulator import LocalExchange

pytestmark = pytest.mark.loopback
NOT_THERE, UNKNOWN = Outcome("refused", 400, -2013), Outcome("refused", 400, -2011)
CANCEL = "DELETE /api/v3/order"
# Ways in which an order is accepted and its client hears otherwise: the fault, its parameters, what the client sees.
LOST: list[tuple[str, dict[str, Any], Outcome]] = [
    ("drop_after_accept", {}, BROKEN),
    ("error_after_accept", {}, Outcome("refused", 503, 0)),
    ("error_after_accept", {"status": 504, "form": "json"}, Outcome("refused", 504, -1007)),
    ("half_open", {"accept": True}, TIMED_OUT),
    ("null_json", {}, DONE),
]
NAMES = {name for name, _, _ in LOST}
ways = pytest.mark.parametrize(("name", "parameters", "seen"), LOST)


def find(trader: LocalVenue, order: dict[str, Any]) -> dict[str, Any]:
    found = trader.client.get_order(symbol=trader.symbol, origClientOrderId=order["newClientOrderId"])
    assert isinstance(found, dict)
    return found


@ways
@proves(*NAMES)
def test_an_order_that_waits_is_refused_a_second_time(
    trader: LocalVenue, script: Script, name: str, parameters: dict[str, Any], seen: Outcome
) -> None:
    script.fault(name, route=ORDER, count=1, **parameters)
    order = trader.market.resting()
    assert send(trader, order, seen) == seen
    with pytest.raises(BinanceAPIException, match="Duplicate order sent") as duplicate:
        trader.client.create_order(**order)
    assert duplicate.value.code == -2010
    assert find(trader, order)["status"] == "NEW"
    assert statuses(trader) == ["NEW"]
    assert script.struck() == [(name, ORDER)]


@ways
@proves(*NAMES)
def test_an_order_that_was_filled_is_bought_twice(
    trader: LocalVenue, script: Script, name: str, parameters: dict[str, Any], seen: Outcome
) -> None:
    """The trap: nobody refuses the id of an order that is no longer open."""
    script.fault(name, route=ORDER, count=1, **parameters)
    held, order = trader.free("BTC"), trader.market.market()
    assert send(trader, order, seen) == seen
    assert trader.client.create_order(**order)["status"] == "FILLED"
    assert statuses(trader) == ["FILLED", "FILLED"]
    fills = trader.client.get_my_trades(symbol=trader.symbol)
    assert sum(Decimal(fill["qty"]) for fill in fills) == 2 * Decimal(order["quantity"])
    assert trader.free("BTC") - held == 2 * Decimal(order["quantity"]) * Decimal("0.999")
    assert script.struck() == [(name, ORDER)]


@ways
@proves(*NAMES)
def test_asking_finds_the_order_and_its_fill(
    trader: LocalVenue, script: Script, name: str, parameters: dict[str, Any], seen: Outcome
) -> None:
    script.fault(name, route=ORDER, count=1, **parameters)
    order = trader.market.market()
    assert send(trader, order, seen) == seen
    found = find(trader, order)
    assert (found["status"], Decimal(found["executedQty"])) == ("FILLED", Decimal(order["quantity"]))
    fills = trader.client.get_my_trades(symbol=trader.symbol, orderId=found["orderId"])
    assert sum(Decimal(fill["qty"]) for fill in fills) == Decimal(order["quantity"])


@pytest.mark.parametrize("name", ["drop_before", "drop_after_accept"])
@proves("drop_before", "drop_after_accept")
def test_only_asking_tells_the_two_cuts_apart(trader: LocalVenue, script: Script, name: str) -> None:
    script.fault(name, route=ORDER, count=1)
    order = trader.market.market()
    assert send(trader, order) == BROKEN
    query = {"symbol": trader.symbol, "origClientOrderId": order["newClientOrderId"]}
    expected = {"drop_before": NOT_THERE, "drop_after_accept": DONE}
    assert outcome(trader.client.get_order, **query) == expected[name]


@pytest.mark.parametrize("name", ["drop_after_accept", "error_after_accept"])
@proves("drop_after_accept", "error_after_accept")
def test_a_refusal_is_no_acceptance_and_waits_for_one(trader: LocalVenue, script: Script, name: str) -> None:
    script.fault(name, route=ORDER, count=1)
    order = trader.market.market()
    assert outcome(trader.client.create_order, **{**order, "quantity": "1000"}).code == -1013
    assert script.struck() == []
    assert outcome(trader.client.create_order, **order) != DONE
    assert statuses(trader) == ["FILLED"]


@proves("drop_after_accept")
def test_a_lost_cancel_has_cancelled(trader: LocalVenue, script: Script) -> None:
    script.fault("drop_after_accept", route=CANCEL, count=1)
    placed = trader.client.create_order(**trader.market.resting())
    wish = {"symbol": trader.symbol, "orderId": placed["orderId"]}
    assert outcome(trader.client.cancel_order, **wish) == BROKEN
    assert outcome(trader.client.cancel_order, **wish) == UNKNOWN
    assert trader.client.get_order(**wish)["status"] == "CANCELED"
    assert script.struck() == [("drop_after_accept", CANCEL)]


@proves("error_after_accept")
def test_a_replacement_may_have_happened(trader: LocalVenue, script: Script) -> None:
    script.fault("error_after_accept", route="POST /api/v3/order/*", count=1, form="json")
    placed = trader.client.create_order(**trader.market.resting())
    wish = trader.market.resting(cancelReplaceMode="STOP_ON_FAILURE", cancelOrderId=placed["orderId"])
    assert outcome(trader.client.cancel_replace_order, **wish) == Outcome("refused", 503, -1007)
    assert statuses(trader) == ["CANCELED", "NEW"]
    assert script.struck() == [("error_after_accept", "POST /api/v3/order/cancelReplace")]


@proves("order_lag")
def test_an_order_that_was_reported_filled_is_not_there_for_a_while(trader: LocalVenue, script: Script) -> None:
    script.fault("order_lag", seconds=20)
    order, begun = trader.market.market(), trader.exchange.now_ms
    placed = trader.client.create_order(**order)
    assert placed["status"] == "FILLED"
    queries = {"orderId": placed["orderId"]}, {"origClientOrderId": order["newClientOrderId"]}
    for moment, seen in ((begun, NOT_THERE), (begun + 19_999, NOT_THERE), (begun + 20_000, DONE)):
        trader.exchange.advance(until=moment)
        assert [outcome(trader.client.get_order, symbol=trader.symbol, **query) for query in queries] == [seen] * 2
    assert script.struck() == [("order_lag", QUERY)] * 4
    assert [strike["time_ms"] for strike in script.strikes()] == [begun, begun, begun + 19_999, begun + 19_999]


@proves("order_lag")
def test_what_lags_shows_elsewhere(trader: LocalVenue, script: Script) -> None:
    script.fault("order_lag", route=QUERY)
    free, order = trader.free("USDT"), trader.market.market()
    placed = trader.client.create_order(**order)
    assert outcome(trader.client.get_order, symbol=trader.symbol, orderId=placed["orderId"]) == NOT_THERE
    assert statuses(trader) == ["FILLED"]
    assert len(trader.client.get_my_trades(symbol=trader.symbol)) == len(placed["fills"])
    assert free - trader.free("USDT") == Decimal(placed["cummulativeQuoteQty"])


@proves("order_lag")
def test_a_waiting_order_lags_too_though_it_can_be_cancelled(trader: LocalVenue, script: Script) -> None:
    script.fault("order_lag")
    placed = trader.client.create_order(**trader.market.resting())
    wish = {"symbol": trader.symbol, "orderId": placed["orderId"]}
    assert outcome(trader.client.get_order, **wish) == NOT_THERE
    assert trader.client.get_open_orders(symbol=trader.symbol)[0]["orderId"] == placed["orderId"]
    assert trader.client.cancel_order(**wish)["status"] == "CANCELED"


@pytest.mark.parametrize("name", ["truncated_json", "empty_body", "html_200", "null_json"])
@proves("truncated_json", "empty_body", "html_200", "null_json")
def test_an_answer_that_is_damaged_already_does_not_lag(trader: LocalVenue, script: Script, name: str) -> None:
    placed = trader.client.create_order(**trader.market.market())
    script.fault(name, route=QUERY, accept=True)
    script.fault("order_lag", route=QUERY)
    seen = outcome(trader.client.get_order, symbol=trader.symbol, orderId=placed["orderId"])
    assert seen == (DONE if name in ("empty_body", "null_json") else Outcome("BinanceRequestException"))
    assert script.struck() == [(name, QUERY)]


ACCEPTED = ("drop_after_accept", "error_after_accept", "null_json", "list_json", "empty_body", "truncated_json")
NOT_ACCEPTED = ("drop_before", "too_many_requests", "banned", "forbidden_html", "html_200")


@settings(max_examples=8)
@given(st.lists(st.sampled_from(ACCEPTED + NOT_ACCEPTED), min_size=1, max_size=5))
def test_whatever_happens_asking_tells_what_was_bought(exchange: LocalExchange, names: list[str]) -> None:
    with trading(exchange) as trader, scripting(exchange, set(names)) as script:
        order = trader.market.market()
        there: list[bool] = []
        for number, name in enumerate(names):
            script.fault(name, route=ORDER, count=1)
            sent = {**order, "newClientOrderId": f"order-{number}"}
            send(trader, sent)
            query = {"symbol": trader.symbol, "origClientOrderId": sent["newClientOrderId"]}
            there.append(outcome(trader.client.get_order, **query) == DONE)
        assert there == [name in ACCEPTED for name in names]
        assert trader.free("BTC") == 1 + sum(there) * Decimal(order["quantity"]) * Decimal("0.999")
        assert script.struck() == [(name, ORDER) for name in names]
