"""A symbol of the exchange: its entry in exchangeInfo, and the same rules as exact values."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from functools import partial
from typing import Any

from thunes.errors import DataError

Document = dict[str, Any]


@dataclass(frozen=True)
class Steps:
    """PRICE_FILTER, LOT_SIZE, MARKET_LOT_SIZE: bounds and grid, each switched off at 0. The grid starts at 0."""

    minimum: Decimal
    maximum: Decimal
    step: Decimal


@dataclass(frozen=True)
class PercentPrice:
    """Bounds of a limit price as multiples of the market's; `minutes` of the average, 0: the last price."""

    bid_up: Decimal
    bid_down: Decimal
    ask_up: Decimal
    ask_down: Decimal
    minutes: int


@dataclass(frozen=True)
class Notional:
    """Bounds of price × quantity in quote currency; which of them a market order must keep."""

    minimum: Decimal
    maximum: Decimal | None
    market_minimum: bool
    market_maximum: bool
    minutes: int


@dataclass(frozen=True)
class Trailing:
    """Bounds of a trailing delta in BIPS, of triggers above and below the market."""

    above: tuple[int, int]
    below: tuple[int, int]


@dataclass(frozen=True)
class Filters:
    """A symbol's filters, each under its name on the wire in lower case; None: the symbol has no such filter."""

    price_filter: Steps | None = None
    percent_price: PercentPrice | None = None
    percent_price_by_side: PercentPrice | None = None
    lot_size: Steps | None = None
    market_lot_size: Steps | None = None
    min_notional: Notional | None = None
    notional: Notional | None = None
    iceberg_parts: int | None = None
    max_num_orders: int | None = None
    max_num_algo_orders: int | None = None
    max_num_iceberg_orders: int | None = None
    max_num_order_lists: int | None = None
    max_num_order_amends: int | None = None
    max_position: Decimal | None = None
    trailing_delta: Trailing | None = None


@dataclass(frozen=True)
class AccountLimits:
    """Filters of one account over the whole exchange: open counts, and per asset the most of one order."""

    exchange_max_num_orders: int | None = None
    exchange_max_num_algo_orders: int | None = None
    exchange_max_num_iceberg_orders: int | None = None
    exchange_max_num_order_lists: int | None = None
    max_asset: Mapping[str, Decimal] = field(default_factory=dict)


NO_LIMITS = AccountLimits()


def _number(text: str | int) -> Decimal:
    number = Decimal(str(text))
    if not number.is_finite() or number < 0:
        raise ValueError(f"{text} is no bound")
    return number


def _steps(wire: Document, low: str, high: str, step: str) -> Steps:
    return Steps(_number(wire[low]), _number(wire[high]), _number(wire[step]))


def _percent(wire: Document) -> PercentPrice:
    up, down = _number(wire["multiplierUp"]), _number(wire["multiplierDown"])
    return PercentPrice(up, down, up, down, wire["avgPriceMins"])


def _percent_by_side(wire: Document) -> PercentPrice:
    names = ("bidMultiplierUp", "bidMultiplierDown", "askMultiplierUp", "askMultiplierDown")
    bid_up, bid_down, ask_up, ask_down = (_number(wire[name]) for name in names)
    return PercentPrice(bid_up, bid_down, ask_up, ask_down, wire["avgPriceMins"])


def _min_notional(wire: Document) -> Notional:
    return Notional(_number(wire["minNotional"]), None, wire["applyToMarket"], False, wire["avgPriceMins"])  # noqa: FBT003


def _notional(wire: Document) -> Notional:
    low, high = _number(wire["minNotional"]), _number(wire["maxNotional"])
    return Notional(low, high, wire["applyMinToMarket"], wire["applyMaxToMarket"], wire["avgPriceMins"])


def _trailing(wire: Document) -> Trailing:
    above = (wire["minTrailingAboveDelta"], wire["maxTrailingAboveDelta"])
    return Trailing(above, (wire["minTrailingBelowDelta"], wire["maxTrailingBelowDelta"]))


def _count(key: str, wire: Document) -> int:
    return int(wire[key])


# What a count filter calls its number; the exchange-wide ones use the same keys.
COUNT_KEYS = {
    "ICEBERG_PARTS": "limit",
    "MAX_NUM_ORDERS": "maxNumOrders",
    "MAX_NUM_ALGO_ORDERS": "maxNumAlgoOrders",
    "MAX_NUM_ICEBERG_ORDERS": "maxNumIcebergOrders",
    "MAX_NUM_ORDER_LISTS": "maxNumOrderLists",
    "MAX_NUM_ORDER_AMENDS": "maxNumOrderAmends",
}
PARSERS: dict[str, Callable[[Document], Any]] = {
    "PRICE_FILTER": lambda wire: _steps(wire, "minPrice", "maxPrice", "tickSize"),
    "LOT_SIZE": lambda wire: _steps(wire, "minQty", "maxQty", "stepSize"),
    "MARKET_LOT_SIZE": lambda wire: _steps(wire, "minQty", "maxQty", "stepSize"),
    "PERCENT_PRICE": _percent,
    "PERCENT_PRICE_BY_SIDE": _percent_by_side,
    "MIN_NOTIONAL": _min_notional,
    "NOTIONAL": _notional,
    "MAX_POSITION": lambda wire: _number(wire["maxPosition"]),
    "TRAILING_DELTA": _trailing,
    **{name: partial(_count, key) for name, key in COUNT_KEYS.items()},
}


