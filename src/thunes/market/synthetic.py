"""An embedded market: candles made from a seed, with the habits of real ones and no edge unless one is planted.

One market per seed and symbol, drawn on a grid of minutes from 2018-01-01 on: candles of every interval from a minute
to a month are aggregates of the same path, and any window of it is the same whichever bars were asked for. (Seconds
are drawn between the minutes and agree with them in open and close; a second's extremes are its own.)

The price is a geometric Brownian path whose variance changes from hour to hour: each of `SCALES` two-state chains with
mean dwells of 3, 9, 27, 81, 243, 729 hours makes it larger or smaller (the binomial case of Calvet and Fisher 2004,
"How to forecast long-run volatility", J. Financial Econometrics 2), the hour of the day modulates it, and jumps of
random sign come on top. Every factor that carries a sign is exp(s·z − s²/2) with z normal and s independent of it, so
its mean given the past is exactly 1: without an edge, simple returns have mean 0 for any rule known at a close.

An edge is a drift of fixed size whose sign switches with mean dwell 336 hours; over all time it is zero.
`synthetic_edges.json` says which size gives the best sma_cross set which Sharpe ratio;
`scripts/measure_synthetic_edges.py` measured it.
"""

from __future__ import annotations

import functools
import json
import math
import re
from dataclasses import dataclass
from importlib import resources
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from thunes.clock import iso, to_ms
from thunes.errors import UsageError
from thunes.model import COLUMNS, Candles, Float1D, Int1D, interval_ms

Float2D = NDArray[np.float64]

SECOND, MINUTE, HOUR = 1_000, 60_000, 3_600_000
START = to_ms("2018-01-01")  # a Monday, the first of a month, and whole triples of days after the epoch
END = to_ms("2100-01-01")
LIFE = (END - START) // HOUR
BLOCK = 168  # hours that are drawn together
DEFAULT_SEED = 1

HOURLY_VOLATILITY = 0.007  # root mean square of hourly returns: 65 % a year
SCALES = 6
SWING = 0.45  # a chain multiplies the variance by 1 ± SWING
DWELL = np.array([*(3.0**k for k in range(1, SCALES + 1)), 336.0])  # hours; the last is the drift's
JUMP_RATE, JUMP_SIZE = 1 / 500, 4.0  # an hour; in hourly standard deviations
GAP_SIZE = 0.03  # between an hour's close and the next open, in hourly standard deviations
TURNOVER = 50e6  # quote currency an hour
START_PRICES = {"BTC": 30_000.0, "ETH": 2_000.0, "BNB": 300.0, "SOL": 50.0, "XRP": 0.5, "DOGE": 0.1, "ADA": 0.5}

_FORM = re.compile(r"synthetic(?::(?P<seed>\d{1,19})(?:,edge=(?P<edge>\d+(?:\.\d+)?)(?:@(?P<ends>\d{4}-\d\d))?)?)?")
_YEARS = "the synthetic market's life, 2018 to 2099"
_EXAMPLES = "Write synthetic, synthetic:SEED or synthetic:SEED,edge=S[@YYYY-MM], such as synthetic:7,edge=2@2020-06."


