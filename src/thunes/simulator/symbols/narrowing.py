"""Which filters can refuse anything at all: of a symbol, an account and a type of order most can not."""

from __future__ import annotations

from dataclasses import replace

from thunes.simulator.symbols.filters import ALGO_TYPES, Rules
from thunes.simulator.symbols.symbol import AccountLimits, Symbol

OF_PRICED, OF_MARKET = ("PRICE_FILTER", "PERCENT_PRICE", "PERCENT_PRICE_BY_SIDE"), ("MARKET_LOT_SIZE",)
OF_ALGO, OF_SHOWN = ("TRAILING_DELTA", "MAX_NUM_ALGO_ORDERS", "EXCHANGE_MAX_NUM_ALGO_ORDERS"), ("ICEBERG_PARTS",)


def narrowed(rules: Rules, symbol: Symbol, limits: AccountLimits, type_name: str) -> Rules:
    """The same rules without the filters that let every single order of this type, symbol and account pass."""
    idle = (OF_PRICED + OF_SHOWN if type_name == "MARKET" else OF_MARKET) + (() if type_name in ALGO_TYPES else OF_ALGO)
    order = (name for name in rules.order if name not in idle and _exists(name, symbol, limits))
    return replace(rules, order=tuple(order))


def _exists(name: str, symbol: Symbol, limits: AccountLimits) -> bool:
    if name == "MAX_ASSET":
        return symbol.base in limits.max_asset or symbol.quote in limits.max_asset
    return getattr(limits if name.startswith("EXCHANGE_") else symbol.filters, name.lower()) is not None
