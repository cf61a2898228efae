from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from tests import series
from tests.simulator.feed.market import PATHS, all_ticks, candles, tape

from thunes.errors import UsageError
from thunes.simulator.feed.path import Path


def by_candle(played):
    """Ticks as [candle, tick]."""
    ticks, size = all_ticks(played), played.path.ticks
    return [ticks[row * size : (row + 1) * size] for row in range(len(played))]


@given(candles(), PATHS)
def test_a_path_begins_at_the_open_reaches_both_extremes_and_ends_at_the_close(source, path):
    for row, ticks in enumerate(by_candle(tape(source, path))):
        prices = [float(tick.price) for tick in ticks]
        assert (prices[0], prices[-1]) == (source.open[row], source.close[row])
        assert (max(prices), min(prices)) == (source.high[row], source.low[row])


@given(candles(), PATHS)
def test_a_path_goes_straight_from_corner_to_corner(source, path):
    for row, ticks in enumerate(by_candle(tape(source, path))):
        prices = [float(tick.price) for tick in ticks]
        walked = np.abs(np.diff(prices)).sum()
        turns = [source.low[row], source.high[row]]
        ways = [np.abs(np.diff([source.open[row], *t, source.close[row]])).sum() for t in (turns, turns[::-1])]
        assert np.isclose(walked, ways).any()


@given(candles(), PATHS)
def test_the_quantities_of_a_candle_add_up_to_its_volume(source, path):
    for row, ticks in enumerate(by_candle(tape(source, path))):
        assert all(tick.quantity >= 0 for tick in ticks)
        assert float(sum(tick.quantity for tick in ticks)) == source.volume[row]


@given(candles(), PATHS)
def test_ticks_lie_inside_their_candle_the_first_at_its_open_and_the_last_at_its_close(source, path):
    for row, ticks in enumerate(by_candle(tape(source, path))):
        times = [tick.time_ms for tick in ticks]
        assert (times[0], times[-1]) == (source.open_time[row], source.open_time[row] + 60_000 - 1)
        assert times == sorted(set(times))


@given(candles(), PATHS)
def test_buyers_take_where_the_price_rises_and_sellers_where_it_falls(source, path):
    for ticks in by_candle(tape(source, path)):
        for before, tick in pairwise(ticks):
            if tick.price != before.price:
                assert tick.taker == ("BUY" if tick.price > before.price else "SELL")


def test_a_rising_candle_played_against_its_close_sees_the_low_first():
    rising = series.bars([[100, 110, 90, 105]])
    falling = series.bars([[105, 110, 90, 100]])
    assert [float(t.price) for t in all_ticks(tape(rising, Path(0, 1.0)))] == [100, 90, 110, 105]
    assert [float(t.price) for t in all_ticks(tape(falling, Path(0, 1.0)))] == [105, 110, 90, 100]
    assert [float(t.price) for t in all_ticks(tape(rising, Path(0, 0.0)))] == [100, 110, 90, 105]


def test_the_extreme_away_from_the_close_comes_first_as_often_as_asked():
    source = series.walk(4_000, volatility=0.02)
    played = tape(source, Path(0, 0.875, seed=3))
    low_first = np.array([ticks[1].price == min(tick.price for tick in ticks) for ticks in by_candle(played)])
    away = np.where(source.close >= source.open, low_first, ~low_first).mean()
    assert abs(away - 0.875) < 4 * np.sqrt(0.875 * 0.125 / 4_000)  # four standard errors of a coin


def test_real_hours_visit_the_extreme_away_from_the_close_first_in_about_seven_of_eight(real):
    minutes = real("BTCUSDT-1m-2023-03", 30_240)
    low, high = (column.reshape(-1, 60) for column in (minutes.low, minutes.high))
    low_first = low.argmin(axis=1) < high.argmax(axis=1)
    rising = minutes.close[59::60] >= minutes.open[::60]
    assert abs(np.mean(low_first == rising) - Path().against_close) < 0.03


@pytest.mark.parametrize("wrong", [{"points": -1}, {"points": 101}, {"against_close": 1.1}, {"seed": -1}])
def test_a_path_that_cannot_be_walked_is_refused(wrong):
    with pytest.raises(UsageError, match="E-PATH"):
        Path(**wrong)


def test_a_candle_has_a_tick_at_each_corner_and_the_points_between():
    assert (Path(0).ticks, Path(2).ticks) == (4, 10)
