"""A small exchange for tests: two symbols without filters, a customer or two, and requests in one line."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from thunes.simulator.engine.engine import Engine
from thunes.simulator.engine.events import Event, ExecutionReport
from thunes.simulator.engine.orders import Order
from thunes.simulator.request import OrderRequest, Side

D = Decimal
STEP = D("0.001")
Ladder = Sequence[tuple[str, str]]


@dataclass(frozen=True)
class Plain:
    """A symbol that matching can work with."""

    name: str
    base: str
    quote: str
    step: Decimal = STEP
    base_precision: int = 8
    default_self_trade_prevention: str = "EXPIRE_MAKER"


BTCUSDT, BNBUSDT = Plain("BTCUSDT", "BTC", "USDT"), Plain("BNBUSDT", "BNB", "USDT")


def levels(ladder: Ladder) -> list[tuple[Decimal, Decimal]]:
    return [(D(price), D(quantity)) for price, quantity in ladder]


@dataclass
class Venue:
    """An engine, what it told, and a clock that moves one millisecond a call."""

    engine: Engine
    events: list[Event]
    now: int = 1_000
    made: int = 0
    symbol: str = "BTCUSDT"
    book: tuple[Ladder, Ladder] = field(default=((), ()))

    def time(self) -> int:
        self.now += 1
        return self.now

    def tick(self, price: str, quantity: str = "1", bids: Ladder | None = None, asks: Ladder | None = None) -> None:
        self.book = (self.book[0] if bids is None else bids, self.book[1] if asks is None else asks)
        self.engine.tick(self.symbol, self.time(), D(price), D(quantity), levels(self.book[0]), levels(self.book[1]))

    def request(
        self, side: Side, type: str, quantity: str | None = None, price: str | None = None, **more: Any
    ) -> OrderRequest:
        self.made += 1
        for name in ("stop_price", "quote_quantity", "iceberg_quantity"):
            if name in more:
                more[name] = D(more[name])
        more.setdefault("client_order_id", f"order-{self.made}")
        if type == "LIMIT" or type.endswith("_LIMIT"):
            more.setdefault("time_in_force", "GTC")
        return OrderRequest(
            symbol=self.symbol,
            side=side,
            type=type,
            quantity=None if quantity is None else D(quantity),
            price=None if price is None else D(price),
            **more,
        )

    def place(self, side: Side, type: str, *numbers: str, account: str = "ann", **more: Any) -> Order:
        return self.engine.place(account, self.request(side, type, *numbers, **more), self.time())

    def balance(self, asset: str, account: str = "ann") -> tuple[Decimal, Decimal]:
        """Free and locked."""
        owner = self.engine.account(account)
        return owner.free(asset), owner.locked(asset)

    def reports(self, order: Order) -> list[ExecutionReport]:
        return [event for event in self.events if isinstance(event, ExecutionReport) and event.order_id == order.id]

    def story(self, order: Order) -> list[tuple[str, str]]:
        """What happened to an order: execution and status of each report."""
        return [(event.execution, event.status) for event in self.reports(order)]


def venue(fee: str = "0", *, pays_in_bnb: bool = False, **options: Any) -> Venue:
    """An exchange with customers ann and bob, 10,000 USDT and 10 BTC each, and a market at 100: 99 / 101."""
    events: list[Event] = []
    engine = Engine((BTCUSDT, BNBUSDT), publish=events.append, **options)
    made = Venue(engine, events)
    for name in ("ann", "bob"):
        engine.open_account(name, maker_rate=D(fee), taker_rate=D(fee), pays_in_bnb=pays_in_bnb)
        engine.deposit(name, "USDT", D(10_000), made.time())
        engine.deposit(name, "BTC", D(10), made.time())
    made.tick("100", bids=[("99", "1"), ("98", "2")], asks=[("101", "1"), ("102", "2")])
    return made
