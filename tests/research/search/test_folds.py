from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from thunes.errors import DataError, UsageError
from thunes.research.search.folds import SHORTEST, Fold, cut


def test_the_folds_by_hand() -> None:
    assert cut(103, 10, 3) == (Fold(10, 41), Fold(41, 72), Fold(72, 103))


def test_bars_that_do_not_divide_go_to_the_warm_up() -> None:
    assert cut(105, 10, 3) == (Fold(12, 43), Fold(43, 74), Fold(74, 105))


@given(st.integers(1, 5_000), st.integers(0, 400), st.integers(1, 12))
def test_folds_are_equal_consecutive_behind_the_warm_up_and_end_with_the_last_bar(
    bars: int, warm_up: int, count: int
) -> None:
    if bars < warm_up + count * SHORTEST:
        with pytest.raises(DataError, match=f"it takes {warm_up + SHORTEST * count:,}"):
            cut(bars, warm_up, count)
        return
    folds = cut(bars, warm_up, count)
    assert len(folds) == count
    assert len({fold.last - fold.first for fold in folds}) == 1
    assert all(before.last == after.first for before, after in itertools.pairwise(folds))
    assert warm_up <= folds[0].first < warm_up + count
    assert folds[-1].last == bars


def test_no_fold_at_all_is_refused() -> None:
    with pytest.raises(UsageError, match="folds=0 must be"):
        cut(1_000, 0, 0)
