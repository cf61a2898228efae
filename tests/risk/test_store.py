"""What risk remembers survives, and where it cannot be trusted nothing is opened."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

import pytest
from tests.risk.desk import NOON, Desk, code, entry, leaving, reserved

from thunes.errors import RiskError
from thunes.risk import store
from thunes.risk.store import PAGE, RiskStore

D = Decimal
FULL = """
import resource
desk = Desk(Path(sys.argv[1]))
risk = desk.opened()
size = (desk.folder / "risk.db-wal").stat().st_size
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))
"""  # a desk whose files can grow no more


def run(root: Path, code: str, *arguments: object) -> subprocess.CompletedProcess[str]:
    """Python in another process, at the root of the repository, with a desk at hand."""
    imports = "import os, signal, sys\nfrom decimal import Decimal as D\nfrom pathlib import Path\n"
    script = f"{imports}from tests.risk.desk import *\n{code}"
    command = [sys.executable, "-c", script, *map(str, arguments)]
    env = {k: v for k, v in os.environ.items() if not k.startswith("COVERAGE")}  # who is killed leaves half a file
    return subprocess.run(command, cwd=root, env=env, capture_output=True, text=True, timeout=60, check=False)


def test_kill_9_between_reserving_and_releasing_keeps_the_room(desk: Desk, root: Path) -> None:
    died = run(
        root,
        """
desk = Desk(Path(sys.argv[1]))
held = reserved(desk.opened().reserve(entry("a")))
desk.manager.before_submit(held)
os.kill(os.getpid(), signal.SIGKILL)
""",
        desk.folder,
    )
    assert died.returncode == -signal.SIGKILL, died.stderr
    (held,) = desk.manager.reservations()
    assert (held.client_order_id, held.notional, held.submitted_ms) == ("a", D(25), NOON)
    assert code(desk.manager.reserve(entry("b"))) == "E-RISK-SYMBOL"


def test_kill_9_inside_a_decision_leaves_all_as_it_was(desk: Desk, root: Path) -> None:
    died = run(
        root,
        """
desk = Desk(Path(sys.argv[1]))
risk = desk.opened()
with desk.stores[0].transaction() as transaction:
    transaction.first_sight("x", 1)
    transaction.save(transaction.book.__class__())
    os.kill(os.getpid(), signal.SIGKILL)
""",
        desk.folder,
    )
    assert died.returncode == -signal.SIGKILL, died.stderr
    assert desk.manager.get_risk_status()["equity"] == 1000


@pytest.mark.covers("fault 63")
@pytest.mark.covers("pitfall X2")
def test_a_kill_in_a_process_that_dies_at_once_holds(desk: Desk, root: Path) -> None:
    code = "desk = Desk(Path(sys.argv[1]))\ndesk.manager.kill('x', actor='ada')\nos.kill(os.getpid(), signal.SIGKILL)"
    assert run(root, code, desk.folder).returncode == -signal.SIGKILL
    assert desk.manager.standing().state == "REDUCING"


def garbage(path: Path) -> None:
    path.write_bytes(os.urandom(20_000))


def scratched(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[PAGE : 3 * PAGE] = b"\xff" * (2 * PAGE)
    path.write_bytes(content)


def emptied(path: Path) -> None:
    path.write_bytes(b"")


def newer(path: Path) -> None:
    altered(path, "PRAGMA user_version = 2")


def of_something_else(path: Path) -> None:
    altered(path, "PRAGMA application_id = 1")


def without_a_book(path: Path) -> None:
    altered(path, "DELETE FROM book")


def with_another_book(path: Path) -> None:
    altered(path, 'UPDATE book SET document = \'{"day": "x"}\'')


def with_money_that_is_none(path: Path) -> None:
    altered(path, 'UPDATE book SET document = \'{"equity": "NaN"}\'')


def altered(path: Path, statement: str) -> None:
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute(statement)
    connection.close()


DAMAGES: list[tuple[Callable[[Path], None], str]] = [
    (garbage, "UNREADABLE"),
    (scratched, "UNREADABLE"),
    (emptied, "LOST"),
    (Path.unlink, "LOST"),
    (newer, "NEWER"),
    (of_something_else, "UNREADABLE"),
    (without_a_book, "UNREADABLE"),
    (with_another_book, "UNREADABLE"),
    (with_money_that_is_none, "UNREADABLE"),
]


@pytest.mark.covers("fault 62")
@pytest.mark.parametrize(("damage", "kind"), DAMAGES)
def test_state_that_cannot_be_trusted_halts_and_is_never_made_anew(
    desk: Desk, damage: Callable[[Path], None], kind: str
) -> None:
    held = reserved(desk.opened().reserve(entry("a")))
    desk.close()
    path = desk.folder / "risk.db"
    damage(path)
    before = path.read_bytes() if path.exists() else None
    risk = desk.another()
    status = risk.get_risk_status()
    assert (status["state"], status["code"], status["daily_pnl"]) == ("HALTED", f"E-RISK-{kind}", None)
    for answer in (risk.reserve(entry("b")), risk.reserve(leaving()), risk.before_submit(held)):
        assert code(answer) == f"E-RISK-{kind}"
    assert not risk.validate_trade("BTCUSDT", 25, "SELL", "sma")[0]
    assert [check.passed for check in risk.preview(entry("b"))] == [False]
    for action in ("cancel", "flatten"):
        assert risk.before_submit(reserved(risk.reserve(leaving(action=action)))) is None  # type: ignore[arg-type]
    with pytest.raises(RiskError) as told:
        risk.on_mark(D(1000))
    assert told.value.exit_code == 7
    desk.close()
    assert (path.read_bytes() if path.exists() else None) == before


@pytest.mark.parametrize("damage", [Path.unlink, emptied])
def test_a_file_that_vanishes_under_a_running_trader_is_noticed(desk: Desk, damage: Callable[[Path], None]) -> None:
    risk = desk.opened()
    path = desk.folder / "risk.db"
    if damage is emptied:
        other = path.with_name("other")
        other.touch()
        other.replace(path)
    else:
        path.unlink()
    assert code(risk.reserve(entry("a"))) == "E-RISK-LOST"
    assert risk.get_risk_status()["state"] == "HALTED"


def test_a_restored_file_is_read_without_a_restart(desk: Desk) -> None:
    desk.opened()
    desk.close()
    path = desk.folder / "risk.db"
    path.rename(path.with_name("kept"))
    assert desk.manager.get_risk_status()["state"] == "HALTED"
    path.with_name("kept").rename(path)
    assert desk.manager.get_risk_status()["equity"] == 1000


def test_a_making_that_was_broken_off_is_done_again(desk: Desk) -> None:
    desk.folder.mkdir(parents=True)
    connection = sqlite3.connect(desk.folder / "risk.db", isolation_level=None)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.close()
    assert desk.opened().standing().state == "ACTIVE"


def test_its_files_are_for_the_owner_alone(desk: Desk) -> None:
    desk.opened()
    assert desk.folder.stat().st_mode & 0o777 == 0o700
    for name in ("risk.db", "risk.db-wal"):
        assert (desk.folder / name).stat().st_mode & 0o077 == 0, name


def test_while_another_process_holds_the_lock_exits_go_and_entries_wait_in_vain(desk: Desk) -> None:
    desk.opened()
    risk = desk.another()
    quick = RiskStore(desk.folder, wait=0.01)
    desk.stores.append(quick)
    risk = type(risk)(desk.limits, quick, desk.clock, desk.events.append)
    with desk.stores[0].transaction():
        assert code(risk.reserve(entry("a"))) == "E-RISK-BUSY"
        assert risk.before_submit(reserved(risk.reserve(leaving()))) is None


def test_a_thread_that_holds_the_connection_is_waited_for_only_so_long(tmp_path: Path) -> None:
    own = RiskStore(tmp_path, wait=0.01)
    with own.transaction(), pytest.raises(RiskError, match="in use"), own.transaction():
        pass
    own.close()


def test_on_a_full_disk_entries_stop_and_exits_go(desk: Desk, root: Path) -> None:
    done = run(
        root,
        FULL
        + """
