"""docs/faults.md and the tests tell of the same scenarios."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

ROW = re.compile(r"^\| (\d+) \| (.+?) \| (.+?) \| (.+?) \|$", re.MULTILINE)
MARK = re.compile(r'^@pytest\.mark\.covers\("fault (\d+)"\)$', re.MULTILINE)


def told(root: Path) -> Iterator[tuple[str, Path]]:
    """Each scenario's number, with each file that is said to show it."""
    for number, _, _, files in ROW.findall((root / "docs" / "faults.md").read_text()):
        for name in re.findall(r"`(.+?)`", files):
            yield number, root / "tests" / name


def shown(root: Path) -> Iterator[tuple[str, Path]]:
    """Each scenario's number, with each file that has a test of it."""
    for path in (root / "tests").rglob("test_*.py"):
        for number in MARK.findall(path.read_text()):
            yield number, path


def test_every_scenario_of_the_page_has_its_tests_and_every_test_its_scenario(root: Path) -> None:
    page, tests = set(told(root)), set(shown(root))
    assert page <= tests
    assert {number for number, _ in page} == {number for number, _ in tests}


def test_a_scenario_stands_once(root: Path) -> None:
    numbers = [number for number, *_ in ROW.findall((root / "docs" / "faults.md").read_text())]
    assert len(numbers) == len(set(numbers)) > 30
    assert numbers == sorted(numbers, key=int)
