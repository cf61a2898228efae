import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests import series
from tests.simulator.feed.market import PATHS, all_ticks, candles, tape

from thunes.errors import UsageError
from thunes.simulator.feed.playback import Feed, Pace, Playback

MINUTE = 60_000


def two(first, second, path=None):
    return Feed([tape(first, path), tape(second, path)])


@given(candles("BTCUSDT"), candles("ETHUSDT", interval="3m"), PATHS)
def test_several_symbols_come_in_the_order_of_time(first, second, path):
    feed = two(first.replace(open_time=first.open_time + 2 * 28_000_000 * MINUTE), second, path)
    ticks = list(feed.ticks(feed.start_ms - 1, feed.end_ms))
    assert [tick.time_ms for tick in ticks] == sorted(tick.time_ms for tick in ticks)
    for symbol in feed.symbols:
        assert [tick for tick in ticks if tick.symbol == symbol] == all_ticks(feed[symbol])


def test_at_equal_times_symbols_come_in_the_order_they_were_given():
    walk = series.walk(3)
    names = ["SOLUSDT", "BTCUSDT", "ETHUSDT"]
    feed = Feed([tape(walk.replace(symbol=name)) for name in names])
    assert [tick.symbol for tick in feed.ticks(-1, 0)] == names


@given(candles("BTCUSDT"), candles("ETHUSDT"), st.lists(st.integers(0, 400_000), max_size=8))
def test_any_steps_play_the_same_ticks_as_one(first, second, steps):
    feed = two(first, second)
    playback = Playback(feed, feed.start_ms - 1)
    played = []
    for step in steps:
        played += playback.advance(playback.now_ms + step)
    played += playback.advance(max(feed.end_ms, playback.now_ms))
    assert played == list(feed.ticks(feed.start_ms - 1, feed.end_ms))


def test_time_follows_the_ticks_and_ends_where_it_was_sent():
    playback = Playback(Feed([tape(series.walk(3, interval="1m"))]))
    for tick in playback.advance(100_000):
        assert playback.now_ms == tick.time_ms
    assert playback.now_ms == 100_000


def test_a_playback_begins_with_what_was_heard_by_then():
    feed = two(series.walk(9), series.walk(9, 1).replace(symbol="ETHUSDT"))
    assert [tick.number for tick in Playback(feed).heard()] == [0, 0]
    assert Playback(feed, -1).heard() == []
    late = Playback(feed, 2 * 3_600_000)
    assert [tick.time_ms for tick in late.heard()] == [2 * 3_600_000] * 2


def test_a_bar_is_over_when_the_next_one_has_opened():
    playback = Playback(Feed([tape(series.walk(5, interval="1m"))]))
    ticks = list(playback.advance(playback.after_bars(1)))
    assert playback.now_ms == MINUTE
    assert ticks[-1].time_ms == MINUTE
    assert ticks[-1].number == 10
    assert playback.after_bars(2) == 3 * MINUTE


def test_bars_are_counted_on_the_grid_also_from_within_one():
    playback = Playback(Feed([tape(series.walk(9, interval="1m"))]), 90_000)
    assert [playback.after_bars(bars) for bars in (0, 1, 3)] == [MINUTE, 2 * MINUTE, 4 * MINUTE]


def test_the_shortest_interval_is_the_bar():
    hours, minutes = series.walk(2), series.walk(2, interval="1m").replace(symbol="ETHUSDT")
    assert Playback(two(hours, minutes)).after_bars(1) == MINUTE


def test_months_are_as_long_as_they_are():
    start = 1_704_067_200_000  # 2024-01-01
    month = series.bars([[1, 3, 1, 2]]).replace(interval="1M", open_time=[start])
    assert Playback(Feed([tape(month)])).after_bars(2) - start == (31 + 29) * 86_400_000


def test_symbols_nobody_watches_cost_nothing_and_miss_nothing():
    feed = two(series.walk(50), series.walk(50, 1).replace(symbol="ETHUSDT"))
    watched = Playback(feed)
    seen = list(watched.advance(feed.end_ms, ["ETHUSDT"]))
    assert {tick.symbol for tick in seen} == {"ETHUSDT"}
    unwatched = Playback(feed)
    assert list(unwatched.advance(feed.end_ms, ())) == []
    assert unwatched.heard() == watched.heard()


def test_after_the_last_tick_time_goes_on_and_the_market_stands_still():
    feed = Feed([tape(series.walk(3))])
    playback = Playback(feed, feed.end_ms)
    assert list(playback.advance(feed.end_ms + 10**9)) == []
    assert playback.now_ms == feed.end_ms + 10**9


def test_time_does_not_go_back():
    playback = Playback(Feed([tape(series.walk(3))]), 5_000)
    with pytest.raises(UsageError, match="E-FEED-TIME"):
        playback.advance(4_999)


def test_a_feed_of_no_symbol_or_of_one_twice_is_refused():
    with pytest.raises(UsageError, match="E-FEED-SYMBOLS"):
        Feed([])
    with pytest.raises(UsageError, match="E-FEED-SYMBOLS"):
        two(series.walk(3), series.walk(3))


def test_an_unknown_symbol_is_refused_with_the_one_that_was_meant():
    with pytest.raises(UsageError, match="BTCUSDT"):
        Feed([tape(series.walk(3))])["BTCUSD"]


def test_simulated_time_runs_as_many_times_as_fast_as_the_walls():
    pace = Pace(start_ms=1_000_000, wall_ms=50_000, speed=60)
    assert [pace.at(wall) for wall in (50_000, 51_000, 49_000)] == [1_000_000, 1_060_000, 1_000_000]
