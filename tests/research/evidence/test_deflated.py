from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from thunes.research.evidence.deflated import (
    Record,
    deflated_sharpe,
    expected_maximum_sharpe,
    minimum_track_record,
    probabilistic_sharpe,
    record_of,
)


@pytest.mark.parametrize(("skewness", "kurtosis", "published"), [(0.0, 3.0, 0.982), (-2.448, 10.164, 0.913)])
def test_the_probabilistic_ratio_is_that_of_the_paper(skewness: float, kurtosis: float, published: float) -> None:
    """Bailey and López de Prado (2012): two years of monthly returns with a Sharpe ratio of 0.458 a month."""
    assert probabilistic_sharpe(Record(0.458, 24, skewness, kurtosis)) == pytest.approx(published, abs=5e-4)


@pytest.mark.parametrize(
    ("a_year", "skewness", "kurtosis", "published"),
    [(250, 0.0, 3.0, 2.73), (52, 0.0, 3.0, 2.83), (12, 0.0, 3.0, 3.24), (12, -0.72, 5.78, 4.99)],
    ids=["daily", "weekly", "monthly", "monthly, like hedge funds"],
)
def test_the_track_record_for_2_to_be_above_1_is_that_of_the_paper(
    a_year: int, skewness: float, kurtosis: float, published: float
) -> None:
    """Bailey and López de Prado (2012): years, at 95 %."""
    record = Record(2 / math.sqrt(a_year), 0, skewness, kurtosis)
    years = minimum_track_record(record, benchmark=1 / math.sqrt(a_year)) / a_year
    assert years == pytest.approx(published, abs=5e-3)


def test_the_deflated_ratio_is_that_of_the_paper() -> None:
    """Bailey and López de Prado (2014): 2.5 a year, best of 100 with variance 1/2, over 1,250 crooked daily returns."""
    record, variance = Record(2.5 / math.sqrt(250), 1_250, skewness=-3.0, kurtosis=10.0), 0.5 / 250
    assert expected_maximum_sharpe(variance, 100) == pytest.approx(0.1132, abs=5e-5)
    assert deflated_sharpe(record, variance, 100) == pytest.approx(0.9004, abs=5e-5)


@pytest.mark.parametrize("trials", [10, 100, 1_000])
def test_the_expected_maximum_is_near_the_exact_one(trials: int) -> None:
    """The exact one: the integral of x · d Φ(x)^N."""
    x = np.linspace(-10, 10, 200_001)
    exact = float((x * trials * stats.norm.cdf(x) ** (trials - 1) * stats.norm.pdf(x)).sum() * (x[1] - x[0]))
    assert expected_maximum_sharpe(4.0, trials) == pytest.approx(2 * exact, rel=0.03)


def test_nothing_is_deflated_where_nothing_was_searched() -> None:
    record = Record(0.1, 500, -0.5, 6.0)
    assert deflated_sharpe(record, 0.5, 1) == probabilistic_sharpe(record)


@given(st.floats(0.02, 0.6), st.floats(-2, 0.5), st.floats(3, 20), st.floats(0.6, 0.999))
def test_a_record_as_long_as_needed_gives_just_the_confidence(
    sharpe: float, skewness: float, kurtosis: float, confidence: float
) -> None:
    needed = minimum_track_record(Record(sharpe, 0, skewness, kurtosis), 0.01, confidence)
    record = Record(sharpe, needed, skewness, kurtosis)  # type: ignore[arg-type]
    assert probabilistic_sharpe(record, 0.01) == pytest.approx(confidence, rel=1e-9)


def test_a_record_has_the_moments_of_its_returns() -> None:
    returns = stats.t(4).rvs(400, random_state=np.random.default_rng(3)) / 100 + 0.001
    record = record_of(returns)
    assert record.sharpe == pytest.approx(returns.mean() / returns.std(ddof=1), rel=1e-12)
    assert record.skewness == pytest.approx(stats.skew(returns), rel=1e-9)
    assert record.kurtosis == pytest.approx(stats.kurtosis(returns, fisher=False), rel=1e-9)


@pytest.mark.parametrize("returns", [np.zeros(50), np.array([0.01]), np.array([])], ids=["flat", "one", "none"])
def test_what_is_undefined_is_nan(returns: np.ndarray) -> None:
    record = record_of(returns)
    assert math.isnan(probabilistic_sharpe(record))
    assert math.isnan(minimum_track_record(record))


def test_no_record_is_long_enough_for_what_is_not_there() -> None:
    assert math.isnan(minimum_track_record(Record(-0.1, 500)))
    assert math.isnan(minimum_track_record(Record(0.1, 500), benchmark=0.1))
