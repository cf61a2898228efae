"""The promoted artefacts of one environment on disk: for each strategy, symbol and interval its history, and which one
is current.

    artifacts/promoted/sim/sma_cross-BTCUSDT-1h/20260301T120000Z-5f0c9b1e22aa.json   one each, never changed
                                                current.json                         what was current since when

`current.json` lists every move, a promotion or a rollback, and is replaced in one step: the last move says what is
current, so the record and the fact cannot differ. A reader needs no lock; writers take turns. A process that dies
leaves the old current or the new one, and at worst an artefact in the history that never was current.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal, NamedTuple

from thunes.clock import Clock, to_datetime
from thunes.errors import DataError, ThunesError, UsageError, did_you_mean
from thunes.model import INTERVALS, interval_ms
from thunes.storage.atomic import write_atomic
from thunes.storage.locking import LOCK_WAIT, locked
from thunes.storage.versioned import Format
from thunes.strategies.artefact import Artefact, dump, read, seal, tampered, unseal, verify

PLACE = Path("artifacts") / "promoted"
FORMAT = Format("record of promotions", 1)
CURRENT = "current.json"
NAME = re.compile(r"\w[\w.-]{0,79}", re.ASCII)
SYMBOL = re.compile(r"[A-Z0-9]{2,30}")
MONTH = ("1M", "1mo")  # 1m and 1M are one folder where case does not count


class Slot(NamedTuple):
    """What one artefact at a time can be current for."""

    strategy: str
    symbol: str
    interval: str

    def __str__(self) -> str:
        return " ".join(self)


@dataclass(frozen=True)
class Move:
    """One change of what is current; `time` is ISO text, UTC."""

    time: str
    action: Literal["promote", "rollback"]
    id: str
    sha256: str


class Finding(NamedTuple):
    """What looking at one artefact of the history gave; `id` is None for the record of moves itself."""

    slot: Slot
    id: str | None
    current: bool
    problem: ThunesError | None


class Promoted:
    """All promoted artefacts under one folder: `folder_of` an environment, so that none displaces another's."""

    def __init__(self, folder: Path, clock: Clock, lock_wait: float = LOCK_WAIT) -> None:
        self._folder, self._clock, self._wait = folder, clock, lock_wait

    def promote(self, artefact: Artefact) -> Path:
        """Keep an artefact and make it current; the path of its file.

        Errors: `DataError` for one that its own environment would refuse (see `verify`), or where it cannot be written;
        `LockHeld` while others promote for too long.
        """
        verify(artefact, artefact.environment)
        folder = self._path(_slot_of(artefact))
        path = folder / f"{artefact.id}.json"
        with locked(folder / ".lock", self._clock, self._wait):
            moves = _moves(folder)
            write_atomic(path, dump(artefact))
            self._record(folder, moves, "promote", artefact)
        return path

    def current(self, strategy: str, symbol: str, interval: str) -> Artefact:
        """What is current. Errors: `DataError` where nothing is (E-ARTEFACT-NONE), or it was changed."""
        slot = Slot(strategy, symbol, interval)
        moves = self.moves(*slot)
        if not moves:
            raise DataError("E-ARTEFACT-NONE", f"nothing is promoted for {slot}.", "See thunes promote --help.")
        return self._read(slot, moves[-1].id, moves[-1].sha256)

    def all(self) -> list[Artefact]:
        """Each current one, by strategy, symbol and interval. Errors: `DataError` where any of them was changed."""
        return [self.current(*slot) for slot in self.slots()]

    def slots(self) -> list[Slot]:
        """Everything that something is current for, sorted."""
        names = sorted(path.parent.name for path in self._folder.glob(f"*/{CURRENT}") if path.is_file())
        return [_slot_named(name) for name in names if _is_slot(name)]

    def ids(self, strategy: str, symbol: str, interval: str) -> list[str]:
        """The ids of the history, oldest first, whether they can be read or not."""
        folder = self._path(Slot(strategy, symbol, interval))
        return sorted(path.stem for path in folder.glob("*.json") if path.name != CURRENT)

    def history(self, strategy: str, symbol: str, interval: str) -> list[Artefact]:
        """Every artefact that was promoted, oldest first. Errors: `DataError` where any of them was changed."""
        return [self.find(strategy, symbol, interval, id_) for id_ in self.ids(strategy, symbol, interval)]

    def find(self, strategy: str, symbol: str, interval: str, id_: str) -> Artefact:
        """One artefact of the history by its id, or a part of it that no other has. Errors: `UsageError` for none."""
        slot = Slot(strategy, symbol, interval)
        known = self.ids(*slot)
        found = [name for name in known if id_ in name]
        if len(found) != 1:
            what = f"{'no' if not found else 'more than one'} artefact of {slot} is called {id_!r}."
            raise UsageError("E-ARTEFACT-ID", what, did_you_mean(id_, found or known or ("(none)",)))
        return self._read(slot, found[0])

    def moves(self, strategy: str, symbol: str, interval: str) -> list[Move]:
        """What was current since when, oldest first. Errors: `DataError` for a changed record."""
        return _moves(self._path(Slot(strategy, symbol, interval)))

    def former(self, strategy: str, symbol: str, interval: str) -> str | None:
        """The id that a rollback goes to; None where there is none."""
        standing = _standing(self.moves(strategy, symbol, interval))
        return standing[-2] if len(standing) > 1 else None

    def rollback(self, strategy: str, symbol: str, interval: str, to: str | None = None) -> Artefact:
        """Make a former artefact current again: the one before, or that of an id; a second rollback goes further back.

        Errors: `DataError` (E-ARTEFACT-NONE) where there is none before, or it was changed, or the strategy's source
        since; `UsageError` for an unknown id. Then nothing is moved.
        """
        slot = Slot(strategy, symbol, interval)
        folder = self._path(slot)
        if not folder.is_dir():
            raise DataError("E-ARTEFACT-NONE", f"nothing is promoted for {slot}.")
        with locked(folder / ".lock", self._clock, self._wait):
            target = to or self.former(*slot)
            if target is None:
                raise DataError("E-ARTEFACT-NONE", f"{slot} has no former artefact to roll back to.")
            artefact = self.find(*slot, target)
            verify(artefact, artefact.environment)
            self._record(folder, _moves(folder), "rollback", artefact)
        return artefact

    def check(self, strategy: str, symbol: str, interval: str, environment: str) -> list[Finding]:
        """Whether nothing of the history was changed, and whether the current one may be used in an environment."""
        slot = Slot(strategy, symbol, interval)
        try:
            moves = self.moves(*slot)
        except DataError as error:
            return [Finding(slot, None, current=True, problem=error)]
        current = moves[-1].id if moves else None
        known = sorted({*self.ids(*slot), *(move.id for move in moves[-1:])})  # also one whose file is lost
        judged = {id_: self._problem(slot, id_, environment if id_ == current else None) for id_ in known}
        return [Finding(slot, id_, id_ == current, problem) for id_, problem in judged.items()]

    def _problem(self, slot: Slot, id_: str, environment: str | None = None) -> ThunesError | None:
        """What is wrong with an artefact: in itself, or, where an environment is named, as the current one there."""
        try:
            if environment is None:
                self._read(slot, id_)
            else:
                verify(self.current(*slot), environment)
        except ThunesError as error:
            return error
        return None

    def _record(
        self, folder: Path, moves: Sequence[Move], action: Literal["promote", "rollback"], artefact: Artefact
    ) -> None:
        now = f"{to_datetime(self._clock.now_ms()):%Y-%m-%dT%H:%M:%SZ}"
        every = [*moves, Move(now, action, artefact.id, artefact.sha256)]
        write_atomic(folder / CURRENT, seal(FORMAT, {"moves": [asdict(move) for move in every]}))

    def _read(self, slot: Slot, id_: str, sha256: str | None = None) -> Artefact:
        path = self._path(slot) / f"{id_}.json"
        artefact = read(path)
        if artefact.id != id_ or _slot_of(artefact) != slot or sha256 not in (None, artefact.sha256):
            raise tampered(path, "it is another artefact")
        return artefact

    def _path(self, slot: Slot) -> Path:
        """The folder of a slot; `UsageError` for a name that could leave it."""
        interval_ms(slot.interval)
        for text, form in ((slot.strategy, NAME), (slot.symbol, SYMBOL)):
            if not form.fullmatch(text):
                raise UsageError("E-ARTEFACT-NAME", f"{text!r} cannot be promoted under this name.")
        written = MONTH[1] if slot.interval == MONTH[0] else slot.interval
        return self._folder / f"{slot.strategy}-{slot.symbol}-{written}"


