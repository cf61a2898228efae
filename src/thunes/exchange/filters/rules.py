"""The rules of one symbol, from its entry of exchangeInfo (in the schemas of 2024 and of 2026)."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation, localcontext
from functools import cached_property
from typing import Any

from thunes.errors import DataError
from thunes.exchange.filters.amounts import EXACT, ONE, ZERO, common_step
from thunes.exchange.filters.verdict import Check

Document = Mapping[str, Any]

MOST_DECIMALS, WIDEST = 20, Decimal(10) ** 30  # what is beyond is no rule but damage
TRADING = "TRADING"  # the one status in which orders are taken; any other, known or not, takes none
# Counts of open orders that a new one adds to, by filter: the key that holds the limit.
COUNTS = {
    "MAX_NUM_ORDERS": "maxNumOrders",
    "MAX_NUM_ALGO_ORDERS": "maxNumAlgoOrders",
    "MAX_NUM_ORDER_LISTS": "maxNumOrderLists",
    "EXCHANGE_MAX_NUM_ORDERS": "maxNumOrders",
    "EXCHANGE_MAX_NUM_ALGO_ORDERS": "maxNumAlgoOrders",
    "EXCHANGE_MAX_NUM_ORDER_LISTS": "maxNumOrderLists",
}
# Known, and of no concern to the orders made here: no icebergs, no trailing stops, no amendments.
IRRELEVANT = frozenset(
    {
        "ICEBERG_PARTS",
        "TRAILING_DELTA",
        "MAX_NUM_ICEBERG_ORDERS",
        "MAX_NUM_ORDER_AMENDS",
        "EXCHANGE_MAX_NUM_ICEBERG_ORDERS",
    }
)


@dataclass(frozen=True)
class Range:
    """Bounds and grid of a price or a quantity; each of the three is off at 0."""

    minimum: Decimal = ZERO
    maximum: Decimal = ZERO
    step: Decimal = ZERO


@dataclass(frozen=True)
class Notional:
    """Bounds of price · quantity in quote currency, 0: none; `minutes` of the average that market orders are judged by,
    0: the last price."""

    filter: str
    minimum: Decimal
    maximum: Decimal
    minimum_on_market: bool
    maximum_on_market: bool
    minutes: int


@dataclass(frozen=True)
class Band:
    """Factors of the reference price between which a limit price must lie, for each side (down, up)."""

    filter: str
    buy: tuple[Decimal, Decimal]
    sell: tuple[Decimal, Decimal]
    minutes: int


@dataclass(frozen=True)
class SymbolRules:
    """What the exchange asks of every order of a symbol. Quantities are in base, notionals and prices in quote."""

    symbol: str
    status: str
    base: str
    quote: str
    base_precision: int  # decimals of a quantity
    quote_precision: int  # decimals of a price and of a quote quantity
    order_types: frozenset[str]
    permission_sets: tuple[frozenset[str], ...]  # an account needs one name of each
    is_spot: bool
    takes_quote_quantity: bool
    takes_oco: bool
    price: Range = Range()
    lot: Range = Range()
    market_lot: Range = Range()
    notionals: tuple[Notional, ...] = ()
    bands: tuple[Band, ...] = ()
    max_position: Decimal | None = None
    counts: Mapping[str, int] = field(default_factory=dict)  # by filter
    max_assets: Mapping[str, Decimal] = field(default_factory=dict)  # by asset: the most of it that one order may move
    unknown_filters: tuple[str, ...] = ()

    @property
    def is_trading(self) -> bool:
        """Whether the exchange takes orders. A cancel is worth trying in every status."""
        return self.status == TRADING

    @property
    def allows_entries(self) -> bool:
        """Whether everything that it asks of an order is understood: without that, positions are only closed."""
        return self.is_trading and self.is_spot and not self.unknown_filters

    @cached_property
    def tick(self) -> Decimal:
        """The grid of prices."""
        return common_step(self.price.step, self.quote_step)

    @cached_property
    def quote_step(self) -> Decimal:
        """The grid of quote quantities."""
        return ONE.scaleb(-self.quote_precision)

    @cached_property
    def base_step(self) -> Decimal:
        """The decimals that a quantity may have, as a step."""
        return ONE.scaleb(-self.base_precision)

    @cached_property
    def step(self) -> Decimal:
        """The grid of a limit order's quantity."""
        return common_step(self.lot.step, self.base_step)

    @cached_property
    def market_step(self) -> Decimal:
        """The grid of a market order's quantity: that of both lot sizes."""
        return common_step(self.step, self.market_lot.step)

    def step_of(self, *, market: bool) -> Decimal:
        return self.market_step if market else self.step

    def largest(self, *, market: bool) -> Decimal | None:
        """The largest quantity of one order, which need not lie on the grid; None where nothing bounds it."""
        lot, at_market = self.lot.maximum, self.market_lot.maximum if market else ZERO
        return min(lot, at_market) if lot and at_market else lot or at_market or None

    @cached_property
    def least_notional(self) -> Decimal:
        """The largest of the least notionals; 0 where there is none."""
        return max((bounds.minimum for bounds in self.notionals), default=ZERO)

    @cached_property
    def standing(self) -> dict[Hashable, tuple[Check, ...]]:
        """Checks that come out the same for every order of a kind, by kind: kept once they were made."""
        return {}


def parse_rules(entry: Document, account_filters: Iterable[Document] = ()) -> SymbolRules:
    """The rules of a symbol's entry of exchangeInfo.

    `account_filters`: what holds for the whole account (`exchangeFilters`, or exchange and asset filters of myFilters).
    Filters of an unknown type are kept by name. Error: `DataError` for a malformed entry.
    """
    try:
        with localcontext(EXACT):
            return _parse(entry, account_filters)
    except (KeyError, TypeError, ValueError, AttributeError, InvalidOperation) as error:
        what = f"the exchange's rules of {_name(entry)} cannot be read: {type(error).__name__} {error}."
        raise DataError("E-FILTER-RULES", what, "Ask for exchangeInfo again.") from error


