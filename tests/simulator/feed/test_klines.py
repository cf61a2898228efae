from decimal import Decimal

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests import series
from tests.simulator.feed.market import MOMENTS, PATHS, TICK, all_ticks, candles, figures, forming, klines, tape

from thunes.errors import UsageError
from thunes.market.resample import resample
from thunes.model import interval_ms
from thunes.simulator.feed.klines import offered
from thunes.simulator.feed.tape import Tape

AFTER_ALL = 10**15
WHOLE = 10**9  # more bars than there are
COARSER = st.sampled_from(["1m", "3m", "5m", "15m", "1h", "1d"])


def counted(bar):
    prices = (bar.open, bar.high, bar.low, bar.close)
    takers = (bar.taker_volume, bar.taker_quote_volume)
    return (*prices, bar.volume, bar.quote_volume, bar.trades, *takers)


@given(candles(), PATHS, MOMENTS, COARSER)
def test_every_bar_closed_or_forming_is_the_sum_of_its_ticks(source, path, moment, interval):
    played = tape(source, path)
    now = played.start_ms + moment
    for bar in klines(played, interval, now):
        ticks = list(played.ticks(bar.open_time - 1, min(now, bar.close_time)))
        assert counted(bar) == figures(ticks)
        assert (bar.first_id, bar.last_id) == (ticks[0].number, ticks[-1].number)
        assert bar.closed == (now > bar.close_time)


@given(candles(), PATHS, MOMENTS, COARSER)
def test_bars_do_not_depend_on_later_candles(source, path, moment, interval):
    now = int(source.open_time[0]) + max(moment, 0)
    heard = source[: int((source.open_time <= now).sum())]
    assert klines(tape(heard, path), interval, now) == klines(tape(source, path), interval, now)


@given(candles(), PATHS)
def test_the_source_comes_back_exactly(source, path):
    bars = klines(tape(source, path), "1m", AFTER_ALL)
    for name in ("open_time", "open", "high", "low", "close", "volume"):
        assert [float(getattr(bar, name)) for bar in bars] == getattr(source, name).tolist()


@pytest.mark.parametrize("name", ["BTCUSDT-1m-2023-03", "panel-1h/ETHUSDT-1h", "BTCUSDT-1h-2017-2022"])
def test_real_candles_come_back_exactly_from_their_ticks(real, name):
    source = real(name, 2_500)
    played = Tape(source, TICK, Decimal("0.00001"))
    size = played.path.ticks
    ticks, bars = all_ticks(played), klines(played, source.interval, AFTER_ALL, limit=WHOLE)
    assert len(bars) == len(source)
    for row, bar in enumerate(bars):
        written = [Decimal(repr(float(getattr(source, name)[row]))) for name in ("open", "high", "low", "close")]
        volume = Decimal(repr(float(source.volume[row]))).quantize(played.step)
        assert figures(ticks[row * size : (row + 1) * size]) == counted(bar)
        assert [*written, volume] == list(counted(bar)[:5])


@given(candles(), COARSER)
def test_closed_bars_are_those_that_resampling_makes(source, interval):
    bars = klines(tape(source), interval, AFTER_ALL)
    end = source.end_time
    finished = [bar for bar in bars if bar.close_time < end]
    if not finished:
        return
    whole = resample(source, interval)
    for name in ("open_time", "open", "high", "low", "close"):
        assert [float(getattr(bar, name)) for bar in finished] == getattr(whole, name).tolist()
    np.testing.assert_allclose([float(bar.volume) for bar in finished], whole.volume, rtol=1e-12)


@pytest.mark.parametrize("interval", ["3d", "1w", "1M"])
def test_long_bars_are_those_that_resampling_makes(real, interval):
    source = real("panel-1h/ETHUSDT-1h", 5_000)
    whole = resample(source, interval)
    bars = klines(Tape(source, TICK, Decimal("0.001")), interval, source.end_time)[: len(whole)]
    for name in ("open_time", "open", "high", "low", "close"):
        assert [float(getattr(bar, name)) for bar in bars] == getattr(whole, name).tolist()
    assert all(bar.closed for bar in bars)
    assert bars[0].close_time + 1 == bars[1].open_time


