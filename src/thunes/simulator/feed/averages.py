"""What the exchange says about the recent past: the average that filters use, and the figures of the last 24 hours."""

from __future__ import annotations

from dataclasses import dataclass, replace
from decimal import Decimal
from functools import lru_cache

from thunes.model import DAY_MS
from thunes.simulator.feed.tape import Tape

MINUTE_MS = 60_000
PLACES = Decimal("1e-8")  # the exchange's averages have eight decimals


@dataclass(frozen=True)
class AveragePrice:
    """Volume-weighted price of the last `minutes`; `close_time` is that of the last tick, epoch ms."""

    minutes: int
    price: Decimal
    close_time: int


@lru_cache(maxsize=64)  # asked for by every market order of one moment
def average_price(tape: Tape, now: int, minutes: int = 5) -> AveragePrice | None:
    """Σ price · quantity / Σ quantity of the trades in the window that ends at `now`, to eight decimals.

    No trade in the window, or no minutes: the last price before. None before the first tick: nothing to judge by.
    """
    last = tape.last(now)
    if last is None:
        return None
    seen = tape.window(now - minutes * MINUTE_MS, now) if minutes else None
    price = (tape.price(seen.quote) / seen.volume).quantize(PLACES) if seen and seen.volume else last.price
    return AveragePrice(minutes, price, last.time_ms)


@dataclass(frozen=True)
class DayTicker:
    """Figures of the ticks of a window, most often the last 24 hours (rolling, not the UTC day); times in epoch ms."""

    open_time: int
    close_time: int
    open: Decimal
    high: Decimal
    low: Decimal
    last: Decimal
    last_quantity: Decimal
    previous_close: Decimal  # the last price before the window; the open where there is none
    change: Decimal
    change_percent: Decimal
    weighted_average: Decimal
    volume: Decimal
    quote_volume: Decimal
    first_id: int
    last_id: int
    trades: int


def window_ticker(tape: Tape, opened: int, now: int) -> DayTicker | None:
    """Figures of the ticks with opened ≤ time ≤ now (epoch ms); None where there are none."""
    seen, last, before = tape.window(opened - 1, now), tape.last(now), tape.last(opened - 1)
    if seen is None or last is None:
        return None
    start, change = tape.price(seen.open), tape.price(seen.close - seen.open)
    return DayTicker(
        open_time=opened,
        close_time=now,
        open=start,
        high=tape.price(seen.high),
        low=tape.price(seen.low),
        last=last.price,
        last_quantity=last.quantity,
        previous_close=before.price if before else start,
        change=change,
        change_percent=(100 * change / start).quantize(Decimal("0.001")),
        weighted_average=(tape.price(seen.quote) / seen.volume).quantize(PLACES) if seen.volume else last.price,
        volume=tape.quantity(seen.volume),
        quote_volume=tape.quote(seen.quote),
        first_id=seen.first,
        last_id=seen.last,
        trades=seen.trades,
    )


def day_ticker(tape: Tape, now: int) -> DayTicker | None:
    """The rolling 24 hours that end at `now`; None where nothing was heard in them."""
    found = window_ticker(tape, now - DAY_MS + 1, now)
    return replace(found, open_time=now - DAY_MS) if found else None
