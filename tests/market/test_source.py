"""Where candles come from, word by word."""

from __future__ import annotations

import socket
from pathlib import Path
from typing import Any

import pytest
from tests.market.loopback import Answer, Exchange, klines, market

from thunes.clock import ManualClock, SystemClock, to_ms
from thunes.errors import Blocked, DataError, NetworkError, UsageError
from thunes.market.files import write_file
from thunes.market.ranges import Range
from thunes.market.source import _within, load_candles
from thunes.market.store import Store
from thunes.model import Candles

HOUR = 3_600_000
CLOSED = to_ms("2024-03-10T12:00")
loopback = pytest.mark.loopback


class Desk:
    """`load_candles` with this test's store, clock and exchange, and what it was warned of."""

    def __init__(self, store: Store, clock: ManualClock, url: str = "http://127.0.0.1:9") -> None:
        self.store, self.clock, self.url = store, clock, url
        self.warnings: list[str] = []
        self.progress: list[tuple[int, int]] = []

    def __call__(self, data: str, symbol: str | None = "BTCUSDT", interval: str | None = "1h", **how: Any) -> Candles:
        places = {"data_url": self.url, "archive_url": self.url, "store": self.store, "clock": self.clock}
        talk = {"warn": self.warnings.append, "progress": lambda done, total: self.progress.append((done, total))}
        return load_candles(symbol, interval, data, **{**places, **talk, **how})


@pytest.fixture
def desk(store: Store, clock: ManualClock, exchange: Exchange) -> Desk:
    return Desk(store, clock, exchange.url)


