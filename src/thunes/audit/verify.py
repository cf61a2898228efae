"""Whether a trail is whole: every change of its bytes is found, and where."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from thunes.audit.files import Part, parts_at, parts_of
from thunes.audit.lines import START, BadLine, Chain, Head, Kind, read_line
from thunes.errors import AuditError


@dataclass(frozen=True)
class Break:
    """Where a trail stops being whole; `line` counts from 1."""

    file: Path
    line: int
    kind: Kind
    text: str

    def __str__(self) -> str:
        return f"{self.file} line {self.line}, {self.kind}: {self.text}"


@dataclass(frozen=True)
class Report:
    """What was found; `records` and `head` are of the sound beginning. Only an `anchor` shows a cut-off end."""

    files: tuple[Path, ...]
    records: int
    first: int | None  # number of the first record
    head: Head | None
    anchor: Head | None
    first_break: Break | None
    repairs: int  # noted in the trail
    unanchored: int  # records after the anchor, for which there is only the chain

    @property
    def ok(self) -> bool:
        return self.first_break is None


def verify(where: Path | Sequence[Path], anchor: Head | None = None) -> Report:
    """Look through a folder's trail from record 1 on, or through these files, which may begin with any day.

    `anchor`: a head that was kept elsewhere. Errors: `AuditError` where there is nothing to look through.
    """
    if isinstance(where, Path) and not where.is_file():
        with parts_of(where) as parts:
            return _Walk(parts, anchor, Chain(START)).report()
    return _Walk(parts_at([where] if isinstance(where, Path) else where), anchor, Chain()).report()


def require_whole(where: Path, anchor: Head | None) -> None:
    """`AuditError` for a trail that was changed or cut off."""
    broken = verify(where, anchor).first_break
    if broken is not None:
        raise AuditError("E-AUDIT-BROKEN", f"the audit trail is broken: {broken}.", "Run thunes audit verify.")


@dataclass
class _Walk:
    """One look through all lines, up to the first that is wrong."""

    parts: Sequence[Part]
    anchor: Head | None
    chain: Chain
    first: int | None = None
    repairs: int = 0
    place: tuple[Path, int] = (Path(), 0)  # of the line at hand
    anchored: Break | None = None  # what to say if the chain ends here and the anchor disagrees

    def report(self) -> Report:
        found = self._first_break()
        first = self.first
        head = self.chain.head if first else None
        return Report(
            files=tuple(part.path for part in self.parts),
            records=head.seq - first + 1 if head and first else 0,
            first=first,
            head=head,
            anchor=self.anchor,
            first_break=found,
            repairs=self.repairs,
            unanchored=max(0, head.seq - max(self.anchor.seq, (first or 1) - 1)) if self.anchor and head else 0,
        )

    def _first_break(self) -> Break | None:
        lines = self._lines()
        try:
            self._follow(lines)
        except BadLine as bad:
            kind, text = self._named(bad, lines)
            return self.anchored or Break(*self.place, kind, text)
        return self.anchored or self._end()

    def _lines(self) -> Iterator[bytes]:
        for part in self.parts:
            self.place = (part.path, 0)
            for number, line in enumerate(part.lines(), 1):
                self.place = (part.path, number)
                yield line

    def _follow(self, lines: Iterator[bytes]) -> None:
        take, anchor = self.chain.take, self.anchor.seq if self.anchor else None
        for line in lines:
            record = take(line)
            if record["seq"] == anchor:
                self._compare(record)
            if self.first is None:
                self.first = record["seq"]
            if record["event"] == "repair":
                self.repairs += 1

    def _compare(self, record: dict[str, Any]) -> None:
        if self.anchor and record["hash"] != self.anchor.hash:
            text = f"record {record['seq']} is another one than the anchor names"
            self.anchored = Break(*self.place, "edited", text)

    def _named(self, bad: BadLine, rest: Iterator[bytes]) -> tuple[Kind, str]:
        """A record that is not in its place may stand further down."""
        if bad.kind != "missing" or self.chain.head is None:
            return bad.kind, bad.text
        place, expected = self.place, self.chain.head.seq + 1
        stray = next((self.place for line in rest if _seq(line, expected)), None)
        self.place = place
        return (bad.kind, bad.text) if stray is None else ("reordered", f"{bad.text}; it stands in line {stray[1]}")

    def _end(self) -> Break | None:
        head, anchor, (file, line) = self.chain.head or Head(0, ""), self.anchor, self.place
        if anchor is None or anchor.seq == 0:
            return None
        if anchor.seq > head.seq:
            text = f"records {head.seq + 1} to {anchor.seq} are gone, the anchor knows them"
            return Break(file, line + 1, "cut off", text)
        if self.first and anchor.seq < self.first:
            return Break(
                self.parts[0].path, 1, "missing", f"record {anchor.seq}, the anchor, lies before the first line"
            )
        return None


def _seq(line: bytes, expected: int) -> bool:
    if b'"seq":%d,' % expected not in line:
        return False
    try:
        return bool(read_line(line)["seq"] == expected)
    except BadLine:
        return False
