"""Measure which planted drift gives the best sma_cross set which true Sharpe ratio: the table beside the generator.

    python scripts/measure_synthetic_edges.py             # five minutes on one core; prints the table
    python scripts/measure_synthetic_edges.py --write     # and writes src/thunes/market/synthetic_edges.json

The truth wanted is a property of the market, not of a sample: the Sharpe ratio to which a rule's daily net returns
(365 a year, fills at the next open, default costs) tend over ever more years. Three passes, each on years of its own:

1. every set of the declared space on `--years` years under a ladder of drifts: which set is best on each step;
2. those sets alone on ten times the years: a cubic through their Sharpe ratios gives the drift of each strength;
3. the set at that drift on as many other years: `check` and its standard error, which owe nothing to the fit.

The generator knows each hour's drift, and what a position earns beyond it is noise of mean zero: `check` takes the mean
return over the drift alone, the deviation over the returns. `realised` takes both over the returns.
"""

# ruff: noqa: T201 (a script speaks on stdout)

from __future__ import annotations

import argparse
import json
from pathlib import Path

import numpy as np

from thunes.kernels.compiled import jit
from thunes.kernels.indicators import sma
from thunes.market import synthetic
from thunes.model import Costs
from thunes.strategies.sma_cross import SmaCross

TABLE = Path(synthetic.__file__).with_name("synthetic_edges.json")
STRENGTHS = (0.5, 1.0, 1.5, 2.0, 2.5, 3.0)
LADDER = (0.035, 0.045, 0.055, 0.065, 0.075, 0.085, 0.1)
CHUNK_YEARS = 5  # longer paths lose precision in their running sums
LONGER = 10
SEARCH_SEEDS, FIT_SEEDS, CHECK_SEEDS = 1_000_000, 2_000_000, 3_000_000
SETS = [(int(s["fast"]), int(s["slow"])) for s in SmaCross.space()]


@jit
def daily_sums(fast, slow, gross, expected, cost, out):  # type: ignore[no-untyped-def]
    """Add one set's daily net returns to `out`: expected sum, realised sum, sum of squares, days.

    Hour t's close decides; the fill is at the open of t + 1, from which `gross` and `expected` (simple return to the
    next open, and its mean given the regime) are counted. A day's return compounds its hours.
    """
    held, value, mean = 0, 1.0, 0.0
    for t in range(gross.size - 1):
        if (t + 1) % 24 == 0:
            out[0] += mean
            out[1] += value - 1.0
            out[2] += (value - 1.0) ** 2
            out[3] += 1.0
            value, mean = 1.0, 0.0
        wanted = 1 if fast[t] > slow[t] else 0
        paid = cost * abs(wanted - held)
        held = wanted
        mean += value * (held * expected[t + 1] - paid)
        value *= 1.0 + held * gross[t + 1] - paid


def account(seed: int, drift: float, sets: list[tuple[int, int]]) -> np.ndarray:
    """`daily_sums` of each set over one chunk of the market: float64[sets, 4]."""
    hours = synthetic.simulate_hours("BTCUSDT", seed, CHUNK_YEARS * 8760, drift=drift)
    closes, opens = np.exp(hours.log_open + hours.change), np.exp(hours.log_open)
    gross, expected = opens[1:] / opens[:-1] - 1, np.expm1(hours.growth + 0.5 * hours.volatility**2)
    means = {window: sma(closes, window) for window in {w for pair in sets for w in pair}}
    costs, out = Costs(), np.zeros((len(sets), 4))
    for row, (fast, slow) in zip(out, sets, strict=True):
        daily_sums(means[fast], means[slow], gross, expected, costs.fee + costs.slippage, row)
    return out


def sharpe(sums: np.ndarray, realised: bool = False) -> np.ndarray:
    """Annualised Sharpe ratio of pooled daily sums, the last axis of `sums`."""
    days = sums[..., 3]
    deviation = np.sqrt(sums[..., 2] / days - (sums[..., 1] / days) ** 2)
    return np.asarray(sums[..., int(realised)] / days / deviation * np.sqrt(365))


def standard_error(chunks: np.ndarray) -> float:
    """Of the pooled Sharpe ratio of one set, by leaving out a chunk at a time: float64[chunks, 4]."""
    left_out = sharpe(chunks.sum(axis=0) - chunks)
    return float(np.sqrt((len(chunks) - 1) * left_out.var()))


def measure(drift: float, first_seed: int, chunks: int, sets: list[tuple[int, int]]) -> np.ndarray:
    """`account` of as many seeds as chunks: float64[chunks, sets, 4]."""
    return np.stack([account(first_seed + chunk, drift, sets) for chunk in range(chunks)])


def best_set(drift: float, chunks: int) -> tuple[int, int]:
    """The set of the declared space with the highest Sharpe ratio under one drift."""
    pooled = sharpe(measure(drift, SEARCH_SEEDS, chunks, SETS).sum(axis=0))
    best, plateau = SETS[int(pooled.argmax())], (pooled > 0.9 * pooled.max()).mean()
    print(f"drift {drift:.3f}: Sharpe {pooled.max():.3f} at {best}; {plateau:.0%} of sets within 10 %", flush=True)
    return best


def check(strength: float, drift: float, pair: tuple[int, int], chunks: int) -> dict[str, float]:
    """One row of the table: a strength's drift and set, and what other years say of them."""
    years = measure(drift, CHECK_SEEDS, chunks, [pair])[:, 0]
    pooled = years.sum(axis=0)
    found = {
        "check": sharpe(pooled),
        "standard_error": standard_error(years),
        "realised": sharpe(pooled, realised=True),
    }
    row = {"sharpe": strength, "drift": round(drift, 5), "fast": pair[0], "slow": pair[1]}
    row |= {name: round(float(value), 3) for name, value in found.items()}
    print(row, flush=True)
    return row


def main() -> None:
    """Measure, print, and write where asked to."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--years", type=int, default=200)
    parser.add_argument("--write", action="store_true")
    given = parser.parse_args()
    chunks = given.years // CHUNK_YEARS
    best = [best_set(drift, chunks) for drift in LADDER]
    ratios = [
        float(sharpe(measure(drift, FIT_SEEDS, LONGER * chunks, [pair])[:, 0].sum(axis=0)))
        for drift, pair in zip(LADDER, best, strict=True)
    ]
    cubic = np.polynomial.Polynomial.fit(ratios, LADDER, 3)
    print(f"ladder: {np.round(ratios, 3)}; the cubic misses it by {np.abs(cubic(np.array(ratios)) - LADDER).max():.5f}")
    nearest = [best[int(np.abs(np.array(ratios) - s).argmin())] for s in STRENGTHS]
    rows = [check(s, float(cubic(s)), pair, LONGER * chunks) for s, pair in zip(STRENGTHS, nearest, strict=True)]
    if given.write:
        years = {"search": given.years, "fit": LONGER * given.years, "check": LONGER * given.years}
        table = {"years": years, "sets": len(SETS), "costs": vars(Costs()), "rows": rows}
        TABLE.write_text(json.dumps(table, indent=1) + "\n")


if __name__ == "__main__":
    main()
