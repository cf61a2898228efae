"""The three locks against pyproject.toml, without asking any index."""

from __future__ import annotations

import itertools
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

LOCKS = ("core", "research", "dev")  # each holds the one before
PLACES = [
    {"python_version": version, "python_full_version": f"{version}.9", "sys_platform": system}
    for version, system in itertools.product(("3.11", "3.12", "3.13"), ("linux", "darwin"))
]


def project(root: Path) -> dict[str, list[str]]:
    """The ranges of pyproject.toml: core and the extras."""
    table = tomllib.loads((root / "pyproject.toml").read_text())["project"]
    return {"core": table["dependencies"], **table["optional-dependencies"]}


def ranges(groups: dict[str, list[str]], lock: str) -> Iterator[Requirement]:
    """What a lock must satisfy: core, its own extra, and the extras that one names."""
    for requirement in map(Requirement, groups["core"] if lock == "core" else groups["core"] + groups[lock]):
        if requirement.name == "thunes":
            for extra in requirement.extras:
                yield from ranges(groups, extra)
        else:
            yield requirement


def pins(root: Path, lock: str) -> list[Requirement]:
    lines = (root / f"requirements-{lock}.txt").read_text().splitlines()
    return [Requirement(line.split("#")[0]) for line in lines if line and not line.startswith("#")]


def versions(locked: list[Requirement], place: dict[str, str]) -> dict[str, str]:
    """The version of each package that a lock installs on one kind of machine."""
    here = [pin for pin in locked if pin.marker is None or pin.marker.evaluate({**place})]
    return {canonicalize_name(pin.name): next(iter(pin.specifier)).version for pin in here}


@pytest.mark.parametrize("place", PLACES, ids=lambda p: f"{p['python_version']}-{p['sys_platform']}")
@pytest.mark.parametrize("lock", LOCKS)
def test_the_lock_satisfies_every_range(lock: str, place: dict[str, str], root: Path) -> None:
    installed = versions(pins(root, lock), place)
    for requirement in ranges(project(root), lock):
        assert requirement.specifier.contains(installed.get(canonicalize_name(requirement.name), "0")), (
            f"requirements-{lock}.txt does not satisfy {requirement}: run `make lock`"
        )


@pytest.mark.parametrize("place", PLACES, ids=lambda p: f"{p['python_version']}-{p['sys_platform']}")
def test_a_larger_lock_changes_no_version_of_a_smaller_one(place: dict[str, str], root: Path) -> None:
    for small, large in itertools.pairwise(LOCKS):
        assert versions(pins(root, small), place).items() <= versions(pins(root, large), place).items()


@pytest.mark.parametrize("lock", LOCKS)
def test_a_lock_pins_exact_versions_and_names_no_place(lock: str, root: Path) -> None:
    text = (root / f"requirements-{lock}.txt").read_text()
    assert all(pin.url is None and str(pin.specifier).startswith("==") for pin in pins(root, lock))
    assert not re.search(r"https?:|file:|^-|(^|\s)/\w", text, re.MULTILINE)


def test_every_range_has_a_lower_and_an_upper_bound(root: Path) -> None:
    for requirement in map(Requirement, itertools.chain(*project(root).values())):
        operators = {part.operator for part in requirement.specifier}
        assert requirement.name == "thunes" or operators == {">=", "<"}, requirement


def test_the_daemons_lock_is_small(root: Path) -> None:
    names = versions(pins(root, "core"), PLACES[0]).keys()
    assert not names & {"pandas", "numba", "vectorbt", "plotly", "scipy", "matplotlib"}
