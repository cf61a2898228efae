"""The exchange that is measured: a deep market whose time stands still, one rich account, and orders signed for it."""

from __future__ import annotations

import hmac
from decimal import Decimal
from typing import TYPE_CHECKING

from thunes.market.synthetic import generate
from thunes.model import Candles

if TYPE_CHECKING:  # most clients have no use for it
    from thunes.simulator import LocalExchange

SYMBOL, INTERVAL, SEED = "BTCUSDT", "1h", 7
KEY, SECRET = "key", "secret"
MONEY = {"USDT": Decimal(10**9), "BTC": Decimal(10**5)}
PAST = 1_000  # candles before the start
MANY = 60_000  # candles of a market that is played
QUANTITY = "0.0004"  # the ladder of one moment holds half a million of these on each side
ORDER, STREAM = "/api/v3/order", f"/ws/{SYMBOL.lower()}@trade"
BODIES = 2_000  # different ones; an id is free again once its order is filled, so they serve any number of times
TIMESTAMP = 1_700_000_000_000  # the exchange's time stands, so nobody looks at it


def candles(bars: int = 3_000) -> Candles:
    """Hours of the synthetic market: more of them change nothing in the first ones."""
    return generate(SYMBOL, INTERVAL, bars, seed=SEED)


def local(played: Candles | None = None) -> LocalExchange:
    """The exchange in this process without a port, stepped, limits off."""
    from thunes.simulator import Account, LocalExchange

    chosen = played or candles()
    start = int(chosen.open_time[PAST])
    return LocalExchange(chosen, [Account(KEY, SECRET, MONEY)], start=start, limits=False, serve=False)


def side(number: int) -> str:
    """Buy and sell by turns: nothing runs out."""
    return "BUY" if number % 2 else "SELL"


def body(number: int) -> bytes:
    """A signed market order as a form body."""
    fields = f"symbol={SYMBOL}&side={side(number)}&type=MARKET&quantity={QUANTITY}&newClientOrderId=bench-{number}"
    payload = f"{fields}&recvWindow=5000&timestamp={TIMESTAMP + number}".encode()
    return payload + b"&signature=" + hmac.digest(SECRET.encode(), payload, "sha256").hex().encode()
