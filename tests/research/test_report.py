from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose
from tests.series import bars, walk

from thunes.errors import CheckFailed
from thunes.kernels.simulation import START_CASH
from thunes.model import Candles, Costs, Float1D, Stops
from thunes.research.backtest import BacktestResult, backtest
from thunes.research.report import figures
from thunes.research.report.assumptions import assumptions
from thunes.research.report.confidence import FEWEST_DAYS, sharpe_interval
from thunes.research.report.contents import report
from thunes.research.report.crosscheck import against_vectorbt
from thunes.research.report.panel import WIDTH, panel, sparkline
from thunes.strategies.base import Strategy, param

HOURS = walk(24 * 60, seed=3)
SYNTHETIC = HOURS.replace(source="synthetic:7,edge=0")
CROSS = {"strategy": "sma_cross", "fast": 5, "slow": 20}


class Half(Strategy):
    """Half invested every other stretch of bars."""

    bars: int = param(7, "bars", first=2, last=50)

    def exposure(self, candles: Candles) -> Float1D:
        return np.arange(len(candles)) // self.bars % 2 * 0.5


def crossed(candles: Candles = HOURS, **terms: Any) -> BacktestResult:
    return backtest(candles=candles, **{**CROSS, **terms})


def equity_of(returns: Float1D) -> Float1D:
    return np.asarray(START_CASH * np.cumprod(1 + returns))


def days(count: int) -> Candles:
    return walk(count, interval="1d")


def width(interval: tuple[float, float]) -> float:
    return interval[1] - interval[0]


def test_the_interval_of_independent_daily_returns_is_mertens_formula() -> None:
    returns = np.random.default_rng(1).standard_t(4, 5000) * 0.01 + 0.001
    returns[0] = 0.0
    low, high = sharpe_interval(equity_of(returns), days(5000))
    z = (returns - returns.mean()) / returns.std()
    ratio = returns.mean() / returns.std()
    variance = (1 - (z**3).mean() * ratio + ((z**4).mean() - 1) / 4 * ratio**2) / 5000
    assert_allclose((high + low) / 2, ratio * math.sqrt(365), rtol=1e-3)
    assert_allclose(high - low, 2 * 1.96 * math.sqrt(variance * 365), rtol=1e-3)


def test_the_interval_holds_the_true_ratio_19_times_in_20() -> None:
    candles, rng = days(500), np.random.default_rng(2)
    truth = 0.05 * math.sqrt(365)
    draws = rng.standard_t(5, (600, 500)) / math.sqrt(5 / 3)
    intervals = [sharpe_interval(equity_of(0.01 * (row + 0.05)), candles) for row in draws]
    assert 0.93 < np.mean([low <= truth <= high for low, high in intervals]) < 0.97


def test_returns_that_repeat_inside_a_day_widen_the_interval() -> None:
    shocks = np.random.default_rng(4).normal(0, 0.01, 24 * 200)
    repeated = np.repeat(shocks[::24], 24)
    candles = walk(24 * 200)
    ratio = width(sharpe_interval(equity_of(repeated), candles)) / width(sharpe_interval(equity_of(shocks), candles))
    assert_allclose(ratio, math.sqrt(24), rtol=0.15)


def test_there_is_no_interval_without_variance_or_enough_days() -> None:
    enough = days(FEWEST_DAYS)
    assert np.isnan(sharpe_interval(np.full(FEWEST_DAYS, START_CASH), enough)).all()
    assert np.isfinite(sharpe_interval(enough.close, enough)).all()
    assert np.isnan(sharpe_interval(enough.close[1:], enough[1:])).all()


@pytest.mark.parametrize(
    ("show", "value", "text"),
    [
        (figures.change, 0.1234, "+12.3 %"),
        (figures.change, -0.0001, "+0.0 %"),
        (figures.change, 12.5, "+1,250.0 %"),
        (figures.change, 12345.0, "+1.23e+06 %"),
        (figures.share, -0.7026, "-70.3 %"),
        (figures.rate, 0.00075, "0.075 %"),
        (figures.ratio, -0.004, "0.00"),
        (figures.money, 28514.845, "28,514.85"),
        (figures.money, 1234567.8, "1,234,568"),
        (figures.count, 14638.0, "14,638"),
        (figures.times, 200.63, "200.6 ×"),
        *((figure.show, math.nan, "–") for figure in figures.FIGURES),
        *((figure.show, -math.inf, "–") for figure in figures.FIGURES),
    ],
)
def test_a_number_is_written_for_people(show: figures.Show, value: float, text: str) -> None:
    assert show(value) == text


@given(st.floats(-1e15, 1e15))
def test_a_figure_fits_its_column_however_large(value: float) -> None:
    for show in (figures.change, figures.share, figures.ratio, figures.money, figures.times):
        assert len(show(value)) <= 11


