"""Several tapes played together, and the simulated time that plays them."""

from __future__ import annotations

import heapq
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from operator import attrgetter

import numpy as np

from thunes.errors import UsageError, did_you_mean
from thunes.market.grid import opening
from thunes.model import interval_ms, next_open_time
from thunes.simulator.feed.tape import Tape, Tick


class Feed:
    """The tapes of several symbols; at equal times in the order they were given. Pure: it remembers no position."""

    def __init__(self, tapes: Iterable[Tape]) -> None:
        given = list(tapes)
        self._tapes = {tape.symbol: tape for tape in given}
        if not given or len(self._tapes) < len(given):
            names = ", ".join(tape.symbol for tape in given) or "none"
            raise UsageError("E-FEED-SYMBOLS", f"a feed plays each symbol once, was given {names}.")
        # The shortest one: what a bar is when the clock is told to move by bars.
        self.interval = min((tape.interval for tape in given), key=interval_ms)

    def __getitem__(self, symbol: str) -> Tape:
        try:
            return self._tapes[symbol]
        except KeyError:
            raise UsageError("E-FEED-SYMBOL", f"no candles of {symbol}.", did_you_mean(symbol, self._tapes)) from None

    @property
    def symbols(self) -> tuple[str, ...]:
        return tuple(self._tapes)

    @property
    def start_ms(self) -> int:
        """Time of the first tick of all."""
        return min(tape.start_ms for tape in self._tapes.values())

    @property
    def end_ms(self) -> int:
        """Time of the last tick of all: afterwards the market stands still."""
        return max(tape.end_ms for tape in self._tapes.values())

    def ticks(self, after: int, until: int, symbols: Collection[str] | None = None) -> Iterator[Tick]:
        """Ticks with after < time ≤ until, of all or of the named symbols, in time order."""
        wanted = [tape for name, tape in self._tapes.items() if symbols is None or name in symbols]
        streams = [tape.ticks(after, until) for tape in wanted]
        return streams[0] if len(streams) == 1 else heapq.merge(*streams, key=attrgetter("time_ms"))


class Playback:
    """A position in a feed: simulated time, which only `advance` moves.

    `now_ms` follows the ticks while they are yielded and stands at the end asked for when they are through. A moment's
    ticks are due when time reaches it: at the open of a candle, that open has been traded.
    """

    def __init__(self, feed: Feed, start_ms: int | None = None) -> None:
        """Begins at the first tick, or at `start_ms`: what lies before is the past that klines show."""
        self.feed = feed
        self.now_ms = feed.start_ms if start_ms is None else start_ms

    def heard(self) -> list[Tick]:
        """The newest tick of each symbol by now: where its book stands before anything is advanced."""
        ticks = (self.feed[symbol].last(self.now_ms) for symbol in self.feed.symbols)
        return [tick for tick in ticks if tick]

    def move_to(self, moment: int) -> None:
        """Let time be this (epoch ms), whatever the ticks until then."""
        self.now_ms = moment

    def advance(self, until: int, symbols: Collection[str] | None = None) -> Iterator[Tick]:
        """The ticks due up to `until`, inclusive; to be taken to the end before the next call.

        `symbols`: those somebody watches (a resting order, a subscriber). The others' ticks are not even made: klines,
        averages and books are functions of time, and right all the same. Error: `UsageError` for a time in the past.
        """
        if until < self.now_ms:
            raise UsageError("E-FEED-TIME", f"time {until} has passed, it is {self.now_ms}.", "Time moves on only.")
        return self._play(until, symbols)

    def _play(self, until: int, symbols: Collection[str] | None) -> Iterator[Tick]:
        for tick in self.feed.ticks(self.now_ms, until, symbols):
            self.now_ms = tick.time_ms
            yield tick
        self.now_ms = until

    def after_bars(self, bars: int) -> int:
        """When `bars` more bars of the feed's interval are complete: the open of the one that follows them."""
        interval = self.feed.interval
        moment = int(opening(np.array([self.now_ms]), interval)[0])
        if interval != "1M":
            return moment + bars * interval_ms(interval)
        for _ in range(bars):
            moment = next_open_time(moment, interval)
        return moment


@dataclass(frozen=True)
class Pace:
    """Simulated time that runs with the wall's: `start_ms` was at `wall_ms`, and it goes `speed` times as fast."""

    start_ms: int
    wall_ms: int
    speed: float = 1.0

    def at(self, wall_ms: int) -> int:
        """Simulated time (epoch ms) at a moment of the wall clock; it never runs backwards before the start."""
        return self.start_ms + max(0, int((wall_ms - self.wall_ms) * self.speed))
