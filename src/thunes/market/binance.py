"""Klines from Binance's public REST API."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any

import numpy as np

from thunes.errors import UsageError
from thunes.market.http import Http, Refused, nonsense
from thunes.market.provider import Batch, settled_before
from thunes.market.ranges import Range
from thunes.model import COLUMNS, Candles, next_open_time

PAGE = 1000  # the most klines that one request returns
CLOSE_TIME = 6  # its place in a kline
VALUES = tuple(enumerate(COLUMNS))[1:]  # places of open high low close volume
UNKNOWN_SYMBOL = b"-1121"


class BinanceRest:
    """A `Provider`; keyless, two units of request weight a page (6,000 a minute are allowed)."""

    source = "binance"

    def __init__(self, http: Http) -> None:
        self._http = http

    def now_ms(self) -> int:
        """The server's time, which decides what is finished: our own clock may be wrong."""
        answer = self._http.get_json("/api/v3/time")
        moment = answer.get("serverTime") if isinstance(answer, dict) else None
        if not isinstance(moment, int) or not 10**12 <= moment < 10**13:
            raise nonsense(self._http.host, f"its time is {str(answer)[:60]!r}")
        return moment

    def batches(self, symbol: str, interval: str, wanted: Range, now: int) -> Iterator[Batch]:
        """Pages until one is empty, reaches the end, or holds an unfinished candle.

        A short page is not taken for the last one: the exchange may lower its limit, and what is missed here would be
        remembered as empty for ever.
        """
        cursor, end = wanted
        while cursor < end:
            rows = self._page(symbol, interval, Range(cursor, end))
            finished = list(itertools.takewhile(lambda row: _closed_at(row, interval) <= now, rows))
            candles = self._candles(finished, symbol, interval) if finished else None
            if len(finished) < len(rows):
                yield Batch(candles, Range(cursor, rows[len(finished)][0]))
                return
            if candles is None:
                yield Batch(None, Range(cursor, max(cursor, min(end, settled_before(now, interval)))))
                return
            after = next_open_time(int(candles.open_time[-1]), interval)
            yield Batch(candles, Range(cursor, after))
            cursor = after

    def _page(self, symbol: str, interval: str, wanted: Range) -> list[list[Any]]:
        asked: dict[str, str | int] = {"symbol": symbol, "interval": interval, "limit": PAGE}
        asked |= {"startTime": wanted.start, "endTime": wanted.end - 1}  # the exchange's end is inclusive
        try:
            rows = self._http.get_json("/api/v3/klines", asked)
        except Refused as refused:
            if UNKNOWN_SYMBOL in refused.body:
                raise UsageError("E-SYMBOL-UNKNOWN", f"Binance knows no symbol {symbol!r}.") from refused
            raise
        self._require_klines(rows, wanted)
        return list(rows)

    def _require_klines(self, rows: Any, wanted: Range) -> None:
        host = self._http.host
        if not isinstance(rows, list):
            raise nonsense(host, f"klines are a list, this is {str(rows)[:60]!r}")
        for row in rows:
            if not (isinstance(row, list) and len(row) > CLOSE_TIME and isinstance(row[0], int)):
                raise nonsense(host, f"{str(row)[:60]!r} is no kline")
            if not (isinstance(row[CLOSE_TIME], int) and wanted.start <= row[0] < wanted.end):
                raise nonsense(host, f"a kline of {row[0]} where {wanted.start} … {wanted.end - 1} was asked for")
        opens = [row[0] for row in rows]
        if any(b <= a for a, b in itertools.pairwise(opens)):
            raise nonsense(host, "klines out of order")

    def _candles(self, rows: list[list[Any]], symbol: str, interval: str) -> Candles:
        opens = np.array([row[0] for row in rows], dtype=np.int64)
        try:  # prices come as text
            columns = {name: np.array([row[i] for row in rows], dtype=np.float64) for i, name in VALUES}
        except (ValueError, TypeError):
            raise nonsense(self._http.host, f"a kline with a price that is no number, from {opens[0]} on") from None
        return Candles(symbol=symbol, interval=interval, open_time=opens, source=self.source, **columns)


def _closed_at(row: list[Any], interval: str) -> int:
    """When a kline is finished, by its own word and by the calendar: the later one counts."""
    return max(int(row[CLOSE_TIME]) + 1, next_open_time(row[0], interval))
