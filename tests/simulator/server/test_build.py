"""An exchange from candles and a dump of symbols."""

from __future__ import annotations

from pathlib import Path

import pytest

from thunes.errors import DataError, UsageError
from thunes.market.synthetic import generate
from thunes.simulator.server.build import Given, build_exchange, listed
from thunes.simulator.symbols.exchange_info import built_in

CANDLES = generate("BTCUSDT", "1h", 100, seed=7)


def test_it_begins_with_the_first_candle() -> None:
    exchange = build_exchange(Given(CANDLES))
    assert exchange.now_ms == CANDLES.open_time[0]
    assert exchange.speed is None


def test_it_begins_where_it_is_told() -> None:
    assert build_exchange(Given(CANDLES, start=int(CANDLES.open_time[50]))).now_ms == CANDLES.open_time[50]
    with pytest.raises(UsageError, match="outside the candles"):
        build_exchange(Given(CANDLES, start="1999-01-01"))


def test_several_symbols_are_played_together() -> None:
    exchange = build_exchange(Given([CANDLES, generate("ETHUSDT", "1h", 100, seed=8)]))
    assert exchange.feed.symbols == ("BTCUSDT", "ETHUSDT")
    with pytest.raises(UsageError, match="each symbol once"):
        build_exchange(Given([CANDLES, CANDLES]))


def test_a_symbol_that_is_not_listed_is_named() -> None:
    with pytest.raises(DataError, match="BTCUSDX"):
        build_exchange(Given(generate("BTCUSDX", "1h", 10, seed=7)))


@pytest.mark.parametrize("speed", [0, -1, float("inf"), float("nan")])
def test_a_speed_is_a_positive_number(speed: float) -> None:
    with pytest.raises(UsageError, match="speed"):
        build_exchange(Given(CANDLES, speed=speed))


def test_the_seed_decides_the_path() -> None:
    prices = []
    for seed in (1, 1, 2):
        exchange = build_exchange(Given(CANDLES, seed=seed))
        exchange.advance_to(exchange.now_ms + 20 * 60_000)
        prices.append(exchange.last_price("BTCUSDT"))
    assert prices[0] == prices[1] != prices[2]


def test_symbols_come_from_a_dump(shared_data: Path) -> None:
    dump = next((shared_data / "exchange_info").glob("*.json.gz"))
    assert len(listed(str(dump)).symbols) == 1_248
    assert listed(built_in()) is listed(None)
    assert build_exchange(Given(generate("DOTUSDT", "1h", 10, seed=1), exchange_info=dump)).feed.symbols == ("DOTUSDT",)
