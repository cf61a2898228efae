"""The trader's desk with a hand on the way to the exchange: the world may change just before a request arrives."""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

import orjson
import requests
from requests.adapters import BaseAdapter
from tests.trading.desk import CANDLES, START, D, Desk
from urllib3 import HTTPResponse

from thunes.audit.events import Anomaly, Decision, Event
from thunes.exchange.orders import OrderState, OrderTicket, Side
from thunes.exchange.outcomes import Accepted
from thunes.model import Candles
from thunes.simulator import Account, LocalExchange
from thunes.simulator.exchange import Terms
from thunes.trading.books import Books
from thunes.trading.identity import client_order_id
from thunes.trading.ledger.values import Intent, OrderRecord

ORDER, KLINES = "POST /api/v3/order", "GET /api/v3/klines"
HOUR_MS = 3_600_000
Rows = list[list[Any]]
Before = Callable[["FaultDesk"], object]


class Interposed(BaseAdapter):
    """Passes every request on, after whoever waits for it has changed the world."""

    def __init__(self, desk: FaultDesk, real: BaseAdapter) -> None:
        super().__init__()
        self._desk, self._real = desk, real

    def send(self, request: requests.PreparedRequest, *args: Any, **options: Any) -> requests.Response:
        asked = f"{request.method} {str(request.url).partition('?')[0].removeprefix(self._desk.exchange.http_url)}"
        self._desk.asked.append(asked)
        for name, act in list(self._desk.before):
            if name == asked:
                act(self._desk)
        response = self._real.send(request, *args, **options)
        if asked in self._desk.rewrite:
            body = orjson.dumps(self._desk.rewrite[asked](orjson.loads(response.raw.read())))
            response.raw = HTTPResponse(io.BytesIO(body), status=200, preload_content=False)
        return response

    def close(self) -> None:
        self._real.close()


@dataclass
class FaultDesk(Desk):
    """`before`: a request's method and path, and what is done when it is on its way; `asked`: all requests."""

    before: list[tuple[str, Before]] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)
    rewrite: dict[str, Callable[[Any], Any]] = field(default_factory=dict)  # answers, by what was asked
    candles: tuple[Candles, ...] = (CANDLES,)
    pays_in_bnb: bool = False
    time_checks: bool | None = None
    terms: Terms | None = None

    def opened_exchange(self) -> LocalExchange:
        money = dict(part.split("=") for part in self.money.split(","))
        account = Account("key", "secret", {name: D(text) for name, text in money.items()}, self.pays_in_bnb)
        return LocalExchange(
            self.candles, [account], start=int(CANDLES.open_time[START]), serve=False, limits=False, terms=self.terms,
            time_checks=self.time_checks,
        )  # fmt: skip

    def adapter(self) -> BaseAdapter:
        return Interposed(self, super().adapter())

    # The world

    def change(self, **filters: dict[str, Any]) -> None:
        """Other values in the symbol's filters, by their type."""
        self.exchange.parts.exchange.change_symbol("BTCUSDT", filters=list(self.filters(**filters)))

    def filters(self, **changes: dict[str, Any]) -> list[dict[str, Any]]:
        known = self.exchange.parts.exchange.symbol("BTCUSDT").document["filters"]
        return [{**one, **changes[one["filterType"]]} for one in known if one["filterType"] in changes]

    def status(self, status: str) -> None:
        self.fault("symbol_status", symbol="BTCUSDT", status=status)

    def withdraw(self, asset: str, amount: Decimal) -> None:
        self.exchange.parts.exchange.engine.deposit("key", asset, -amount, self.exchange.now_ms)

    def free(self, asset: str) -> Decimal:
        return self.exchange.parts.exchange.engine.account("key").free(asset)

    # What was told

    def events(self, kind: type[Event] = Event) -> list[Any]:
        """Oldest first."""
        found = [entry.event for entry in self.trail.history().backwards()]
        return [event for event in reversed(found) if isinstance(event, kind)]

    def anomalies(self) -> list[str]:
        return [event.code for event in self.events(Anomaly)]

    def decisions(self) -> list[Decision]:
        return self.events(Decision)

    # Orders beside the trader's own

    def resting(self, price: Decimal, told: Callable[[OrderState], OrderState] = lambda order: order) -> OrderRecord:
        """A limit order of the strategy's for 0.01; `told`: what its ledger hears of it."""
        now = self.exchange.now_ms
        name = client_order_id("scripted", "BTCUSDT", now + 1, "BUY")
        self.ledger.intend(Intent(_limit("BUY", price, name), "scripted", now + 1, now))
        return self.ledger.record_outcome(name, Accepted(told(self.placed("BUY", price, name))))

    def placed(self, side: Side, price: Decimal, name: str = "by-hand", quantity: str = "0.01") -> OrderState:
        """A limit order that the ledger knows nothing of."""
        outcome = self.venue.submit(_limit(side, price, name, quantity))
        assert isinstance(outcome, Accepted), outcome
        return outcome.order

    def books(self) -> Books:
        return Books(self.venue, self.ledger, self.risk, self.trail)

    def agrees(self) -> bool:
        """Whether ledger and exchange are the same to the last digit."""
        return self.ledger.reconcile(self.venue.balances()) == []


def _limit(side: Side, price: Decimal, name: str, quantity: str = "0.01") -> OrderTicket:
    return OrderTicket("BTCUSDT", side, "LIMIT", name, quantity=D(quantity), price=price, time_in_force="GTC")
