"""The trail's head waits for the next write."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import text
from tests.trading.ledger.making import D, intent

from thunes.clock import ManualClock
from thunes.errors import DataError
from thunes.trading.ledger.ledger import Ledger
from thunes.trading.ledger.values import Anchor, Equity


def write(ledger: Ledger) -> None:
    ledger.record_equity(Equity(1, D(1), D(1)))


def test_a_head_goes_with_the_next_write(ledger: Ledger, clock: ManualClock) -> None:
    ledger.note_head(3, "cc")
    told = Anchor(3, "cc", clock.now_ms())
    clock.sleep(1)
    assert ledger.last_anchor() is None
    assert ledger.intend(intent())
    assert ledger.last_anchor() == told


def test_the_greatest_head_wins(ledger: Ledger) -> None:
    for sequence, digest in ((1, "aa"), (3, "cc"), (2, "bb")):
        ledger.note_head(sequence, digest)
    write(ledger)
    ledger.note_head(2, "late")
    write(ledger)
    kept = ledger.last_anchor()
    assert kept is not None
    assert (kept.sequence, kept.hash) == (3, "cc")


def test_a_head_is_written_once(ledger: Ledger) -> None:
    ledger.note_head(2, "bb")
    ledger.note_head(3, "cc")
    write(ledger)
    with ledger._store.writing() as connection:
        connection.execute(text("DELETE FROM heads"))
    write(ledger)
    ledger.keep_head()
    assert ledger.last_anchor() is None


def test_a_head_can_be_written_alone(ledger: Ledger) -> None:
    ledger.keep_head()
    assert ledger.last_anchor() is None
    ledger.note_head(1, "aa")
    ledger.keep_head()
    assert ledger.last_anchor() is not None


def test_a_write_that_is_undone_leaves_the_head_waiting(ledger: Ledger) -> None:
    ledger.note_head(1, "aa")
    with pytest.raises(DataError):
        ledger.record_equity(Equity(1, D("NaN"), D(0)))
    assert ledger.last_anchor() is None
    write(ledger)
    assert ledger.last_anchor() is not None


def test_closing_writes_the_head(place: Path | str, clock: ManualClock) -> None:
    with Ledger.open(place, "sim", clock) as ledger:
        ledger.note_head(1, "aa")
    with Ledger.open(place, "sim", clock) as ledger:
        assert ledger.last_anchor() is not None


def test_a_head_that_cannot_be_written_is_told_of_but_not_by_closing(tmp_path: Path, clock: ManualClock) -> None:
    path = tmp_path / "ledger.db"
    ledger = Ledger.open(path, "sim", clock)
    ledger.note_head(1, "aa")
    with closing(sqlite3.connect(path)) as other:
        other.execute("DROP TABLE heads")
    with pytest.raises(DataError, match="cannot use the ledger"):
        ledger.intend(intent())
    assert ledger.orders() == []  # all of the transaction, or nothing
    ledger.close()


def test_threads_that_note_heads_lose_none(ledger: Ledger) -> None:
    def note(number: int) -> None:
        ledger.note_head(number, str(number))
        if number % 7 == 0:
            ledger.keep_head()

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(note, range(200)))
    ledger.keep_head()
    kept = ledger.last_anchor()
    assert kept is not None
    assert kept.sequence == 199


FORKED = """
import os, sys
from decimal import Decimal
from pathlib import Path
from thunes.clock import ManualClock
from thunes.trading.ledger.ledger import Ledger
from thunes.trading.ledger.values import Equity

place = sys.argv[1] if "://" in sys.argv[1] else Path(sys.argv[1])
with Ledger.open(place, "sim", ManualClock(0)) as ledger:
    ledger.note_head(1, "of before")
    child = os.fork()
    if not child:
        code = 1
        try:
            ledger.record_equity(Equity(2, Decimal(2), Decimal(2)))
            code = 0 if ledger.last_anchor().sequence == 1 else 2
        finally:
            os._exit(code)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    ledger.note_head(2, "of after")
    ledger.keep_head()
    assert ledger.last_anchor().sequence == 2
"""


def test_a_forked_process_may_write_the_head_once_more(place: Path | str) -> None:
    done = subprocess.run([sys.executable, "-c", FORKED, str(place)], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
