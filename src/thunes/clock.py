"""The one place that reads the wall clock. Everything else is handed a `Clock`."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from numbers import Integral
from typing import Protocol, SupportsIndex

from thunes.errors import UsageError

Moment = datetime | str | SupportsIndex  # what a user may write for a time


class Clock(Protocol):
    """Time as the rest of the program sees it."""

    def now_ms(self) -> int:
        """Epoch milliseconds, UTC."""
        ...

    def sleep(self, seconds: float) -> None:
        """Wait; a test's clock only advances itself."""
        ...


class SystemClock:
    """The machine's clock."""

    def now_ms(self) -> int:
        return time.time_ns() // 1_000_000

    def sleep(self, seconds: float) -> None:
        time.sleep(seconds)


class ManualClock:
    """A clock that moves only when told to, or by sleeping."""

    def __init__(self, start_ms: int) -> None:
        self._now = start_ms
        self.slept: list[float] = []

    def now_ms(self) -> int:
        return self._now

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self._now += round(seconds * 1000)


def to_datetime(ms: int) -> datetime:
    """Epoch milliseconds as an aware UTC datetime."""
    return datetime.fromtimestamp(ms / 1000, tz=UTC)


def to_ms(moment: Moment) -> int:
    """Epoch milliseconds of an aware datetime, an ISO text (UTC where it names no zone) or whole milliseconds.

    A naive datetime is refused: nobody can know what it meant. So is what is no moment at all, such as a truth value.
    """
    if not isinstance(moment, bool) and isinstance(moment, Integral):  # numpy's integers are no `int`
        return int(moment)
    if isinstance(moment, str):
        moment = _parse_iso(moment)
    if not isinstance(moment, datetime):
        raise UsageError("E-TIME-FORMAT", f"{moment!r} is no moment.", "Give ISO text, an aware datetime or epoch ms.")
    if moment.tzinfo is None:
        raise UsageError("E-TIME-NAIVE", f"naive datetime {moment.isoformat()}.", "Give it a time zone, best UTC.")
    return round(moment.timestamp() * 1000)


def _parse_iso(text: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise UsageError("E-TIME-FORMAT", f"{text!r} is not a date.", "Write 2021-03-01 or 2021-03-01T12:00.") from None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def iso(ms: int) -> str:
    """Epoch milliseconds as ISO text to the minute (or second, where it matters), UTC."""
    moment = to_datetime(ms)
    return moment.strftime("%Y-%m-%d %H:%M" if moment.second == 0 else "%Y-%m-%d %H:%M:%S")