@pytest.fixture
def offline(store: Store, clock: ManualClock) -> Desk:
    """Nobody listens at its address."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        url = f"http://127.0.0.1:{server.getsockname()[1]}"
    return Desk(store, clock, url)


@loopback
class TestBinance:
    def test_the_last_bars_are_the_last_finished_ones(self, desk: Desk) -> None:
        candles = desk("binance", last=100)
        assert candles.fingerprint() == market(CLOSED - 100 * HOUR, 100).fingerprint()
        assert desk.warnings == []
        assert desk.progress[-1][0] == desk.progress[-1][1]

    def test_gaps_make_it_look_further_back_for_the_last_bars(self, desk: Desk, exchange: Exchange) -> None:
        exchange.outages = [(CLOSED - 50 * HOUR, CLOSED - 20 * HOUR)]
        candles = desk("binance", last=100)
        assert len(candles) == 100
        assert candles.open_time[0] == CLOSED - 130 * HOUR
        assert desk.warnings == ["BTCUSDT 1h: 30 bars missing in 1 gap, the longest of 30 from 2024-03-08 10:00 UTC."]

    def test_a_young_listing_gives_what_there_is_and_says_so(self, desk: Desk, exchange: Exchange) -> None:
        exchange.listed = CLOSED - 5 * HOUR
        assert len(desk("binance", last=100)) == 5
        assert desk.warnings == ["Only 5 of the 100 bars asked for are there."]

    def test_a_second_run_within_the_hour_needs_no_network(self, desk: Desk, exchange: Exchange) -> None:
        first = desk("binance", last=100)
        exchange.asked.clear()
        assert desk("binance", last=100).fingerprint() == first.fingerprint()
        assert exchange.asked == []

    def test_it_is_strict_where_nobody_answers(self, offline: Desk) -> None:
        with pytest.raises(NetworkError, match="cannot be reached"):
            offline("binance", last=5)
        assert offline.clock.slept == [0.5, 1.0, 2.0]

    def test_lower_case_symbols_are_understood(self, desk: Desk) -> None:
        assert desk("binance", symbol="btcusdt", last=3).symbol == "BTCUSDT"

    def test_a_period_before_the_listing_has_no_candles(self, desk: Desk) -> None:
        with pytest.raises(DataError, match="Binance has no BTCUSDT 1h from 2020-01-01"):
            desk("binance", start="2020-01-01", end="2020-02-01")


@loopback
class TestArchive:
    def test_whole_months_are_cut_to_the_period(self, desk: Desk, exchange: Exchange) -> None:
        exchange.publish("monthly", "2024-02", klines(to_ms("2024-02-01"), 29 * 24))
        candles = desk("archive", start="2024-02-10", end="2024-02-20")
        assert candles.fingerprint() == market("2024-02-10", 240, source="archive").fingerprint()

    def test_auto_joins_archive_and_rest_and_names_both(self, desk: Desk, exchange: Exchange) -> None:
        exchange.publish("monthly", "2024-02", klines(to_ms("2024-02-01"), 29 * 24))
        desk("archive", start="2024-02-01", end="2024-03-01")
        candles = desk("auto", start="2024-02-20", end="2024-03-05")
        assert candles.fingerprint() == market("2024-02-20", 14 * 24, source="archive+binance").fingerprint()
        assert exchange.asked_ranges == [(to_ms("2024-03-01"), to_ms("2024-03-05") - 1)]
        assert desk("binance", start="2024-02-29", end="2024-03-02").source == "binance"


@loopback
class TestAuto:
    def test_the_store_is_enough_where_it_holds_everything(self, desk: Desk, exchange: Exchange) -> None:
        desk("binance", start="2024-03-01", end="2024-03-02")
        exchange.asked.clear()
        assert len(desk("auto", start="2024-03-01", end="2024-03-02", environment="live")) == 24
        assert exchange.asked == []

    def test_without_network_sim_goes_on_with_a_banner_that_cannot_be_missed(self, offline: Desk) -> None:
        candles = offline("auto", last=50)
        assert candles.is_synthetic
        (banner,) = offline.warnings
        first, *text, last = banner.splitlines()
        assert all(len(line) <= 80 for line in (first, *text, last))
        assert "SYNTHETIC MARKET" in first
        assert "cannot be reached" in " ".join(text)
        assert candles.source in " ".join(text)

    @pytest.mark.parametrize("environment", ["paper", "testnet", "live"])
    def test_without_network_every_other_environment_stops(self, offline: Desk, environment: str) -> None:
        with pytest.raises(NetworkError, match="cannot be reached") as caught:
            offline("auto", last=50, environment=environment)
        assert caught.value.exit_code == 5
        assert offline.clock.slept == []  # one short attempt

    def test_a_silent_exchange_counts_as_unreachable_within_seconds(self, desk: Desk, exchange: Exchange) -> None:
        exchange.script.append(Answer(stall=True))
        assert desk("auto", last=50, reach_within=0.2).is_synthetic
        assert "gave no answer in 0.2 s" in desk.warnings[0]

    @pytest.mark.parametrize("status", [451, 403])
    def test_blocked_is_said_not_to_be_down(self, desk: Desk, exchange: Exchange, status: int) -> None:
        exchange.script.extend([Answer(status, b"<html>")] * 2)
        assert desk("auto", last=50).is_synthetic
        assert f"HTTP {status}" in desk.warnings[0]
        assert "blocked, not down" in " ".join(desk.warnings[0].split())
        with pytest.raises(Blocked):
            desk("auto", last=50, environment="paper")

    def test_without_network_stored_candles_come_before_invented_ones(self, desk: Desk, offline: Desk) -> None:
        stored = desk("binance", last=100)
        offline.clock.sleep(5 * 3600)
        candles = offline("auto", last=50)
        assert candles.fingerprint() == stored[-50:].fingerprint()
        assert "Going on with stored candles, which end 2024-03-10 12:00 UTC." in offline.warnings[0]

    def test_without_network_the_whole_stored_part_of_a_period_is_given(self, desk: Desk, offline: Desk) -> None:
        desk.store.series("binance", "BTCUSDT", "1h").replace(market("2020-01-01", 20_000))
        assert len(offline("auto", start="2020-01-02", end="2024-01-01")) == 20_000 - 24

    def test_without_network_nothing_stored_of_a_period_means_invented_ones(self, desk: Desk, offline: Desk) -> None:
        desk("binance", last=10)
        assert offline("auto", start="2021-01-01", end="2021-01-05").is_synthetic

    def test_an_unknown_symbol_is_not_answered_with_invented_candles(self, desk: Desk) -> None:
        with pytest.raises(UsageError, match="knows no symbol"):
            desk("auto", symbol="BTCUSDTT", last=5)

    def test_imported_candles_are_taken_where_nothing_was_fetched(self, desk: Desk, exchange: Exchange) -> None:
        mine = market("2024-03-01", 30, source="file:mine.csv")
        desk.store.series("imported", "BTCUSDT", "1h").replace(mine)
        assert desk("auto").fingerprint() == mine.fingerprint()
        assert exchange.asked == []
        desk("binance", last=5)
        assert desk("auto", last=5).source == "binance"

    @pytest.mark.parametrize(
        ("period", "said"),
        [
            ({}, "8 days old"),
            ({"last": 5}, "8 days old"),
            ({"start": "2024-03-01", "end": "2024-03-04"}, "8 days old"),
            ({"start": "2024-02-20", "end": "2024-03-01T12:00"}, "2024-03-01 00:00 … 2024-03-02 06:00 UTC"),
            ({"start": "2024-03-01", "end": "2024-03-02T06:00"}, ""),
        ],
    )
    def test_imported_candles_that_lack_some_of_the_period_say_so(
        self, desk: Desk, period: dict[str, Any], said: str
    ) -> None:
        desk.store.series("imported", "BTCUSDT", "1h").replace(market("2024-03-01", 30, source="file:mine.csv"))
        desk("auto", **period)
        last = ["", *desk.warnings][-1]
        assert said in last
        assert bool(said) == ("only imported candles" in last)

    def test_what_only_the_archive_lacks_is_asked_of_binance(self, desk: Desk) -> None:
        start, end = to_ms("2024-03-01"), to_ms("2024-03-05")
        desk.store.series("archive", "BTCUSDT", "1h").add([], [Range(start, end)], "archive")
        assert len(desk("auto", start=start, end=end)) == 96

    def test_imported_synthetic_candles_are_refused_outside_sim(self, offline: Desk) -> None:
        offline.store.series("imported", "BTCUSDT", "1h").replace(market("2024-03-01", 30, source="synthetic:3,edge=0"))
        assert offline("auto").is_synthetic
        with pytest.raises(DataError, match="the only stored BTCUSDT 1h are synthetic:3"):
            offline("auto", environment="live")


class TestStore:
    def test_it_needs_no_network(self, store: Store, clock: ManualClock) -> None:
        desk = Desk(store, clock)
        fetched = market("2024-03-01", 30)
        store.series("binance", "BTCUSDT", "1h").replace(fetched)
        assert desk("store").fingerprint() == fetched.fingerprint()
        assert len(desk("store", last=7)) == 7

    def test_an_empty_one_is_a_data_error(self, store: Store, clock: ManualClock) -> None:
        with pytest.raises(DataError, match="the store holds no BTCUSDT 1h"):
            Desk(store, clock)("store")

    def test_a_folder_will_do(self, tmp_path: Path) -> None:
        Store(tmp_path, SystemClock()).series("binance", "BTCUSDT", "1h").replace(market("2024-03-01", 3))
        nowhere = "http://127.0.0.1:9"
        found = load_candles("BTCUSDT", "1h", "store", store=tmp_path, data_url=nowhere, archive_url=nowhere)
        assert len(found) == 3


class TestSynthetic:
    def test_a_seed_gives_the_same_candles_everywhere(self, store: Store, clock: ManualClock) -> None:
        desk = Desk(store, clock)
        assert desk("synthetic:7", last=50).fingerprint() == desk("synthetic:7", last=50).fingerprint()
        assert desk("synthetic:7", last=50).source.startswith("synthetic:7")
        assert desk("synthetic", last=50).is_synthetic
        assert not store.series("binance", "BTCUSDT", "1h").holds_candles()

    def test_start_and_end_choose_the_same_window_of_one_market(self, store: Store, clock: ManualClock) -> None:
        desk = Desk(store, clock)
        window = desk("synthetic:7", start="2021-03-01", end="2021-03-03")
        wider = desk("synthetic:7", start="2021-02-01", end="2021-04-01")
        assert (len(window), window.open_time[0]) == (48, to_ms("2021-03-01"))
        assert window.close.tolist() == wider.close[28 * 24 :][:48].tolist()

    @pytest.mark.parametrize("data", ["synthetic:", "synthetic:x", "synthetic:1,edge", "synthetic7"])
    def test_what_it_cannot_mean_is_a_usage_error(self, store: Store, clock: ManualClock, data: str) -> None:
        with pytest.raises(UsageError):
            Desk(store, clock)(data)


class TestFile:
    def test_its_name_is_enough(self, store: Store, clock: ManualClock, tmp_path: Path) -> None:
        path = tmp_path / "ETHUSDT-1h.parquet"
        market("2024-03-01", 30).to_frame().write_parquet(path)
        candles = Desk(store, clock)(str(path), symbol=None, interval=None, last=10)
        assert (candles.symbol, candles.interval, len(candles)) == ("ETHUSDT", "1h", 10)
        assert candles.source == "file:ETHUSDT-1h.parquet"

    def test_in_the_current_folder_a_plain_name_will_do(self, store: Store, clock: ManualClock) -> None:
        write_file(market("2024-03-01", 30), Path("a.feather"))
        assert len(Desk(store, clock)("a.feather", symbol=None, interval=None)) == 30

    @pytest.mark.parametrize("data", ["missing.csv", "no/such/BTCUSDT-1h.parquet"])
    def test_a_missing_one_is_a_data_error(self, store: Store, clock: ManualClock, data: str) -> None:
        with pytest.raises(DataError, match="there is no file") as caught:
            Desk(store, clock)(data)
        assert caught.value.exit_code == 4

    def test_the_period_is_cut_from_it(self, store: Store, clock: ManualClock) -> None:
        write_file(market("2024-03-01", 30), Path("a.csv"))
        desk = Desk(store, clock)
        assert len(desk("a.csv", start="2024-03-01T05:00", end="2024-03-01T09:00")) == 4
        with pytest.raises(DataError, match="no candle opens in the period"):
            desk("a.csv", start="2025-01-01")


@pytest.mark.parametrize(
    ("data", "meant"),
    [
        ("binanse", "binance"),
        ("synthetc:7", "synthetic"),
        ("Auto", "auto"),
        ("archive:3", "archive"),
        ("stor", "store"),
    ],
)
def test_an_unknown_word_is_a_usage_error_that_names_the_nearest(
    store: Store, clock: ManualClock, data: str, meant: str
) -> None:
    with pytest.raises(UsageError, match=f"Did you mean '{meant}'") as caught:
        Desk(store, clock)(data)
    assert caught.value.exit_code == 2


@pytest.mark.parametrize(("symbol", "interval"), [(None, "1h"), ("BTCUSDT", None)])
def test_only_a_file_may_tell_symbol_and_interval(
    store: Store, clock: ManualClock, symbol: str | None, interval: str | None
) -> None:
    with pytest.raises(UsageError, match="no symbol or interval"):
        Desk(store, clock)("auto", symbol=symbol, interval=interval)


def test_an_unknown_interval_is_a_usage_error(store: Store, clock: ManualClock) -> None:
    with pytest.raises(UsageError, match="unknown interval '2m'"):
        Desk(store, clock)("binance", interval="2m")


def test_what_a_call_raises_in_time_comes_through() -> None:
    def fail() -> None:
        raise DataError("E-X", "x")

    with pytest.raises(DataError):
        _within(5, fail)
    assert _within(5, lambda: 3) == 3
