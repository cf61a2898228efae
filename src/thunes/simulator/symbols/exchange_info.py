"""The document of all symbols that clients read: built in, or any real dump."""

from __future__ import annotations

import gzip
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from importlib.resources import files
from pathlib import Path
from typing import Any

import orjson

from thunes.errors import DataError
from thunes.simulator.request import Refused
from thunes.simulator.symbols.symbol import AccountLimits, Document, Symbol, parse_limits, parse_symbol

GZIP_MAGIC = b"\x1f\x8b"
STATUSES = ("TRADING", "HALT", "BREAK", "CANCEL_ONLY")
DEFAULT_PERMISSIONS = ("SPOT", "MARGIN", "LEVERAGED")  # what exchangeInfo shows when nothing is asked for


@dataclass(frozen=True)
class Selection:
    """What a client asks exchangeInfo for; None: not sent."""

    symbol: str | None = None
    symbols: Sequence[str] | None = None
    permissions: Sequence[str] | None = None
    status: str | None = None
    show_permission_sets: bool = True


EVERYTHING = Selection()


@dataclass(frozen=True)
class ExchangeInfo:
    """All symbols by name, in the document's order, with the exchange's rate limits and exchange-wide filters."""

    symbols: Mapping[str, Symbol]
    rate_limits: Sequence[Document] = ()
    exchange_filters: Sequence[Document] = ()

    def __getitem__(self, name: str) -> Symbol:
        """The symbol of a name; `Refused` with −1121 when there is none."""
        try:
            return self.symbols[name]
        except KeyError:
            raise Refused(400, -1121, "Invalid symbol.") from None

    @property
    def limits(self) -> AccountLimits:
        """What the exchange-wide filters ask of every account."""
        return parse_limits(self.exchange_filters)

    def with_symbol(self, symbol: Symbol) -> ExchangeInfo:
        """A copy with this symbol added, or in place of the one of its name."""
        return replace(self, symbols={**self.symbols, symbol.name: symbol})

    def without(self, name: str) -> ExchangeInfo:
        """A copy from which a symbol is delisted; `Refused` when there is none of that name."""
        gone = self[name]
        return replace(self, symbols={key: symbol for key, symbol in self.symbols.items() if symbol is not gone})

    def changed(self, name: str, status: str | None = None, filters: Iterable[Document] = ()) -> ExchangeInfo:
        """A copy in which one symbol has another status or other filters; `Refused` when there is none of that name."""
        return self.with_symbol(self[name].changed(status, filters))

    def document(self, server_time: int, selection: Selection = EVERYTHING) -> Document:
        """The answer of `GET /api/v3/exchangeInfo` at `server_time` (epoch ms); `Refused` for a wrong selection."""
        shown = [symbol.document for symbol in self.select(selection)]
        if not selection.show_permission_sets:
            shown = [{**entry, "permissionSets": []} for entry in shown]
        return {
            "timezone": "UTC",
            "serverTime": server_time,
            "rateLimits": list(self.rate_limits),
            "exchangeFilters": list(self.exchange_filters),
            "symbols": shown,
        }

    def select(self, selection: Selection) -> list[Symbol]:
        """The symbols of a selection; named ones in the order asked for, others in the document's."""
        _refuse_selection(selection)
        if selection.symbol is not None:
            return [self[selection.symbol]]
        if selection.symbols is not None:
            return [self[name] for name in selection.symbols]
        wanted = selection.permissions or DEFAULT_PERMISSIONS
        found = [symbol for symbol in self.symbols.values() if _shown(symbol, wanted)]
        return [symbol for symbol in found if selection.status in (None, symbol.status)]


def _shown(symbol: Symbol, permissions: Sequence[str]) -> bool:
    return any(not allowed.isdisjoint(permissions) for allowed in symbol.permission_sets)


def _refuse_selection(selection: Selection) -> None:
    named = [part for part in (selection.symbol, selection.symbols) if part is not None]
    filtered = [part for part in (selection.permissions, selection.status) if part is not None]
    if len(named) > 1 or (named and filtered):
        raise Refused(400, -1128, "Combination of optional parameters invalid.")
    if selection.symbols is not None and len(set(selection.symbols)) < len(selection.symbols):
        raise Refused(400, -1151, "Symbol is present multiple times in the list.")
    if selection.status is not None and selection.status not in STATUSES:
        raise Refused(400, -1122, "Invalid symbolStatus.")


def parse_exchange_info(wire: Any) -> ExchangeInfo:
    """All symbols of an exchangeInfo document. `DataError` names what is malformed."""
    if not isinstance(wire, dict) or not isinstance(wire.get("symbols"), list):
        raise DataError("E-EXCHANGE-INFO", "the document is no exchangeInfo: it has no list of symbols.")
    symbols = [parse_symbol(entry) for entry in wire["symbols"]]
    by_name = {symbol.name: symbol for symbol in symbols}
    return ExchangeInfo(by_name, tuple(wire.get("rateLimits", ())), tuple(wire.get("exchangeFilters", ())))


def load_exchange_info(path: Path) -> ExchangeInfo:
    """Symbols from a dump of exchangeInfo, JSON or gzipped JSON. `DataError` when it is missing or no such thing."""
    try:
        content = path.read_bytes()
        return parse_exchange_info(orjson.loads(gzip.decompress(content) if content[:2] == GZIP_MAGIC else content))
    except (OSError, EOFError, orjson.JSONDecodeError) as error:
        hint = "Save the answer of GET /api/v3/exchangeInfo there."
        raise DataError("E-EXCHANGE-INFO", f"cannot read symbols from {path}: {error}.", hint) from error


@lru_cache(maxsize=1)
def built_in() -> ExchangeInfo:
    """A few large symbols in the schema of 2026.

    BTCUSDT, ETHUSDT and SOLUSDT have the values seen in September 2026; the others have the grids of 2024 beside the
    filters that every symbol has in 2026.
    """
    return parse_exchange_info(orjson.loads(files("thunes.simulator.symbols").joinpath("built_in.json").read_bytes()))
