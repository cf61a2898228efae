"""Half-open ranges of time: what was asked for, what is known, what is missing."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple


class Range(NamedTuple):
    """The moments start ≤ t < end, epoch ms; empty when end ≤ start."""

    start: int
    end: int

    @property
    def length(self) -> int:
        return max(0, self.end - self.start)


EVER = Range(-(2**62), 2**62)


def union(ranges: Iterable[Range]) -> tuple[Range, ...]:
    """The same moments as few, sorted, disjoint ranges."""
    merged: list[Range] = []
    for piece in sorted(r for r in ranges if r.length):
        if merged and piece.start <= merged[-1].end:
            merged[-1] = Range(merged[-1].start, max(merged[-1].end, piece.end))
        else:
            merged.append(piece)
    return tuple(merged)


def inside(wanted: Range, known: Iterable[Range]) -> tuple[Range, ...]:
    """The parts of `wanted` that lie in one of `known`, in time order."""
    return without(wanted, without(wanted, known))


def without(wanted: Range, known: Iterable[Range]) -> tuple[Range, ...]:
    """The parts of `wanted` that lie in none of `known`, in time order."""
    missing, cursor = [], wanted.start
    for piece in union(known):
        missing.append(Range(cursor, min(piece.start, wanted.end)))
        cursor = max(cursor, piece.end)
    missing.append(Range(cursor, wanted.end))
    return tuple(r for r in missing if r.length)
