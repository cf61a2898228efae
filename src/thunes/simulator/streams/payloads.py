"""What happened, as the exchange's streams word it: each function gives the bytes of one message.

`scale` is how many of the client's units a millisecond has: 1, or 1,000 for those who asked for microseconds.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import orjson

from thunes.simulator.api.candles import eight
from thunes.simulator.feed.averages import AveragePrice, DayTicker
from thunes.simulator.feed.depth import Level
from thunes.simulator.feed.klines import Kline
from thunes.simulator.feed.tape import Tick

Message = dict[str, Any]


def last_moment(time_ms: int, scale: int) -> int:
    """The last unit inside a millisecond: close times end in 999 also in microseconds."""
    return (time_ms + 1) * scale - 1


def trade(tick: Tick, scale: int) -> bytes:
    """`trade`: one trade of the market."""
    moment, maker = tick.time_ms * scale, "true" if tick.taker == "SELL" else "false"
    return (
        f'{{"e":"trade","E":{moment},"s":"{tick.symbol}","t":{tick.number},"p":"{eight(tick.price)}",'
        f'"q":"{eight(tick.quantity)}","T":{moment},"m":{maker},"M":true}}'
    ).encode()


def aggregate_trade(found: Message, symbol: str, scale: int) -> bytes:
    """`aggTrade`, of the same aggregate as in REST."""
    moment = found["T"] * scale
    return orjson.dumps({"e": "aggTrade", "E": moment, "s": symbol, **found, "T": moment})


def candle(bar: Kline, symbol: str, interval: str, moment: int, scale: int) -> bytes:
    """`kline`, closed or forming, as told at `moment` (epoch ms)."""
    inside = {
        "t": bar.open_time * scale,
        "T": last_moment(bar.close_time, scale),
        "s": symbol,
        "i": interval,
        "f": bar.first_id,
        "L": bar.last_id,
        "o": eight(bar.open),
        "c": eight(bar.close),
        "h": eight(bar.high),
        "l": eight(bar.low),
        "v": eight(bar.volume),
        "n": bar.trades,
        "x": bar.closed,
        "q": eight(bar.quote_volume),
        "V": eight(bar.taker_volume),
        "Q": eight(bar.taker_quote_volume),
        "B": "0",
    }
    return orjson.dumps({"e": "kline", "E": moment * scale, "s": symbol, "k": inside})


def book_ticker(symbol: str, update: int, bid: Level, ask: Level) -> bytes:
    """`bookTicker`, which carries no time."""
    return (
        f'{{"u":{update},"s":"{symbol}","b":"{eight(bid[0])}","B":"{eight(bid[1])}",'
        f'"a":"{eight(ask[0])}","A":"{eight(ask[1])}"}}'
    ).encode()


def mini_ticker(found: DayTicker, symbol: str, moment: int, scale: int) -> Message:
    """`24hrMiniTicker`, as a document: the stream of all symbols has several in one message."""
    return {
        "e": "24hrMiniTicker",
        "E": moment * scale,
        "s": symbol,
        "c": eight(found.last),
        **_range(found),
        **_volumes(found),
    }


def day_ticker(found: DayTicker, symbol: str, best: tuple[Level, Level], moment: int, scale: int) -> bytes:
    """`24hrTicker`."""
    (bid, bid_size), (ask, ask_size) = best
    return orjson.dumps(
        {
            "e": "24hrTicker",
            "E": moment * scale,
            "s": symbol,
            **_change(found),
            "w": eight(found.weighted_average),
            "x": eight(found.previous_close),
            "c": eight(found.last),
            "Q": eight(found.last_quantity),
            "b": eight(bid),
            "B": eight(bid_size),
            "a": eight(ask),
            "A": eight(ask_size),
            **_range(found),
            **_volumes(found),
            **_counts(found, scale),
        }
    )


def window_ticker(found: DayTicker, symbol: str, window: str, moment: int, scale: int) -> bytes:
    """`1hTicker`, `4hTicker`, `1dTicker`."""
    return orjson.dumps(
        {
            "e": f"{window}Ticker",
            "E": moment * scale,
            "s": symbol,
            **_change(found),
            **_range(found),
            "c": eight(found.last),
            "w": eight(found.weighted_average),
            **_volumes(found),
            **_counts(found, scale),
        }
    )


def _change(found: DayTicker) -> Message:
    return {"p": eight(found.change), "P": format(found.change_percent, ".3f")}


def _range(found: DayTicker) -> Message:
    return {"o": eight(found.open), "h": eight(found.high), "l": eight(found.low)}


def _volumes(found: DayTicker) -> Message:
    return {"v": eight(found.volume), "q": eight(found.quote_volume)}


def _counts(found: DayTicker, scale: int) -> Message:
    return {
        "O": found.open_time * scale,
        "C": found.close_time * scale,
        "F": found.first_id,
        "L": found.last_id,
        "n": found.trades,
    }


def average(found: AveragePrice, symbol: str, moment: int, scale: int) -> bytes:
    """`avgPrice`: what filters judge by."""
    return orjson.dumps(
        {
            "e": "avgPrice",
            "E": moment * scale,
            "s": symbol,
            "i": f"{found.minutes}m",
            "w": eight(found.price),
            "T": found.close_time * scale,
        }
    )


def reference(price: Decimal | None, symbol: str, moment: int, scale: int) -> bytes:
    """`referencePrice`, null where there is none yet."""
    shown = None if price is None else eight(price)
    return orjson.dumps({"e": "referencePrice", "s": symbol, "r": shown, "t": moment * scale})


def depth_update(
    symbol: str, updates: tuple[int, int], bids: Sequence[Level], asks: Sequence[Level], moment: int, scale: int
) -> bytes:
    """`depthUpdate`: the first and the last update in it, and the levels that they touched; none left is 0."""
    first, last = updates
    sides = {"b": _levels(bids), "a": _levels(asks)}
    return orjson.dumps({"e": "depthUpdate", "E": moment * scale, "s": symbol, "U": first, "u": last, **sides})


def partial_depth(update: int, bids: Sequence[Level], asks: Sequence[Level]) -> bytes:
    """The best levels of both sides, which carry no time."""
    return orjson.dumps({"lastUpdateId": update, "bids": _levels(bids), "asks": _levels(asks)})


def _levels(side: Sequence[Level]) -> list[list[str]]:
    return [[eight(price), eight(size)] for price, size in side]
