"""An account with too little money, or none: nothing is sent, and the reason says so."""

from __future__ import annotations

import pytest
from tests.trading.desk import OpenDesk, script

pytestmark = pytest.mark.loopback  # python-binance opens a socket pair even where nothing is sent


@pytest.mark.parametrize(
    ("money", "code"), [("USDT=0", "E-HOLD-NO-ROOM"), ("BTC=1", "E-HOLD-NO-ROOM"), ("USDT=0.5", "E-FILTER-NOTIONAL")]
)
def test_an_unfunded_account_buys_nothing_and_loses_nothing(open_desk: OpenDesk, money: str, code: str) -> None:
    desk = open_desk(script((0, 1.0)), money=money)
    for _ in range(3):
        done = desk.run()
        assert (done.code, done.order) == (code, None)
    assert desk.orders() == []
    assert desk.risk.standing().state == "ACTIVE"
    assert desk.risk.reservations() == ()
    assert desk.ledger.reconcile(desk.venue.balances()) == []
