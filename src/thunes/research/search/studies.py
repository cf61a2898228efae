"""Where a study is kept: Optuna's journal in a file, any storage URL, or nowhere; and whether it may go on there."""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import optuna
from optuna.storages import BaseStorage, JournalStorage
from optuna.storages.journal import JournalFileBackend
from optuna.storages.journal._file import BaseJournalFileLock
from optuna.study import StudyDirection

from thunes.clock import Clock, SystemClock
from thunes.errors import DataError, UsageError
from thunes.storage.locking import locked

SETTINGS, PROVENANCE, NOTE = "thunes:settings", "thunes:provenance", "thunes:note"
WAIT = 1.0  # seconds for a study that another process works on
DAMAGED = (ValueError, KeyError, TypeError, AttributeError, AssertionError, IndexError)  # what a foreign line raises

optuna.logging.set_verbosity(optuna.logging.ERROR)


class FileLock(BaseJournalFileLock):
    """A lock that the system frees when its process dies: Optuna's own ones stay behind, and are waited for."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._descriptor = -1

    def acquire(self) -> bool:
        descriptor = os.open(self._path, os.O_RDONLY)
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        self._descriptor = descriptor
        return True

    def release(self) -> None:
        os.close(self._descriptor)


@contextmanager
def kept(
    place: Path | str, name: str, objectives: int, about: Mapping[str, Any], *, shared: bool, clock: Clock | None = None
) -> Iterator[optuna.Study]:
    """The study of that name at a place (a journal file or a storage URL), made there if it is new.

    `about` holds its settings and provenance; one that stands there already must have the same settings. Unless it is
    shared no other process may work on it. Errors: `UsageError` for other settings, `DataError` for a damaged file,
    `NetworkError` for a storage that cannot be reached, `LockHeld`.
    """
    if isinstance(place, str):
        from thunes.research.search.databases import database  # SQLAlchemy takes a second to import

        with database(place) as storage:
            yield _study(storage, name, objectives, about)
    elif shared:
        yield _opened(place, name, objectives, about)
    else:
        with locked(place.with_suffix(".lock"), clock or SystemClock(), WAIT):
            yield _opened(place, name, objectives, about)


def _opened(path: Path, name: str, objectives: int, about: Mapping[str, Any]) -> optuna.Study:
    """The study in a journal file. Errors: `DataError` where the file cannot be written, or is no journal."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        _drop_torn_line(path)
        path.touch()
        return _study(JournalStorage(JournalFileBackend(str(path), FileLock(path))), name, objectives, about)
    except OSError as error:
        what = f"cannot use {path}: {error.strerror or error}."
        raise DataError("E-FILE-WRITE", what, "Check space and rights.") from error
    except DAMAGED as error:
        raise _damaged(path) from error


def _drop_torn_line(path: Path) -> None:
    """Cut off a last line that a crash left half-written: whatever is appended to it would be lost with it."""
    if not path.exists():
        return
    with path.open("r+b") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        content = file.read()
        whole = content.rfind(b"\n") + 1
        # Optuna lets a broken last line pass, and writes behind it.
        if content and not (whole and "op_code" in json.loads(content[:whole].splitlines()[-1])):
            raise _damaged(path)
        if whole < len(content):
            file.truncate(whole)


def _damaged(path: Path) -> DataError:
    return DataError("E-STUDY-DAMAGED", f"{path} is damaged: no study.", "Move it away, or name another --study.")


def _study(storage: BaseStorage, name: str, objectives: int, about: Mapping[str, Any]) -> optuna.Study:
    directions = [StudyDirection.MAXIMIZE] * objectives
    known = name in [study.study_name for study in storage.get_all_studies()]
    if known:  # Optuna's load_if_exists writes to the journal all the same
        study = optuna.load_study(storage=storage, study_name=name)
    else:
        study = optuna.create_study(storage=storage, study_name=name, directions=directions, load_if_exists=True)
    found = study.user_attrs.get(SETTINGS)
    if found is None and known and study.get_trials(deepcopy=False):
        raise UsageError("E-STUDY-OTHER", f"study {name} was not made by thunes.", "Name another --study.")
    if found is None:
        for key, value in about.items():
            study.set_user_attr(key, value)
    else:
        _require_same(name, found, about[SETTINGS])
    return study


def _require_same(name: str, found: Mapping[str, Any], wanted: Mapping[str, Any]) -> None:
    normal = json.loads(json.dumps(wanted))
    other = sorted(key for key in {*found, *normal} if found.get(key) != normal.get(key))
    if other:
        what = f"study {name} was begun with other settings: {', '.join(other)}."
        raise UsageError("E-STUDY-OTHER", what, "Give the same ones, or name another --study.")


def finished(study: optuna.Study) -> Sequence[optuna.trial.FrozenTrial]:
    """The told trials in the order of their numbers."""
    return [trial for trial in study.get_trials(deepcopy=False) if trial.state.is_finished()]
