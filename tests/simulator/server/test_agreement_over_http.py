"""Over HTTP, with all real symbols, each order's verdict is that of the re-computation in whole numbers."""

from __future__ import annotations

import random
from collections import Counter
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from tests.simulator.server.abuse import Rest, rest_of, unflappable
from tests.simulator.symbols.recomputed import World, failing
from tests.simulator.symbols.test_agreement import DUMP, Chance

from thunes.market.synthetic import generate
from thunes.simulator import LocalExchange
from thunes.simulator.symbols.exchange_info import ExchangeInfo, load_exchange_info
from thunes.simulator.symbols.filters import FILTER_ORDER
from thunes.simulator.symbols.symbol import Symbol

pytestmark = pytest.mark.loopback
WITH_MARKET = ("BTCUSDT", "ETHBTC", "DOGEUSDT", "SOLUSDT", "BNBUSDT")
FAILURE, THIN, LOTS = "Filter failure: ", "Order book liquidity is less than ", ("LOT_SIZE", "MARKET_LOT_SIZE")
FILTERS = (
    "PRICE_FILTER", "PERCENT_PRICE_BY_SIDE", "LOT_SIZE", "MARKET_LOT_SIZE", "NOTIONAL", "ICEBERG_PARTS",
    "TRAILING_DELTA",
)  # fmt: skip
NOTHING_OPEN = {f"{scope}{kind}": 0 for scope in ("", "account ") for kind in ("orders", "algo", "iceberg", "lists")}


@pytest.fixture(scope="module")
def info(shared_data: Path) -> ExchangeInfo:
    return load_exchange_info(shared_data / DUMP)


class Sender:
    """Sends random orders, and expects of each what the documents of exchangeInfo and the market's prices say."""

    def __init__(self, exchange: LocalExchange, info: ExchangeInfo, rest: Rest, seed: int) -> None:
        self.exchange, self.rest, self.random = exchange.parts.exchange, rest, random.Random(seed)
        self.symbols = list(info.symbols.values())
        self.chance = Chance(self.symbols, seed)
        self.seen: Counter[str] = Counter()

    def world(self, symbol: Symbol) -> World:
        """What filters see: time stands still, and no order stays open."""
        average, last = self.exchange.prices(symbol.name).average, self.exchange.last_price(symbol.name)
        prices = (None if price is None else format(price, "f") for price in (average, last))
        return World(*prices, None, NOTHING_OPEN, "0", "0")

    def order(self, symbol: Symbol, world: World) -> dict[str, str]:
        market = Decimal(world.average) if world.average else self.chance.market(symbol)
        while (order := self.chance.parameters(symbol, market))["type"] not in symbol.order_types:
            pass
        return order

    def send(self, count: int) -> None:
        for number in range(count):
            symbol = self.symbols[number % len(self.symbols)]
            if number % 5 == 0:
                symbol = self.exchange.symbol(self.random.choice(WITH_MARKET))
            world = self.world(symbol)
            order = self.order(symbol, world)
            tests = self.random.random() < 0.5
            status, answer = self.rest.sign("POST", "/api/v3/order/test" if tests else "/api/v3/order", **order)
            if "orderId" in answer:  # nothing stays open, so that counts and holdings are those of the world
                self.rest.sign("DELETE", "/api/v3/openOrders", symbol=symbol.name)
            self.compare(symbol, order, world, status, answer)

    def compare(self, symbol: Symbol, order: dict[str, str], world: World, status: int, answer: Any) -> None:
        early, expected = too_precise(symbol, order), failing(symbol.document, order, world)
        first = next((name for name in FILTER_ORDER if name in expected), None)
        message = answer.get("msg", "")
        told = message.removeprefix(FAILURE) if message.startswith(FAILURE) else None
        case = (order, status, answer, symbol.document)
        if early:
            assert (status, answer["code"], message) == (400, -1111, early), case
        elif "quoteOrderQty" in order and (message.startswith(THIN) or told in LOTS):
            pass  # its quantity comes from the book, of which the documents tell nothing
        elif first:
            assert (status, answer["code"], message) == (400, -1013, FAILURE + first), case
        else:
            assert told is None, case
            assert status == 200 or answer["code"] == -2010, case
        self.seen[told or ("early" if early else "passed" if status == 200 else message)] += 1


def too_precise(symbol: Symbol, order: dict[str, str]) -> str:
    """The refusal of more decimals than the symbol's document grants, which comes before all filters."""
    digits = dict.fromkeys(("quoteOrderQty", "price", "stopPrice"), symbol.document["quoteAssetPrecision"])
    digits = {"quantity": symbol.base_precision, **digits, "icebergQty": symbol.base_precision}
    for name, most in digits.items():
        if len(order.get(name, "").partition(".")[2]) > most:
            return f"Parameter '{name}' has too much precision."
    return ""


def sent(info: ExchangeInfo, count: int, seed: int) -> Counter[str]:
    """How often each verdict came."""
    markets = [generate(name, "1h", 24, seed=index) for index, name in enumerate(WITH_MARKET)]
    with unflappable(candles=markets, exchange_info=info) as exchange, rest_of(exchange) as rest:
        sender = Sender(exchange, info, rest, seed)
        sender.send(count)
    return sender.seen


def test_a_thousand_orders_get_over_http_the_verdict_of_their_documents(info: ExchangeInfo) -> None:
    seen = sent(info, 1_000, seed=1)
    assert all(seen[verdict] > 5 for verdict in ("passed", "early", *FILTERS)), seen


@pytest.mark.long
def test_five_thousand_orders_get_over_http_the_verdict_of_their_documents(info: ExchangeInfo) -> None:
    seen = sent(info, 5_000, seed=2)
    assert all(seen[verdict] > 40 for verdict in ("passed", "early", *FILTERS)), seen
