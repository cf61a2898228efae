"""Simulated markets by kind, strength, seed and years: hourly candles whose edge is known.

A kind is a function of random numbers to simple hourly returns; strength 0 means that no rule has timing profit. The
planted kinds carry their true net Sharpe ratio (daily returns, 365 a year, default costs, the best set known in
advance) as their strength: trends by the table of the synthetic market, reversals by `reversal.json`.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from thunes.clock import to_ms
from thunes.market import synthetic
from thunes.model import Candles, Costs, Float1D

HOURS = 8_760  # a year
VOLATILITY = 0.007  # an hour
FREE = Costs(fee=0.0, slippage=0.0)
REVERSAL = Path(__file__).with_name("reversal.json")
REVERSAL_HOURS = 24.0  # in which a price away from its value comes back by all but 1/e

Returns = Callable[[np.random.Generator, int, Float1D], Float1D]


@dataclass(frozen=True)
class Market:
    """One simulated market: which kind, how strong its edge is, which seed, how many years."""

    kind: str
    seed: int
    years: float = 3.0
    strength: float = 0.0

    @property
    def costs(self) -> Costs:
        return FREE if self.kind == "zero_cost" else Costs()

    def candles(self, real: Float1D) -> Candles:
        """Its hourly candles; `real` are hourly simple returns of a real market, for the kinds made of them."""
        bars = round(self.years * HOURS)
        if self.kind in ("trend", "dead", "synthetic"):
            return _synthetic(self, bars)
        random = np.random.default_rng([self.seed, int.from_bytes(self.kind.encode())])
        returns = (
            reversal(random, bars, self.strength)
            if self.kind == "reversal"
            else EDGELESS[self.kind](random, bars, real)
        )
        return candles_of(returns, f"calibration:{self.kind},{self.seed}")


def candles_of(returns: Float1D, source: str) -> Candles:
    """Candles whose opens are the closes before them."""
    close = 100.0 * np.cumprod(1.0 + np.maximum(returns, -0.5))
    opened = np.append(100.0, close[:-1])
    times = to_ms("2019-01-01") + 3_600_000 * np.arange(close.size)
    high, low = np.maximum(opened, close), np.minimum(opened, close)
    volume = np.ones(close.size)
    return Candles("BTCUSDT", "1h", times, opened, high, low, close, volume, source)


def _synthetic(market: Market, bars: int) -> Candles:
    """The product's own market; `dead` has an edge until one year before its end."""
    end = synthetic.START + bars * 3_600_000
    ends = None
    if market.kind == "dead":
        ends = str(np.datetime64(end - HOURS * 3_600_000, "ms").astype("datetime64[M]"))
    made = {"seed": market.seed, "edge": market.strength, "edge_ends": ends}
    return synthetic.generate("BTCUSDT", "1h", bars, **made)  # type: ignore[arg-type]


def drift(sharpe: float) -> float:
    """Mean hourly return of a market whose holder has this Sharpe ratio."""
    return sharpe * VOLATILITY / np.sqrt(HOURS)


def normal(random: np.random.Generator, bars: int, _: Float1D) -> Float1D:
    """Independent normal returns."""
    return VOLATILITY * random.standard_normal(bars)


def student(random: np.random.Generator, bars: int, _: Float1D) -> Float1D:
    """Independent t(3) returns."""
    return VOLATILITY / np.sqrt(3.0) * random.standard_t(3, bars)


def garch(random: np.random.Generator, bars: int, _: Float1D) -> Float1D:
    """GARCH(1, 1) with t(5) shocks: α 0.08, β 0.9."""
    shocks = random.standard_t(5, bars) / np.sqrt(5 / 3)
    out, variance = np.empty(bars), VOLATILITY**2
    for t in range(bars):
        out[t] = np.sqrt(variance) * shocks[t]
        variance = 0.02 * VOLATILITY**2 + 0.08 * out[t] ** 2 + 0.9 * variance
    return out


def real_magnitudes(random: np.random.Generator, bars: int, real: Float1D) -> Float1D:
    """Sizes of a real stretch in their order, signs by coin, the real drift."""
    stretch = np.take(real, random.integers(real.size) + np.arange(bars), mode="wrap")
    return real.mean() + random.choice([-1.0, 1.0], bars) * np.abs(stretch - real.mean())


def real_blocks(random: np.random.Generator, bars: int, real: Float1D) -> Float1D:
    """Days of the real market, drawn with replacement, with their drift."""
    starts = random.integers(0, real.size - 24, -(-bars // 24))
    return real[(starts[:, None] + np.arange(24)).ravel()[:bars]]


EDGELESS: Mapping[str, Returns] = {
    "normal": normal,
    "student": student,
    "garch": garch,
    "garch_drift": lambda random, bars, real: garch(random, bars, real) + drift(1.0),
    "bull": lambda random, bars, real: normal(random, bars, real) + drift(2.0),
    "real_magnitudes": real_magnitudes,
    "real_blocks": real_blocks,
    "zero_cost": normal,
}
KINDS = (*EDGELESS, "synthetic", "trend", "reversal", "dead")


def reversal(random: np.random.Generator, bars: int, strength: float) -> Float1D:
    """Returns of a price that strays from a random walk and comes back."""
    return reverting(random, bars, stray_of(strength))


def reverting(random: np.random.Generator, bars: int, stray: float) -> Float1D:
    """A random walk plus an autoregression of `stray` hourly deviations, both moving each hour."""
    stay = np.exp(-1.0 / REVERSAL_HOURS)
    shocks = VOLATILITY * stray * random.standard_normal(bars + 1)
    away = np.empty(bars + 1)
    away[0] = shocks[0]
    for t in range(1, bars + 1):
        away[t] = stay * away[t - 1] + shocks[t]
    return np.expm1(VOLATILITY * random.standard_normal(bars) - VOLATILITY**2 / 2 + np.diff(away))


@functools.cache
def _measured() -> list[dict[str, float]]:
    rows: list[dict[str, float]] = json.loads(REVERSAL.read_text())["rows"]
    return rows


def stray_of(sharpe: float) -> float:
    """How far the price strays where the best bollinger_reversion set has this true Sharpe ratio."""
    rows = _measured()
    return float(np.interp(sharpe, [r["sharpe"] for r in rows], [r["stray"] for r in rows]))
