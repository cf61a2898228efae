"""What speaks against trading on candles: pure, bar by bar."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from thunes.market.synthetic import generate
from thunes.model import Candles
from thunes.trading.guards import WATCHED, doubts

CALM = generate("BTCUSDT", "1h", 200, seed=7)
PRICE = Decimal(str(round(float(CALM.close[-1]), 2)))


def with_values(bar: int, **values: float) -> Candles:
    """Other values in one bar, counted from the end."""
    changed: dict[str, Any] = {name: getattr(CALM, name).copy() for name in values}
    for name, value in values.items():
        changed[name][bar] = value
    return CALM.replace(**changed)


def codes(candles: Candles, price: Decimal = PRICE, seen_ms: int = 0) -> list[tuple[str, str]]:
    return [(doubt.code, doubt.stops) for doubt in doubts(candles, price, seen_ms)]


@given(st.integers(2, 199), st.floats(0.3, 3.0))
def test_a_market_as_it_is_raises_no_doubt(bars: int, factor: float) -> None:
    candles = CALM[:bars]
    assert codes(candles, Decimal(str(float(candles.close[-1]) * factor))) == []


@pytest.mark.covers("fault 26")
@pytest.mark.parametrize(
    ("bar", "found"),
    [(-1, [("E-DATA-SPIKE", "orders")]), (-2, [("E-DATA-SPIKE", "entries")]), (-WATCHED - 2, [])],
)
@pytest.mark.parametrize("factor", [10.0, 0.1])
def test_a_spike_stops_orders_upon_it_and_entries_after_it(bar: int, found: list[Any], factor: float) -> None:
    name = "high" if factor > 1 else "low"
    assert codes(with_values(bar, **{name: getattr(CALM, name)[bar] * factor})) == found


def test_a_spike_that_a_person_has_seen_is_taken_for_real() -> None:
    candles = with_values(-3, high=CALM.high[-3] * 10)
    assert codes(candles, seen_ms=int(candles.open_time[-3])) == []


@pytest.mark.covers("fault 45")
@pytest.mark.parametrize(("factor", "upwards"), [(1000.0, True), (0.001, False), (6.0, True), (1 / 6, False)])
def test_a_jump_is_seen_for_long_and_told_by_its_way(factor: float, upwards: bool) -> None:
    prices = {name: getattr(CALM, name).copy() for name in ("open", "high", "low", "close")}
    for values in prices.values():
        values[-10:] *= factor
    candles = CALM.replace(**prices)
    (doubt,) = doubts(candles, Decimal(str(candles.close[-1])))
    assert (doubt.code, doubt.upwards, doubt.stops) == ("E-PRICE-JUMP", upwards, "entries")
    assert doubt.bar_ms == candles.open_time[-10]
    assert codes(candles, Decimal(str(candles.close[-1])), int(candles.open_time[-10])) == []


@pytest.mark.covers("fault 45")
def test_a_price_now_that_is_far_from_the_last_close_is_a_jump() -> None:
    assert codes(CALM, PRICE * 1000) == [("E-PRICE-JUMP", "entries")]
    assert codes(CALM, PRICE / 1000) == [("E-PRICE-JUMP", "entries")]
    assert codes(CALM, Decimal(0)) == []  # there is no price: others say so
    assert codes(CALM, PRICE * 1000, int(CALM.open_time[-1])) == []


@pytest.mark.covers("fault 23")
def test_a_gap_matters_right_after_it() -> None:
    names = ("open_time", "open", "high", "low", "close", "volume")
    holed = CALM.replace(**{name: np.delete(getattr(CALM, name), -2) for name in names})
    assert codes(holed) == [("E-DATA-GAP", "entries")]
    older = CALM.replace(**{name: np.delete(getattr(CALM, name), -3) for name in names})
    assert codes(older) == []


@pytest.mark.covers("fault 27")
def test_a_bar_without_a_trade_is_counted() -> None:
    volume = CALM.volume.copy()
    volume[-3:] = 0
    (doubt,) = doubts(CALM.replace(volume=volume), PRICE)
    assert (doubt.code, "last 3 bars" in doubt.reason) == ("E-DATA-NO-VOLUME", True)
    (doubt,) = doubts(CALM.replace(volume=np.zeros(len(CALM))), PRICE)
    assert f"last {WATCHED + 1} bars" in doubt.reason


def test_one_candle_is_enough_to_look_at() -> None:
    assert codes(CALM[:1], Decimal(str(CALM.close[0]))) == []
