"""A disk that is full: no entry is sent, an exit goes by the reserve file, an order that is live is booked later."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.trading.desk import D, Desk, script
from tests.trading.disk import SmallDisk, mounted

from thunes.audit.events import Note
from thunes.audit.files import CURRENT
from thunes.audit.verify import verify
from thunes.errors import AuditError, DataError

pytestmark = pytest.mark.loopback  # python-binance opens a socket pair even where nothing is sent
FULL = (AuditError, DataError)
PAGE = 4_096  # bytes
NOTE = 400  # a note's line has as many at most, beside its text


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[SmallDisk]:
    with mounted(tmp_path / "disk") as found:
        if found is None:
            pytest.skip("this user may not mount a file system")
        yield found


@pytest.fixture
def desk(disk: SmallDisk) -> Iterator[Desk]:
    """Buys at the second bar, sells at the fourth."""
    made = Desk(disk.folder, script((1, 1.0), (3, 0.0)))
    made.run()
    yield made
    made.close()


def assert_whole(desk: Desk) -> None:
    """Exchange, ledger, risk and trail tell the same."""
    assert desk.ledger.open_intents() == []
    assert desk.ledger.reconcile(desk.venue.balances()) == []
    assert desk.risk.reservations() == ()
    assert desk.risk.get_risk_status()["open_positions"] == desk.ledger.count_open_positions()
    assert desk.reserve.records() == []
    assert verify(desk.folder / "logs", desk.trail.head()).first_break is None
    for record in desk.ledger.orders():
        told = [entry.event.event for entry in desk.trail.history().of(record.intent.client_id)]
        traded = 1 if record.executed else 0
        assert [told.count(kind) for kind in ("intent", "outcome", "fill")] == [1, 1, traded], told


def fill(desk: Desk, disk: SmallDisk) -> None:
    """Leave no room, in the trail's last page neither."""
    size = (desk.folder / "logs" / CURRENT).stat().st_size
    desk.trail.append(Note(id="ballast", text="no room " * ((2 * PAGE - NOTE - size % PAGE) // 8)))
    disk.fill()


@pytest.mark.covers("fault 29")
def test_no_entry_is_sent_and_entries_stay_stopped_until_a_person_looks(desk: Desk, disk: SmallDisk) -> None:
    fill(desk, disk)
    with pytest.raises(FULL):
        desk.run()
    assert desk.orders() == []
    assert desk.risk.standing().state == "REDUCING"
    disk.free()
    desk.again()
    assert desk.trader.run().code == "E-RISK-REDUCING"
    desk.risk.resume("there is room again", D(100), actor="tests")
    assert desk.run().code == "E-ENTRY"
    assert_whole(desk)


@pytest.mark.covers("fault 29")
@pytest.mark.parametrize("restarted", [False, True])
def test_an_exit_goes_and_is_booked_when_there_is_room_again(desk: Desk, disk: SmallDisk, restarted: bool) -> None:
    desk.run()
    desk.exchange.advance(1)
    fill(desk, disk)
    with pytest.raises(FULL):
        desk.run()
    assert desk.orders() == ["FILLED", "FILLED"]
    assert len(desk.reserve.records()) == 1
    for _ in range(2):  # at the same bar, and at the next one
        with pytest.raises(FULL):
            desk.trader.run()
        desk.exchange.advance(1)
    assert desk.orders() == ["FILLED", "FILLED"]
    disk.free()
    if restarted:
        desk.again()
    desk.run()
    assert desk.ledger.positions() == []
    assert_whole(desk)


@pytest.mark.covers("fault 30")
@pytest.mark.parametrize("step", ["submit", "wire", "settle", "booked", "risk told"])
@pytest.mark.parametrize("restarted", [False, True])
@pytest.mark.parametrize("bars", [1, 3], ids=["entry", "exit"])
def test_an_order_that_is_live_is_not_lost(desk: Desk, disk: SmallDisk, step: str, restarted: bool, bars: int) -> None:
    if bars > 1:
        desk.run(bars - 1)
    sent = len(desk.orders())
    desk.step = lambda at: fill(desk, disk) if at == step else None
    with pytest.raises(Exception, match=r"cannot|space|full"):
        desk.run()
    desk.step = lambda _: None
    assert len(desk.orders()) - sent in (0, 1)
    disk.free()
    if restarted:
        desk.again()
    if desk.risk.standing().state != "ACTIVE":
        desk.risk.resume("there is room again", D(100), actor="tests")
    desk.run()
    assert desk.orders() == ["FILLED"] * (sent + 1)
    assert desk.ledger.count_open_positions() == (1 if bars == 1 else 0)
    assert_whole(desk)