@dataclass(frozen=True)
class SyntheticSpec:
    """Which synthetic market: its seed, the planted Sharpe ratio, and the month (`YYYY-MM`, UTC) in which that dies."""

    seed: int = DEFAULT_SEED
    edge: float = 0.0
    edge_ends: str | None = None

    def __post_init__(self) -> None:
        if not 0 <= self.seed < 2**63:
            raise UsageError("E-SYNTHETIC-SEED", f"seed {self.seed} must be a whole number from 0 to 2^63 − 1.")
        if self.edge != 0:
            drift_of(self.edge)  # refuses what was not measured
        if self.edge_ends is not None:
            self._validate_end(self.edge_ends)

    def _validate_end(self, month: str) -> None:
        if self.edge == 0:
            raise UsageError("E-SYNTHETIC-EDGE", f"there is no edge that could end in {month}.", _EXAMPLES)
        if not re.fullmatch(r"\d{4}-(0[1-9]|1[0-2])", month):
            raise UsageError("E-SYNTHETIC-EDGE", f"{month!r} is not a month.", _EXAMPLES)
        if not 0 < self.drift_hours < LIFE:
            raise UsageError("E-SYNTHETIC-EDGE", f"the edge would end in {month}.", f"Choose a month in {_YEARS}.")

    @property
    def drift_hours(self) -> int:
        """How many hours of the market's life have a drift."""
        return (to_ms(f"{self.edge_ends}-01") - START) // HOUR if self.edge_ends else LIFE

    @property
    def drift(self) -> float:
        """Its size per hour, in units of `HOURLY_VOLATILITY`."""
        return drift_of(self.edge) if self.edge else 0.0

    @property
    def source(self) -> str:
        """The text that names this market everywhere; `parse` reads it."""
        ends = f"@{self.edge_ends}" if self.edge_ends else ""
        return f"synthetic:{self.seed},edge={self.edge:.12g}{ends}"


def parse(text: str) -> SyntheticSpec:
    """The market that `synthetic[:SEED[,edge=S[@YYYY-MM]]]` names; SEED is 1 and S is 0 unless given.

    >>> parse("synthetic:7,edge=2@2020-06").source
    'synthetic:7,edge=2@2020-06'
    """
    found = _FORM.fullmatch(text)
    if found is None:
        raise UsageError("E-SYNTHETIC-FORM", f"{text!r} names no synthetic market.", _EXAMPLES)
    seed, edge, ends = found.group("seed", "edge", "ends")
    return SyntheticSpec(int(seed or DEFAULT_SEED), float(edge or 0), ends)


@functools.cache
def edges() -> dict[str, Any]:
    """The measured table: what was measured, and per Sharpe ratio the drift, the best set and the standard errors."""
    table: dict[str, Any] = json.loads(resources.files(__package__).joinpath("synthetic_edges.json").read_text())
    return table


def drift_of(sharpe: float) -> float:
    """Drift per hour, in units of `HOURLY_VOLATILITY`, that gives the best sma_cross set this true Sharpe ratio.

    Net of the default costs, on daily returns, annualised by 365 days; linear between the measured strengths, and
    refused outside them.
    """
    rows = edges()["rows"]
    first, last = rows[0]["sharpe"], rows[-1]["sharpe"]
    if not first <= sharpe <= last:
        why = f"edge={sharpe:g} was never measured."
        raise UsageError("E-SYNTHETIC-EDGE", why, f"Give 0 (none) or a Sharpe ratio from {first:g} to {last:g}.")
    return float(np.interp(sharpe, [r["sharpe"] for r in rows], [r["drift"] for r in rows]))


def generate(
    symbol: str,
    interval: str,
    bars: int,
    *,
    seed: int,
    edge: float = 0.0,
    edge_ends: str | None = None,
    end_ms: int | None = None,
) -> Candles:
    """`bars` candles of the synthetic market of this seed and symbol.

    They begin where the market does, so that more bars only append; with `end_ms` they are the last ones complete at
    that moment. Numbers are rounded to single precision: the last bits of exp() depend on the processor, and must not
    reach the fingerprint. Errors: `UsageError` for an unknown interval, an edge outside the measured range, or a window
    outside 2018 … 2099.
    """
    spec = SyntheticSpec(seed, edge, edge_ends)
    times = _times(interval, bars, end_ms)
    unit = HOUR if interval == "1M" else next(u for u in (HOUR, MINUTE, SECOND) if interval_ms(interval) % u == 0)
    blocks = range(_block_of(times[0]), _block_of(times[-1] - 1) + 1)
    hours = simulate_hours(symbol, seed, blocks.stop * BLOCK, drift=spec.drift, drift_hours=spec.drift_hours)
    columns = np.concatenate([_draw(symbol, seed, hours, block, unit) for block in blocks], axis=1)
    rows = (times - START - blocks.start * BLOCK * HOUR) // unit
    columns = _aggregate(columns[:, : rows[-1]], rows[:-1])
    columns[:4] = np.exp(columns[:4])
    named = dict(zip(COLUMNS[1:], columns.astype(np.float32), strict=True))
    return Candles(symbol=symbol, interval=interval, open_time=times[:-1], source=spec.source, **named)


