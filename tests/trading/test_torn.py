"""A trail whose last line is torn, and one that is taken away while a trader runs."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.audit.trails import note, trail
from tests.trading.desk import OpenDesk, script

from thunes.audit.files import CURRENT
from thunes.audit.verify import verify
from thunes.errors import AuditError

pytestmark = pytest.mark.loopback  # python-binance opens a socket pair even where nothing is sent


@pytest.mark.covers("fault 33")
def test_a_line_torn_at_any_byte_is_set_aside_and_the_chain_goes_on(tmp_path: Path) -> None:
    with trail(tmp_path)[0] as writer:
        writer.append_many([note(str(k)) for k in range(3)])
    sound = (tmp_path / CURRENT).read_bytes()
    start = sound[:-1].rindex(b"\n") + 1
    for end in range(start + 1, len(sound)):
        (tmp_path / CURRENT).write_bytes(sound[:end])
        with trail(tmp_path)[0] as writer:
            head = writer.append(note("3"))
        report = verify(tmp_path, head)
        assert (report.first_break, report.records, report.repairs) == (None, 4, 1), end
        (aside,) = tmp_path.glob("audit_trail.torn-*")
        assert aside.read_bytes() == sound[start:end]
        aside.unlink()


@pytest.mark.covers("fault 33")
@pytest.mark.parametrize("lines", [1, 2, 3], ids=["fill", "outcome", "intent"])
@pytest.mark.parametrize("part", [0.1, 0.9])
def test_what_the_torn_lines_told_is_told_again(open_desk: OpenDesk, lines: int, part: float) -> None:
    """The machine stopped in the middle of a write of several lines; the ledger knows more than the trail."""
    desk = open_desk(script((0, 1.0)))
    desk.run()
    file = desk.folder / "logs" / CURRENT
    kept = file.read_bytes().splitlines(keepends=True)
    torn = kept[-lines]
    file.write_bytes(b"".join(kept[:-lines]) + torn[: int(len(torn) * part)])
    desk.again()
    assert desk.run().code == "E-HOLD-AS-WANTED"
    assert desk.orders() == ["FILLED"]
    (record,) = desk.ledger.orders()
    told = [entry.event.event for entry in desk.trail.history().of(record.intent.client_id)]
    assert [told.count(kind) for kind in ("intent", "outcome", "fill")] == [1, 1, 1]
    assert verify(desk.folder / "logs", desk.trail.head()).first_break is None
    assert desk.ledger.reconcile(desk.venue.balances()) == []


@pytest.mark.covers("fault 35")
@pytest.mark.parametrize("how", ["deleted", "replaced"])
def test_a_trail_that_goes_while_running_stops_entries_and_no_exit(open_desk: OpenDesk, how: str) -> None:
    desk = open_desk(script((0, 1.0), (1, 0.0), (2, 1.0)))
    desk.run()
    file = desk.folder / "logs" / CURRENT
    content = file.read_bytes()
    file.unlink()
    if how == "replaced":
        file.write_bytes(content.splitlines(keepends=True)[0])
    for _ in range(2):  # the exit goes by the reserve file, the entry after it does not
        with pytest.raises(AuditError, match="is gone from"):
            desk.run()
    assert desk.orders() == ["FILLED", "FILLED"]
    file.write_bytes(content)
    desk.again()
    assert desk.run().code == "E-ENTRY"
    assert verify(desk.folder / "logs", desk.trail.head()).first_break is None
    assert desk.ledger.reconcile(desk.venue.balances()) == []
