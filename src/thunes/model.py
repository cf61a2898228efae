"""The vocabulary of everything below: frozen values with their units, and nothing that does I/O."""

from __future__ import annotations

import hashlib
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, get_args

import numpy as np
from numpy.typing import ArrayLike, NDArray

from thunes.clock import iso
from thunes.errors import DataError, UsageError, did_you_mean

if TYPE_CHECKING:
    import polars as pl

Float1D = NDArray[np.float64]
Int1D = NDArray[np.int64]
Fill = Literal["next_open", "next_close"]
StopMode = Literal["intrabar", "vectorbt"]

DAY_MS = 86_400_000
YEAR_MS = 365 * DAY_MS  # crypto trades every day: the calendar of all annualised figures

# Binance's intervals (case-sensitive: 1m is a minute, 1M a month, whose length varies).
INTERVAL_MS = {
    "1s": 1_000,
    **{f"{m}m": m * 60_000 for m in (1, 3, 5, 15, 30)},
    **{f"{h}h": h * 3_600_000 for h in (1, 2, 4, 6, 8, 12)},
    **{f"{d}d": d * DAY_MS for d in (1, 3)},
    "1w": 7 * DAY_MS,
}
INTERVALS = (*INTERVAL_MS, "1M")
PRICES = ("open", "high", "low", "close")
COLUMNS = ("open_time", *PRICES, "volume")


def interval_ms(interval: str) -> int:
    """Length of an interval in milliseconds; a month counts as a twelfth of the 365-day year."""
    if interval == "1M":
        return YEAR_MS // 12
    try:
        return INTERVAL_MS[interval]
    except KeyError:
        raise UsageError("E-INTERVAL", f"unknown interval {interval!r}.", did_you_mean(interval, INTERVALS)) from None


def next_open_time(open_time: int, interval: str) -> int:
    """Open time of the candle after the one that opens at `open_time` (epoch ms)."""
    if interval != "1M":
        return open_time + interval_ms(interval)
    month = np.datetime64(open_time, "ms").astype("datetime64[M]") + 1
    return int(month.astype("datetime64[ms]").astype(np.int64))


@dataclass(frozen=True, eq=False)
class Candles:
    """Candles of one symbol and interval, in time order, without unfinished ones.

    `open_time` is int64 epoch milliseconds; prices are in quote currency, `volume` in base currency, float64; all
    columns are one-dimensional, C-contiguous, of equal length ≥ 1 and read-only. A candle is named by its open time and
    known at its close time. Constructing validates: times strictly increasing on the interval's grid, prices finite and
    positive, low ≤ open, close ≤ high, volume finite and ≥ 0. A gap is allowed: it is data, reported and never filled.

    `source` says where the candles are from: `binance`, `archive`, `file:NAME`, `synthetic:SEED,edge=S`. It stays with
    them through every export and import.
    """

    symbol: str
    interval: str
    open_time: Int1D
    open: Float1D
    high: Float1D
    low: Float1D
    close: Float1D
    volume: Float1D
    source: str

    def __post_init__(self) -> None:
        interval_ms(self.interval)
        for name in COLUMNS:
            given = getattr(self, name)
            if name == "open_time":
                _require_whole(given)
            dtype = np.int64 if name == "open_time" else np.float64
            column = np.array(given, dtype=dtype, order="C")  # a copy: nobody else can write to it
            column.flags.writeable = False
            object.__setattr__(self, name, column)
        validate_candles(self)

    def __len__(self) -> int:
        return int(self.open_time.size)

    def __getitem__(self, rows: slice) -> Candles:
        """The candles of a slice (never empty), with the same identity."""
        return self.replace(**{name: getattr(self, name)[rows] for name in COLUMNS})

    def __repr__(self) -> str:
        span = f"{iso(int(self.open_time[0]))} … {iso(int(self.open_time[-1]))} UTC"
        return f"Candles({self.symbol} {self.interval}, {len(self):,} bars, {span}, source={self.source!r})"

    def replace(self, **changes: Any) -> Candles:
        """A validated copy with some fields changed."""
        fields = {name: getattr(self, name) for name in ("symbol", "interval", *COLUMNS, "source")}
        return Candles(**(fields | changes))

    @property
    def is_synthetic(self) -> bool:
        return self.source.startswith("synthetic")

    @property
    def bars_per_year(self) -> float:
        """Candles in a year of 365 days."""
        return YEAR_MS / interval_ms(self.interval)

    @property
    def end_time(self) -> int:
        """Epoch ms at which the last candle is known: the open time of the next one."""
        return next_open_time(int(self.open_time[-1]), self.interval)

    def fingerprint(self) -> str:
        """SHA-256 over identity (symbol, interval, source) and content, as hex."""
        digest = hashlib.sha256(f"{self.symbol}\n{self.interval}\n{self.source}\n".encode())
        for name in COLUMNS:
            digest.update(np.ascontiguousarray(getattr(self, name)).tobytes())
        return digest.hexdigest()

    def to_frame(self) -> pl.DataFrame:
        """A polars frame with the six columns."""
        import polars as pl

        return pl.DataFrame({name: getattr(self, name) for name in COLUMNS})


