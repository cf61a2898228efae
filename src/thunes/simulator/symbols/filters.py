"""What the exchange asks of an order before its engine sees it: status, type, and every filter, in exact arithmetic.

One function a filter says whether an order passes; `failure` names the first that it does not. Source: the exchange's
filters.md (July 2026) and what was seen of it; where that is silent, `Rules` holds the likelier answer.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from decimal import Context, Decimal, DivisionByZero, Inexact, InvalidOperation
from typing import Literal, NamedTuple, Protocol

from thunes.simulator.request import OrderRequest, Refused
from thunes.simulator.symbols.symbol import NO_LIMITS, AccountLimits, Notional, PercentPrice, Steps, Symbol
from thunes.simulator.symbols.tradable import check_tradable

# Two numbers of 40 digits and one of a filter: nothing is rounded here, and what would be is a bug that shows itself.
EXACT = Context(prec=200, traps=[InvalidOperation, DivisionByZero, Inexact])

ALGO_TYPES = ("STOP_LOSS", "STOP_LOSS_LIMIT", "TAKE_PROFIT", "TAKE_PROFIT_LIMIT")
TRIGGERED_MARKET_TYPES = ("STOP_LOSS", "TAKE_PROFIT")
MARKET_TYPES = ("MARKET", *TRIGGERED_MARKET_TYPES)
ZERO = Decimal(0)


class Sight(Protocol):
    """What filters see of the world: prices of the symbol, and what the account has before the order.

    `average_price` is the volume-weighted price of the filter's last minutes (before that: the last trade); None means
    that there never was one. Counts are of open orders; `base_total` is free + locked base, `open_buys` the quantity of
    the symbol's open BUY orders. Few filters ask for most of it, so it may be worked out when it is asked for.
    """

    @property
    def average_price(self) -> Decimal | None: ...
    @property
    def last_price(self) -> Decimal | None: ...
    @property
    def reference_price(self) -> Decimal | None: ...
    @property
    def orders(self) -> int: ...
    @property
    def algo_orders(self) -> int: ...
    @property
    def iceberg_orders(self) -> int: ...
    @property
    def order_lists(self) -> int: ...
    @property
    def account_orders(self) -> int: ...
    @property
    def account_algo_orders(self) -> int: ...
    @property
    def account_iceberg_orders(self) -> int: ...
    @property
    def account_order_lists(self) -> int: ...
    @property
    def base_total(self) -> Decimal: ...
    @property
    def open_buys(self) -> Decimal: ...
    @property
    def limits(self) -> AccountLimits: ...


@dataclass(frozen=True)
class View:
    """A `Sight` as plain values."""

    average_price: Decimal | None = None
    last_price: Decimal | None = None
    reference_price: Decimal | None = None
    orders: int = 0
    algo_orders: int = 0
    iceberg_orders: int = 0
    order_lists: int = 0
    account_orders: int = 0
    account_algo_orders: int = 0
    account_iceberg_orders: int = 0
    account_order_lists: int = 0
    base_total: Decimal = ZERO
    open_buys: Decimal = ZERO
    limits: AccountLimits = NO_LIMITS


FILTER_ORDER = (
    "PRICE_FILTER",
    "PERCENT_PRICE",
    "PERCENT_PRICE_BY_SIDE",
    "LOT_SIZE",
    "MARKET_LOT_SIZE",
    "MIN_NOTIONAL",
    "NOTIONAL",
    "ICEBERG_PARTS",
    "MAX_NUM_ORDERS",
    "MAX_NUM_ALGO_ORDERS",
    "MAX_NUM_ICEBERG_ORDERS",
    "MAX_POSITION",
    "TRAILING_DELTA",
    "MAX_NUM_ORDER_LISTS",
    "EXCHANGE_MAX_NUM_ORDERS",
    "EXCHANGE_MAX_NUM_ALGO_ORDERS",
    "EXCHANGE_MAX_NUM_ICEBERG_ORDERS",
    "EXCHANGE_MAX_NUM_ORDER_LISTS",
    "MAX_ASSET",
)


@dataclass(frozen=True)
class Rules:
    """What the exchange does not document, with the likelier answer as the default.

    `order`: the order of the filters, hence which one an order is told that fails several. `stop_notional`: the price
    of a STOP_LOSS or TAKE_PROFIT, which has none (one without a stop price is always taken at the market's).
    `quote_notional`: whether the quote quantity of a market order itself must keep the notional's bounds.
    `zero_disables_lot_size`: whether a LOT_SIZE maximum of 0 means none, as it does in PRICE_FILTER.
    """

    order: tuple[str, ...] = FILTER_ORDER
    stop_notional: Literal["stop_price", "market_price"] = "stop_price"
    quote_notional: bool = True
    zero_disables_lot_size: bool = True


DEFAULT_RULES = Rules()


class Case(NamedTuple):
    """One order before the filters."""

    symbol: Symbol
    request: OrderRequest
    view: Sight
    rules: Rules


def market_price(view: Sight, minutes: int) -> Decimal | None:
    """The price that filters judge at: the reference price, else the average, else (of 0 minutes) the last trade's."""
    if view.reference_price is not None:
        return view.reference_price
    return view.average_price if minutes else view.last_price


def notional(case: Case, minutes: int) -> Decimal | None:
    """Price × quantity in quote currency, at the order's own price where it has one; None when nothing has a price."""
    request = case.request
    if request.quote_quantity is not None:
        return request.quote_quantity
    price = request.price
    if price is None and case.rules.stop_notional == "stop_price":
        price = request.stop_price
    if price is None:
        price = market_price(case.view, minutes)
    return None if price is None or request.quantity is None else EXACT.multiply(price, request.quantity)


def keeps(steps: Steps, value: Decimal, *, zero_disables: bool = True) -> bool:
    """Whether a price or quantity is within the bounds and on the grid; 0 switches a maximum and a step off."""
    if value < steps.minimum or (value > steps.maximum and (steps.maximum or not zero_disables)):
        return False
    return not (steps.step and EXACT.remainder(value, steps.step))


def price_filter(case: Case) -> bool:
    """Price and stop price: bounds and tick."""
    steps, request = case.symbol.filters.price_filter, case.request
    if steps is None:
        return True
    price, stop_price = request.price, request.stop_price
    return (price is None or keeps(steps, price)) and (stop_price is None or keeps(steps, stop_price))


def _percent(band: PercentPrice | None, request: OrderRequest, view: Sight) -> bool:
    if band is None or request.price is None:
        return True
    market = market_price(view, band.minutes)
    if market is None:
        return True
    buys = request.side == "BUY"
    low, high = (band.bid_down, band.bid_up) if buys else (band.ask_down, band.ask_up)
    return EXACT.multiply(market, low) <= request.price <= EXACT.multiply(market, high)


def percent_price(case: Case) -> bool:
    """A limit price within multiples of the market's; nothing is asked where there is no market price yet."""
    return _percent(case.symbol.filters.percent_price, case.request, case.view)


def percent_price_by_side(case: Case) -> bool:
    """As `percent_price`, with bounds for each side."""
    return _percent(case.symbol.filters.percent_price_by_side, case.request, case.view)


def lot_size(case: Case) -> bool:
    """Quantity and iceberg quantity of every type: bounds and step."""
    steps, whole, shown = case.symbol.filters.lot_size, case.request.quantity, case.request.iceberg_quantity
    if steps is None:
        return True
    zero_disables = case.rules.zero_disables_lot_size
    fits = whole is None or keeps(steps, whole, zero_disables=zero_disables)
    return fits and (shown is None or keeps(steps, shown, zero_disables=zero_disables))


def market_lot_size(case: Case) -> bool:
    """The quantity of a market order, beside LOT_SIZE."""
    steps, request = case.symbol.filters.market_lot_size, case.request
    if steps is None or request.type != "MARKET" or request.quantity is None:
        return True
    return keeps(steps, request.quantity)


def _bounded(bounds: Notional | None, case: Case) -> bool:
    if bounds is None or (case.request.quote_quantity is not None and not case.rules.quote_notional):
        return True
    at_market = case.request.type in MARKET_TYPES
    minimum = bounds.minimum if bounds.market_minimum or not at_market else None
    maximum = bounds.maximum if bounds.market_maximum or not at_market else None
    value = notional(case, bounds.minutes)
    if value is None:  # a symbol that never traded has no market orders
        return minimum is None and maximum is None
    return (minimum is None or minimum <= value) and (maximum is None or value <= maximum)


def min_notional(case: Case) -> bool:
    """The older filter of price × quantity, which has a minimum only."""
    return _bounded(case.symbol.filters.min_notional, case)


def notional_bounds(case: Case) -> bool:
    """NOTIONAL: price × quantity within bounds; orders at the market keep those that apply to them."""
    return _bounded(case.symbol.filters.notional, case)


def iceberg_parts(case: Case) -> bool:
    """⌈quantity / iceberg quantity⌉ parts at most."""
    parts, whole, shown = case.symbol.filters.iceberg_parts, case.request.quantity, case.request.iceberg_quantity
    return parts is None or shown is None or whole is None or whole <= EXACT.multiply(shown, Decimal(parts))


def max_position(case: Case) -> bool:
    """A BUY: free and locked base, open BUY orders and this one together."""
    most, view = case.symbol.filters.max_position, case.view
    if most is None or case.request.side != "BUY":
        return True
    return EXACT.add(EXACT.add(view.base_total, view.open_buys), case.request.quantity or ZERO) <= most


def trailing_delta(case: Case) -> bool:
    """The trailing delta, in one range for triggers above the market and one for those below."""
    bounds, request = case.symbol.filters.trailing_delta, case.request
    if bounds is None or request.trailing_delta is None:
        return True
    above = (request.side == "BUY") == request.type.startswith("STOP_LOSS")
    low, high = bounds.above if above else bounds.below
    return low <= request.trailing_delta <= high


def max_asset(case: Case) -> bool:
    """The most of one asset in a single order: quantity where it is the base, notional where it is the quote."""
    symbol, limits = case.symbol, case.view.limits.max_asset
    if symbol.base in limits and (case.request.quantity or ZERO) > limits[symbol.base]:
        return False
    if symbol.quote not in limits:
        return True
    bounds = symbol.filters.notional or symbol.filters.min_notional
    value = notional(case, bounds.minutes if bounds else 0)
    return value is None or value <= limits[symbol.quote]


ORDER_FILTERS: dict[str, Callable[[Case], bool]] = {
    "PRICE_FILTER": price_filter,
    "PERCENT_PRICE": percent_price,
    "PERCENT_PRICE_BY_SIDE": percent_price_by_side,
    "LOT_SIZE": lot_size,
    "MARKET_LOT_SIZE": market_lot_size,
    "MIN_NOTIONAL": min_notional,
    "NOTIONAL": notional_bounds,
    "ICEBERG_PARTS": iceberg_parts,
    "MAX_POSITION": max_position,
    "TRAILING_DELTA": trailing_delta,
    "MAX_ASSET": max_asset,
}


@dataclass(frozen=True)
class Count:
    """A filter of open counts: where its limit and the count stand, and which orders count; None: lists do."""

    limit: str
    already: str
    counts: Callable[[OrderRequest], bool] | None
    of_account: bool


COUNTED: dict[str, Callable[[OrderRequest], bool] | None] = {
    "ORDERS": lambda _: True,
    "ALGO_ORDERS": lambda request: request.type in ALGO_TYPES,
    "ICEBERG_ORDERS": lambda request: request.iceberg_quantity is not None,
    "ORDER_LISTS": None,  # a list is counted once, not by its orders
}
COUNT_FILTERS = {
    (name := f"{scope}MAX_NUM_{kind}"): Count(name.lower(), f"{view}{kind.lower()}", counts, of_account=bool(scope))
    for scope, view in (("", ""), ("EXCHANGE_", "account_"))
    for kind, counts in COUNTED.items()
}


def _count_fits(count: Count, symbol: Symbol, requests: Sequence[OrderRequest], view: Sight, lists: int) -> bool:
    """Whether orders and lists that come together leave an open count within its limit."""
    added = lists if count.counts is None else sum(map(count.counts, requests))
    if added == 0:
        return True
    limit = getattr(view.limits if count.of_account else symbol.filters, count.limit)
    return bool(limit is None or getattr(view, count.already) + added <= limit)


def failure(
    symbol: Symbol, requests: Sequence[OrderRequest], view: Sight, rules: Rules = DEFAULT_RULES, lists: int = 0
) -> str | None:
    """The first filter that orders placed together do not pass, or None; `lists` of them are new order lists."""
    cases = [Case(symbol, request, view, rules) for request in requests]
    for name in rules.order:
        passes = ORDER_FILTERS.get(name)
        if passes is None:
            if not _count_fits(COUNT_FILTERS[name], symbol, requests, view, lists):
                return name
        else:
            for case in cases:
                if not passes(case):
                    return name
    return None


def _refuse(name: str | None, code: int = -1013) -> None:
    if name is not None:
        raise Refused(400, code, f"Filter failure: {name}")


def check(symbol: Symbol, request: OrderRequest, view: Sight, rules: Rules = DEFAULT_RULES) -> None:
    """Raise `Refused` when the exchange would not let the order through to its engine.

    A market order by quote quantity may carry the quantity that `quantity_for_quote` found for it: then that is judged
    as well.
    """
    check_tradable(symbol, request)
    _refuse(failure(symbol, (request,), view, rules))
    _check_iceberg(request)


def check_list(symbol: Symbol, requests: Sequence[OrderRequest], view: Sight, rules: Rules = DEFAULT_RULES) -> None:
    """As `check`, for the orders of one order list: refused as a whole, also where only all of them are too many."""
    for request in requests:
        check_tradable(symbol, request)
    _refuse(failure(symbol, requests, view, rules, lists=1))
    for request in requests:
        _check_iceberg(request)


def _check_iceberg(request: OrderRequest) -> None:
    if request.iceberg_quantity is not None and request.iceberg_quantity > (request.quantity or ZERO):
        raise Refused(400, -2010, "IcebergQty exceeds QTY.")


# A resting order that shrinks or is triggered: it is counted already, and so is its quantity.
COUNTED_ALREADY = {"MAX_POSITION", *COUNT_FILTERS}


def _resting(rules: Rules) -> Rules:
    return replace(rules, order=tuple(name for name in rules.order if name not in COUNTED_ALREADY))


def check_amend(
    symbol: Symbol, order: OrderRequest, new_quantity: Decimal, amends: int, view: Sight, rules: Rules = DEFAULT_RULES
) -> None:
    """Raise `Refused` when an open order, amended `amends` times so far, may not shrink to `new_quantity`."""
    quantity = order.quantity or ZERO
    most = symbol.filters.max_num_order_amends
    if not symbol.amend_allowed:
        raise Refused(400, -2038, "Order amend is not supported for this symbol.")
    if new_quantity == quantity:
        raise Refused(400, -2038, "The requested action would change no state; rejecting.")
    if new_quantity > quantity:
        raise Refused(400, -2038, "Order amend (quantity increase) is not supported.")
    if most is not None and amends >= most:
        _refuse("MAX_NUM_ORDER_AMENDS", -2038)
    _refuse(failure(symbol, (replace(order, quantity=new_quantity),), view, _resting(rules)))


def failure_at_trigger(symbol: Symbol, order: OrderRequest, view: Sight, rules: Rules = DEFAULT_RULES) -> str | None:
    """The filter that a STOP_LOSS or TAKE_PROFIT does not pass as the market order it becomes; None for other types."""
    if order.type not in TRIGGERED_MARKET_TYPES:
        return None
    market = replace(order, type="MARKET", stop_price=None, trailing_delta=None)
    return failure(symbol, (market,), view, _resting(rules))
