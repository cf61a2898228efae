"""What was under way when a pass broke off, or when its answer never came: exactly one position, nothing sent twice."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from tests.trading.desk import D, OpenDesk, script

from thunes.audit.verify import verify
from thunes.errors import DataError
from thunes.trading.mending import mend

pytestmark = pytest.mark.loopback  # python-binance opens a socket pair even where nothing is sent
STEPS = [
    "recover", "look", "prepare", "intent", "trail told", "submit", "wire", "settle", "booked", "risk told", "done",
]  # fmt: skip
ORDER = "POST /api/v3/order"


class Killed(Exception):
    """The process ends here."""


@pytest.mark.covers("fault 31")
@pytest.mark.covers("fault 32")
@pytest.mark.covers("pitfall X4")
@pytest.mark.covers("pitfall X8")
@pytest.mark.parametrize("at", STEPS)
def test_a_pass_that_broke_off_is_finished_by_the_next(open_desk: OpenDesk, at: str) -> None:
    desk = open_desk(script((0, 1.0)))
    desk.step = _end_at(at)
    with pytest.raises(Killed):
        desk.run()
    desk.step = lambda _: None
    desk.again()
    desk.run()
    assert desk.orders() == ["FILLED"]
    assert desk.ledger.count_open_positions() == 1
    assert desk.ledger.open_intents() == []
    assert desk.ledger.reconcile(desk.venue.balances()) == []
    assert desk.risk.reservations() == ()
    assert verify(desk.folder / "logs", desk.trail.head()).first_break is None
    name = desk.ledger.orders()[-1].intent.client_id
    told = [entry.event.event for entry in desk.trail.history().of(name)]
    assert [told.count(kind) for kind in ("intent", "fill")] == [1, 1]
    assert "outcome" in told


@pytest.mark.covers("fault 1")
def test_an_order_under_way_whose_room_was_lost_counts_again(open_desk: OpenDesk) -> None:
    """Risk's book is not synced on the way: after a power cut it may know nothing of what the trail and ledger know."""
    desk = open_desk(script((0, 1.0)))
    desk.step = _end_at("settle")
    with pytest.raises(Killed):
        desk.run()
    (held,) = desk.risk.reservations()
    desk.risk.release(held.client_order_id)
    for _ in range(2):
        mend(desk.ledger, desk.risk, desk.trail, desk.exchange.now_ms)
    (again,) = desk.risk.reservations()
    assert (again.client_order_id, again.notional, again.strategy) == (held.client_order_id, D(100), "scripted")
    desk.step = lambda _: None
    desk.again()
    desk.run()
    assert desk.risk.reservations() == ()
    assert desk.ledger.count_open_positions() == 1


def _end_at(at: str) -> Callable[[str], None]:
    def end(step: str) -> None:
        if step == at:
            raise Killed

    return end


@pytest.mark.covers("fault 1")
@pytest.mark.covers("fault 2")
@pytest.mark.covers("fault 4")
@pytest.mark.covers("fault 5")
@pytest.mark.covers("pitfall X4")
@pytest.mark.parametrize(
    ("fault", "parameters"),
    [
        ("drop_after_accept", {}),  # facts 5, rows 1 and 5: read timeout, reset after the exchange has accepted
        ("error_after_accept", {"form": "html", "status": 502}),  # row 4
        ("error_after_accept", {"form": "json"}),  # row 2: -1007, filled all the same
        ("truncated_json", {"accept": True}),  # row 55
        ("null_json", {"accept": True}),
        ("slow_drip", {}),
    ],
)
def test_an_answer_that_never_came_is_asked_for(open_desk: OpenDesk, fault: str, parameters: dict[str, Any]) -> None:
    desk = open_desk(script((0, 1.0)))
    desk.fault(fault, ORDER, count=1, **parameters)
    desk.run()
    assert desk.orders() == ["FILLED"]
    done = desk.run()
    assert done.code == "E-HOLD-AS-WANTED"
    assert desk.orders() == ["FILLED"]
    assert desk.ledger.reconcile(desk.venue.balances()) == []
    assert desk.risk.reservations() == ()


@pytest.mark.covers("fault 3")
@pytest.mark.covers("fault 5")
def test_an_order_that_never_arrived_is_given_up_and_the_next_bar_decides_anew(open_desk: OpenDesk) -> None:
    """Rows 3 and 6 of the faults: not accepted, and that can be known only after a while."""
    desk = open_desk(script((0, 1.0)))
    desk.fault("drop_before", ORDER, count=1)
    first = desk.run()
    assert first.order is not None
    assert first.order.outcome == "UNKNOWN"
    assert desk.orders() == []
    assert len(desk.risk.reservations()) == 1  # counted as if it stood
    second = desk.run()  # an hour later the fog has lifted
    assert second.code == "E-ENTRY"
    assert desk.orders() == ["FILLED"]
    assert desk.risk.reservations() == ()


@pytest.mark.covers("fault 7")
def test_an_order_that_is_not_visible_yet_blocks_what_would_double_it(open_desk: OpenDesk) -> None:
    """Row 7: -2013 although it was filled."""
    desk = open_desk(script((0, 1.0)))
    desk.fault("drop_after_accept", ORDER, count=1)
    desk.fault("order_lag", "GET /api/v3/order", seconds=20)
    desk.run()
    done = desk.trader.run()
    assert done.code in ("E-HOLD-AS-WANTED", "E-ORDER-UNKNOWN")
    assert desk.orders() == ["FILLED"]


def test_an_entry_that_cannot_be_written_down_is_not_sent(open_desk: OpenDesk) -> None:
    desk = open_desk(script((0, 1.0), (1, 0.0)))

    def unwritable(*_: object) -> bool:
        raise DataError("E-LEDGER-WRITE", "no space.")

    intend, desk.ledger.intend = desk.ledger.intend, unwritable  # type: ignore[method-assign]
    with pytest.raises(DataError):
        desk.run()
    assert desk.orders() == []
    assert desk.risk.reservations() == ()
    desk.ledger.intend = intend  # type: ignore[method-assign]


def test_an_exit_that_the_ledger_cannot_take_goes_by_the_reserve(open_desk: OpenDesk) -> None:
    desk = open_desk(script((0, 1.0), (1, 0.0)))
    desk.run()

    def unwritable(*_: object) -> bool:
        raise DataError("E-LEDGER-WRITE", "no space.")

    desk.ledger.intend = unwritable  # type: ignore[method-assign]
    with pytest.raises(DataError, match="no space"):
        desk.run()  # sent, and then there is no place to book it
    assert desk.orders() == ["FILLED", "FILLED"]
    desk.again()
    desk.run()
    assert desk.ledger.positions() == []
    assert desk.ledger.reconcile(desk.venue.balances()) == []


@pytest.mark.covers("fault 12")
@pytest.mark.covers("pitfall X4")
def test_a_rest_that_found_no_buyer_is_sold_at_the_next_bar(open_desk: OpenDesk) -> None:
    """Row 12: EXPIRED with a part of it executed is a real position, and no chase."""
    from decimal import Decimal

    from thunes.trading.decision import Sizing

    desk = open_desk(script((0, 1.0)), sizing=Sizing(quote_amount=Decimal(50_000_000)), money="USDT=100000000")
    done = desk.run()
    assert done.order is not None
    assert done.order.status == "EXPIRED"
    assert 0 < done.order.executed < done.order.intent.ticket.quantity  # type: ignore[operator]
    assert desk.run().code == "E-HOLD-AS-WANTED"
    assert desk.ledger.reconcile(desk.venue.balances()) == []
