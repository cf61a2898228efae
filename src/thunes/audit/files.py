"""The files of a trail: `audit_trail.jsonl` is today's, `audit_trail-2026-03-01.jsonl` that of an earlier day.

Their names give their order, whatever the clock did: a day that was there already gets a number,
`audit_trail-2026-03-01.2.jsonl`.
"""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from thunes.audit.lock import reading
from thunes.clock import to_datetime
from thunes.errors import AuditError

CURRENT = "audit_trail.jsonl"
BLOCK = 1 << 16  # bytes
DAY = 86_400_000  # ms
_DATED = re.compile(r"audit_trail-(\d{4}-\d{2}-\d{2})(?:\.(\d+))?\.jsonl")


def day_of(ms: int) -> int:
    """The UTC day of a moment, in days since 1970."""
    return ms // DAY


def dated(folder: Path) -> list[Path]:
    """The files of earlier days, in the order of the chain."""
    return sorted((path for path in folder.glob("audit_trail-*.jsonl") if _DATED.fullmatch(path.name)), key=_rank)


def _rank(path: Path) -> tuple[str, int]:
    found = _DATED.fullmatch(path.name)
    return (found[1], int(found[2] or 1)) if found else ("", 0)


def name_for(day: int, earlier: list[Path]) -> str:
    """A free name for the file of a day that comes after all earlier ones."""
    date = to_datetime(day * DAY).strftime("%Y-%m-%d")
    if not earlier or _rank(earlier[-1])[0] < date:
        return f"audit_trail-{date}.jsonl"
    last, number = _rank(earlier[-1])
    return f"audit_trail-{last}.{number + 1}.jsonl"


@dataclass(frozen=True)
class Part:
    """A file of a trail as it was when it was looked at; what was added since is not read."""

    path: Path
    size: int  # bytes
    file: BinaryIO | None = None  # today's, which may get another name meanwhile

    def lines(self) -> Iterator[bytes]:
        """From the first line on, each with its end; a torn last line without one."""
        with self._open() as file:
            file.seek(0)
            left = self.size
            for line in file if left else ():
                yield line[:left]
                left -= len(line)
                if left <= 0:
                    return

    def lines_backwards(self) -> Iterator[bytes]:
        """From the last line on, each without its end; a torn last line is left out."""
        with self._open() as file:
            yield from _backwards(file, self.size)

    def _open(self) -> contextlib.AbstractContextManager[BinaryIO]:
        return contextlib.nullcontext(self.file) if self.file else self.path.open("rb")


def _backwards(file: BinaryIO, position: int) -> Iterator[bytes]:
    rest, ended = b"", False
    while position:
        step = min(BLOCK, position)
        position -= step
        file.seek(position)
        rest, *pieces = (file.read(step) + rest).split(b"\n")
        for piece in reversed(pieces):
            if ended:
                yield piece
            ended = True
    if ended:
        yield rest


@contextlib.contextmanager
def parts_of(folder: Path, *, locked: bool = False) -> Iterator[list[Part]]:
    """All files of a folder's trail at one moment, oldest first. Errors: `AuditError` where there is none.

    `locked`: the caller holds the trail's lock.
    """
    with contextlib.ExitStack() as stack:
        with contextlib.nullcontext() if locked else reading(folder):
            parts = [_part(path) for path in dated(folder)]
            if (current := folder / CURRENT).exists():
                file = stack.enter_context(current.open("rb"))
                parts.append(Part(current, os.fstat(file.fileno()).st_size, file))
        if not parts:
            hint = "thunes paper writes one; STATE_DIR says where."
            raise AuditError("E-AUDIT-NONE", f"there is no audit trail in {folder}.", hint)
        yield parts


def parts_at(paths: Iterable[Path]) -> list[Part]:
    """These files, in this order. Errors: `AuditError` for one that is not there."""
    try:
        return [_part(path) for path in paths]
    except OSError as e:
        raise AuditError("E-AUDIT-NONE", f"cannot read {e.filename}: {e.strerror}.", "Name an audit trail.") from e


def _part(path: Path) -> Part:
    with path.open("rb") as file:
        return Part(path, os.fstat(file.fileno()).st_size)
