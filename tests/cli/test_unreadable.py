"""Books that cannot be read: one clear line, the right exit code, and nothing lost once they can be read again."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from tests.cli.desk import ENTRY, Run, facts, promote
from tests.trading import disk

pytestmark = pytest.mark.loopback  # python-binance opens a socket pair even where nothing is sent
STATE = Path("state/sim")
TRAIL = Path("logs/audit_trail.jsonl")
GARBAGE = b"no database" * 1_000


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What processes that have ended left: a bar before the entry, and just after it."""
    folder = tmp_path_factory.mktemp("made")
    before, after = folder / "before", folder / "after"
    before.mkdir()
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(before)
        promote()
    assert disk.run(before, "paper", "--bars", str(ENTRY - 1)).returncode == 0
    shutil.copytree(before, after)
    assert disk.run(after, "paper").returncode == 0
    return folder


@pytest.fixture
def before(made: Path) -> None:
    """This folder, a bar before the entry."""
    shutil.copytree(made / "before", Path(), dirs_exist_ok=True)


@pytest.fixture
def holding(made: Path) -> None:
    """This folder, with a position."""
    shutil.copytree(made / "after", Path(), dirs_exist_ok=True)


def spoil(path: Path, how: str) -> Path:
    """Put the file aside, and something else in its place."""
    aside = path.with_name(f"{path.name}.aside")
    path.rename(aside)
    if how == "a folder":
        path.mkdir()
    elif how == "garbage":
        path.write_bytes(GARBAGE)
    elif how == "cut off":
        content = aside.read_bytes()
        path.write_bytes(content[: len(content) // 2])
    elif how == "empty":
        path.touch()
    return aside


def restore(path: Path, aside: Path) -> None:
    shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)
    for rest in ("-wal", "-shm"):
        path.with_name(path.name + rest).unlink(missing_ok=True)
    aside.rename(path)


def assert_goes_on(run: Run) -> None:
    """As if nothing had been: the position is there, the trail is whole, the next pass holds it."""
    assert facts(run, "positions")["open_positions"] == 1
    assert facts(run, "audit", "verify")["first_break"] is None
    told = facts(run, "paper")
    assert told["decision"]["code"] == "E-HOLD-AS-WANTED"


@pytest.mark.usefixtures("holding")
@pytest.mark.parametrize("how", ["garbage", "cut off", "a folder"])
def test_a_ledger_that_cannot_be_read(run: Run, how: str) -> None:
    aside = spoil(STATE / "ledger.db", how)
    for command in ("paper", "positions", "balance", "orders"):
        code, out, err = run(command)
        assert (code, out, err.count("\n")) == (4, "", 1), (command, err)
        assert "ledger.db" in err
        assert "E-LEDGER-" in err
    restore(STATE / "ledger.db", aside)
    assert_goes_on(run)


@pytest.mark.usefixtures("holding")
@pytest.mark.parametrize("how", ["garbage", "cut off", "empty", "gone", "a folder"])
def test_a_risk_state_that_cannot_be_read(run: Run, how: str) -> None:
    """It counts as HALTED: no entry, no exit, and a flatten that works."""
    aside = spoil(STATE / "risk.db", how)
    code, out, err = run("paper")
    assert (code, out, err.count("\n")) == (7, "", 1), err
    assert "risk.db" in err
    code, out, err = run("risk")
    assert (code, err.count("\n")) == (7, 1), err
    assert out.startswith("sim is HALTED")
    assert facts(run, "positions")["open_positions"] == 1
    restore(STATE / "risk.db", aside)
    assert_goes_on(run)


@pytest.mark.covers("fault 34")
@pytest.mark.usefixtures("before")
@pytest.mark.parametrize("line", [0, -1])
def test_an_edited_line_of_the_trail_refuses_trading(run: Run, line: int) -> None:
    sound = TRAIL.read_bytes()
    lines = sound.splitlines(keepends=True)
    lines[line] = lines[line].replace(b'"exposure":"0"', b'"exposure":"1"')
    TRAIL.write_bytes(b"".join(lines))
    assert TRAIL.read_bytes() != sound
    code, out, err = run("paper")
    assert (code, out, err.count("\n")) == (4, "", 1)
    assert "E-AUDIT-BROKEN" in err
    assert facts(run, "orders")["orders"] == []
    TRAIL.write_bytes(sound)
    assert facts(run, "audit", "verify")["first_break"] is None


@pytest.mark.covers("fault 35")
@pytest.mark.usefixtures("before")
@pytest.mark.parametrize("how", ["deleted", "cut off", "put away"])
def test_a_trail_that_lost_its_end_refuses_trading(run: Run, how: str) -> None:
    """Between two passes; the ledger knows how far the trail went."""
    sound = TRAIL.read_bytes()
    if how == "deleted":
        TRAIL.unlink()
    elif how == "cut off":
        TRAIL.write_bytes(b"".join(sound.splitlines(keepends=True)[:-1]))
    else:
        TRAIL.rename("logs/old.jsonl")
    code, out, err = run("paper")
    assert (code, out, err.count("\n")) == (4, "", 1)
    assert "E-AUDIT-CUT" in err
    assert facts(run, "orders")["orders"] == []
    TRAIL.write_bytes(sound)
    assert facts(run, "paper")["order"]["status"] == "FILLED"


@pytest.mark.usefixtures("holding")
def test_a_reserve_file_that_cannot_be_read(run: Run) -> None:
    aside = spoil(STATE / "reserve", "garbage")
    code, out, err = run("paper")
    assert (code, out, err.count("\n")) == (4, "", 1)
    assert "reserve is damaged" in err
    restore(STATE / "reserve", aside)
    assert_goes_on(run)
