"""What anybody may ask of the market, but for the tickers: time, symbols, books, trades, candles, averages."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from itertools import groupby, islice

from thunes.simulator.api.call import Call, Document, Route, reads
from thunes.simulator.api.candles import HOUR_MS, MINUTE_MS, eight, rows
from thunes.simulator.api.parameters import (
    SYMBOL,
    Parameters,
    flag,
    interval,
    invalid,
    limit,
    name_or_names,
    names,
    symbol_name,
    whole,
)
from thunes.simulator.api.updates import update_ids
from thunes.simulator.exchange import Exchange
from thunes.simulator.feed.averages import average_price
from thunes.simulator.feed.klines import bars, offered
from thunes.simulator.feed.reference import PriceRange
from thunes.simulator.feed.tape import Tape, Tick
from thunes.simulator.request import Refused
from thunes.simulator.symbols.exchange_info import STATUSES, Selection

MOST_ROWS, MOST_LEVELS = 1_000, 5_000
TIME_ZONE = re.compile(r"([+-]?)([0-9]{1,2})(?::([0-5][0-9]))?")
WEST, EAST = -12 * HOUR_MS, 14 * HOUR_MS


# The exchange


def ping(_: Call) -> Document:
    """Whether anybody is there."""
    return {}


def server_time(call: Call) -> Document:
    """The time as clients are told it, epoch ms."""
    return {"serverTime": call.exchange.server_time}


def exchange_info(call: Call) -> Document:
    """The symbols of a selection, with rate limits and exchange-wide filters."""
    sent, symbol = call.parameters, call.parameters.get("symbol")
    if symbol is not None:
        SYMBOL.check("symbol", symbol)
    selection = Selection(
        symbol=symbol,
        symbols=names(sent, "symbols"),
        permissions=name_or_names(sent, "permissions"),
        status=sent.get("symbolStatus"),
        show_permission_sets=flag(sent, "showPermissionSets", default=True),
    )
    return call.exchange.info.document(call.exchange.server_time, selection)


def execution_rules(call: Call) -> Document:
    """One symbol or several with their rules, or every symbol that has one."""
    exchange = call.exchange
    if not {"symbol", "symbols"} & set(call.parameters):
        chosen = [name for name in exchange.info.symbols if name in exchange.price_ranges]
        status = call.parameters.get("symbolStatus")
        check_status(status)
        chosen = [name for name in chosen if status in (None, exchange.symbol(name).status)]
    else:
        selection = Selection(
            call.parameters.get("symbol"), names(call.parameters, "symbols"), status=call.parameters.get("symbolStatus")
        )
        chosen = [symbol.name for symbol in exchange.info.select(selection)]
    return {"symbolRules": [{"symbol": name, "rules": _rules(exchange.price_ranges.get(name))} for name in chosen]}


def _rules(band: PriceRange | None) -> list[Document]:
    if band is None:
        return []
    multipliers = {
        "bidLimitMultUp": band.bid_up,
        "bidLimitMultDown": band.bid_down,
        "askLimitMultUp": band.ask_up,
        "askLimitMultDown": band.ask_down,
    }
    given = {name: format(value, ".4f") for name, value in multipliers.items() if value is not None}
    return [{"ruleType": "PRICE_RANGE", **given}]


# One symbol


def named(call: Call) -> str:
    """The mandatory symbol; −1121 for an unknown one, −1220 for one whose status is not the one asked for."""
    name = symbol_name(call.parameters)
    status, wanted = call.exchange.symbol(name).status, call.parameters.get("symbolStatus")
    check_status(wanted)
    if wanted not in (None, status):
        raise Refused(400, -1220, "The symbol's status does not match the requested symbolStatus.")
    return name


def check_status(status: str | None) -> None:
    """−1122 for a status that there is not; None: not sent."""
    if status is not None and status not in STATUSES:
        raise Refused(400, -1122, "Invalid symbolStatus.")


def reference(call: Call) -> Document:
    """What the execution rule is measured from: −2043 without a rule, null before the first tick."""
    name = named(call)
    if name not in call.exchange.price_ranges:
        raise Refused(400, -2043, "This symbol doesn't have a reference price.")
    price = call.exchange.reference_price(name)
    shown = None if price is None else eight(price)
    return {"symbol": name, "referencePrice": shown, "timestamp": call.exchange.now_ms}


def average(call: Call) -> Document:
    """The price that filters use."""
    tape = call.exchange.tape(named(call))
    found = average_price(tape, call.exchange.now_ms) if tape else None
    if found is None:  # nothing ever traded: what the exchange says then is not written down
        return {"mins": 5, "price": "0.00000000", "closeTime": 0}
    return {"mins": found.minutes, "price": eight(found.price), "closeTime": found.close_time}


def depth(call: Call) -> Document:
    """The book now."""
    name, levels = named(call), limit(call.parameters, 100, MOST_LEVELS)
    return snapshot(call.exchange, name, levels)


def snapshot(exchange: Exchange, name: str, levels: int) -> dict[str, int | list[list[str]]]:
    """A symbol's book now: at most `levels` prices on each side, the best first."""
    exchange.turn(name)
    sides = exchange.engine.depth(name, levels)
    bids, asks = ([[eight(price), eight(size)] for price, size in side] for side in sides)
    return {"lastUpdateId": update_ids(exchange).now(name), "bids": bids, "asks": asks}


