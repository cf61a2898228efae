"""Strategies that know too much, each in a way people really get it wrong, and two that only look as if."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np

from thunes import Strategy, indicators

CALLS = itertools.count()


def ahead(x: Any, bars: int) -> Any:
    """x, shifted so that each bar sees the value of `bars` bars later."""
    return x[np.minimum(np.arange(x.size) + bars, x.size - 1)]


class PeeksOneBar(Strategy):
    """shift(-1)."""

    def exposure(self, candles):
        return ahead(candles.close, 1) > candles.close


class PeeksOnRareBars(Strategy):
    """shift(-3), and only after a bar of enormous volume."""

    def exposure(self, candles):
        honest = candles.close > indicators.sma(candles.close, 30)
        rare = candles.volume > 14 * indicators.sma(candles.volume, 50)
        return np.where(rare, ahead(candles.close, 3) > candles.close, honest)


class CentredWindow(Strategy):
    """A mean that reaches five bars to both sides."""

    def exposure(self, candles):
        return candles.close > ahead(indicators.sma(candles.close, 11), 5)


class NormalisedByTheWholeSample(Strategy):
    """A z-score whose mean and deviation come from all bars."""

    def exposure(self, candles):
        return candles.close < candles.close.mean() - 0.5 * candles.close.std()


class BackFilledGaps(Strategy):
    """Bars without much volume are blanked, and filled with the price that comes next."""

    def exposure(self, candles):
        bars = np.arange(len(candles))
        following = np.minimum.accumulate(np.where(candles.volume < 0.15, len(candles) - 1, bars)[::-1])[::-1]
        return candles.close[following] > indicators.sma(candles.close, 20)


class BackFilledWarmUp(Strategy):
    """The bars before the first mean borrow it."""

    def exposure(self, candles):
        mean = indicators.sma(candles.close, 25)
        return candles.close > np.where(np.isnan(mean), mean[min(24, mean.size - 1)], mean)


class ResampledBeforeItsClose(Strategy):
    """The close of a four-hour bar, known from its first hour on."""

    def exposure(self, candles):
        group = np.arange(len(candles)) // 4
        last = np.searchsorted(group, group, side="right") - 1
        return candles.close[last] > indicators.sma(candles.close, 20)


class PeeksAtVolume(Strategy):
    """The next bar's volume."""

    def exposure(self, candles):
        return ahead(candles.volume, 1) > candles.volume


class KnowsTheLastBar(Strategy):
    """Flat on the last three bars, whichever they are."""

    def exposure(self, candles):
        return np.arange(len(candles)) < len(candles) - 3


class CountsFromTheEnd(Strategy):
    """A phase counted from the newest bar: a sliding window would trade it otherwise."""

    def exposure(self, candles):
        return (len(candles) - np.arange(len(candles))) % 7 < 3


class RemembersCalls(Strategy):
    """Another answer every time."""

    def exposure(self, candles):
        return np.full(len(candles), float(next(CALLS) % 2))


class HonestHigherInterval(Strategy):
    """The four-hour close, from the bar that completes it on."""

    def exposure(self, candles):
        bars = np.arange(len(candles))
        complete = (bars + 1) // 4 * 4 - 1
        return (complete >= 0) & (candles.close[complete] > indicators.sma(candles.close, 20))


class HonestShift(Strategy):
    """Yesterday's range, today's close."""

    def exposure(self, candles):
        ceiling = np.concatenate([candles.high[:1], candles.high[:-1]])
        return candles.close > ceiling
