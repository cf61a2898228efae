"""How often the gates let a real edge pass, by its strength and the length of history: as `make calibrate` measured."""

from __future__ import annotations

import functools
import json
from importlib import resources
from typing import Any

import numpy as np


@functools.cache
def measured() -> list[dict[str, Any]]:
    """Rows of sharpe, years, promoted and markets; planted trends, the space of sma_cross, hourly candles."""
    text = resources.files(__package__).joinpath("power.json").read_text(encoding="utf-8")
    rows: list[dict[str, Any]] = json.loads(text)["rows"]
    return rows


def expected_power(years: float) -> dict[float, float]:
    """Share of markets promoted by true Sharpe ratio, linear between the measured lengths; empty under the shortest."""
    found: dict[float, float] = {}
    for sharpe in sorted({row["sharpe"] for row in measured()}):
        rows = sorted((row["years"], row["promoted"] / row["markets"]) for row in measured() if row["sharpe"] == sharpe)
        if years < rows[0][0]:
            return {}
        lengths, shares = zip(*rows, strict=True)
        found[sharpe] = float(np.interp(years, lengths, shares))
    return found
