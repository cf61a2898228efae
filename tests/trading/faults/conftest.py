"""Desks whose way to the exchange may be disturbed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.trading.faults.desk import FaultDesk

from thunes.strategies.base import Strategy

OpenFaultDesk = Callable[..., FaultDesk]


@pytest.fixture
def fault_desk(tmp_path: Path) -> Iterator[OpenFaultDesk]:
    """Makes a desk in the test's folder."""
    made: list[FaultDesk] = []

    def make(strategy: Strategy, **more: Any) -> FaultDesk:
        made.append(FaultDesk(tmp_path, strategy, **more))
        return made[-1]

    yield make
    for desk in made:
        desk.close()
