"""What was searched on which stretch of history: every search makes it likelier that luck passes.

Whoever tries k spaces on the same candles and keeps the best has up to k times the error rate, so p is held to its
limit divided by the number of distinct (strategy source, space) pairs tried on an overlapping stretch; spaces that are
judged together, as one family, are one of them. The same space again costs nothing, later candles that overlap do not
start anew, and a market is known by symbol and interval, not by a fingerprint, which changes with every candle. Made-up
markets are markets of their own.

A second file remembers how many entries there were. It cannot stop anybody from deleting both; it makes a deletion by
habit, or by a tidy script, visible in every later verdict.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel, ValidationError

from thunes.clock import Clock, iso
from thunes.errors import DataError
from thunes.model import Candles
from thunes.storage.locking import locked
from thunes.storage.versioned import Format
from thunes.strategies.base import Number, Strategy
from thunes.strategies.registry import source_hash

F = TypeVar("F", bound=BaseModel)
Axes = Mapping[str, Iterable[Number]]  # each parameter's values
LEDGER = Path("artifacts") / "trials.json"
TALLY = Path("state") / "trials_tally.json"
LEDGER_FORMAT, TALLY_FORMAT = Format("trial ledger", 1), Format("tally of trials", 1)


@dataclass(frozen=True)
class Trial:
    """One space searched on one stretch of a market: epoch ms from `first` (included) to `end` (not)."""

    market: str
    first: int
    end: int
    strategy: str
    strategy_sha256: str
    space_sha256: str
    time: str

    @property
    def pair(self) -> tuple[str, str, str]:
        """What counts as one search; a file may define several strategies."""
        return self.strategy, self.strategy_sha256, self.space_sha256

    def overlaps(self, other: Trial) -> bool:
        """Whether both looked at some of the same candles."""
        return self.market == other.market and self.first < other.end and other.first < self.end


@dataclass(frozen=True)
class Tried:
    """How many searches were tried where this one looked, it included, and what is known to be missing."""

    count: int
    notes: tuple[str, ...]


class Ledger:
    """The trial ledger of one state folder; safe for several processes."""

    def __init__(self, state_dir: Path, clock: Clock) -> None:
        self._ledger, self._tally, self._clock = state_dir / LEDGER, state_dir / TALLY, clock

    def count(self, candles: Candles, spaces: Mapping[type[Strategy], Axes]) -> Tried:
        """What counts against a search of these spaces on these candles, as one family. Errors: `DataError`."""
        trials, losses = self._read()
        mine = self._trials(candles, spaces)
        others = {t.pair for t in trials for m in mine if t.overlaps(m)} - {m.pair for m in mine}
        return Tried(1 + len(others), tuple(losses))

    def record(self, candles: Candles, spaces: Mapping[type[Strategy], Axes]) -> None:
        """Note that these spaces were searched on these candles.

        Errors: `DataError` where the ledger is damaged or cannot be written; `LockHeld`.
        """
        with locked(self._ledger.with_name(".trials.lock"), self._clock):
            trials, losses = self._read()
            known = {(t.market, t.first, t.end, t.pair) for t in trials}
            new = self._trials(candles, spaces)
            trials += [t for t in new if (t.market, t.first, t.end, t.pair) not in known]
            self._write(trials, losses)

    def _trials(self, candles: Candles, spaces: Mapping[type[Strategy], Axes]) -> list[Trial]:
        return [self._trial(candles, strategy, axes) for strategy, axes in spaces.items()]

    def _trial(self, candles: Candles, strategy: type[Strategy], axes: Axes) -> Trial:
        return Trial(
            market=market_of(candles),
            first=int(candles.open_time[0]),
            end=candles.end_time,
            strategy=strategy.name(),
            strategy_sha256=source_hash(strategy),
            space_sha256=space_hash(axes),
            time=iso(self._clock.now_ms()),
        )

    def _read(self) -> tuple[list[Trial], list[str]]:
        """All trials, and a sentence for each time that some were found to be missing."""
        ledger = _parsed(LEDGER_FORMAT, self._ledger, _LedgerFile)
        tally = _parsed(TALLY_FORMAT, self._tally, _TallyFile)
        losses = list(dict.fromkeys([*tally.losses, *ledger.losses]))
        if (missing := tally.trials - len(ledger.trials)) > 0:
            at = iso(self._clock.now_ms())
            losses.append(f"{missing} of {tally.trials} entries of the trial ledger were gone at {at} UTC")
        return list(ledger.trials), losses

    def _write(self, trials: list[Trial], losses: list[str]) -> None:
        LEDGER_FORMAT.write(self._ledger, {"trials": [asdict(trial) for trial in trials], "losses": losses})
        TALLY_FORMAT.write(self._tally, {"trials": len(trials), "losses": losses})


class _LedgerFile(BaseModel):
    trials: list[Trial] = []
    losses: list[str] = []


class _TallyFile(BaseModel):
    trials: int = 0
    losses: list[str] = []


def _parsed(form: Format, path: Path, kind: type[F]) -> F:
    """A file's content, or nothing yet where there is none. Errors: `DataError` for one that is damaged."""
    if not path.exists():
        return kind()
    try:
        return kind.model_validate(form.read(path))
    except ValidationError as error:
        what = f"{path} is damaged: {error.errors()[0]['msg']}."
        raise DataError("E-FORMAT-DAMAGED", what, "Restore it; removing it is noted in every later verdict.") from None


def market_of(candles: Candles) -> str:
    """What makes two stretches of candles the same market: real sources are one, each synthetic market is its own."""
    world = candles.source if candles.is_synthetic else "real"
    return f"{candles.symbol} {candles.interval} {world}"


def declared(strategy: type[Strategy]) -> dict[str, Iterable[Number]]:
    """The whole declared space of a strategy."""
    return {name: parameter.values for name, parameter in strategy.parameters().items()}


def searched(strategy: type[Strategy], axes: Axes) -> Axes:
    """What a search of these axes counts as: the whole declared space where they lie in it, which is what is judged."""
    whole = declared(strategy)
    inside = all(set(axis) <= set(whole[name]) for name, axis in axes.items())
    return whole if inside else axes


def space_hash(axes: Axes) -> str:
    """SHA-256, in hex, of a space; its constraints are in the strategy's source."""
    values = {name: sorted(map(float, axis)) for name, axis in axes.items()}
    return hashlib.sha256(json.dumps(values, sort_keys=True).encode()).hexdigest()
