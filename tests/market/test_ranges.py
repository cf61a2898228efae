"""Half-open ranges against sets of whole numbers."""

from __future__ import annotations

import itertools

from hypothesis import given
from hypothesis import strategies as st

from thunes.market.ranges import Range, inside, union, without

RANGES = st.builds(Range, st.integers(0, 30), st.integers(0, 30))


def moments(*ranges: Range) -> set[int]:
    return {t for r in ranges for t in range(r.start, r.end)}


@given(st.lists(RANGES, max_size=8))
def test_a_union_holds_the_same_moments_in_disjoint_sorted_ranges(ranges: list[Range]) -> None:
    merged = union(ranges)
    assert moments(*merged) == moments(*ranges)
    assert all(a.end < b.start for a, b in itertools.pairwise(merged))


@given(RANGES, st.lists(RANGES, max_size=8))
def test_what_is_missing_is_what_was_wanted_without_what_is_known(wanted: Range, known: list[Range]) -> None:
    missing = without(wanted, known)
    assert moments(*missing) == moments(wanted) - moments(*known)
    assert moments(*inside(wanted, known)) == moments(wanted) & moments(*known)
    assert list(missing) == sorted(r for r in missing if r.length)
