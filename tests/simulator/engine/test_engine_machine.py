"""Whatever customers and the market do in whatever order, the exchange's books stay right."""

from __future__ import annotations

from collections import defaultdict
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test
from tests.simulator.engine.venue import BNBUSDT, BTCUSDT

from thunes.simulator.engine.engine import Engine, Which
from thunes.simulator.engine.events import AccountPosition, Event, ExecutionReport
from thunes.simulator.engine.orders import ListRequest, Order
from thunes.simulator.engine.rules import Rules
from thunes.simulator.request import OrderRequest, Refused

D = Decimal
# What the exchange's documentation allows to follow each status, written apart from the engine's own table.
OPEN = {"NEW", "PARTIALLY_FILLED"}
ENDS = {"FILLED", "CANCELED", "EXPIRED", "EXPIRED_IN_MATCH"}
LEGAL = {
    None: {"NEW", "PENDING_NEW", "REJECTED"},
    "PENDING_NEW": {"PENDING_NEW", "NEW", "CANCELED", "EXPIRED"},
    "NEW": OPEN | ENDS,
    "PARTIALLY_FILLED": {"PARTIALLY_FILLED"} | ENDS,
}

accounts = st.sampled_from(["ann", "bob"])
sides = st.sampled_from(["BUY", "SELL"])
prices = st.integers(180, 220).map(lambda n: D(n) / 2)
quantities = st.integers(1, 40).map(lambda n: D(n) / 10)
modes = st.sampled_from([None, "NONE", "EXPIRE_TAKER", "EXPIRE_MAKER", "EXPIRE_BOTH", "DECREMENT"])
stops = st.sampled_from(["STOP_LOSS", "STOP_LOSS_LIMIT", "TAKE_PROFIT", "TAKE_PROFIT_LIMIT"])
ladders = st.lists(st.tuples(st.integers(1, 10), quantities), max_size=3, unique_by=lambda level: level[0])


