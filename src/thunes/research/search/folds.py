"""The stretches of history that a parameter set is judged on, one after the other."""

from __future__ import annotations

from dataclasses import dataclass

from thunes.errors import DataError, UsageError

SHORTEST = 30  # bars: below it a fold's figures are noise


@dataclass(frozen=True)
class Fold:
    """Bars [first, last) of a series."""

    first: int
    last: int


def cut(bars: int, warm_up: int, count: int) -> tuple[Fold, ...]:
    """The last bars cut into `count` equal, consecutive folds; at least the first `warm_up` bars stay outside.

    The last fold ends with the last bar. Errors: `UsageError` for no fold, `DataError` for folds of under 30 bars.
    """
    if count < 1:
        raise UsageError("E-FOLDS", f"folds={count} must be ≥ 1.")
    length = (bars - warm_up) // count
    if length < SHORTEST:
        needed = warm_up + SHORTEST * count
        what = f"{bars:,} bars are too few for {count} folds after {warm_up:,} bars of warm-up; it takes {needed:,}."
        raise DataError("E-FOLDS-SHORT", what, "Use more candles, fewer folds or shorter windows.")
    begin = bars - count * length
    return tuple(Fold(begin + k * length, begin + (k + 1) * length) for k in range(count))
