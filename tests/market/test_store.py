"""The store: what goes in comes out, whatever happens in between."""

from __future__ import annotations

import json
import multiprocessing
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.market.loopback import NOW, market

from thunes.clock import ManualClock, SystemClock, to_ms
from thunes.errors import DataError, LockHeld, UsageError
from thunes.market.ranges import Range
from thunes.market.store import MANIFEST, Series, Store, between, joined, joint_source
from thunes.model import COLUMNS, Candles
from thunes.storage.locking import locked

HOUR = 3_600_000
START = to_ms("2024-01-30")


@pytest.fixture
def series(store: Store) -> Series:
    return store.series("binance", "BTCUSDT", "1h")


def rows(candles: Candles, keep: list[int]) -> Candles:
    return candles.replace(**{name: getattr(candles, name)[keep] for name in COLUMNS})


def files(series: Series) -> list[str]:
    return sorted(path.name for path in series.folder.iterdir() if path.suffix == ".parquet")


def test_an_empty_series_holds_nothing(series: Series) -> None:
    assert series.manifest() is None
    assert series.read() is None
    assert series.known() == ()
    assert not series.folder.exists()


def test_months_are_files_and_come_back_as_one(series: Series) -> None:
    candles = market(START, 24 * 40)  # January to March
    series.add([candles], [], "binance")
    assert [name[:7] for name in files(series)] == ["2024-01", "2024-02", "2024-03"]
    read = series.read()
    assert read is not None
    assert read.fingerprint() == candles.fingerprint()


@given(
    batches=st.lists(st.lists(st.integers(0, 100), min_size=1, max_size=30, unique=True).map(sorted), max_size=5),
    wanted=st.tuples(st.integers(-10, 110), st.integers(-10, 110)),
)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=25)
def test_any_batches_in_any_order_make_their_union(
    tmp_path_factory: pytest.TempPathFactory, batches: list[list[int]], wanted: tuple[int, int]
) -> None:
    series = Store(tmp_path_factory.mktemp("store"), ManualClock(NOW)).series("binance", "BTCUSDT", "1h")
    whole = market(START, 101)
    for batch in batches:
        series.add([rows(whole, batch)], [], "binance")
    expected = sorted({i for batch in batches for i in batch if wanted[0] <= i < wanted[1]})
    read = series.read(Range(START + wanted[0] * HOUR, START + wanted[1] * HOUR))
    assert (read is None) == (not expected)
    assert read is None or read.fingerprint() == rows(whole, expected).fingerprint()


def test_of_two_candles_with_one_time_the_newer_stays(series: Series) -> None:
    old = market(START, 10)
    new = rows(old.replace(volume=old.volume + 1), [4, 5])
    series.add([old], [], "binance")
    series.add([new], [], "binance")
    read = series.read()
    assert read is not None
    assert (read.volume - old.volume).tolist() == [0, 0, 0, 0, 1, 1, 0, 0, 0, 0]
    assert len(files(series)) == 1  # the part before is gone


def test_what_is_known_grows_together(store: Store, series: Series) -> None:
    series.add([], [Range(0, 5), Range(10, 20)], "binance")
    series.add([], [Range(5, 10)], "binance")
    assert store.series("binance", "BTCUSDT", "1h").known() == (Range(0, 20),)


def test_sources_never_mix_in_a_series(series: Series) -> None:
    series.add([market(START, 5)], [], "binance")
    with pytest.raises(DataError, match="are from binance; synthetic:1 may not join") as caught:
        series.add([market(START + 5 * HOUR, 5, source="synthetic:1")], [], "synthetic:1")
    assert caught.value.exit_code == 4
    read = series.read()
    assert read is not None
    assert len(read) == 5


def test_files_may_follow_each_other_and_their_source_is_a_pattern(series: Series) -> None:
    whole = market(START, 72)
    for name, piece in (("1", whole[:24]), ("2", whole[24:48]), ("2", whole[24:48]), ("3", whole[40:])):
        source = f"file:a-{name}.csv"
        series.add([piece.replace(source=source)], [], source)
    read = series.read()
    assert read is not None
    assert read.fingerprint() == whole.replace(source="file:a-*.csv").fingerprint()


@pytest.mark.parametrize("known", [[], [Range(START, START + 9 * HOUR)]])
def test_a_file_that_says_otherwise_does_not_join(series: Series, known: list[Range]) -> None:
    old = market(START, 10, source="file:a.csv")
    new = old.replace(volume=old.volume + 1, source="file:b.csv")
    series.add([old], [], old.source)
    with pytest.raises(DataError, match="otherwise than what was imported before") as caught:
        series.add([new], known, new.source)
    assert caught.value.code == "E-STORE-OVERLAP"
    read = series.read()
    assert read is not None
    assert read.fingerprint() == old.fingerprint()