class Customers(RuleBasedStateMachine):
    """Two customers, one of whom pays commission in BNB, and a market."""

    steps = 0  # of all runs

    def __init__(self) -> None:
        super().__init__()
        self.events: list[Event] = []
        self.read = self.now = self.made = 0
        self.state: dict[int, tuple[str | None, Decimal]] = defaultdict(lambda: (None, D(0)))
        self.commissions: dict[str, Decimal] = defaultdict(Decimal)

    @initialize(at=st.sampled_from(["at", "through"]))
    def open(self, at: Any) -> None:
        self.engine = Engine((BTCUSDT, BNBUSDT), publish=self.events.append, rules=Rules(fill_at=at))
        self.engine.open_account("ann", maker_rate=D("0.001"), taker_rate=D("0.002"))
        self.engine.open_account("bob", pays_in_bnb=True)
        for account, asset, amount in (
            ("ann", "USDT", 900), ("ann", "BTC", 9), ("bob", "USDT", 900), ("bob", "BTC", 9), ("bob", "BNB", "0.002"),
        ):  # fmt: skip
            self.engine.deposit(account, asset, D(amount), 0)
        self.engine.tick("BNBUSDT", 0, D(500), D(1))

    def request(self, side: Any, type: str, **more: Any) -> OrderRequest:
        self.made += 1
        return OrderRequest("BTCUSDT", side, type, f"order-{self.made}", **more)

    def ask(self, call: Any) -> None:
        """Call; a refusal must have told nobody anything."""
        before = len(self.events)
        self.now += 1
        try:
            call()
        except Refused:
            assert len(self.events) == before

    def place(self, account: str, request: OrderRequest) -> None:
        self.ask(lambda: self.engine.place(account, request, self.now))

    def pick(self, account: str, number: int) -> Order | None:
        orders = self.engine.open_orders(account)
        return orders[number % len(orders)] if orders else None

    @rule(price=prices, quantity=quantities, bids=ladders, asks=ladders)
    def trade(self, price: Decimal, quantity: Decimal, bids: Any, asks: Any) -> None:
        self.now += 1
        below = [(price - D(distance) / 2, size) for distance, size in sorted(bids)]
        above = [(price + D(distance) / 2, size) for distance, size in sorted(asks)]
        self.engine.tick("BTCUSDT", self.now, price, quantity, below, above)

    @rule(
        account=accounts, side=sides, price=prices, quantity=quantities, mode=modes,
        life=st.sampled_from(["GTC", "GTC", "GTC", "IOC", "FOK", None]),
    )  # fmt: skip
    def limit(self, account: str, side: str, price: Decimal, quantity: Decimal, mode: Any, life: Any) -> None:
        kind = "LIMIT" if life else "LIMIT_MAKER"
        more = {"price": price, "quantity": quantity, "time_in_force": life, "self_trade_prevention": mode}
        self.place(account, self.request(side, kind, **more))

    @rule(account=accounts, side=sides, quantity=quantities, mode=modes, by_quote=st.booleans())
    def market(self, account: str, side: str, quantity: Decimal, mode: Any, by_quote: bool) -> None:
        size = {"quote_quantity": quantity * 100} if by_quote else {"quantity": quantity}
        self.place(account, self.request(side, "MARKET", self_trade_prevention=mode, **size))

    @rule(
        account=accounts, side=sides, kind=stops, stop=st.none() | prices, price=prices, quantity=quantities,
        delta=st.none() | st.integers(10, 300), mode=modes,
    )  # fmt: skip
    def stop(
        self, account: str, side: str, kind: str, stop: Any, price: Decimal, quantity: Decimal, delta: Any, mode: Any
    ) -> None:
        if stop is None and delta is None:
            return
        more: dict[str, Any] = {"price": price, "time_in_force": "GTC"} if kind.endswith("LIMIT") else {}
        more |= {"stop_price": stop, "trailing_delta": delta, "self_trade_prevention": mode, "quantity": quantity}
        self.place(account, self.request(side, kind, **more))

    @rule(
        account=accounts,
        side=sides,
        price=prices,
        width=st.integers(1, 12),
        quantity=quantities,
        kind=st.integers(0, 2),
    )
    def linked(self, account: str, side: str, price: Decimal, width: int, quantity: Decimal, kind: int) -> None:
        """A pair around a price, alone or behind an order of the other side; or one order behind another."""
        away = D(width) / 2 * (1 if side == "SELL" else -1)
        gain = self.request(side, "LIMIT_MAKER", quantity=quantity, price=price + away)
        loss = self.request(side, "STOP_LOSS", quantity=quantity, stop_price=price - away)
        entry = "BUY" if side == "SELL" else "SELL"
        working = self.request(entry, "LIMIT", quantity=quantity, price=price, time_in_force="GTC") if kind else None
        followers = (gain,) if kind == 2 else (gain, loss)
        request = ListRequest("BTCUSDT", f"list-{self.made}", working, followers)
        self.ask(lambda: self.engine.place_list(account, request, self.now))

    @rule(account=accounts, number=st.integers(0, 50))
    def cancel(self, account: str, number: int) -> None:
        order = self.pick(account, number)
        if order is not None:
            self.ask(lambda: self.engine.cancel(account, "BTCUSDT", Which(order.id), self.now))

    @rule(account=accounts)
    def cancel_all(self, account: str) -> None:
        self.ask(lambda: self.engine.cancel_all(account, "BTCUSDT", self.now))

    @rule(account=accounts, number=st.integers(0, 50), tenths=st.integers(1, 9))
    def amend(self, account: str, number: int, tenths: int) -> None:
        order = self.pick(account, number)
        if order is not None:
            quantity = order.quantity * tenths / 10
            self.ask(lambda: self.engine.amend(account, "BTCUSDT", Which(order.id), quantity, self.now))

    @rule(
        account=accounts, number=st.integers(0, 50), side=sides, price=prices, quantity=quantities,
        mode=st.sampled_from(["STOP_ON_FAILURE", "ALLOW_FAILURE"]),
    )  # fmt: skip
    def replace(self, account: str, number: int, side: str, price: Decimal, quantity: Decimal, mode: Any) -> None:
        order = self.pick(account, number)
        request = self.request(side, "LIMIT", quantity=quantity, price=price, time_in_force="GTC")
        which = Which(order.id if order else 0)
        self.ask(lambda: self.engine.cancel_replace(account, request, which, self.now, mode=mode))

    @rule(account=accounts, asset=st.sampled_from(["USDT", "BTC", "BNB"]), amount=st.integers(-200, 200))
    def transfer(self, account: str, asset: str, amount: int) -> None:
        self.ask(lambda: self.engine.deposit(account, asset, D(amount) / 10, self.now))

    @invariant()
    def nothing_is_lost_or_made(self) -> None:
        Customers.steps += 1
        for book in self.engine.conservation().values():
            assert book.difference == 0

    @invariant()
    def no_balance_is_negative(self) -> None:
        for name in ("ann", "bob", "market"):
            for balance in self.engine.account(name).balances.values():
                assert balance.free >= 0
                assert balance.locked >= 0

    @invariant()
    def locked_is_what_open_orders_need(self) -> None:
        for name in ("ann", "bob"):
            need = {"USDT": D(0), "BTC": D(0)}
            for orders in linked_orders(self.engine.open_orders(name)):
                asset = "USDT" if orders[0].request.side == "BUY" else "BTC"
                need[asset] += max(map(need_of, orders))
            for asset, amount in need.items():
                assert self.engine.account(name).locked(asset) == amount

    @invariant()
    def orders_go_their_legal_way(self) -> None:
        for event in self.events[self.read :]:
            if isinstance(event, ExecutionReport):
                status, executed = self.state[event.order_id]
                assert event.status in LEGAL[status], f"{status} → {event.status}"
                assert event.executed == executed + event.last_quantity
                assert event.executed + event.prevented <= event.quantity
                assert event.last_quantity >= 0
                self.state[event.order_id] = (event.status, event.executed)
                self.commissions[event.commission_asset or ""] += event.commission
        self.read = len(self.events)
        for asset, book in self.engine.conservation().items():
            assert book.fees == self.commissions[asset]

    @invariant()
    def positions_told_are_the_balances(self) -> None:
        told: dict[tuple[str, str], tuple[Decimal, Decimal]] = {}
        for event in self.events:
            if isinstance(event, AccountPosition):
                told |= {(event.account, asset): (free, locked) for asset, free, locked in event.balances}
        for (name, asset), amounts in told.items():
            account = self.engine.account(name)
            assert (account.free(asset), account.locked(asset)) == amounts

    @invariant()
    def customers_never_cross(self) -> None:
        resting = [
            order for name in ("ann", "bob") for order in self.engine.open_orders(name)
            if order.working_ms is not None and order.request.price is not None
        ]  # fmt: skip
        buys = [order.request.price for order in resting if order.request.side == "BUY"]
        sells = [order.request.price for order in resting if order.request.side == "SELL"]
        assert not buys or not sells or max(buys) < min(sells)  # type: ignore[type-var]

    @invariant()
    def tallies_count_the_open_orders(self) -> None:
        for name in ("ann", "bob"):
            orders, tally = self.engine.open_orders(name), self.engine.standing(name, "BTCUSDT").on_symbol
            assert (tally.orders, tally.stops) == (
                len(orders), sum("STOP" in order.request.type or "PROFIT" in order.request.type for order in orders),
            )  # fmt: skip
            assert tally.lists == len({order.group.id for order in orders if order.group})


def need_of(order: Order) -> Decimal:
    if order.status == "PENDING_NEW":
        return D(0)
    if order.request.side == "SELL":
        return order.remaining
    return order.remaining * (order.request.price or order.request.stop_price or order.worth)


def linked_orders(orders: list[Order]) -> list[list[Order]]:
    """Open orders, those of one pair together."""
    groups: dict[tuple[str, int], list[Order]] = defaultdict(list)
    for order in orders:
        pair = order.group is not None and order is not order.group.working
        groups[("pair", order.list_id) if pair else ("alone", order.id)].append(order)
    return list(groups.values())


def test_the_books_stay_right() -> None:
    before = Customers.steps
    chosen = settings(max_examples=260, stateful_step_count=100, deadline=None, phases=[Phase.explicit, Phase.generate])
    run_state_machine_as_test(Customers, settings=chosen)
    assert Customers.steps - before >= 20_000


@pytest.mark.long
def test_the_books_stay_right_for_a_million_steps() -> None:
    before, steps = Customers.steps, 0
    while steps < 1_000_000:
        run_state_machine_as_test(
            Customers,
            settings=settings(max_examples=500, stateful_step_count=200, deadline=None, phases=[Phase.generate]),
        )
        steps = Customers.steps - before
