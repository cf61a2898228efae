"""A wait that the exchange has asked for outlives the process, and reaches the others."""

from __future__ import annotations

from pathlib import Path

import pytest

from thunes.clock import ManualClock
from thunes.errors import DataError
from thunes.exchange.binance.errors import LONGEST_WAIT
from thunes.exchange.binance.pause import FORMAT, Pause

NOW = 1_800_000_000_000


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "state" / "pause.json"


def test_it_runs_out(path: Path) -> None:
    clock = ManualClock(NOW)
    pause = Pause(clock, path)
    assert pause.left() == 0
    pause.begin(30)
    clock.sleep(29)
    assert pause.left() == 1
    clock.sleep(1)
    assert pause.left() == 0


def test_a_restart_does_not_forget_it(path: Path) -> None:
    clock = ManualClock(NOW)
    Pause(clock, path).begin(120)
    clock.sleep(20)
    assert Pause(clock, path).left() == 100


def test_another_process_hears_of_it(path: Path) -> None:
    clock = ManualClock(NOW)
    mine, theirs = Pause(clock, path), Pause(clock, path)
    theirs.begin(60)
    assert mine.left() == 60
    theirs.begin(90)
    assert mine.left() == 90


def test_a_shorter_wait_does_not_end_a_longer_one(path: Path) -> None:
    pause = Pause(ManualClock(NOW), path)
    pause.begin(60)
    pause.begin(5)
    assert pause.left() == 60


def test_a_file_that_goes_away_or_breaks_later_changes_nothing(path: Path) -> None:
    clock = ManualClock(NOW)
    pause = Pause(clock, path)
    pause.begin(60)
    path.unlink()
    assert pause.left() == 60
    path.write_text("{")
    assert pause.left() == 60


@pytest.mark.parametrize("content", ["{", "[]", '{"format": 1}', '{"format": 1, "until_ms": true}', '{"format": 2}'])
def test_a_file_that_cannot_be_read_at_the_start_is_an_error(path: Path, content: str) -> None:
    path.parent.mkdir()
    path.write_text(content)
    with pytest.raises(DataError):
        Pause(ManualClock(NOW), path)


def test_it_holds_where_it_cannot_be_written(tmp_path: Path) -> None:
    blocked = tmp_path / "a file"
    blocked.write_text("")
    pause = Pause(ManualClock(NOW), blocked / "pause.json")
    pause.begin(60)
    assert pause.left() == 60


def test_a_wait_longer_than_any_means_that_the_clock_was_set_back(path: Path) -> None:
    FORMAT.write(path, {"until_ms": NOW + round(LONGEST_WAIT * 1000) + 1})
    pause = Pause(ManualClock(NOW), path)
    assert pause.left() == 0
    pause.begin(10)
    assert pause.left() == 10


def test_without_a_file_it_is_kept_in_memory() -> None:
    pause = Pause(ManualClock(NOW))
    pause.begin(7)
    assert (pause.left(), pause.until_ms) == (7, NOW + 7_000)
