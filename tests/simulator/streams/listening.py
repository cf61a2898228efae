"""An exchange to listen to, a listener that keeps what it is sent, and orders in one line."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from typing import Any

import numpy as np
import orjson

from thunes.market.synthetic import generate
from thunes.model import Candles
from thunes.simulator.api.call import Call
from thunes.simulator.api.market import depth
from thunes.simulator.engine.desk import Which
from thunes.simulator.engine.orders import Order
from thunes.simulator.exchange import Customer, Exchange
from thunes.simulator.feed.tape import Tape
from thunes.simulator.request import OrderRequest, Side
from thunes.simulator.streams.hub import Hub
from thunes.simulator.streams.names import parse_stream
from thunes.simulator.streams.topics import Manner
from thunes.simulator.symbols.exchange_info import built_in

D = Decimal
RAW, COMBINED = Manner(), Manner(combined=True)
RICH = {"USDT": D(10**9), "BTC": D(10**4), "ETH": D(10**5)}


def played(*symbols: str, interval: str = "1m", bars: int = 240, seed: int = 7) -> list[Tape]:
    info = built_in()
    return [Tape(generate(name, interval, bars, seed=seed), info[name].tick, info[name].step) for name in symbols]


def exchange(*symbols: str, bars: int = 240, past: int = 60, **more: Any) -> Exchange:
    """One that stands `past` minutes after the first candle, with two rich customers."""
    tapes = played(*symbols or ("BTCUSDT",), bars=bars, **more)
    made = Exchange(tapes, start_ms=tapes[0].start_ms + past * 60_000)
    for name in ("ann", "bob"):
        made.open_account(Customer(name, RICH))
    return made


def flat(volume: float, past: int = 5) -> Exchange:
    """One whose price stands still at 100, with so much volume in each of its 60 minutes."""
    times, price = np.arange(60) * 60_000 + 60_000 * 10**7, np.full(60, 100.0)
    candles = Candles("BTCUSDT", "1m", times, price, price, price, price, np.full(60, volume), "file:made")
    symbol = built_in()["BTCUSDT"]
    made = Exchange([Tape(candles, symbol.tick, symbol.step)], start_ms=int(times[past]))
    made.open_account(Customer("ann", RICH))
    return made


class Listener:
    """Whom a hub or a session sends to: frames and payloads are the same here."""

    def __init__(self) -> None:
        self.sent: list[bytes] = []
        self.silent = self.withhold_pongs = False
        self.is_open, self.waiting = True, 0

    def send_frame(self, frame: bytes) -> None:
        self.sent.append(frame)

    send = send_frame

    def close(self, code: int = 1000, reason: str = "") -> None: ...

    def cut(self) -> None: ...

    def stop_reading(self) -> None: ...

    def read(self) -> list[Any]:
        """What came since the last time."""
        messages, self.sent = [orjson.loads(message) for message in self.sent], []
        return messages


def hub_of(venue: Exchange) -> Hub:
    return Hub(venue, encode=bytes)


def listen(hub: Hub, *names: str, manner: Manner = RAW) -> Listener:
    listener = Listener()
    for name in names:
        hub.subscribe(parse_stream(name), listener, manner)
    return listener


def place(venue: Exchange, account: str, side: Side, price: str | Decimal | None, quantity: str, **more: Any) -> Order:
    """An order as it stands after its turn; no price makes it a market order."""
    symbol = more.pop("symbol", "BTCUSDT")
    fields: dict[str, Any] = {"type": "MARKET"} if price is None else {"type": "LIMIT", "time_in_force": "GTC"}
    request = OrderRequest(
        symbol=symbol,
        side=side,
        client_order_id=f"order-{venue.engine.next_order_id}",
        quantity=D(quantity),
        price=None if price is None else D(price),
        **(fields | more),
    )
    now = venue.turn(symbol)
    return venue.engine.place(account, request, now)


def cancel(venue: Exchange, account: str, order: Order) -> None:
    venue.engine.cancel(account, order.request.symbol, Which(order.id), venue.now_ms)


def near(venue: Exchange, ticks: int, symbol: str = "BTCUSDT") -> Decimal:
    """A price so many ticks away from the last one."""
    last = venue.last_price(symbol)
    assert last is not None
    return last + ticks * venue.symbol(symbol).tick


def snapshot(venue: Exchange, symbol: str = "BTCUSDT") -> Any:
    return depth(Call(venue, {"symbol": symbol, "limit": "5000"}))


def applied(book: Any, updates: Iterable[Any]) -> tuple[dict[str, str], dict[str, str]]:
    """A snapshot with the updates of a depth stream, as a client keeps its book: gaps are an error."""
    bids, asks, last = dict(book["bids"]), dict(book["asks"]), book["lastUpdateId"]
    begun = False
    for update in updates:
        if update["u"] <= book["lastUpdateId"]:
            continue
        assert update["U"] <= last + 1 if not begun else update["U"] == last + 1
        begun, last = True, update["u"]
        for side, told in ((bids, update["b"]), (asks, update["a"])):
            for price, size in told:
                side[price] = size
                if not float(size):
                    del side[price]
    return bids, asks
