"""The two checks of the strategy contract: no future changes the past, and walking forward equals the whole at once.

A leak shows when another future gives another past. Cutting the future off finds few of them (a strategy that peeks
mostly peeks at prices that were going that way anyhow), so it is replaced by futures made to disagree.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

import numpy as np

from thunes.clock import iso
from thunes.errors import DataError, StrategyError
from thunes.model import COLUMNS, PRICES, Candles, Float1D, Int1D
from thunes.strategies.base import Strategy, evaluate

Columns = dict[str, Float1D]
Change = Callable[[Columns, int], None]  # rewrites everything after a cut, in place
Trial = tuple[str, int, Candles]  # a future in words, the last bar that stays as it was, the candles with that future
CUTS = 1_500  # bars after which the future is replaced, at most
LOOKED_AT = 12_000_000  # bars in all that so many cuts may evaluate: well under a second of compiled code
ALL_FUTURES_EVERY = 40  # cuts; the others get the one future that most often tells
STRETCH = 100  # consecutive prefixes of the walk


@dataclass(frozen=True)
class Leak:
    """A bar whose exposure is not the same when only what comes after it differs."""

    bar: int
    open_time: int  # epoch ms
    exposure: float
    future: str  # the one that changes it

    def __str__(self) -> str:
        at = f"bar {self.bar} ({iso(self.open_time)} UTC)"
        return f"{at} says {self.exposure:g}, but not with {self.future}"


@dataclass(frozen=True)
class Report:
    """Result of one check; `leak` is the first bar that failed it."""

    check: str
    strategy: str
    bars: int
    evaluations: int
    leak: Leak | None

    @property
    def passed(self) -> bool:
        return self.leak is None

    def __str__(self) -> str:
        verdict = "passed" if self.leak is None else f"failed: {self.leak}"
        return f"{self.check} {self.strategy}: {verdict} ({self.evaluations:,} evaluations of {self.bars:,} bars)"


def check_lookahead(strategy: Strategy, candles: Candles, cuts: int = CUTS) -> Report:
    """Whether any future changes the past: exposure up to a cut must not depend on what follows the cut.

    Looks at up to `cuts` cuts (bars whose decision is new first; fewer, but 100, on a series so long that it would take
    over a second) and costs about one evaluation each. Errors:
    `DataError` for fewer than two candles or too few for the strategy, `StrategyError` for a broken output contract.
    """
    _refuse_one(candles)
    whole = evaluate(strategy, candles)
    trials = _trials(candles, whole, min(cuts, max(100, LOOKED_AT // len(candles))))
    return _report("look-ahead", strategy, candles, whole, trials)


def check_walk_forward(strategy: Strategy, candles: Candles, prefixes: int = 100) -> Report:
    """Whether walking bar by bar from the first candle gives what the whole at once gives, bit for bit.

    Looks at `prefixes` prefixes spread over the series, at the shortest ones, and at every prefix of a stretch around
    the first change of decision. Errors as `check_lookahead`.
    """
    _refuse_one(candles)
    whole = evaluate(strategy, candles)
    changes = _changes(whole)
    start = max(0, int(changes[0] if changes.size else whole.size // 2) - STRETCH // 2)
    ends = [np.arange(10), np.arange(start, start + STRETCH), _spread(np.arange(whole.size), prefixes)]
    chosen = np.unique(np.concatenate(ends))
    walk = (_cut_off(candles, int(end)) for end in chosen[chosen < whole.size])
    return _report("walk-forward", strategy, candles, whole, walk)


def _refuse_one(candles: Candles) -> None:
    if len(candles) < 2:
        raise DataError("E-DATA-SHORT", "one candle has no future to replace.", "Use more candles.")


def _report(check: str, strategy: Strategy, candles: Candles, whole: Float1D, trials: Iterable[Trial]) -> Report:
    leak, evaluations = None, 1
    for future, known, variant in trials:
        evaluations += 1
        bars = known + 1 if leak is None else min(known + 1, leak.bar)  # only an earlier leak is news
        differs = whole[:bars] != _answer(strategy, variant, future, whole[:bars])[:bars]
        if differs.any():
            bar = int(np.argmax(differs))
            leak = Leak(bar, int(candles.open_time[bar]), float(whole[bar]), future)
    return Report(check, repr(strategy), len(candles), evaluations, leak)


def _answer(strategy: Strategy, candles: Candles, future: str, whole: Float1D) -> Float1D:
    """Exposure; 0 where there are too few candles for the strategy to say anything."""
    try:
        return evaluate(strategy, candles)
    except DataError as error:
        if error.code != "E-DATA-SHORT":
            raise
    except StrategyError as error:
        if whole.any():
            raise StrategyError(error.code, f"With {future}: {error.message}", error.hint) from error
    return np.zeros(len(candles))


def _trials(candles: Candles, whole: Float1D, count: int) -> Iterator[Trial]:
    yield "the same candles again", len(candles) - 1, candles
    columns = {name: getattr(candles, name) for name in COLUMNS[1:]}
    cuts = _cuts(candles, whole, count)
    for k, cut in enumerate(cuts):
        yield _with_future("opposite prices", _oppose, columns, candles, int(cut))
        if k % ALL_FUTURES_EVERY == 0:
            for name, change in FUTURES.items():
                yield _with_future(name, change, columns, candles, int(cut))
    for cut in cuts[::ALL_FUTURES_EVERY]:
        yield _cut_off(candles, int(cut))


def _cut_off(candles: Candles, cut: int) -> Trial:
    return f"nothing after bar {cut}", cut, candles[: cut + 1]


def _with_future(name: str, change: Change, columns: Columns, candles: Candles, cut: int) -> Trial:
    changed = {key: column.copy() for key, column in columns.items()}
    change(changed, cut)
    return f"{name} after bar {cut}", cut, candles.replace(**changed)


def _cuts(candles: Candles, whole: Float1D, count: int) -> Int1D:
    """Bars to cut after: all where `count` allows; else new decisions, gaps and the start before an even spread."""
    last = whole.size - 2
    if last < count:
        return np.arange(last + 1)
    changes = _changes(whole)
    steps = np.diff(candles.open_time)
    gaps = np.flatnonzero(steps > steps.min())
    telling = np.unique(np.concatenate([changes, changes - 1, gaps, np.arange(count // 20)]))
    telling = _spread(telling[telling <= last], count // 2)
    return np.unique(np.concatenate([telling, _spread(np.arange(last + 1), count - telling.size)]))


def _changes(exposure: Float1D) -> Int1D:
    """The bars whose exposure differs from the bar before."""
    return np.flatnonzero(np.diff(exposure)) + 1


def _spread(values: Int1D, count: int) -> Int1D:
    """At most `count` of the values, evenly; the last one always."""
    picks = np.linspace(values.size - 1, 0, min(count, values.size)).round().astype(np.int64)
    return values[picks]


def _scale(columns: Columns, cut: int, factor: float) -> None:
    for name in PRICES:
        columns[name][cut + 1 :] *= factor


def _oppose(columns: Columns, cut: int) -> None:
    """Prices and volume go the other way than they did at the next bar."""
    rose = columns["close"][cut + 1] > columns["close"][cut]
    grew = columns["volume"][cut + 1] > columns["volume"][cut]
    _scale(columns, cut, 0.5 if rose else 1.5)
    columns["volume"][cut + 1 :] *= 0.25 if grew else 4.0


def _shuffle(columns: Columns, cut: int) -> None:
    order = cut + 1 + np.random.default_rng(cut).permutation(columns["close"].size - cut - 1)
    for column in columns.values():
        column[cut + 1 :] = column[order]


def _freeze(columns: Columns, cut: int) -> None:
    for name in PRICES:
        columns[name][cut + 1 :] = columns["close"][cut]


def _spike(columns: Columns, cut: int) -> None:
    for name in PRICES:
        columns[name][cut + 1 :: 7] *= 3.0
        columns[name][cut + 4 :: 7] /= 3.0


def _change_volume(columns: Columns, cut: int) -> None:
    columns["volume"][cut + 1 :] = 3.0 * columns["volume"][cut + 1 :] + 1.0


FUTURES: dict[str, Change] = {
    "prices × 1.5": lambda columns, cut: _scale(columns, cut, 1.5),
    "prices × 0.5": lambda columns, cut: _scale(columns, cut, 0.5),
    "shuffled bars": _shuffle,
    "constant prices": _freeze,
    "spikes": _spike,
    "other volume": _change_volume,
}
