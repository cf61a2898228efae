"""The engine behind the real filters."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from thunes.simulator.engine.engine import Engine, Which
from thunes.simulator.engine.gate import FilterGate, Prices
from thunes.simulator.engine.orders import ListRequest
from thunes.simulator.request import OrderRequest, Refused
from thunes.simulator.symbols.exchange_info import built_in
from thunes.simulator.symbols.symbol import AccountLimits

D = Decimal


@pytest.fixture
def engine() -> Engine:
    gate = FilterGate(lambda _: Prices(D(60_000)), {"bob": AccountLimits(exchange_max_num_orders=1)})
    engine = Engine([built_in()["BTCUSDT"]], gate=gate)
    for name in ("ann", "bob"):
        engine.open_account(name)
        engine.deposit(name, "USDT", D(100_000), 0)
        engine.deposit(name, "BTC", D(1), 0)
    engine.tick("BTCUSDT", 1, D(60_000), D(1), [(D(59_990), D(5))], [(D(60_010), D(5))])
    return engine


def request(name: str, type: str, side: Any = "BUY", **numbers: Any) -> OrderRequest:
    life = "GTC" if type in ("LIMIT", "STOP_LOSS_LIMIT") else None
    more = {key: D(value) for key, value in numbers.items()}
    return OrderRequest("BTCUSDT", side, type, name, time_in_force=life, **more)  # type: ignore[arg-type]


def failure(call: Callable[[], object]) -> str:
    with pytest.raises(Refused) as caught:
        call()
    return caught.value.message


def test_orders_pass_the_filters_first(engine: Engine) -> None:
    small = request("a", "LIMIT", price="59000", quantity="0.00001")
    assert failure(lambda: engine.place("ann", small, 2)) == "Filter failure: NOTIONAL"
    odd = request("b", "LIMIT", price="59000.001", quantity="0.01")
    assert failure(lambda: engine.check("ann", odd, 2)) == "Filter failure: PRICE_FILTER"
    assert engine.place("ann", request("c", "LIMIT", price="59000", quantity="0.01"), 2).status == "NEW"
    assert engine.place("ann", request("d", "MARKET", quote_quantity="1000"), 2).quote_executed <= 1_000


def test_a_budget_below_the_least_quantity_is_refused(engine: Engine) -> None:
    assert failure(lambda: engine.place("ann", request("a", "MARKET", quote_quantity="0.1"), 2)).startswith("Filter")


def test_open_orders_are_counted_for_the_filters(engine: Engine) -> None:
    for n in range(5):
        engine.place("ann", request(f"s{n}", "STOP_LOSS", "SELL", stop_price="50000", quantity="0.01"), 2)
    sixth = request("s5", "STOP_LOSS", "SELL", stop_price="50000", quantity="0.01")
    assert failure(lambda: engine.place("ann", sixth, 2)) == "Filter failure: MAX_NUM_ALGO_ORDERS"
    engine.place("bob", request("a", "LIMIT", price="59000", quantity="0.01"), 2)
    second = request("b", "LIMIT", price="59000", quantity="0.01")
    assert failure(lambda: engine.place("bob", second, 2)) == "Filter failure: EXCHANGE_MAX_NUM_ORDERS"


def test_lists_and_amendments_pass_the_filters(engine: Engine) -> None:
    pair = (
        request("up", "LIMIT_MAKER", "SELL", price="61000", quantity="0.01"),
        request("down", "STOP_LOSS", "SELL", stop_price="50000", quantity="0.01"),
    )
    group = engine.place_list("ann", ListRequest("BTCUSDT", "pair", None, pair), 2)
    small = Which(group.orders[0].id)
    assert failure(lambda: engine.amend("ann", "BTCUSDT", small, D("0.00001"), 3)) == "Filter failure: NOTIONAL"
    assert engine.amend("ann", "BTCUSDT", small, D("0.005"), 3).quantity == D("0.005")
    bad = ListRequest(
        "BTCUSDT", "bad", None, (pair[0], request("x", "STOP_LOSS", "SELL", stop_price="5", quantity="1E-7"))
    )
    assert failure(lambda: engine.place_list("ann", bad, 4)).startswith("Filter failure")


def test_a_stop_is_judged_again_when_it_triggers(engine: Engine) -> None:
    # 0.0001 at a stop of 60,500 is worth 6.05; after the fall of the average to 40,000 only 4, below the least of 5.
    price = [D(60_000)]
    engine = Engine([built_in()["BTCUSDT"]], gate=FilterGate(lambda _: Prices(price[0])))
    engine.open_account("ann")
    engine.deposit("ann", "BTC", D(1), 0)
    engine.tick("BTCUSDT", 1, D(60_000), D(1), [(D(59_990), D(5))])
    stop = engine.place("ann", request("a", "TAKE_PROFIT", "SELL", stop_price="60500", quantity="0.0001"), 2)
    price[0] = D(40_000)
    engine.tick("BTCUSDT", 3, D(60_500), D(1), [(D(60_490), D(5))])
    assert (stop.status, stop.expiry_reason) == ("EXPIRED", "REJECTED")
