"""A made-up life of an exchange: what customers and their operator do, from whole numbers, the same each time."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable
from decimal import Decimal
from random import Random
from typing import Any

from thunes.market.synthetic import generate
from thunes.simulator.api.user_data import encode
from thunes.simulator.engine.desk import Which
from thunes.simulator.engine.orders import ListRequest
from thunes.simulator.exchange import Customer, Exchange, Terms
from thunes.simulator.feed.reference import PriceRange
from thunes.simulator.feed.tape import Tape
from thunes.simulator.request import OrderRequest, Refused, Side
from thunes.simulator.state.lasting import LastingExchange
from thunes.simulator.symbols.exchange_info import built_in
from thunes.simulator.symbols.symbol import AccountLimits

D = Decimal
INFO = built_in()
TAPES = [
    Tape(generate(name, interval, bars, seed=seed), INFO[name].tick, INFO[name].step)
    for name, interval, bars, seed in (("BTCUSDT", "1m", 600, 7), ("ETHUSDT", "5m", 120, 8))
]
SYMBOLS = ("BTCUSDT", "ETHUSDT")
DEEDS = (
    *("limit", "limit", "market", "market", "stop", "pair", "cancel", "cancel_all", "cancel_list", "amend", "replace"),
    *("deposit", "advance", "advance", "advance", "advance", "look", "status", "filters", "range", "delist", "reset"),
    "open",
)
RARE = {"delist", "reset", "status", "filters", "cancel_all"}
Deed = tuple[str, int]


def exchange(kind: type[Exchange] = Exchange, seed: int = 5, **options: Any) -> Any:
    return kind(TAPES, INFO, terms=Terms(seed=seed), start_ms=TAPES[0].start_ms + 3_600_000, **options)


def lasting(**options: Any) -> LastingExchange:
    made: LastingExchange = exchange(LastingExchange, **options)
    return made


def deeds(seed: int, count: int) -> list[Deed]:
    """Many of them, the rare ones rarely."""
    random = Random(seed)
    wishes = [name for name in DEEDS for _ in range(1 if name in RARE else 8)]
    return [("open", 0), ("open", 1), *((random.choice(wishes), random.getrandbits(32)) for _ in range(count))]


class Log:
    """What an exchange tells, as bytes."""

    def __init__(self, heard: Exchange) -> None:
        self.lines: list[bytes] = []
        heard.listeners.append(lambda event: self.lines.append(encode(event)))


def live(place: Exchange, done: Iterable[Deed]) -> None:
    """Do all of it; refusals are part of life."""
    for name, number in done:
        with contextlib.suppress(Refused, IndexError):
            DO[name](place, Random(number))


def _who(random: Random) -> str:
    return random.choice(["ann", "bob"])


def _on(number: Decimal, grid: Decimal) -> Decimal:
    return number // grid * grid


def _request(
    place: Exchange, random: Random, symbol: str, type: str, side: str, near: float, **more: Any
) -> OrderRequest:
    last = place.last_price(symbol) or D(1)
    price = _on(last * D(str(near)), INFO[symbol].tick)
    size = _on(D(random.randint(10, 300)) / last, INFO[symbol].step)
    prices = {"stop_price": price} if type.startswith(("STOP", "TAKE")) else {"price": price}
    fields: dict[str, Any] = {"quantity": size, **({} if type == "MARKET" else prices), **more}
    if type == "LIMIT":
        fields.setdefault("time_in_force", random.choice(["GTC", "GTC", "GTC", "IOC", "FOK"]))
    chosen: Side = "BUY" if side == "BUY" else "SELL"
    return OrderRequest(symbol, chosen, type, f"id-{random.getrandbits(24)}", **fields)


def _any_request(place: Exchange, random: Random, type: str) -> OrderRequest:
    near = 1 + random.uniform(-0.003, 0.003)
    return _request(place, random, random.choice(SYMBOLS), type, random.choice(["BUY", "SELL"]), near)


def _place(place: Exchange, random: Random, type: str) -> None:
    request = _any_request(place, random, type)
    place.engine.place(_who(random), request, place.turn(request.symbol))


def _pair(place: Exchange, random: Random) -> None:
    symbol = random.choice(SYMBOLS)
    gain = _request(place, random, symbol, "LIMIT_MAKER", "SELL", 1.002)
    loss = _request(place, random, symbol, "STOP_LOSS", "SELL", 0.998, quantity=gain.quantity)
    working = _request(place, random, symbol, "LIMIT", "BUY", 0.999) if random.random() < 0.5 else None
    wish = ListRequest(symbol, f"list-{random.getrandbits(24)}", working, (gain, loss))
    place.engine.place_list(_who(random), wish, place.turn(symbol))


def _open_order(place: Exchange, random: Random, account: str) -> tuple[str, Which]:
    order = random.choice(place.engine.open_orders(account))
    named = random.random() < 0.5
    return order.request.symbol, Which(client_order_id=order.client_order_id) if named else Which(order.id)


def _cancel(place: Exchange, random: Random) -> None:
    account = _who(random)
    symbol, which = _open_order(place, random, account)
    restriction = "ONLY_NEW" if random.random() < 0.3 else None
    place.engine.cancel(account, symbol, which, place.now_ms, restriction=restriction)  # type: ignore[arg-type]


def _cancel_list(place: Exchange, random: Random) -> None:
    account = _who(random)
    group = random.choice(place.engine.lists(account))
    place.engine.cancel_list(account, group.symbol, place.now_ms, list_id=group.id)


def _amend(place: Exchange, random: Random) -> None:
    account = _who(random)
    order = random.choice(place.engine.open_orders(account))
    symbol = order.request.symbol
    quantity = _on(order.quantity * D("0.7"), INFO[symbol].step)
    place.engine.amend(account, symbol, Which(order.id), quantity, place.turn(symbol))


def _replace(place: Exchange, random: Random) -> None:
    account = _who(random)
    symbol, which = _open_order(place, random, account)
    request = _request(place, random, symbol, "LIMIT", "BUY", 0.999)
    which = random.choice([which, which, Which(10**9)])
    place.engine.cancel_replace(account, request, which, place.turn(symbol), mode="ALLOW_FAILURE")


def _change_filters(place: Exchange, random: Random) -> None:
    place.change_symbol(
        random.choice(SYMBOLS), filters=[{"filterType": "MAX_NUM_ORDERS", "maxNumOrders": random.choice([3, 200])}]
    )


def _open(place: Exchange, random: Random) -> None:
    name = "bob" if "ann" in place.customers else "ann"
    limits = AccountLimits(exchange_max_num_orders=6, max_asset={"USDT": D(250)}) if name == "bob" else None
    money = {"USDT": D(5_000), "BTC": D("0.2"), "ETH": D(2), "BNB": D("0.01")}
    place.open_account(Customer(name, money, D("0.0005"), pays_in_bnb=name == "ann", limits=limits))


def _set_range(place: Exchange, random: Random) -> None:
    rule = random.choice([None, PriceRange(bid_up=D("1.0001"), ask_down=D("0.9999"))])
    place.set_price_range(random.choice(SYMBOLS), rule)


DO: dict[str, Any] = {
    "limit": lambda place, random: _place(place, random, "LIMIT"),
    "market": lambda place, random: _place(place, random, "MARKET"),
    "stop": lambda place, random: _place(place, random, random.choice(["STOP_LOSS", "TAKE_PROFIT"])),
    "pair": _pair,
    "cancel": _cancel,
    "cancel_all": lambda place, random: place.engine.cancel_all(_who(random), random.choice(SYMBOLS), place.now_ms),
    "cancel_list": _cancel_list,
    "amend": _amend,
    "replace": _replace,
    "deposit": lambda place, random: place.engine.deposit(
        _who(random), "USDT", D(random.randint(-500, 500)), place.now_ms
    ),
    "advance": lambda place, random: place.advance_to(place.now_ms + random.choice([1, 900, 31_000, 400_000])),
    "look": lambda place, random: place.turn(random.choice(SYMBOLS)),
    "status": lambda place, random: place.change_symbol(
        random.choice(SYMBOLS), random.choice(["HALT", *["TRADING"] * 9])
    ),
    "filters": _change_filters,
    "range": _set_range,
    "delist": lambda place, random: place.delist(random.choice([SYMBOLS[1], *["NONE"] * 9])),
    "reset": lambda place, _: place.reset(),
    "open": _open,
}


def state(place: Exchange) -> Any:
    """All that a customer could ask: balances, orders open and done, trades, lists, ids, what is traded, the time."""
    engine = place.engine
    return (
        place.now_ms,
        engine.next_order_id,
        {name: (symbol.status, symbol.filters) for name, symbol in place.info.symbols.items()},
        place.price_ranges,
        {name: (customer, place.limits_of(name)) for name, customer in place.customers.items()},
        [(name, {asset: (held.free, held.locked) for asset, held in engine.account(name).balances.items()})
         for name in place.customers],
        [[(order.id, order.client_order_id, order.status, order.executed, order.locked, order.request)
          for order in engine.all_orders(name, symbol)] for name in place.customers for symbol in SYMBOLS],
        [engine.fills(name, symbol) for name in place.customers for symbol in SYMBOLS],
        [[(group.id, group.done) for group in engine.lists(name)] for name in place.customers],
        engine.conservation(),
    )  # fmt: skip
