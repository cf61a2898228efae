"""The name of a market stream → what is asked for."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from thunes.model import INTERVALS
from thunes.simulator.api.candles import HOUR_MS

Kind = Literal[
    "trade",
    "aggTrade",
    "kline",
    "miniTicker",
    "allMiniTickers",
    "ticker",
    "windowTicker",
    "bookTicker",
    "avgPrice",
    "referencePrice",
    "depth",
    "partialDepth",
]
ALL_MINI_TICKERS = "!miniTicker@arr"
PLAIN: tuple[Kind, ...] = ("trade", "aggTrade", "miniTicker", "ticker", "bookTicker", "avgPrice", "referencePrice")
SECOND_MS = 1_000
KLINE = re.compile(r"kline_([0-9]{1,2}[smhdwM])(@\+08:00)?")
WINDOW_TICKER = re.compile(r"ticker_(1h|4h|1d)")
DEPTH = re.compile(r"depth(5|10|20)?(?:@(100|1000)ms)?")
SYMBOL = re.compile(r"[^\s@!A-Z]{1,50}")  # lower-case, of any alphabet


class UnknownStream(ValueError):
    """A name that no stream has."""


@dataclass(frozen=True, slots=True)
class Stream:
    """One stream. `symbol` as the exchange writes it, empty for that of all symbols.

    `interval`, `zone` (ms ahead of UTC): of a kline; `window`: of a rolling ticker; `levels`: of a partial book;
    `period` (ms): how often at most, 0 for each change.
    """

    name: str
    kind: Kind
    symbol: str = ""
    interval: str = ""
    zone: int = 0
    window: str = ""
    levels: int = 0
    period: int = 0


def parse_stream(name: str) -> Stream:
    """What a name such as `btcusdt@kline_1m` asks for; `UnknownStream` for any other than those of the exchange.

    Whether the symbol exists is not looked at: as on the exchange, a stream of no symbol is a silent one.
    """
    if name == ALL_MINI_TICKERS:
        return Stream(name, "allMiniTickers", period=SECOND_MS)
    symbol, _, rest = name.partition("@")
    if not SYMBOL.fullmatch(symbol):
        raise UnknownStream(name)
    found = _plain(name, symbol.upper(), rest) or _shaped(name, symbol.upper(), rest)
    if found is None:
        raise UnknownStream(name)
    return found


def _plain(name: str, symbol: str, rest: str) -> Stream | None:
    kind = next((kind for kind in PLAIN if kind == rest), None)
    if kind is None:
        return None
    period = 0 if kind in ("trade", "aggTrade", "bookTicker") else SECOND_MS
    return Stream(name, kind, symbol, period=period)


def _shaped(name: str, symbol: str, rest: str) -> Stream | None:
    """The streams whose names carry an interval, a window or a number of levels."""
    if (found := KLINE.fullmatch(rest)) and found[1] in INTERVALS:
        period = SECOND_MS if found[1] == "1s" else 2 * SECOND_MS
        return Stream(name, "kline", symbol, found[1], 8 * HOUR_MS if found[2] else 0, period=period)
    if found := WINDOW_TICKER.fullmatch(rest):
        return Stream(name, "windowTicker", symbol, window=found[1], period=SECOND_MS)
    if found := DEPTH.fullmatch(rest):
        levels, period = int(found[1] or 0), int(found[2] or SECOND_MS)
        return Stream(name, "partialDepth" if levels else "depth", symbol, levels=levels, period=period)
    return None
