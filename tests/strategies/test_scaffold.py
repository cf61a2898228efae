from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from thunes.errors import UsageError
from thunes.strategies.scaffold import class_name, write_strategy


def test_the_two_files_pass_as_written_and_take_under_40_lines(tmp_path: Path) -> None:
    strategy, test = write_strategy("my_idea", tmp_path)
    assert len((strategy.read_text() + test.read_text()).splitlines()) < 40
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:randomly", test.name]
    result = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stdout + result.stderr
    assert "2 passed" in result.stdout


def test_the_strategy_imports_only_thunes(tmp_path: Path) -> None:
    strategy, _ = write_strategy("my_idea", tmp_path)
    imports = [line for line in strategy.read_text().splitlines() if "import" in line]
    assert imports == ["from thunes import Line, Strategy, indicators, param"]


@pytest.mark.parametrize("taken", ["my_idea.py", "test_my_idea.py"])
def test_nothing_is_overwritten_and_nothing_half_written(taken: str, tmp_path: Path) -> None:
    (tmp_path / taken).write_text("precious")
    with pytest.raises(UsageError, match=f"{taken} exists"):
        write_strategy("my_idea", tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == [taken]
    assert (tmp_path / taken).read_text() == "precious"


def test_where_the_second_file_cannot_be_written_the_first_goes_too(tmp_path: Path) -> None:
    (tmp_path / "test_my_idea.py").symlink_to(tmp_path / "no" / "folder.py")
    with pytest.raises(UsageError, match=r"cannot write here: No such file or directory\."):
        write_strategy("my_idea", tmp_path)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "name",
    ["", "my-idea", "2fast", "_", "_2fast", "class", "none", "a.b", "../evil", "random", "thunes", "numpy", "my idea"],
)
def test_a_name_that_cannot_be_imported_is_refused(name: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="E-NEW-NAME"):
        write_strategy(name, tmp_path)
    assert not [*tmp_path.iterdir()]


@pytest.mark.parametrize(("name", "cls"), [("my_idea", "MyIdea"), ("idea", "Idea"), ("MyIdea", "MyIdea"), ("x2", "X2")])
def test_the_class_is_named_after_the_file(name: str, cls: str) -> None:
    assert class_name(name) == cls
