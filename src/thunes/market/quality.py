"""How good candles are: what makes them unusable, and what a reader of results should know about them."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from thunes.clock import iso
from thunes.errors import DataError
from thunes.market.grid import bars_apart
from thunes.model import PRICES, Candles, Float1D, Int1D, next_open_time, off_grid

if TYPE_CHECKING:
    import polars as pl

OUTLIER_WINDOW = 101  # bars, centred
OUTLIER_TIMES = 20.0  # nine series of real candles have 0 to 4 such bars in 23,536 to 47,108
WORST = 5  # gaps and outliers that are listed


@dataclass(frozen=True)
class Gap:
    """Candles that are not there: `bars` of them from the opening time `start` on (epoch ms)."""

    start: int
    bars: int


@dataclass(frozen=True)
class Outlier:
    """A bar whose range, from the close before it, is `times` the median of the bars around it."""

    open_time: int
    times: float


@dataclass(frozen=True)
class Quality:
    """Counts of bars by what is odd about them. The first six make a series unusable; the others are facts about it.

    `rows` are the first offending row of each kind that makes it unusable, counted from 0.
    """

    symbol: str
    interval: str
    source: str
    bars: int
    first: int
    last: int
    duplicates: int
    unsorted: int
    off_grid: int
    bad_prices: int
    bad_ohlc: int
    bad_volume: int
    rows: dict[str, int]
    missing: int
    gap_count: int
    gaps: tuple[Gap, ...]  # the longest
    zero_volume: int
    outlier_count: int
    outliers: tuple[Outlier, ...]  # the worst

    @property
    def ok(self) -> bool:
        """Whether the candles can be used at all."""
        return not self.problems

    @property
    def problems(self) -> tuple[str, ...]:
        """What makes them unusable, one phrase each."""
        return tuple(
            f"{getattr(self, kind):,} {text} (the first in row {self.rows[kind]})"
            for kind, text in PROBLEMS.items()
            if getattr(self, kind)
        )

    def require_ok(self, name: str) -> None:
        """`DataError` naming all problems in one line."""
        if not self.ok:
            raise DataError("E-DATA-QUALITY", f"{name}: {'; '.join(self.problems)}.", "Repair or replace it.")

    def to_dict(self) -> dict[str, Any]:
        return {**asdict(self), "ok": self.ok, "problems": list(self.problems)}


PROBLEMS = {
    "duplicates": "duplicate times",
    "unsorted": "times out of order",
    "off_grid": "times off the interval's grid",
    "bad_prices": "prices not finite and positive",
    "bad_ohlc": "bars without low ≤ open, close ≤ high",
    "bad_volume": "volumes not finite and ≥ 0",
}


def inspect(frame: pl.DataFrame, symbol: str, interval: str, source: str) -> Quality:
    """The report on a frame (`market.tables`) of one or more rows, valid candles or not."""
    times = frame["open_time"].to_numpy()
    prices = frame.select(PRICES).to_numpy()
    bad = _problems(times, prices, frame["volume"].to_numpy(), interval)
    gaps = _gaps(times[~bad["off_grid"]], interval)
    outliers = _outliers(times, prices) if not any(rows.any() for rows in bad.values()) else []
    return Quality(
        symbol=symbol,
        interval=interval,
        source=source,
        bars=len(frame),
        first=int(times.min()),
        last=int(times.max()),
        **{kind: int(rows.sum()) for kind, rows in bad.items()},
        rows={kind: int(rows.argmax()) for kind, rows in bad.items() if rows.any()},
        missing=sum(gap.bars for gap in gaps),
        gap_count=len(gaps),
        gaps=tuple(sorted(gaps, key=lambda gap: -gap.bars)[:WORST]),
        zero_volume=int((frame["volume"] == 0).sum()),
        outlier_count=len(outliers),
        outliers=tuple(outliers[:WORST]),
    )


def inspect_candles(candles: Candles) -> Quality:
    """The report on valid candles."""
    return inspect(candles.to_frame(), candles.symbol, candles.interval, candles.source)


def inspect_file(path: Path, *, symbol: str | None = None, interval: str | None = None) -> Quality:
    """The report on a file, whose candles may be bad. Errors: as `files.read_file` where it is no table of candles."""
    from thunes.market.files import identify, read_file, read_table, require_interval

    frame, label = read_table(path)
    identity = identify(path, label, symbol, interval)
    require_interval(frame["open_time"].to_numpy(), identity.interval, path.name)
    report = inspect(frame, identity.symbol, identity.interval, label.source if label else identity.source)
    return inspect_candles(read_file(path, symbol=symbol, interval=interval)) if report.ok else report


def gap_note(candles: Candles) -> str:
    """One sentence on missing bars, empty when there are none."""
    gaps = _gaps(candles.open_time, candles.interval)
    if not gaps:
        return ""
    longest = max(gaps, key=lambda gap: gap.bars)
    where = f"the longest of {longest.bars:,} from {iso(longest.start)} UTC"
    missing, count = sum(gap.bars for gap in gaps), f"{len(gaps):,} gap{'s' if len(gaps) > 1 else ''}"
    return f"{candles.symbol} {candles.interval}: {missing:,} bars missing in {count}, {where}."


def _problems(times: Int1D, prices: Float1D, volume: Float1D, interval: str) -> dict[str, NDArray[np.bool_]]:
    """Which rows have which problem, by the names of `PROBLEMS`."""
    steps = np.diff(times)
    seen_before = np.ones(times.size, dtype=bool)
    seen_before[np.unique(times, return_index=True)[1]] = False
    positive = np.isfinite(prices) & (prices > 0)
    _, high, low, _ = prices.T
    return {
        "duplicates": seen_before,
        "unsorted": np.append(False, steps < 0),
        "off_grid": off_grid(times, interval),
        "bad_prices": ~positive.all(axis=1),
        "bad_ohlc": positive.all(axis=1) & ((high < prices.max(axis=1)) | (low > prices.min(axis=1))),
        "bad_volume": ~(np.isfinite(volume) & (volume >= 0)),
    }


def _gaps(times: Int1D, interval: str) -> list[Gap]:
    times = np.unique(times)
    apart = bars_apart(times, interval)
    return [Gap(next_open_time(int(times[row]), interval), int(apart[row]) - 1) for row in np.flatnonzero(apart > 1)]


def _outliers(times: Int1D, prices: Float1D) -> list[Outlier]:
    """Bars whose log range from the close before is many times its running median, worst first.

    A median hardly moves for the bad bar itself, nor for the wild hours of a real crash; where prices stand still it is
    floored by a quarter of the whole series' median.
    """
    import polars as pl

    _, high, low, close = prices.T
    before = np.append(close[0], close[:-1])
    span = pl.Series(np.log(np.maximum(high, before) / np.minimum(low, before)))
    usual = span.rolling_median(OUTLIER_WINDOW, center=True, min_samples=1).to_numpy()
    floor = float(np.median(span.to_numpy())) / 4
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = np.nan_to_num(span.to_numpy() / np.maximum(usual, floor), nan=0.0)
    rows = np.flatnonzero(ratio > OUTLIER_TIMES)
    return [Outlier(int(times[r]), float(ratio[r])) for r in rows[np.argsort(-ratio[rows])]]
