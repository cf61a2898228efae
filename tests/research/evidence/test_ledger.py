from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest
from tests.series import walk

from thunes.clock import SystemClock
from thunes.errors import DataError
from thunes.model import Candles
from thunes.research.evidence.ledger import LEDGER, TALLY, Axes, Ledger, Tried, declared, searched, space_hash
from thunes.strategies.base import Strategy
from thunes.strategies.ema_cross import EmaCross
from thunes.strategies.sma_cross import SmaCross

NARROW = {"fast": range(5, 10), "slow": range(20, 30)}
CANDLES = walk(200)


@pytest.fixture
def ledger(own_folder: Path) -> Ledger:
    return Ledger(own_folder, SystemClock())


def recorded(ledger: Ledger, candles: Candles, spaces: Mapping[type[Strategy], Axes]) -> Tried:
    """What counts against a search, which is then on record."""
    tried = ledger.count(candles, spaces)
    ledger.record(candles, spaces)
    return tried


def search(ledger: Ledger, candles: Candles = CANDLES, **ranges: range) -> Tried:
    return recorded(ledger, candles, {SmaCross: declared(SmaCross) | ranges})


def test_the_first_search_counts_once_and_again_not_at_all(ledger: Ledger) -> None:
    assert [search(ledger).count, search(ledger).count] == [1, 1]


def test_every_other_space_counts(ledger: Ledger) -> None:
    search(ledger)
    assert search(ledger, **NARROW).count == 2
    assert recorded(ledger, CANDLES, {EmaCross: declared(EmaCross)}).count == 3


def test_spaces_that_are_judged_together_are_one_search(ledger: Ledger) -> None:
    both = {SmaCross: declared(SmaCross), EmaCross: declared(EmaCross)}
    assert recorded(ledger, CANDLES, both).count == 1
    assert search(ledger).count == 2
    assert search(ledger, **NARROW).count == 3
    assert recorded(ledger, CANDLES, both).count == 2


def test_a_part_of_the_declared_space_counts_as_the_whole() -> None:
    whole = declared(SmaCross)
    assert searched(SmaCross, {**whole, **NARROW}) == whole
    beyond = {**whole, "slow": range(20, 400)}
    assert searched(SmaCross, beyond) == beyond


def test_later_candles_that_overlap_do_not_start_anew(ledger: Ledger) -> None:
    search(ledger, CANDLES[:150], **NARROW)
    assert search(ledger, CANDLES[100:]).count == 2
    assert search(ledger, CANDLES[150:]).count == 1


def test_another_market_is_another_history(ledger: Ledger) -> None:
    search(ledger, **NARROW)
    assert search(ledger, CANDLES.replace(symbol="ETHUSDT")).count == 1
    assert search(ledger, CANDLES.replace(source="synthetic:7,edge=0")).count == 1
    assert search(ledger, CANDLES.replace(source="binance")).count == 2


def test_a_deleted_ledger_is_shown_in_every_later_verdict(ledger: Ledger, own_folder: Path) -> None:
    search(ledger, **NARROW)
    search(ledger)
    (own_folder / LEDGER).unlink()
    for tried in (search(ledger), search(ledger)):
        assert tried.count == 1
        assert len(tried.notes) == 1
        assert tried.notes[0].startswith("2 of 2 entries of the trial ledger were gone at ")


def test_a_deleted_tally_hides_no_loss_that_is_on_record(ledger: Ledger, own_folder: Path) -> None:
    search(ledger)
    (own_folder / LEDGER).unlink()
    search(ledger)
    (own_folder / TALLY).unlink()
    assert len(search(ledger).notes) == 1


def test_a_damaged_ledger_is_refused_and_kept(ledger: Ledger, own_folder: Path) -> None:
    search(ledger)
    (own_folder / LEDGER).write_text("{")
    with pytest.raises(DataError, match="damaged"):
        search(ledger)
    assert (own_folder / LEDGER).read_text() == "{"


@pytest.mark.parametrize(
    "content", ['{"format": 1, "trials": [{}]}', '{"format": 1, "losses": "abc"}', '{"format": 1, "trials": null}']
)
def test_a_ledger_of_another_form_is_damaged(content: str, ledger: Ledger, own_folder: Path) -> None:
    search(ledger)
    (own_folder / LEDGER).write_text(content)
    with pytest.raises(DataError, match="damaged"):
        search(ledger)


def test_what_was_only_counted_is_not_on_record(ledger: Ledger) -> None:
    ledger.count(CANDLES, {EmaCross: declared(EmaCross)})
    assert search(ledger).count == 1


def test_a_space_is_known_by_its_values() -> None:
    assert space_hash(NARROW) == space_hash({"slow": list(range(29, 19, -1)), "fast": (5.0, 6, 7, 8, 9)})
    assert space_hash(NARROW) != space_hash({**NARROW, "slow": range(20, 31)})
    assert space_hash({}) != space_hash(NARROW)
