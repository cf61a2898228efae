"""The reserve file: room that is there when there is none."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.trading.ledger.making import intent

from thunes.errors import DataError
from thunes.trading.ledger.documents import intent_record, read_intent
from thunes.trading.ledger.reserve_file import FORMAT, RECORDS, ROOM, SLOT, ReserveFile


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "state" / "reserve"


@pytest.fixture
def reserve(path: Path) -> Iterator[ReserveFile]:
    with ReserveFile(path) as opened:
        yield opened


def test_records_come_back_in_their_order(reserve: ReserveFile, path: Path) -> None:
    assert reserve.records() == []
    assert [reserve.append(record) for record in (b"one", b"", b"three\0")] == [1, 2, 3]
    assert reserve.records() == [b"one", b"", b"three\0"]
    with ReserveFile(path) as again:
        assert again.records() == [b"one", b"", b"three\0"]
        assert again.append(b"four") == 4
    assert reserve.append(b"five") == 5


def test_an_intent_fits(reserve: ReserveFile) -> None:
    one = intent("x" * 36, symbol="1000SATSFDUSD", stop_price=intent().ticket.quote_quantity)
    reserve.append(intent_record(one))
    assert read_intent(reserve.records()[0]) == one


def test_clearing_forgets_all_and_the_file_goes_on(reserve: ReserveFile, path: Path) -> None:
    for record in (b"one", b"two", b"three"):
        reserve.append(record)
    reserve.clear()
    assert reserve.records() == []
    assert reserve.append(b"new") == 1
    with ReserveFile(path) as again:
        assert again.records() == [b"new"]


def test_a_thousand_records_fit_and_no_more_in_a_file_that_never_grows(reserve: ReserveFile, path: Path) -> None:
    before = path.stat()
    for number in range(RECORDS):
        assert reserve.append(b"x" * ROOM) == number + 1
    with pytest.raises(DataError, match="holds 1000 records") as caught:
        reserve.append(b"one more")
    assert caught.value.code == "E-RESERVE-FULL"
    assert len(reserve.records()) == RECORDS
    after = path.stat()
    assert (after.st_size, after.st_blocks) == (before.st_size, before.st_blocks)
    assert before.st_blocks * 512 >= before.st_size  # no holes: each slot owns its blocks


def test_a_record_that_is_too_long_is_refused(reserve: ReserveFile) -> None:
    with pytest.raises(DataError, match="are the most"):
        reserve.append(b"x" * (ROOM + 1))
    assert reserve.records() == []


@given(st.integers(0, SLOT - 1), st.integers(1, 255))
def test_a_torn_record_is_none_and_its_slot_is_used_again(
    tmp_path_factory: pytest.TempPathFactory, at: int, change: int
) -> None:
    path = tmp_path_factory.getbasetemp() / "torn"
    path.unlink(missing_ok=True)
    with ReserveFile(path) as reserve:
        reserve.append(b"whole")
        reserve.append(b"torn" * 100)
        spoil(path, 2 * SLOT + at, change)
        assert reserve.records() == [b"whole"]
        assert reserve.append(b"next") == 2
        assert reserve.records() == [b"whole", b"next"]


def test_a_record_that_the_disk_spoilt_hides_no_later_one(reserve: ReserveFile, path: Path) -> None:
    for record in (b"one", b"two", b"three"):
        reserve.append(record)
    spoil(path, 2 * SLOT + 30, 1)
    assert reserve.records() == [b"one", b"three"]
    assert reserve.append(b"four") == 4
    assert reserve.records() == [b"one", b"three", b"four"]


def spoil(path: Path, at: int, change: int) -> None:
    with path.open("r+b") as file:
        file.seek(at)
        byte = file.read(1)[0]
        file.seek(at)
        file.write(bytes([byte ^ change]))


def shorten(path: Path) -> None:
    os.truncate(path, SLOT)


def empty(path: Path) -> None:
    path.write_bytes(b"")


def replace(path: Path) -> None:
    path.write_bytes(b"x" * 5_000)


@pytest.mark.parametrize("damage", [shorten, empty, replace])
def test_a_damaged_file_is_refused(path: Path, damage: Callable[[Path], None]) -> None:
    ReserveFile(path).close()
    damage(path)
    with pytest.raises(DataError, match="is damaged"):
        ReserveFile(path)


def test_a_newer_file_is_refused(path: Path) -> None:
    ReserveFile(path).close()
    spoil(path, 16, FORMAT ^ (FORMAT + 1))
    with pytest.raises(DataError, match="has format 2; this program reads reserve files up to format 1"):
        ReserveFile(path)


def test_a_place_where_no_file_can_be_is_one_clear_line(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="cannot use"):
        ReserveFile(tmp_path)


def test_threads_and_processes_take_a_slot_each(path: Path) -> None:
    with ReserveFile(path) as first, ReserveFile(path) as second, ThreadPoolExecutor(8) as pool:
        numbers = list(pool.map(lambda n: (first, second)[n % 2].append(str(n).encode()), range(40)))
        assert sorted(numbers) == list(range(1, 41))
        assert sorted(first.records(), key=int) == [str(n).encode() for n in range(40)]


LIMITED = """
import resource, signal, sys
from pathlib import Path
from thunes.trading.ledger.reserve_file import ReserveFile

signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
with ReserveFile(Path(sys.argv[1])) as reserve:
    size = reserve.path.stat().st_size
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))
    try:
        with open(sys.argv[1] + ".journal", "wb", buffering=0) as journal:
            while journal.write(bytes(size)):
                pass
    except OSError as error:
        print(error.errno)
    for _ in range(1_000):
        reserve.append(b"exit")
    print(len(reserve.records()))
"""


def test_records_fit_where_nothing_else_may_grow(path: Path) -> None:
    done = subprocess.run([sys.executable, "-c", LIMITED, str(path)], check=True, capture_output=True, timeout=60)
    assert done.stdout.split() == [str(errno.EFBIG).encode(), b"1000"]


def fill_up(path: Path) -> None:
    with suppress(OSError), path.open("wb", buffering=0) as rest:
        while rest.write(bytes(4096)):
            pass


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of four megabytes."""
    place = tmp_path / "disk"
    place.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", str(place)], check=False, capture_output=True
    )
    if mounted.returncode:
        pytest.skip(f"no file system may be mounted here: {mounted.stderr.decode().strip()}")
    yield place
    subprocess.run(["umount", str(place)], check=True)


@pytest.mark.covers("fault 29")
def test_records_fit_on_a_disk_that_is_full(small_disk: Path) -> None:
    """Facts, row 29."""
    with ReserveFile(small_disk / "reserve") as reserve:
        fill_up(small_disk / "rest")
        with pytest.raises(DataError, match="No space"):
            ReserveFile(small_disk / "another")
        for _ in range(RECORDS):
            reserve.append(b"x" * ROOM)
        assert len(reserve.records()) == RECORDS
        reserve.clear()
        assert reserve.append(b"again") == 1
