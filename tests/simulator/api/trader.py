"""An exchange over a synthetic market, and customers who ask it what a client would ask."""

from __future__ import annotations

from dataclasses import dataclass, replace
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from typing import Any

import pytest

from thunes.clock import ManualClock
from thunes.market.synthetic import generate
from thunes.simulator.api import account, order_lists, orders
from thunes.simulator.api.call import Call, Route
from thunes.simulator.api.limits import Limiter
from thunes.simulator.api.parameters import SECURITY_PARAMETERS, refuse_unread
from thunes.simulator.exchange import Customer, Exchange
from thunes.simulator.feed.tape import Tape
from thunes.simulator.request import Refused
from thunes.simulator.symbols.exchange_info import built_in

TICK = Decimal("0.01")
ROUTES: dict[str, Route] = {
    f"{route.method} {route.path.removeprefix('/api/v3/')}": route
    for route in (*orders.ROUTES, *order_lists.ROUTES, *account.ROUTES)
}
MONEY = {"USDT": Decimal(100_000), "BTC": Decimal(10)}
STATUSES = {-1015: (429,), -2021: (409, 429), -2022: (400, 429)}
WALL_MS = 1_790_000_000_000
CANDLES = generate("BTCUSDT", "1m", 120, seed=7)


@dataclass
class Trader:
    """Customers ann and bob of one exchange, an hour after its first candle."""

    exchange: Exchange
    limiter: Limiter | None = None

    def ask(self, name: str, account: str = "ann", **parameters: str) -> Any:
        """The answer to a request such as "POST order"; unread parameters are refused first, as for everyone."""
        route = ROUTES[name]
        if route.reads is not None:
            refuse_unread(parameters, route.reads | SECURITY_PARAMETERS)
        return route.handler(Call(self.exchange, parameters, account, "127.0.0.1", self.limiter))

    def refusal(self, name: str, account: str = "ann", **parameters: str) -> Refused:
        with pytest.raises(Refused) as refused:
            self.ask(name, account, **parameters)
        assert refused.value.status in STATUSES.get(refused.value.code, (400,))
        return refused.value

    def code(self, name: str, account: str = "ann", **parameters: str) -> tuple[int, str]:
        """Code and text of a refusal."""
        refused = self.refusal(name, account, **parameters)
        return refused.code, refused.message

    def at(self, factor: str) -> str:
        """The last price times something, on the grid and away from the market."""
        last = self.exchange.last_price("BTCUSDT")
        assert last is not None
        price = last * Decimal(factor)
        return str(price.quantize(TICK, ROUND_FLOOR if price < last else ROUND_CEILING))

    def order(self, account: str = "ann", **parameters: str) -> Any:
        """Place an order in BTCUSDT: 0.01 to buy at a tenth below the market, unless said otherwise."""
        return self.ask("POST order", account, **{**self.resting(), **parameters})

    def resting(self, factor: str = "0.9", **parameters: str) -> dict[str, str]:
        base = {"symbol": "BTCUSDT", "side": "BUY", "type": "LIMIT", "timeInForce": "GTC"}
        return {**base, "quantity": "0.01", "price": self.at(factor), **parameters}

    def change_symbol(self, **flags: Any) -> None:
        """Give BTCUSDT other flags."""
        listed = self.exchange.info["BTCUSDT"]
        self.exchange.info = self.exchange.info.with_symbol(replace(listed, **flags))

    def is_whole(self) -> bool:
        return all(row.difference == 0 for row in self.exchange.engine.conservation().values())


def trader(limiter: Limiter | None = None, **customer: Any) -> Trader:
    """A new exchange; `customer` changes how ann's account is opened."""
    listed = built_in()["BTCUSDT"]
    made = Exchange([Tape(CANDLES, listed.tick, listed.step)], clock=ManualClock(WALL_MS))
    made.open_account(Customer(**{"name": "ann", "balances": MONEY, **customer}))
    made.open_account(Customer("bob", MONEY))
    made.advance_bars(60)
    return Trader(made, limiter)


@pytest.fixture
def market() -> Trader:
    return trader()
