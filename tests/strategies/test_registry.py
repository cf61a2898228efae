from __future__ import annotations

import hashlib
import sys
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from thunes.errors import StrategyError, ThunesError, UsageError
from thunes.strategies import registry
from thunes.strategies.base import Strategy, evaluate
from thunes.strategies.sma_cross import SmaCross

MINE = '''
from thunes import Strategy

class Mine(Strategy):
    """Always in."""

    @staticmethod
    def rule(held):
        return {value}
'''


def written(path: Path, text: str) -> str:
    path.write_text(text)
    return str(path)


def refusal(spec: str) -> ThunesError:
    with pytest.raises(ThunesError) as caught:
        registry.load(spec)
    assert "\n" not in str(caught.value)
    return caught.value


def test_built_in_names_load_their_classes() -> None:
    assert registry.load("sma_cross") is SmaCross
    assert {*registry.BUILT_IN} <= {*registry.names()}
    for name in registry.BUILT_IN:
        assert registry.load(name).name() == name


def test_a_built_in_is_hashed_by_its_file(root: Path) -> None:
    content = (root / "src/thunes/strategies/sma_cross.py").read_bytes()
    assert registry.source_hash(SmaCross) == hashlib.sha256(content).hexdigest()


def test_an_unknown_name_gets_the_nearest_one_and_exit_code_2() -> None:
    error = refusal("sma_cros")
    assert (error.code, error.exit_code) == ("E-STRATEGY-UNKNOWN", 2)
    assert "Did you mean 'sma_cross'?" in str(error)


def test_a_path_loads_the_class_named_or_the_only_one(tmp_path: Path) -> None:
    path = written(tmp_path / "mine.py", MINE.format(value=True))
    named = registry.load(f"{path}:Mine")
    assert issubclass(named, Strategy)
    assert registry.load(path) is named


def test_a_path_is_hashed_as_it_was_when_it_was_imported(tmp_path: Path) -> None:
    path = written(tmp_path / "mine.py", MINE.format(value=True))
    cls = registry.load(f"{path}:Mine")
    before = hashlib.sha256((tmp_path / "mine.py").read_bytes()).hexdigest()
    written(tmp_path / "mine.py", MINE.format(value=False))
    assert registry.source_hash(cls) == before
    assert registry.source_hash(registry.load(f"{path}:Mine")) != before


def test_an_edited_file_is_loaded_anew_and_the_old_class_lives_on(tmp_path: Path, make_candles: Any) -> None:
    candles = make_candles(np.ones(3))
    path = written(tmp_path / "mine.py", MINE.format(value=0))
    old = registry.load(path)()
    assert evaluate(old, candles).tolist() == [0.0, 0.0, 0.0]
    new = registry.load(written(tmp_path / "mine.py", MINE.format(value=1)))()  # same size, same second
    assert evaluate(new, candles).tolist() == [1.0, 1.0, 1.0]
    assert evaluate(old, candles).tolist() == [0.0, 0.0, 0.0]


def test_two_files_of_one_name_do_not_meet(tmp_path: Path) -> None:
    for folder in ("a", "b"):
        (tmp_path / folder).mkdir()
        written(tmp_path / folder / "mine.py", MINE.format(value=True))
    assert registry.load(str(tmp_path / "a/mine.py")) is not registry.load(str(tmp_path / "b/mine.py"))


def test_a_missing_file_is_a_usage_error(tmp_path: Path) -> None:
    error = refusal(f"{tmp_path}/none.py:Mine")
    assert (error.code, error.exit_code) == ("E-STRATEGY-FILE", 2)


def test_a_misspelt_class_gets_the_nearest_one(tmp_path: Path) -> None:
    path = written(tmp_path / "mine.py", MINE.format(value=True))
    error = refusal(f"{path}:Mien")
    assert isinstance(error, UsageError)
    assert "Did you mean 'Mine'?" in str(error)


def test_classes_that_a_file_only_imports_are_not_its_own(tmp_path: Path) -> None:
    path = written(tmp_path / "empty.py", "from thunes.strategies.sma_cross import SmaCross\n")
    assert "defines no subclass of thunes.Strategy" in str(refusal(f"{path}:SmaCross"))


def test_several_strategies_in_a_file_need_a_name(tmp_path: Path) -> None:
    two = MINE.format(value=True) + MINE.format(value=True).replace("Mine", "Other")
    error = refusal(written(tmp_path / "two.py", two))
    assert "defines several strategies: name one. Known: Mine, Other." in str(error)


@pytest.mark.parametrize(
    ("source", "code", "text"),
    [
        ("x = 1\ndef f(:\n", "E-STRATEGY-SYNTAX", "mine.py:2: invalid syntax"),
        ("import nothing_of_that_name\n", "E-STRATEGY-IMPORT", "ModuleNotFoundError: No module named"),
        ("x = 1\nx / 0\n", "E-STRATEGY-IMPORT", "mine.py:2)"),
        ("x = '\\x00'\n\x00", "E-STRATEGY-SYNTAX", "null bytes"),
        (MINE.format(value=1).replace("(Strategy):", "(Strategy):\n    n: int = 5"), "E-STRATEGY-PARAM", "Mine.n"),
        (
            MINE.format(value=1).replace("class", "import dataclasses\n@dataclasses.dataclass\nclass"),
            "E-STRATEGY-IMPORT",
            "frozen",
        ),
    ],
)
def test_a_file_that_cannot_be_imported_is_one_line_and_exit_code_1(
    source: str, code: str, text: str, tmp_path: Path
) -> None:
    modules = {*sys.modules}
    error = refusal(written(tmp_path / "mine.py", source))
    assert isinstance(error, StrategyError)
    assert (error.code, error.exit_code) == (code, 1)
    assert text in str(error)
    assert not [name for name in {*sys.modules} - modules if "mine" in name]


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A package installed beside thunes, with an entry point for each kind of trouble."""
    (tmp_path / "thunes_extra_test.py").write_text(MINE.format(value=True))
    entries = {"mine": "thunes_extra_test:Mine", "gone": "thunes_extra_gone:Mine", "wrong": "thunes_extra_test:MINE"}
    meta = tmp_path / "thunes_extra-1.0.dist-info"
    meta.mkdir()
    (meta / "METADATA").write_text("Metadata-Version: 2.1\nName: thunes-extra\nVersion: 1.0\n")
    lines = [f"{name} = {value}" for name, value in entries.items()]
    (meta / "entry_points.txt").write_text("\n".join([f"[{registry.GROUP}]", *lines, "dict = builtins:dict", ""]))
    monkeypatch.syspath_prepend(tmp_path)
    return tmp_path


def test_an_installed_package_brings_strategies_by_entry_point(package: Path) -> None:
    assert "mine" in registry.names()
    cls = registry.load("mine")
    content = (package / "thunes_extra_test.py").read_bytes()
    assert registry.source_hash(cls) == hashlib.sha256(content).hexdigest()


@pytest.mark.parametrize("name", ["gone", "wrong", "dict"])
def test_a_broken_entry_point_is_named(package: Path, name: str) -> None:
    error = refusal(name)
    assert isinstance(error, StrategyError)


def test_a_class_without_a_file_has_no_hash() -> None:
    cls = type("Typed", (Strategy,), {"__module__": "nowhere"})
    assert registry.source_hash(cls) == ""


def test_entry_points_are_those_of_our_group() -> None:
    assert all(isinstance(entry, EntryPoint) for entry in registry._installed().values())
