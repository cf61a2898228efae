"""Walk-forward over block sums: choose on all blocks so far, earn the next ones, choose again.

The choice is that of the gates, the eligible set with the highest timing t so far, so what is stitched together is what
the procedure would have earned, not what today's best set would have.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from thunes.model import DAY_MS, Float1D, Int1D
from thunes.research.evidence.timing import Float2D, Mask, Sums

CHOOSE_EVERY_MS = 30 * DAY_MS
NOBODY = -1


def cuts(blocks: int, block_ms: int) -> Int1D:
    """Where training ends and the chosen set takes over, in blocks: after the first third, then every 30 days."""
    return np.arange(max(2, blocks // 3), blocks, max(1, round(CHOOSE_EVERY_MS / block_ms)))


@dataclass(frozen=True)
class Choices:
    """At each cut the best set of one family so far: its row (−1 where none is eligible) and its t (−∞ then)."""

    rows: Int1D
    t: Float1D


def choices(t: Float2D) -> Choices:
    """The best set at each cut, from the t so far of a family's sets, (cuts, sets); −∞ is not eligible."""
    rows = t.argmax(axis=1)
    best = t[np.arange(len(t)), rows]
    return Choices(np.where(np.isfinite(best), rows, NOBODY), best)


def eligible_t(sums: Sums, at: Int1D, fewest_trips: float, exposure: tuple[float, float]) -> Float2D:
    """t of each set's hedged profits over blocks [0, cut), (cuts, sets); −∞ where it was not eligible by then."""
    return np.where(eligible_so_far(sums, at, fewest_trips, exposure), expanding_t(sums, at), -np.inf)


def eligible_so_far(sums: Sums, at: Int1D, fewest_trips: float, exposure: tuple[float, float]) -> Mask:
    """Whether a set trades enough, and is in the market neither hardly ever nor almost always: (cuts, sets)."""
    years = sums.years * at[:, None] / sums.count
    trips = _so_far(sums.switches, at) / 2 / years
    held = _so_far(sums.exposure, at) / (at[:, None] * sums.length)
    return np.asarray((trips >= fewest_trips) & (held >= exposure[0]) & (held <= exposure[1]))


def expanding_t(sums: Sums, at: Int1D) -> Float2D:
    """t of the hedged profits over blocks [0, cut), (cuts, sets); −∞ without variance.

    A block's profit is u − m·e − p·w with u the net return, e the exposure, w = R − m·length the market's move, m and p
    the means of the window: only these two change from cut to cut, so its sum and its sum of squares come from running
    sums of products.
    """
    net, held, market = sums.net, sums.exposure, sums.market
    n = at[:, None].astype(np.float64)
    u, e = _so_far(net, at), _so_far(held, at)
    uu, ee, ue = _so_far(net * net, at), _so_far(held * held, at), _so_far(net * held, at)
    ur, er = _so_far(net * market, at), _so_far(held * market, at)
    r, rr = (_so_far(x[None], at) for x in (market, market * market))
    m = r / (n * sums.length)
    p = e / (n * sums.length)
    move = m * sums.length
    ww = rr - 2 * move * r + n * move * move
    uw, ew = ur - move * u, er - move * e
    total = u - m * e
    squares = uu + m * m * ee + p * p * ww - 2 * m * ue - 2 * p * uw + 2 * m * p * ew
    variance = (squares - total * total / n) / (n - 1)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(variance > 1e-12 * squares / n, total / np.sqrt(n * np.maximum(variance, 0)), -np.inf)


def leaders(found: Sequence[Choices]) -> tuple[Int1D, Int1D]:
    """At each cut the family with the highest t, and its row (−1 where no family has an eligible set)."""
    leading = np.argmax(np.stack([choice.t for choice in found]), axis=0)
    rows = np.stack([choice.rows for choice in found])
    return leading, rows[leading, np.arange(leading.size)]


def stitch(families: Sequence[tuple[Sums, Choices]], at: Int1D) -> Sums:
    """What the sets chosen at each cut earned until the next, as sums of one row over blocks [first cut, count).

    Each piece is of the family whose best set had the highest t when it began; without any, out of the market.

    Changing sets is not charged: it happens once in thirty days at most.
    """
    template = families[0][0]
    parts = np.zeros((3, template.count - int(at[0])))
    ends = [*at[1:], template.count]
    for begin, end, leader, row in zip(at, ends, *leaders([found for _, found in families]), strict=True):
        if row == NOBODY:
            continue
        sums = families[leader][0]
        piece = (sums.gross[row, begin:end], sums.exposure[row, begin:end], sums.switches[row, begin:end])
        parts[:, begin - at[0] : end - at[0]] = piece
    gross, exposure, switches = parts[:, None]
    years = template.years * gross.size / template.count
    market = template.market[at[0] :]
    return Sums(template.length, gross, exposure, switches, market, template.cost, years)


def _so_far(values: NDArray[np.float64], at: Int1D) -> Float2D:
    """Sums over blocks [0, cut) of each row, (cuts, rows)."""
    parts = np.add.reduceat(values[:, : at[-1]], np.append(0, at[:-1]), axis=1)
    return np.asarray(np.cumsum(parts, axis=1).T)
