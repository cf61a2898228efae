"""Where each fold trains and where it is tested: numbers of bars in, numbers of bars out."""

from __future__ import annotations

import re
from dataclasses import dataclass

from thunes.errors import DataError, UsageError
from thunes.model import DAY_MS, interval_ms

Length = int | str  # bars, or a duration such as "90d"
UNITS = {"m": 60_000, "h": 3_600_000, "d": DAY_MS, "w": 7 * DAY_MS}  # milliseconds


@dataclass(frozen=True)
class Span:
    """Consecutive bars: `first` and those after it, up to but without `stop`."""

    first: int
    stop: int

    def __len__(self) -> int:
        return self.stop - self.first

    @property
    def rows(self) -> slice:
        return slice(self.first, self.stop)


@dataclass(frozen=True)
class Fold:
    """One round: parameters are chosen on the bars of `train` and traded on those of `test`, which lie later."""

    train: Span
    test: Span


def bars_in(length: Length, interval: str) -> int:
    """A length in bars: whole numbers (or their text) are bars already, ``12h``, ``90d`` and ``4w`` are durations.

    A duration counts the bars it has without gaps. Errors: `UsageError` for another text, or no whole number of bars.
    """
    number, unit = read_length(length)
    bars, rest = divmod(number * UNITS[unit], interval_ms(interval)) if unit else (number, 0)
    if rest:
        raise UsageError("E-FOLDS-LENGTH", f"{length} is no whole number of {interval} bars.", "Give it in bars: 720.")
    return bars


def read_length(length: Length) -> tuple[int, str]:
    """A length's number and unit; no unit means bars. Errors: `UsageError` for what is no length."""
    found = re.fullmatch(r"(\d+)([mhdw]?)", str(length).strip())
    if found is None:
        raise UsageError("E-FOLDS-LENGTH", f"cannot read the length {length!r}.", "Write bars or a duration: 720, 30d.")
    return int(found[1]), found[2]


def folds(
    bars: int,
    train: int,
    test: int,
    step: int | None = None,
    *,
    anchored: bool = False,
    purge: int = 0,
    embargo: int = 0,
) -> list[Fold]:
    """The folds of a history of so many bars; all lengths are in bars.

    Fold k has the nominal boundary b = train + k · step (`step` is `test` unless given). It trains on [b − train, b),
    or on [0, b) where `anchored`, without the last `purge` bars; it is tested on [b + embargo, b + embargo + test). So
    tests follow each other without a gap where step = test, whatever purge and embargo are, and a longer step leaves
    bars between them that no fold trades. Only whole tests count: more history adds folds and changes none.

    Errors: `UsageError` for lengths that make no folds (tests that overlap too), `DataError` for too few bars.
    """
    stride = test if step is None else step
    _require_possible(train, test, stride, purge, embargo)
    count = (bars - train - embargo - test) // stride + 1
    if count < 1:
        needed = train + embargo + test
        raise DataError(
            "E-FOLDS-SHORT",
            f"one fold needs {needed:,} bars, there are {bars:,}.",
            "Shorten train or test, or load more.",
        )
    return [_fold(train + k * stride, train, test, anchored, purge, embargo) for k in range(count)]


def _fold(boundary: int, train: int, test: int, anchored: bool, purge: int, embargo: int) -> Fold:
    first = 0 if anchored else boundary - train
    begun = boundary + embargo
    return Fold(Span(first, boundary - purge), Span(begun, begun + test))


def _require_possible(train: int, test: int, step: int, purge: int, embargo: int) -> None:
    possible = {
        f"train={train} and test={test} must be at least 1 bar": train >= 1 and test >= 1,
        f"step={step} must be at least test={test}, or tests would overlap": step >= test,
        f"purge={purge} must be at least 0 and leave some of train={train}": 0 <= purge < train,
        f"embargo={embargo} must be at least 0": embargo >= 0,
    }
    for sentence, holds in possible.items():
        if not holds:
            raise UsageError("E-FOLDS", f"{sentence}.")
