from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from thunes.model import DAY_MS
from thunes.research.evidence.stitched import Choices, choices, cuts, eligible_so_far, eligible_t, expanding_t, stitch
from thunes.research.evidence.timing import Sums, hedged, mean_exposure, round_trips, t_value

LENGTH = 24


def some(seed: int, sets: int = 6, blocks: int = 40) -> Sums:
    random = np.random.default_rng(seed)
    exposure = random.integers(0, LENGTH + 1, (sets, blocks)).astype(float)
    market = random.normal(0, 0.02, blocks)
    gross = exposure / LENGTH * market + random.normal(0, 0.01, (sets, blocks))
    switches = random.integers(0, 5, (sets, blocks)).astype(float)
    return Sums(LENGTH, gross, exposure, switches, market, 0.0015, blocks * LENGTH / 8760)


def test_cuts_of_three_years_by_hand() -> None:
    at = cuts(365, 3 * DAY_MS)
    assert at[:3].tolist() == [121, 131, 141]
    assert at[-1] == 361
    assert cuts(60, 7 * DAY_MS).tolist() == list(range(20, 60, 4))


@given(st.integers(0, 10_000))
@settings(max_examples=20)
def test_t_so_far_is_that_of_the_window_alone(seed: int) -> None:
    sums, at = some(seed), np.array([5, 13, 14, 33])
    found = expanding_t(sums, at)
    for row, cut in zip(found, at, strict=True):
        assert_allclose(row, [t_value(x) for x in hedged(sums.window(0, cut))], rtol=1e-8)


def test_eligibility_so_far_is_that_of_the_window_alone() -> None:
    sums, at = some(3), np.array([4, 11, 30])
    found = eligible_so_far(sums, at, 350.0, (0.45, 0.55))
    for row, cut in zip(found, at, strict=True):
        window = sums.window(0, cut)
        held = mean_exposure(window)
        assert_array_equal(row, (round_trips(window) >= 350) & (held >= 0.45) & (held <= 0.55))
    assert 0 < found.sum() < found.size


def test_the_future_changes_no_choice() -> None:
    sums, at = some(4), np.array([8, 16, 24])
    changed = some(5)
    gross, exposure, switches = sums.gross.copy(), sums.exposure.copy(), sums.switches.copy()
    gross[:, 24:], exposure[:, 24:], switches[:, 24:] = (
        x[:, 24:] for x in (changed.gross, changed.exposure, changed.switches)
    )
    market = np.append(sums.market[:24], changed.market[24:])
    other = Sums(LENGTH, gross, exposure, switches, market, sums.cost, sums.years)
    before, after = choices(expanding_t(sums, at)), choices(expanding_t(other, at))
    assert_array_equal(before.rows, after.rows)
    assert_allclose(before.t, after.t, rtol=1e-12)


def test_pieces_are_those_of_the_leader_when_they_begin() -> None:
    one, other, at = some(1), some(2), np.array([10, 20, 30])
    found = stitch(
        [
            (one, Choices(np.array([2, 3, -1]), np.array([1.0, 0.5, -np.inf]))),
            (other, Choices(np.array([4, 5, -1]), np.array([0.5, 1.0, -np.inf]))),
        ],
        at,
    )
    expected = np.concatenate([one.gross[2, 10:20], other.gross[5, 20:30], np.zeros(10)])
    assert_array_equal(found.gross[0], expected)
    assert_array_equal(found.exposure[0, 20:], np.zeros(10))
    assert found.count == 30
    assert found.years == pytest.approx(one.years * 30 / 40)


def test_nobody_is_chosen_where_nobody_is_eligible() -> None:
    sums, at = some(6), np.array([10, 20])
    t = expanding_t(sums, at)
    found = choices(np.stack([np.full(6, -np.inf), t[1]]))
    assert found.rows.tolist() == [-1, t[1].argmax()]
    assert found.t.tolist() == [-np.inf, t[1].max()]
    assert np.isneginf(eligible_t(sums, at, 1e9, (0.0, 1.0))).all()
    assert_array_equal(eligible_t(sums, at, 0.0, (0.0, 1.0)), t)


def test_a_set_without_variance_is_never_the_best() -> None:
    sums = some(7)
    still = Sums(LENGTH, sums.gross * 0, sums.exposure * 0, sums.switches * 0, sums.market, 0.0015, sums.years)
    assert np.isneginf(expanding_t(still, np.array([10, 20]))).all()
