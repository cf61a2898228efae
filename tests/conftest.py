"""What every test stands on: no network, a folder of its own, an environment without our settings."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import hypothesis
import pytest
from hypothesis.configuration import set_hypothesis_home_dir
from tests import series

from thunes.model import Candles
from thunes.settings import NAMES

ROOT = Path(__file__).resolve().parents[1]
LOOPBACK = ["127.0.0.1", "::1"]

hypothesis.settings.register_profile("house", deadline=None)  # a first call may compile
hypothesis.settings.load_profile("house")
set_hypothesis_home_dir(ROOT / ".hypothesis")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """A `loopback` test may reach this machine; all others run without sockets."""
    for item in items:
        if item.get_closest_marker("loopback"):
            item.add_marker(pytest.mark.allow_hosts(LOOPBACK))


@pytest.fixture(autouse=True)
def own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Each test works in an empty folder: it sees no `.env` and leaves no file of a user's."""
    for variable in os.environ:
        if variable.upper() in NAMES:
            monkeypatch.delenv(variable)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture(scope="session")
def root() -> Path:
    """The repository."""
    return ROOT


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real candles beside the repository."""
    folder = ROOT.parent / "shared" / "data"
    if not folder.is_dir():
        pytest.skip("no real candles: ../shared/data is missing")
    return folder


@pytest.fixture(scope="session")
def real(shared_data: Path) -> Callable[[str, int], Candles]:
    """The last bars of one of the real series: `real("panel-1h/ETHUSDT-1h", 2_160)`."""
    return lambda name, last: series.real(shared_data, name, last)
