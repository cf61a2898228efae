"""The store of promoted artefacts: history, `current`, rollback, and what a crash or a second writer leaves."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest
from tests.strategies.artefacts import artefact

from thunes.clock import ManualClock
from thunes.errors import DataError, LockHeld, ThunesError, UsageError
from thunes.storage.locking import locked
from thunes.strategies.artefact import Artefact, dump, seal
from thunes.strategies.promoted import FORMAT, Promoted

BTC = ("sma_cross", "BTCUSDT", "1h")
FOLDER = Path("promoted")
PLACE = FOLDER / "sma_cross-BTCUSDT-1h"

PROMOTER = """
import sys
from dataclasses import asdict, replace
from pathlib import Path
from tests.strategies.artefacts import artefact
from thunes.clock import SystemClock
from thunes.strategies.promoted import Promoted

store, who, count = Promoted(Path("promoted"), SystemClock(), 60.0), sys.argv[1], int(sys.argv[2])
print("ready", flush=True)
sys.stdin.readline()
for k in range(count):
    store.promote(artefact(notes=[f"{who} {k}"]))
    print(k, flush=True)
"""


@pytest.fixture
def store() -> Promoted:
    return Promoted(FOLDER, ManualClock(1_772_366_400_000))


def several(count: int, **changes: Any) -> list[Artefact]:
    return [artefact(created=f"2026-03-{day + 1:02}T12:00:00Z", **changes) for day in range(count)]


def refusal(error: type[ThunesError], call: Any, *arguments: Any) -> str:
    with pytest.raises(error) as caught:
        call(*arguments)
    assert "\n" not in str(caught.value)
    return caught.value.code


def promoter(root: Path, who: str, count: int) -> subprocess.Popen[str]:
    """A process that promotes so many, once it is told to."""
    command = [sys.executable, "-c", PROMOTER, who, str(count)]
    environment = {"PYTHONPATH": str(root), "PATH": ""}
    process = subprocess.Popen(command, stdin=-1, stdout=-1, text=True, env=environment)
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    return process


def go(process: subprocess.Popen[str]) -> None:
    assert process.stdin is not None
    process.stdin.write("go\n")
    process.stdin.flush()


def test_what_is_promoted_is_current_and_the_former_is_kept(store: Promoted) -> None:
    first, second = several(2)
    assert store.promote(first) == PLACE / f"{first.id}.json"
    store.promote(second)
    assert store.current(*BTC) == second
    assert store.history(*BTC) == [first, second]
    assert [(move.action, move.id, move.sha256) for move in store.moves(*BTC)] == [
        ("promote", first.id, first.sha256),
        ("promote", second.id, second.sha256),
    ]
    assert {move.time for move in store.moves(*BTC)} == {"2026-03-01T12:00:00Z"}


def test_each_strategy_symbol_and_interval_has_its_own(store: Promoted) -> None:
    minute, month = artefact(interval="1m"), artefact(interval="1M")
    others = [minute, month, artefact(symbol="ETHUSDT"), artefact(strategy="mine")]
    for made in others:
        store.promote(made)
    assert sorted(store.slots()) == sorted((made.strategy, made.symbol, made.interval) for made in others)
    assert {made.id for made in store.all()} == {made.id for made in others}
    assert store.current("sma_cross", "BTCUSDT", "1M") == month
    assert len({folder.name.lower() for folder in FOLDER.iterdir()}) == 4


def test_nothing_promoted_is_said_so(store: Promoted) -> None:
    assert (store.all(), store.history(*BTC), store.moves(*BTC), store.former(*BTC)) == ([], [], [], None)
    assert refusal(DataError, store.current, *BTC) == "E-ARTEFACT-NONE"
    assert refusal(DataError, store.rollback, *BTC) == "E-ARTEFACT-NONE"
    assert not FOLDER.exists()


def test_rolling_back_twice_goes_further_back_and_is_recorded(store: Promoted) -> None:
    first, second, third = several(3)
    for made in (first, second, third):
        store.promote(made)
    assert store.rollback(*BTC) == second
    assert store.rollback(*BTC) == first == store.current(*BTC)
    assert refusal(DataError, store.rollback, *BTC) == "E-ARTEFACT-NONE"
    assert [move.action for move in store.moves(*BTC)] == ["promote"] * 3 + ["rollback"] * 2
    assert store.history(*BTC) == [first, second, third]


def test_a_rollback_can_name_an_id_or_a_part_of_it(store: Promoted) -> None:
    first, second, third = several(3)
    for made in (first, second, third):
        store.promote(made)
    assert store.rollback(*BTC, first.id) == first
    assert store.rollback(*BTC, third.sha256[:12]) == third == store.current(*BTC)
    assert refusal(UsageError, store.rollback, *BTC, "nothing") == "E-ARTEFACT-ID"
    assert refusal(UsageError, store.rollback, *BTC, "2026") == "E-ARTEFACT-ID"
    assert store.current(*BTC) == third


def test_what_follows_a_rollback_rolls_back_to_what_stood_before_it(store: Promoted) -> None:
    first, second, third = several(3)
    store.promote(first)
    store.promote(second)
    store.rollback(*BTC)
    store.promote(third)
    assert store.rollback(*BTC) == first


def test_the_same_promoted_again_can_be_rolled_back_from(store: Promoted) -> None:
    first, second = several(2)
    for made in (first, second, first):
        store.promote(made)
    assert store.current(*BTC) == first
    assert store.rollback(*BTC) == second


@pytest.mark.parametrize(
    "unfit",
    [
        artefact(environment="live", forced="because"),
        artefact("synthetic:1,edge=0", environment="paper"),
        artefact(strategy_sha256="0" * 64),
    ],
)
def test_what_its_own_environment_would_refuse_is_not_promoted(unfit: Artefact, store: Promoted) -> None:
    refusal(DataError, store.promote, unfit)
    assert not FOLDER.exists()


@pytest.mark.parametrize("change", [{"strategy": "../up"}, {"strategy": ""}, {"symbol": "a/b"}, {"interval": "2x"}])
def test_a_name_that_would_leave_its_folder_is_refused(change: dict[str, str], store: Promoted) -> None:
    refusal(UsageError, store.promote, artefact(**change))
    assert not FOLDER.exists()


def test_a_changed_artefact_is_never_current_and_one_can_roll_back_from_it(store: Promoted) -> None:
    first, second = several(2)
    store.promote(first)
    path = store.promote(second)
    path.write_bytes(path.read_bytes().replace(b'"fast": 20', b'"fast": 21'))
    assert refusal(DataError, store.current, *BTC) == "E-ARTEFACT-TAMPERED"
    assert refusal(DataError, store.all) == "E-ARTEFACT-TAMPERED"
    assert refusal(DataError, store.history, *BTC) == "E-ARTEFACT-TAMPERED"
    assert store.rollback(*BTC) == first == store.current(*BTC)


def test_another_artefact_under_its_name_is_found(store: Promoted) -> None:
    first, second = several(2)
    path = store.promote(first)
    path.write_bytes(dump(second))
    assert refusal(DataError, store.current, *BTC) == "E-ARTEFACT-TAMPERED"
    assert refusal(DataError, store.find, *BTC, first.id) == "E-ARTEFACT-TAMPERED"
    path.write_bytes(dump(artefact(symbol="ETHUSDT")))
    assert refusal(DataError, store.current, *BTC) == "E-ARTEFACT-TAMPERED"


@pytest.mark.covers("pitfall X14")
def test_an_artefact_of_another_market_is_found_in_the_wrong_folder(store: Promoted) -> None:
    other = artefact(symbol="ETHUSDT")
    store.promote(artefact())
    (PLACE / f"{other.id}.json").write_bytes(dump(other))
    assert refusal(DataError, store.find, *BTC, other.id) == "E-ARTEFACT-TAMPERED"


def test_a_changed_record_is_found_and_stays_until_someone_removes_it(store: Promoted) -> None:
    first, second = several(2)
    store.promote(first)
    record = PLACE / "current.json"
    whole = record.read_bytes()
    record.write_bytes(whole.replace(b"promote", b"rollback"))
    assert refusal(DataError, store.current, *BTC) == "E-ARTEFACT-TAMPERED"
    assert refusal(DataError, store.promote, second) == "E-ARTEFACT-TAMPERED"
    assert b"rollback" in record.read_bytes()
    record.unlink()
    assert store.rollback(*BTC, first.id) == first == store.current(*BTC)


def test_the_record_holds_the_whole_hash_of_what_is_current(store: Promoted) -> None:
    store.promote(artefact())
    (move,) = store.moves(*BTC)
    (PLACE / "current.json").write_bytes(seal(FORMAT, {"moves": [asdict(replace(move, sha256="0" * 64))]}))
    assert refusal(DataError, store.current, *BTC) == "E-ARTEFACT-TAMPERED"


def test_what_cannot_be_written_does_not_become_current(store: Promoted) -> None:
    first, second = several(2)
    store.promote(first)
    (PLACE / f"{second.id}.json").mkdir()
    assert refusal(DataError, store.promote, second) == "E-FILE-WRITE"
    assert store.current(*BTC) == first


def test_a_lost_artefact_is_said_so(store: Promoted) -> None:
    store.promote(artefact()).unlink()
    assert refusal(DataError, store.current, *BTC) == "E-ARTEFACT-MISSING"
    assert [finding.problem is None for finding in store.check(*BTC, "sim")] == [False]


def test_checking_names_each_artefact_and_tries_the_current_one_for_the_environment(store: Promoted) -> None:
    first, second, third = several(3)
    for made in (first, second, third):
        store.promote(made)
    path = PLACE / f"{first.id}.json"
    path.write_bytes(path.read_bytes() + b" ")
    found = {finding.id: finding for finding in store.check(*BTC, "live")}
    codes = {id_: finding.problem and finding.problem.code for id_, finding in found.items()}
    assert codes == {first.id: "E-ARTEFACT-TAMPERED", second.id: None, third.id: "E-ARTEFACT-ENVIRONMENT"}
    assert [finding.current for finding in found.values()] == [False, False, True]


def test_the_record_is_a_small_file_that_a_person_can_read(store: Promoted) -> None:
    made = artefact()
    store.promote(made)
    move = {"time": "2026-03-01T12:00:00Z", "action": "promote", "id": made.id, "sha256": made.sha256}
    assert json.loads((PLACE / "current.json").read_text())["moves"] == [move]


def test_a_writer_waits_its_turn_and_then_says_so(store: Promoted) -> None:
    with locked(PLACE / ".lock", ManualClock(0)):
        assert refusal(LockHeld, store.promote, artefact()) == "E-LOCK-HELD"
    store.promote(artefact())


def test_two_processes_that_promote_at_once_leave_one_current_and_both_histories(root: Path, store: Promoted) -> None:
    both = [promoter(root, who, 10) for who in ("one", "two")]
    for process in both:
        go(process)
    for process in both:
        process.communicate()
        assert process.returncode == 0
    history = store.history(*BTC)
    assert sorted(made.notes[0] for made in history) == sorted(
        f"{who} {k}" for who in ("one", "two") for k in range(10)
    )
    moves = store.moves(*BTC)
    assert sorted(move.id for move in moves) == sorted(made.id for made in history)
    assert store.current(*BTC).id == moves[-1].id


@pytest.mark.parametrize("after", [1, 3, 6])
def test_a_process_killed_while_it_promotes_leaves_a_valid_current(after: int, root: Path, store: Promoted) -> None:
    process = promoter(root, "killed", 10_000)
    assert process.stdout is not None
    go(process)
    told = [process.stdout.readline() for _ in range(after)]
    process.kill()
    process.communicate()
    assert told[-1] == f"{after - 1}\n"
    moves, known = store.moves(*BTC), {made.id for made in store.history(*BTC)}
    assert len(moves) >= after
    assert {move.id for move in moves} <= known
    assert len(known) - len(moves) in (0, 1)
    assert store.current(*BTC).id == moves[-1].id
    store.promote(artefact(notes=["after it"]))
    assert store.current(*BTC).notes == ["after it"]
