from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path

import numpy as np
import pytest

from thunes.cli.output import SCHEMA, emit_json


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
