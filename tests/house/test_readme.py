"""Every block of the README runs."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from thunes.cli.app import main


def blocks(root: Path, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", (root / "README.md").read_text(), re.MULTILINE | re.DOTALL)


def commands(root: Path) -> list[list[str]]:
    return [shlex.split(line, comments=True) for block in blocks(root, "sh") for line in block.splitlines()]


def test_there_is_no_block_of_another_kind(root: Path) -> None:
    assert set(re.findall(r"^```(\w+)", (root / "README.md").read_text(), re.MULTILINE)) == {"sh", "python"}
    assert {words[0] for words in commands(root)} == {"make", "thunes"}


def test_the_make_targets_exist(root: Path) -> None:
    makefile = (root / "Makefile").read_text()
    assert all(f"\n{words[1]}: " in makefile for words in commands(root) if words[0] == "make")


def test_the_commands_run(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for words in commands(root):
        if words[0] == "thunes":
            assert main(words[1:]) == 0, capsys.readouterr().err


def test_the_python_runs(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for block in blocks(root, "python"):
        exec(compile(block, "README.md", "exec"), {})  # noqa: S102
    assert capsys.readouterr().out


def test_it_fits_one_screen_and_its_links_lead_somewhere(root: Path) -> None:
    text = (root / "README.md").read_text()
    assert len(text.splitlines()) <= 80
    assert all((root / link).exists() for link in re.findall(r"\]\((?!http)(.*?)\)", text))
