"""Transactions on kept connections, and when SQLite's log is folded into its file."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import text
from tests.trading.ledger.making import D

from thunes.clock import ManualClock
from thunes.errors import UsageError
from thunes.trading.ledger.ledger import Ledger
from thunes.trading.ledger.store import LOG, Store
from thunes.trading.ledger.values import Equity


@pytest.fixture
def store(place: Path | str, clock: ManualClock) -> Iterator[Store]:
    with closing(Store(place, "sim", clock)) as opened:
        yield opened


def environment(store: Store) -> str:
    with store.reading() as connection:
        return str(connection.execute(text("SELECT value FROM meta WHERE key = 'environment'")).scalar_one())


def test_two_transactions_at_a_time_are_on_two_connections(store: Store) -> None:
    with store.reading() as one, store.reading() as other:
        assert one is not other
    assert environment(store) == "sim"


def test_what_breaks_off_leaves_nothing_open(store: Store) -> None:
    def broken_off() -> None:
        with store.writing() as connection:
            connection.execute(text("UPDATE meta SET value = 'live'"))
            raise UsageError("E-X", "no.")

    for _ in range(40):  # more than a pool has
        with pytest.raises(UsageError):
            broken_off()
    assert environment(store) == "sim"


def test_a_closed_store_opens_again(store: Store) -> None:
    assert environment(store) == "sim"
    store.close()
    assert environment(store) == "sim"


def test_the_log_is_folded_where_no_order_is_under_way(tmp_path: Path, clock: ManualClock) -> None:
    """Folding waits for the disk, so no write does it, however many there were since; `reconcile` does."""
    path, log = tmp_path / "ledger.db", tmp_path / "ledger.db-wal"
    with Ledger.open(path, "sim", clock) as ledger:
        ledger.reconcile({})
        made = path.read_bytes()
        for k in range(1_200):  # SQLite by itself would fold after a thousand pages
            ledger.record_equity(Equity(k, D(1), D(1)))
        assert path.read_bytes() == made
        assert log.stat().st_size > LOG
        ledger.reconcile({})
        assert log.stat().st_size < LOG
        assert path.read_bytes() != made
        assert len(ledger.equity()) == 1_200


def test_a_short_log_is_left_alone(tmp_path: Path, clock: ManualClock) -> None:
    with Ledger.open(tmp_path / "ledger.db", "sim", clock) as ledger:
        ledger.record_equity(Equity(1, D(1), D(1)))
        made = (tmp_path / "ledger.db").read_bytes()
        ledger.reconcile({})
        assert (tmp_path / "ledger.db").read_bytes() == made
