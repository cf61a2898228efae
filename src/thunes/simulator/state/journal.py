"""The file that an exchange is made again from: one JSON line a call, in the order of the calls.

Every line is handed to the system in one write before its call is done, and not synced: it survives whatever ends the
process, kill −9 included, but not a power failure of the machine.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import orjson

from thunes.clock import Clock
from thunes.errors import DataError
from thunes.storage.locking import POLL, locked
from thunes.storage.versioned import Format

FILE, TORN, LOCK = "journal.jsonl", "journal.torn", "lock"
LONGEST_LINE = 4 << 20  # bytes; no request is that long
FORMAT = Format("journal of an exchange", 1)  # to be raised when an engine answers the same calls otherwise
Line = list[Any]


class Journal:
    """An open journal; made by `opened`."""

    def __init__(self, descriptor: int, path: Path, identity: Mapping[str, str]) -> None:
        self.path, self._descriptor, self._broken = path, descriptor, False
        if self._mend() == 0:
            self._write(orjson.dumps({"format": FORMAT.version, "identity": dict(identity)}) + b"\n")
        with path.open("rb") as file:
            self._compare(file.readline(), identity)

    def append(self, line: Line) -> None:
        """Write a line, decimals as text. `DataError` where that fails: then none can be written any more."""
        self._write(orjson.dumps(line, default=str) + b"\n")

    def lines(self) -> Iterator[tuple[int, Line]]:
        """All lines with their numbers in the file, oldest first. `DataError` at one that is damaged."""
        with self.path.open("rb") as file:
            file.readline()
            for number, content in enumerate(file, start=2):
                yield number, self._parsed(number, content)

    def _parsed(self, number: int, content: bytes) -> Line:
        try:
            line = orjson.loads(content)
        except orjson.JSONDecodeError:
            line = None
        if not isinstance(line, list):
            raise self.damaged(number, "it is no JSON list")
        return line

    def damaged(self, number: int, reason: str) -> DataError:
        """The error for a line that says nothing that can be done again."""
        hint = "Give another --state folder, or a copy of this one from before."
        return DataError("E-STATE-DAMAGED", f"line {number} of {self.path} is damaged: {reason}.", hint)

    def _mend(self) -> int:
        """Cut off a line that was never finished, and keep it aside; the size then (bytes)."""
        size = os.fstat(self._descriptor).st_size
        start = max(0, size - LONGEST_LINE)
        tail = os.pread(self._descriptor, LONGEST_LINE, start)
        end = tail.rfind(b"\n") + 1
        if end < len(tail):
            with self.path.with_name(TORN).open("ab") as aside:
                aside.write(tail[end:] + b"\n")
            os.ftruncate(self._descriptor, start + end)
        return start + end

    def _compare(self, header: bytes, identity: Mapping[str, str]) -> None:
        known = FORMAT.load(header, str(self.path)).get("identity")
        was = known if isinstance(known, dict) else {}
        different = [name for name in {**identity, **was} if was.get(name) != identity.get(name)]
        if different:
            message = f"{self.path} belongs to another exchange: {', '.join(different)} differ."
            raise DataError("E-STATE-OTHER", message, "Start as it was started then, or give another --state folder.")

    def _write(self, content: bytes) -> None:
        if self._broken:
            raise self._unwritable("an earlier write failed")
        try:
            written = os.write(self._descriptor, content)
        except OSError as error:
            self._broken = True
            raise self._unwritable(str(error.strerror)) from error
        if written < len(content):
            self._broken = True  # the line is torn; the next start cuts it off
            raise self._unwritable("no space is left")

    def _unwritable(self, reason: str) -> DataError:
        return DataError(
            "E-STATE-WRITE", f"cannot write {self.path}: {reason}.", "Check space and rights, then restart."
        )


@contextmanager
def opened(folder: Path, identity: Mapping[str, str], clock: Clock) -> Iterator[Journal]:
    """The journal of a folder, begun where there is none; nobody but its owner can read it: it holds keys.

    Errors: `LockHeld` while another process has it; `DataError` for one of another exchange (`identity`: by name what
    a replay depends on), of a newer format, or one that cannot be read or written.
    """
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise DataError(
            "E-STATE-WRITE", f"cannot make {folder}: {error.strerror}.", "Check space and rights."
        ) from error
    with locked(folder / LOCK, clock, wait=POLL), _descriptor(folder / FILE) as descriptor:
        yield Journal(descriptor, folder / FILE, identity)


@contextmanager
def _descriptor(path: Path) -> Iterator[int]:
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise DataError("E-STATE-WRITE", f"cannot open {path}: {error.strerror}.", "Check space and rights.") from error
    try:
        yield descriptor
    finally:
        os.close(descriptor)
