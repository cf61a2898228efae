from __future__ import annotations

import io
import json
from decimal import Decimal
from pathlib import Path
from threading import Event

import numpy as np
import pytest
from rich.console import Console

from thunes.cli import output
from thunes.cli.output import SCHEMA, emit_json, spinner


class Screen(io.StringIO):
    """A stream that knows when it was first written to."""

    def __init__(self) -> None:
        super().__init__()
        self.touched = Event()

    def write(self, text: str) -> int:
        self.touched.set()
        return super().write(text)


def talking(monkeypatch: pytest.MonkeyPatch, *, terminal: bool, patience: float) -> Screen:
    """What `talk` says, to a terminal or a pipe, goes to the screen that is returned."""
    screen = Screen()
    monkeypatch.setattr(output, "talk", Console(file=screen, force_terminal=terminal))
    monkeypatch.setattr(output, "PATIENCE", patience)
    return screen


def printed(payload: dict[str, object], capsys: pytest.CaptureFixture[str]) -> dict[str, object]:
    emit_json("test", payload)
    line = capsys.readouterr().out
    assert line.count("\n") == 1
    found: dict[str, object] = json.loads(line, parse_constant=pytest.fail)
    return found


def test_it_is_one_line_with_kind_and_schema(capsys: pytest.CaptureFixture[str]) -> None:
    assert printed({"a": 1}, capsys) == {"kind": "test", "schema": SCHEMA, "a": 1}


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf"), np.float64("nan")])
def test_what_json_cannot_say_is_null(value: float, capsys: pytest.CaptureFixture[str]) -> None:
    assert printed({"a": value, "b": [value]}, capsys)["b"] == [None]


def test_numbers_keep_every_digit(capsys: pytest.CaptureFixture[str]) -> None:
    found = printed({"float": 0.1 + 0.2, "array": np.array([1e-9]), "money": Decimal("1E-8")}, capsys)
    assert (found["float"], found["array"], found["money"]) == (0.1 + 0.2, [1e-9], "0.00000001")


def test_a_path_is_text_and_an_unknown_type_is_a_bug(capsys: pytest.CaptureFixture[str]) -> None:
    assert printed({"a": Path("x/y")}, capsys)["a"] == "x/y"
    with pytest.raises(TypeError):
        emit_json("test", {"a": object()})


def test_a_wheel_turns_on_a_terminal_while_one_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    screen = talking(monkeypatch, terminal=True, patience=0)
    with spinner("working"):
        assert screen.touched.wait(timeout=10)
    assert "working" in screen.getvalue()


def test_no_wheel_turns_in_a_pipe_or_for_a_moment(monkeypatch: pytest.MonkeyPatch) -> None:
    for terminal, patience in ((False, 0), (True, 60)):
        screen = talking(monkeypatch, terminal=terminal, patience=patience)
        with spinner("working"):
            pass
        assert screen.getvalue() == ""
