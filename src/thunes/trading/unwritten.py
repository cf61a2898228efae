"""Writes that fail, for want of space mostly: they stop entries, and hold no exit back."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress

from thunes.errors import AuditError, DataError, RiskError, ThunesError
from thunes.risk.manager import RiskManager

CODES = frozenset({"E-AUDIT-WRITE", "E-LEDGER-WRITE", "E-FILE-WRITE", "E-RISK-UNWRITABLE"})


class Unwritten:
    """The first write of a pass that failed, or None."""

    def __init__(self, risk: RiskManager) -> None:
        self._risk = risk
        self.error: ThunesError | None = None

    @contextmanager
    def forgiven(self) -> Iterator[None]:
        """What cannot be written inside ends it, and is remembered; every other error passes through."""
        try:
            yield
        except (AuditError, DataError, RiskError) as error:
            if error.code not in CODES:
                raise
            self.error = self.error or error

    def complain(self) -> None:
        """Raise what was remembered."""
        if self.error is not None:
            raise self.error

    @contextmanager
    def stopping(self) -> Iterator[None]:
        """A pass: where it ends because something cannot be written, entries stop until a person resumes."""
        self.error = None
        try:
            yield
        except (AuditError, DataError, RiskError) as error:
            if error.code in CODES:
                self._stop(error)
            raise

    def _stop(self, error: ThunesError) -> None:
        with suppress(RiskError, AuditError, DataError):  # risk stops this process first, whatever cannot be written
            if self._risk.standing().state == "ACTIVE":
                self._risk.kill(error.message.rstrip("."), actor="trader")
