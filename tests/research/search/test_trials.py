from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from thunes.model import Float1D
from thunes.research.search.objective import STATES
from thunes.research.search.trials import Trials, front

SMALL = st.integers(-3, 3).map(float)  # so that ties happen


def trials(values: Float1D, viable: Float1D) -> Trials:
    states = np.where(viable, STATES.index("viable"), STATES.index("few_trades")).astype(np.int8)
    numbers = np.arange(len(values))
    return Trials({"number": numbers}, states, numbers, values[:, None, :], values)


@given(st.data(), st.integers(1, 3), st.integers(0, 25))
def test_the_front_is_what_nothing_viable_dominates_each_value_once(
    data: st.DataObject, objectives: int, n: int
) -> None:
    values = data.draw(hnp.arrays(float, (n, objectives), elements=SMALL))
    viable = data.draw(hnp.arrays(bool, n))
    found = front(trials(values, viable))
    rows = [k for k in range(n) if viable[k]]
    kept = {
        tuple(values[k])
        for k in rows
        if not any((values[j] >= values[k]).all() and (values[j] > values[k]).any() for j in rows)
    }
    assert sorted(kept) == sorted(tuple(values[k]) for k in found)
    firsts = [values[k][0] for k in found]
    assert firsts == sorted(firsts, reverse=True)
    assert all(k == min(j for j in rows if (values[j] == values[k]).all()) for k in found)
