"""The fast path: moments of a long-or-flat account without stops, from the bars where its decision changes.

Between two changes a long account moves with the close, so everything it did there is a difference of prefix sums,
prepared once for all parameter sets (`tape`). Only the drawdown looks at held bars, and skips whole chunks that cannot
hold a new one. `simulation.simulate` is the same account bar by bar; a test holds them together.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from thunes.kernels.compiled import jit
from thunes.model import Float1D, Int1D

Words = NDArray[np.uint64]

CHUNK = 16  # bars in a chunk of the drawdown scan
WORD = 8  # decisions, one byte each, compared at once

# How much of the moments row to fill: each level costs time.
RETURN, DRAWDOWN, EVERYTHING = 0, 1, 2


@jit
def compensated_cumsum(x: Float1D) -> Float1D:
    """Inclusive prefix sums whose rounding error does not grow with length (Neumaier 1974)."""
    out = np.empty(x.size)
    total, lost = 0.0, 0.0
    for t in range(x.size):
        new = total + x[t]
        back = new - total
        lost += (total - (new - back)) + (x[t] - back)
        total = new
        out[t] = total + lost
    return out


@jit
def tape(fill: Float1D, close: Float1D, fee: float, slippage: float) -> Float1D:
    """What a bar does to an account, shape (9, n), by row.

    0 close · 1 and 2 equity factor of the bar in which it buys and sells at `fill`, costs included · 3 to 6 prefix sums
    of the held return, its square, its square if negative, and the close · 7 and 8 price paid and got per coin.
    """
    n = close.size
    out = np.zeros((9, n))
    held, squares, down = np.zeros(n), np.zeros(n), np.zeros(n)
    for t in range(n):
        bought, sold = fill[t] * (1.0 + slippage), fill[t] * (1.0 - slippage)
        out[0, t], out[7, t], out[8, t] = close[t], bought, sold
        out[1, t] = close[t] / (bought * (1.0 + fee))
        if t > 0:
            out[2, t] = sold * (1.0 - fee) / close[t - 1]
            held[t] = close[t] / close[t - 1] - 1.0
            squares[t] = held[t] * held[t]
            down[t] = squares[t] if held[t] < 0.0 else 0.0
    out[3], out[4], out[5] = compensated_cumsum(held), compensated_cumsum(squares), compensated_cumsum(down)
    out[6] = compensated_cumsum(close)
    return out


@jit
def chunks(close: Float1D) -> Float1D:
    """Per chunk of `CHUNK` closes, shape (3, ⌈n / CHUNK⌉): highest, lowest, lowest ratio to the running high."""
    count = (close.size + CHUNK - 1) // CHUNK
    out = np.empty((3, count))
    for j in range(count):
        high, low, trough = close[j * CHUNK], close[j * CHUNK], 1.0
        for t in range(j * CHUNK, min((j + 1) * CHUNK, close.size)):
            high, low = max(high, close[t]), min(low, close[t])
            trough = min(trough, close[t] / high)
        out[0, j], out[1, j], out[2, j] = high, low, trough
    return out


@jit
def changes(words: Words, bars: int, lag: int, fills: Int1D) -> int:
    """Write the fill bars of all changes of decision into `fills`: buys and sells in turn; return how many.

    A fill comes `lag` bars after its decision; those after the last bar are left out. `words` holds the decisions as
    bytes, eight to a uint64, first bar in the lowest byte.
    """
    count, carry = 0, np.uint64(0)
    eight, top, byte = np.uint64(8), np.uint64(56), np.uint64(255)
    for j in range(words.size):
        word = words[j]
        flips = word ^ ((word << eight) | carry)
        carry = word >> top
        t = j * WORD
        while flips != np.uint64(0):
            if flips & byte and t + lag < bars:
                fills[count] = t + lag
                count += 1
            flips >>= eight
            t += 1
    return count


@jit
def trough_of(
    close: Float1D, blocks: Float1D, first: int, last: int, peak: float, trough: float
) -> tuple[float, float]:
    """Highest close so far and lowest ratio to it, over closes [first, last), given those of the bars before."""
    t = first
    while t < last:
        if t % CHUNK == 0 and t + CHUNK <= last:
            j = t // CHUNK
            if blocks[1, j] >= peak * trough and blocks[2, j] >= trough:
                peak = max(peak, blocks[0, j])
                t += CHUNK
                continue
        stop = min(last, (t // CHUNK + 1) * CHUNK)
        while t < stop:
            price = close[t]
            if price > peak:
                peak = price
            elif price < peak * trough:
                trough = price / peak
            t += 1
    return peak, trough


@jit
def underwater_of(close: Float1D, first: int, last: int, peak: float, under: int, longest: int) -> tuple[int, int]:
    """Bars under the running peak at the end of [first, last), and the longest such run so far."""
    for t in range(first, last):
        if close[t] >= peak:
            peak, under = close[t], 0
        else:
            under += 1
            longest = max(longest, under)
    return under, longest


@jit
def score(
    fills: Int1D,
    count: int,
    tape: Float1D,
    blocks: Float1D,
    fee: float,
    start_cash: float,
    level: int,
    out: Float1D,
) -> None:
    """Fill `out` (moments, see `metrics.MOMENTS`) from the `count` bars in which it buys and sells in turn."""
    bars = tape.shape[1]
    close = tape[0]
    cash, peak, trough, returns, squares, down = start_cash, start_cash, 1.0, 0.0, 0.0, 0.0
    trades, wins, gains, losses, held_bars, notional, fees, equity = 0, 0, 0.0, 0.0, 0, 0.0, 0.0, 0.0
    under, longest, after = 0, 0, 0
    for k in range(0, count, 2):
        entry, leaves = fills[k], k + 1 < count
        stop = fills[k + 1] if leaves else bars  # held at the closes [entry, stop)
        gross = tape[1, entry]
        worth = cash * gross * (close[stop - 1] / close[entry])
        returns += gross - 1.0 + (tape[3, stop - 1] - tape[3, entry])
        squares += (gross - 1.0) * (gross - 1.0) + (tape[4, stop - 1] - tape[4, entry])
        coins = cash * gross / close[entry]
        if level >= 2:
            down += tape[5, stop - 1] - tape[5, entry]
            down += (gross - 1.0) * (gross - 1.0) if gross < 1.0 else 0.0
            flat_bars = entry - after
            equity += cash * flat_bars + coins * (tape[6, stop - 1] - tape[6, entry] + close[entry])
            held_bars += stop - entry
            notional += coins * tape[7, entry]
            fees += coins * tape[7, entry] * fee
            if cash < peak:
                under += flat_bars
                longest = max(longest, under)
            under, longest = underwater_of(close, entry, stop, peak / coins, under, longest)
        if level >= 1:
            scaled, trough = trough_of(close, blocks, entry, stop, peak / coins, trough)
            peak = scaled * coins
        before, cash, after = cash, worth, stop
        if leaves:
            cash = worth * tape[2, stop]
            returns += tape[2, stop] - 1.0
            squares += (tape[2, stop] - 1.0) * (tape[2, stop] - 1.0)
            trades += 1
            if level >= 1:
                trough = min(trough, cash / peak)
            if level >= 2:
                down += (tape[2, stop] - 1.0) * (tape[2, stop] - 1.0) if tape[2, stop] < 1.0 else 0.0
                notional += coins * tape[8, stop]
                fees += coins * tape[8, stop] * fee
                gain = cash - before
                wins += 1 if gain > 0.0 else 0
                gains += max(gain, 0.0)
                losses += max(-gain, 0.0)
                if cash >= peak:
                    under = 0
            peak = max(peak, cash)
    if level >= 2 and after < bars:
        equity += cash * (bars - after)
        if cash < peak:
            longest = max(longest, under + bars - after)
    out[0], out[1], out[2], out[3], out[4], out[5] = cash, returns, squares, down, trough, longest
    out[6], out[7], out[8], out[9], out[10] = trades, wins, gains, losses, held_bars
    out[11], out[12], out[13] = notional, equity, fees


@jit
def block_sums(fills: Int1D, count: int, growth: Float1D, length: int, out: Float1D) -> None:
    """Add a set's per-block sums into `out`, shape (4, blocks): gross return, its square, exposure, switches.

    `growth` has shape (2, n): compensated prefix sums of the return from this bar's fill to the next one's, and of its
    square. The account is long over the bars between two fills; costs are not in here, `switches` counts the fills.
    """
    bars = growth.shape[1]
    for k in range(0, count, 2):
        first, leaves = fills[k], k + 1 < count
        last = fills[k + 1] if leaves else bars
        out[3, first // length] += 1.0
        if leaves:
            out[3, last // length] += 1.0
        while first < last:
            stop = min(last, (first // length + 1) * length)
            j = first // length
            for row in range(2):
                out[row, j] += growth[row, stop - 1] - (growth[row, first - 1] if first > 0 else 0.0)
            out[2, j] += stop - first
            first = stop


@jit
def growth_of(fill: Float1D, close: Float1D) -> Float1D:
    """Shape (3, n): prefix sums of the return from a bar's fill price to the next's, and of its square; the return."""
    n = close.size
    out, squares = np.empty((3, n)), np.empty(n)
    for t in range(n):
        following = fill[t + 1] if t + 1 < n else close[t]
        out[2, t] = following / fill[t] - 1.0
        squares[t] = out[2, t] * out[2, t]
    out[0], out[1] = compensated_cumsum(out[2]), compensated_cumsum(squares)
    return out


@jit
def fraction_sums(target: Float1D, lag: int, growth: Float1D, length: int, out: Float1D) -> None:
    """The same sums as `block_sums` for any exposure in 0 … 1, bar by bar."""
    for t in range(lag, target.size):
        held, before = target[t - lag], target[t - lag - 1] if t > lag else 0.0
        gross, j = held * growth[2, t], t // length
        out[0, j] += gross
        out[1, j] += gross * gross
        out[2, j] += held
        out[3, j] += abs(held - before)