# Trades


def recent_trades(call: Call) -> Document:
    """The newest trades of the market, oldest first."""
    tape, rows_wanted = call.exchange.tape(named(call)), limit(call.parameters, 500, MOST_ROWS)
    return [_trade(tick) for tick in tape.trades(call.exchange.now_ms, rows_wanted)] if tape else []


def old_trades(call: Call) -> Document:
    """Trades from an id on, or the newest."""
    first = whole(call.parameters, "fromId")
    if first is None:
        return recent_trades(call)
    tape, rows_wanted = call.exchange.tape(named(call)), limit(call.parameters, 500, MOST_ROWS)
    return [_trade(tick) for tick in islice(_from_id(tape, first, call.exchange.now_ms), rows_wanted)] if tape else []


def _trade(tick: Tick) -> Document:
    return {
        "id": tick.number,
        "price": eight(tick.price),
        "qty": eight(tick.quantity),
        "quoteQty": eight(tick.price * tick.quantity),
        "time": tick.time_ms,
        "isBuyerMaker": tick.taker == "SELL",
        "isBestMatch": True,
    }


def _from_id(tape: Tape, first: int, now: int) -> Iterator[Tick]:
    row = first // tape.path.ticks
    if row >= len(tape):
        return iter(())
    traded = _traded(tape, int(tape.bars.open_time[row]) - 1, now)
    return (tick for tick in traded if tick.number >= first)


def _traded(tape: Tape, after: int, until: int) -> Iterator[Tick]:
    """Ticks at which something traded, after < time ≤ until."""
    for piece in tape.columns(after, until):
        yield from tape.values(piece.rows(piece.quantity > 0))


def aggregate_trades(call: Call) -> Document:
    """Aggregates from an id, from a time, or the newest."""
    tape, rows_wanted = call.exchange.tape(named(call)), limit(call.parameters, 500, MOST_ROWS)
    ticks = _asked_for(call, tape, rows_wanted) if tape else ()
    return [aggregate(group) for group in islice(aggregates(ticks), rows_wanted)]


def _asked_for(call: Call, tape: Tape, rows_wanted: int) -> Iterable[Tick]:
    first, start, end = (whole(call.parameters, name) for name in ("fromId", "startTime", "endTime"))
    now = call.exchange.now_ms if end is None else min(end, call.exchange.now_ms)
    if first is not None:
        if start is not None or end is not None:
            raise Refused(400, -1128, "Combination of optional parameters invalid.")
        return _from_id(tape, first, now)
    if start is not None:
        return _traded(tape, start - 1, now) if start <= now else ()
    return tape.trades(now, rows_wanted) if now >= tape.start_ms else ()


def aggregates(ticks: Iterable[Tick]) -> Iterator[list[Tick]]:
    """Trades that one taker made at one price: neighbours of the same time, price and side."""
    for _, group in groupby(ticks, key=lambda tick: (tick.time_ms, tick.price, tick.taker)):
        yield list(group)


