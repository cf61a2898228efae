"""Traders that are killed with signal 9, at every step and at any call between decision and booking."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from tests.trading.crash.killing import STEPS
from tests.trading.desk import OpenDesk, script

pytestmark = pytest.mark.loopback
ROOT = Path(__file__).resolve().parents[3]
TRADED = 4  # legs: entry, more, less, exit


def crashes(runs: int, seed: int) -> dict[str, Any]:
    """The summary of so many runs, in an interpreter of its own: it forks."""
    command = [sys.executable, "-m", "tests.trading.crash", str(runs), str(seed)]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("COVERAGE")}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def assert_nothing_is_lost(found: dict[str, Any], runs: int) -> None:
    assert found["findings"] == []
    assert found["conserved"]
    assert found["runs"] == runs
    assert found["killed"] >= 0.7 * runs  # a call that is drawn may lie behind the end of the pass
    assert found["killed_again"] > 0
    assert set(found["steps"]) == {*STEPS, "any call"}


@pytest.mark.covers("fault 31", "fault 32", "pitfall X4", "pitfall X8")
def test_a_hundred_crashes_lose_and_double_nothing() -> None:
    assert_nothing_is_lost(crashes(100, 1), 100)


@pytest.mark.long
@pytest.mark.covers("fault 31", "fault 32", "pitfall X4", "pitfall X8")
def test_a_thousand_crashes_lose_and_double_nothing() -> None:
    found = crashes(1_400, 11)
    assert_nothing_is_lost(found, 1_400)
    assert found["killed"] >= 1_000


def test_every_step_of_a_pass_is_one_where_traders_are_killed(open_desk: OpenDesk) -> None:
    desk, told = open_desk(script((0, 1.0))), list[str]()
    desk.step = told.append
    desk.run()
    assert tuple(told) == STEPS
