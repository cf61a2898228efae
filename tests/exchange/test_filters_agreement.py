"""No order that our filters let through is refused by the exchange for its filters, numbers or parameters."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any, cast

import pytest
from binance import Client
from binance.exceptions import BinanceAPIException
from tests.exchange.filters_world import OWNER, agreement, sent

from thunes.exchange.filters.conditions import Holdings, Prices
from thunes.exchange.filters.prepare import ExchangeFilters, OcoTickets
from thunes.exchange.filters.rules import parse_rules
from thunes.exchange.filters.verdict import Denied
from thunes.exchange.orders import OrderTicket, Side
from thunes.market.synthetic import generate
from thunes.simulator import LocalExchange
from thunes.simulator.symbols.exchange_info import ExchangeInfo, load_exchange_info

D = Decimal
DUMP = "exchange_info/binance-spot-2024-09-08.json.gz"
OUR_FAULT = ("-1013", "-1111", "-1100", "-1106")
DENIED_FOR = (
    "AVERAGE_PRICE", "BALANCE", "LOT_SIZE", "MAX_NUM_ALGO_ORDERS", "MAX_NUM_ORDERS", "MAX_NUM_ORDER_LISTS",
    "MAX_POSITION", "MIN_NOTIONAL", "NOTIONAL", "PERCENT_PRICE", "PERCENT_PRICE_BY_SIDE", "PRICE_FILTER", "STATUS",
)  # fmt: skip


def ours(seen: Counter[str]) -> list[str]:
    """The refusals that must not be, the rest being what a market does that moves between decision and order."""
    return [f"{count} × {what}" for what, count in seen.items() if "refused" in what and "-2010" not in what]


def told(seen: Counter[str]) -> str:
    return "\n".join(f"{count:>8,} {what}" for what, count in sorted(seen.items()))


@pytest.fixture(scope="module")
def dump(shared_data: Path) -> ExchangeInfo:
    return load_exchange_info(shared_data / DUMP)


@pytest.mark.covers("pitfall X12")
def test_thousands_of_random_decisions_over_all_real_symbols_are_never_refused(dump: ExchangeInfo) -> None:
    seen = agreement(dump.symbols.values(), 3_000, seed=1)
    assert ours(seen) == []
    assert seen["sent"] > 900, told(seen)


@pytest.mark.covers("pitfall X12")
@pytest.mark.long
def test_two_hundred_thousand_random_decisions_are_never_refused(dump: ExchangeInfo) -> None:
    seen = agreement(dump.symbols.values(), 205_000, seed=2)
    print(f"\n{told(seen)}")  # noqa: T201
    assert ours(seen) == []
    assert seen["sent"] > 75_000
    assert all(seen[f"denied {name}"] >= 50 for name in DENIED_FOR), told(seen)


# Over HTTP


class Trader:
    """Decides at random upon what python-binance reads, and sends what our filters prepare."""

    def __init__(self, exchange: LocalExchange, client: Client, seed: int) -> None:
        self.exchange, self.client, self.random = exchange, client, random.Random(seed)
        entries = client.get_exchange_info()["symbols"]
        self.filters = ExchangeFilters({entry["symbol"]: parse_rules(entry) for entry in entries})
        self.names = [entry["symbol"] for entry in entries]

    def prices(self, name: str) -> Prices:
        best = self.client.get_orderbook_ticker(symbol=name)
        bid, ask = D(best["bidPrice"]), D(best["askPrice"])
        return Prices(average=D(self.client.get_avg_price(symbol=name)["price"]), bid=bid, ask=ask, last=bid)

    def holdings(self, name: str) -> Holdings:
        orders = self.client.get_open_orders(symbol=name)
        return Holdings(
            base_free=D(10) ** 9,
            quote_free=D(10) ** 9,
            open_orders=len(orders),
            open_algo_orders=sum(one["type"] == "STOP_LOSS_LIMIT" for one in orders),
            open_order_lists=sum(one["orderListId"] > 0 for one in orders) // 2,
        )

    def decide(self, name: str) -> OrderTicket | OcoTickets | Denied:
        prices, rules, chance = self.prices(name), self.filters.rules(name), self.random
        assert prices.average is not None
        side = cast("Side", chance.choice(["BUY", "SELL"]))
        seen: dict[str, Any] = {"prices": prices, "holdings": self.holdings(name)}
        market = prices.average
        notional = max(rules.notionals[0].minimum, rules.step * market) * D(10 ** chance.uniform(-0.2, 2.5))
        up, down = market * D(chance.uniform(1, 1.1)), market * D(chance.uniform(0.9, 1))
        before, beyond = (up, down) if side == "SELL" else (down, up)
        make, quantity = self.filters, notional / market
        match chance.randrange(5):
            case 0:
                return make.prepare_market_order(name, side, notional, **seen)
            case 1:
                return make.prepare_market_order(name, side, quantity=quantity, **seen)
            case 2:
                return make.prepare_limit_order(name, side, chance.choice([up, down]), quantity, **seen)
            case 3:
                return make.prepare_stop_order(name, side, beyond, beyond * D("1.001"), quantity, **seen)
            case _:
                return make.prepare_oco(name, side, quantity, before, beyond, beyond, **seen)

    def send(self, prepared: OrderTicket | OcoTickets) -> None:
        if isinstance(prepared, OrderTicket):
            self.client.create_order(**sent(prepared))
            return
        legs = [sent(prepared.resting, "LIMIT_MAKER"), sent(prepared.stop)]
        places = ["above", "below"] if prepared.resting.side == "SELL" else ["below", "above"]
        shared = {name: legs[0][name] for name in ("symbol", "side", "quantity")}
        self.client.create_oco_order(**shared, **{
            f"{place}{name[0].upper()}{name[1:]}": value
            for place, leg in zip(places, legs, strict=True)
            for name, value in leg.items()
            if name not in shared
        })  # fmt: skip

    def trade(self, count: int) -> Counter[str]:
        seen = Counter[str]()
        for number in range(count):
            prepared = self.decide(self.names[number % len(self.names)])
            if isinstance(prepared, Denied):
                seen[f"denied {prepared.filter}"] += 1
                continue
            if self.random.random() < 0.01:
                self.exchange.advance(1)
            seen["sent"] += 1
            try:
                self.send(prepared)
            except BinanceAPIException as refused:
                seen[f"refused {refused.code} {refused.message}"] += 1
        return seen


@pytest.fixture
def client() -> Iterator[Client]:
    made = Client(OWNER, "secret", {"timeout": (3, 10)}, ping=False)
    made.session.trust_env = False
    yield made
    made.session.close()
    made.loop.close()


def over_http(dump: ExchangeInfo, names: list[str], client: Client, count: int) -> Counter[str]:
    """So many decisions over these symbols, through a server."""
    info = ExchangeInfo({name: dump[name] for name in names}, dump.rate_limits)
    candles = [generate(name, "1m", 120, seed=number) for number, name in enumerate(names)]
    assets: dict[str, Any] = {asset: D(10) ** 9 for name in names for asset in (dump[name].base, dump[name].quote)}
    money = ",".join(f"{asset}={amount}" for asset, amount in assets.items())
    start = int(candles[0].open_time[20])
    with LocalExchange(candles, [f"{OWNER}:secret:{money}"], start=start, exchange_info=info, limits=False) as exchange:
        client.API_URL = f"{exchange.http_url}/api"
        return Trader(exchange, client, seed=3).trade(count)


@pytest.mark.loopback
def test_random_decisions_over_http_are_never_refused(dump: ExchangeInfo, client: Client) -> None:
    seen = over_http(dump, list(dump.symbols)[::60], client, 100)
    assert ours(seen) == []
    assert seen["sent"] > 60, told(seen)


@pytest.mark.long
@pytest.mark.loopback
def test_five_thousand_random_decisions_over_http_are_never_refused(dump: ExchangeInfo, client: Client) -> None:
    seen = over_http(dump, list(dump.symbols), client, 5_000)
    print(f"\n{told(seen)}")  # noqa: T201
    assert ours(seen) == []
    assert seen["sent"] > 2_500


def test_what_must_not_be_refused_is_found_in_the_counts() -> None:
    found = Counter(
        [f"refused {code} words" for code in OUR_FAULT] + ["refused -2010 words", "sent", "denied NOTIONAL"]
    )
    assert len(ours(found)) == len(OUR_FAULT)
