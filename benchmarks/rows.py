"""One row of the bench: what was measured, what came out, what was asked for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from benchmarks.measure import Timing


@dataclass(frozen=True)
class Goal:
    """A bound on a row's figure: at least or at most."""

    bound: float
    least: bool

    def met(self, value: float) -> bool:
        return value >= self.bound if self.least else value <= self.bound

    def text(self) -> str:
        return f"{'≥' if self.least else '≤'} {number(self.bound)}"


@dataclass(frozen=True)
class Row:
    """A case's figure (`value` in `unit`), the time it comes from, and the peer's time that it is compared with."""

    group: str
    case: str
    value: float
    unit: str
    timing: Timing | None = None
    sets: int | None = None
    bars: int | None = None
    peer: str = ""
    peer_timing: Timing | None = None
    goal: Goal | None = None
    note: str = ""
    facts: Mapping[str, Any] = field(default_factory=dict)

    @property
    def met(self) -> bool | None:
        return self.goal.met(self.value) if self.goal else None

    def to_dict(self) -> dict[str, Any]:
        """All of it as plain values."""
        return {
            "group": self.group,
            "case": self.case,
            "value": self.value,
            "unit": self.unit,
            "sets": self.sets,
            "bars": self.bars,
            "seconds": self.timing.to_dict() if self.timing else None,
            "peer": self.peer,
            "peer_seconds": self.peer_timing.to_dict() if self.peer_timing else None,
            "goal": {"bound": self.goal.bound, "least": self.goal.least} if self.goal else None,
            "met": self.met,
            "note": self.note,
            **self.facts,
        }


def number(value: float) -> str:
    """Three significant digits, whole from a hundred on, thousands separated."""
    if value and not 1e-3 <= abs(value) < 1e6:
        return f"{value:.2e}".replace("e+0", "e").replace("e-0", "e-")
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


def seconds(value: float) -> str:
    """A duration in the unit that reads best."""
    for unit, size in (("s", 1.0), ("ms", 1e-3), ("µs", 1e-6)):
        if value >= size:
            return f"{number(value / size)} {unit}"
    return f"{number(value / 1e-9)} ns"
