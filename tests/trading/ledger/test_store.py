"""The database itself: made, upgraded, refused, out of room, shared with forked processes."""

from __future__ import annotations

import shutil
import socket
import sqlite3
import stat
import subprocess
import sys
from contextlib import closing, suppress
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from tests.trading.ledger.making import IN_USDT, D, fill, intent

from thunes.clock import ManualClock
from thunes.errors import DataError, LockHeld, NetworkError, UsageError
from thunes.trading.ledger import schema
from thunes.trading.ledger.engine import connected
from thunes.trading.ledger.ledger import Ledger
from thunes.trading.ledger.store import Store, ledger_path
from thunes.trading.ledger.upgrade import OURS, Migrations

NEXT = """
import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade():
    op.add_column("orders", sa.Column("more", sa.Text))
    {then}
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "ledger.db"


def later(folder: Path, then: str = "") -> Migrations:
    """What a later version of the program would bring."""
    shutil.copytree(OURS.folder, folder, ignore=shutil.ignore_patterns("__pycache__"))
    (folder / "versions" / "v0002_more.py").write_text(NEXT.format(then=then))
    return Migrations(folder, "0002")


def columns(path: Path) -> list[str]:
    with closing(sqlite3.connect(path)) as connection:
        return [row[1] for row in connection.execute("PRAGMA table_info(orders)")]


def test_the_migrations_make_the_tables_of_the_schema(place: Path | str, clock: ManualClock) -> None:
    with closing(Store(place, "sim", clock)) as store, store.reading() as connection:
        assert compare_metadata(MigrationContext.configure(connection), schema.tables) == []


def test_the_last_migration_is_the_schemas_format() -> None:
    assert ScriptDirectory(str(OURS.folder)).get_current_head() == schema.FORMAT


def test_a_ledger_lies_in_a_folder_that_others_cannot_read(tmp_path: Path, clock: ManualClock) -> None:
    with Ledger.of(tmp_path, "paper", clock) as ledger:
        assert ledger.environment == "paper"
    place = tmp_path / "state" / "paper" / "ledger.db"
    assert ledger_path(tmp_path, "paper") == place
    assert place.is_file()
    assert stat.S_IMODE(place.parent.stat().st_mode) == 0o700


def test_a_write_ahead_log_is_used(path: Path, clock: ManualClock) -> None:
    with closing(Store(path, "sim", clock)) as store, store.reading() as connection:
        modes = [connection.exec_driver_sql(f"PRAGMA {name}").scalar() for name in ("journal_mode", "synchronous")]
    assert modes == ["wal", 1]


def test_an_older_ledger_is_upgraded_after_a_backup(path: Path, clock: ManualClock, tmp_path: Path) -> None:
    with Ledger.open(path, "sim", clock) as ledger:
        ledger.intend(intent())
    Store(path, "sim", clock, migrations=later(tmp_path / "later")).close()
    backup = path.with_name("ledger.db.format1")
    assert "more" in columns(path)
    assert "more" not in columns(backup)
    with Ledger.open(backup, "sim", clock) as ledger:
        assert ledger.order("one") is not None


def test_an_upgrade_that_fails_leaves_everything_as_it_was(path: Path, clock: ManualClock, tmp_path: Path) -> None:
    Ledger.open(path, "sim", clock).close()
    with pytest.raises(DataError):
        Store(path, "sim", clock, migrations=later(tmp_path / "later", 'op.execute("NONSENSE")'))
    assert "more" not in columns(path)
    Ledger.open(path, "sim", clock).close()


def test_a_newer_ledger_is_refused_and_stays(path: Path, clock: ManualClock, tmp_path: Path) -> None:
    Store(path, "sim", clock, migrations=later(tmp_path / "later")).close()
    with pytest.raises(DataError, match=r"has format 0002; this program knows formats up to 0001") as caught:
        Ledger.open(path, "sim", clock)
    assert (caught.value.code, caught.value.exit_code) == ("E-FORMAT-NEWER", 4)
    assert not list(tmp_path.glob("ledger.db.format*"))


def test_environments_never_mix(place: Path | str, clock: ManualClock) -> None:
    Ledger.open(place, "testnet", clock).close()
    with pytest.raises(DataError, match="belongs to the environment testnet, not live"):
        Ledger.open(place, "live", clock)


def test_a_file_that_is_no_database_is_refused(path: Path, clock: ManualClock) -> None:
    path.write_bytes(b"no database at all" * 100)
    with pytest.raises(DataError, match="no ledger in") as caught:
        Ledger.open(path, "sim", clock)
    assert caught.value.exit_code == 4


def test_somebody_elses_database_is_refused(path: Path, clock: ManualClock) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE recipes (name)")
    with pytest.raises(DataError, match="other tables than a ledger's"):
        Ledger.open(path, "sim", clock)


def test_a_folder_that_cannot_be_made_is_one_clear_line(tmp_path: Path, clock: ManualClock) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(DataError, match="cannot make"):
        Ledger.open(tmp_path / "file" / "folder" / "ledger.db", "sim", clock)
    with pytest.raises(DataError, match="cannot use the ledger"):
        Ledger.open(tmp_path, "sim", clock)


def test_a_writer_who_never_ends_is_told_of(path: Path, clock: ManualClock) -> None:
    with Ledger.open(path, "sim", clock):
        store = Store(path, "sim", clock)
        with store.reading() as connection:
            connection.exec_driver_sql("PRAGMA busy_timeout=1")
        with closing(sqlite3.connect(path, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            with pytest.raises(LockHeld, match="somebody else wrote"), store.writing():
                pass
        store.close()


@pytest.mark.parametrize("url", ["", "ledger.db", "mysql://me@there/x", "sqlite:///ledger.db"])
def test_an_address_that_is_none_is_refused(url: str) -> None:
    with pytest.raises(UsageError, match="no PostgreSQL URL"):
        connected(url)


def test_a_short_postgresql_url_means_the_driver_that_is_there() -> None:
    assert connected("postgresql://me@there/x").url.drivername == "postgresql+psycopg"
    with pytest.raises(UsageError, match="psycopg"):
        connected("postgresql+pg8000://me@there/x")


@pytest.mark.loopback
def test_a_database_that_does_not_answer_is_told_of_without_its_password(clock: ManualClock) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with pytest.raises(NetworkError) as caught:
        Ledger.open(f"postgresql://me:geheim@127.0.0.1:{port}/x", "sim", clock)  # pragma: allowlist secret
    assert "geheim" not in str(caught.value)
    assert caught.value.exit_code == 5


def test_a_transaction_is_kept_whole_or_not_at_all(place: Path | str, clock: ManualClock) -> None:
    with closing(Store(place, "sim", clock)) as store:
        with suppress(ZeroDivisionError), store.writing() as connection:
            connection.execute(schema.latches.insert().values(strategy="s", symbol="B", bar_ms=1, reason=""))
            raise ZeroDivisionError
        with store.reading() as connection:
            assert connection.execute(schema.latches.select()).all() == []


def test_a_second_open_position_of_a_symbol_cannot_be(ledger: Ledger) -> None:
    """Pitfall X5: the database itself refuses it, whatever the code above does."""
    from sqlalchemy.exc import IntegrityError

    ledger.book([fill(1)], IN_USDT)
    row = {name: D(0) for name in ("bought", "bought_quote", "sold", "sold_quote", "fees", "realised", "realised_fifo")}
    values = {"symbol": "BTCUSDT", "opened_trade_id": 2, "strategy": "", "opened_ms": 1, **row}
    with pytest.raises(IntegrityError), ledger._store.writing() as connection:
        connection.execute(schema.positions.insert().values(**values))
    assert ledger.count_open_positions() == 1


# In an interpreter of its own: a child that fails must not go on as a second pytest.
FORKED = """
import os, sys
from decimal import Decimal
from pathlib import Path
from thunes.clock import ManualClock
from thunes.trading.ledger.ledger import Ledger
from thunes.trading.ledger.values import Equity

