"""Errors of thunes, by what to do about them.

ThunesError                   carries a stable code (E-…), what happened and what to do; its class gives the exit code
├── UsageError            2   the command or call was wrong: fix the arguments
├── SettingsError         3   fix .env or the environment
├── DataError             4   candles or a stored file are missing, stale or bad
├── StrategyError         1   a strategy broke its contract: fix its code
├── CheckFailed           1   two computations of one number differ: report it, trust neither
├── NetworkError          5   the exchange could not be reached, or answered nonsense
│   ├── Blocked           5   it answered, and refuses this place (HTTP 451, 403): waiting does not help
│   └── RateLimited       5   wait `retry_after` seconds
├── GateRefused           6   a check that guards promotion said no
├── ReconcileError        8   the exchange has not what the ledger expects
├── LockHeld              9   another process works on the same store
├── AuditError            4   the audit trail cannot be written, or is broken: entries stop
└── RiskError             7   entries, or all trading, are stopped; or risk's state cannot be trusted
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from typing import ClassVar


class ThunesError(Exception):
    """Base of all errors that a user can cause or must know of; never a bug of ours."""

    exit_code: ClassVar[int] = 1

    def __init__(self, code: str, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.code, self.message, self.hint = code, message, hint

    def __str__(self) -> str:
        """One line: what happened and why, what to do, the code."""
        parts = (self.message, self.hint, f"[{self.code}]")
        return " ".join(part for part in parts if part)


class UsageError(ThunesError):
    exit_code = 2


class SettingsError(ThunesError):
    exit_code = 3


class DataError(ThunesError):
    exit_code = 4


class StrategyError(ThunesError):
    exit_code = 1


class CheckFailed(ThunesError):
    exit_code = 1


class NetworkError(ThunesError):
    exit_code = 5


class Blocked(NetworkError):
    pass


class RateLimited(NetworkError):
    def __init__(self, code: str, message: str, hint: str = "", *, retry_after: float) -> None:
        super().__init__(code, message, hint)
        self.retry_after = retry_after  # seconds


class GateRefused(ThunesError):
    exit_code = 6


class LockHeld(ThunesError):
    exit_code = 9


class ReconcileError(ThunesError):
    exit_code = 8


class AuditError(ThunesError):
    exit_code = 4


class RiskError(ThunesError):
    exit_code = 7


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """A hint naming the nearest known word, or all of them when none is near."""
    names = sorted(known)
    near = difflib.get_close_matches(word, names, n=1, cutoff=0.6)
    return f"Did you mean {near[0]!r}?" if near else f"Known: {', '.join(names)}."
