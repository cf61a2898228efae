"""A verdict in words and as a table of 80 columns."""

from __future__ import annotations

import math
from collections.abc import Iterator

from rich.table import Table
from rich.text import Text

from thunes.clock import iso
from thunes.model import Candles
from thunes.research.gates.power import expected_power
from thunes.research.gates.verdict import Verdict


def table(verdict: Verdict) -> Table:
    """One row a gate: what it found, what it asks, whether that passed, what it means."""
    found = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    found.add_column("gate", no_wrap=True)
    found.add_column("value", justify="right", no_wrap=True)
    found.add_column("asked", no_wrap=True)
    found.add_column("", no_wrap=True)
    found.add_column("meaning")
    for gate in verdict.gates:
        answer = Text("pass", "green") if gate.passed else Text("FAIL", "bold red")
        found.add_row(gate.gate, number(gate.value), f"{gate.asked} {number(gate.threshold)}", answer, gate.meaning)
    return found


def number(value: float) -> str:
    """A gate's figure: as many digits as tell it from its threshold."""
    if math.isnan(value):
        return "–"
    if 0 < abs(value) < 0.001:
        return f"{value:.2g}"
    return f"{value:.4f}" if 0 < abs(value) < 0.1 else f"{value:.4g}"


def failures(verdict: Verdict) -> str:
    """The gates that failed, with their figures, as half a sentence."""
    return "; ".join(
        f"{gate.gate} {number(gate.value)}, asked {gate.asked} {number(gate.threshold)}"
        for gate in verdict.gates
        if not gate.passed
    )


def headline(verdict: Verdict, candles: Candles) -> str:
    """What was judged, and the answer."""
    judged = verdict.deployed.name() if verdict.deployed else ", ".join(verdict.tested) or "nothing"
    span = f"{iso(int(candles.open_time[0]))[:10]} … {iso(int(candles.open_time[-1]))[:10]}"
    answer = "passed every gate" if verdict.passed else "refused"
    return f"{judged} on {candles.symbol} {candles.interval}, {len(candles):,} bars, {span}: {answer}"


def notes(verdict: Verdict, years: float) -> Iterator[str]:
    """What must be read with the table."""
    sets = sum(verdict.tested.values())
    if sets:
        spaces = "" if verdict.tried == 1 else f", and {verdict.tried} spaces were tried on this stretch of history"
        yield f"Tested: all {sets:,} sets of {', '.join(verdict.tested)}{spaces}."
    if why := verdict.terms.uncalibrated:
        yield f"Not calibrated: {why}."
    elif (power := expected_power(years)) and [*verdict.tested] == ["sma_cross"] and verdict.tried == 1:
        shares = ", ".join(f"{share:.0%} at {sharpe:g}" for sharpe, share in power.items())
        yield f"Of markets with planted trends {years:.1f} years let pass, by true Sharpe ratio: {shares}."
    if verdict.terms.asked_for:
        yield "This set was asked for: whoever chose it may have seen all of this history, G2 and G3 included."
    if verdict.best is not None and verdict.deployed is not None and verdict.best != verdict.deployed:
        yield f"Highest t: {verdict.best!r} ({verdict.figures['best_t']:.2f}); {_deployed(verdict)}."


def _deployed(verdict: Verdict) -> str:
    deployed, t, peak = verdict.deployed, verdict.figures["deployed_t"], verdict.figures["peak_t"]
    if t == peak:
        return f"deployed would be the middle of the highest plateau, {deployed!r} ({t:.2f})"
    return f"the set asked for is {deployed!r} ({t:.2f}), the middle of the highest plateau has {peak:.2f}"
