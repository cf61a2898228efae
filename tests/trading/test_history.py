"""Candles kept between passes: what is fetched again, what is noticed."""

from __future__ import annotations

from typing import cast

import numpy as np
import pytest

from thunes.exchange.venue import Venue
from thunes.market.synthetic import generate
from thunes.model import COLUMNS, Candles
from thunes.trading.guards import WATCHED
from thunes.trading.history import History

WHOLE = generate("BTCUSDT", "1h", 200, seed=7)


class Told:
    """A place that tells candles; `asked`: from which bar on."""

    def __init__(self, candles: Candles) -> None:
        self.candles = candles
        self.asked: list[int] = []

    def closed_candles(self, _symbol: str, _interval: str, start_ms: int) -> Candles:
        row = int(np.searchsorted(self.candles.open_time, start_ms))
        self.asked.append((start_ms - int(WHOLE.open_time[0])) // 3_600_000)
        return self.candles[row:]


def without(candles: Candles, *rows: int) -> Candles:
    return candles.replace(**{name: np.delete(getattr(candles, name), rows) for name in COLUMNS})


def changed(candles: Candles, row: int) -> Candles:
    close = candles.close.copy()
    close[row] = (candles.high[row] + candles.low[row]) / 2
    return candles.replace(close=close)


def history() -> History:
    return History("BTCUSDT", "1h", int(WHOLE.open_time[0]))


def at(history: History, place: Told) -> Candles:
    return history.to_now(cast(Venue, place))


def test_only_what_is_new_is_fetched() -> None:
    kept, place = history(), Told(WHOLE[:100])
    at(kept, place)
    place.candles = WHOLE[:103]
    assert at(kept, place).fingerprint() == WHOLE[:103].fingerprint()
    assert at(kept, place).fingerprint() == WHOLE[:103].fingerprint()
    assert (place.asked, kept.revised, kept.filled) == ([0, 99, 102], (), ())


@pytest.mark.covers("fault 24")
def test_a_last_candle_that_is_told_otherwise_has_all_fetched_anew() -> None:
    kept, place = history(), Told(WHOLE[:100])
    at(kept, place)
    place.candles = changed(changed(WHOLE[:101], 99), 50)
    assert at(kept, place).fingerprint() == place.candles.fingerprint()
    assert kept.revised == (int(WHOLE.open_time[50]), int(WHOLE.open_time[99]))
    assert place.asked == [0, 99, 0]
    at(kept, place)
    assert kept.revised == ()


@pytest.mark.covers("fault 24")
def test_a_candle_that_is_told_no_more_is_a_revision() -> None:
    kept, place = history(), Told(WHOLE[:100])
    at(kept, place)
    place.candles = without(WHOLE[:102], 99)
    assert len(at(kept, place)) == 101
    assert kept.revised == (int(WHOLE.open_time[99]),)


@pytest.mark.covers("fault 23")
def test_a_gap_is_asked_for_while_it_is_near() -> None:
    kept, place = history(), Told(without(WHOLE[:100], 95, 96))
    at(kept, place)
    place.candles = without(WHOLE[:101], 95, 96)
    assert len(at(kept, place)) == 99
    assert place.asked == [0, 94]
    place.candles = WHOLE[:102]
    assert at(kept, place).fingerprint() == WHOLE[:102].fingerprint()
    assert kept.filled == (int(WHOLE.open_time[95]), int(WHOLE.open_time[96]))
    assert kept.revised == ()
    at(kept, place)
    assert place.asked[-1] == 101


def test_a_gap_far_back_is_left_as_it_is() -> None:
    kept, place = history(), Told(without(WHOLE[:150], 150 - WATCHED - 5))
    at(kept, place)
    at(kept, place)
    assert place.asked == [0, 149]
