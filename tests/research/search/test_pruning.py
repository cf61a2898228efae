from __future__ import annotations

import math

from thunes.research.search.objective import Outcome
from thunes.research.search.pruning import FEWEST, hurdles


def judged(*values: float) -> Outcome:
    return Outcome({}, "viable", tuple((value,) for value in values), 10)


def test_the_hurdle_is_the_lower_quartile_of_the_means_so_far() -> None:
    outcomes = [judged(float(k), float(k) + 2, 0.0, 0.0) for k in range(9)]
    # Means after two folds are 1 … 9 with quartile 3, after three (2k + 2) / 3 with k = 2.
    assert hurdles(outcomes, 4) == (-math.inf, 3.0, 2.0)


def test_there_is_none_on_a_fold_that_too_few_sets_were_judged_on() -> None:
    few, more = [judged(1.0, 2.0, 3.0, 4.0)] * (FEWEST - 1), [judged(1.0, 2.0)]
    assert hurdles(few, 4) == (-math.inf,) * 3
    assert hurdles([*few, *more], 4) == (-math.inf, 1.5, -math.inf)


def test_sets_given_up_there_count_and_those_without_a_figure_do_not() -> None:
    given_up = [judged(-9.0, -9.0)] * 8
    undefined = [Outcome({}, "undefined", ((1.0,), (math.nan,)), 1), Outcome({}, "infeasible")] * 50
    assert hurdles([*given_up, *undefined, *[judged(1.0, 2.0, 3.0)] * 24], 3) == (-math.inf, -9.0 + 0.75 * 10.5)


def test_one_fold_has_no_hurdle() -> None:
    assert hurdles([judged(1.0)] * 20, 1) == ()