assert code(risk.reserve(entry("a"))) == "E-RISK-UNWRITABLE"
assert risk.before_submit(reserved(risk.reserve(leaving()))) is None
receipt = risk.kill("disk", actor="ada")
assert not receipt.recorded and risk.standing().state == "REDUCING"
""",
        desk.folder,
    )
    assert done.returncode == 0, done.stderr
    assert desk.manager.standing().state == "REDUCING"
    assert desk.manager.reservations() == ()


def test_a_folder_that_cannot_be_made_halts(tmp_path: Path) -> None:
    (tmp_path / "state").write_text("")
    desk = Desk(tmp_path / "state" / "sim")
    assert desk.manager.get_risk_status()["code"] == "E-RISK-UNWRITABLE"


# In an interpreter of its own: a child that fails must not go on as a second pytest.
FORKED = """
import os, sys
from pathlib import Path
from tests.risk.desk import Desk, entry

risk = Desk(Path(sys.argv[1])).opened()
assert hasattr(risk.reserve(entry("parent")), "created_ms")
child = os.fork()
if not child:
    code = 1
    try:
        code = 0 if hasattr(risk.reserve(entry("child", "ETHUSDT")), "created_ms") else 2
    finally:
        os._exit(code)
assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
assert [held.client_order_id for held in risk.reservations()] == ["parent", "child"]
assert hasattr(risk.reserve(entry("after", "SOLUSDT")), "created_ms")
"""


def test_a_fork_finds_the_same_state_and_both_sides_go_on(tmp_path: Path, root: Path) -> None:
    command = [sys.executable, "-c", FORKED, str(tmp_path / "sim")]
    done = subprocess.run(command, capture_output=True, text=True, cwd=root)
    assert done.returncode == 0, done.stderr


def test_a_long_log_is_folded_by_a_mark_and_not_by_orders(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store, "FRAMES", 20)
    risk = desk.another(orders_per_bar=10**6, orders_per_day=10**6)
    risk.on_mark(D(1000))
    log = desk.folder / "risk.db-wal"
    for _ in range(50):
        risk.reserve(entry("a"))
        risk.release("a")
    assert log.stat().st_size > 100 * PAGE
    risk.on_mark(D(1001))
    assert log.stat().st_size < 20 * PAGE
    assert risk.get_risk_status()["equity"] == 1001


def test_a_fill_is_known_again_for_more_than_a_year(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store, "FRAMES", 1)
    desk.opened()
    for days, known in ((399, True), (401, False)):
        with desk.stores[0].transaction() as transaction:
            transaction.first_sight(f"{days}", NOON - days * 86_400_000)
        desk.stores[0].tidy(NOON)
        with desk.stores[0].transaction() as transaction:
            assert transaction.first_sight(f"{days}", NOON) is not known
