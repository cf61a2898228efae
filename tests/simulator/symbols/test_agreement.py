"""Over all real symbols, the exchange's filters and a re-computation in whole numbers say the same of every order."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from tests.simulator.symbols.recomputed import World, failing

from thunes.simulator.api.parameters import TYPE_RULES, check_precision, parse_order
from thunes.simulator.symbols.exchange_info import load_exchange_info
from thunes.simulator.symbols.filters import FILTER_ORDER, Rules, View, failure
from thunes.simulator.symbols.symbol import Symbol, parse_limits

ALONE = {name: Rules(order=(name,)) for name in FILTER_ORDER}
PLACED_AS_ORDERS = [name for name in FILTER_ORDER if not name.endswith("ORDER_LISTS")]
DUMP = "exchange_info/binance-spot-2024-09-08.json.gz"

Order = tuple[Symbol, dict[str, str], World]


def text(number: Decimal) -> str:
    return format(abs(number).quantize(Decimal(1).scaleb(-8)), "f")


class Chance:
    """Random orders near the edges of every filter, from one seed."""

    def __init__(self, symbols: list[Symbol], seed: int) -> None:
        self.symbols, self.random = symbols, random.Random(seed)
        self.richer = {symbol.name: symbol.changed(filters=self.rare(symbol)) for symbol in symbols}

    def rare(self, symbol: Symbol) -> list[dict[str, Any]]:
        """Filters that no symbol of the dump has."""
        bounds = symbol.filters.notional
        least = bounds.minimum if bounds else Decimal(1)
        return [
            {"filterType": "PERCENT_PRICE", "multiplierUp": "1.5", "multiplierDown": "0.75", "avgPriceMins": 0},
            {"filterType": "MIN_NOTIONAL", "minNotional": text(least * 2), "applyToMarket": False, "avgPriceMins": 0},
            {"filterType": "MAX_POSITION", "maxPosition": text(symbol.step * 1000)},
            {"filterType": "MAX_NUM_ICEBERG_ORDERS", "maxNumIcebergOrders": 5},
        ]

    def near(self, *edges: Decimal | None, grid: Decimal) -> str:
        """One of the edges, exactly or some grid steps or less beside it, now and then off the grid."""
        edge = self.random.choice([edge for edge in edges if edge is not None])
        offset = self.random.choice([-2, -1, 0, 0, 0, 1, 2]) * grid
        number = edge + offset
        if self.random.random() < 0.85 and grid:
            number = number // grid * grid
        elif self.random.random() < 0.5:
            number += Decimal(1).scaleb(-8)
        return text(number)

    def market(self, symbol: Symbol) -> Decimal:
        """Prices where notionals near their bounds meet quantities within theirs."""
        steps = symbol.filters.price_filter
        assert steps is not None
        return steps.step * int(10 ** self.random.uniform(1.5, 6))

    def price(self, symbol: Symbol, market: Decimal) -> str:
        band, steps = symbol.filters.percent_price_by_side, symbol.filters.price_filter
        assert band is not None
        assert steps is not None
        edges = [market, market, market, market * band.bid_up, market * band.bid_down, market * band.ask_down]
        return self.near(*edges, steps.minimum, steps.maximum, market * Decimal("1.5"), grid=steps.step)

    def quantity(self, symbol: Symbol, price: Decimal) -> str:
        lot, market, bounds = symbol.filters.lot_size, symbol.filters.market_lot_size, symbol.filters.notional
        assert lot is not None
        assert market is not None
        assert bounds is not None
        worth = bounds.minimum / price if price else lot.minimum
        edges = [worth, worth * 2, worth * 10, lot.minimum, lot.maximum, market.maximum, lot.step * 1000]
        return self.near(*edges, (bounds.maximum or Decimal(1)) / (price or 1), grid=lot.step)

    def parameters(self, symbol: Symbol, market: Decimal) -> dict[str, str]:
        name = self.random.choice(list(TYPE_RULES))
        rule = TYPE_RULES[name]
        price = self.price(symbol, market)
        at = Decimal(price) if "price" in rule.mandatory else market
        values = {"price": price, "stopPrice": self.price(symbol, market), "timeInForce": "GTC"}
        values["quantity"] = self.quantity(symbol, at)
        values["quoteOrderQty"] = text(market * Decimal(values["quantity"]))
        values["trailingDelta"] = str(self.random.choice([9, 10, 500, 2000, 2001]))
        parts = self.random.choice([3, 9, 10, 11])
        values["icebergQty"] = self.near(Decimal(values["quantity"]) / parts, grid=symbol.step)
        chosen = [*rule.mandatory]
        if rule.either:
            chosen += [self.random.choice(rule.either)]
        chosen += [key for key in rule.optional if self.random.random() < 0.3]
        side = self.random.choice(["BUY", "SELL"])
        return {"symbol": symbol.name, "side": side, "type": name} | {key: values[key] for key in chosen}

    def world(self, symbol: Symbol, market: Decimal) -> World:
        kinds = ("orders", "algo", "iceberg", "lists")
        full = {"orders": 200, "algo": 5, "iceberg": 5, "lists": 20}
        counts = {
            f"{scope}{kind}": full[kind] - self.random.choice([0, 1, 1, 2, 5])
            for kind in kinds
            for scope in ("", "account ")
        }
        prices = [None if self.random.random() < 0.1 else text(market * one) for one in (Decimal(1), Decimal("1.01"))]
        reference = None if self.random.random() < 0.5 else text(market * Decimal("0.99"))
        held, buys = (text(symbol.step * self.random.choice([0, 400, 499, 500])) for _ in range(2))
        filters: list[dict[str, Any]] = [
            {"filterType": "EXCHANGE_MAX_NUM_ORDERS", "maxNumOrders": 200},
            {"filterType": "EXCHANGE_MAX_NUM_ALGO_ORDERS", "maxNumAlgoOrders": 5},
            {"filterType": "EXCHANGE_MAX_NUM_ICEBERG_ORDERS", "maxNumIcebergOrders": 5},
            {"filterType": "MAX_ASSET", "asset": symbol.base, "limit": text(symbol.step * 1000)},
        ]
        if self.random.random() < 0.5:
            filters[-1] = {"filterType": "MAX_ASSET", "asset": symbol.quote, "limit": "100.00000000"}
        with_limits = self.random.random() < 0.3
        return World(prices[0], prices[1], reference, counts, held, buys, filters if with_limits else [])

    def orders(self, count: int) -> Iterator[Order]:
        for number in range(count):
            symbol = self.symbols[number % len(self.symbols)]
            market = self.market(symbol)
            richer = self.random.random() < 0.3
            entry = self.richer[symbol.name] if richer else symbol
            yield entry, self.parameters(symbol, market), self.world(symbol, market)


def view_of(world: World) -> View:
    price = [None if one is None else Decimal(one) for one in (world.average, world.last, world.reference)]
    own = [world.counts[kind] for kind in ("orders", "algo", "iceberg", "lists")]
    account = [world.counts[f"account {kind}"] for kind in ("orders", "algo", "iceberg", "lists")]
    holdings = Decimal(world.base_total), Decimal(world.open_buys)
    return View(*price, *own, *account, *holdings, parse_limits(world.filters))


def compare(symbols: list[Symbol], count: int, seed: int) -> Counter[tuple[str, bool]]:
    """How often each filter of an order passed and failed, after both sides agreed on every one of them."""
    seen: Counter[tuple[str, bool]] = Counter()
    for symbol, sent, world in Chance(symbols, seed).orders(count):
        request, view = parse_order(sent, lambda: 1), view_of(world)
        expected = failing(symbol.document, sent, world)
        found = {name for name, rules in ALONE.items() if failure(symbol, (request,), view, rules)}
        assert found == expected, (symbol.document, sent, world)
        first = next((name for name in FILTER_ORDER if name in expected), None)
        assert failure(symbol, (request,), view) == first
        present = {rule["filterType"] for rule in (*symbol.document["filters"], *world.filters)}
        seen.update([("any", bool(expected)), *((name, name in expected) for name in present)])
    return seen


@pytest.fixture(scope="module")
def real_symbols(shared_data: Path) -> list[Symbol]:
    return list(load_exchange_info(shared_data / DUMP).symbols.values())


def test_thousands_of_random_orders_get_the_same_verdict_twice(real_symbols: list[Symbol]) -> None:
    seen = compare(real_symbols, 3_000, seed=1)
    assert all(seen[name, failed] > 5 for name in ("any", *PLACED_AS_ORDERS) for failed in (True, False))


@pytest.mark.long
def test_two_hundred_thousand_random_orders_get_the_same_verdict_twice(real_symbols: list[Symbol]) -> None:
    seen = compare(real_symbols, 200_000, seed=2)
    assert all(seen[name, failed] >= 1_000 for name in ("any", *PLACED_AS_ORDERS) for failed in (True, False))


def test_the_random_orders_have_no_more_decimals_than_a_symbol_allows(real_symbols: list[Symbol]) -> None:
    eight = [symbol for symbol in real_symbols if symbol.base_precision == symbol.quote_precision == 8]
    for symbol, sent, _ in Chance(eight, 3).orders(500):
        check_precision(symbol, parse_order(sent, lambda: 1))
