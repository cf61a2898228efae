"""The fast path: moments of a long-or-flat account without stops, from the bars where its decision changes.

Between two changes a long account moves with the close, so everything it did there is a difference of prefix sums or
the extreme of a range, prepared once for all parameter sets (`tape`, `chunks`). Held bars are looked at only where the
equity makes a new high. `simulation.simulate` is the same account bar by bar; a test holds them together.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from thunes.kernels.compiled import jit
from thunes.model import Float1D, Int1D

Words = NDArray[np.uint64]

CHUNK = 16  # bars, of those whose extremes are kept
LOST = 6  # rows from a prefix sum to its lost part
WORD = 8  # decisions, one byte each, compared at once
LOW_BITS = np.uint64(0x0101010101010101)

# How much of the moments row to fill: each level costs time.
RETURN, DRAWDOWN, EVERYTHING = 0, 1, 2


@jit
def prefix_sums(x: Float1D, total: Float1D, lost: Float1D) -> None:
    """Fill inclusive prefix sums in two parts: as added up, and what rounding lost on the way (Neumaier 1974).

    A difference is taken part by part, so that a sum over a few quiet bars survives a huge one before them.
    """
    added, missing = 0.0, 0.0
    for t in range(x.size):
        new = added + x[t]
        back = new - added
        missing += (added - (new - back)) + (x[t] - back)
        added = new
        total[t], lost[t] = added, missing


@jit
def between(tape: Float1D, row: int, before: int, last: int) -> float:
    """Sum of a quantity over bars (before, last], from row `row` of a tape and the lost part `LOST` rows below."""
    total = tape[row, last] - tape[row, before]
    return float(total + (tape[row + LOST, last] - tape[row + LOST, before]))


@jit
def tape(fill: Float1D, close: Float1D, fee: float, slippage: float) -> Float1D:
    """What a bar does to an account, shape (13, n), by row.

    0 close · 1 and 2 equity factor of the bar in which it buys and sells at `fill`, costs included · 3 to 6 prefix sums
    of the held return, its square, its square if negative, and the close · 7 and 8 price paid and got per coin · 9 to
    12 what rounding lost in rows 3 to 6.
    """
    n = close.size
    out = np.zeros((13, n))
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
    prefix_sums(held, out[3], out[9])
    prefix_sums(squares, out[4], out[10])
    prefix_sums(down, out[5], out[11])
    prefix_sums(close, out[6], out[12])
    return out


@jit
def chunks(close: Float1D) -> tuple[Float1D, Float1D]:
    """Extremes of closes, from which `extremes` makes those of any range: by bar and by chunk of `CHUNK` bars.

    By bar, shape (4, n): highest and lowest from its chunk's first bar to it, then from it to its chunk's last bar. By
    chunk, shape (2 · levels + 1, ⌈n / CHUNK⌉): rows 2k and 2k + 1 are the highest and lowest of the 2^k chunks from
    this one on; the last row is ⌊log₂(j + 1)⌋ in column j.
    """
    n = close.size
    count = (n + CHUNK - 1) // CHUNK
    bars = np.empty((4, n))
    for t in range(n):
        starts = t % CHUNK == 0
        bars[0, t] = close[t] if starts else max(bars[0, t - 1], close[t])
        bars[1, t] = close[t] if starts else min(bars[1, t - 1], close[t])
    for t in range(n - 1, -1, -1):
        ends = t % CHUNK == CHUNK - 1 or t == n - 1
        bars[2, t] = close[t] if ends else max(bars[2, t + 1], close[t])
        bars[3, t] = close[t] if ends else min(bars[3, t + 1], close[t])
    levels = 1
    while 1 << levels <= count:
        levels += 1
    ladder = np.zeros((2 * levels + 1, count))
    for j in range(count):
        ladder[0, j], ladder[1, j] = bars[2, j * CHUNK], bars[3, j * CHUNK]
        ladder[2 * levels, j] = ladder[2 * levels, (j - 1) // 2] + 1.0 if j > 0 else 0.0
    for k in range(1, levels):
        half = 1 << (k - 1)
        for j in range(count - 2 * half + 1):
            ladder[2 * k, j] = max(ladder[2 * k - 2, j], ladder[2 * k - 2, j + half])
            ladder[2 * k + 1, j] = min(ladder[2 * k - 1, j], ladder[2 * k - 1, j + half])
    return bars, ladder


@jit
def follow(words: Words, turns: Words) -> None:
    """Turn what a rule says after flat (`words`) into what it says in turn; `turns`: whether it differs after long.

    A bar's decision is word ^ (turn & the decision before): joined within each word for pairs, fours and eights of bars
    at once, and only then carried from word to word. Both arrays are overwritten; their layout is that of `changes`.
    """
    one, two, four, last = np.uint64(8), np.uint64(16), np.uint64(32), np.uint64(56)  # bars as bits to shift
    for j in range(words.size):
        word, turn = words[j], turns[j]
        word ^= turn & (word << one)
        turn &= (turn << one) | np.uint64(0x01)
        word ^= turn & (word << two)
        turn &= (turn << two) | np.uint64(0x0101)
        words[j] = word ^ (turn & (word << four))
        turns[j] = turn & ((turn << four) | np.uint64(0x01010101))
    held = np.uint64(0)
    for j in range(words.size):
        word, turn = words[j], turns[j]
        words[j] = word ^ (turn * held)
        held = (word >> last) ^ ((turn >> last) & held)


@jit
def changes(words: Words, bars: int, lag: int, fills: Int1D) -> int:
    """Write the fill bars of all changes of decision into `fills`: buys and sells in turn; return how many.

    A fill comes `lag` bars after its decision; those after the last bar are left out. `words` holds the decisions as
    bytes, eight to a uint64, first bar in the lowest byte.
    """
    count, carry = 0, np.uint64(0)
    eight, top, one = np.uint64(8), np.uint64(56), np.uint64(1)
    for j in range(words.size):
        word = words[j]
        flips = word ^ ((word << eight) | carry)
        carry = word >> top
        while flips != np.uint64(0):
            below = (flips - one) & ~flips & LOW_BITS  # a 1 in each byte below the lowest flip
            fills[count] = j * WORD + np.int64(below % np.uint64(255)) + lag
            count += 1
            flips &= flips - one
    while count > 0 and fills[count - 1] >= bars:
        count -= 1
    return count


@jit
def trough_of(close: Float1D, ladder: Float1D, first: int, last: int, peak: float, trough: float) -> float:
    """Lowest ratio to the running high over closes [first, last), given the high and the ratio of the bars before."""
    t = first
    while t < last:
        if t % CHUNK == 0 and t + CHUNK <= last:
            j = t // CHUNK
            high = max(peak, ladder[0, j])
            if ladder[1, j] >= high * trough:
                peak = high
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
    return trough


@jit
def underwater_of(
    close: Float1D, first: int, last: int, coins: float, peak: float, under: int, longest: int
) -> tuple[int, int]:
    """Bars under the peak of coins · close at the end of [first, last), and the longest such run so far."""
    for t in range(first, last):
        if coins * close[t] >= peak:
            peak, under = coins * close[t], 0
        else:
            under += 1
            longest = max(longest, under)
    return under, longest


@jit
def score(
    fills: Int1D,
    count: int,
    tape: Float1D,
    chunks: tuple[Float1D, Float1D],
    fee: float,
    start_cash: float,
    level: int,
    out: Float1D,
) -> None:
    """Fill `out` (moments, see `metrics.MOMENTS`) from the `count` bars in which it buys and sells in turn."""
    bars, close = tape.shape[1], tape[0]
    by_bar, ladder = chunks
    cash, returns, squares, down = start_cash, 0.0, 0.0, 0.0
    peak, lowest, trough = start_cash, start_cash, 1.0  # `lowest` since the peak, `trough` of the peaks before it
    trades, wins, gains, losses, held_bars, notional, fees, equity = 0, 0, 0.0, 0.0, 0, 0.0, 0.0, 0.0
    under, longest, after = 0, 0, 0
    for k in range(0, count, 2):
        entry, leaves = fills[k], k + 1 < count
        stop = fills[k + 1] if leaves else bars  # held at the closes [entry, stop)
        before, paid = cash, tape[7, entry] * (1.0 + fee)
        coins = cash / paid
        jump = tape[1, entry] - 1.0
        returns += jump + between(tape, 3, entry, stop - 1)
        squares += jump * jump + between(tape, 4, entry, stop - 1)
        if level >= 2:
            down += between(tape, 5, entry, stop - 1)
            down += jump * jump if jump < 0.0 else 0.0
            equity += before * (entry - after) + coins * (between(tape, 6, entry, stop - 1) + close[entry])
            held_bars += stop - entry
            notional += coins * tape[7, entry]
            fees += coins * tape[7, entry] * fee
            if before < peak:
                under += entry - after
                longest = max(longest, under)
        if level >= 1:
            # The highest and lowest close held; in the loop, because numba would count references around a call.
            high, low, i, j = close[entry], close[entry], entry // CHUNK, (stop - 1) // CHUNK
            if i == j:
                for t in range(entry + 1, stop):
                    high, low = max(high, close[t]), min(low, close[t])
            else:
                high, low = max(by_bar[2, entry], by_bar[0, stop - 1]), min(by_bar[3, entry], by_bar[1, stop - 1])
                if j - i > 1:
                    q = int(ladder[ladder.shape[0] - 1, j - i - 2])
                    i, j = i + 1, j - (1 << q)
                    high = max(high, max(ladder[2 * q, i], ladder[2 * q, j]))
                    low = min(low, min(ladder[2 * q + 1, i], ladder[2 * q + 1, j]))
            if coins * high < peak:
                lowest = min(lowest, coins * low)
                if level >= 2:
                    under += stop - entry
                    longest = max(longest, under)
            else:
                trough = trough_of(close, ladder, entry, stop, peak / coins, min(trough, lowest / peak))
                if level >= 2:
                    under, longest = underwater_of(close, entry, stop, coins, peak, under, longest)
                peak = lowest = coins * high
        cash, after = coins * close[stop - 1], stop
        if leaves:
            got = tape[8, stop] * (1.0 - fee)
            cash = coins * got
            jump = tape[2, stop] - 1.0
            returns += jump
            squares += jump * jump
            trades += 1
            if level >= 1:
                if cash >= peak:
                    trough, under = min(trough, lowest / peak), 0
                    peak = lowest = cash
                lowest = min(lowest, cash)
            if level >= 2:
                down += jump * jump if jump < 0.0 else 0.0
                notional += coins * tape[8, stop]
                fees += coins * tape[8, stop] * fee
                gain = coins * (got - paid)  # exactly 0 where nothing was won
                wins += 1 if gain > 0.0 else 0
                gains += max(gain, 0.0)
                losses += max(-gain, 0.0)
    if level >= 2 and after < bars:
        equity += cash * (bars - after)
        if cash < peak:
            longest = max(longest, under + bars - after)
    trough = min(trough, lowest / peak)
    out[0], out[1], out[2], out[3], out[4], out[5] = cash, returns, squares, down, trough, longest
    out[6], out[7], out[8], out[9], out[10] = trades, wins, gains, losses, held_bars
    out[11], out[12], out[13] = notional, equity, fees


@jit
def block_sums(fills: Int1D, count: int, growth: Float1D, length: int, out: Float1D) -> None:
    """Add a set's per-block sums into `out`, shape (4, blocks): gross return, its square, exposure, switches.

    `growth` is that of `growth_of`. The account is long over the bars between two fills; costs are not in here,
    `switches` counts the fills.
    """
    bars = growth.shape[1] - 1
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
                total, lost = growth[row], growth[row + 2]
                out[row, j] += (total[stop] - total[first]) + (lost[stop] - lost[first])
            out[2, j] += stop - first
            first = stop


@jit
def growth_of(fill: Float1D, close: Float1D) -> Float1D:
    """The return from each bar's fill price to the next one's (the last one's to the last close), shape (5, n + 1).

    Rows 0 and 1 are prefix sums of it and of its square, from 0 on; rows 2 and 3 what rounding lost in them; row 4 is
    the return itself.
    """
    n = close.size
    out, returns = np.zeros((5, n + 1)), np.empty(n)
    for t in range(n):
        following = fill[t + 1] if t + 1 < n else close[t]
        returns[t] = following / fill[t] - 1.0
    prefix_sums(returns, out[0, 1:], out[2, 1:])
    prefix_sums(returns * returns, out[1, 1:], out[3, 1:])
    out[4, :n] = returns
    return out


@jit
def fraction_sums(target: Float1D, lag: int, growth: Float1D, length: int, out: Float1D) -> None:
    """The same sums as `block_sums` for any exposure in 0 … 1, as if held at its target in every bar."""
    for t in range(lag, target.size):
        held, before = target[t - lag], target[t - lag - 1] if t > lag else 0.0
        gross, j = held * growth[4, t], t // length
        out[0, j] += gross
        out[1, j] += gross * gross
        out[2, j] += held
        out[3, j] += abs(held - before)
