"""Candles that are missing, told twice, revised, unfinished or impossible: no order upon them, and it is said."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest
from tests.trading.desk import CANDLES, START, script
from tests.trading.faults.desk import HOUR_MS, KLINES, ORDER, FaultDesk, Rows

from thunes.audit.events import Anomaly
from thunes.errors import DataError, NetworkError
from thunes.model import Candles, Float1D
from thunes.strategies.base import Strategy
from thunes.trading.history import History

if TYPE_CHECKING:
    from tests.trading.faults.conftest import OpenFaultDesk

pytestmark = pytest.mark.loopback  # python-binance opens a socket pair even where nothing is sent


def opened(bar: int) -> int:
    """Open time of a bar, counted from the first that is traded."""
    return int(CANDLES.open_time[START + bar])


def strike(desk: FaultDesk, name: str, bar: int, **parameters: object) -> Callable[[], object]:
    """Damage the candle of a bar; what mends it."""
    fault = desk.fault(name, symbol="BTCUSDT", open_time=opened(bar), **parameters)
    return lambda: desk.exchange.parts.board.remove(fault.number)  # type: ignore[attr-defined]


# Gaps


@pytest.mark.covers("fault 23")
def test_upon_a_gap_nothing_is_bought(fault_desk: OpenFaultDesk) -> None:
    """The candle before the last is missing: the entry waits a bar, and is decided on candles that are there."""
    desk = fault_desk(script((1, 1.0)))
    desk.run()
    strike(desk, "candle_gap", 1)
    desk.exchange.advance(1)
    desk.exchange.advance(1)
    done = desk.trader.run()
    assert (done.code, done.order) == ("E-DATA-GAP", None)
    assert "E-DATA-GAP" in desk.anomalies()
    assert desk.run().code == "E-ENTRY"
    assert opened(1) not in desk.trader._history._known.open_time  # type: ignore[union-attr]  # nobody made one up


@pytest.mark.covers("fault 23")
def test_a_gap_that_is_filled_is_filled_here(fault_desk: OpenFaultDesk) -> None:
    """The missing candle appears later: it is fetched, noted, and the strategy sees it."""
    desk = fault_desk(script((0, 0.0)))
    mend = strike(desk, "candle_gap", 1)
    desk.run(4)
    mend()
    desk.run()
    assert "E-DATA-FILLED" in desk.anomalies()
    history = History("BTCUSDT", "1h", int(CANDLES.open_time[0]))
    assert len(history.to_now(desk.venue)) == START + 5


@pytest.mark.covers("fault 23")
def test_a_last_candle_that_is_missing_is_waited_for(fault_desk: OpenFaultDesk) -> None:
    """The newest candle is not there: what is known is an hour old, and nothing is bought upon it; what is held may be
    sold."""
    desk = fault_desk(script((0, 1.0)))
    strike(desk, "candle_gap", 1)
    desk.exchange.advance(2)
    assert desk.trader.run().code == "E-DATA-STALE"
    assert desk.orders() == []


@pytest.mark.covers("fault 23")
def test_what_is_held_is_sold_upon_the_last_candle_that_is_known(fault_desk: OpenFaultDesk) -> None:
    """An exit that was wanted does not wait for the missing candle."""
    desk = fault_desk(script((0, 1.0), (1, 0.0)))
    desk.run()
    strike(desk, "candle_gap", 2)
    desk.exchange.advance(2)
    assert desk.trader.run().code == "E-EXIT"


# Told twice, or otherwise


@pytest.mark.covers("fault 24")
def test_a_candle_that_is_told_twice_is_one(fault_desk: OpenFaultDesk) -> None:
    """Keyed by its open time: the decision is that of a clean series, and is taken once."""
    desk = fault_desk(script((0, 1.0)))
    strike(desk, "candle_duplicate", 0)
    assert desk.run().code == "E-ENTRY"
    assert desk.trader.run().code == "E-HOLD-AS-WANTED"
    assert desk.orders() == ["FILLED"]


@pytest.mark.covers("fault 24")
def test_candles_out_of_order_are_sorted(fault_desk: OpenFaultDesk) -> None:
    """The order of the rows says nothing, their open times do; of two with the same the last word counts."""
    desk = fault_desk(script((0, 0.0)))
    desk.exchange.advance(1)
    clean = desk.venue.closed_candles("BTCUSDT", "1h", opened(-5))
    desk.rewrite[KLINES] = shuffled
    assert desk.venue.closed_candles("BTCUSDT", "1h", opened(-5)).fingerprint() == clean.fingerprint()


def shuffled(rows: Rows) -> Rows:
    """In the wrong order, the first of them told before with another price."""
    return [[rows[0][0], *["1.0"] * 4, *rows[0][5:]], *reversed(rows)]


@pytest.mark.covers("fault 24")
def test_a_decision_is_not_taken_again_upon_a_revised_candle(fault_desk: OpenFaultDesk) -> None:
    """The last candle is told otherwise after it was decided on: that is noted, no order is made in its bar, and the
    next bar decides on what is told now."""
    desk = fault_desk(HigherHigh())
    desk.run()
    mend = strike(desk, "candle_spike", 0, factor="1.5")
    done = desk.trader.run()
    assert (done.plan.action, done.code, done.order) == ("BUY", "E-DATA-REVISED", None)
    assert "E-DATA-REVISED" in desk.anomalies()
    assert desk.trader.run().code == "E-DATA-REVISED"
    assert desk.run().code == "E-ENTRY"
    mend()


class HigherHigh(Strategy):
    """Wants everything once a candle's high was far above its close."""

    def exposure(self, candles: Candles) -> Float1D:
        far = candles.high > 1.3 * candles.close
        return np.maximum.accumulate(far.astype(np.float64))


