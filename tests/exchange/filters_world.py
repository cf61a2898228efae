"""Random decisions near the edges of every rule, prepared by our filters and sent into the local exchange's engine."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterable
from decimal import Decimal
from typing import Any, cast

from thunes.exchange.filters.conditions import Holdings, Prices
from thunes.exchange.filters.prepare import ExchangeFilters, OcoTickets
from thunes.exchange.filters.rules import SymbolRules, parse_rules
from thunes.exchange.filters.verdict import Denied
from thunes.exchange.orders import OrderTicket, Side
from thunes.simulator.api.parameters import check_precision, parse_order
from thunes.simulator.engine.engine import Engine
from thunes.simulator.engine.gate import FilterGate
from thunes.simulator.engine.gate import Prices as Judged
from thunes.simulator.engine.orders import ListRequest
from thunes.simulator.request import Refused
from thunes.simulator.symbols.symbol import Symbol

D = Decimal
OWNER = "ann"
NAMES = {"quantity": "quantity", "quote_quantity": "quoteOrderQty", "price": "price", "stop_price": "stopPrice"}
Prepared = OrderTicket | OcoTickets | Denied


def sent(ticket: OrderTicket, kind: str = "") -> dict[str, str]:
    """An order's parameters as they go over the wire."""
    values = {name: format(getattr(ticket, field), "f") for field, name in NAMES.items() if getattr(ticket, field)}
    if ticket.time_in_force and kind != "LIMIT_MAKER":
        values["timeInForce"] = ticket.time_in_force
    identity = {"symbol": ticket.symbol, "side": ticket.side, "type": kind or ticket.type}
    return identity | values | ({"newClientOrderId": ticket.client_order_id} if ticket.client_order_id else {})


def rare(symbol: Symbol) -> list[dict[str, Any]]:
    """Filters that no symbol of the dump has."""
    bounds = symbol.filters.notional
    least = bounds.minimum if bounds else D(1)
    return [
        {"filterType": "PERCENT_PRICE", "multiplierUp": "1.5", "multiplierDown": "0.75", "avgPriceMins": 5},
        {"filterType": "MIN_NOTIONAL", "minNotional": str(least * 2), "applyToMarket": True, "avgPriceMins": 0},
        {"filterType": "MAX_POSITION", "maxPosition": format(symbol.step * 10**7, "f")},
        {"filterType": "MAX_NUM_ORDERS", "maxNumOrders": 6},
        {"filterType": "MAX_NUM_ORDER_LISTS", "maxNumOrderLists": 2},
        {
            "filterType": "MARKET_LOT_SIZE",
            "minQty": format(symbol.step * 2, "f"),
            "maxQty": format(symbol.step * 10**6 + symbol.step / 3, ".20f"),
            "stepSize": format(symbol.step * 3, "f"),
        },
    ]


