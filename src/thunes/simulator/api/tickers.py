"""The tickers: figures of a day, a trading day or any window, last prices, best prices; of one symbol, several, all."""

from __future__ import annotations

import re
from collections.abc import Callable
from decimal import Decimal
from typing import Any

from thunes.model import DAY_MS
from thunes.simulator.api.call import Call, Document, Route, reads
from thunes.simulator.api.candles import HOUR_MS, MINUTE_MS, eight
from thunes.simulator.api.market import check_status, named, time_zone
from thunes.simulator.api.parameters import SYMBOL, Parameters, either, invalid, names
from thunes.simulator.exchange import Exchange
from thunes.simulator.feed.averages import DayTicker, day_ticker, window_ticker
from thunes.simulator.feed.tape import Tape
from thunes.simulator.symbols.exchange_info import Selection

Ticker = dict[str, str | int]
MOST_SYMBOLS = 100  # of a ticker over a window
WINDOW = re.compile(r"([1-9][0-9]?)([mhd])")
WINDOWS = {"m": (MINUTE_MS, 59), "h": (HOUR_MS, 23), "d": (DAY_MS, 7)}  # length, and how many of it at most
NOTHING = Decimal(0)
SILENT = DayTicker(0, 0, *(NOTHING,) * 11, first_id=-1, last_id=-1, trades=0)  # nothing was heard


# Figures


def rolling(tape: Tape, now: int, length: int) -> DayTicker | None:
    """A window that ends now and is up to a minute longer than `length` (ms): it begins on a minute."""
    opened = now - length
    return window_ticker(tape, opened - opened % MINUTE_MS, now)


def _change(found: DayTicker) -> Ticker:
    return {
        "priceChange": eight(found.change),
        "priceChangePercent": format(found.change_percent, ".3f"),
        "weightedAvgPrice": eight(found.weighted_average),
    }


def _prices(found: DayTicker) -> Ticker:
    return {"openPrice": eight(found.open), "highPrice": eight(found.high), "lowPrice": eight(found.low)}


def _counts(found: DayTicker, opened: int, closes: int) -> Ticker:
    return {
        "volume": eight(found.volume),
        "quoteVolume": eight(found.quote_volume),
        "openTime": opened,
        "closeTime": closes,
        "firstId": found.first_id,
        "lastId": found.last_id,
        "count": found.trades,
    }


def _figures(name: str, found: DayTicker, opened: int, closes: int, *, full: bool) -> Ticker:
    change = _change(found) if full else {}
    last: Ticker = {"lastPrice": eight(found.last)}
    return {"symbol": name, **change, **_prices(found), **last, **_counts(found, opened, closes)}


# Endpoints


def ticker_day(call: Call) -> Document:
    """24hr: FULL or MINI, of one symbol, several or all."""
    full = _is_full(call.parameters)
    return _each(call, lambda name: _day_of(call.exchange, name, full=full))


def _day_of(exchange: Exchange, name: str, *, full: bool) -> Ticker:
    now, tape = exchange.now_ms, exchange.tape(name)
    found = (day_ticker(tape, now) if tape else None) or SILENT
    opened = now - DAY_MS
    if not full:
        return _figures(name, found, opened, now, full=False)
    more: Ticker = {
        "prevClosePrice": eight(found.previous_close),
        "lastPrice": eight(found.last),
        "lastQty": eight(found.last_quantity),
    }
    book = best(exchange, name)
    return {"symbol": name, **_change(found), **more, **book, **_prices(found), **_counts(found, opened, now)}


def ticker_trading_day(call: Call) -> Document:
    """The day that a clock in `timeZone` shows now, from its midnight; its end is told although it has not come."""
    full, zone, now = _is_full(call.parameters), time_zone(call.parameters), call.exchange.now_ms
    opened = (now + zone) // DAY_MS * DAY_MS - zone

    def of(name: str) -> Ticker:
        tape = call.exchange.tape(name)
        found = window_ticker(tape, opened, now) if tape else None
        return _figures(name, found or SILENT, opened, opened + DAY_MS - 1, full=full)

    return _each(call, of, most=MOST_SYMBOLS)


