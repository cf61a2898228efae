"""The engine called directly, with every filter: a mix of what clients do, no parsing, no documents."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from decimal import Decimal
from itertools import count

from benchmarks.exchange import scene
from benchmarks.measure import Timing, timed
from benchmarks.rows import Goal, Row
from benchmarks.setting import Setting
from thunes.simulator.engine.desk import Which
from thunes.simulator.exchange import Exchange
from thunes.simulator.request import OrderRequest, Refused, Side

DIRECT = "Local exchange: the engine called directly, all filters"
MIX = "of ten: two rest, two are cancelled, four trade at the market, a filter refuses one, a double id another"
QUANTITY = Decimal(scene.QUANTITY)


def direct(setting: Setting) -> Iterator[Row]:
    """Calls a second over the mix; the goal is one for orders, of which cancels are the cheaper part."""
    calls, rounds = (1_000, 2) if setting.quick else (20_000, 9)
    step = mix(scene.local().parts.exchange)
    timing = timed(lambda: [step() for _ in range(calls)], rounds)
    each = Timing(tuple(wall / calls for wall in timing.wall), tuple(cpu / calls for cpu in timing.cpu))
    note = f"{MIX}; {1 / min(each.cpu):,.0f} calls in a second of processor"
    yield Row(DIRECT, "a mix of orders", 1 / each.median, "calls/s", each, goal=Goal(12_000, least=True), note=note)


def mix(exchange: Exchange) -> Callable[[], None]:
    """The next call of the mix, as often as it is called."""
    price = exchange.last_price(scene.SYMBOL)
    assert price is not None
    low = (price * Decimal("0.9")).quantize(Decimal("0.01"))
    numbers, engine = count(), exchange.engine

    def place(number: int, side: Side, limit: Decimal | None = None, name: int | None = None) -> None:
        request = OrderRequest(
            scene.SYMBOL,
            side,
            "LIMIT" if limit else "MARKET",
            f"mix-{number if name is None else name}",
            time_in_force="GTC" if limit else None,
            quantity=QUANTITY,
            price=limit,
        )
        engine.place(scene.KEY, request, exchange.turn(scene.SYMBOL))

    def step() -> None:
        number = next(numbers)
        match number % 10:
            case 0 | 5:
                place(number, "BUY", low)
            case 2 | 7:
                which = Which(client_order_id=f"mix-{number - 2}")
                engine.cancel(scene.KEY, scene.SYMBOL, which, exchange.turn(scene.SYMBOL))
            case 4:
                with suppress(Refused):
                    place(number, "BUY", low + Decimal("0.001"))
            case 6:
                with suppress(Refused):
                    place(number, "BUY", low, name=number - 1)
            case 1 | 9:
                place(number, "BUY")
            case _:
                place(number, "SELL")

    return step