@pytest.mark.parametrize(
    ("low", "high", "text"),
    [(-0.334, 1.326, "-0.33…1.33"), (-11.2, -2.04, "-11.2…-2.0"), (-150.0, 9.0, "-150…9"), (math.nan, math.nan, "–")],
)
def test_an_interval_fits_its_column(low: float, high: float, text: str) -> None:
    assert figures.bounds(low, high) == text


def test_a_hyphen_becomes_a_minus_only_before_a_number() -> None:
    assert figures.typographic("-1.5, 2018-01-01, BTC-1h, 0…-2") == "−1.5, 2018-01-01, BTC-1h, 0…−2"


@pytest.mark.parametrize("candles", [HOURS, SYNTHETIC, HOURS[:25], HOURS.replace(source="file:" + "a-long-name " * 9)])
@pytest.mark.parametrize("stops", [Stops(), Stops(0.0123, 0.0456, 0.0789)])
def test_the_panel_fits_80_columns_and_never_says_nan(candles: Candles, stops: Stops) -> None:
    text = panel(report(crossed(candles, stops=stops))).plain
    assert max(len(line) for line in text.splitlines()) <= WIDTH
    assert "nan" not in text
    assert "inf " not in text


def test_the_panel_tells_every_assumption_and_figure() -> None:
    result = crossed()
    text = " ".join(panel(report(result)).plain.split())
    for label, value in assumptions(result).items():
        assert f"{label} {value}" in text
    for figure in figures.FIGURES:
        shown, held = figure.show(result.stats[figure.metric]), figure.show(result.hold[figure.metric])
        assert f"{figure.label} {shown} {held}" in text


def test_synthetic_candles_are_announced_first_and_real_ones_are_not() -> None:
    assert panel(report(crossed(SYNTHETIC))).plain.startswith(" SYNTHETIC MARKET: made-up candles.")
    assert "SYNTHETIC" not in panel(report(crossed())).plain


def test_the_sharpe_ratio_falls_with_each_multiple_of_the_costs() -> None:
    found = report(crossed())
    assert found.sharpe_at_costs[1] == found.result.stats["sharpe"]
    assert list(found.sharpe_at_costs) == [0, 1, 2, 3]
    assert sorted(found.sharpe_at_costs.values(), reverse=True) == list(found.sharpe_at_costs.values())


def test_costs_that_nobody_could_pay_are_left_out() -> None:
    assert list(report(crossed(costs=Costs(0.4, 0))).sharpe_at_costs) == [0, 1, 2]


def test_an_open_position_is_listed_apart() -> None:
    rising = bars([(p, p, p, p) for p in (10.0, 11.0, 12.0, 13.0)])
    text = panel(report(backtest("buy_and_hold", rising, Costs(0, 0)))).plain
    assert "Open position   since 1970-01-01 01:00 UTC, +18.2 % so far; in no trade figure" in text
    assert "Open position" not in panel(report(backtest(Half(bars=3), rising, Costs(0, 0)))).plain


def test_a_sparkline_runs_from_the_lowest_block_to_the_highest() -> None:
    assert sparkline(np.arange(8.0), 8) == "▁▂▃▄▅▆▇█"
    assert sparkline(np.full(3, 5.0), 8) == "▁▁▁"


def test_vectorbt_agrees_on_every_figure() -> None:
    check = against_vectorbt(crossed())
    assert (check.agreed, check.text) == (16, "vectorbt agrees on 16 of 16 figures.")


@pytest.mark.parametrize("fill", ["next_open", "next_close"])
@pytest.mark.parametrize("stops", [Stops(stop_loss=0.02), Stops(trailing=0.03, take_profit=0.04)])
def test_stops_are_checked_in_the_mode_of_vectorbt_which_is_said(stops: Stops, fill: str) -> None:
    check = against_vectorbt(crossed(stops=stops, fill=fill))
    assert check.agreed == 16
    assert "in vectorbt's own stop mode" in check.text


def test_what_vectorbt_cannot_serve_is_said_to_be_unchecked() -> None:
    fractions = against_vectorbt(backtest(Half(), HOURS, stops=Stops(stop_loss=0.02)))
    both = against_vectorbt(crossed(stops=Stops(stop_loss=0.02, trailing=0.03)))
    assert (fractions.agreed, both.agreed) == (0, 0)
    assert "no counterpart: vectorbt has no stops for fractional exposure" in fractions.text
    assert "not both" in both.text


def test_a_figure_that_differs_stops_the_report() -> None:
    result = crossed()
    wrong = replace(result.simulation, moments=result.simulation.moments * (1 + 1e-6))
    with pytest.raises(CheckFailed, match=r"nothing is reported: .*sharpe"):
        against_vectorbt(replace(result, simulation=wrong))
