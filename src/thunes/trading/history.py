"""The candles that a strategy is evaluated on: all from its anchor, of which each pass fetches only what is new."""

from __future__ import annotations

import numpy as np

from thunes.exchange.venue import Venue
from thunes.model import COLUMNS, Candles


class History:
    """Closed candles from an anchor on, kept in memory between passes.

    The last one known is fetched again each time; where it is told otherwise now, everything is fetched anew.
    """

    def __init__(self, symbol: str, interval: str, anchor_ms: int) -> None:
        self._symbol, self._interval, self._anchor = symbol, interval, anchor_ms
        self._known: Candles | None = None

    def to_now(self, venue: Venue) -> Candles:
        """All candles from the anchor to the last closed one. Errors: those of `Venue.closed_candles`."""
        known = self._known
        fresh = venue.closed_candles(self._symbol, self._interval, int(known.open_time[-1]) if known else self._anchor)
        if known is not None and not _continues(known, fresh):
            known, fresh = None, venue.closed_candles(self._symbol, self._interval, self._anchor)
        self._known = fresh if known is None else _joined(known, fresh)
        return self._known


def _continues(known: Candles, fresh: Candles) -> bool:
    """Whether the first fresh candle is the last one known, unchanged."""
    return all(getattr(known, name)[-1] == getattr(fresh, name)[0] for name in COLUMNS)


def _joined(known: Candles, fresh: Candles) -> Candles:
    if len(fresh) == 1:
        return known
    return known.replace(**{name: np.concatenate([getattr(known, name), getattr(fresh, name)[1:]]) for name in COLUMNS})
