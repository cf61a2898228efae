"""The front door: `import thunes`."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import thunes


def test_importing_it_loads_nothing_else() -> None:
    code = "import sys, thunes; print([m for m in sys.modules if m.startswith('thunes') or m == 'numpy'])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "['thunes']"


def test_every_public_name_is_there() -> None:
    for name in dir(thunes):
        assert getattr(thunes, name) is not None


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="has no attribute 'bactest'"):
        thunes.bactest  # noqa: B018


def test_type_checkers_see_the_names_that_python_sees() -> None:
    tree = ast.parse(Path(thunes.__file__).read_text())
    block = next(node for node in tree.body if isinstance(node, ast.If))
    seen = {alias.asname for line in block.body if isinstance(line, ast.ImportFrom) for alias in line.names}
    assert {*seen, "__version__"} == set(dir(thunes))