def _slot_of(artefact: Artefact) -> Slot:
    return Slot(artefact.strategy, artefact.symbol, artefact.interval)


def _slot_named(folder: str) -> Slot:
    strategy, symbol, written = folder.rsplit("-", 2)
    return Slot(strategy, symbol, MONTH[0] if written == MONTH[1] else written)


def folder_of(environment: str) -> Path:
    """Where the artefacts of an environment lie, in the state folder."""
    return PLACE / environment


def _is_slot(folder: str) -> bool:
    """Whether a folder's name is that of a slot; others are not ours."""
    if folder.count("-") < 2:
        return False
    slot = _slot_named(folder)
    return bool(NAME.fullmatch(slot.strategy) and SYMBOL.fullmatch(slot.symbol)) and slot.interval in INTERVALS


def _moves(folder: Path) -> list[Move]:
    path = folder / CURRENT
    if not path.exists():
        return []
    try:
        return [Move(**move) for move in unseal(FORMAT, path)["moves"]]
    except DataError as error:
        hint = (
            "Remove it, then say what is current: thunes promoted rollback --strategy … --symbol … --interval … --to ID"
        )
        raise DataError(error.code, error.message, hint) from None


def _standing(moves: Sequence[Move]) -> list[str]:
    """The ids that rollbacks have not undone, oldest first; the last is current."""
    standing: list[str] = []
    for move in moves:
        if move.id in standing:
            at = standing.index(move.id)
            del standing[at : at + 1 if move.action == "promote" else None]
        standing.append(move.id)
    return standing
