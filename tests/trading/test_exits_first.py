"""What only entries wait for: an exit passes open circuit breakers, and has a part of the exchange's limits left."""

from __future__ import annotations

from collections.abc import Mapping

import pytest
from tests.trading.desk import Desk, OpenDesk, script

from thunes.errors import NetworkError
from thunes.exchange.binance.breaker import FAILURES
from thunes.exchange.binance.budget import Budget

pytestmark = pytest.mark.loopback  # python-binance opens a socket pair even where nothing is sent
WISHES = script((0, 1.0), (1, 0.0), (2, 1.0))


def open_breakers(desk: Desk) -> None:
    for name in ("market_data", "account", "entries"):
        for _ in range(FAILURES):
            desk.venue.shared.monitor.breaker(name).record(success=False)


class Shared(Budget):
    """Others use it up as well: no answer says that it is less."""

    def note(self, headers: Mapping[str, str]) -> None:
        pass


def use_up(desk: Desk) -> None:
    """More than what everybody may use, less than all."""
    budget = Shared(desk.clock)
    for host in {desk.venue._host, desk.venue._data}:
        host.budget = budget
    for _ in range(49):
        budget.admit(100, urgent=True)


@pytest.mark.parametrize("trouble", [open_breakers, use_up])
def test_who_holds_something_may_look_and_sell(open_desk: OpenDesk, trouble: object) -> None:
    assert callable(trouble)
    desk = open_desk(WISHES)
    desk.run()
    desk.exchange.advance(1)
    trouble(desk)
    done = desk.trader.run()
    assert (done.code, desk.orders()) == ("E-EXIT", ["FILLED", "FILLED"])


@pytest.mark.parametrize("trouble", [open_breakers, use_up])
def test_who_holds_nothing_waits(open_desk: OpenDesk, trouble: object) -> None:
    assert callable(trouble)
    desk = open_desk(WISHES)
    desk.exchange.advance(1)
    trouble(desk)
    with pytest.raises(NetworkError):
        desk.trader.run()
    assert desk.orders() == []
