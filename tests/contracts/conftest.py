"""One suite, two venues: every test that takes `venue` runs at the local exchange, and with `-m testnet` over there.

    BINANCE_TESTNET_API_KEY=… BINANCE_TESTNET_API_SECRET=… pytest -m testnet tests/contracts

Orders have the smallest size that the filters allow, and whatever stays open is cancelled.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest
from tests.contracts.venue import LocalVenue, Login, TestnetVenue, Venue, slope, tape

from thunes.simulator import LocalExchange

# Read now: no test sees the settings of the person who runs it.
TESTNET_LOGIN = Login(os.environ.get("BINANCE_TESTNET_API_KEY", ""), os.environ.get("BINANCE_TESTNET_API_SECRET", ""))
PAST, FUTURE = 10_500, 1_500  # minutes that klines show at the start, minutes that can be played


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "testnet: asks the exchange's test network; run by hand with `-m testnet`")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "venue" in metafunc.fixturenames:
        over_there = pytest.param("testnet", marks=[pytest.mark.testnet, pytest.mark.enable_socket])
        metafunc.parametrize("venue", [pytest.param("local", marks=pytest.mark.loopback), over_there], indirect=True)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """The test network is asked only by those who name it."""
    if "testnet" in config.option.markexpr:
        return
    away = [item for item in items if item.get_closest_marker("testnet")]
    config.hook.pytest_deselected(items=away)
    items[:] = [item for item in items if not item.get_closest_marker("testnet")]


@pytest.fixture(scope="module")
def local_exchange() -> Iterator[LocalExchange]:
    """A week of minutes behind it, a day before it; each test opens an account of its own there."""
    main, other = tape("BTCUSDT", PAST + FUTURE), tape("ETHUSDT", PAST + FUTURE)
    with LocalExchange([main, other], stepped=True, start=int(main.open_time[PAST])) as exchange:
        yield exchange


@pytest.fixture
def venue(request: pytest.FixtureRequest) -> Iterator[Venue]:
    """An account at a venue."""
    opened = _testnet() if request.param == "testnet" else LocalVenue(request.getfixturevalue("local_exchange"))
    yield opened
    opened.close()


def _testnet() -> Venue:
    if not (TESTNET_LOGIN.api_key and TESTNET_LOGIN.secret):
        pytest.skip("no keys: set BINANCE_TESTNET_API_KEY and BINANCE_TESTNET_API_SECRET")
    return TestnetVenue(TESTNET_LOGIN)


@pytest.fixture
def local(local_exchange: LocalExchange) -> Iterator[LocalVenue]:
    """An account at the local exchange, for what only that can show."""
    opened = LocalVenue(local_exchange)
    yield opened
    opened.close()


@pytest.fixture
def sliding() -> Iterator[Callable[[float], LocalVenue]]:
    """`sliding(-10)`: an account at an exchange of its own, where the price falls by ten a minute and never rises."""
    with ExitStack() as opened:

        def open_sliding(per_minute: float) -> LocalVenue:
            candles = slope(per_minute)
            exchange = LocalExchange(candles, stepped=True, start=int(candles.open_time[60]))
            venue = LocalVenue(opened.enter_context(exchange))
            opened.callback(venue.close)
            return venue

        yield open_sliding