# Unfinished


@pytest.mark.covers("fault 25")
def test_an_unfinished_candle_is_no_candle(fault_desk: OpenFaultDesk) -> None:
    """In the middle of a bar REST's last row is still being made: it is dropped, and the bar before is decided on."""
    desk = fault_desk(script((1, 1.0)))
    desk.run()
    desk.exchange.advance(until=desk.exchange.now_ms + HOUR_MS // 2)
    done = desk.trader.run()
    assert (done.bar_ms, done.code) == (opened(0), "E-HOLD-FLAT")
    desk.exchange.advance(until=opened(2))
    done = desk.trader.run()
    assert (done.bar_ms, done.code) == (opened(1), "E-ENTRY")


@pytest.mark.covers("fault 25")
def test_a_machine_whose_clock_is_ahead_finishes_no_candle(fault_desk: OpenFaultDesk) -> None:
    """It is the exchange's time that ends a candle, not ours."""
    desk = fault_desk(script((1, 1.0)))
    desk.run()
    now = desk.clock.now_ms
    desk.clock.now_ms = lambda: now() + HOUR_MS  # type: ignore[method-assign]
    assert desk.trader.run().bar_ms == opened(0)


# Impossible, and unlikely


@pytest.mark.covers("fault 26")
def test_candles_that_cannot_be_end_the_pass_without_an_order(fault_desk: OpenFaultDesk) -> None:
    """NaN prices: one clear error, one event, no order; when they are mended the next pass goes on."""
    desk = fault_desk(script((0, 1.0)))
    mend = strike(desk, "candle_nan", 0)
    desk.exchange.advance(1)
    for _ in range(2):
        with pytest.raises((DataError, NetworkError), match=r"no number|finite"):
            desk.trader.run()
    assert len(desk.anomalies()) == 1
    assert ORDER not in desk.asked
    mend()
    assert desk.trader.run().code == "E-ENTRY"


@pytest.mark.covers("fault 26")
@pytest.mark.parametrize(
    ("column", "value"),
    [("close", 0.0), ("low", -1.0), ("high", 1.0), ("open", float("nan")), ("volume", float("inf"))],
)
def test_no_such_candle_can_be_made(column: str, value: float) -> None:
    """0, below 0, a high under the low, no number: refused where candles are made, before any strategy sees them."""
    values = getattr(CANDLES, column).copy()
    values[5] = value
    with pytest.raises(DataError):
        CANDLES.replace(**{column: values})


@pytest.mark.covers("fault 26")
@pytest.mark.parametrize("factor", ["10", "0.1"])
def test_upon_a_spike_nothing_is_done_and_little_after_it(fault_desk: OpenFaultDesk, factor: str) -> None:
    """Ten times the price, or a tenth, for a moment: no order upon that bar, no entry while it is near."""
    desk = fault_desk(script((0, 1.0), (2, 0.0)))
    desk.run()
    strike(desk, "candle_spike", 2, factor=factor)
    desk.run()
    spiked = desk.run()
    assert (spiked.plan.action, spiked.code, spiked.order) == ("SELL", "E-DATA-SPIKE", None)
    assert desk.anomalies() == ["E-DATA-SPIKE"]
    assert desk.run().code == "E-EXIT"


@pytest.mark.covers("fault 26")
def test_no_entry_while_a_spike_is_near(fault_desk: OpenFaultDesk) -> None:
    """A strategy may look back at the spike for many bars; when it has gone by, entries pass."""
    desk = fault_desk(script((2, 1.0)))
    strike(desk, "candle_spike", 1)
    assert desk.run(4).code == "E-DATA-SPIKE"
    desk.exchange.advance(46)
    assert [desk.trader.run().code, desk.run().code] == ["E-DATA-SPIKE", "E-ENTRY"]


@pytest.mark.covers("fault 27")
def test_without_volume_nothing_is_bought_at_the_market(fault_desk: OpenFaultDesk) -> None:
    """Hours in which nobody trades are data: they are evaluated; an entry waits for a bar with a trade in it."""
    volume = CANDLES.volume.copy()
    volume[START + 1 : START + 4] = 0.0
    desk = fault_desk(script((1, 1.0)), candles=(CANDLES.replace(volume=volume),))
    codes = [desk.run().code for _ in range(6)]
    assert codes == ["E-HOLD-FLAT", *["E-DATA-NO-VOLUME"] * 3, "E-ENTRY", "E-HOLD-AS-WANTED"]


@pytest.mark.covers("fault 27")
def test_without_volume_what_is_held_may_be_sold(fault_desk: OpenFaultDesk) -> None:
    """An exit is tried: the book says what it brings."""
    volume = CANDLES.volume.copy()
    volume[START + 1 : START + 4] = 0.0
    desk = fault_desk(script((0, 1.0), (2, 0.0)), candles=(CANDLES.replace(volume=volume),))
    assert desk.run(3).code == "E-EXIT"


@pytest.mark.covers("fault 28")
def test_times_in_another_unit_are_refused(fault_desk: OpenFaultDesk) -> None:
    """Candles in microseconds where milliseconds were asked for: nonsense, no order, one event."""
    desk = fault_desk(script((0, 1.0)))
    desk.exchange.advance(1)
    desk.rewrite[KLINES] = half_in_microseconds
    with pytest.raises(NetworkError, match="nonsense"):
        desk.trader.run()
    assert desk.anomalies() == ["E-NET-NONSENSE"]
    assert ORDER not in desk.asked


def half_in_microseconds(rows: Rows) -> Rows:
    return [[row[0] * 1000, *row[1:]] if place % 2 else row for place, row in enumerate(rows)]


# Time that was slept through


@pytest.mark.covers("fault 41")
def test_after_hours_of_sleep_there_is_one_decision_on_the_newest_bar(fault_desk: OpenFaultDesk) -> None:
    """Bought, sold and bought again while the machine slept: no catch-up orders, one decision on the last bar."""
    desk = fault_desk(script((0, 0.0), (2, 1.0), (4, 0.0), (6, 1.0)))
    desk.run()
    desk.exchange.advance(8)
    done = desk.trader.run()
    assert (done.code, done.bar_ms) == ("E-ENTRY", opened(8))
    assert desk.orders() == ["FILLED"]
    assert [one.bar for one in desk.decisions()] == [opened(0), opened(8)]


@pytest.mark.covers("fault 41")
def test_a_sleep_between_decision_and_wire_ends_the_entry(fault_desk: OpenFaultDesk) -> None:
    """The machine sleeps with the order in hand: on waking its price is hours old, and it is not sent; the next pass
    decides anew, on the newest bar."""
    desk = fault_desk(script((0, 1.0)))
    desk.step = lambda at: desk.exchange.advance(5) and None if at == "submit" else None
    done = desk.run()
    assert (done.order, done.code) == (None, "E-RISK-PRICE-AGE")
    assert desk.orders() == []
    assert desk.risk.reservations() == ()
    desk.step = lambda _: None
    done = desk.trader.run()
    assert (done.code, done.bar_ms) == ("E-ENTRY", opened(5))


@pytest.mark.covers("fault 41")
def test_on_waking_the_clocks_are_compared_again(fault_desk: OpenFaultDesk) -> None:
    """The difference to the exchange's time is measured before anything is signed."""
    desk = fault_desk(script((0, 1.0)), time_checks=True)
    desk.run()
    desk.exchange.parts.exchange.clock_offset_ms = 120_000
    desk.exchange.advance(5)
    assert desk.trader.run().code == "E-HOLD-AS-WANTED"
    assert desk.venue.shared.time.offset_ms == 120_000


# Prices in another place


@pytest.mark.covers("fault 45")
@pytest.mark.parametrize("factor", [1000.0, 0.001])
def test_a_price_that_jumped_waits_for_a_person(fault_desk: OpenFaultDesk, factor: float) -> None:
    """A new denomination: entries pause until a person has looked, also after a restart; then they pass."""
    desk = fault_desk(script((3, 1.0)), candles=(jumped(1, factor),))
    assert desk.run(2).code == "E-HOLD-FLAT"
    pause = desk.ledger.pause_of("BTCUSDT")
    assert pause is not None
    assert (pause.code, pause.holds) == ("E-PRICE-JUMP", True)
    desk.again()
    assert [desk.run().code for _ in range(3)] == ["E-HOLD-FLAT", "E-PRICE-JUMP", "E-PRICE-JUMP"]
    assert [event.code for event in desk.events(Anomaly)].count("E-PRICE-JUMP") == 1
    desk.ledger.pause(replace(pause, lifted_ms=desk.exchange.now_ms))
    assert desk.run().code in ("E-ENTRY", "E-FILTER-LOT-SIZE", "E-FILTER-NOTIONAL")


@pytest.mark.covers("fault 45")
def test_a_pause_holds_long_after_the_jump(fault_desk: OpenFaultDesk) -> None:
    """Also when the jump lies too far back to be looked at again."""
    desk = fault_desk(script((2, 1.0)), candles=(jumped(2, 1000.0),))
    assert desk.run(3).code == "E-PRICE-JUMP"
    desk.exchange.advance(60)
    assert desk.trader.run().code == "E-SYMBOL-PAUSED"
    assert desk.orders() == []


@pytest.mark.covers("fault 45")
def test_what_is_held_may_be_sold_after_a_jump(fault_desk: OpenFaultDesk) -> None:
    """A pause stops entries, never exits."""
    desk = fault_desk(script((0, 1.0), (4, 0.0)), candles=(jumped(2, 0.1),))
    desk.run()
    assert desk.run(4).code == "E-EXIT"


def jumped(bar: int, factor: float) -> Candles:
    prices = {name: getattr(CANDLES, name).copy() for name in ("open", "high", "low", "close")}
    for values in prices.values():
        values[START + bar :] *= factor
    return CANDLES.replace(**prices)
