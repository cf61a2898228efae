"""A process that searches, for tests that end it or start several: `worker.py PLACE SAMPLER TRIALS SHARED`."""

from __future__ import annotations

import sys
from pathlib import Path

from tests.research.search.worlds import MARKET, RANGES

from thunes.research.search.objective import Outcome
from thunes.research.search.search import search


def say(done: int, total: int, best: Outcome | None) -> None:
    print(done, flush=True)  # noqa: T201


def main(place: str, sampler: str, trials: str, shared: str) -> None:
    print("begun", flush=True)  # noqa: T201
    search(
        "sma_cross",
        MARKET,
        ranges=RANGES,
        sampler=sampler,
        trials=int(trials),
        place=place if "://" in place else Path(place),
        study="study",
        shared=shared == "shared",
        progress=say,
    )


if __name__ == "__main__":
    main(*sys.argv[1:])
