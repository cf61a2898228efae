"""Candles as REST gives them: those of the source at every interval, in every time zone, page after page."""

from decimal import Decimal
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.simulator.feed.market import MOMENTS, PATHS, all_ticks, candles, figures, tape
from tests.simulator.streams.listening import exchange, played

from thunes.market.grid import opening
from thunes.market.resample import resample
from thunes.model import COLUMNS, INTERVALS, PRICES
from thunes.simulator.api.call import Call
from thunes.simulator.api.candles import texts
from thunes.simulator.api.market import klines as asked
from thunes.simulator.feed.damage import CandleFault
from thunes.simulator.feed.klines import bars, closings, kline, newest
from thunes.simulator.request import Refused

HOUR, DAY = 3_600_000, 86_400_000
COARSER = st.sampled_from(["1m", "3m", "5m", "15m", "1h", "4h", "1d", "1w", "1M"])
ZONES = st.integers(-12 * 4, 14 * 4).map(lambda quarters: quarters * 900_000)
LIMITS = st.integers(1, 20)
STEPS = st.integers(0, 200_000) | st.sampled_from([1, 59_999, 60_000, 60_001])


def rest(venue, **sent):
    sent = {"symbol": "BTCUSDT", "interval": "1m"} | sent
    return asked(Call(venue, {name: str(value) for name, value in sent.items()}))


@given(candles(), PATHS, MOMENTS, COARSER, ZONES)
def test_a_bar_of_any_time_zone_is_the_sum_of_the_ticks_between_its_bounds(source, path, moment, interval, zone):
    market = tape(source, path)
    now = market.start_ms + moment
    for bar in bars(market, interval, now, zone):
        assert opening(np.array([bar.open_time + zone]), interval)[0] == bar.open_time + zone
        ticks = [tick for tick in all_ticks(market) if bar.open_time <= tick.time_ms <= min(bar.close_time, now)]
        told = kline(market, bar)
        assert (told.open, told.high, told.low, told.close, told.volume, told.quote_volume) == figures(ticks)[:6]
        assert bar.closed == (bar.close_time < now)


@pytest.mark.parametrize(("zone", "interval"), [(19_800_000, "1d"), (19_800_000, "4h"), (-HOUR, "1M"), (HOUR, "1M")])
def test_a_time_zone_may_cut_through_the_sources_candles(zone, interval):
    (market,) = played("BTCUSDT", interval="1h", bars=24 * 70)
    found = bars(market, interval, market.end_ms, zone)
    assert len(found) > 1
    assert found[0].open_time >= market.start_ms  # one whose beginning is missing is left out
    ticks = all_ticks(market)
    for bar in found[-5:]:
        inside = [tick for tick in ticks if bar.open_time <= tick.time_ms <= bar.close_time]
        told = kline(market, bar)
        assert (told.open, told.close, told.volume) == (
            *(inside[0].price, inside[-1].price),
            sum(tick.quantity for tick in inside),
        )
    assert all(later.open_time == bar.close_time + 1 for bar, later in pairwise(found))


@given(candles(), MOMENTS, st.lists(STEPS, min_size=1, max_size=6), COARSER, ZONES)
def test_a_bar_is_over_once_and_a_millisecond_after_its_last(source, moment, steps, interval, zone):
    market = tape(source)
    times = np.cumsum([market.start_ms + moment, *steps]).tolist()
    told = [bar for after, until in pairwise(times) for bar in closings(market, interval, after, until, zone)]
    whole = bars(market, interval, times[-1], zone, limit=10**6)
    assert told == [bar for bar in whole if times[0] < bar.close_time + 1 <= times[-1]]


def test_a_bar_is_not_over_at_its_last_millisecond_but_at_the_next():
    (market,) = played("BTCUSDT")
    last = int(market.bars.close_time[7])
    assert [bar.close_time for bar in closings(market, "1m", last, last + 1)] == [last]
    assert closings(market, "1m", last - 1, last) == closings(market, "1m", last + 1, last + 2) == []


def test_nothing_is_newest_before_the_first_bar():
    (market,) = played("BTCUSDT")
    assert newest(market, "1m", market.start_ms - 1) is None
    assert newest(market, "1m", market.start_ms).closed is False


@given(st.lists(st.integers(0, 10**14)), st.sampled_from(["1", "0.01", "0.00000001", "0.05", "0.0000000003", "100"]))
def test_whole_numbers_are_written_as_their_decimals(counts, unit):
    assert texts(counts, Decimal(unit)) == [f"{count * Decimal(unit):.8f}" for count in counts]


