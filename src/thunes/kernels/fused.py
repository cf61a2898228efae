"""Loops that take a strategy's rule."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from thunes.model import Float1D


def decide(rule: Callable[..., Any], arguments: Sequence[Any], bars: int) -> Float1D:
    """Run a rule over the bars: float64[bars]. Array arguments give their bar's value, others pass as they are."""
    out = np.zeros(bars)
    held = 0
    for t in range(bars):
        held = rule(held, *(a[t] if isinstance(a, np.ndarray) else a for a in arguments))
        out[t] = held
    return out