def snapshot(number):
    return Equity(number, Decimal(number), Decimal(number))

place = sys.argv[1] if "://" in sys.argv[1] else Path(sys.argv[1])
with Ledger.open(place, "sim", ManualClock(0)) as ledger:
    ledger.record_equity(snapshot(1))
    child = os.fork()
    if not child:
        code = 1
        try:
            ledger.record_equity(snapshot(2))
            code = 0 if len(ledger.equity()) == 2 else 2
        finally:
            os._exit(code)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    ledger.record_equity(snapshot(3))
    assert [one.time_ms for one in ledger.equity()] == [1, 2, 3]
"""


def test_a_forked_process_opens_its_own_connections(place: Path | str) -> None:
    done = subprocess.run([sys.executable, "-c", FORKED, str(place)], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


FULL = """
import resource, signal, sys
from decimal import Decimal
from pathlib import Path
from thunes.clock import ManualClock
from thunes.errors import DataError
from thunes.trading.ledger.ledger import Ledger
from thunes.trading.ledger.values import Latch

signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
path = Path(sys.argv[1])
with Ledger.open(path, "sim", ManualClock(0)) as ledger:
    ledger.latch(Latch("s", "first", 0, ""))
    limit = path.with_name("ledger.db-wal").stat().st_size + 20_000
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, resource.RLIM_INFINITY))
    try:
        for number in range(100):
            ledger.latch(Latch("s", f"more {number}", 0, "x" * 3_000))
    except DataError as error:
        print(error.code)
    kept = ledger.latches()
    resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    ledger.latch(Latch("s", "zz last", 0, ""))
    assert len(ledger.latches()) == len(kept) + 1
    assert 1 <= len(kept) < 100
"""


@pytest.mark.covers("fault 29")
def test_a_full_disk_is_told_of_and_what_was_kept_stays(path: Path) -> None:
    """Facts, row 29: a file-size limit stands for it."""
    done = subprocess.run(
        [sys.executable, "-c", FULL, str(path)], check=False, capture_output=True, text=True, timeout=60
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "E-LEDGER-WRITE\n", "")


def test_opening_a_ledger_again_does_not_load_alembic(template: Path, path: Path) -> None:
    shutil.copyfile(template, path)
    code = (
        "import sys; from pathlib import Path; from thunes.clock import ManualClock;"
        "from thunes.trading.ledger.ledger import Ledger;"
        "Ledger.open(Path(sys.argv[1]), 'sim', ManualClock(0)).close();"
        "sys.exit(any(name.split('.')[0] in ('alembic', 'pandas', 'numba', 'polars') for name in sys.modules))"
    )
    subprocess.run([sys.executable, "-c", code, str(path)], check=True, timeout=60)