def parse_filters(wire: Iterable[Document]) -> Filters:
    """Filters of a document as values; a type that this exchange does not know is shown to clients and not enforced."""
    known = {item["filterType"]: item for item in wire if item["filterType"] in PARSERS}
    return Filters(**{name.lower(): PARSERS[name](item) for name, item in known.items()})


def parse_limits(wire: Iterable[Document]) -> AccountLimits:
    """An account's limits from `exchangeFilters` and asset filters, as `GET /api/v3/myFilters` shows them."""
    counts: dict[str, int] = {}
    assets: dict[str, Decimal] = {}
    for item in wire:
        name = item["filterType"]
        if name == "MAX_ASSET":
            assets[item["asset"]] = _number(item["limit"])
        elif name.removeprefix("EXCHANGE_") in COUNT_KEYS:
            counts[name.lower()] = int(item[COUNT_KEYS[name.removeprefix("EXCHANGE_")]])
    return AccountLimits(**counts, max_asset=assets)


@dataclass(frozen=True)
class Symbol:
    """One symbol, made from `document`, its entry in exchangeInfo. Precisions are numbers of decimals.

    A flag that a document of before 2026 does not know is off.
    """

    name: str
    base: str
    quote: str
    status: str
    base_precision: int
    quote_precision: int
    base_commission_precision: int
    quote_commission_precision: int
    order_types: frozenset[str]
    permission_sets: tuple[frozenset[str], ...]
    default_self_trade_prevention: str
    self_trade_preventions: frozenset[str]
    spot_allowed: bool
    iceberg_allowed: bool
    oco_allowed: bool
    oto_allowed: bool
    opo_allowed: bool
    quote_quantity_allowed: bool
    trailing_allowed: bool
    cancel_replace_allowed: bool
    amend_allowed: bool
    filters: Filters
    document: Document = field(repr=False, compare=False)

    @property
    def step(self) -> Decimal:
        """The grid of quantities; 0 when there is none."""
        return self.filters.lot_size.step if self.filters.lot_size else Decimal(0)

    @property
    def tick(self) -> Decimal:
        """The grid of prices; 0 when there is none."""
        return self.filters.price_filter.step if self.filters.price_filter else Decimal(0)

    def permits(self, permissions: Collection[str]) -> bool:
        """Whether an account with these permissions may trade: every set must hold one of them."""
        return all(not allowed.isdisjoint(permissions) for allowed in self.permission_sets)

    def changed(self, status: str | None = None, filters: Iterable[Document] = ()) -> Symbol:
        """A copy with another status, and with the given filters in place of those of the same types."""
        given = {item["filterType"]: item for item in filters}
        kept = {item["filterType"]: item for item in self.document["filters"]}
        entry = {**self.document, "filters": list((kept | given).values()), "status": status or self.status}
        return parse_symbol(entry)


def parse_symbol(wire: Any) -> Symbol:
    """A symbol from its entry in exchangeInfo, of 2024 or of 2026. `DataError` for one that is none."""
    try:
        return _symbol(wire)
    except (KeyError, TypeError, ValueError, AttributeError, InvalidOperation) as error:
        name = wire.get("symbol", "?") if isinstance(wire, dict) else "?"
        raise DataError("E-EXCHANGE-INFO", f"symbol {name} of exchangeInfo is malformed: {error!r}.") from error


def _symbol(wire: Document) -> Symbol:
    sets = wire.get("permissionSets") or ([wire["permissions"]] if wire.get("permissions") else [])
    return Symbol(
        name=wire["symbol"],
        base=wire["baseAsset"],
        quote=wire["quoteAsset"],
        status=wire["status"],
        base_precision=wire["baseAssetPrecision"],
        quote_precision=wire["quoteAssetPrecision"],
        base_commission_precision=wire["baseCommissionPrecision"],
        quote_commission_precision=wire["quoteCommissionPrecision"],
        order_types=frozenset(wire["orderTypes"]),
        permission_sets=tuple(frozenset(names) for names in sets),
        default_self_trade_prevention=wire["defaultSelfTradePreventionMode"],
        self_trade_preventions=frozenset(wire["allowedSelfTradePreventionModes"]),
        spot_allowed=wire["isSpotTradingAllowed"],
        iceberg_allowed=wire["icebergAllowed"],
        oco_allowed=wire["ocoAllowed"],
        oto_allowed=wire.get("otoAllowed", False),
        opo_allowed=wire.get("opoAllowed", False),
        quote_quantity_allowed=wire["quoteOrderQtyMarketAllowed"],
        trailing_allowed=wire["allowTrailingStop"],
        cancel_replace_allowed=wire["cancelReplaceAllowed"],
        amend_allowed=wire.get("amendAllowed", False),
        filters=parse_filters(wire["filters"]),
        document=wire,
    )
