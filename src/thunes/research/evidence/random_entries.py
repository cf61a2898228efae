"""Whether the entries did better than the same entries at other times."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from thunes.errors import DataError
from thunes.model import Float1D


@dataclass(frozen=True)
class RandomEntries:
    """Costless profit of the positions as they were, the mean of the same ones shifted in time, and the p-value.

    Profits are sums of position × return, as fractions of what is held.
    """

    profit: float
    mean: float
    p_value: float


def random_entries(held: Float1D, returns: Float1D) -> RandomEntries:
    """Compare positions with themselves moved along the history, by every number of bars, on a circle.

    `held` is the fraction held during each bar and `returns` that bar's return, both of shape (n,). Each of the n
    shifts keeps exposure, lengths of positions and turnover as they are (but for the one that the circle's seam may
    cut), so costs cancel and nothing is drawn at random: the p-value is the share of shifts, the unmoved one included,
    that earned as much or more. It tests whether these positions lie better in this market than at a random place;
    neither whether that pays for its costs, nor that the set was the best of many. Errors: `DataError` for arrays of
    different or no length.

    Source: the Monte-Carlo permutation test in Aronson (2007), Evidence-Based Technical Analysis, with the n circular
    shifts as its permutations; one Fourier transform gives all n sums.
    """
    if held.shape != returns.shape or held.size == 0:
        raise DataError("E-EVIDENCE-SHAPE", f"positions {held.shape} and returns {returns.shape} do not fit.")
    profits = shifted_profits(held, returns)
    tolerance = 1e-12 * np.abs(returns).sum()  # what the transform may lose
    share = float((profits >= profits[0] - tolerance).mean())
    return RandomEntries(float(profits[0]), float(profits.mean()), share)


def shifted_profits(held: Float1D, returns: Float1D) -> Float1D:
    """Σ position(t − k) × return(t) for each shift k = 0 … n − 1, on a circle."""
    n = held.size
    spectrum = np.fft.rfft(returns) * np.conj(np.fft.rfft(held))
    return np.asarray(np.fft.irfft(spectrum, n))
