"""What risk reports when the state changes."""

from __future__ import annotations

from dataclasses import dataclass

from thunes.risk.book import Standing, State


@dataclass(frozen=True)
class RiskEvent:
    """A change of state, told once by the process that made it. `details`: figures as text."""

    time_ms: int
    before: State
    after: State
    code: str
    reason: str
    actor: str
    details: tuple[tuple[str, str], ...] = ()


def change(before: Standing, after: Standing, now: int, details: tuple[tuple[str, str], ...] = ()) -> RiskEvent | None:
    """The event of a change, None where the state is the same."""
    if before.state == after.state:
        return None
    return RiskEvent(now, before.state, after.state, after.code, after.reason, after.actor, details)
