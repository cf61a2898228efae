"""What the gates ask for and what they answer, as plain values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from thunes.model import Costs, Fill
from thunes.research.provenance import finite
from thunes.strategies.base import Strategy

CALIBRATED = frozenset({"1h"})  # intervals whose error rates were measured
USUAL = Costs()  # at lower ones the gates err more often


@dataclass(frozen=True)
class Thresholds:
    """What the gates ask for: p at most, t above, round trips a year and years of history at least, exposure within."""

    p: float = 0.005  # half of 1 %: at 1 %, 3 of 630 markets without an edge passed, all among the 70 without costs
    recent_t: float = 0.5
    round_trips: float = 10.0
    exposure: tuple[float, float] = (0.05, 0.95)
    years: float = 2.0


@dataclass(frozen=True)
class Terms:
    """What was judged under which conditions; `asked_for` says that somebody chose the set."""

    interval: str
    costs: Costs
    fill: Fill
    limits: Thresholds
    asked_for: bool

    @property
    def uncalibrated(self) -> str:
        """Why nobody knows how often the gates err here; empty where it was measured."""
        if self.interval not in CALIBRATED:
            return f"how often these gates err on {self.interval} candles was not measured"
        if self.limits != Thresholds():
            return "the thresholds were changed in the settings, and how often they err was not measured"
        if self.fill != "next_open" or self.costs.fee < USUAL.fee or self.costs.slippage < USUAL.slippage:
            return "how often these gates err at lower costs or other fills was not measured"
        return ""


@dataclass(frozen=True)
class Gate:
    """One answer: `value` (NaN where undefined) was asked to be as `asked` says, and what that means in words."""

    gate: str
    value: float
    asked: str
    threshold: float
    passed: bool
    meaning: str

    def to_dict(self) -> dict[str, Any]:
        """Plain values; an undefined one is None."""
        return {**asdict(self), "value": finite(self.value)}


@dataclass(frozen=True)
class Verdict:
    """What the gates say of one or several strategies' spaces on one series of candles.

    `best` has the highest in-sample t of all eligible sets. `deployed` is what would be traded: the peak of its
    strategy's plateau, or the set that was asked for. Both are None where no set is eligible. `figures` are shown
    beside the gates, `tested` counts each strategy's sets, `tried` the spaces searched on this stretch of history.
    `walk` is what the walk-forward would have traded: from which bar on which set, None for none.
    """

    gates: tuple[Gate, ...]
    best: Strategy | None
    deployed: Strategy | None
    figures: Mapping[str, float]
    tested: Mapping[str, int]
    tried: int
    terms: Terms
    walk: tuple[tuple[int, Strategy | None], ...] = ()

    @property
    def passed(self) -> bool:
        """Whether every gate is."""
        return all(gate.passed for gate in self.gates)

    @property
    def calibrated(self) -> bool:
        """Whether the error rates were measured under these conditions."""
        return not self.terms.uncalibrated

    def to_dict(self) -> dict[str, Any]:
        """Plain values; undefined figures are None."""
        return {
            "passed": self.passed,
            "calibrated": self.calibrated,
            "strategy": self.deployed.name() if self.deployed else None,
            "best": self.best.values if self.best else None,
            "deployed": self.deployed.values if self.deployed else None,
            "gates": [gate.to_dict() for gate in self.gates],
            "figures": {name: finite(value) for name, value in self.figures.items()},
            "tested": dict(self.tested),
            "tried": self.tried,
        }
