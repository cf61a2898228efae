"""However many ask at one moment, never one too many is let pass; a kill is the last word; exits go."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from functools import partial
from pathlib import Path

import pytest
from tests.risk import racing
from tests.risk.desk import Desk, entry

from thunes.risk.book import Reservation
from thunes.risk.manager import RiskManager
from thunes.risk.request import RiskRequest
from thunes.risk.verdict import Denial

FEW, MANY = 80, 10_000


@pytest.mark.covers("fault 61")
@pytest.mark.covers("pitfall X5")
@pytest.mark.covers("pitfall X6")
def test_four_processes_of_eight_threads_never_get_one_too_many(tmp_path: Path) -> None:
    """The last slot, the last cent, the last exposure, one symbol; and no entry, but every exit, after a kill."""
    races = [racing.track(tmp_path / what, what, FEW) for what in racing.SCARCE]
    races.append(racing.track(tmp_path / racing.KILL, racing.KILL, FEW // 4))
    won(races)


@pytest.mark.long
@pytest.mark.parametrize("what", [*racing.SCARCE, racing.KILL])
def test_nor_do_they_in_ten_thousand_rounds(what: str, tmp_path: Path) -> None:
    won([racing.track(tmp_path / what, what, MANY)])


def won(races: list[racing.Track]) -> None:
    """Run to the end, nobody let pass who should not have been."""
    racing.run(races)
    for race in races:
        assert race.too_many.value == 0, race.what
        assert race.rounds.value >= race.wanted, race.what
        assert racing.manager(race).reservations() == (), race.what


@pytest.mark.covers("pitfall X6")
@pytest.mark.parametrize("what", racing.SCARCE)
def test_of_32_threads_released_at_once_exactly_one_gets_the_last_room(what: str, desk: Desk) -> None:
    risk = desk.another(**{k: v for k, v in vars(racing.SCARCE[what]).items() if k != "price_age_ms"})
    risk.on_mark(Decimal(1000))
    for turn in range(10):
        gate = threading.Barrier(32)
        symbols = ["BTCUSDT" if what in racing.ONE_SYMBOL else f"S{number}" for number in range(32)]
        asked = [partial(ask, risk, gate, entry(f"{turn}-{i}", symbol)) for i, symbol in enumerate(symbols)]
        with ThreadPoolExecutor(32) as pool:
            answers = list(pool.map(lambda question: question(), asked))
        winners = [answer for answer in answers if isinstance(answer, Reservation)]
        assert (len(answers), len(winners)) == (32, 1)
        risk.release(winners[0].client_order_id)


def ask(risk: RiskManager, gate: threading.Barrier, request: RiskRequest) -> Reservation | Denial:
    gate.wait()
    return risk.reserve(request)