def test_candles_of_weeks_that_begin_on_any_day_keep_their_own_times():
    week = interval_ms("1w")
    source = series.bars([[1, 3, 1, 2]] * 3, "1w")  # from a Thursday
    bars = klines(tape(source), "1w", AFTER_ALL)
    assert [bar.open_time for bar in bars] == [0, week, 2 * week]


def test_without_a_start_the_newest_bars_come_and_with_one_the_oldest_from_it():
    played = tape(series.walk(100, interval="1m"))
    now = played.end_ms
    minutes = [bar.open_time // 60_000 for bar in klines(played, "1m", now, limit=3)]
    assert minutes == [97, 98, 99]
    assert [bar.open_time // 60_000 for bar in klines(played, "1m", now, start=30_000, limit=2)] == [1, 2]
    assert [bar.open_time // 60_000 for bar in klines(played, "1m", now, end=600_000, limit=2)] == [9, 10]
    assert [bar.open_time // 60_000 for bar in klines(played, "1m", now, start=60_000, end=120_000)] == [1, 2]
    assert klines(played, "1m", now, start=now + 1) == []
    assert klines(played, "1m", -1) == []


def test_pages_of_bars_put_together_are_the_whole():
    played = tape(series.walk(2_500, interval="1m"))
    pages, start = [], 0
    while page := klines(played, "5m", AFTER_ALL, start=start, limit=100):
        pages += page
        start = page[-1].open_time + 1
    assert pages == klines(played, "5m", AFTER_ALL, limit=WHOLE)
    assert len(pages) == 500


def test_the_last_bar_forms_until_its_last_millisecond_has_passed():
    played = tape(series.walk(10, interval="1m"))
    assert not forming(played, "5m", 299_999).closed
    assert [bar.closed for bar in klines(played, "5m", 300_000)] == [True, False]
    assert forming(played, "5m", -1) is None


def test_a_bar_that_begins_before_the_candles_is_left_out():
    minutes = series.walk(10, interval="1m")[2:]
    assert [bar.open_time for bar in klines(tape(minutes), "5m", AFTER_ALL)] == [300_000]


def test_a_gap_stays_a_gap_and_a_bar_is_not_seen_before_its_first_tick():
    minutes = series.walk(20, interval="1m")
    holed = minutes.replace(open_time=minutes.open_time + np.where(np.arange(20) < 5, 0, 11 * 60_000))
    played = tape(holed)
    assert [bar.open_time // 60_000 for bar in klines(played, "5m", AFTER_ALL)] == [0, 15, 20, 25, 30]
    assert [bar.open_time // 60_000 for bar in klines(played, "5m", 15 * 60_000)] == [0]
    assert [bar.open_time // 60_000 for bar in klines(played, "5m", 16 * 60_000)] == [0, 15]


def test_bars_finer_than_the_source_are_not_offered():
    assert offered("1h") == ("1h", "2h", "4h", "6h", "8h", "12h", "1d", "3d", "1w", "1M")
    assert offered("3d") == ("3d",)
    with pytest.raises(UsageError, match="E-RESAMPLE-INTERVAL"):
        klines(tape(series.walk(10)), "1m", AFTER_ALL)


def test_a_row_has_the_twelve_values_in_the_exchanges_order():
    source = series.bars([[100, 110, 90, 105]], "1m").replace(volume=np.array([2.5]))
    (bar,) = klines(tape(source), "1m", AFTER_ALL)
    row = bar.row()
    assert [str(value) for value in row[:7]] == ["0", "100.00", "110.00", "90.00", "105.00", "2.500", "59999"]
    assert row[7:] == (bar.quote_volume, 10, bar.taker_volume, bar.taker_quote_volume, "0")
    assert 90 * Decimal("2.5") < bar.quote_volume < 110 * Decimal("2.5")
