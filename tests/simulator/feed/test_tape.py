from decimal import Decimal

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests import series
from tests.simulator.feed.market import MOMENTS, PATHS, STEP, TICK, all_ticks, candles, figures, tape

from thunes.errors import DataError
from thunes.simulator.feed.path import Path
from thunes.simulator.feed.tape import BLOCK, Tape


def figures_of(played, window):
    price, quantity, quote = played.price, played.quantity, played.quote
    prices = [price(count) for count in (window.open, window.high, window.low, window.close)]
    sums = [quantity(window.volume), quote(window.quote), window.trades]
    return (*prices, *sums, quantity(window.taker_volume), quote(window.taker_quote))


@given(candles(), PATHS, MOMENTS, MOMENTS)
def test_a_window_counts_what_its_ticks_say(source, path, one, other):
    played = tape(source, path)
    after, until = sorted((played.start_ms + one, played.start_ms + other))
    ticks = [tick for tick in all_ticks(played) if after < tick.time_ms <= until]
    assert list(played.ticks(after, until)) == ticks
    window = played.window(after, until)
    assert (window is None) == (not ticks)
    if window:
        assert figures_of(played, window) == figures(ticks)
        assert (window.first, window.last) == (ticks[0].number, ticks[-1].number)


def test_a_window_leaves_out_its_first_moment_and_takes_its_last():
    played = tape(series.walk(5, interval="1m"))
    window = played.window(60_000, 180_000)  # from after the open of the second candle to the open of the fourth
    assert (window.first, window.last) == (11, 30)
    assert figures_of(played, window) == figures(played.ticks(60_000, 180_000))


def test_a_window_over_several_blocks_counts_what_its_ticks_say():
    played = tape(series.walk(3 * BLOCK), Path(seed=2))
    after, until = played.start_ms + 5_000_000, played.end_ms - 7_000_000
    assert figures_of(played, played.window(after, until)) == figures(played.ticks(after, until))
    numbers = [tick.number for tick in all_ticks(played)]
    assert numbers == list(range(3 * BLOCK * played.path.ticks))


@given(candles(), PATHS, st.data())
def test_later_candles_change_no_earlier_tick(source, path, data):
    kept = data.draw(st.integers(1, len(source)))
    cut = tape(source[:kept], path)
    assert all_ticks(cut) == all_ticks(tape(source, path))[: kept * path.ticks]


def test_later_candles_change_no_earlier_tick_of_a_broken_off_block():
    source = series.walk(BLOCK + 500)
    cut = all_ticks(tape(source[: BLOCK + 7]))
    assert cut == all_ticks(tape(source))[: len(cut)]


@given(candles(), PATHS)
def test_what_the_close_becomes_changes_nothing_before_the_second_extreme_but_which_comes_first(source, path):
    """Of the later part of its own candle a tick knows the extremes, the direction and the volume: no more."""
    half = (source.open + np.where(source.close >= source.open, source.high, source.low)) / 2
    other = source.replace(close=half)
    corner = 2 * (path.points + 1)  # ticks of the first two legs
    for row in range(len(source)):
        rows = slice(row * path.ticks, row * path.ticks + corner)
        assert all_ticks(tape(source, path))[rows] == all_ticks(tape(other, path))[rows]


def test_the_same_seed_plays_the_same_ticks_and_another_one_others():
    source = series.walk(50)
    first, again, other = (all_ticks(tape(source, Path(seed=seed))) for seed in (1, 1, 2))
    assert first == again
    assert first != other


@given(candles(), MOMENTS)
def test_the_last_tick_is_the_newest_one_heard(source, moment):
    played = tape(source)
    now = played.start_ms + moment
    heard = [tick for tick in all_ticks(played) if tick.time_ms <= now]
    assert played.last(now) == (heard[-1] if heard else None)


@given(candles(), MOMENTS, st.integers(1, 25))
def test_trades_are_the_newest_ticks_with_a_quantity(source, moment, limit):
    played = tape(source)
    now = played.start_ms + moment
    heard = [tick for tick in all_ticks(played) if tick.time_ms <= now and tick.quantity]
    got = played.trades(now, limit)
    assert got == heard[len(heard) - len(got) :]
    if all(source.volume > 0.1):  # then every tick trades
        assert len(got) == min(limit, len(heard))


@given(candles(), MOMENTS, MOMENTS, st.integers(1, 20_000), st.integers(1, 20_000))
def test_the_first_touch_is_the_first_tick_that_reaches_a_bound(source, one, other, below, above):
    played = tape(source)
    after, until = sorted((played.start_ms + one, played.start_ms + other))
    low, high = Decimal(below) / 200, Decimal(above) / 200  # on the grid of prices or half between
    reached = [tick.time_ms for tick in played.ticks(after, until) if tick.price <= low or tick.price >= high]
    assert played.first_touch(after, until, below=low, above=high) == (reached[0] if reached else None)
    assert played.first_touch(after, until) is None


def test_a_price_that_is_only_just_reached_is_touched():
    played = tape(series.bars([[100, 110, 90, 105]], "1m"), Path(0, 1.0))  # ticks at 0, 20, 40, 60 s
    assert played.first_touch(-1, 60_000, below=Decimal(90)) == 19_999
    assert played.first_touch(-1, 60_000, above=Decimal(110)) == 39_999
    assert played.first_touch(19_999, 60_000, below=Decimal(90)) is None
    assert played.first_touch(-1, 60_000, below=Decimal("89.999"), above=Decimal("110.001")) is None


def test_a_price_under_half_a_tick_is_refused():
    with pytest.raises(DataError, match="E-FEED-TICK"):
        Tape(series.bars([[0.004, 0.02, 0.004, 0.01]]), TICK, STEP)


def test_a_turnover_that_cannot_be_counted_exactly_is_refused():
    large = series.bars([[1e6, 1e6, 1e6, 1e6]]).replace(volume=np.array([1e7]))
    with pytest.raises(DataError, match="E-FEED-RANGE"):
        Tape(large, Decimal("1e-8"), Decimal("1e-8"))


@pytest.mark.parametrize("interval", ["1s", "1h", "1M"])
def test_ticks_fill_a_candle_of_any_length(interval):
    source = series.bars([[1, 3, 1, 2]] * 1, interval) if interval != "1M" else february()
    played = tape(source)
    times = [tick.time_ms for tick in all_ticks(played)]
    assert (times[0], times[-1] + 1) == (int(source.open_time[0]), source.end_time)


def february():
    opened = np.array([np.datetime64("2024-02-01", "ms").astype(np.int64)])
    return series.bars([[1, 3, 1, 2]]).replace(interval="1M", open_time=opened)
