"""Bars that only warm a strategy up: the same as simulating the bars after them alone."""

from __future__ import annotations

import pytest
from numpy.testing import assert_allclose
from tests.research.test_sweep import Fractions, KernelCross, NumpyCross
from tests.series import walk

from thunes.errors import UsageError
from thunes.kernels import simulation
from thunes.kernels.metrics import METRICS
from thunes.model import Stops
from thunes.research.backtest import instance, stats_of
from thunes.research.sweep import sweep
from thunes.strategies.base import Strategy, evaluate


@pytest.mark.parametrize("strategy", [KernelCross, NumpyCross, Fractions, "sma_cross"], ids=str)
@pytest.mark.parametrize("stops", [Stops(), Stops(stop_loss=0.02)], ids=["no stops", "stops"])
def test_bars_of_warm_up_only_warm_up(strategy: type[Strategy] | str, stops: Stops) -> None:
    candles, first = walk(600, seed=3), 137
    ranges = {} if strategy != "sma_cross" else {"fast": [3, 8], "slow": [20, 90]}
    swept = sweep(strategy, candles, stops=stops, metrics=METRICS, warm_up=first, **ranges)
    for row in range(0, len(swept), 7):
        chosen = instance(strategy, {name: values[row].item() for name, values in swept.parameters.items()})
        simulated = simulation.run(candles[first:], evaluate(chosen, candles)[first:], swept.costs, stops)
        plain = stats_of(simulated, candles[first:])
        for name, value in plain.items():
            assert_allclose(swept.metrics[name][row], value, rtol=1e-9, atol=1e-12, err_msg=name)


@pytest.mark.parametrize("warm_up", [-1, 50])
def test_a_warm_up_leaves_bars_to_judge(warm_up: int) -> None:
    with pytest.raises(UsageError, match=f"warm_up={warm_up} leaves none of 50 bars"):
        sweep("sma_cross", walk(50), warm_up=warm_up, fast=2, slow=5)
