from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from arch.bootstrap import StationaryBootstrap
from hypothesis import given
from hypothesis import strategies as st
from tests.series import bars, walk

from thunes.model import Float1D
from thunes.research.evidence.intervals import (
    FIGURES,
    bootstrap_intervals,
    daily_returns,
    equity_intervals,
    max_drawdown,
    sharpe,
    total_return,
)


def dependent(seed: int, count: int = 400) -> Float1D:
    """Returns that depend on the one before, with fat tails."""
    shocks = np.random.default_rng(seed).standard_t(5, count) * 0.01 + 0.001
    return shocks + 0.3 * np.append(0.0, shocks[:-1])


@pytest.mark.parametrize(("name", "figure"), [("sharpe", sharpe), ("total_return", total_return)])
def test_the_intervals_are_those_of_arch(name: str, figure: Any) -> None:
    """arch draws other numbers, so its ends differ by the error of a quantile of so many draws."""
    returns, draws = dependent(1), 8_000
    ours = bootstrap_intervals(returns, 365, mean_run=9, draws=draws)[name]
    further = (365,) if name == "sharpe" else ()
    resampled = StationaryBootstrap(9, returns, seed=np.random.default_rng(5))
    theirs = resampled.conf_int(lambda r: figure(r[None], *further), draws, method="percentile").ravel()
    np.testing.assert_allclose(ours, theirs, atol=0.04 * (theirs[1] - theirs[0]))


def test_dependence_widens_the_interval() -> None:
    steady = np.repeat(dependent(2, 60), 7)  # each return seven times running
    narrow, wide = (bootstrap_intervals(steady, 365, mean_run=run)["sharpe"] for run in (1.0, 20.0))
    assert wide[1] - wide[0] > 1.5 * (narrow[1] - narrow[0])


def test_the_interval_covers_the_truth_as_often_as_it_says() -> None:
    mean = 0.0005
    inside = 0
    for seed in range(200):
        returns = np.random.default_rng(seed).normal(mean, 0.01, 250)
        low, high = bootstrap_intervals(returns, 365, mean_run=3, draws=300, seed=seed)["sharpe"]
        inside += low <= mean / 0.01 * np.sqrt(365) <= high
    assert 0.88 <= inside / 200 <= 0.99


@given(st.floats(0.5, 0.9), st.integers(0, 100))
def test_more_confidence_is_a_wider_interval(level: float, seed: int) -> None:
    returns = dependent(seed, 60)
    inner, outer = (bootstrap_intervals(returns, 365, draws=100, level=x, seed=seed) for x in (level, level + 0.09))
    for name in FIGURES:
        assert outer[name][0] <= inner[name][0] <= inner[name][1] <= outer[name][1]


def test_how_many_are_drawn_at_once_changes_nothing_but_the_draw(monkeypatch: pytest.MonkeyPatch) -> None:
    returns = dependent(4)
    whole = bootstrap_intervals(returns, 365, draws=4_000)
    monkeypatch.setattr("thunes.research.evidence.intervals.BATCH", 1_000)
    for name, (low, high) in bootstrap_intervals(returns, 365, draws=4_000).items():
        np.testing.assert_allclose((low, high), whole[name], atol=0.08 * (high - low))


def test_the_figures_of_a_known_path() -> None:
    path = np.array([[0.5, -0.2, -0.5, 1.0], [-0.1, 0.0, 0.0, 0.0]])  # 1.5, 1.2, 0.6, 1.2 and 0.9 throughout
    np.testing.assert_allclose(total_return(path), [0.2, -0.1])
    np.testing.assert_allclose(max_drawdown(path), [0.6 / 1.5 - 1, -0.1])
    np.testing.assert_allclose(max_drawdown(np.array([[0.1, 0.2]])), [0.0])
    np.testing.assert_allclose(sharpe(np.array([[0.01, -0.01, 0.03]]), 365), [0.01 / 0.02 * np.sqrt(365)])


def test_days_are_those_of_utc() -> None:
    candles = bars([[10, 10, 10, 10]] * 5, "12h")  # two whole days and a half
    np.testing.assert_allclose(
        daily_returns(np.array([100.0, 110, 99, 99, 198]), candles, 100.0), [0.1, 99 / 110 - 1, 198 / 99 - 1]
    )


def test_an_equity_curve_has_the_intervals_of_its_days() -> None:
    candles = walk(24 * 40, 3)
    equity = 100 * candles.close
    daily = daily_returns(equity, candles, 10_000.0)
    assert daily.size == 40
    assert equity_intervals(equity, candles, 10_000.0, seed=4) == bootstrap_intervals(daily, 365, seed=4)


def test_what_is_undefined_is_nan() -> None:
    assert np.isnan(list(bootstrap_intervals(np.array([0.1]), 365).values())).all()
    flat = bootstrap_intervals(np.zeros(30), 365)
    assert np.isnan(flat["sharpe"]).all()
    assert flat["total_return"] == flat["max_drawdown"] == (0.0, 0.0)
