"""Client order ids: a pure function of the decision, so that a restarted trader computes the same one."""

from __future__ import annotations

import hashlib
from typing import Literal

from thunes.exchange.orders import Side

Leg = Literal["m", "s"]  # the market order of a decision; the stop that protects what it bought
DIGITS = "0123456789abcdefghijklmnopqrstuvwxyz"
PREFIX = "th"


def client_order_id(strategy: str, symbol: str, bar_ms: int, side: Side, leg: Leg = "m") -> str:
    """The id of the one order that this decision may send; `bar_ms`: open time of the candle decided on.

    At most 36 of letters, digits and dashes, as the exchange asks; nothing that would have to be percent-encoded.

    >>> client_order_id("sma_cross", "BTCUSDT", 1_600_000_000_000, "BUY")
    'th-e8059273bd-kf12ot8g-Bm'
    """
    place = hashlib.sha256(f"{strategy} {symbol}".encode()).hexdigest()[:10]
    return f"{PREFIX}-{place}-{_base36(bar_ms)}-{side[0]}{leg}"


def is_ours(client_id: str) -> bool:
    """Whether an id looks like one of a trader's."""
    return client_id.startswith(f"{PREFIX}-")


def _base36(number: int) -> str:
    digits = ""
    while number:
        number, rest = divmod(number, 36)
        digits = DIGITS[rest] + digits
    return digits or "0"
