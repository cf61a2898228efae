"""Measure the true Sharpe ratio of planted reversals: `python -m benchmarks.calibration.truth`, a few minutes.

For each size of straying, on many simulated years: every set of bollinger_reversion on one half, then the best of them
alone on the other, by daily net returns. The table goes to `reversal.json`.
"""

from __future__ import annotations

import json
from collections.abc import Iterator

import numpy as np

from benchmarks.calibration.markets import HOURS, REVERSAL, candles_of, reverting
from thunes.model import Costs
from thunes.research.grid import grid
from thunes.research.sweep import sweep
from thunes.strategies.registry import load

STRAYS = (0.6, 0.8, 1.0, 1.25, 1.5, 2.0)
CHUNK_YEARS, CHUNKS = 5, 20


def daily(stray: float, seed: int, **ranges: object) -> np.ndarray:
    """Sum, sum of squares and number of daily net returns of each set over a chunk: float64 (3, sets)."""
    candles = candles_of(reverting(np.random.default_rng([seed, 77]), CHUNK_YEARS * HOURS, stray), "truth")
    blocks = sweep("bollinger_reversion", candles, block_length=24, metrics=["total_return"], **ranges).blocks  # type: ignore[arg-type]
    assert blocks is not None
    costs = Costs()
    net = blocks.gross - (costs.fee + costs.slippage) * blocks.switches
    return np.stack([net.sum(axis=1), (net**2).sum(axis=1), np.full(len(net), net.shape[1])])


def sharpe(sums: np.ndarray) -> np.ndarray:
    """Annualised Sharpe ratio of each set from its daily sums."""
    total, squares, days = sums
    with np.errstate(invalid="ignore", divide="ignore"):
        return total / days / np.sqrt(squares / days - (total / days) ** 2) * np.sqrt(365)


def rows() -> Iterator[dict[str, float]]:
    """One row a size: the ratio of the set that was best on other years."""
    for stray in STRAYS:
        found = sharpe(sum(daily(stray, seed) for seed in range(CHUNKS)))
        best = int(np.nanargmax(found))
        values = set_of(best)
        apart = [daily(stray, 1_000 + seed, **values) for seed in range(2 * CHUNKS)]
        left_out = [float(sharpe(sum(apart) - one)[0]) for one in apart]
        error = np.sqrt((len(apart) - 1) * np.var(left_out))
        row = {"sharpe": float(sharpe(sum(apart))[0]), "standard_error": float(error), "stray": stray, **values}
        print({name: round(float(value), 3) for name, value in row.items()}, flush=True)
        yield row


def set_of(row: int) -> dict[str, float]:
    """The parameters of a row of the declared space."""
    return {name: values[row].item() for name, values in grid(load("bollinger_reversion"), {}).items()}


if __name__ == "__main__":
    REVERSAL.write_text(json.dumps({"years": 2 * CHUNKS * CHUNK_YEARS, "rows": list(rows())}, indent=1) + "\n")