def _name(entry: object) -> str:
    return str(entry.get("symbol", "a symbol")) if isinstance(entry, Mapping) else "a symbol"


def _parse(entry: Document, account_filters: Iterable[Document]) -> SymbolRules:
    documents = [*entry["filters"], *account_filters]
    found = {str(document["filterType"]): document for document in documents}
    known = found.keys() & KNOWN
    return SymbolRules(
        symbol=_text(entry, "symbol"),
        status=_text(entry, "status"),
        base=_text(entry, "baseAsset"),
        quote=_text(entry, "quoteAsset"),
        base_precision=_precision(entry, "baseAssetPrecision"),
        quote_precision=_precision(entry, "quoteAssetPrecision"),
        order_types=frozenset(map(str, entry["orderTypes"])),
        permission_sets=_permission_sets(entry),
        is_spot=_flag(entry, "isSpotTradingAllowed"),
        takes_quote_quantity=_flag(entry, "quoteOrderQtyMarketAllowed"),
        takes_oco=_flag(entry, "ocoAllowed"),
        price=_range(found.get("PRICE_FILTER"), "minPrice", "maxPrice", "tickSize"),
        lot=_range(found.get("LOT_SIZE"), "minQty", "maxQty", "stepSize"),
        market_lot=_range(found.get("MARKET_LOT_SIZE"), "minQty", "maxQty", "stepSize"),
        notionals=tuple(NOTIONALS[name](found[name]) for name in NOTIONALS if name in found),
        bands=tuple(BANDS[name](found[name]) for name in BANDS if name in found),
        max_position=_number(found["MAX_POSITION"], "maxPosition") if "MAX_POSITION" in found else None,
        counts={name: _whole(found[name], key) for name, key in COUNTS.items() if name in found},
        max_assets=_max_assets(documents),
        unknown_filters=tuple(sorted(found.keys() - known)),
    )


def _permission_sets(entry: Document) -> tuple[frozenset[str], ...]:
    """The sets, or the plain list of before 2024, of which one was enough."""
    sets = entry.get("permissionSets") or [entry.get("permissions") or []]
    return tuple(frozenset(map(str, names)) for names in sets if names)


def _range(document: Document | None, minimum: str, maximum: str, step: str) -> Range:
    if document is None:
        return Range()
    return Range(_number(document, minimum), _number(document, maximum), _number(document, step))


def _notional(document: Document) -> Notional:
    return Notional(
        "NOTIONAL",
        _number(document, "minNotional"),
        _number(document, "maxNotional"),
        _flag(document, "applyMinToMarket"),
        _flag(document, "applyMaxToMarket"),
        _whole(document, "avgPriceMins"),
    )


def _minimum_notional(document: Document) -> Notional:
    minimum, on_market = _number(document, "minNotional"), _flag(document, "applyToMarket")
    return Notional("MIN_NOTIONAL", minimum, ZERO, on_market, False, _whole(document, "avgPriceMins"))  # noqa: FBT003


def _band(document: Document) -> Band:
    both = _number(document, "multiplierDown"), _number(document, "multiplierUp")
    return Band("PERCENT_PRICE", both, both, _whole(document, "avgPriceMins"))


def _band_by_side(document: Document) -> Band:
    return Band(
        "PERCENT_PRICE_BY_SIDE",
        (_number(document, "bidMultiplierDown"), _number(document, "bidMultiplierUp")),
        (_number(document, "askMultiplierDown"), _number(document, "askMultiplierUp")),
        _whole(document, "avgPriceMins"),
    )


def _max_assets(documents: Iterable[Document]) -> dict[str, Decimal]:
    found = [document for document in documents if document["filterType"] == "MAX_ASSET"]
    return {_text(document, "asset"): _number(document, "limit") for document in found}


def _number(document: Document, key: str) -> Decimal:
    number = Decimal(document[key]) if isinstance(document[key], str | int) else Decimal("NaN")
    if not number.is_finite() or not 0 <= number < WIDEST or number != round(number, MOST_DECIMALS):
        raise ValueError(f"{key} is {document[key]!r}")
    return number


def _whole(document: Document, key: str) -> int:
    number = document[key]
    if isinstance(number, bool) or not isinstance(number, int) or number < 0:
        raise ValueError(f"{key} is {number!r}")
    return number


def _precision(document: Document, key: str) -> int:
    if _whole(document, key) > MOST_DECIMALS:
        raise ValueError(f"{key} is {document[key]!r}")
    return _whole(document, key)


def _flag(document: Document, key: str) -> bool:
    if not isinstance(document[key], bool):
        raise TypeError(f"{key} is {document[key]!r}")
    return bool(document[key])


def _text(document: Document, key: str) -> str:
    if not isinstance(document[key], str) or not document[key]:
        raise ValueError(f"{key} is {document[key]!r}")
    return str(document[key])


NOTIONALS: dict[str, Callable[[Document], Notional]] = {"NOTIONAL": _notional, "MIN_NOTIONAL": _minimum_notional}
BANDS: dict[str, Callable[[Document], Band]] = {"PERCENT_PRICE": _band, "PERCENT_PRICE_BY_SIDE": _band_by_side}
RANGES = ("PRICE_FILTER", "LOT_SIZE", "MARKET_LOT_SIZE")
KNOWN = frozenset({*RANGES, *NOTIONALS, *BANDS, *COUNTS, *IRRELEVANT, "MAX_POSITION", "MAX_ASSET"})
