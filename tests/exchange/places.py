"""Accounts at venues, with tickets of a size that all of them take."""

from __future__ import annotations

from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from itertools import count
from typing import Any

from pydantic import SecretStr

from thunes.clock import Clock, SystemClock
from thunes.exchange.binance.client import Patience
from thunes.exchange.binance.shared import Shared
from thunes.exchange.binance.venue import BinanceVenue
from thunes.exchange.orders import OrderState, OrderTicket, Side
from thunes.exchange.outcomes import Accepted, Outcome
from thunes.market.synthetic import generate
from thunes.simulator import LocalExchange

SYMBOL, BASE, QUOTE = "BTCUSDT", "BTC", "USDT"
TICK, STEP = Decimal("0.01"), Decimal("0.00001")
NOTIONAL = Decimal(25)
TESTNET_URL = "https://testnet.binance.vision"
MINUTE_MS = 60_000
PAST, FUTURE = 1_500, 300  # minutes
CLOCK = SystemClock()
_numbers = count(CLOCK.now_ms())


def new_id(leg: str = "leg") -> str:
    """A client id that nobody has used, on the test network neither."""
    return f"thunes-{leg}-{next(_numbers):x}"


def floor(value: Decimal, step: Decimal) -> Decimal:
    return (value / step).to_integral_value(ROUND_FLOOR) * step


def accepted(outcome: Outcome) -> OrderState:
    """The order of an outcome that must be a success."""
    assert isinstance(outcome, Accepted), outcome
    return outcome.order


def local_exchange(*, serve: bool, **options: Any) -> LocalExchange:
    """A day of minutes behind it, five hours before it; time is stepped."""
    tape = generate(SYMBOL, "1m", PAST + FUTURE, seed=7)
    tape = tape.replace(
        **{name: (getattr(tape, name) / 0.01).round() * 0.01 for name in ("open", "high", "low", "close")},
        volume=(tape.volume / 1e-5).round() * 1e-5,
    )
    start = int(tape.open_time[PAST])
    return LocalExchange(tape, **{"stepped": True, "start": start, "serve": serve, "limits": False, **options})


class Place:
    """An account at a venue."""

    venue: BinanceVenue

    def price(self, times: str) -> Decimal:
        """A price on the grid: so many times the middle of the book."""
        quote = self.venue.quote(SYMBOL)
        assert quote.bid is not None
        assert quote.ask is not None
        return floor((quote.bid + quote.ask) / 2 * Decimal(times), TICK)

    def quantity(self, price: Decimal) -> Decimal:
        """A quantity on the grid worth at least the notional."""
        return (NOTIONAL / price / STEP).to_integral_value(ROUND_CEILING) * STEP

    def market(self, side: Side = "BUY", **more: Any) -> OrderTicket:
        amount: dict[str, Any] = {} if "quantity" in more else {"quote_quantity": NOTIONAL}
        return OrderTicket(SYMBOL, side, "MARKET", **{"client_order_id": new_id(), **amount, **more})

    def resting(self, side: Side = "BUY", **more: Any) -> OrderTicket:
        """A limit order that waits in the book."""
        price = self.price("0.9" if side == "BUY" else "1.1")
        values = {"client_order_id": new_id(), "quantity": self.quantity(price), "price": price, "time_in_force": "GTC"}
        return OrderTicket(SYMBOL, side, "LIMIT", **{**values, **more})  # type: ignore[arg-type]

    def stop(self) -> OrderTicket:
        """A sale that waits under the market."""
        stop, price = self.price("0.9"), self.price("0.89")
        quantity = self.quantity(price)
        return OrderTicket(
            SYMBOL,
            "SELL",
            "STOP_LOSS_LIMIT",
            new_id("stop"),
            quantity,
            price=price,
            stop_price=stop,
            time_in_force="GTC",
        )

    def close(self) -> None:
        """Leave no order open, and no connection."""
        for order in self.venue.open_orders(SYMBOL):
            self.venue.cancel(SYMBOL, order_id=order.order_id)
        self.venue.close()


class LocalPlace(Place):
    """An account of its own at a local exchange."""

    def __init__(self, exchange: LocalExchange, clock: Clock | None = None, **options: Any) -> None:
        self.key, self.secret, self.exchange, self.clock = new_id("key"), "a secret of it", exchange, clock or CLOCK
        exchange.open_account(f"{self.key}:{self.secret}:USDT=10000,BTC=1")
        self.venue = self.opened(**options)

    @property
    def board(self) -> Any:
        """Where faults are set."""
        return self.exchange.parts.board

    def mount(self, session: Any) -> None:
        if self.exchange.http_url.startswith("http://in-process"):
            session.mount(self.exchange.http_url, self.exchange.adapter())

    def opened(self, **options: Any) -> BinanceVenue:
        """A venue for this account."""
        login = SecretStr(options.pop("key", self.key)), SecretStr(options.pop("secret", self.secret))
        shared = options.pop("shared", None) or Shared(self.clock)
        url = options.pop("url", self.exchange.http_url)
        return BinanceVenue(url, *login, self.clock, shared=shared, **{"mount": self.mount, **options})


class TestnetPlace(Place):
    """The account of a person's keys at the exchange's test network."""

    __test__ = False  # no class of tests

    def __init__(self, key: str, secret: str) -> None:
        self.venue = BinanceVenue(TESTNET_URL, SecretStr(key), SecretStr(secret), CLOCK, patience=Patience())