def validate_candles(candles: Candles) -> None:
    """Raise `DataError` naming the first row that cannot be a candle."""
    if candles.open_time.ndim != 1 or candles.open_time.size == 0:
        raise DataError("E-DATA-EMPTY", f"no candles for {candles.symbol} {candles.interval}.")
    sizes = {name: getattr(candles, name).shape for name in COLUMNS}
    if len(set(sizes.values())) != 1:
        raise DataError("E-DATA-SHAPE", f"columns differ in length: {sizes}.")
    _validate_times(candles.open_time, candles.interval)
    prices = np.stack([getattr(candles, name) for name in PRICES])
    _refuse_rows(candles, ~(np.isfinite(prices) & (prices > 0)).all(axis=0), "E-DATA-PRICE", "price not finite and > 0")
    outside = (candles.high < prices.max(axis=0)) | (candles.low > prices.min(axis=0))
    _refuse_rows(candles, outside, "E-DATA-OHLC", "needs low ≤ open, close ≤ high")
    bad_volume = ~(np.isfinite(candles.volume) & (candles.volume >= 0))
    _refuse_rows(candles, bad_volume, "E-DATA-VOLUME", "volume not finite and ≥ 0")


def _require_whole(times: ArrayLike) -> None:
    """`DataError` for a time that turning it into an integer would change in silence."""
    given = np.asarray(times).ravel()
    if given.dtype.kind != "f":
        return
    broken = ~(np.isfinite(given) & (given == np.floor(given)))
    if broken.any():
        row = int(np.argmax(broken))
        raise DataError("E-DATA-GRID", f"the open time in row {row}, {given[row]}, is no whole millisecond.")


def _refuse_rows(candles: Candles, bad: NDArray[np.bool_], code: str, why: str) -> None:
    if not bad.any():
        return
    row = int(np.argmax(bad))
    values = " ".join(f"{name}={getattr(candles, name)[row]:g}" for name in (*PRICES, "volume"))
    at = iso(int(candles.open_time[row]))
    raise DataError(code, f"{why}: row {row} ({at} UTC) has {values}; {int(bad.sum())} bad in all.")


def _validate_times(times: Int1D, interval: str) -> None:
    steps = np.diff(times)
    if (steps <= 0).any():
        row = int(np.argmax(steps <= 0)) + 1
        what = "duplicate" if steps[row - 1] == 0 else "out of order"
        raise DataError("E-DATA-ORDER", f"open time {what} at row {row} ({iso(int(times[row]))} UTC).")
    off = off_grid(times, interval)
    if off.any():
        row = int(np.argmax(off))
        raise DataError("E-DATA-GRID", f"row {row} ({iso(int(times[row]))} UTC) does not lie on the {interval} grid.")


def off_grid(times: Int1D, interval: str) -> NDArray[np.bool_]:
    """Rows whose open time is no candle's: days and less count from the epoch, 3d and 1w from the first row."""
    if interval == "1M":
        months = times.astype("datetime64[ms]").astype("datetime64[M]")
        return np.asarray(months.astype("datetime64[ms]").astype(np.int64) != times)
    step = interval_ms(interval)
    anchor = 0 if step <= DAY_MS else int(times[0]) if int(times[0]) % DAY_MS == 0 else 0
    return np.asarray((times - anchor) % step != 0)


def _fraction(name: str, value: float, below: float) -> float:
    if not (math.isfinite(value) and 0 <= value < below):
        raise UsageError("E-COSTS", f"{name}={value} must be a fraction, 0 ≤ {name} < {below:g}.")
    return float(value)


@dataclass(frozen=True)
class Costs:
    """What a fill costs: `fee` per side on notional, `slippage` against us (fractions: 0.001 is 0.1 %).

    Buys fill at price · (1 + slippage), sells at price · (1 − slippage).
    """

    fee: float = 0.001
    slippage: float = 0.0005

    def __post_init__(self) -> None:
        object.__setattr__(self, "fee", _fraction("fee", self.fee, 1))
        object.__setattr__(self, "slippage", _fraction("slippage", self.slippage, 1))

    def times(self, factor: float) -> Costs:
        """All costs scaled: the stress columns of a report."""
        return Costs(fee=self.fee * factor, slippage=self.slippage * factor)


@dataclass(frozen=True)
class Stops:
    """Exits inside a position, as fractions of its own fill price (0.05 is 5 %); NaN means none.

    `trailing` follows the highs of completed bars. `mode="vectorbt"` serves them as vectorbt does (the entry bar is not
    looked at) and exists to be compared with it.
    """

    stop_loss: float = math.nan
    take_profit: float = math.nan
    trailing: float = math.nan
    mode: StopMode = "intrabar"

    def __post_init__(self) -> None:
        if self.mode not in get_args(StopMode):
            raise UsageError(
                "E-STOPS", f"unknown mode {self.mode!r} of stops.", did_you_mean(self.mode, get_args(StopMode))
            )
        for name in ("stop_loss", "take_profit", "trailing"):
            value = float(getattr(self, name))
            limit = math.inf if name == "take_profit" else 1.0
            if not (math.isnan(value) or 0 < value < limit):
                raise UsageError("E-STOPS", f"{name}={value} must be a fraction, 0 < {name} < {limit:g}.")
            object.__setattr__(self, name, value)

    @property
    def any(self) -> bool:
        return not all(math.isnan(x) for x in (self.stop_loss, self.take_profit, self.trailing))


NO_STOPS = Stops()
