"""The sum of fills and flows is the balance, to the last digit: random trading on the local exchange's engine."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.simulator.engine.venue import BNBUSDT, BTCUSDT, Plain
from tests.trading.ledger.making import D

from thunes.exchange.orders import Balance, Fill
from thunes.simulator.engine.engine import Engine, Which
from thunes.simulator.request import OrderRequest, Refused
from thunes.trading.ledger.ledger import Ledger
from thunes.trading.ledger.pnl import commission_value
from thunes.trading.ledger.values import Flow, Valuation

ME = "me"
SYMBOLS = (BTCUSDT, BNBUSDT)
symbols = st.sampled_from(SYMBOLS)
sides = st.sampled_from(["BUY", "SELL"])
sizes = st.integers(1, 30).map(lambda n: D(n) / 1000)
prices = st.integers(90_000, 110_000).map(lambda n: D(n) / 1000)


class World:
    """An account that trades, pays its commission in BNB while it lasts, and has money come and go."""

    def __init__(self, ledger: Ledger, in_bnb: bool, bnb: str, fee: Decimal) -> None:
        self.ledger, self.now, self.made = ledger, 0, 0
        self.engine = Engine(SYMBOLS)
        self.engine.open_account(ME, maker_rate=fee / 3, taker_rate=fee, pays_in_bnb=in_bnb)
        for asset, amount in (("USDT", D("1000.123456789")), ("BTC", D("0.5")), ("BNB", D(bnb))):
            self.engine.deposit(ME, asset, amount, 0)
        ledger.open_account(self.balances())
        for symbol in SYMBOLS:
            self.tick(symbol, D(100))

    def tick(self, symbol: Plain, price: Decimal) -> None:
        self.now += 1
        bids = [(price - D(step) / 7, D(step) / 100) for step in range(1, 4)]
        asks = [(price + D(step) / 7, D(step) / 100) for step in range(1, 4)]
        self.engine.tick(symbol.name, self.now, price, D(1), bids, asks)

    def market(self, symbol: Plain, side: Any, size: Decimal, by_quote: bool) -> None:
        amount = {"quote_quantity": size * 100} if by_quote else {"quantity": size}
        self.place(symbol, side, "MARKET", **amount)

    def limit(self, symbol: Plain, side: Any, size: Decimal, price: Decimal) -> None:
        self.place(symbol, side, "LIMIT", quantity=size, price=price, time_in_force="GTC")

    def place(self, symbol: Plain, side: Any, type: str, **more: Any) -> None:
        self.made += 1
        with suppress(Refused):
            self.engine.place(ME, OrderRequest(symbol.name, side, type, f"order-{self.made}", **more), self.now)

    def cancel(self, number: int) -> None:
        if orders := self.engine.open_orders(ME):
            order = orders[number % len(orders)]
            self.engine.cancel(ME, order.request.symbol, Which(order.id), self.now)

    def transfer(self, asset: str, amount: Decimal) -> None:
        with suppress(Refused):
            self.engine.deposit(ME, asset, amount, self.now)
            self.made += 1
            kind: Any = "deposit" if amount > 0 else "withdrawal"
            self.ledger.record_flow(Flow(f"flow-{self.made}", kind, asset, amount, self.now))

    def fills(self, symbol: Plain) -> list[Fill]:
        names = Fill.__dataclass_fields__
        return [Fill(**{name: getattr(fill, name) for name in names}) for fill in self.engine.fills(ME, symbol.name)]

    def balances(self) -> dict[str, Balance]:
        account = self.engine.account(ME)
        return {asset: Balance(asset, account.free(asset), account.locked(asset)) for asset in account.balances}


def steps(world: World, data: st.DataObject, count: int) -> None:
    for _ in range(count):
        match data.draw(st.sampled_from(["market", "market", "limit", "tick", "cancel", "transfer"])):
            case "market":
                world.market(data.draw(symbols), data.draw(sides), data.draw(sizes), data.draw(st.booleans()))
            case "limit":
                world.limit(data.draw(symbols), data.draw(sides), data.draw(sizes), data.draw(prices))
            case "tick":
                world.tick(data.draw(symbols), data.draw(prices))
            case "cancel":
                world.cancel(data.draw(st.integers(0, 9)))
            case "transfer":
                world.transfer(data.draw(st.sampled_from(["USDT", "BTC", "BNB"])), data.draw(sizes) * 3 - D("0.04"))


def valuation(symbol: Plain) -> Valuation:
    return Valuation(symbol.base, symbol.quote, {"BNB": D(100)}, D("0.0001"))


def book_and_compare(world: World, data: st.DataObject) -> None:
    for symbol in SYMBOLS:
        world.ledger.book(data.draw(st.permutations(world.fills(symbol))), valuation(symbol))
    assert world.ledger.reconcile(world.balances()) == []


def run(fresh: Callable[[], Ledger], data: st.DataObject, count: int) -> None:
    bnb = data.draw(st.sampled_from(["0", "0.00001", "0.001", "5"]))  # the first ones run out on the way
    fee = data.draw(st.sampled_from([D(0), D("0.001"), D("0.00123456789")]))
    world = World(fresh(), data.draw(st.booleans()), bnb, fee)
    for _ in range(2):
        steps(world, data, count)
        book_and_compare(world, data)
    for symbol in SYMBOLS:
        assert world.ledger.book(world.fills(symbol), valuation(symbol)) == []
    assert all(one.difference == 0 for one in world.engine.conservation().values())


@settings(max_examples=15)
@given(st.data())
def test_fills_and_flows_are_the_balances(fresh: Callable[[], Ledger], data: st.DataObject) -> None:
    run(fresh, data, 12)


@pytest.mark.long
@settings(max_examples=1_000)
@given(st.data())
def test_fills_and_flows_are_the_balances_for_long(fresh: Callable[[], Ledger], data: st.DataObject) -> None:
    run(fresh, data, 40)


@pytest.mark.covers("fault 47")
def test_the_commission_changes_its_asset_when_bnb_runs_out(fresh: Callable[[], Ledger]) -> None:
    """Facts, row 47."""
    world = World(fresh(), in_bnb=True, bnb="0.00002", fee=D("0.001"))
    for _ in range(3):
        world.market(BTCUSDT, "BUY", D("0.01"), by_quote=False)
        world.tick(BTCUSDT, D(100))
    fills = world.fills(BTCUSDT)
    assert [fill.commission_asset for fill in fills] == ["BNB", "BNB", "BTC"]
    world.ledger.book(fills, valuation(BTCUSDT))
    assert world.ledger.reconcile(world.balances()) == []
    position = world.ledger.position("BTCUSDT")
    assert position is not None
    assert position.quantity == D("0.03") - fills[2].commission
    assert position.fees == sum(commission_value(fill, valuation(BTCUSDT)) or D(0) for fill in fills)


def test_a_fill_that_was_missed_is_a_difference(fresh: Callable[[], Ledger]) -> None:
    world = World(fresh(), in_bnb=False, bnb="0", fee=D("0.001"))
    world.market(BTCUSDT, "BUY", D("0.01"), by_quote=False)
    (missed,) = world.fills(BTCUSDT)
    found = {one.asset: one.amount for one in world.ledger.reconcile(world.balances())}
    assert found == {"BTC": missed.quantity - missed.commission, "USDT": -missed.quote}