@pytest.mark.parametrize(
    ("first", "second", "both"),
    [
        ("binance", "binance", "binance"),
        ("file:a.csv", "file:a.csv", "file:a.csv"),
        ("file:a-1.csv", "file:a-2.csv", "file:a-*.csv"),
        ("file:a-*.csv", "file:a-2.csv", "file:a-*.csv"),
        ("file:a-2.csv", "file:a-*.csv", "file:a-*.csv"),
        ("file:a.csv", "file:aa.csv", "file:a*.csv"),
        ("file:a.csv", "file:b.parquet", "file:*"),
        ("file:a.csv", "binance", None),
        ("archive", "binance", None),
        ("synthetic:1,edge=0", "synthetic:2,edge=0", None),
        ("file:synthetic.csv", "synthetic:1,edge=0", None),
    ],
)
def test_only_files_have_a_source_together(first: str, second: str, both: str | None) -> None:
    assert joint_source(first, second) == both
    assert joint_source(second, first) == both


def test_held_is_what_is_known_between_the_candles_of_a_month(series: Series) -> None:
    series.add([market(START, 10)], [Range(0, START + 100 * HOUR)], "binance")
    assert series.held() == (Range(START, START + 10 * HOUR),)
    series.add([market(START + 20 * HOUR, 10)], [], "binance")
    assert series.held() == (Range(START, START + 30 * HOUR),)


def test_replacing_forgets_the_source_before(series: Series) -> None:
    series.add([market(START, 50)], [], "file:a.csv")
    series.replace(market(START, 5, source="file:b.csv"))
    read = series.read()
    assert read is not None
    assert (read.source, len(read), len(files(series))) == ("file:b.csv", 5, 1)


@pytest.mark.parametrize("change", [lambda b: b[:-1], lambda b: b[:100] + b"x" + b[101:], lambda _: b""])
def test_a_damaged_part_is_named_and_what_to_do(series: Series, change: Callable[[bytes], bytes]) -> None:
    series.add([market(START, 24 * 5)], [Range(START, START + 24 * 5 * HOUR)], "binance")
    part = series.folder / files(series)[1]
    part.write_bytes(change(part.read_bytes()))
    with pytest.raises(DataError, match=rf"{part.name} is not what was written.*check --repair") as caught:
        series.read()
    assert caught.value.code == "E-STORE-DAMAGED"
    january = series.read(Range(START, to_ms("2024-02-01")))
    assert january is not None
    assert len(january) == 48


def test_a_missing_part_is_named(series: Series) -> None:
    series.add([market(START, 24)], [], "binance")
    (series.folder / files(series)[0]).unlink()
    for use in (series.read, lambda: series.add([market(START, 5)], [], "binance")):
        with pytest.raises(DataError, match=r"2024-01-\w{8}\.parquet is missing"):
            use()


def test_forgetting_damaged_parts_lets_them_be_asked_for_again(series: Series) -> None:
    everything = Range(START, to_ms("2024-03-01"))
    series.add([market(START, 24 * 31)], [everything], "binance")
    (series.folder / files(series)[1]).write_bytes(b"")
    damaged = series.damaged()
    assert [part.month for part in damaged] == ["2024-02"]
    series.forget(damaged)
    assert series.damaged() == ()
    assert series.known() == (Range(START, to_ms("2024-02-01")),)


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("{", "E-FORMAT-DAMAGED"),
        ('{"format": 1}', "E-FORMAT-DAMAGED"),
        ('{"format": 2, "symbol": "BTCUSDT"}', "E-FORMAT-NEWER"),
    ],
)
def test_a_bad_manifest_is_refused_and_left_alone(series: Series, text: str, code: str) -> None:
    series.add([market(START, 5)], [], "binance")
    manifest = series.folder / MANIFEST
    manifest.write_text(text)
    for use in (
        series.read,
        lambda: series.add([market(START, 5)], [], "binance"),
        lambda: series.replace(market(START, 5)),
    ):
        with pytest.raises(DataError) as caught:
            use()
        assert (caught.value.code, caught.value.exit_code) == (code, 4)
    assert manifest.read_text() == text


