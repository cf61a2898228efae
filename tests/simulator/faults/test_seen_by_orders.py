"""Orders whose answer was lost: what is there, what the client can find out, and what asking again does."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from binance.exceptions import BinanceAPIException
from tests.contracts.venue import LocalVenue, new_id
from tests.simulator.faults.over_sockets import (
    BROKEN,
    DONE,
    ORDER,
    QUERY,
    Outcome,
    Script,
    numbers,
    outcome,
    proves,
    statuses,
)
from tests.simulator.faults.over_sockets import exchange as exchange
from tests.simulator.faults.over_sockets import script as script
from tests.simulator.faults.over_sockets import trader as trader

pytestmark = pytest.mark.loopback
DUPLICATE, NOT_THERE, UNKNOWN = (Outcome("refused", 400, code) for code in (-2010, -2013, -2011))
LOST = {  # an order that was accepted, and whose client is told otherwise
    "drop_after_accept": ({}, BROKEN),
    "error_after_accept": ({}, Outcome("refused", 503, 0)),
    "-1007": ({"form": "json", "status": 504}, Outcome("refused", 504, -1007)),
}


def lose(script: Script, way: str, route: str = ORDER) -> Outcome:
    """Set the fault; what the client will see."""
    parameters, seen = LOST[way]
    script.fault(name_of(way), route=route, count=1, **parameters)
    return seen


def name_of(way: str) -> str:
    return "error_after_accept" if way == "-1007" else way


def find(trader: LocalVenue, order: dict[str, Any]) -> dict[str, Any]:
    found = trader.client.get_order(symbol=trader.symbol, origClientOrderId=order["newClientOrderId"])
    assert isinstance(found, dict)
    return found


@pytest.mark.parametrize("way", LOST)
@proves("drop_after_accept", "error_after_accept")
def test_a_waiting_order_is_refused_a_second_time(trader: LocalVenue, script: Script, way: str) -> None:
    script.fault("drop_after_accept", route="GET /api/v3/ping", count=1)
    script.fault("error_after_accept", route="GET /api/v3/ping", count=1)
    order = trader.market.resting()
    assert outcome(trader.client.create_order, **order) == DONE
    outcome(trader.client.ping), outcome(trader.client.ping)
    other = trader.market.resting()
    assert lose(script, way) == outcome(trader.client.create_order, **other)
    assert find(trader, other)["status"] == "NEW"
    with pytest.raises(BinanceAPIException, match="Duplicate order sent"):
        trader.client.create_order(**other)
    assert statuses(trader) == ["NEW", "NEW"]
    assert script.struck()[-1] == (name_of(way), ORDER)


@pytest.mark.parametrize("way", LOST)
@proves("drop_after_accept", "error_after_accept")
def test_a_filled_order_sent_again_is_a_second_order(trader: LocalVenue, script: Script, way: str) -> None:
    pass
