from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from thunes.errors import DataError
from thunes.model import Float1D
from thunes.research.evidence.random_entries import random_entries, shifted_profits

LENGTHS = st.shared(st.integers(1, 40), key="n")
HELD = LENGTHS.flatmap(lambda n: arrays(float, n, elements=st.sampled_from([0.0, 0.5, 1.0])))
RETURNS = LENGTHS.flatmap(lambda n: arrays(float, n, elements=st.floats(-0.5, 0.5, width=32)))


def stretches(rng: np.random.Generator, count: int) -> Float1D:
    """Long and flat in turns of some twenty bars."""
    return (np.cumsum(rng.random(count) < 0.05) % 2).astype(float)


@given(HELD, RETURNS)
def test_profits_are_those_of_positions_rolled_by_hand(held: Float1D, returns: Float1D) -> None:
    rolled = [float((np.roll(held, k) * returns).sum()) for k in range(held.size)]
    np.testing.assert_allclose(shifted_profits(held, returns), rolled, atol=1e-9)


@given(HELD, RETURNS)
def test_the_p_value_counts_the_shifts_that_earn_as_much(held: Float1D, returns: Float1D) -> None:
    rolled = np.array([(np.roll(held, k) * returns).sum() for k in range(held.size)])
    found = random_entries(held, returns)
    surely, maybe = (rolled > rolled[0] + 1e-6).mean(), (rolled >= rolled[0] - 1e-6).mean()
    assert max(surely, 1 / held.size) <= found.p_value <= maybe + 1e-12
    assert found.profit == pytest.approx(rolled[0], abs=1e-9)
    assert found.mean == pytest.approx(held.sum() * returns.mean(), abs=1e-9)


def test_positions_without_timing_have_any_p_value() -> None:
    found = []
    for seed in range(400):
        rng = np.random.default_rng(seed)
        found.append(random_entries(stretches(rng, 500), rng.normal(0.001, 0.01, 500)).p_value)
    assert np.mean(found) == pytest.approx(0.5, abs=0.05)
    assert np.mean(np.array(found) <= 0.05) == pytest.approx(0.05, abs=0.035)


def test_perfect_timing_is_beaten_by_no_shift() -> None:
    returns = np.random.default_rng(1).normal(0, 0.01, 500)
    assert random_entries((returns > 0).astype(float), returns).p_value == 1 / 500


def test_a_rising_market_alone_is_no_timing() -> None:
    assert random_entries(np.ones(300), np.full(300, 0.001)).p_value == 1.0


@given(HELD, RETURNS, st.integers(0, 40))
def test_where_the_history_begins_on_the_circle_does_not_matter(held: Float1D, returns: Float1D, k: int) -> None:
    here, there = random_entries(held, returns), random_entries(np.roll(held, k), np.roll(returns, k))
    assert there.profit == pytest.approx(here.profit, abs=1e-9)


@pytest.mark.parametrize("sizes", [(3, 4), (0, 0)])
def test_what_does_not_fit_is_refused(sizes: tuple[int, int]) -> None:
    with pytest.raises(DataError, match="do not fit"):
        random_entries(np.ones(sizes[0]), np.ones(sizes[1]))
