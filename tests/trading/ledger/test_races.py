"""Many at once: threads of one process, and processes of their own."""

from __future__ import annotations

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier

import pytest
from tests.trading.ledger.making import IN_USDT, D, fill, intent

from thunes.clock import ManualClock
from thunes.trading.ledger.ledger import Ledger
from thunes.trading.ledger.positions import PositionTracker

THREADS = 8
WORKER = Path(__file__).with_name("worker.py")


def at_once(ledger: Ledger, work: object) -> list[object]:
    """What each of the threads got, all of which began at the same moment."""
    barrier = Barrier(THREADS)

    def begin(number: int) -> object:
        barrier.wait()
        return work(number)  # type: ignore[operator]

    with ThreadPoolExecutor(THREADS) as pool:
        return list(pool.map(begin, range(THREADS)))


@pytest.mark.covers("pitfall X5")
def test_eight_threads_opening_a_symbol_make_one_position(ledger: Ledger) -> None:
    """Pitfall X5."""
    at_once(ledger, lambda number: ledger.book([fill(number)], IN_USDT))
    assert PositionTracker(ledger).count_open_positions() == 1
    position = ledger.position("BTCUSDT")
    assert position is not None
    assert (position.quantity, position.bought_quote) == (THREADS, 100 * THREADS)
    assert ledger.expected() == {"BTC": THREADS, "USDT": -100 * THREADS}


def test_eight_threads_told_of_one_trade_book_it_once(ledger: Ledger) -> None:
    results = at_once(ledger, lambda _: ledger.book([fill(1)], IN_USDT))
    assert sorted(map(len, results)) == [0] * (THREADS - 1) + [1]  # type: ignore[arg-type]
    assert [position.quantity for position in ledger.positions()] == [1]


def test_one_of_eight_threads_may_send_an_order(ledger: Ledger) -> None:
    results = at_once(ledger, lambda number: ledger.intend(intent(time_ms=number)))
    assert sorted(results) == [False] * (THREADS - 1) + [True]  # type: ignore[type-var]


@pytest.mark.covers("pitfall X5")
@pytest.mark.parametrize("made_before", [True, False])
def test_two_processes_opening_a_symbol_make_one_position(
    place: Path | str, clock: ManualClock, root: Path, made_before: bool
) -> None:
    """Each books the same 20 trades and 20 of its own, from one more thread each; they may make the tables at once."""
    if made_before:
        Ledger.open(place, "sim", clock).close()
    command = [sys.executable, str(WORKER), type(place).__name__, str(place)]
    environment = {**os.environ, "PYTHONPATH": str(root)}
    running = [
        subprocess.Popen([*command, number], env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        for number in "12"
    ]
    told = [process.communicate(timeout=60) for process in running]
    assert [error for _, error in told] == [b"", b""]
    newly = [int(out) for out, _ in told]
    assert sum(newly) == 20 + 2 * 20
    with Ledger.open(place, "sim", clock) as ledger:
        assert [position.quantity for position in ledger.positions()] == [60]
        assert ledger.expected() == {"BTC": D(60), "USDT": D(-6000)}
