"""What candles and prices must be before an order is sent upon them: pure, each doubt with its reason.

Candles that cannot be, such as a price of 0 or a high below the low, never come this far: they are refused where they
are read. What is doubted here can be, and has been on real markets, but seldom.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Literal, NamedTuple

import numpy as np

from thunes.clock import iso
from thunes.model import COLUMNS, Candles, Float1D, Int1D, next_open_time

SPIKE = 5.0  # times the prices beside it: a high, or the inverse of a low
JUMP = 5.0  # times the close before, or one part of it: a new denomination, not a market
WATCHED = 48  # bars: what is older has been lived with

DATA_GAP, DATA_SILENT, DATA_SPIKE = "E-DATA-GAP", "E-DATA-NO-VOLUME", "E-DATA-SPIKE"
DATA_REVISED, PRICE_JUMP = "E-DATA-REVISED", "E-PRICE-JUMP"


@dataclass(frozen=True)
class Doubt:
    """Why no entry, or no order at all, is sent; `bar_ms` is the open time of the candle that it is about."""

    code: str
    reason: str
    bar_ms: int
    stops: Literal["entries", "orders"] = "entries"
    upwards: bool = False  # of a jump


class Recent(NamedTuple):
    """The last candles as they lie in memory: a slice of `Candles` would be looked through and copied anew."""

    interval: str
    open_time: Int1D
    open: Float1D
    high: Float1D
    low: Float1D
    close: Float1D
    volume: Float1D

    @property
    def before(self) -> Float1D:
        """The close before each bar; the first one's own open stands in for it."""
        return np.concatenate((self.open[:1], self.close[:-1]))


def doubts(candles: Candles, price: Decimal, seen_ms: int = 0) -> Iterator[Doubt]:
    """What speaks against trading on these candles at this price (quote).

    `seen_ms`: a person has looked at what happened up to then; spikes and jumps of before are taken for real.
    """
    recent = Recent(candles.interval, *(getattr(candles, name)[-WATCHED - 1 :] for name in COLUMNS))
    yield from _spikes(recent, seen_ms)
    yield from _jumps(recent, float(price), seen_ms)
    yield from _gap(recent)
    yield from _silence(recent)


def _spikes(candles: Recent, seen_ms: int) -> Iterator[Doubt]:
    """A high or a low far from everything beside it. Upon such a bar itself nothing is done."""
    before = candles.before
    highest = np.maximum(np.maximum(candles.open, candles.close), before)
    lowest = np.minimum(np.minimum(candles.open, candles.close), before)
    far = (candles.high > SPIKE * highest) | (candles.low * SPIKE < lowest)
    rows = np.flatnonzero(far & (candles.open_time > seen_ms))
    if rows.size:
        row = int(rows[-1])
        at = int(candles.open_time[row])
        reason = f"the candle of {iso(at)} goes from {candles.low[row]:g} to {candles.high[row]:g}: a spike"
        yield Doubt(DATA_SPIKE, reason, at, "orders" if row == candles.open_time.size - 1 else "entries")


def _jumps(candles: Recent, price: float, seen_ms: int) -> Iterator[Doubt]:
    """A price in another place than the close before: a coin that was given a new denomination, or bad data."""
    known = candles.open_time > seen_ms
    far = known & (_apart(candles.close, candles.before) > JUMP)
    if far.any():
        row = int(np.flatnonzero(far)[-1])
        yield _jump(candles.close[row - 1], candles.close[row], int(candles.open_time[row]))
    elif known[-1] and price > 0 and _apart(np.array([price]), candles.close[-1:])[0] > JUMP:
        yield _jump(candles.close[-1], price, int(candles.open_time[-1]))


def _jump(before: float, after: float, bar_ms: int) -> Doubt:
    return Doubt(
        PRICE_JUMP, f"the price went from {before:g} to {after:g} about {iso(bar_ms)}", bar_ms, upwards=after > before
    )


def _gap(candles: Recent) -> Iterator[Doubt]:
    """No candle before the last one: what it is judged by is not what it seems."""
    if candles.open_time.size < 2:
        return
    missing = next_open_time(int(candles.open_time[-2]), candles.interval)
    if missing != candles.open_time[-1]:
        reason = f"candles from {iso(missing)} to {iso(int(candles.open_time[-1]))} are missing"
        yield Doubt(DATA_GAP, reason, int(candles.open_time[-1]))


def _silence(candles: Recent) -> Iterator[Doubt]:
    """Nobody traded: a market order would meet whatever stands in the book."""
    if candles.volume[-1] == 0:
        at = int(candles.open_time[-1])
        quiet = int(np.argmax(candles.volume[::-1] > 0)) or candles.volume.size
        yield Doubt(DATA_SILENT, f"nothing was traded in the last {quiet} bars, to {iso(at)}", at)


def _apart(one: Float1D, other: Float1D) -> Float1D:
    """How many times the smaller of two prices the larger is."""
    return np.asarray(np.maximum(one / other, other / one))
