"""Every make target brings what it needs."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

pytestmark = pytest.mark.skipif(not shutil.which("make"), reason="needs make")


def make(root: Path, *arguments: str | Path) -> str:
    command = ["make", "--no-print-directory", *arguments]
    return subprocess.run(command, cwd=root, capture_output=True, text=True, check=True).stdout


def targets(root: Path) -> list[str]:
    declared = re.search(r"^\.PHONY: (.*)$", (root / "Makefile").read_text(), re.MULTILINE)
    assert declared
    return declared[1].split()


def test_make_alone_lists_every_target(root: Path) -> None:
    assert [line.split()[1] for line in make(root).splitlines()] == targets(root)


def test_every_target_makes_the_environment_first(root: Path, tmp_path: Path) -> None:
    for target in set(targets(root)) - {"help", "clean"}:
        plan = make(root, "--dry-run", f"VENV={tmp_path}/venv", target).splitlines()
        assert any(f"-m venv {tmp_path}/venv" in line for line in plan[:4]), target


@pytest.mark.parametrize(("there", "asked"), [(True, True), (False, False)])
def test_the_floor_of_the_coverage_is_asked_for_where_real_candles_are(
    root: Path, tmp_path: Path, there: bool, asked: bool
) -> None:
    candles = tmp_path if there else tmp_path / "missing"
    plan = make(root, "--dry-run", f"CANDLES={candles}", f"VENV={tmp_path}/venv", "test").splitlines()
    whole, order_path = [line for line in plan if "coverage report" in line]
    assert whole.endswith("--fail-under=0") is not asked
    assert ("--fail-under=95" in order_path) is asked


def test_a_python_out_of_range_is_refused_in_one_line(root: Path, tmp_path: Path) -> None:
    old = tmp_path / "python"
    old.write_text("#!/bin/sh\nexit 1\n")
    old.chmod(0o755)
    done = subprocess.run(
        ["make", "install", f"PYTHON={old}", f"VENV={tmp_path}/venv"],
        cwd=root,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode != 0
    assert done.stderr.startswith("thunes needs Python 3.11 to 3.13")
