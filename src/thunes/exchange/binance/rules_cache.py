"""What the exchange asks of orders, with its age."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from thunes.clock import Clock
from thunes.exchange.filters.rules import SymbolRules

LIFE_MS = 600_000


@dataclass(frozen=True)
class _Kept:
    rules: SymbolRules
    read_ms: int


class RulesCache:
    """The rules of each symbol, up to ten minutes old. Any thread may ask; two may ask the exchange at once."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._kept: dict[str, _Kept] = {}
        self._doubted: set[str] = set()

    def get(self, symbol: str, ask: Callable[[], SymbolRules], *, fresh: bool = False) -> SymbolRules:
        """The rules of a symbol, from `ask` where they are old, doubted or wanted fresh."""
        kept = self._kept.get(symbol)
        if kept is not None and not fresh and symbol not in self._doubted and self._age_ms(kept) < LIFE_MS:
            return kept.rules
        self._doubted.discard(symbol)
        try:
            rules = ask()
        except BaseException:
            self._doubted.add(symbol)
            raise
        self._kept[symbol] = _Kept(rules, self._clock.now_ms())
        return rules

    def last(self, symbol: str) -> SymbolRules | None:
        """What was read last, however old."""
        kept = self._kept.get(symbol)
        return kept.rules if kept else None

    def doubt(self, symbol: str) -> None:
        """The exchange has refused by a filter: what is kept may be out of date."""
        self._doubted.add(symbol)

    def age(self, symbol: str) -> float | None:
        """Seconds since a symbol's rules were read; None for one whose rules never were."""
        kept = self._kept.get(symbol)
        return None if kept is None else self._age_ms(kept) / 1000

    def _age_ms(self, kept: _Kept) -> float:
        """A clock that was set back tells nothing of the age."""
        age = self._clock.now_ms() - kept.read_ms
        return age if age >= 0 else LIFE_MS
