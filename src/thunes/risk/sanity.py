"""Whether settings can work at all: limits under which no order passes are a mistake, not caution."""

from __future__ import annotations

from decimal import Decimal

from thunes.errors import SettingsError
from thunes.risk.book import Book
from thunes.risk.limits import RiskLimits
from thunes.risk.request import RiskRequest
from thunes.risk.rules import SIZES, Case, first_denial


def check_order_fits(limits: RiskLimits, notional: Decimal, stop_distance: Decimal | None = None) -> None:
    """`SettingsError` where an order of this size (quote) would be refused on the best of days."""
    request = RiskRequest("default", "ANY", "entry", notional, stop_distance=stop_distance)
    denial = first_denial(SIZES, Case(request, Book(), limits, now=0))
    if denial:
        wrong = f"every entry would be refused: {denial.text}."
        raise SettingsError("E-RISK-ORDER-SIZE", wrong, "Lower DEFAULT_QUOTE_AMOUNT or raise the limit.")
