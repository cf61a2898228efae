"""A process that is killed while it searches loses no told trial, and its study ends as if nothing had happened."""

from __future__ import annotations

import contextlib
import os
import random
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from tests.research.search.worker import main
from tests.research.search.worlds import loaded, told

WORKER = Path(__file__).with_name("worker.py")
TRIALS = 64


def killed(root: Path, place: Path, sampler: str, patience: float) -> int:
    """Let a process search for so many seconds from its beginning, end it with SIGKILL; its exit code."""
    command = [sys.executable, str(WORKER), str(place), sampler, str(TRIALS), "alone"]
    environment = {**os.environ, "PYTHONPATH": str(root)}
    with subprocess.Popen(command, stdout=subprocess.PIPE, env=environment) as process:
        assert process.stdout
        assert process.stdout.readline() == b"begun\n"
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(patience)
        process.kill()
    return process.returncode


def resumed_ends_as_unbroken(root: Path, folder: Path, sampler: str, kills: list[float]) -> None:
    main(str(folder / "whole"), sampler, str(TRIALS), "alone")
    for patience in kills:
        code = killed(root, folder / "torn", sampler, patience)
        assert code in (0, -signal.SIGKILL)
    before = (folder / "torn" / "study.log").read_bytes() if (folder / "torn" / "study.log").exists() else b""
    main(str(folder / "torn"), sampler, str(TRIALS), "alone")
    assert (folder / "torn" / "study.log").read_bytes().startswith(before[: before.rfind(b"\n") + 1])
    unbroken = told(loaded(folder / "whole" / "study.log", "study"))
    assert told(loaded(folder / "torn" / "study.log", "study")) == unbroken


def test_a_study_killed_twice_ends_as_the_unbroken_one(root: Path, tmp_path: Path) -> None:
    resumed_ends_as_unbroken(root, tmp_path, "tpe", [0.6, 0.9])


@pytest.mark.long
@pytest.mark.parametrize("seed", range(20))
def test_a_study_killed_at_random_ends_as_the_unbroken_one(seed: int, root: Path, tmp_path: Path) -> None:
    chance = random.Random(seed)
    sampler = chance.choice(["tpe", "random"])
    resumed_ends_as_unbroken(root, tmp_path, sampler, [chance.uniform(0.3, 1.5) for _ in range(3)])
