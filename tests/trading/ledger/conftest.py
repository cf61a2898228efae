"""The same ledger on SQLite and on a real PostgreSQL."""

from __future__ import annotations

import itertools
import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from sqlalchemy import create_engine, text
from tests.research.search import postgres

from thunes.clock import ManualClock
from thunes.trading.ledger.ledger import Ledger

SCHEMAS = itertools.count()


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(1_000_000)


@pytest.fixture(scope="session")
def server() -> Iterator[str]:
    programs = postgres.programs()
    if programs is None:
        pytest.skip("PostgreSQL is not installed (Debian: postgresql)")
    with postgres.running(programs) as url:
        yield url


@pytest.fixture
def database(server: str) -> str:
    """The address of an empty schema."""
    name = f"ledger_{next(SCHEMAS)}"
    engine = create_engine(server)
    with engine.begin() as connection:
        connection.execute(text(f"CREATE SCHEMA {name}"))
    engine.dispose()
    return f"{server}?options=-csearch_path%3D{name}"


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.loopback)])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Path | str:
    """Where a new ledger may be made."""
    return tmp_path / "ledger.db" if request.param == "sqlite" else str(request.getfixturevalue("database"))


@pytest.fixture
def ledger(place: Path | str, clock: ManualClock) -> Iterator[Ledger]:
    with Ledger.open(place, "sim", clock) as opened:
        yield opened


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A new ledger's file."""
    path = tmp_path_factory.mktemp("template") / "ledger.db"
    Ledger.open(path, "sim", ManualClock(0)).close()
    return path


@pytest.fixture(scope="module")
def fresh(template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[], Ledger]]:
    """Gives new ledgers, for tests that need many: the one before is closed."""
    path = tmp_path_factory.mktemp("fresh") / "ledger.db"
    with ExitStack() as stack:

        def make() -> Ledger:
            stack.close()
            for suffix in ("", "-wal", "-shm"):
                path.with_name(path.name + suffix).unlink(missing_ok=True)
            shutil.copyfile(template, path)
            return stack.enter_context(Ledger.open(path, "sim", ManualClock(1_000_000)))

        yield make
