"""What was asked of an order, rung by rung, and the denial of one that failed."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache
from typing import Literal

from thunes.exchange.filters.amounts import EXACT
from thunes.exchange.orders import OrderTicket

Relation = Literal["≥", "≤", "<", ">", "is", "is a multiple of", "is one of"]
Value = Decimal | str

HINTS = {
    "AMOUNT": "Give an amount above 0.",
    "AVERAGE_PRICE": "Read the average price again.",
    "BALANCE": "Lower the amount, or free what is locked in open orders.",
    "LOT_SIZE": "Change the amount.",
    "MARKET_LOT_SIZE": "Change the amount.",
    "NOTIONAL": "Change the amount.",
    "MIN_NOTIONAL": "Raise the amount.",
    "PERCENT_PRICE": "Choose a price nearer to the market.",
    "PERCENT_PRICE_BY_SIDE": "Choose a price nearer to the market.",
    "STATUS": "Wait until it trades again.",
    "UNKNOWN_FILTERS": "Positions can be closed; a newer version may know the rule.",
}


def shown(value: Value) -> str:
    """A value as a person reads it: without exponent, and without zeros at its end."""
    return value if isinstance(value, str) else f"{value.normalize(EXACT):f}"


shown_again = lru_cache(maxsize=1024)(shown)  # for bounds, most of which are those of the last order


@dataclass(frozen=True)
class Check:
    """One rung of the ladder: whether `subject`, whose value is `value`, stands in `relation` to `bound`.

    `filter` is the exchange's own name of the rule, or ours where it is no filter of the exchange's.
    """

    filter: str
    subject: str
    value: Value
    relation: Relation
    bound: Value
    passed: bool

    @property
    def code(self) -> str:
        """The stable code of its failing: E-FILTER-NOTIONAL."""
        return f"E-FILTER-{self.filter.replace('_', '-')}"

    @property
    def words(self) -> tuple[str, str]:
        """The value, and the relation to the bound, as a person reads them."""
        bound = shown_again(self.bound) if self.bound else shown(self.bound)  # 0 and -0 are one key, and two texts
        return shown(self.value), f"{self.relation} {bound}"

    def __str__(self) -> str:
        value, related = self.words
        must = "" if self.passed else "must be " if self.relation in ("≥", "≤", "<", ">") else "fails: "
        return f"{self.subject} {value} {must}{related} ({self.filter})"


@dataclass(frozen=True)
class Denied:
    """An order that is not sent: the first check that failed, in words too, and all checks made."""

    code: str
    filter: str
    value: Value
    bound: Value
    explanation: str
    checks: tuple[Check, ...]

    def __str__(self) -> str:
        return f"{self.explanation} [{self.code}]"


@dataclass(frozen=True)
class Judged:
    """What became of a decision, an order or its denial, and the checks that were made of it."""

    found: OrderTicket | Denied
    checks: tuple[Check, ...]


def denial(order: object, checks: tuple[Check, ...]) -> Denied | None:
    """The denial of an order (in words: "BTCUSDT BUY") by the first check that failed; None when all passed."""
    for check in checks:
        if not check.passed:
            return denied(order, check, checks)
    return None


def denied(order: object, failed: Check, checks: tuple[Check, ...]) -> Denied:
    """The denial of an order by one of its checks."""
    parts = (f"{order} not sent: {failed}.", HINTS.get(failed.filter, ""))
    explanation = " ".join(part for part in parts if part)
    return Denied(failed.code, failed.filter, failed.value, failed.bound, explanation, checks)
