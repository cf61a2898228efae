"""What a rule says."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import NamedTuple

LONG = 30  # digits: beyond them an exponent reads better


@dataclass(frozen=True)
class Denial:
    """Why an order may not go. `code` is stable (E-RISK-…); value and bound are what was compared."""

    code: str
    rule: str
    value: str
    bound: str
    text: str

    def __str__(self) -> str:
        return f"{self.text} [{self.code}]"


class Check(NamedTuple):
    """One rule's look at an order: a rung of the ladder that a preview shows. `text`: why it fails, empty where it
    passes."""

    rule: str
    code: str
    value: str
    bound: str
    passed: bool
    text: str

    @property
    def denial(self) -> Denial | None:
        return None if self.passed else Denial(self.code, self.rule, self.value, self.bound, self.text)


def plain(value: Decimal) -> str:
    """A number as people write it: no exponent, no trailing zeros, at most 8 decimals."""
    text = str(value)
    if "E" in text or len(text) > LONG:  # all others are written without an exponent already
        if not value.is_finite() or abs(value.adjusted()) > LONG:
            return text
        text = format(value, "f")
    if "." not in text:
        return text
    return text[: text.index(".") + 9].rstrip("0").rstrip(".")
