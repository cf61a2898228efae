"""Every example runs, in a folder of its own, without network and without a warning."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
# What python-binance imports, wherever it is installed: see pyproject.toml.
LISTED = [f"ignore:websockets.{name} is deprecated" for name in ("legacy", "WebSocketClientProtocol")]
SAID = {"01_research.py": "Sharpe", "02_local_exchange.py": "Missing in the books: nothing."}


@pytest.mark.loopback
@pytest.mark.parametrize("example", sorted(path.name for path in (ROOT / "examples").glob("*.py")))
def test_an_example_runs_and_leaves_nothing_behind(example: str, tmp_path: Path) -> None:
    allowed = [word for exception in LISTED for word in ("-W", exception)]
    command = [sys.executable, "-W", "error", *allowed, str(ROOT / "examples" / example)]
    untraced = {name: value for name, value in os.environ.items() if not name.startswith("COVERAGE")}  # twice as fast
    done = subprocess.run(
        command, cwd=tmp_path, capture_output=True, text=True, env={**untraced, "TMPDIR": str(tmp_path)}
    )
    assert done.returncode == 0, done.stderr
    assert SAID[example] in done.stdout
    assert list(tmp_path.iterdir()) == []