def ticker_window(call: Call) -> Document:
    """A window of minutes, hours or days that ends now."""
    full, length, now = _is_full(call.parameters), window_length(call.parameters), call.exchange.now_ms
    opened = (now - length) - (now - length) % MINUTE_MS

    def of(name: str) -> Ticker:
        tape = call.exchange.tape(name)
        found = window_ticker(tape, opened, now) if tape else None
        return _figures(name, found or SILENT, opened, now, full=full)

    return _each(call, of, most=MOST_SYMBOLS)


def ticker_price(call: Call) -> Document:
    """Last prices; zero where nothing has traded."""
    exchange = call.exchange
    return _each(call, lambda name: {"symbol": name, "price": eight(exchange.last_price(name) or NOTHING)})


def ticker_book(call: Call) -> Document:
    """Best prices with their quantities."""
    return _each(call, lambda name: {"symbol": name, **best(call.exchange, name)})


def best(exchange: Exchange, name: str) -> Ticker:
    """The best prices of a symbol's book with their quantities, zeros where a side is empty."""
    exchange.turn(name)
    sides = exchange.engine.depth(name, 1)
    (bid, bid_size), (ask, ask_size) = (side[0] if side else (NOTHING, NOTHING) for side in sides)
    return {
        "bidPrice": eight(bid),
        "bidQty": eight(bid_size),
        "askPrice": eight(ask),
        "askQty": eight(ask_size),
    }


# Parameters


def _is_full(parameters: Parameters) -> bool:
    kind = parameters.get("type", "FULL")
    if kind not in ("FULL", "MINI"):
        raise invalid("type")
    return kind == "FULL"


def window_length(parameters: Parameters) -> int:
    """`windowSize` in ms: 1m … 59m, 1h … 23h, 1d … 7d; −1130 for another one."""
    found = WINDOW.fullmatch(parameters.get("windowSize", "1d"))
    if not found:
        raise invalid("windowSize")
    count, (length, most) = int(found[1]), WINDOWS[found[2]]
    if count > most:
        raise invalid("windowSize")
    return count * length


def _each(call: Call, of: Callable[[str], Ticker], most: int | None = None) -> Document:
    """One document for `symbol`, a list for `symbols` and, where there is no `most`, for neither."""
    sent, several = call.parameters, names(call.parameters, "symbols")
    if most is not None:
        either(sent, "symbol", "symbols")
    chosen = _chosen(call, several, most)
    if "symbol" in sent:
        return of(named(call))
    return [of(name) for name in chosen]


def _chosen(call: Call, several: tuple[str, ...] | None, most: int | None) -> list[str]:
    """The names asked for, or all; those of another status than the one asked for are left out."""
    one, status, info = call.parameters.get("symbol"), call.parameters.get("symbolStatus"), call.exchange.info
    check_status(status)
    if one is not None:
        SYMBOL.check("symbol", one)
    if most is not None and several is not None and len(several) > most:
        raise invalid("symbols")
    if one is None and several is None:
        found = list(info.symbols.values())
    else:
        found = info.select(Selection(symbol=one, symbols=several))
    return [symbol.name for symbol in found if status in (None, symbol.status)]


# Weights


def _count(parameters: Parameters) -> int | None:
    """How many symbols are named; None: all are meant."""
    if "symbol" in parameters:
        return 1
    return parameters["symbols"].count(",") + 1 if "symbols" in parameters else None


def _day_weight(parameters: Parameters) -> int:
    count = _count(parameters)
    return 80 if count is None or count > 100 else 40 if count > 20 else 2


def _window_weight(parameters: Parameters) -> int:
    return min(200, 4 * (_count(parameters) or 1))


def _price_weight(parameters: Parameters) -> int:
    return 2 if "symbol" in parameters else 4


def _route(
    path: str, handler: Callable[[Call], Any], weigh: Callable[[Parameters], int], method: str, *more: str
) -> Route:
    taken = reads("symbol", "symbols", "symbolStatus", *more)
    return Route("GET", f"/api/v3/{path}", handler, taken, weigh, socket_method=method)


ROUTES: tuple[Route, ...] = (
    _route("ticker/24hr", ticker_day, _day_weight, "ticker.24hr", "type"),
    _route("ticker/tradingDay", ticker_trading_day, _window_weight, "ticker.tradingDay", "type", "timeZone"),
    _route("ticker", ticker_window, _window_weight, "ticker", "type", "windowSize"),
    _route("ticker/price", ticker_price, _price_weight, "ticker.price"),
    _route("ticker/bookTicker", ticker_book, _price_weight, "ticker.book"),
)
