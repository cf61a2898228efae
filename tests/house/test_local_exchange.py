"""docs/local-exchange.md tells of every fault that there is."""

from __future__ import annotations

import re
from pathlib import Path

from thunes.simulator.faults.catalogue import CATALOGUE


def test_the_page_lists_the_faults_of_the_catalogue(root: Path) -> None:
    page = (root / "docs" / "local-exchange.md").read_text()
    told = page.split("\n## Faults\n")[1].split("\n## ")[0]
    lists = re.findall(r":\*\* (.*?)\.(?:\n-|\n\n)", told, re.DOTALL)
    assert {name for names in lists for name in re.findall(r"`(\w+)`", names)} == set(CATALOGUE)
