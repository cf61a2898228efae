"""docs/architecture.md tells what the import contracts enforce."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path


def test_the_page_lists_the_rooms_in_the_order_of_the_layers(root: Path) -> None:
    table = re.findall(r"^\| (`.*?`) \|", (root / "docs" / "architecture.md").read_text(), re.MULTILINE)
    told = [set(re.findall(r"`(\w+)/?`", row)) for row in table]
    contracts = tomllib.loads((root / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
    assert told == [set(re.findall(r"\w+", layer)) for layer in reversed(contracts[0]["layers"])]
