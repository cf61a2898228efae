"""Bars as clients read them, in the exchange's texts; whole numbers until they are written: so a thousand are cheap."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from decimal import Decimal
from fractions import Fraction
from itertools import repeat

from thunes.model import PRICES
from thunes.simulator.feed.damage import CandleFault, damaged
from thunes.simulator.feed.klines import Bar, Kline, kline
from thunes.simulator.feed.tape import Tape, Window

UNIT = 10**8  # prices and quantities are written with eight decimals
HOUR_MS, MINUTE_MS = 3_600_000, 60_000


def eight(value: Decimal) -> str:
    """A number as market data shows it: eight decimals, the nearest; NaN as it is, which only faults tell.

    >>> eight(Decimal("0.1"))
    '0.10000000'
    """
    return format(value, ".8f")


def texts(counts: Iterable[int], unit: Decimal) -> list[str]:
    """Whole numbers ≥ 0 of a unit with eight decimals: the nearest, and half the work of going by way of `Decimal`.

    >>> texts([150, 1], Decimal("0.01"))
    ['1.50000000', '0.01000000']
    """
    factor = Fraction(unit) * UNIT
    scale = int(factor)
    if scale == factor:
        scaled = [str(count * scale) for count in counts]
    else:
        scaled = [str(round(count * factor)) for count in counts]
    if min(map(len, scaled), default=9) < 9:
        scaled = [text.zfill(9) for text in scaled]
    return [f"{text[:-8]}.{text[-8:]}" for text in scaled]


Row = list[int | str]  # the exchange's twelve values


def rows(tape: Tape, found: Iterable[Bar], faults: Iterable[CandleFault] = ()) -> list[Row]:
    """Bars as the rows of `klines`, told with the faults in them."""
    faults = list(faults)
    if faults:
        return [_row(told) for told in damaged((kline(tape, bar) for bar in found), faults)]
    if not (chosen := list(found)):
        return []
    opens, closes, seen, _ = zip(*chosen, strict=True)
    column = dict(zip(Window._fields, zip(*seen, strict=True), strict=True))
    prices = [texts(column[name], tape.tick) for name in PRICES]
    volume, taker = (texts(column[name], tape.step) for name in ("volume", "taker_volume"))
    quote, taker_quote = (texts(column[name], tape.tick * tape.step) for name in ("quote", "taker_quote"))
    columns = (opens, *prices, volume, closes, quote, column["trades"], taker, taker_quote, repeat("0"))
    return list(map(list, zip(*columns, strict=False)))


def _row(told: Kline) -> Row:
    return [eight(value) if isinstance(value, Decimal) else value for value in told.row()]


def told(tape: Tape, bar: Bar, faults: Iterable[CandleFault] = ()) -> Iterator[Kline]:
    """One bar as a stream tells it: once, or as the faults have it."""
    return damaged((kline(tape, bar),), faults)
