from decimal import Decimal

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from tests import series
from tests.simulator.feed.market import PATHS, all_ticks, tape

from thunes.model import DAY_MS
from thunes.simulator.feed.averages import average_price, day_ticker
from thunes.simulator.feed.depth import Depth
from thunes.simulator.feed.path import Path


def weighted(ticks):
    return sum(tick.price * tick.quantity for tick in ticks) / sum(tick.quantity for tick in ticks)


@given(PATHS, st.integers(0, 3_600_000), st.integers(1, 10))
def test_the_average_weighs_each_trade_of_the_window_by_its_quantity(path, now, minutes):  # pragma: allowlist secret
    played = tape(series.walk(60, interval="1m"), path)
    heard = [tick for tick in all_ticks(played) if tick.time_ms <= now]
    average = average_price(played, now, minutes)
    exact = weighted([tick for tick in heard if tick.time_ms > now - minutes * 60_000])
    assert abs(average.price - exact) <= Decimal("5e-9")
    assert (average.minutes, average.close_time) == (minutes, heard[-1].time_ms)


def test_without_minutes_the_average_is_the_last_price():
    played = tape(series.walk(9, interval="1m"))
    assert average_price(played, 100_000, 0).price == played.last(100_000).price


def test_a_window_without_a_trade_has_the_last_price_before_it():
    played = tape(series.bars([[100, 110, 90, 105]], "1m"))
    assert average_price(played, 3_600_000).price == 105
    assert average_price(played, -1) is None


def test_a_flat_market_averages_to_its_price():
    played = tape(series.bars([[7, 7, 7, 7]] * 20, "1m"))
    assert average_price(played, 600_000).price == 7


@given(st.integers(0, 3 * DAY_MS))
def test_the_day_is_the_last_24_hours_and_not_the_calendars(now):
    played = tape(series.walk(60))
    heard = [tick for tick in all_ticks(played) if tick.time_ms <= now]
    day = [tick for tick in heard if tick.time_ms > now - DAY_MS]
    ticker, prices = day_ticker(played, now), [tick.price for tick in day]
    assert (ticker.open, ticker.high, ticker.low, ticker.last) == (prices[0], max(prices), min(prices), prices[-1])
    assert (ticker.first_id, ticker.last_id, ticker.trades) == (day[0].number, day[-1].number, len(day))
    assert ticker.volume == sum(tick.quantity for tick in day)
    assert ticker.quote_volume == sum(tick.quantity * tick.price for tick in day)
    assert ticker.last_quantity == day[-1].quantity
    assert ticker.change == prices[-1] - prices[0]
    assert abs(ticker.change_percent - 100 * ticker.change / prices[0]) <= Decimal("0.0005")
    assert abs(ticker.weighted_average - weighted(day)) <= Decimal("5e-9")
    before = heard[: len(heard) - len(day)]
    assert ticker.previous_close == (before[-1].price if before else prices[0])


def test_a_symbol_not_heard_of_for_a_day_has_no_figures():
    assert day_ticker(tape(series.walk(3)), 10 * DAY_MS) is None


def test_zero_volume_still_has_a_price():
    quiet = series.walk(3).replace(volume=np.zeros(3))
    played = tape(quiet, Path(seed=1))
    ticker = day_ticker(played, played.end_ms)
    assert (ticker.trades, ticker.volume) == (0, 0)
    assert ticker.weighted_average == ticker.last
    assert Depth(played).ticker(played.end_ms).bid == 0  # and nobody to trade with
