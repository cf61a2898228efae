"""The end of a trail as a writer knows it: today's file, open, and the head it has reached.

Only under the trail's lock. Whoever finds the file changed looks at what changed, and refuses what does not follow.
"""

from __future__ import annotations

import contextlib
import os
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path

from thunes.audit.events import Repair
from thunes.audit.files import CURRENT, dated, day_of, name_for, parts_at
from thunes.audit.lines import START, BadLine, Chain, Head
from thunes.errors import AuditError
from thunes.storage.atomic import write_atomic

# fdatasync does less and is as durable: the file's size is part of what it writes. macOS has none.
_durable = getattr(os, "fdatasync", os.fsync)
HINT = "Run thunes audit verify; nothing is added to a broken trail."


def broken(where: Path, line: int, bad: BadLine) -> AuditError:
    """What a writer says of a line that is wrong."""
    return AuditError(
        "E-AUDIT-BROKEN", f"the audit trail is broken: {where} line {line}, {bad.kind}: {bad.text}.", HINT
    )


@dataclass
class Tip:
    """Today's file: what of it is known to be sound, and what was repaired and is not told yet."""

    path: Path
    file: int
    former: str | None  # name of the file before it
    chain: Chain
    day: int | None = None  # None: the file is empty
    lines: int = 0
    seen: tuple[int, int, int, int] = (0, 0, 0, 0)
    repairs: list[Repair] = field(default_factory=list)

    @property
    def head(self) -> Head:
        return self.chain.head or START

    @property
    def size(self) -> int:
        """Bytes known to be sound."""
        return self.seen[2]

    def unchanged(self) -> bool:
        """Whether nobody touched the file since."""
        return self.seen == _signature(os.stat(self.path))  # noqa: PTH116  # half the time, on the order path

    def grown(self) -> bool:
        """Whether it is the same file, and longer."""
        now = _signature(os.stat(self.path))  # noqa: PTH116
        return now[:2] == self.seen[:2] and now[2] > self.seen[2]

    def read_on(self) -> None:
        """Take what others added; set a torn end aside. Errors: `AuditError` where a line does not follow."""
        size = os.fstat(self.file).st_size
        content = os.pread(self.file, size - self.size, self.size)
        sound = content.rfind(b"\n") + 1
        for line in content[:sound].splitlines(keepends=True) if sound else ():
            self._take(line)
        if torn := content[sound:]:
            self._set_aside(torn, self.size + sound)
        self._look()

    def write(self, content: bytes, head: Head, day: int) -> None:
        """Add whole lines, durable on return. Errors: `OSError`; then the file is as it was."""
        left = memoryview(content)
        try:
            while left:
                left = left[os.write(self.file, left) :]
            _durable(self.file)
        except OSError:
            with contextlib.suppress(OSError):  # what stays is a torn end, and found as such
                os.ftruncate(self.file, self.size)
            raise
        self.chain.head, self.day = head, day if self.day is None else self.day
        self.lines += content.count(b"\n")
        self._look()

    def close(self) -> None:
        os.close(self.file)

    def _take(self, line: bytes) -> None:
        self.lines += 1
        try:
            record = self.chain.take(line)
        except BadLine as bad:
            raise broken(self.path, self.lines, bad) from bad
        if self.day is None:
            self.day = day_of(record["ts"])

    def _set_aside(self, torn: bytes, size: int) -> None:
        digest = sha256(torn).hexdigest()
        aside = self.path.with_name(f"audit_trail.torn-{self.head.seq + 1}-{digest[:8]}")
        write_atomic(aside, torn)
        os.ftruncate(self.file, size)
        _durable(self.file)
        reason = "the last line was torn; its bytes were set aside"
        self.repairs.append(Repair(id="trail", reason=reason, file=aside.name, size=len(torn), sha256=digest))

    def _look(self) -> None:
        self.seen = _signature(os.fstat(self.file))


def _signature(status: os.stat_result) -> tuple[int, int, int, int]:
    return status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns


def open_tip(folder: Path) -> Tip:
    """Open today's file, or begin one, having looked through it and the day before.

    Errors: `AuditError` where either is broken, `OSError` where the system says no.
    """
    earlier = dated(folder)
    before = _end_of(earlier[-1]) if earlier else None
    path = folder / CURRENT
    new = not path.exists()
    file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
    tip = Tip(path, file, earlier[-1].name if earlier else None, Chain(before))
    try:
        if new:
            sync_folder(folder)
        tip.read_on()
    except BaseException:
        tip.close()
        raise
    return tip


def rotate(tip: Tip, day: int) -> Tip:
    """Give the file the name of its day and begin the next one."""
    folder = tip.path.parent
    name = name_for(day, dated(folder))
    tip.path.rename(folder / name)
    tip.close()
    file = os.open(tip.path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_APPEND | os.O_CLOEXEC, 0o600)
    sync_folder(folder)
    after = Tip(tip.path, file, name, Chain(tip.head), repairs=tip.repairs)
    after._look()
    return after


def sync_folder(folder: Path) -> None:
    """A new name must reach the disk as well."""
    file = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(file)
    finally:
        os.close(file)


def _end_of(path: Path) -> Head:
    chain, number = Chain(), 0
    for part in parts_at([path]):
        for number, line in enumerate(part.lines(), 1):
            try:
                chain.take(line)
            except BadLine as bad:
                raise broken(path, number, bad) from bad
    if chain.head is None:
        raise broken(path, 1, BadLine("cut off", "the file is empty"))
    return chain.head
