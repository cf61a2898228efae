"""The writer of the audit trail: one durable write for each call, and none to a trail that is not whole."""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any

from thunes.audit.events import Event, Rotation, payload
from thunes.audit.files import day_of
from thunes.audit.history import History
from thunes.audit.lines import START, Head, seal
from thunes.audit.lock import TrailLock
from thunes.audit.redaction import Redactor
from thunes.audit.tip import HINT, Tip, open_tip, rotate
from thunes.clock import Clock
from thunes.errors import AuditError, DataError


class Trail:
    """A folder's trail. For several threads and processes at once; a fork begins anew by itself.

    `secrets`: values that must never be written. `anchor`: the last head that was kept elsewhere; a trail that does not
    hold it is refused. `on_head`: told of each new head, in order; what it raises passes through, the lines stand.
    """

    def __init__(
        self,
        folder: Path,
        environment: str,
        clock: Clock,
        *,
        secrets: Iterable[str] = (),
        anchor: Head | None = None,
        on_head: Callable[[Head], None] | None = None,
    ) -> None:
        self.folder, self.environment = folder, environment
        self._clock, self._redactor, self._on_head = clock, Redactor(secrets), on_head
        self._known = anchor  # must be in the trail whenever it is opened
        self._begin()

    def append(self, event: Event) -> Head:
        """Write one event, durable on return. Errors: `AuditError`; then the trail is as it was."""
        return self.append_many((event,))

    def append_many(self, events: Sequence[Event]) -> Head:
        """Write events as one group: all of them, or none. Returns the head, the former one where there are none."""
        fields = [self._redactor.clean(payload(event)) for event in events]
        with self._alone():
            with self._at_the_end() as tip:
                head = self._write(tip, fields)
            if fields and self._on_head:
                self._on_head(head)
        return head

    def head(self) -> Head:
        """The last record, by whichever process. Errors: `AuditError` where the trail is broken or cannot be read."""
        with self._alone(), self._at_the_end() as tip:
            return self._write(tip, []) if tip.repairs else tip.head

    def history(self) -> History:
        """The trail for reading."""
        return History(self.folder)

    def close(self) -> None:
        """Let go of the files; the next append opens them again."""
        with self._mutex:
            self._forget()
            self._lock.close()

    def __enter__(self) -> Trail:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def _begin(self) -> None:
        self._mutex, self._process = threading.Lock(), os.getpid()
        self._lock = TrailLock(self.folder)
        self._tip: Tip | None = None

    @contextlib.contextmanager
    def _alone(self) -> Iterator[None]:
        """Keep this process's other threads out. A forked child shares its parent's lock and must make its own."""
        if self._process != os.getpid():
            self._forget()
            self._lock.close()
            self._begin()
        with self._mutex:
            yield

    @contextlib.contextmanager
    def _at_the_end(self) -> Iterator[Tip]:
        """Today's file with everything read that others wrote, and nobody writing."""
        try:
            self._make_folder()
            with self._lock.held():
                yield self._current()
        except OSError as e:
            self._forget()
            message = f"cannot write the audit trail in {self.folder}: {e.strerror or e}."
            raise AuditError("E-AUDIT-WRITE", message, "No entry without a trail: check space and rights.") from e
        except DataError as e:  # the torn bytes could not be set aside
            self._forget()
            raise AuditError("E-AUDIT-WRITE", e.message, "No entry without a trail: check space and rights.") from e
        except BaseException:
            self._forget()
            raise

    def _make_folder(self) -> None:
        if self._tip is None:
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)

    def _current(self) -> Tip:
        tip = self._tip
        with contextlib.suppress(FileNotFoundError):
            if tip and tip.unchanged():
                return tip
            if tip and tip.grown():
                tip.read_on()
                return tip
        return self._opened()

    def _opened(self) -> Tip:
        """Look at the files anew: the first time, or because they are others than before."""
        self._forget()
        self._tip = tip = open_tip(self.folder)
        if self._known and not self._holds(self._known, tip.head):
            message = f"record {self._known.seq}, which was there, is gone from the audit trail in {self.folder}."
            raise AuditError("E-AUDIT-CUT", message, HINT)
        return tip

    def _holds(self, known: Head, last: Head) -> bool:
        if known.seq in (last.seq, START.seq):
            return known in (last, START)
        return known.seq < last.seq and self.history().hash_of(known.seq, locked=True) == known.hash

    def _write(self, tip: Tip, fields: Sequence[dict[str, Any]]) -> Head:
        now = self._clock.now_ms()
        day = day_of(now)
        if not fields and not tip.repairs:
            return tip.head
        if tip.day is not None and tip.day < day:
            self._tip = tip = rotate(tip, tip.day)
        lines, head = [], tip.head
        for record in (*self._first(tip), *fields):
            line, head = seal(record, self.environment, now, head)
            lines.append(line)
        tip.write(b"".join(lines), head, day)
        tip.repairs.clear()
        self._known = head
        return head

    def _first(self, tip: Tip) -> Iterator[dict[str, Any]]:
        """What must stand before the events: how a file begins, what was repaired."""
        if tip.size == 0 and tip.former:
            yield payload(Rotation(id="trail", former=tip.former))
        for repair in tip.repairs:
            yield payload(repair)

    def _forget(self) -> None:
        if self._tip:
            self._tip.close()
        self._tip = None
