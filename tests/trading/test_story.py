"""What the trader tells the audit trail of the exchange's filters."""

from __future__ import annotations

from decimal import Decimal

import pytest

from thunes.audit.events import Check
from thunes.exchange.filters.verdict import Check as FilterCheck
from thunes.trading.story import filter_checks

D = Decimal


def test_each_rung_is_told_and_one_that_fails_in_words() -> None:
    found = filter_checks(
        (
            FilterCheck("STATUS", "status", "TRADING", "is", "TRADING", passed=True),
            FilterCheck("LOT_SIZE", "quantity", D("0.00100"), "≥", D("1E-5"), passed=True),
            FilterCheck("MIN_NOTIONAL", "notional", D("4.90"), "≥", D("5.00000000"), passed=False),
            FilterCheck("PERMISSION", "account", "SPOT", "is one of", "MARGIN", passed=False),
        )
    )
    assert found == [
        Check(stage="filters", name="STATUS", passed=True, value="TRADING", bound="is TRADING", code=None, text=None),
        Check(stage="filters", name="LOT_SIZE", passed=True, value="0.001", bound="≥ 0.00001", code=None, text=None),
        Check(stage="filters", name="MIN_NOTIONAL", passed=False, value="4.9", bound="≥ 5",
              code="E-FILTER-MIN-NOTIONAL", text="notional 4.9 must be ≥ 5 (MIN_NOTIONAL)"),
        Check(stage="filters", name="PERMISSION", passed=False, value="SPOT", bound="is one of MARGIN",
              code="E-FILTER-PERMISSION", text="account SPOT fails: is one of MARGIN (PERMISSION)"),
    ]  # fmt: skip
    assert all(check.model_fields_set == set(Check.model_fields) for check in found)
    assert filter_checks(()) == []


@pytest.mark.parametrize("first", ["0", "-0.00"])
def test_a_bound_is_told_as_it_is_whatever_was_told_before(first: str) -> None:
    """0 and -0 are equal, and are not written alike."""
    bounds = [D(first), D("-0"), D("0.000"), D("5"), D("5.00"), "5", "0"]
    rungs = [FilterCheck("LOT_SIZE", "quantity", D(1), ">", bound, passed=True) for bound in bounds]
    assert [check.bound for check in filter_checks(rungs)][1:] == ["> -0", "> 0", "> 5", "> 5", "> 5", "> 0"]
