"""A running exchange, a clock that stands at its time, a store."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.market.loopback import NOW, Exchange, running

from thunes.clock import ManualClock
from thunes.market.store import Store


@pytest.fixture
def exchange() -> Iterator[Exchange]:
    with running() as exchange:
        yield exchange


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(NOW)


@pytest.fixture
def store(tmp_path: Path, clock: ManualClock) -> Store:
    return Store(tmp_path / "store", clock)
