"""Candles from Binance's bulk archive: zips by month and day, each with its SHA-256."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from typing import Literal

from thunes.clock import Clock, to_datetime
from thunes.errors import DataError
from thunes.market.http import Http, Refused
from thunes.market.provider import Batch
from thunes.market.ranges import Range
from thunes.market.tables import from_csv, to_candles, unzip
from thunes.model import DAY_MS, Candles, interval_ms, next_open_time

OPENED = 1_498_867_200_000  # 2017-07-01, the month in which Binance opened
Kind = Literal["monthly", "daily"]
THERE_BY: dict[Kind, int] = {"monthly": 45 * DAY_MS, "daily": 7 * DAY_MS}  # so long after its end, or never
MONTHLY_ONLY = ("3d", "1w", "1M")


class BinanceArchive:
    """A `Provider`. Whole months where they stand ready, single days for the rest; yesterday is its newest.

    Our clock says which files are worth asking for. That one is not there and will never be, which is remembered for
    ever, is decided by the archive's own time: our clock may be wrong.
    """

    source = "archive"

    def __init__(self, http: Http, clock: Clock) -> None:
        self._http, self._clock = http, clock

    def now_ms(self) -> int:
        return self._clock.now_ms()

    def batches(self, symbol: str, interval: str, wanted: Range, now: int) -> Iterator[Batch]:
        """One batch per file; a whole file is handed on where only a part of it was wanted."""
        if wanted.start < OPENED:
            yield Batch(None, Range(wanted.start, min(OPENED, wanted.end)))
        for month in _periods(max(wanted.start, OPENED), min(wanted.end, now), "1M"):
            if batch := self._batch(symbol, interval, month, "monthly", now):
                yield batch
            elif interval not in MONTHLY_ONLY:
                yield from self._days(symbol, interval, Range(*_overlap(month, wanted)), now)

    def _days(self, symbol: str, interval: str, wanted: Range, now: int) -> Iterator[Batch]:
        for day in _periods(wanted.start, min(wanted.end, now), "1d"):
            if batch := self._batch(symbol, interval, day, "daily", now):
                yield batch

    def _batch(self, symbol: str, interval: str, period: Range, kind: Kind, now: int) -> Batch | None:
        """What the archive says of a day or month; None where it may say more later."""
        if period.end > now:
            return None
        candles = self._file(symbol, interval, period, kind)
        return Batch(candles, period) if candles or period.end + THERE_BY[kind] < self._http.server_ms else None

    def _file(self, symbol: str, interval: str, period: Range, kind: Kind) -> Candles | None:
        """The candles of one checked file; None where the archive has none."""
        written = "1mo" if interval == "1M" else interval  # as the archive spells it
        date = to_datetime(period.start).strftime("%Y-%m" if kind == "monthly" else "%Y-%m-%d")
        name = f"{symbol}-{written}-{date}.zip"
        path = f"/data/spot/{kind}/klines/{symbol}/{written}/{name}"
        data = self._get(path)
        if data is None:
            return None
        _require_checksum(data, self._get(f"{path}.CHECKSUM"), name)
        candles = to_candles(from_csv(unzip(data, name), name), symbol, interval, self.source)
        slack = interval_ms(interval) if interval in MONTHLY_ONLY else 0  # a week may straddle two months
        if candles.open_time[0] < period.start - slack or candles.open_time[-1] >= period.end + slack:
            raise DataError("E-ARCHIVE-PERIOD", f"{name} holds candles of another time: {candles!r}.")
        return candles

    def _get(self, path: str) -> bytes | None:
        try:
            return self._http.get(path)
        except Refused as refused:
            if refused.status == 404:
                return None
            raise


def _require_checksum(data: bytes, checksum: bytes | None, name: str) -> None:
    expected = (checksum or b"").decode(errors="replace").split(maxsplit=1)
    if not expected or len(expected[0]) != 64:
        raise DataError("E-ARCHIVE-CHECKSUM", f"{name} has no readable .CHECKSUM beside it.", "Try again later.")
    if hashlib.sha256(data).hexdigest() != expected[0].lower():
        raise DataError("E-ARCHIVE-CHECKSUM", f"{name} does not match its SHA-256.", "Fetch it again.")


def _periods(start: int, end: int, unit: str) -> Iterator[Range]:
    """The calendar days or months that touch start … end."""
    first = to_datetime(start).replace(hour=0, minute=0, second=0, microsecond=0)
    cursor = round((first.replace(day=1) if unit == "1M" else first).timestamp() * 1000)
    while cursor < end:
        after = next_open_time(cursor, unit)
        yield Range(cursor, after)
        cursor = after


def _overlap(a: Range, b: Range) -> tuple[int, int]:
    return max(a.start, b.start), min(a.end, b.end)
