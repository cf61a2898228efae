"""Closed candles of the exchange's public data, in the form and with the checks of the candles' own room."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

import numpy as np

from thunes.errors import DataError
from thunes.exchange.binance.host import Host, Question
from thunes.market.binance import BinanceRest
from thunes.market.http import Http
from thunes.market.ranges import Range
from thunes.model import COLUMNS, Candles

API = "/api/v3/"
WEIGHTS = {"klines": 2, "time": 1}


class PublicData:
    """What `BinanceRest` asks through: the part of `Http` that it needs, over our own connection and budget."""

    def __init__(self, host: Host, *, urgent: bool) -> None:
        self._host, self._urgent = host, urgent
        self.host = host.name

    def get_json(self, path: str, parameters: Mapping[str, str | int] | None = None) -> Any:
        """The JSON of a good answer, candles in the order of their times; errors as everywhere."""
        name = path.removeprefix(API)
        return _keyed(self._host.ask(Question(name, parameters or {}, WEIGHTS[name], urgent=self._urgent)))


def _keyed(document: Any) -> Any:
    """Candles by their open time: of one that is told twice the last word counts. Anything else stays as it is."""
    if not isinstance(document, list) or not all(isinstance(row, list) and row for row in document):
        return document
    if not all(isinstance(row[0], int) for row in document):
        return document
    rows = {row[0]: row for row in document}
    return [rows[opened] for opened in sorted(rows)]


def closed_candles(
    host: Host, source: str, symbol: str, interval: str, start_ms: int, *, urgent: bool = False
) -> Candles:
    """All candles from an open time on that are over by the host's clock. `DataError` where there is none yet."""
    rest = BinanceRest(cast(Http, PublicData(host, urgent=urgent)))
    now = rest.now_ms()
    batches = rest.batches(symbol, interval, Range(start_ms, now), now)
    found = [batch.candles for batch in batches if batch.candles is not None]
    if not found:
        raise DataError("E-DATA-EMPTY", f"{host.name} has no closed {interval} candle of {symbol} from there on.")
    columns = {name: np.concatenate([getattr(one, name) for one in found]) for name in COLUMNS}
    return Candles(symbol=symbol, interval=interval, source=source, **columns)
