"""What every test stands on: no network, a folder of its own, an environment without our settings."""

from __future__ import annotations

import os
from collections.abc import Callable, Generator
from pathlib import Path

import coverage
import hypothesis
import pytest
from hypothesis.configuration import set_hypothesis_home_dir
from tests import series
from tests.kernels.plain import COMPILES

from thunes.model import Candles
from thunes.settings import NAMES

ROOT = Path(__file__).resolve().parents[1]
LOOPBACK = ["127.0.0.1", "::1"]
# Files of oracles, hypothesis and compiling take twice as long when traced for coverage, and others measure what they
# run: the pass without a compiler the kernels' lines, the tests of the callers the rest. They begin first, so that no
# worker is left with a long one at the end.
LONG = (
    "kernels/", "research/test_sweep.py", "research/test_truth.py", "strategies/",
    "ops/test_parity.py", "simulator/engine/test_engine_machine.py", "simulator/feed/", "simulator/symbols/",
    "simulator/streams/test_books.py", "simulator/test_exchange_jumps.py", "simulator/server/test_",
    "exchange/test_filters_agreement.py", "trading/crash/", "risk/test_races.py",
)  # fmt: skip

# A first call may compile. Without a compiler it is the coverage that is asked for, not a counterexample.
hypothesis.settings.register_profile("house", deadline=None, max_examples=100 if COMPILES else 20)
hypothesis.settings.load_profile("house")
set_hypothesis_home_dir(ROOT / ".hypothesis")


def takes_long(item: pytest.Item) -> bool:
    return item.path.relative_to(ROOT / "tests").as_posix().startswith(LONG)


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """A `loopback` test may reach this machine; all others run without sockets."""
    items.sort(key=takes_long, reverse=True)
    for item in items:
        if item.get_closest_marker("loopback"):
            item.add_marker(pytest.mark.allow_hosts(LOOPBACK))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, object, object]:
    """Take coverage's tracer away from a test that takes long."""
    traced = coverage.Coverage.current()
    if traced is None or not COMPILES or not takes_long(item):
        return (yield)
    traced.stop()
    try:
        return (yield)
    finally:
        traced.start()


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
