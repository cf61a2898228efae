"""The bulk archive: whole files, checked, each fetched once."""

from __future__ import annotations

import hashlib

import pytest
from tests.market.loopback import NOW, Answer, Exchange, klines, market, zipped

from thunes.clock import ManualClock, to_ms
from thunes.errors import DataError
from thunes.market.archive import BinanceArchive
from thunes.market.http import Http
from thunes.market.provider import update
from thunes.market.ranges import Range
from thunes.market.store import Series, Store

pytestmark = pytest.mark.loopback
HOUR = 3_600_000
DAY = 24 * HOUR
JANUARY, FEBRUARY, MARCH = (to_ms(f"2024-0{month}-01") for month in (1, 2, 3))  # NOW is 2024-03-10


def fetch(exchange: Exchange, clock: ManualClock, series: Series, start: int, end: int = NOW) -> None:
    with Http(exchange.url, clock) as http:
        update(series, BinanceArchive(http, clock), Range(start, end))


def names(exchange: Exchange) -> list[str]:
    return [path.rsplit("/", 1)[1].removeprefix("BTCUSDT-") for path in exchange.asked]


@pytest.fixture
def series(store: Store) -> Series:
    return store.series("archive", "BTCUSDT", "1h")


def publish(exchange: Exchange, *days: int) -> None:
    exchange.publish("monthly", "2024-01", klines(JANUARY, 31 * 24), header=True)
    exchange.publish("monthly", "2024-02", klines(FEBRUARY, 29 * 24))
    for day in days:
        exchange.publish("daily", f"2024-03-{day:02}", klines(MARCH + (day - 1) * DAY, 24))


def test_months_then_days_make_one_series(exchange: Exchange, clock: ManualClock, series: Series) -> None:
    publish(exchange, *range(1, 10))
    fetch(exchange, clock, series, JANUARY)
    candles = series.read()
    assert candles is not None
    assert candles.fingerprint() == market("2024-01-01", (31 + 29 + 9) * 24, source="archive").fingerprint()


def test_every_file_is_fetched_once(exchange: Exchange, clock: ManualClock, series: Series) -> None:
    publish(exchange, 1, 2, 3, 4, 5, 6, 7, 8, 9)
    fetch(exchange, clock, series, FEBRUARY + 5 * DAY)
    assert names(exchange)[:2] == ["1h-2024-02.zip", "1h-2024-02.zip.CHECKSUM"]
    assert len(exchange.asked) == 2 * 10
    fetch(exchange, clock, series, FEBRUARY)
    assert len(exchange.asked) == 2 * 10  # all of February had come with its file


def test_yesterdays_file_is_asked_for_again_until_it_is_there(
    exchange: Exchange, clock: ManualClock, series: Series
) -> None:
    publish(exchange, *range(1, 9))
    fetch(exchange, clock, series, MARCH)
    publish(exchange, *range(1, 10))
    exchange.asked.clear()
    fetch(exchange, clock, series, MARCH)
    assert names(exchange) == ["1h-2024-03-09.zip", "1h-2024-03-09.zip.CHECKSUM"]


@pytest.mark.parametrize("days_off", [90, 60, -30, 0])
def test_a_wrong_clock_makes_nothing_known_that_may_still_come(
    exchange: Exchange, series: Series, days_off: int
) -> None:
    publish(exchange, *range(1, 10))
    fetch(exchange, ManualClock(NOW + days_off * DAY), series, JANUARY, NOW + 90 * DAY)
    (known,) = series.known()
    assert known == Range(JANUARY, MARCH + 9 * DAY if days_off >= 0 else FEBRUARY + 8 * DAY)


def test_a_month_not_yet_published_is_taken_by_its_days(exchange: Exchange, clock: ManualClock, series: Series) -> None:
    for day in range(1, 30):
        exchange.publish("daily", f"2024-02-{day:02}", klines(FEBRUARY + (day - 1) * DAY, 24))
    fetch(exchange, clock, series, FEBRUARY, MARCH)
    candles = series.read()
    assert candles is not None
    assert len(candles) == 29 * 24


def test_what_the_archive_never_had_is_asked_for_once(exchange: Exchange, clock: ManualClock, series: Series) -> None:
    fetch(exchange, clock, series, to_ms("2010-01-01"), JANUARY)
    months = 12 * 6 + 6  # July 2017, when Binance opened, to December 2023: by month only
    assert len(exchange.asked) == months
    fetch(exchange, clock, series, to_ms("2010-01-01"), JANUARY)
    assert len(exchange.asked) == months


@pytest.mark.covers("fault 28")
def test_microseconds_since_2025_and_milliseconds_before_join(exchange: Exchange, store: Store) -> None:
    clock = ManualClock(to_ms("2025-03-20"))
    series = store.series("archive", "BTCUSDT", "1h")
    december, january = to_ms("2024-12-01"), to_ms("2025-01-01")
    exchange.publish("monthly", "2024-12", klines(december, 31 * 24))
    micro = [[row[0] * 1000, *row[1:6], (row[6] + 1) * 1000 - 1, *row[7:]] for row in klines(january, 31 * 24)]
    exchange.publish("monthly", "2025-01", micro)
    fetch(exchange, clock, series, december, to_ms("2025-02-01"))
    candles = series.read()
    assert candles is not None
    assert candles.fingerprint() == market(december, 62 * 24, source="archive").fingerprint()


