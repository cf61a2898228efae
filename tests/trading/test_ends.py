"""How a pass ends when its last words cannot be kept: the first error is told, and what was sent is booked."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from tests.trading.desk import Desk, OpenDesk, script

from thunes.errors import AuditError, DataError, LockHeld, RiskError, ThunesError

BUSY = LockHeld("E-LEDGER-BUSY", "another process writes.")
FULL = DataError("E-LEDGER-WRITE", "the disk is full.")


def failing(error: ThunesError) -> Callable[..., Any]:
    def fail(*_: Any, **__: Any) -> Any:
        raise error

    return fail


def test_a_busy_ledger_does_not_hide_that_the_trail_is_unwritable(
    open_desk: OpenDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk = open_desk(script((5, 1.0)))
    desk.run()
    monkeypatch.setattr(desk.trail, "append_many", failing(AuditError("E-AUDIT-WRITE", "the disk is full.")))
    monkeypatch.setattr(desk.ledger, "record_equity", failing(BUSY))
    with pytest.raises(AuditError):
        desk.run()
    assert desk.risk.standing().state == "REDUCING"


def test_an_order_is_told_though_equity_cannot_be_kept(open_desk: OpenDesk, monkeypatch: pytest.MonkeyPatch) -> None:
    desk = open_desk(script((0, 1.0)))
    monkeypatch.setattr(desk.ledger, "record_equity", failing(BUSY))
    done = desk.run()
    assert (done.code, len(done.fills)) == ("E-ENTRY", 1)


def test_a_pass_without_an_order_says_that_the_ledger_is_busy(
    open_desk: OpenDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk = open_desk(script((5, 1.0)))
    monkeypatch.setattr(desk.ledger, "record_equity", failing(BUSY))
    with pytest.raises(LockHeld):
        desk.run()


def test_an_exit_is_booked_though_risk_cannot_be_told_before(
    open_desk: OpenDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk = open_desk(script((0, 1.0), (1, 0.0)))
    desk.run()
    with monkeypatch.context() as patch:
        patch.setattr(desk.risk, "on_mark", failing(RiskError("E-RISK-BUSY", "another process holds it.")))
        assert desk.run().code == "E-EXIT"
    assert [order.outcome for order in desk.ledger.orders()] == ["ACCEPTED", "ACCEPTED"]
    assert settled(desk)


def test_risk_is_told_what_an_account_is_worth_while_nothing_may_be_bought(
    open_desk: OpenDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk = open_desk(script((1, 1.0)))
    desk.run()
    monkeypatch.setattr(desk.ledger, "reconcile", failing(FULL))
    before = len(desk.ledger.equity())
    for _ in range(3):
        with pytest.raises(DataError, match="disk is full"):
            desk.run()
    assert len(desk.ledger.equity()) == before + 3


def settled(desk: Desk) -> bool:
    """All booked, as the exchange has it."""
    return not desk.ledger.open_intents() and desk.ledger.reconcile(desk.venue.balances()) == []
