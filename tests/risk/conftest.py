"""Each test has an environment of its own."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from tests.risk.desk import Desk

if TYPE_CHECKING:
    from tests.trading.desk import Desk as TradingDesk
    from tests.trading.desk import OpenDesk

    from thunes.strategies.base import Strategy


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    made = Desk(tmp_path / "state" / "sim")
    yield made
    made.close()


@pytest.fixture
def open_desk(tmp_path: Path) -> Iterator[OpenDesk]:
    """Makes a real trader on a local exchange, in a folder of its own; of another kind of desk where it is given."""
    from tests.trading.desk import Desk as TradingDesk  # most tests of risk need none

    made: list[TradingDesk] = []

    def make(strategy: Strategy, kind: type[TradingDesk] = TradingDesk, **more: Any) -> TradingDesk:
        made.append(kind(tmp_path / str(len(made)), strategy, **more))
        return made[-1]

    yield make
    for desk in made:
        desk.close()