def test_a_month_is_spelt_1mo_and_comes_by_month_only(exchange: Exchange, clock: ManualClock, store: Store) -> None:
    series = store.series("archive", "BTCUSDT", "1M")
    row = [JANUARY, "1", "1", "1", "1", "1", FEBRUARY - 1, "0", 0, "0", "0", "0"]
    exchange.publish("monthly", "2024-01", [row], interval="1mo")
    fetch(exchange, clock, series, JANUARY)
    candles = series.read()
    assert candles is not None
    assert candles.open_time.tolist() == [JANUARY]
    assert all("/monthly/klines/BTCUSDT/1mo/" in path for path in exchange.asked)


def spoil(exchange: Exchange, what: str) -> None:
    path = exchange.publish("monthly", "2024-01", klines(JANUARY, 31 * 24))
    good, beside = exchange.files[path], f"{path}.CHECKSUM"
    if what == "cut off":
        exchange.files[path] = good[:-100]
    elif what == "another file":
        exchange.files[path] = zipped("x.csv", "hello")
    elif what == "no checksum":
        del exchange.files[beside]
    elif what == "html checksum":
        exchange.files[beside] = b"<html>log in</html>"
    elif what == "other month":
        data = exchange.files[exchange.publish("monthly", "2024-02", klines(FEBRUARY, 29 * 24))]
        exchange.files[path] = data
        exchange.files[beside] = exchange.files[path.replace("2024-01", "2024-02") + ".CHECKSUM"]
    else:
        rows = {"seconds": [[JANUARY // 1000, *klines(JANUARY, 1)[0][1:]], *klines(JANUARY + HOUR, 2)]}
        rows["odd digits"] = [[JANUARY * 10, *klines(JANUARY, 1)[0][1:]], *klines(JANUARY + HOUR, 2)]
        rows["a bad price"] = [[*klines(JANUARY, 1)[0][:4], "-5", *klines(JANUARY, 1)[0][5:]]]
        rows["no rows"] = []
        exchange.publish("monthly", "2024-01", rows[what])


@pytest.mark.parametrize(
    ("what", "code"),
    [
        ("cut off", "E-ARCHIVE-CHECKSUM"),
        ("another file", "E-ARCHIVE-CHECKSUM"),
        ("no checksum", "E-ARCHIVE-CHECKSUM"),
        ("html checksum", "E-ARCHIVE-CHECKSUM"),
        ("other month", "E-ARCHIVE-PERIOD"),
        ("seconds", "E-DATA-TIME"),
        ("odd digits", "E-DATA-TIME"),
        ("a bad price", "E-DATA-PRICE"),
        ("no rows", "E-DATA-EMPTY"),
    ],
)
def test_a_bad_file_is_refused_in_one_line_and_nothing_is_stored(
    exchange: Exchange, clock: ManualClock, series: Series, what: str, code: str
) -> None:
    spoil(exchange, what)
    with pytest.raises(DataError) as caught:
        fetch(exchange, clock, series, JANUARY, FEBRUARY)
    assert (caught.value.code, caught.value.exit_code) == (code, 4)
    assert "\n" not in str(caught.value)
    assert series.manifest() is None


def test_a_checked_but_truncated_zip_is_refused(exchange: Exchange, clock: ManualClock, series: Series) -> None:
    path = exchange.publish("monthly", "2024-01", klines(JANUARY, 31 * 24))
    whole = exchange.files[path]
    exchange.publish("monthly", "2024-01", klines(JANUARY, 1))
    exchange.files[path] = whole[:-100]
    exchange.files[f"{path}.CHECKSUM"] = f"{hashlib.sha256(whole[:-100]).hexdigest()}  x.zip".encode()
    with pytest.raises(DataError, match=r"2024-01\.zip is truncated or no zip"):
        fetch(exchange, clock, series, JANUARY, FEBRUARY)


def test_months_before_a_bad_one_are_kept(exchange: Exchange, clock: ManualClock, series: Series) -> None:
    publish(exchange)
    exchange.files = {path: b"junk" if "2024-02.zip" in path else data for path, data in exchange.files.items()}
    with pytest.raises(DataError):
        fetch(exchange, clock, series, JANUARY, MARCH)
    candles = series.read()
    assert candles is not None
    assert len(candles) == 31 * 24


def test_an_archive_behind_a_block_says_so(exchange: Exchange, clock: ManualClock, series: Series) -> None:
    exchange.script.append(Answer(403, b"<html>"))
    with pytest.raises(Exception, match="blocked, not down"):
        fetch(exchange, clock, series, JANUARY, FEBRUARY)