@pytest.fixture(scope="module")
def long_venue():
    return exchange(bars=10_500, past=10_400)


@pytest.fixture(scope="module")
def source(long_venue):
    """The candles that are played, in the symbol's ticks and steps, up to now."""
    market = long_venue.tape("BTCUSDT")
    units = dict.fromkeys(PRICES, market.price) | {"volume": market.quantity}
    columns = {
        name: np.array([float(unit(count)) for count in getattr(market.bars, name).tolist()])
        for name, unit in units.items()
    }
    return market.candles.replace(**columns)[:10_400]


@pytest.mark.parametrize("interval", [name for name in INTERVALS if name not in ("1s", "1w", "1M")])
def test_rest_gives_the_resampled_source(long_venue, source, interval):
    expected = resample(source, interval)[-999:]
    first = int(expected.open_time[0])
    found = [bar for bar in rest(long_venue, interval=interval, startTime=first, limit=1_000) if is_over(bar, source)]
    assert [bar[0] for bar in found] == expected.open_time.tolist()
    for column, name in enumerate(COLUMNS):
        assert [float(bar[column]) for bar in found] == pytest.approx(getattr(expected, name).tolist(), rel=1e-12)


def is_over(bar, source):
    return bar[6] < source.end_time


def test_pages_over_ten_thousand_candles_are_the_source(long_venue, source):
    start, rows = 0, []
    while page := rest(long_venue, startTime=start, limit=1_000):
        assert len(page) <= 1_000
        rows += page
        start = page[-1][6] + 1
    assert len(rows) == 10_401
    assert rows[-1][6] >= long_venue.now_ms  # the last one forms
    for column, name in enumerate(COLUMNS):
        assert [float(row[column]) for row in rows[:-1]] == getattr(source, name).tolist()


def test_a_row_is_written_as_the_exchange_does():
    (row,) = rest(exchange(), endTime=exchange().now_ms - 1, limit=1)
    assert [type(value) for value in row] == [int, *[str] * 5, int, str, int, str, str, str]
    assert all(len(value.partition(".")[2]) == 8 for value in row[1:6])
    assert row[11] == "0"
    assert row[6] - row[0] == 59_999


@pytest.mark.parametrize(
    ("sent", "zone"),
    [("0", 0), ("8", 8), ("+8", 8), ("-1:00", -1), ("-12:00", -12), ("14", 14), ("+14:00", 14), ("05:45", 5.75)],
)
def test_a_time_zone_shifts_boundaries_alone(long_venue, sent, zone):
    found = rest(long_venue, interval="1d", timeZone=sent, startTime=0)
    assert found
    assert all((row[0] + zone * HOUR) % DAY == 0 and row[6] == row[0] + DAY - 1 for row in found)


@pytest.mark.parametrize("sent", ["15", "14:01", "-12:01", "-13", "8:60", "8:5", "x", "+-1", "100", "1:000", "٣"])
def test_another_time_zone_is_refused(sent):
    with pytest.raises(Refused) as refused:
        rest(exchange(), timeZone=sent)
    assert refused.value.code == -1130


@pytest.mark.parametrize(
    ("sent", "code"), [({"interval": "1s"}, -1120), ({"interval": "2m"}, -1120), ({"interval": "1H"}, -1120)]
)
def test_intervals_that_are_none_or_would_be_invented_are_refused(sent, code):
    with pytest.raises(Refused) as refused:
        rest(exchange(), **sent)
    assert refused.value.code == code


def test_a_symbol_without_a_market_has_no_candles():
    assert rest(exchange(), symbol="ETHUSDT", interval="1s") == []


def test_faults_strike_what_is_told():
    venue = exchange()
    whole = rest(venue)
    times = [row[0] for row in whole[10:14]]
    kinds = ("gap", "duplicate", "nan", "spike")
    venue.candle_faults["BTCUSDT"] = [CandleFault(kind, time) for kind, time in zip(kinds, times, strict=True)]
    told = rest(venue)
    assert told[:10] == whole[:10]
    assert told[10] == told[11] == whole[11]
    assert told[12][1:5] == ["NaN"] * 4
    assert Decimal(told[13][2]) == 10 * Decimal(whole[13][2])
    assert told[14:] == whole[14:]


def test_bounds_that_hold_nothing_give_nothing():
    venue = exchange()
    now = venue.now_ms
    assert rest(venue, startTime=now + 1) == []
    assert rest(venue, startTime=now, endTime=now - 120_000) == []
    assert rest(venue, endTime=0) == []
