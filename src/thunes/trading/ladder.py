"""Why an order was sent, or none: the ladder from data to order, read from the audit trail."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

from thunes.audit.events import Check, Decision, Event, OrderFill, OrderOutcome
from thunes.audit.events import Intent as Told
from thunes.audit.history import Entry, History

STAGES = ("data", "exposure", "sizing", "filters", "risk", "order")
# Where a pass stops that no check failed in, by the beginning of its code.
STOPS = {
    "E-DATA": "data",
    "E-PRICE": "data",
    "E-HOLD-FLAT": "exposure",
    "E-HOLD-AS-WANTED": "exposure",
    "E-HOLD": "sizing",
    "E-SYMBOL": "filters",
    "E-FILTER": "filters",
    "E-RISK": "risk",
}
STORY = (Told, OrderOutcome, OrderFill)

Verdict = Literal["passed", "stop", "not reached"]


@dataclass(frozen=True)
class Rung:
    """A stage of the ladder; the first that says stop is where the pass ended."""

    stage: str
    verdict: Verdict
    checks: tuple[Check, ...] = ()


@dataclass(frozen=True)
class Ladder:
    """One decision with its rungs, and what became of its order. `time_ms`: when it was written."""

    decision: Decision
    time_ms: int
    rungs: tuple[Rung, ...]
    order: tuple[Event, ...] = ()

    @property
    def stop(self) -> str | None:
        """The stage where it ended; None for an order that the exchange took."""
        return next((rung.stage for rung in self.rungs if rung.verdict == "stop"), None)


def explain(history: History, environment: str, symbol: str, bar_ms: int | None = None) -> Ladder | None:
    """The last decision on a symbol, or that of a bar (open time); None where the trail has none.

    Of several passes in one bar it is the one that sent an order, else the last. Errors: `AuditError` for a trail that
    cannot be read.
    """
    entry = _chosen(_of_bar(history, environment, symbol, bar_ms))
    if entry is None or not isinstance(entry.event, Decision):
        return None
    decision = entry.event
    order = [found.event for found in history.story(decision.order)] if decision.order else []
    story = tuple(event for event in order if isinstance(event, STORY) and event.id == decision.order)
    return Ladder(decision, entry.ts, _rungs(decision, story), story)


def _of_bar(history: History, environment: str, symbol: str, bar_ms: int | None) -> list[Entry]:
    """The decisions of one bar, newest first."""
    found: list[Entry] = []
    for entry in history.backwards("decision"):
        event = entry.event
        if not isinstance(event, Decision) or event.symbol != symbol or entry.env != environment:
            continue
        if event.bar == (found[0].event.bar if found and isinstance(found[0].event, Decision) else bar_ms or event.bar):
            found.append(entry)
        elif found:
            break
    return found


def _chosen(entries: Sequence[Entry]) -> Entry | None:
    sent = (entry for entry in entries if isinstance(entry.event, Decision) and entry.event.order)
    return next(sent, entries[0] if entries else None)


def _rungs(decision: Decision, story: Sequence[Event]) -> tuple[Rung, ...]:
    stop = _stop(decision, story)
    last = STAGES.index(stop) if stop else len(STAGES)
    checks = (*decision.checks, *_order_checks(story))
    made = []
    for place, stage in enumerate(STAGES):
        verdict: Verdict = "passed" if place < last else "stop" if place == last else "not reached"
        made.append(Rung(stage, verdict, tuple(check for check in checks if check.stage == stage)))
    return tuple(_with_reason(rung, decision) for rung in made)


def _stop(decision: Decision, story: Sequence[Event]) -> str | None:
    failed = next((check.stage for check in decision.checks if not check.passed), None)
    if failed is not None:
        return failed
    if decision.order is not None:
        refused = any(isinstance(event, OrderOutcome) and event.result != "ACCEPTED" for event in story[-1:])
        return "order" if refused else None
    return next((stage for start, stage in STOPS.items() if decision.code.startswith(start)), "order")


def _order_checks(story: Sequence[Event]) -> list[Check]:
    return [
        Check(
            stage="order",
            name="outcome",
            passed=event.result == "ACCEPTED",
            value=event.result,
            text=" ".join(filter(None, (event.status, event.reason))) or None,
        )
        for event in story
        if isinstance(event, OrderOutcome)
    ]


def _with_reason(rung: Rung, decision: Decision) -> Rung:
    """Where it stopped, the decision's own words, unless a check that failed says it."""
    if rung.verdict != "stop" or any(not check.passed for check in rung.checks):
        return rung
    said = Check(stage=rung.stage, name="decision", passed=False, code=decision.code, text=decision.reason)
    return replace(rung, checks=(*rung.checks, said))
