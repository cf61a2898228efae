"""Where the contract of a `Venue` is tried: the local exchange, in process and over TCP, or the test network.

BINANCE_TESTNET_API_KEY=… BINANCE_TESTNET_API_SECRET=… pytest -m testnet tests/exchange
"""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest
from tests.exchange.places import LocalPlace, Place, TestnetPlace, local_exchange

from thunes.simulator import LocalExchange

# Read now: no test sees the settings of the person who runs it.
TESTNET = tuple(os.environ.get(f"BINANCE_TESTNET_API_{name}", "") for name in ("KEY", "SECRET"))


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "testnet: asks the exchange's test network; run by hand with `-m testnet`")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "place" in metafunc.fixturenames:
        places = [
            pytest.param("in_process"),
            pytest.param("tcp", marks=pytest.mark.loopback),
            pytest.param("testnet", marks=[pytest.mark.testnet, pytest.mark.enable_socket]),
        ]
        metafunc.parametrize("place", places, indirect=True)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """The test network is asked only by those who name it."""
    if "testnet" in config.option.markexpr:
        return
    away = [item for item in items if item.get_closest_marker("testnet")]
    config.hook.pytest_deselected(items=away)
    items[:] = [item for item in items if not item.get_closest_marker("testnet")]


@pytest.fixture(scope="session")
def in_process_exchange() -> Iterator[LocalExchange]:
    with local_exchange(serve=False) as exchange:
        yield exchange


@pytest.fixture(scope="session")
def tcp_exchange() -> Iterator[LocalExchange]:
    with local_exchange(serve=True) as exchange:
        yield exchange


@pytest.fixture
def place(request: pytest.FixtureRequest) -> Iterator[Place]:
    """An account at a venue; nothing stays open in it."""
    if request.param == "testnet":
        if not all(TESTNET):
            pytest.skip("no keys: set BINANCE_TESTNET_API_KEY and BINANCE_TESTNET_API_SECRET")
        opened: Place = TestnetPlace(*TESTNET)
    else:
        opened = LocalPlace(request.getfixturevalue(f"{request.param}_exchange"))
    yield opened
    opened.close()


@pytest.fixture
def local() -> Iterator[LocalPlace]:
    """An account at an exchange of its own, in process: for faults."""
    with local_exchange(serve=False) as exchange:
        place = LocalPlace(exchange)
        yield place
        place.venue.close()
