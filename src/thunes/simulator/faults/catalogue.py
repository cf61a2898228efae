"""The faults that there are, by name: what each strikes, what it does, which parameters it takes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from thunes.simulator.faults.parameters import (
    NEXT,
    REQUIRED,
    Parameter,
    choice,
    close_code,
    factor,
    filters,
    flag,
    open_time,
    whole,
    word,
)

Strikes = Literal["route", "account", "stream", "connection", "world"]
HOUR_MS, DAY_MS = 3_600_000, 86_400_000


@dataclass(frozen=True)
class Kind:
    """One kind of fault. `asks_engine`: whether a struck request still reaches the engine, unless `accept` says so."""

    strikes: Strikes
    text: str
    parameters: Mapping[str, Parameter] = field(default_factory=dict)
    asks_engine: bool = True


def _damaged(text: str, *, asks_engine: bool, **parameters: Parameter) -> Kind:
    """An answer that somebody may want before or after the engine has acted."""
    accept = Parameter(flag, "whether the engine acts on the request all the same", asks_engine)
    return Kind("route", text, {**parameters, "accept": accept}, asks_engine)


def _candle(text: str, **parameters: Parameter) -> Kind:
    moment = Parameter(open_time, 'epoch ms of the candle\'s open, or "next"', NEXT)
    return Kind("world", text, {"symbol": SYMBOL, "open_time": moment, **parameters})


SYMBOL = Parameter(word, "a symbol that is listed")
EVENT_DELAY = Parameter(whole(1, DAY_MS), "ms of the exchange's time", 5_000)
COPIES = Parameter(whole(1, 100), "how many more of it", 1)
CLOCK_MS = Parameter(whole(-DAY_MS, DAY_MS), "ms; below 0 is back")

CATALOGUE: dict[str, Kind] = {
    # What becomes of a request; delays are real time.
    "delay": Kind(
        "route",
        "the engine acts at once, its answer goes out later",
        {"delay_ms": Parameter(whole(1, HOUR_MS), "real ms", 1_000)},
    ),
    "drop_before": Kind("route", "the connection is cut; the engine never hears of the request", asks_engine=False),
    "drop_after_accept": Kind("route", "the engine accepts the request, then the connection is cut without an answer"),
    "error_after_accept": Kind(
        "route",
        "the engine accepts the request, the client hears of a server's error",
        {
            "status": Parameter(whole(500, 599), "HTTP status", 503),
            "form": Parameter(choice("html", "json"), "a web server's page, or code −1007", "html"),
        },
    ),
    "order_lag": Kind(
        "route",
        "a query for an order answers −2013 until it is that old",
        {"seconds": Parameter(whole(1, 86_400), "of the exchange's time since it was placed", 10)},
    ),
    "too_many_requests": _damaged(
        "429 with Retry-After",
        asks_engine=False,
        retry_after=Parameter(whole(1, 86_400), "seconds", 60),
    ),
    "banned": _damaged(
        "418 with Retry-After",
        asks_engine=False,
        retry_after=Parameter(whole(1, 3 * 86_400), "seconds", 120),
    ),
    "forbidden_html": _damaged("403 with a firewall's page", asks_engine=False),
    "html_200": _damaged("200 with a page, as a captive portal's", asks_engine=False),
    "null_json": _damaged("200 with null", asks_engine=True),
    "list_json": _damaged("200 with an empty list", asks_engine=True),
    "empty_body": _damaged("the answer without its body", asks_engine=True),
    "truncated_json": _damaged(
        "the first bytes of the answer alone",
        asks_engine=True,
        bytes=Parameter(whole(0, 1_000_000), "how many are left; 0: half of them", 0),
    ),
    "slow_drip": Kind(
        "route",
        "the answer trickles",
        {
            "bytes": Parameter(whole(1, 65_536), "so many at a time", 1),
            "every_ms": Parameter(whole(1, HOUR_MS), "real ms between them", 100),
        },
    ),
    "half_open": _damaged("nothing is answered, the connection stays", asks_engine=False),
    # User events; delays are the exchange's time. A late event keeps its place: those after it wait behind it.
    "user_delay": Kind("account", "the event comes late", {"delay_ms": EVENT_DELAY}),
    "user_withhold": Kind("account", "the event never comes"),
    "user_duplicate": Kind("account", "the event comes again at once", {"copies": COPIES}),
    "user_reorder": Kind("account", "the event comes after the one that follows it"),
    # Market streams, in the same way.
    "stream_delay": Kind("stream", "the message comes late", {"delay_ms": EVENT_DELAY}),
    "stream_silent": Kind("stream", "the message never comes"),
    "stream_duplicate": Kind("stream", "the message comes again at once", {"copies": COPIES}),
    "stream_reorder": Kind("stream", "the message comes after the one that follows it"),
    # WebSocket connections that are open when it is set.
    "pong_withheld": Kind("connection", "pings stay unanswered, also of those who connect later, until removed"),
    "disconnect": Kind(
        "connection",
        "the connection ends",
        {
            "form": Parameter(choice("cut", "close"), "a reset, or a closing handshake", "cut"),
            "code": Parameter(close_code, "of a closing handshake", 1_001),
        },
    ),
    "half_open_stream": Kind("connection", "nothing is read or sent any more, the socket stays"),
    "server_shutdown": Kind(
        "connection",
        "serverShutdown is announced",
        {"cut": Parameter(flag, "whether the connection is closed right behind it", False)},  # noqa: FBT003
    ),
    # The exchange itself, at once. The clock and the candles are mended when the fault is removed.
    "clock_offset": Kind("world", "clients are told a time so far ahead, until removed", {"ms": CLOCK_MS}),
    "clock_jump": Kind(
        "world",
        "clients are told a time so far ahead for a while",
        {"ms": CLOCK_MS, "seconds": Parameter(whole(1, 86_400), "of the exchange's time", 10)},
    ),
    "symbol_status": Kind(
        "world",
        "a symbol's status",
        {"symbol": SYMBOL, "status": Parameter(word, "HALT, BREAK, CANCEL_ONLY, any word")},
    ),
    "symbol_filters": Kind(
        "world",
        "other filters in place of those of the same types",
        {"symbol": SYMBOL, "filters": Parameter(filters, "as in exchangeInfo")},
    ),
    "delist": Kind("world", "the symbol's orders are cancelled, then it is unknown", {"symbol": SYMBOL}),
    "venue_reset": Kind("world", "all orders and trades gone, balances as they began"),
    "bnb_run_out": Kind("world", "an account's free BNB is gone", {"account": Parameter(word, "its name")}),
    "candle_gap": _candle("a candle is missing"),
    "candle_duplicate": _candle("a candle is told twice"),
    "candle_nan": _candle("a candle's prices are no numbers"),
    "candle_spike": _candle(
        "a candle's high is multiplied, or its low", factor=Parameter(factor, "below 1: its low", "10")
    ),
}


def table() -> list[dict[str, Any]]:
    """The faults as a table to print: name, what each strikes, what it does, its parameters with their defaults."""
    return [
        {
            "name": name,
            "strikes": kind.strikes,
            "does": kind.text,
            "parameters": {key: _shown(parameter) for key, parameter in kind.parameters.items()},
        }
        for name, kind in CATALOGUE.items()
    ]


def _shown(parameter: Parameter) -> dict[str, Any]:
    given = {} if parameter.default is REQUIRED else {"default": parameter.default}
    return {"is": parameter.text, **given}
