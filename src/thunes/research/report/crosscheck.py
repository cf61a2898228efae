"""The kernel's figures against vectorbt's, before anything is reported."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from thunes.errors import UsageError
from thunes.kernels import simulation
from thunes.research.backtest import BacktestResult, stats_of


@dataclass(frozen=True)
class Check:
    """How many figures vectorbt agreed on (0 where it was not asked or cannot be), and that in a sentence."""

    agreed: int
    text: str


UNCHECKED = Check(0, "Not checked against vectorbt: kernel only.")


def against_vectorbt(result: BacktestResult) -> Check:
    """Compute the same backtest with vectorbt and compare all figures.

    vectorbt serves stops by another rule, so with stops the kernel's `vectorbt` mode is what is compared.

    Errors: `CheckFailed` if any figure differs; `UsageError` where vectorbt is not installed.
    """
    try:
        from thunes.research import vectorbt_bridge
    except ModuleNotFoundError as error:
        raise UsageError(
            "E-EXTRA", f"{error.name} is not installed.", "Install thunes[research], or use --engine kernel."
        ) from None
    try:
        judged = vectorbt_bridge.figures(result.portfolio, result.candles)
    except UsageError as error:
        return Check(0, f"Not checked against vectorbt, which has no counterpart: {error.message}")
    ours = {name: np.atleast_1d(value) for name, value in _comparable(result).items()}
    vectorbt_bridge.require_agreement(ours, judged)
    how = ", in vectorbt's own stop mode; the figures above use intrabar stops" if result.stops.any else ""
    return Check(len(ours), f"vectorbt agrees on {len(ours)} of {len(ours)} figures{how}.")


def _comparable(result: BacktestResult) -> dict[str, float]:
    stops = replace(result.stops, mode="vectorbt")
    if not result.stops.any:
        return result.stats
    simulated = simulation.run(result.candles, result.exposure, result.costs, stops, result.fill)
    return stats_of(simulated, result.candles)