class World:
    """All symbols in one engine, their prices random walks on a book that is deep; one account, rich in everything."""

    def __init__(self, symbols: Iterable[Symbol], seed: int) -> None:
        self.random = random.Random(seed)
        self.symbols = [self._changed(symbol) for symbol in symbols]
        self.rules: dict[str, SymbolRules] = {one.name: parse_rules(one.document) for one in self.symbols}
        self.market = {one.name: one.tick * int(10 ** self.random.uniform(2.5, 6)) for one in self.symbols}
        self.judged = {name: Judged(price) for name, price in self.market.items()}
        self.engine = Engine(self.symbols, gate=FilterGate(lambda name: self.judged[name]))
        self.engine.open_account(OWNER)
        self.filters = ExchangeFilters(self.rules)
        self.time = 0
        self._bring_money()

    def _changed(self, symbol: Symbol) -> Symbol:
        chance = self.random.random()
        if chance < 0.02:
            return symbol.changed(status=self.random.choice(["HALT", "BREAK", "CANCEL_ONLY"]))
        return symbol.changed(filters=rare(symbol)) if chance < 0.3 else symbol

    def _bring_money(self) -> None:
        for symbol in self.symbols:
            self.engine.deposit(OWNER, symbol.base, symbol.step * int(10 ** self.random.uniform(0, 9)), 0)
        for asset in {symbol.quote for symbol in self.symbols}:
            self.engine.deposit(OWNER, asset, D(10) ** self.random.choice([2, 15, 15]), 0)

    # What is known when a decision is made

    def prices(self, symbol: Symbol) -> Prices:
        judged, market = self.judged[symbol.name], self.market[symbol.name]
        return Prices(
            average=judged.average,
            average_age=self.random.choice([0.0, 1.0, 10.0, 10.1]),
            reference=judged.reference,
            bid=market,
            ask=market + symbol.tick,
            last=market,
        )

    def holdings(self, symbol: Symbol) -> Holdings:
        account, orders = self.engine.account(OWNER), self.engine.open_orders(OWNER, symbol.name)
        return Holdings(
            base_free=account.free(symbol.base),
            quote_free=account.free(symbol.quote),
            base_locked=account.locked(symbol.base),
            open_buy_quantity=sum((one.remaining for one in orders if one.request.side == "BUY"), D(0)),
            open_orders=len(orders),
            open_algo_orders=sum(one.request.stop_price is not None for one in orders),
            open_order_lists=len({one.list_id for one in orders} - {-1}),
        )

    # Decisions

    def near(self, *edges: Decimal) -> Decimal:
        """Something at, beside or around one of the edges, with more decimals than anybody takes."""
        edge = self.random.choice(edges)
        return edge * D(
            self.random.choice([1, 1, 0.999999, 1.000001, 1.003, 1.02, 1.021, self.random.uniform(0.9, 1.1)])
        )

    def amount(self, symbol: Symbol, price: Decimal) -> Decimal:
        """A quantity of base."""
        lot, market, bounds = symbol.filters.lot_size, symbol.filters.market_lot_size, symbol.filters.notional
        assert lot is not None
        assert market is not None
        assert bounds is not None
        least = bounds.minimum / price
        usual = least * D(10 ** self.random.uniform(0, 4))
        return self.near(usual, usual, usual, least, least * 2, lot.minimum, lot.maximum, market.maximum)

    def limit(self, symbol: Symbol, side: Side) -> Decimal:
        band, market = symbol.filters.percent_price_by_side, self.market[symbol.name]
        assert band is not None
        up, down = (band.bid_up, band.bid_down) if side == "BUY" else (band.ask_up, band.ask_down)
        usual = market * D(self.random.uniform(0.85, 1.15))
        return self.near(usual, usual, usual, market * up, market * down, symbol.tick)

    def decide(self, symbol: Symbol) -> Prepared:
        """Something that a strategy may want, prepared."""
        side = cast("Side", self.random.choice(["BUY", "SELL"]))
        seen: dict[str, Any] = {"prices": self.prices(symbol), "holdings": self.holdings(symbol)}
        market, make = self.market[symbol.name], self.filters
        name, amount = symbol.name, self.amount(symbol, self.market[symbol.name])
        sweep = self.random.random() < 0.5
        match self.random.randrange(7):
            case 0 | 1:
                return make.prepare_market_order(name, side, amount * market, sweep_dust=sweep, **seen)
            case 2:
                return make.prepare_market_order(name, side, quantity=amount, sweep_dust=sweep, **seen)
            case 3:
                return make.prepare_limit_order(name, side, self.limit(symbol, side), amount, **seen)
            case 4:
                price = self.limit(symbol, side)
                return make.prepare_limit_order(name, side, price, quote_qty=amount * market, **seen)
            case 5:
                beyond = market * D(self.random.uniform(1, 1.3) if side == "BUY" else self.random.uniform(0.7, 1))
                return make.prepare_stop_order(name, side, beyond, self.near(beyond), amount, **seen)
            case _:
                above, below = market * D(self.random.uniform(1, 1.2)), market * D(self.random.uniform(0.8, 1))
                price, stop = (above, below) if side == "SELL" else (below, above)
                return make.prepare_oco(name, side, amount, price, stop, self.near(stop), **seen)

    # What happens until the exchange has it

    def drifted(self, price: Decimal) -> Decimal:
        return price * D(self.random.uniform(0.996, 1.004))

    def move(self, symbol: Symbol) -> None:
        """The market, and what the exchange judges by, move by up to 0.4 %."""
        name, reference = symbol.name, self.judged[symbol.name].reference
        self.time += 1
        self.market[name] = max(self.drifted(self.market[name]) // symbol.tick, D(200)) * symbol.tick
        self.judged[name] = Judged(self.drifted(self.market[name]), reference and self.drifted(reference))
        price, much = self.market[name], D(10) ** 14
        self.engine.tick(name, self.time, price, symbol.step, [(price, much)], [(price + symbol.tick, much)])

    def now_and_then(self, symbol: Symbol) -> None:
        """The exchange gives a reference price, or none any more; open orders are cancelled."""
        if self.random.random() < 0.2:
            reference = self.random.choice([None, None, self.market[symbol.name]])
            self.judged[symbol.name] = Judged(self.judged[symbol.name].average, reference)
        if self.random.random() < 0.1 and self.engine.open_orders(OWNER, symbol.name):
            self.engine.cancel_all(OWNER, symbol.name, self.time)

    def send(self, symbol: Symbol, prepared: OrderTicket | OcoTickets) -> None:
        """Through everything that the exchange checks; `Refused` tells what it said."""
        if isinstance(prepared, OrderTicket):
            self.engine.place(OWNER, self._read(symbol, sent(prepared)), self.time)
            return
        legs = sent(prepared.resting, "LIMIT_MAKER"), sent(prepared.stop)
        self.engine.place_list(OWNER, self._pair(symbol, legs), self.time)

    def _pair(self, symbol: Symbol, legs: Iterable[dict[str, str]]) -> ListRequest:
        return ListRequest(symbol.name, f"list-{self.time}", None, tuple(self._read(symbol, leg) for leg in legs))

    def _read(self, symbol: Symbol, parameters: dict[str, str]) -> Any:
        self.numbered = getattr(self, "numbered", 0) + 1
        request = parse_order(parameters, lambda: self.numbered)
        check_precision(symbol, request)
        return request


def agreement(symbols: Iterable[Symbol], count: int, seed: int) -> Counter[str]:
    """How many of so many decisions were sent, denied (by which rule), and refused (with which code)."""
    world, seen = World(symbols, seed), Counter[str]()
    for number in range(count):
        symbol = world.symbols[number % len(world.symbols)]
        world.move(symbol)
        world.now_and_then(symbol)
        prepared = world.decide(symbol)
        if isinstance(prepared, Denied):
            seen[f"denied {prepared.filter}"] += 1
            continue
        world.move(symbol)
        seen["sent"] += 1
        try:
            world.send(symbol, prepared)
        except Refused as refused:
            seen[f"refused {refused.code} {refused.message}"] += 1
    return seen
