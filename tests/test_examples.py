"""Every example runs, in a folder of its own, without network and without a warning."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


@pytest.mark.parametrize("example", sorted(path.name for path in (ROOT / "examples").glob("*.py")))
def test_an_example_runs_and_leaves_nothing_behind(example: str, tmp_path: Path) -> None:
    command = [sys.executable, "-W", "error", str(ROOT / "examples" / example)]
    untraced = {name: value for name, value in os.environ.items() if not name.startswith("COVERAGE")}  # twice as fast
    done = subprocess.run(
        command, cwd=tmp_path, capture_output=True, text=True, env={**untraced, "TMPDIR": str(tmp_path)}
    )
    assert done.returncode == 0, done.stderr
    assert "Sharpe" in done.stdout
    assert list(tmp_path.iterdir()) == []