def _block_of(moment: int) -> int:
    return int(moment - START) // (BLOCK * HOUR)


def _times(interval: str, bars: int, end_ms: int | None) -> Int1D:
    """Open times of the candles asked for, and of the one after them: int64[bars + 1], epoch ms."""
    unit, step = ("datetime64[M]", 1) if interval == "1M" else ("datetime64[ms]", interval_ms(interval))
    start = np.datetime64(START, "ms").astype(unit)

    def candles_before(moment: int) -> int:
        return int((np.datetime64(moment, "ms").astype(unit) - start).astype(np.int64)) // step

    first = 0 if end_ms is None else candles_before(end_ms) - bars
    if bars < 1 or first < 0 or first + bars > candles_before(END):
        until = "" if end_ms is None else f" up to {iso(end_ms)}"
        raise UsageError(
            "E-SYNTHETIC-WINDOW", f"there are no {bars} candles of {interval}{until}.", f"Stay in {_YEARS}."
        )
    moments = start + np.arange(first, first + bars + 1) * step
    return np.asarray(moments.astype("datetime64[ms]").astype(np.int64))


class Steps(NamedTuple):
    """Steps of the log price, one row each: growth + volatility · shock + jump, from `log_open`."""

    log_open: Float1D
    volatility: Float1D  # standard deviation of the diffusion
    growth: Float1D  # log1p(drift) − volatility² / 2
    shock: Float1D  # the diffusion, standard normal
    jump: Float1D  # mostly 0
    jump_at: Float1D  # the part of the step in which it falls, counted from 0
    activity: Float1D  # volume in base currency before the step's own size adds to it

    @property
    def change(self) -> Float1D:
        return self.growth + self.volatility * self.shock + self.jump


def simulate_hours(symbol: str, seed: int, hours: int, *, drift: float = 0.0, drift_hours: int = LIFE) -> Steps:
    """The market's first hours, one row each. Rows are drawn in time order, so that more hours only append.

    `drift` is in units of `HOURLY_VOLATILITY`; its sign switches, and it ends after `drift_hours`.
    """
    uniform = _random(symbol, seed, 0).random((hours, SCALES + 3))
    shock, jump, gap, noise = _random(symbol, seed, 1).standard_normal((hours, 4)).T
    state = _switching(uniform[:, : SCALES + 1])
    volatility = _volatility(state[:, :SCALES])
    drifts = drift * HOURLY_VOLATILITY * (2 * state[:, SCALES] - 1)
    drifts[drift_hours:] = 0.0
    growth = np.log1p(drifts) - 0.5 * volatility**2  # the mean simple return is the drift
    jump = np.where(uniform[:, -2] < JUMP_RATE, mean_one(JUMP_SIZE * volatility, jump), 0.0)
    log_gap = mean_one(GAP_SIZE * volatility, gap)
    until_close = np.cumsum(log_gap + growth + volatility * shock + jump)
    log_open = math.log(_start_price(symbol)) + log_gap + np.append(0.0, until_close[:-1])
    activity = TURNOVER * np.exp(0.4 * noise - log_open) * volatility / HOURLY_VOLATILITY
    return Steps(log_open, volatility, growth, shock, jump, np.floor(60 * uniform[:, -1]), activity)


def _random(symbol: str, seed: int, *stream: int) -> np.random.Generator:
    entropy = [seed, int.from_bytes(symbol.encode())]
    return np.random.Generator(np.random.PCG64(np.random.SeedSequence(entropy, spawn_key=stream)))


