"""Reading a trail: by number, time, kind or id, forwards and backwards, one line in memory at a time.

Hashes are not looked at here; `verify` does that.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson
from pydantic import ValidationError

from thunes.audit.events import AnyEvent, read_event
from thunes.audit.files import Part, parts_of
from thunes.audit.lines import ENVELOPE
from thunes.errors import AuditError


@dataclass(frozen=True)
class Entry:
    """An event as it stands in the trail; `ts` is epoch ms."""

    seq: int
    ts: int
    env: str
    event: AnyEvent
    hash: str


class History:
    """A folder's trail as it is at the moment of each question. Errors of all: `AuditError`, for a line that cannot
    be read; a folder without a trail has no events."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def events(self, *names: str, since: int = 1, since_ms: int | None = None) -> Iterator[Entry]:
        """Oldest first, from record number `since` and time `since_ms` on; only these kinds, if any are named."""
        with self._parts() as parts:
            for part in _from(parts, since):
                for line in _named(part.lines(), names):
                    entry = _entry(line, part.path)
                    if entry and entry.seq >= since and (since_ms is None or entry.ts >= since_ms):
                        yield entry

    def backwards(self, *names: str) -> Iterator[Entry]:
        """Newest first."""
        with self._parts() as parts:
            for part in reversed(parts):
                for line in _named(part.lines_backwards(), names):
                    if entry := _entry(line + b"\n", part.path):
                        yield entry

    def last(self, *names: str) -> Entry | None:
        """The newest event of these kinds."""
        return next(self.backwards(*names), None)

    def of(self, id: str) -> list[Entry]:
        """The events that carry this id, oldest first."""
        return self._with({id}, ("id",))

    def story(self, id: str) -> list[Entry]:
        """All that belongs to an order or a decision, oldest first: the decision, its orders, what became of them."""
        ids, entries = {id}, self._with({id}, LINKS)
        while more := {link for entry in entries for link in _links(entry)} - ids:
            ids |= more
            entries = self._with(ids, LINKS)
        return entries

    def hash_of(self, seq: int, *, locked: bool = False) -> str | None:
        """The hash that stands at a record number. `locked`: the caller holds the trail's lock."""
        with self._parts(locked=locked) as parts:
            for part in reversed(parts):
                for line in part.lines_backwards():
                    record = _record(line, part.path)
                    if record["seq"] <= seq:
                        return str(record["hash"]) if record["seq"] == seq else None
        return None

    def _with(self, ids: Iterable[str], links: Iterable[str]) -> list[Entry]:
        needles = [b'"%s":%s' % (link.encode(), orjson.dumps(name)) for link in links for name in ids]
        with self._parts() as parts:
            found = (
                _entry(line, part.path)
                for part in parts
                for line in part.lines()
                if any(needle in line for needle in needles)
            )
            return [entry for entry in found if entry and not _links(entry).isdisjoint(ids)]

    @contextlib.contextmanager
    def _parts(self, *, locked: bool = False) -> Iterator[list[Part]]:
        with contextlib.ExitStack() as stack:
            try:
                parts = stack.enter_context(parts_of(self.folder, locked=locked))
            except AuditError as e:
                if e.code != "E-AUDIT-NONE":
                    raise
                parts = []
            yield parts


LINKS = ("id", "decision", "order")


def _links(entry: Entry) -> set[str]:
    event = entry.event
    return {link for link in (getattr(event, name, None) for name in LINKS) if link}


def _from(parts: list[Part], since: int) -> list[Part]:
    """Without the files that end before a record number."""
    first = [_first_seq(part) for part in parts]
    skipped = [k for k in range(len(parts) - 1) if 0 < first[k + 1] <= since]
    return parts[len(skipped) :]


def _first_seq(part: Part) -> int:
    line = next(part.lines(), b"")
    return int(_record(line, part.path)["seq"]) if line.endswith(b"\n") else 0


def _named(lines: Iterable[bytes], names: tuple[str, ...]) -> Iterator[bytes]:
    needles = [b'"event":"%s"' % name.encode() for name in names]
    return (line for line in lines if not needles or any(needle in line for needle in needles))


def _record(line: bytes, where: Path) -> dict[str, Any]:
    try:
        record = orjson.loads(line)
        return {**record, "seq": int(record["seq"])}
    except (ValueError, TypeError, KeyError):
        raise _unreadable(where, line) from None


def _entry(line: bytes, where: Path) -> Entry | None:
    """A line's event; None for a torn end."""
    if not line.endswith(b"\n"):
        return None
    record = _record(line, where)
    try:
        return _parsed(record)
    except (ValidationError, KeyError):
        raise _unreadable(where, line) from None


def _parsed(record: Mapping[str, Any]) -> Entry:
    event = read_event({name: value for name, value in record.items() if name not in ENVELOPE})
    return Entry(record["seq"], record["ts"], record["env"], event, record["hash"])


def _unreadable(where: Path, line: bytes) -> AuditError:
    shown = line[:40].decode(errors="replace")
    return AuditError("E-AUDIT-LINE", f"cannot read a line of {where}: {shown}…", "Run thunes audit verify.")
