"""The candles that a strategy is evaluated on: all from its anchor, of which each pass fetches only what is new."""

from __future__ import annotations

import numpy as np

from thunes.exchange.venue import Venue
from thunes.market.grid import bars_apart
from thunes.model import COLUMNS, Candles
from thunes.trading.guards import WATCHED


class History:
    """Closed candles from an anchor on, kept in memory between passes.

    The last one known is fetched again each time, with a gap that lies shortly before it; where a candle is told
    otherwise now, everything is fetched anew. `revised` and `filled`: open times of the candles that the last call
    found changed, and of those that were missing before.
    """

    def __init__(self, symbol: str, interval: str, anchor_ms: int) -> None:
        self._symbol, self._interval, self._anchor = symbol, interval, anchor_ms
        self._known: Candles | None = None
        self.revised: tuple[int, ...] = ()
        self.filled: tuple[int, ...] = ()

    def to_now(self, venue: Venue) -> Candles:
        """All candles from the anchor to the last closed one. Errors: those of `Venue.closed_candles`."""
        self.revised = self.filled = ()
        self._known = self._from(venue, self._anchor) if self._known is None else self._continued(venue, self._known)
        return self._known

    def _from(self, venue: Venue, start_ms: int) -> Candles:
        return venue.closed_candles(self._symbol, self._interval, start_ms)

    def _continued(self, venue: Venue, known: Candles) -> Candles:
        row = _resumed_at(known)
        tail, fresh = known[row:], self._from(venue, int(known.open_time[row]))
        if _changed(tail, fresh):
            anew = self._from(venue, self._anchor)
            self.revised, self.filled = _changed(known, anew), _filled(known, anew)
            return anew
        self.filled = _filled(tail, fresh)
        return known if len(fresh) == len(tail) else _joined(known, row, fresh)


def _resumed_at(known: Candles) -> int:
    """The row to ask from: the last one, or the one before a gap that may be filled by now."""
    first = max(0, len(known) - WATCHED)
    gaps = np.flatnonzero(bars_apart(known.open_time[first:], known.interval) > 1)
    return first + int(gaps[0]) if gaps.size else len(known) - 1


def _changed(known: Candles, fresh: Candles) -> tuple[int, ...]:
    """Open times of known candles that are told otherwise now, or not any more."""
    rows = np.minimum(np.searchsorted(fresh.open_time, known.open_time), len(fresh) - 1)
    same = np.logical_and.reduce([getattr(known, name) == getattr(fresh, name)[rows] for name in COLUMNS])
    return tuple(known.open_time[~same].tolist())


def _filled(known: Candles, fresh: Candles) -> tuple[int, ...]:
    """Open times of fresh candles that lie between known ones."""
    old = fresh.open_time[fresh.open_time <= known.open_time[-1]]
    return tuple(old[~np.isin(old, known.open_time)].tolist())


def _joined(known: Candles, row: int, fresh: Candles) -> Candles:
    return known.replace(
        **{name: np.concatenate([getattr(known, name)[:row], getattr(fresh, name)]) for name in COLUMNS}
    )
