"""docs/local-exchange.md tells of every fault that there is."""

from __future__ import annotations

import re
from pathlib import Path

from thunes.simulator.faults.catalogue import CATALOGUE


def test_the_page_lists_the_faults_of_the_catalogue(root: Path) -> None:
    page = (root / "docs" / "local-exchange.md").read_text()
    told = page.split("\n## Faults\n")[1].split("\n## ")[0]
    names = re.sub(r"\*\*.*?\*\*", "", told, flags=re.DOTALL)  # the heads name targets
    assert set(re.findall(r"`(\w+)`", names)) == set(CATALOGUE)
