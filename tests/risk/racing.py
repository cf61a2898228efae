"""Four processes of eight threads that all want the same thing; shared counters are the witness.

A witness counts those who hold room at one moment: up after `reserve` said yes, down before `release`. More of them
than there is room for means that one too many was let pass. Who holds room keeps it until others have asked, who has
passed the first question waits for a kill before the second: so each round is a race.
"""

from __future__ import annotations

import multiprocessing
import os
import threading
from collections.abc import Callable
from ctypes import c_int64
from dataclasses import dataclass, replace
from decimal import Decimal
from multiprocessing.sharedctypes import Synchronized
from pathlib import Path
from typing import Any

from tests.risk.desk import TINY, leaving

from thunes.clock import SystemClock
from thunes.risk.book import Position, Reservation
from thunes.risk.limits import RiskLimits
from thunes.risk.manager import RiskManager
from thunes.risk.request import Prices, RiskRequest
from thunes.risk.store import RiskStore
from thunes.risk.verdict import Denial

PROCESSES, THREADS = 4, 8
OTHERS = 3  # questions of others, while room is held or everything stopped
CONTEXT = multiprocessing.get_context("spawn")
Counter = Synchronized  # of an integer
WIDE = replace(
    TINY,
    positions=10**6,
    loss_per_trade=Decimal(10**9),
    gross_exposure=Decimal(10**9),
    daily_loss=Decimal(10**9),
    orders_per_bar=10**9,
    orders_per_day=10**9,
    price_age_ms=10**9,
)
SCARCE: dict[str, RiskLimits] = {
    "the last slot": replace(WIDE, positions=1),
    "the last cent of daily loss": replace(WIDE, daily_loss=Decimal("9.99")),  # 5 at stake fits once
    "the same symbol": WIDE,
    "the last of the exposure": replace(WIDE, gross_exposure=Decimal("49.99")),
    "a position that grows": WIDE,
}
ONE_SYMBOL = ("the same symbol", "a position that grows")
OWNER, OTHER = "race", "other"
EQUITY = Decimal(10**6)
KILL = "kill during submit"


@dataclass(frozen=True)
class Track:
    """What all racers share. `rounds`: how often somebody got the room."""

    folder: str
    what: str
    wanted: int
    rounds: Counter[int]
    holders: Counter[int]
    too_many: Counter[int]
    killed: Counter[int]
    asked: Counter[int]


def track(folder: Path, what: str, wanted: int) -> Track:
    counters: list[Any] = [CONTEXT.Value(c_int64, 0) for _ in range(5)]
    return Track(str(folder), what, wanted, *counters)


def add(counter: Counter[int], number: int) -> int:
    with counter.get_lock():
        counter.value += number
        return counter.value


def let_others(race: Track, until: Callable[[], bool]) -> None:
    """Let others run until it is so, or the race is decided."""
    while not until() and race.rounds.value < race.wanted and not race.too_many.value:
        os.sched_yield()


def let_them_ask(race: Track) -> None:
    enough = race.asked.value + OTHERS
    let_others(race, lambda: race.asked.value >= enough)


def manager(race: Track) -> RiskManager:
    limits = SCARCE.get(race.what, WIDE)
    return RiskManager(limits, RiskStore(Path(race.folder), wait=60.0), SystemClock(), [].append)


def wish(race: Track, name: str, number: int) -> RiskRequest:
    now = SystemClock().now_ms()
    symbol = "BTCUSDT" if race.what in ONE_SYMBOL else name.upper()
    strategy = OTHER if race.what == ONE_SYMBOL[1] and number % 4 == 0 else OWNER
    prices = Prices(Decimal(1), Decimal(1), now)
    return RiskRequest(f"{name}-{number}", symbol, "entry", Decimal(25), strategy, bar_ms=number, prices=prices)


def ask(race: Track, risk: RiskManager, name: str, number: int) -> Reservation | Denial:
    """Both ways by turns."""
    wanted = wish(race, name, number)
    return risk.decide(wanted, equity=EQUITY)[1] if number // 2 % 2 else risk.reserve(wanted)


Line = Callable[[Track, RiskManager, str], None]  # what a thread does, under its name


def want(race: Track, risk: RiskManager, name: str) -> None:
    """Take the room and give it back, as often as all together should."""
    number = 0
    while race.rounds.value < race.wanted:
        number += 1
        held = ask(race, risk, name, number)
        add(race.asked, 1)
        if isinstance(held, Reservation):
            add(race.rounds, 1)
            add(race.too_many, int(add(race.holders, 1) > 1 or held.strategy == OTHER))
            let_them_ask(race)
            add(race.holders, -1)
            risk.release(held.client_order_id)


def submit(race: Track, risk: RiskManager, name: str) -> None:
    """Submit entries and exits; none of the first after a kill was acknowledged, always the others."""
    number = 0
    while race.rounds.value < race.wanted:
        number += 1
        held = ask(race, risk, name, number)
        if isinstance(held, Reservation):
            if number % 2:
                let_others(race, lambda: bool(race.killed.value))
            knew = race.killed.value  # read before the question: a kill that comes between is seen by the next
            passed = risk.before_submit(held) is None
            add(race.too_many, int(passed and bool(knew) and race.killed.value == knew))
            risk.release(held.client_order_id)
        add(race.asked, 1)
        leaves = risk.reserve(leaving())
        stopped = not isinstance(leaves, Reservation) or risk.before_submit(leaves) is not None
        add(race.too_many, int(stopped))


def kill(race: Track, risk: RiskManager, name: str) -> None:
    """Stop everything, tell everybody, take it back, over and over; every other time by file."""
    number = 0
    while race.rounds.value < race.wanted:
        number = add(race.rounds, 1)
        if number % 2:
            risk.kill("race", actor=name)
        else:
            (Path(race.folder) / "KILL").touch()
        race.killed.value = number
        add(race.too_many, int(risk.validate_trade("ANYUSDT", 25, "BUY", "race")[0]))
        let_them_ask(race)
        race.killed.value = 0
        risk.resume("race", Decimal(10**9), name)


def lines(race: Track, number: int) -> list[Line]:
    """What each thread of a process does; in a race for a kill, one of all is the one that kills."""
    if race.what in SCARCE:
        return [want] * THREADS
    return [kill if number == 0 else submit] + [submit] * (THREADS - 1)


def process(races: list[Track], number: int) -> None:
    """One race after the other, in all processes at about the same time."""
    for race in races:
        risk = manager(race)
        named = [(line, f"p{number}t{i}") for i, line in enumerate(lines(race, number))]
        threads = [threading.Thread(target=guarded, args=(line, race, risk, name)) for line, name in named]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()


def guarded(line: Line, race: Track, risk: RiskManager, name: str) -> None:
    """An error is no way to win: it ends the race and shows."""
    try:
        line(race, risk, name)
    except BaseException:
        add(race.too_many, 1_000_000)
        race.rounds.value = race.wanted
        raise


def run(races: list[Track]) -> None:
    """Run all of them to their ends."""
    for race in races:
        manager(race).on_mark(EQUITY)
        if race.what == ONE_SYMBOL[1]:
            manager(race).adopt({"BTCUSDT": Position(Decimal(1), Decimal(1), Decimal(1), strategy=OWNER)})
    racers = [CONTEXT.Process(target=process, args=(races, number)) for number in range(PROCESSES)]
    for racer in racers:
        racer.start()
    for racer in racers:
        racer.join()
    assert [racer.exitcode for racer in racers] == [0] * PROCESSES
