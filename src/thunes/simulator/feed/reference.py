"""The reference price and the band around it in which takers may trade (execution rule PRICE_RANGE)."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from thunes.simulator.engine.accounts import EXACT
from thunes.simulator.feed.averages import PLACES
from thunes.simulator.feed.tape import Tape
from thunes.simulator.request import Side

BUCKETS, BUCKET_MS = 10, 1_000


@dataclass(frozen=True)
class PriceRange:
    """Multiples of the reference price that a taker must keep, by side; None: no bound there."""

    bid_up: Decimal | None = None
    bid_down: Decimal | None = None
    ask_up: Decimal | None = None
    ask_down: Decimal | None = None

    def bounds(self, side: Side, reference: Decimal | None) -> tuple[Decimal | None, Decimal | None]:
        """Lowest and highest price at which a taker of this side may trade; None where nothing bounds it."""
        down, up = (self.bid_down, self.bid_up) if side == "BUY" else (self.ask_down, self.ask_up)
        return _times(down, reference), _times(up, reference)


def _times(multiplier: Decimal | None, reference: Decimal | None) -> Decimal | None:
    return None if multiplier is None or reference is None else EXACT.multiply(multiplier, reference)


def reference_price(tape: Tape, now: int) -> Decimal | None:
    """Mean of the last prices at the ends of the last ten seconds; None before the first tick.

    The exchange says "a moving average over buckets" and no more: length and number of the buckets are ours.
    """
    end = now - now % BUCKET_MS
    ticks = [tape.last(end - bucket * BUCKET_MS) for bucket in range(BUCKETS)]
    prices = [tick.price for tick in ticks if tick]
    return (sum(prices, Decimal(0)) / len(prices)).quantize(PLACES) if prices else None
