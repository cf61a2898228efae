"""What is said of a search, the same on the page and in the terminal."""

from __future__ import annotations

from thunes.research.report.assumptions import costs_text, synthetic_notice
from thunes.research.report.figures import count
from thunes.research.search.result import SearchResult


def set_text(result: SearchResult) -> str:
    """The best set: fast=20, slow=50."""
    return ", ".join(f"{name}={value:g}" for name, value in result.best.items())


def facts(result: SearchResult) -> dict[str, str]:
    """What the search rests on, label to text, in reading order."""
    states = {name.replace("_", " "): n for name, n in result.trials.counts().items() if n}
    drawn = (
        result.sampler if result.shared or result.sampler == "exhaustive" else f"{result.sampler}, seed {result.seed}"
    )
    fold = result.task.folds[0]
    bars = f"{len(result.task.folds)} of {fold.last - fold.first:,} bars after {fold.first:,} of warm-up"
    return {
        "Sampler": drawn,
        "Sets": f"{count(len(result))} tried of {count(result.space.size)} in the space",
        "Of these": ", ".join(f"{n:,} {name}" for name, n in states.items()),
        "Folds": bars,
        "Costs": costs_text(result.task.costs),
        "Fewest trades": count(result.task.min_trades),
        "Study": result.study,
        "Note": result.note,
    }


def notice(result: SearchResult) -> str:
    """The banner of made-up candles; empty for real ones."""
    return synthetic_notice(result.task.candles)


def luck_note(result: SearchResult) -> str:
    """What the best of many must be read with."""
    return f"The best of {len(result):,} sets is mostly luck: let the promotion gates judge it."
