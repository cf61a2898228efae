"""The journal's file: what a crash leaves is mended, what does not belong to the exchange is refused."""

from __future__ import annotations

import os
import subprocess
import sys
from decimal import Decimal
from pathlib import Path

import pytest

from thunes.clock import ManualClock
from thunes.errors import DataError, LockHeld
from thunes.simulator.state import journal as module
from thunes.simulator.state.journal import FILE, Line, opened

IDENTITY = {"seed": "1", "candles": "abc"}
CLOCK = ManualClock(0)


def written(folder: Path, *lines: Line) -> Path:
    with opened(folder, IDENTITY, CLOCK) as journal:
        for line in lines:
            journal.append(line)
    return folder / FILE


def read(folder: Path) -> list[tuple[int, Line]]:
    with opened(folder, IDENTITY, CLOCK) as journal:
        return list(journal.lines())


def test_what_was_written_is_read_with_decimals_as_text(tmp_path: Path) -> None:
    written(tmp_path, [1, "a"])
    written(tmp_path, [2, Decimal("1.50")])
    assert read(tmp_path) == [(2, [1, "a"]), (3, [2, "1.50"])]


def test_nobody_else_can_read_it(tmp_path: Path) -> None:
    path = written(tmp_path / "new" / "folder", [1])
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.parent.stat().st_mode & 0o777 == 0o700


def test_a_torn_line_is_cut_off_and_kept_aside(tmp_path: Path) -> None:
    path = written(tmp_path, [1, "a"])
    with path.open("ab") as file:
        file.write(b'[2, "b')
    written(tmp_path, [3, "c"])
    assert read(tmp_path) == [(2, [1, "a"]), (3, [3, "c"])]
    assert (tmp_path / "journal.torn").read_bytes() == b'[2, "b\n'


def test_a_torn_first_line_begins_anew(tmp_path: Path) -> None:
    (tmp_path / FILE).write_bytes(b'{"format"')
    assert read(tmp_path) == []


@pytest.mark.parametrize("line", [b"nonsense\n", b"{}\n"])
def test_a_damaged_line_is_named(tmp_path: Path, line: bytes) -> None:
    path = written(tmp_path, [1])
    with path.open("ab") as file:
        file.write(line + b"[4]\n")
    with pytest.raises(DataError, match=r"line 3 of .* is damaged"):
        read(tmp_path)


def test_another_exchange_is_refused_and_what_differs_is_named(tmp_path: Path) -> None:
    path = written(tmp_path, [1])
    before = path.read_bytes()
    with (
        pytest.raises(DataError, match="candles, depth differ") as refused,
        opened(tmp_path, {"seed": "1", "candles": "xyz", "depth": "2"}, CLOCK),
    ):
        pass
    assert refused.value.exit_code == 4
    assert path.read_bytes() == before


@pytest.mark.parametrize(
    ("header", "code"),
    [
        (b'{"format": 2}', "E-FORMAT-NEWER"),
        (b"[1]", "E-FORMAT-DAMAGED"),
        (b'{"format": 1, "identity": 3}', "E-STATE-OTHER"),
    ],
)
def test_a_header_of_something_else_is_refused(tmp_path: Path, header: bytes, code: str) -> None:
    (tmp_path / FILE).write_bytes(header + b"\n")
    with pytest.raises(DataError) as refused:
        read(tmp_path)
    assert refused.value.code == code


HOLDER = """
import sys
from pathlib import Path
from thunes.clock import SystemClock
from thunes.simulator.state.journal import opened

with opened(Path(sys.argv[1]), {}, SystemClock()):
    print("held", flush=True)
    sys.stdin.readline()
"""


def test_two_processes_cannot_share_it(tmp_path: Path) -> None:
    command = [sys.executable, "-c", HOLDER, str(tmp_path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"held\n"
        with pytest.raises(LockHeld), opened(tmp_path, {}, CLOCK):
            pass
        holder.kill()
        holder.wait()
    with opened(tmp_path, {}, CLOCK):
        pass


def test_after_a_failed_write_nothing_is_written_any_more(tmp_path: Path) -> None:
    with opened(tmp_path, IDENTITY, CLOCK) as journal:
        journal.append([1])
    for _ in range(2):
        with pytest.raises(DataError, match="cannot write") as refused:
            journal.append([2])
        assert refused.value.exit_code == 4
    assert read(tmp_path) == [(2, [1])]


def test_a_line_that_fits_only_in_part_stops_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with opened(tmp_path, IDENTITY, CLOCK) as journal:
        write = os.write
        with monkeypatch.context() as full:
            full.setattr(module.os, "write", lambda descriptor, content: write(descriptor, content[:3]))
            with pytest.raises(DataError, match="no space"):
                journal.append([1, "long"])
        with pytest.raises(DataError, match="earlier"):
            journal.append([2])
    assert read(tmp_path) == []


@pytest.mark.parametrize("name", ["", FILE])
def test_a_place_that_cannot_be_opened_is_a_plain_error(tmp_path: Path, name: str) -> None:
    folder = tmp_path / "state"
    if name:
        (folder / name).mkdir(parents=True)
    else:
        folder.write_bytes(b"")
    with pytest.raises(DataError) as refused, opened(folder, IDENTITY, CLOCK):
        pass
    assert refused.value.code == "E-STATE-WRITE"
