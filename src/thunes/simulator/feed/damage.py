"""Candles as no client should believe them: gaps, duplicates, values that are none, spikes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Literal

from thunes.simulator.feed.klines import Kline


@dataclass(frozen=True)
class CandleFault:
    """Something wrong with the kline that opens at `open_time`: left out, told twice, not a number, or far off.

    A spike multiplies the high by `factor`, or the low where that is below 1.
    """

    kind: Literal["gap", "duplicate", "nan", "spike"]
    open_time: int
    factor: Decimal = Decimal(10)


def damaged(bars: Iterable[Kline], faults: Iterable[CandleFault]) -> Iterator[Kline]:
    """The same bars with the faults in them: what clients are told, while the market itself goes on as it was."""
    by_time = {fault.open_time: fault for fault in faults}
    for bar in bars:
        fault = by_time.get(bar.open_time)
        yield from (bar,) if fault is None else _struck(bar, fault)


def _struck(bar: Kline, fault: CandleFault) -> tuple[Kline, ...]:
    nan = Decimal("NaN")
    high, low = bar.high * max(fault.factor, Decimal(1)), bar.low * min(fault.factor, Decimal(1))
    return {
        "gap": (),
        "duplicate": (bar, bar),
        "nan": (replace(bar, open=nan, high=nan, low=nan, close=nan),),
        "spike": (replace(bar, high=high, low=low),),
    }[fault.kind]
