from decimal import Decimal

import pytest
from tests import series
from tests.simulator.feed.market import klines, tape

from thunes.simulator.feed.damage import CandleFault, damaged


@pytest.fixture(name="bars")
def bars_of_five_minutes():
    return klines(tape(series.walk(5, interval="1m")), "1m", 10**9)


def struck(bars, kind, **more):
    return list(damaged(bars, [CandleFault(kind, 120_000, **more)]))


def test_without_faults_the_bars_are_as_they_were(bars):
    assert list(damaged(bars, [])) == bars


def test_a_gap_leaves_one_bar_out(bars):
    assert struck(bars, "gap") == bars[:2] + bars[3:]


def test_a_duplicate_tells_one_bar_twice(bars):
    assert struck(bars, "duplicate") == [*bars[:3], *bars[2:]]


def test_a_bar_of_no_numbers_keeps_its_time_and_volume(bars):
    hit = struck(bars, "nan")[2]
    assert all(price.is_nan() for price in (hit.open, hit.high, hit.low, hit.close))
    assert (hit.open_time, hit.volume) == (120_000, bars[2].volume)


@pytest.mark.parametrize(("factor", "high", "low"), [("10", 10, 1), ("0.1", 1, Decimal("0.1"))])
def test_a_spike_pulls_one_extreme_away_and_leaves_the_other_bars(bars, factor, high, low):
    hit = struck(bars, "spike", factor=Decimal(factor))
    assert (hit[2].high, hit[2].low) == (bars[2].high * high, bars[2].low * low)
    assert hit[:2] + hit[3:] == bars[:2] + bars[3:]


def test_a_fault_strikes_the_same_bar_in_whatever_page_it_is_told(bars):
    assert list(damaged(bars[1:4], [CandleFault("gap", 120_000)])) == [bars[1], bars[3]]
