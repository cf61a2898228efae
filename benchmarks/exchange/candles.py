"""Candles stepped through a book in which nobody waits, and a million events without growing."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from benchmarks.exchange import scene
from benchmarks.measure import Timing, fresh, timed
from benchmarks.rows import Goal, Row
from benchmarks.setting import Setting
from thunes.simulator.exchange import Exchange

STEPPED = "Local exchange: candles stepped through an idle book"
MEMORY = "Local exchange: memory over events of orders, trades and candles (long)"
MEGABYTE = 1e6
STEP = 20_000  # orders between two looks at the memory
SOAK = """
from benchmarks.exchange.candles import soak
found = {{"events": [], "rss": []}}
for events, rss in soak({events}):
    found["events"].append(events)
    found["rss"].append(rss)
"""


def stepped(setting: Setting) -> Iterator[Row]:
    """Candles a second: as a served exchange jumps over them, looking after each bar, and tick by tick."""
    bars, rounds = (1_000, 2) if setting.quick else (50_000, 5)
    played = scene.candles(scene.PAST + bars + 1)
    for case, play, share, goal, note in WAYS:
        amount = bars // share
        markets = iter([scene.local(played).parts.exchange for _ in range(rounds + 1)])
        timing = timed(lambda play=play, markets=markets, amount=amount: play(next(markets), amount), rounds)
        each = Timing(tuple(wall / amount for wall in timing.wall), tuple(cpu / amount for cpu in timing.cpu))
        yield Row(STEPPED, case, 1 / each.median, "candles/s", each, bars=amount, goal=goal, note=note)


def _served(exchange: Exchange, bars: int) -> None:
    exchange.advance_bars(bars)
    exchange.turn(scene.SYMBOL)


def _jump(exchange: Exchange, bars: int) -> None:
    exchange.watchers.clear()
    _served(exchange, bars)


def _look(exchange: Exchange, bars: int) -> None:
    for _ in range(bars):
        exchange.depths[scene.SYMBOL].ticker(exchange.advance_bars(1))


def _tick(exchange: Exchange, bars: int) -> None:
    engine, depth = exchange.engine, exchange.depths[scene.SYMBOL]
    for tick in exchange.playback.advance(exchange.playback.after_bars(bars)):
        engine.tick(tick.symbol, tick.time_ms, tick.price, tick.quantity, *depth.around(tick))


WAYS: tuple[tuple[str, Callable[[Exchange, int], object], int, Goal | None, str], ...] = (
    ("as a served exchange does it", _served, 1, Goal(50_000, least=True), "streams are served, nobody is subscribed"),
    ("  nothing served", _jump, 1, None, "one jump, whatever its length: ticks are made when asked for"),
    ("bar by bar, the best prices after each", _look, 25, None, "a call for each bar"),
    ("every tick given to the engine", _tick, 25, None, "ten a candle, each with its ladder: what waiting orders cost"),
)


def memory(setting: Setting) -> Iterator[Row]:
    """Resident memory from the moment on at which all that is remembered is full, to the millionth event."""
    events = 100_000 if setting.quick else 1_000_000
    found = fresh(SOAK.format(events=events))
    rss, half = found["rss"], len(found["rss"]) // 2
    first, middle, last = (rss[k] / MEGABYTE for k in (0, half, -1))
    note = f"{first:.0f} MB at first, {middle:.0f} at half, {last:.0f} at the end"
    case, facts = f"growth over the last half of {found['events'][-1]:,}", {"events": found["events"], "rss_bytes": rss}
    yield Row(MEMORY, case, last - middle, "MB", goal=Goal(5, least=False), note=note, facts=facts)


def soak(events: int) -> Iterator[tuple[int, int]]:
    """Orders through the whole API while time moves, until so many events: events and resident bytes now and then."""
    from pathlib import Path

    from thunes.simulator.api.messages import Request

    with scene.local() as exchange:
        seen, parts = [0], exchange.parts

        def count(_: object) -> None:
            seen[0] += 1

        parts.exchange.listeners.append(count)
        requests = [Request("POST", scene.ORDER, b"", scene.body(number), scene.KEY) for number in range(scene.BODIES)]
        while seen[0] < events:
            for number in range(STEP):
                if parts.dispatcher.answer(requests[number % len(requests)]).status != 200:
                    raise RuntimeError("an order was refused")
            exchange.advance(bars=10)
            pages = int(Path("/proc/self/statm").read_text().split()[1])
            yield seen[0], pages * 4_096
