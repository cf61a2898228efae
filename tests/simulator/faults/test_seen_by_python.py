"""Faults set by a call of Python, what is told of them, and that no fault of the catalogue is left without a test."""

from __future__ import annotations

import threading
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from tests.contracts.venue import LocalVenue
from tests.simulator.faults.over_sockets import BROKEN, DONE, ORDER, Script, opened, outcome, statuses
from tests.simulator.faults.over_sockets import emptied as emptied
from tests.simulator.faults.over_sockets import exchange as exchange
from tests.simulator.faults.over_sockets import script as script
from tests.simulator.faults.over_sockets import trader as trader

from thunes.errors import DataError, UsageError
from thunes.simulator import LocalExchange
from thunes.simulator.faults.catalogue import CATALOGUE

pytestmark = pytest.mark.loopback


def test_a_call_sets_what_a_script_would(exchange: LocalExchange, trader: LocalVenue, script: Script) -> None:
    fault = exchange.fault("drop_after_accept", ORDER, count=1)
    listed = script.http.get("/faults").json()["faults"][-1]
    assert listed == {**fault.document(), "left": 1}
    assert outcome(trader.client.create_order, **trader.market.market()) == BROKEN
    assert statuses(trader) == ["FILLED"]
    strike = exchange.struck[-1]
    assert (strike.fault, strike.name, strike.hit) == (fault.number, "drop_after_accept", ORDER)
    assert strike._asdict() == script.strikes()[-1]


def test_clearing_ends_faults_and_forgets_no_strike(
    exchange: LocalExchange, trader: LocalVenue, script: Script
) -> None:
    exchange.fault("drop_before", "GET /api/v3/time")
    exchange.fault("clock_offset", ms=5)
    assert outcome(trader.client.get_server_time) == BROKEN
    assert exchange.clear_faults() == 2
    assert trader.client.get_server_time() == {"serverTime": exchange.now_ms}
    assert script.struck() == [("clock_offset", "clock"), ("drop_before", "GET /api/v3/time")]
    assert exchange.clear_faults() == 0


@pytest.mark.parametrize(
    ("name", "arguments", "error", "words"),
    [
        ("drop_aftr_accept", {}, UsageError, "Did you mean 'drop_after_accept'"),
        ("delay", {"seconds": 1}, UsageError, "takes no 'seconds'"),
        ("delay", {"target": "POST /api/v3/ordre"}, UsageError, "no route"),
        ("symbol_filters", {"symbol": "BTCUSDT", "filters": [{"filterType": "LOT_SIZE"}]}, DataError, "malformed"),
        ("delist", {"symbol": "BTCUSD"}, UsageError, "Did you mean 'BTCUSDT'"),
    ],
)
def test_a_wrong_call_is_one_clear_line_and_changes_nothing(
    exchange: LocalExchange, script: Script, name: str, arguments: dict[str, Any], error: type[Exception], words: str
) -> None:
    with pytest.raises(error) as refused:
        exchange.fault(name, **arguments)
    assert words in str(refused.value)
    assert script.http.get("/faults").json()["faults"] == []
    assert script.struck() == []


def test_threads_may_set_and_clear_while_others_ask(
    exchange: LocalExchange, trader: LocalVenue, script: Script
) -> None:
    def set_some() -> None:
        for _ in range(20):
            exchange.fault("drop_before", "GET /api/v3/ping", count=1)

    threads = [threading.Thread(target=set_some) for _ in range(3)]
    for thread in threads:
        thread.start()
    seen = {outcome(trader.client.get_server_time) for _ in range(20)}
    for thread in threads:
        thread.join()
    assert (seen, exchange.clear_faults()) == ({DONE}, 60)


def test_without_a_port_the_calls_work_as_well() -> None:
    with opened(serve=False) as exchange:
        exchange.fault("clock_offset", ms=5)
        assert [strike.hit for strike in exchange.struck] == ["clock"]
        assert exchange.clear_faults() == 1


def proven_in(module: ModuleType) -> set[str]:
    tests = [getattr(module, name) for name in dir(module) if name.startswith("test_")]
    return {name for test in tests for name in getattr(test, "proven", ())}


def test_every_fault_is_seen_by_somebody() -> None:
    files = Path(__file__).parent.glob("test_seen_by_*.py")
    modules = [import_module(f"tests.simulator.faults.{file.stem}") for file in files]
    assert set().union(*map(proven_in, modules)) == set(CATALOGUE)
