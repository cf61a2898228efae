"""What came back over the wire, before anybody reads it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

NOT_JSON: Final = object()


@dataclass(frozen=True, slots=True)
class Answer:
    """One HTTP answer; header names in any case. `document` is its JSON, `NOT_JSON` where it is none."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    document: Any

    @property
    def ok(self) -> bool:
        """Whether the exchange says that it did what was asked."""
        return 200 <= self.status < 300 and self.document is not NOT_JSON
