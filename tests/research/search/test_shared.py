"""Workers that are started by hand on one study: no trial is lost, none is there twice."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import optuna
import pytest
from optuna.storages import RDBStorage
from tests.research.search import postgres
from tests.research.search.worlds import loaded

WORKER = Path(__file__).with_name("worker.py")
EACH = 10


@pytest.fixture(scope="module")
def database() -> Iterator[str]:
    programs = postgres.programs()
    if programs is None:
        pytest.skip("PostgreSQL is not installed (Debian: postgresql)")
    with postgres.running(programs) as url:
        yield url


def work(root: Path, place: str, workers: int) -> None:
    """Several processes at once, each adding its trials."""
    command = [sys.executable, str(WORKER), place, "random", str(EACH), "shared"]
    environment = {**os.environ, "PYTHONPATH": str(root)}
    running = [
        subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, env=environment)
        for _ in range(workers)
    ]
    errors = [process.communicate()[1].decode() for process in running]
    assert [process.returncode for process in running] == [0] * workers, errors


def assert_whole(study: optuna.Study, trials: int) -> None:
    found = study.trials
    assert [trial.number for trial in found] == list(range(trials))
    assert len({trial._trial_id for trial in found}) == trials
    assert all(trial.state.is_finished() and trial.user_attrs["thunes:outcome"] for trial in found)
    assert study.user_attrs["thunes:note"].startswith("Shared study")


@pytest.mark.parametrize("workers", [2, 4])
def test_workers_on_one_journal_lose_and_double_no_trial(workers: int, root: Path, tmp_path: Path) -> None:
    work(root, str(tmp_path), workers)
    assert_whole(loaded(tmp_path / "study.log", "study"), workers * EACH)


@pytest.mark.loopback
def test_workers_on_one_postgresql_lose_and_double_no_trial(root: Path, database: str) -> None:
    """Two begin on an empty database, and so make its tables at once; then four more join."""
    for workers, trials in ((2, 2 * EACH), (4, 6 * EACH)):
        work(root, database, workers)
        storage = RDBStorage(database)
        assert_whole(optuna.load_study(study_name="study", storage=storage), trials)
        storage.remove_session()
        storage.engine.dispose()
