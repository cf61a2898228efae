"""Files that outlive a version."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from thunes.errors import DataError
from thunes.storage.versioned import Format

THING = Format("thing", 3, {1: lambda d: {"names": [d["name"]]}, 2: lambda d: {**d, "count": len(d["names"])}})


def test_what_is_written_is_read(tmp_path: Path) -> None:
    THING.write(tmp_path / "t.json", {"names": ["a"], "count": 1})
    assert THING.read(tmp_path / "t.json") == {"names": ["a"], "count": 1, "format": 3}


def test_an_older_file_is_read_in_the_current_form_and_stays(tmp_path: Path) -> None:
    path = tmp_path / "t.json"
    path.write_text('{"format": 1, "name": "a"}')
    assert THING.read(path) == {"names": ["a"], "count": 1, "format": 3}
    assert json.loads(path.read_text())["format"] == 1


def test_an_older_file_is_kept_beside_when_it_is_replaced(tmp_path: Path) -> None:
    path = tmp_path / "t.json"
    path.write_text('{"format": 1, "name": "a"}')
    THING.write(path, THING.read(path))
    assert (tmp_path / "t.json.format1").read_text() == '{"format": 1, "name": "a"}'
    assert json.loads(path.read_text())["format"] == 3
    THING.write(path, THING.read(path))
    assert sorted(p.name for p in tmp_path.iterdir()) == ["t.json", "t.json.format1"]


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ('{"format": 4}', "E-FORMAT-NEWER"),
        ('{"format": "3"}', "E-FORMAT-NEWER"),
        ('{"format": 0}', "E-FORMAT-OLD"),
        ("{}", "E-FORMAT-DAMAGED"),
        ("[]", "E-FORMAT-DAMAGED"),
        ("", "E-FORMAT-DAMAGED"),
        ('{"format": 3', "E-FORMAT-DAMAGED"),
    ],
)
@pytest.mark.parametrize("use", [THING.read, lambda path: THING.write(path, {"names": [], "count": 0})])
def test_what_this_program_cannot_read_is_refused_and_never_overwritten(
    tmp_path: Path, text: str, code: str, use: Callable[[Path], object]
) -> None:
    path = tmp_path / "t.json"
    path.write_text(text)
    with pytest.raises(DataError) as caught:
        use(path)
    assert (caught.value.code, caught.value.exit_code) == (code, 4)
    assert path.read_text() == text
