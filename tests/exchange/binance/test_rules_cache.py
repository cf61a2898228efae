"""Rules are as old as may be, and no older."""

from __future__ import annotations

from typing import Any

import pytest

from thunes.clock import ManualClock
from thunes.errors import NetworkError
from thunes.exchange.binance.rules_cache import RulesCache

NOW = 1_800_000_000_000


class Source:
    """Gives another answer each time."""

    def __init__(self) -> None:
        self.asked, self.broken = 0, False

    def __call__(self) -> Any:
        if self.broken:
            raise NetworkError("E-NET-SERVER", "down")
        self.asked += 1
        return self.asked


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(NOW)


@pytest.fixture
def source() -> Source:
    return Source()


def test_they_are_asked_once_in_ten_minutes(clock: ManualClock, source: Source) -> None:
    cache = RulesCache(clock)
    assert cache.age("A") is None
    assert [cache.get("A", source), cache.get("A", source)] == [1, 1]
    clock.sleep(599)
    assert cache.get("A", source) == 1
    assert cache.age("A") == 599
    clock.sleep(1)
    assert cache.get("A", source) == 2
    assert cache.age("A") == 0


def test_each_symbol_has_its_own(clock: ManualClock, source: Source) -> None:
    cache = RulesCache(clock)
    assert [cache.get("A", source), cache.get("B", source), cache.get("A", source)] == [1, 2, 1]


def test_they_are_asked_anew_where_wanted_or_doubted(clock: ManualClock, source: Source) -> None:
    cache = RulesCache(clock)
    cache.get("A", source)
    assert cache.get("A", source, fresh=True) == 2
    cache.doubt("A")
    assert [cache.get("A", source), cache.get("A", source)] == [3, 3]


def test_a_doubt_stays_until_it_is_answered(clock: ManualClock, source: Source) -> None:
    cache = RulesCache(clock)
    cache.get("A", source)
    cache.doubt("A")
    source.broken = True
    for _ in range(2):
        with pytest.raises(NetworkError):
            cache.get("A", source)
    assert cache.last("A") == 1  # type: ignore[comparison-overlap]
    source.broken = False
    assert cache.get("A", source) == 2
    assert cache.last("B") is None


def test_a_clock_that_is_set_back_makes_them_old(clock: ManualClock, source: Source) -> None:
    cache = RulesCache(clock)
    cache.get("A", source)
    clock.sleep(-86_400)
    assert cache.get("A", source) == 2
