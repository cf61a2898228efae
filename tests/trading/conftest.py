"""Traders for the tests of the order path."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.trading.desk import Desk, OpenDesk

from thunes.strategies.base import Strategy


@pytest.fixture
def open_desk(tmp_path: Path) -> Iterator[OpenDesk]:
    """Makes a trader with all that it stands on, in the test's folder."""
    made: list[Desk] = []

    def make(strategy: Strategy, **more: Any) -> Desk:
        made.append(Desk(tmp_path, strategy, **more))
        return made[-1]

    yield make
    for desk in made:
        desk.close()
