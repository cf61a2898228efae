"""`thunes paper` where no file may grow any more: one clear line, exit code 4, and nothing lost afterwards."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import pytest
from tests.cli.desk import ENTRY, EXIT, Run, facts, promote
from tests.trading import disk

from thunes.audit.events import Note
from thunes.audit.trail import Trail
from thunes.clock import ManualClock

pytestmark = pytest.mark.loopback  # python-binance opens a socket pair even where nothing is sent
TRAIL = Path("logs/audit_trail.jsonl")
LARGE = 1_300_000  # bytes: the trail is longer than any other file, so that a limit strikes it first


def passed(folder: Path, bars: int) -> None:
    done = disk.run(folder, "paper", "--bars", str(bars))
    assert (done.returncode, done.stderr) == (0, "")


def lengthen(folder: Path) -> None:
    """Make today's file of the trail the longest of all."""
    last = json.loads((folder / TRAIL).read_bytes().splitlines()[-1])
    with Trail(folder / "logs", "sim", ManualClock(last["ts"])) as trail:
        trail.append_many([Note(id="ballast", text="a long trail " * 100)] * (LARGE // 1_500))


@pytest.fixture(scope="module")
def long_trail(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A state folder just before the entry, with a long trail."""
    folder = tmp_path_factory.mktemp("state")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        promote()
    passed(folder, ENTRY - 1)
    lengthen(folder)
    return folder


@pytest.fixture(scope="module")
def holding(long_trail: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same just before the exit."""
    folder = tmp_path_factory.mktemp("state") / "holding"
    shutil.copytree(long_trail, folder)
    passed(folder, EXIT - ENTRY)
    lengthen(folder)
    return folder


@pytest.fixture
def taken(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the state that the test names; we are in it."""
    folder = tmp_path / "state"
    shutil.copytree(request.getfixturevalue(request.param), folder)
    monkeypatch.chdir(folder)
    return folder


def limited(folder: Path, room: int = 100) -> subprocess.CompletedProcess[str]:
    """`thunes paper` where the trail may grow by so many bytes; it ends with one line."""
    done = disk.run(folder, "paper", largest=(folder / TRAIL).stat().st_size + room)
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (4, "", 1), done.stderr
    assert done.stderr.endswith("[E-AUDIT-WRITE]\n")
    return done


def size_of_intent(folder: Path, scratch: Path) -> int:
    """Bytes of what the next pass writes before the wire, tried on a copy."""
    shutil.copytree(folder, scratch)
    passed(scratch, 1)
    content = (scratch / TRAIL).read_bytes()[(folder / TRAIL).stat().st_size :]
    lines = content.splitlines(keepends=True)[:2]
    assert [json.loads(line)["event"] for line in lines] == ["decision", "intent"]
    return sum(map(len, lines))


def assert_whole(run: Run, orders: int) -> None:
    """The trail is sound, and tells of each order its intent, outcome and fill."""
    assert run("audit", "verify")[0] == 0
    lines = [line for file in Path("logs").glob("*.jsonl") for line in file.read_bytes().splitlines()]
    told = [json.loads(line)["event"] for line in lines]
    assert [told.count(kind) for kind in ("intent", "outcome", "fill")] == [orders] * 3
    assert [row["status"] for row in facts(run, "orders")["orders"]] == ["FILLED"] * orders
    assert facts(run, "positions")["open_positions"] == orders % 2


@pytest.mark.covers("fault 29")
@pytest.mark.parametrize("taken", ["long_trail"], indirect=True)
def test_an_entry_that_cannot_be_written_down_is_not_sent(taken: Path, run: Run) -> None:
    limited(taken)
    assert facts(run, "orders")["orders"] == []
    assert facts(run, "risk")["state"] == "REDUCING"
    assert run("resume", "--reason", "room again", "--budget", "10", "--yes")[0] == 0
    assert facts(run, "paper")["decision"]["code"] == "E-ENTRY"
    assert_whole(run, 1)


@pytest.mark.covers("fault 29")
@pytest.mark.parametrize("taken", ["holding"], indirect=True)
def test_an_exit_goes_by_the_reserve_file(taken: Path, run: Run) -> None:
    limited(taken)
    assert facts(run, "positions")["open_positions"] == 0
    assert facts(run, "paper")["order"] is None
    assert_whole(run, 2)


@pytest.mark.covers("fault 30")
@pytest.mark.parametrize(("taken", "orders"), [("long_trail", 1), ("holding", 2)], indirect=["taken"])
def test_an_order_that_is_live_is_told_of_by_the_next_pass(taken: Path, orders: int, run: Run, tmp_path: Path) -> None:
    limited(taken, size_of_intent(taken, tmp_path / "scratch") + 100)
    assert facts(run, "paper")["order"] is None
    assert_whole(run, orders)
