"""The code stays small."""

from __future__ import annotations

import ast
import statistics
from pathlib import Path

LONG_FOR_A_REASON: dict[str, str] = {}


def test_no_file_is_over_400_lines_without_a_reason(root: Path) -> None:
    files = [path for folder in ("src", "tests", "benchmarks") for path in (root / folder).rglob("*.py")]
    long = {path.name for path in files if len(path.read_text().splitlines()) > 400 and "__pycache__" not in path.parts}
    assert long == LONG_FOR_A_REASON.keys()


def test_the_median_function_is_under_ten_lines(root: Path) -> None:
    def body_lines(function: ast.FunctionDef) -> int:
        body = function.body[1:] if ast.get_docstring(function) and len(function.body) > 1 else function.body
        return (body[-1].end_lineno or 0) - body[0].lineno + 1

    trees = [
        ast.parse(path.read_text())
        for path in (root / "src" / "thunes").rglob("*.py")
        if "__pycache__" not in path.parts
    ]
    lengths = [body_lines(node) for tree in trees for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)]
    assert statistics.median(lengths) < 10
