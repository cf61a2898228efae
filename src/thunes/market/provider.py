"""What a provider of candles is, and how a series in the store is brought up to date from one."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NamedTuple, Protocol

from thunes.market.ranges import Range, without
from thunes.market.store import Series
from thunes.model import DAY_MS, Candles, interval_ms, next_open_time

Ranges = tuple[Range, ...]
Progress = Callable[[int, int], None]  # bars done, bars in all (an estimate)
FLUSH_BARS = 20_000  # written to the store at once: few rewrites of a month, little lost when interrupted


class Batch(NamedTuple):
    """Candles, and the range of opening times about which the provider has nothing more to tell."""

    candles: Candles | None
    known: Range


class Provider(Protocol):
    """Where finished candles are asked for."""

    @property
    def source(self) -> str:
        """What `Candles.source` says."""
        ...

    def now_ms(self) -> int:
        """The time there: a candle is finished when it closed before."""
        ...

    def batches(self, symbol: str, interval: str, wanted: Range, now: int) -> Iterator[Batch]:
        """Finished candles that open inside `wanted`, oldest first."""
        ...


def settled_before(now: int, interval: str) -> int:
    """Where an empty answer can be trusted for ever: younger candles may still come late."""
    return now - max(DAY_MS, 2 * interval_ms(interval))


def missing(series: Series, wanted: Range, now: int, elsewhere: Ranges = ()) -> Ranges:
    """The ranges to ask for: known neither here nor `elsewhere`, long enough to hold a candle finished by `now`."""
    gaps = without(Range(wanted.start, min(wanted.end, now)), [*series.known(), *elsewhere])
    return tuple(gap for gap in gaps if next_open_time(gap.start, series.interval) <= now)


def update(
    series: Series,
    provider: Provider,
    wanted: Range,
    *,
    elsewhere: Ranges = (),
    progress: Progress = lambda _done, _all: None,
) -> None:
    """Ask `provider` for what `series` lacks of `wanted`, and store it: also when interrupted halfway."""
    now = provider.now_ms()
    gaps = missing(series, wanted, now, elsewhere)
    step = interval_ms(series.interval)
    total, done = sum(gap.length for gap in gaps) // step, 0
    waiting: list[Batch] = []
    try:
        for gap in gaps:
            for batch in provider.batches(series.symbol, series.interval, gap, now):
                waiting.append(batch)
                done += batch.known.length // step
                progress(min(done, total), total)
                if sum(len(b.candles) for b in waiting if b.candles) >= FLUSH_BARS:
                    _store(series, provider, waiting)
        progress(total, total)
    finally:
        _store(series, provider, waiting)


def _store(series: Series, provider: Provider, waiting: list[Batch]) -> None:
    if waiting:
        series.add([b.candles for b in waiting if b.candles], [b.known for b in waiting], provider.source)
        waiting.clear()