def test_a_crash_between_part_and_manifest_leaves_the_state_before(series: Series) -> None:
    series.add([market(START, 5)], [], "binance")
    before = {path: path.read_bytes() for path in series.folder.iterdir()}
    series.add([market(START, 9)], [], "binance")
    for path, content in before.items():  # the new part is there; the manifest and the old part are, too
        path.write_bytes(content)
    (series.folder / ".2024-01.parquet.x.tmp").write_bytes(b"half")
    read = series.read()
    assert read is not None
    assert len(read) == 5
    series.add([market(START, 7)], [], "binance")
    assert len(files(series)) == 1
    assert not list(series.folder.glob("*.tmp"))


def test_a_reader_that_meets_a_writer_reads_the_new_state(series: Series, monkeypatch: pytest.MonkeyPatch) -> None:
    series.add([market(START, 5)], [], "binance")
    old = series.manifest()
    series.add([market(START, 9)], [], "binance")
    new = series.manifest()
    answers = iter([old, new, new, new])  # the first look was just before the writer's sweep
    monkeypatch.setattr(series, "manifest", lambda: next(answers))
    read = series.read()
    assert read is not None
    assert len(read) == 9


def test_a_month_and_a_minute_have_folders_that_differ_in_more_than_case(store: Store) -> None:
    folders = {store.series("binance", "BTCUSDT", interval).folder.name.lower() for interval in ("1m", "1M")}
    assert len(folders) == 2


@pytest.mark.parametrize("symbol", ["../../etc", "", ".", "..", "BTC/USDT", "BTC USDT", "x" * 41, "BTC\n"])
def test_no_symbol_leaves_its_folder(store: Store, symbol: str) -> None:
    with pytest.raises(UsageError, match="is no symbol"):
        store.series("binance", symbol, "1h")


def test_all_series_are_found(store: Store) -> None:
    for origin, symbol, interval in (("binance", "BTCUSDT", "1M"), ("archive", "ETHUSDT", "1h")):
        store.series(origin, symbol, interval).add([], [Range(0, 1)], origin)  # type: ignore[arg-type]
    found = [(s.origin, s.symbol, s.interval) for s in store.all()]
    assert found == [("archive", "ETHUSDT", "1h"), ("binance", "BTCUSDT", "1M")]


def test_a_held_lock_is_waited_for_and_then_reported(series: Series, clock: ManualClock) -> None:
    with locked(series.folder / ".lock", clock), pytest.raises(LockHeld, match="another process holds") as caught:
        series.add([market(START, 5)], [], "binance")
    assert caught.value.exit_code == 9
    assert sum(clock.slept) == pytest.approx(10)
    series.add([market(START, 5)], [], "binance")  # free again


def _write_part(root: Path, writer: int, start: Any) -> None:
    series = Store(root, SystemClock()).series("binance", "BTCUSDT", "1h")
    whole = market(START, 400)
    start.wait()
    for first in range(writer, 400, 40):
        mine = list(range(first, min(first + 40, 400), 2))
        series.add([rows(whole, mine)], [Range(START + i * HOUR, START + (i + 1) * HOUR) for i in mine], "binance")
        assert series.read() is not None


def test_two_processes_that_write_one_series_lose_nothing(tmp_path: Path) -> None:
    spawn = multiprocessing.get_context("spawn")
    start = spawn.Event()
    writers = [spawn.Process(target=_write_part, args=(tmp_path, i, start)) for i in (0, 1)]
    for writer in writers:
        writer.start()
    start.set()
    for writer in writers:
        writer.join()
    assert [writer.exitcode for writer in writers] == [0, 0]
    series = Store(tmp_path, SystemClock()).series("binance", "BTCUSDT", "1h")
    read = series.read()
    assert read is not None
    assert read.fingerprint() == market(START, 400).fingerprint()
    assert series.known() == (Range(START, START + 400 * HOUR),)


def test_the_manifest_can_be_read_by_a_person(series: Series) -> None:
    series.add([market(START, 5)], [Range(START, START + 5 * HOUR)], "binance")
    document = json.loads((series.folder / MANIFEST).read_text())
    assert document["format"] == 1
    assert document["source"] == "binance"
    assert document["parts"][0]["bars"] == 5
    assert len(document["parts"][0]["sha256"]) == 64


def test_joining_keeps_the_later_piece_and_cutting_takes_open_times() -> None:
    first, second = market(START, 4), market(START + 2 * HOUR, 4)
    whole = joined([second.replace(volume=np.zeros(4)), first])
    assert whole.volume.tolist() == [5.5, 5.5, 5.5, 5.5, 0, 0]
    inside = between(whole, Range(START + 1, START + 3 * HOUR))
    assert inside is not None
    assert inside.open_time.tolist() == [START + HOUR, START + 2 * HOUR]
    assert between(whole, Range(0, START)) is None