def mean_one(size: Float1D, normal: Float1D) -> Float1D:
    """Logarithm of a factor whose mean, given its size, is 1."""
    return size * normal - 0.5 * size * size


def _switching(uniform: Float2D) -> Int1D:
    """Two-state chains, one a column: 0 or 1, each flips with probability 1 / its mean dwell."""
    flips = uniform < 1 / DWELL
    flips[0] = uniform[0] < 0.5
    return np.asarray(np.cumsum(flips, axis=0) % 2)


def _volatility(state: Int1D) -> Float1D:
    """Of each hour, from how many chains are excited and the hour of the day; returns keep the documented variance."""
    excited = np.arange(SCALES + 1)
    level = np.sqrt((1 + SWING) ** excited * (1 - SWING) ** (SCALES - excited))
    day = 1 + 0.25 * np.cos(2 * np.pi * (np.arange(24) - 15) / 24)  # liveliest at 15:00 UTC
    day /= np.sqrt((day**2).mean() * (1 + JUMP_RATE * JUMP_SIZE**2 + GAP_SIZE**2))
    return np.asarray(HOURLY_VOLATILITY * level[state.sum(axis=1)] * np.resize(day, len(state)))


def _start_price(symbol: str) -> float:
    return next((price for base, price in START_PRICES.items() if symbol.startswith(base)), 100.0)


def _draw(symbol: str, seed: int, hours: Steps, block: int, unit: int) -> Float2D:
    """A block's hours, minutes or seconds: float64[5, n], logarithms of open, high, low, close, then the volume."""
    random = _random(symbol, seed, 2, block)
    minutes = _split(random, Steps(*(column[block * BLOCK : (block + 1) * BLOCK] for column in hours)))
    if unit == SECOND:
        return _bars(random, _split(random, minutes))
    bars = _bars(random, minutes)
    return bars if unit == MINUTE else _aggregate(bars, np.arange(0, bars.shape[1], 60))


def _split(random: np.random.Generator, whole: Steps) -> Steps:
    """Each step as sixty that lead to the same close: normal shocks, given that they add up to the whole's."""
    free = random.standard_normal((whole.shock.size, 60))
    shock = free - free.mean(axis=1, keepdims=True) + whole.shock[:, None] / math.sqrt(60)
    jump = np.where(np.arange(60) == whole.jump_at[:, None], whole.jump[:, None], 0.0)
    volatility, growth = (whole.volatility / math.sqrt(60))[:, None], (whole.growth / 60)[:, None]
    log_close = whole.log_open[:, None] + np.cumsum(growth + volatility * shock + jump, axis=1)
    log_open = np.hstack([whole.log_open[:, None], log_close[:, :-1]])
    rest = (volatility, growth, shock, jump, 0, (whole.activity / 60)[:, None])
    return Steps(log_open.ravel(), *(np.broadcast_to(column, shock.shape).ravel() for column in rest))


def _bars(random: np.random.Generator, steps: Steps) -> Float2D:
    """Candles of the steps, as in `_draw`; each extreme is drawn from its law given a diffusion's two ends."""
    change = steps.change
    log_close = steps.log_open + change
    spread = 2 * steps.volatility**2 * random.standard_exponential((2, change.size))
    above, below = 0.5 * (np.sqrt(change**2 + spread) - np.abs(change))
    high, low = np.maximum(steps.log_open, log_close) + above, np.minimum(steps.log_open, log_close) - below
    volume = steps.activity * (0.2 + np.abs(change) / steps.volatility)
    return np.stack([steps.log_open, high, low, log_close, volume])


def _aggregate(bars: Float2D, starts: Int1D) -> Float2D:
    """One bar from each of `starts` to the next."""
    log_open, high, low, log_close, volume = bars
    last = np.append(starts[1:], log_open.size) - 1
    extremes = np.maximum.reduceat(high, starts), np.minimum.reduceat(low, starts)
    return np.stack([log_open[starts], *extremes, log_close[last], np.add.reduceat(volume, starts)])