def aggregate(group: list[Tick]) -> Document:
    """An aggregate trade; its id is that of its first trade, so that it can be found again without a count of all."""
    first, last = group[0], group[-1]
    return {
        "a": first.number,
        "p": eight(first.price),
        "q": eight(sum((tick.quantity for tick in group[1:]), first.quantity)),
        "f": first.number,
        "l": last.number,
        "T": first.time_ms,
        "m": first.taker == "SELL",
        "M": True,
    }


# Candles


def klines(call: Call) -> Document:
    """Candles of any interval that the market's own can be summed to; `uiKlines` is the same here."""
    name, wanted = named(call), interval(call.parameters)
    zone, rows_wanted = time_zone(call.parameters), limit(call.parameters, 500, MOST_ROWS)
    start, end = whole(call.parameters, "startTime"), whole(call.parameters, "endTime")
    tape = call.exchange.tape(name)
    if tape is None:
        return []
    if wanted not in offered(tape.interval):  # the exchange has every interval; finer ones here would be invented
        raise Refused(400, -1120, "Invalid interval.")
    found = bars(tape, wanted, call.exchange.now_ms, zone, start=start, end=end, limit=rows_wanted)
    return list(rows(tape, found, call.exchange.candle_faults.get(name, ())))


def time_zone(parameters: Parameters) -> int:
    """`timeZone` in ms ahead of UTC: hours, or hours and minutes, from −12:00 to +14:00; −1130 for anything else."""
    found = TIME_ZONE.fullmatch(parameters.get("timeZone", "0"))
    if not found:
        raise invalid("timeZone")
    sign, hours, minutes = found.groups()
    size = int(hours) * HOUR_MS + int(minutes or 0) * MINUTE_MS
    zone = -size if sign == "-" else size
    if not WEST <= zone <= EAST:
        raise invalid("timeZone")
    return zone


# Weights


def _depth_weight(parameters: Parameters) -> int:
    sent = parameters.get("limit", "100")
    levels = int(sent) if sent.isascii() and sent.isdigit() else 0
    return next((weight for most, weight in ((100, 5), (500, 25), (1_000, 50)) if levels <= most), 250)


def _rules_weight(parameters: Parameters) -> int:
    if "symbol" in parameters:
        return 2
    return min(40, 2 * (parameters["symbols"].count(",") + 1)) if "symbols" in parameters else 40


def _get(path: str) -> tuple[str, str]:
    return "GET", f"/api/v3/{path}"


_KLINES = reads("symbol", "interval", "startTime", "endTime", "timeZone", "limit")
_INFO = reads("symbol", "symbols", "permissions", "showPermissionSets", "symbolStatus")
_AGGREGATES = reads("symbol", "fromId", "startTime", "endTime", "limit")
_RULES = reads("symbol", "symbols", "symbolStatus")

ROUTES: tuple[Route, ...] = (
    Route(*_get("ping"), ping, reads(), 1, socket_method="ping"),
    Route(*_get("time"), server_time, reads(), 1, socket_method="time"),
    Route(*_get("exchangeInfo"), exchange_info, _INFO, 20, socket_method="exchangeInfo"),
    Route(*_get("executionRules"), execution_rules, _RULES, _rules_weight, socket_method="executionRules"),
    Route(*_get("referencePrice"), reference, reads("symbol"), 2, socket_method="referencePrice"),
    Route(*_get("avgPrice"), average, reads("symbol"), 2, socket_method="avgPrice"),
    Route(*_get("depth"), depth, reads("symbol", "limit", "symbolStatus"), _depth_weight, socket_method="depth"),
    Route(*_get("trades"), recent_trades, reads("symbol", "limit"), 25, socket_method="trades.recent"),
    Route(
        *_get("historicalTrades"), old_trades, reads("symbol", "limit", "fromId"), 25, socket_method="trades.historical"
    ),
    Route(*_get("aggTrades"), aggregate_trades, _AGGREGATES, 4, socket_method="trades.aggregate"),
    Route(*_get("klines"), klines, _KLINES, 2, socket_method="klines"),
    Route(*_get("uiKlines"), klines, _KLINES, 2, socket_method="uiKlines"),
)
