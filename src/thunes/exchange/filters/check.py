"""The ladder: every rule that an order meets on its way, each a small function that gives its rungs.

The order of the rungs is that in which a person would mend them: what makes the others meaningless comes first.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from decimal import Decimal

from thunes.exchange.filters.amounts import ONE, TOO_LARGE, ZERO, exactly
from thunes.exchange.filters.asked import MARGIN, Asked
from thunes.exchange.filters.conditions import FRESH, Holdings, Prices
from thunes.exchange.filters.rules import TRADING, Notional, Range, SymbolRules
from thunes.exchange.filters.verdict import Check, Relation

BAND_MARGIN = Decimal("0.0125")  # how far the average may move until it is judged, as a fraction of it
CLIENT_ID = re.compile(r"[a-zA-Z0-9\-_]{1,36}")

Rung = Callable[[Asked], Iterator[Check]]


@exactly
def ladder(asked: Asked) -> tuple[Check, ...]:
    """All checks of an order. Where a number is no amount, none that would have to compute with it."""
    rungs = (*UPON_ANYTHING, *UPON_NUMBERS) if asked.is_sound else UPON_ANYTHING
    return tuple(check for rung in rungs for check in rung(asked))


def compared(name: str, subject: str, value: Decimal, relation: Relation, bound: Decimal) -> Check:
    """The check of two numbers."""
    return Check(name, subject, value, relation, bound, RELATIONS[relation](value, bound))


RELATIONS: dict[str, Callable[[Decimal, Decimal], bool]] = {
    "≥": lambda value, bound: value >= bound,
    "≤": lambda value, bound: value <= bound,
    "<": lambda value, bound: value < bound,
    ">": lambda value, bound: value > bound,
    "is a multiple of": lambda value, bound: value % bound == 0,
}


# Upon anything


def amounts(asked: Asked) -> Iterator[Check]:
    """Numbers that the exchange could read."""
    for name, number in asked.numbers:
        yield amount(name, number)


def amount(name: str, number: Decimal) -> Check:
    """Whether the exchange could read a number at all."""
    passed = number.is_finite() and ZERO <= number < TOO_LARGE
    return Check("AMOUNT", name, number if passed else str(number), "is", "a number from 0 to 10^20", passed)


def client_id(asked: Asked) -> Iterator[Check]:
    """None given: it is not asked."""
    sent = asked.ticket.client_order_id
    if sent:
        passed = CLIENT_ID.fullmatch(sent) is not None
        yield Check("CLIENT_ORDER_ID", "client order id", sent, "is one of", "1 to 36 letters, digits, - and _", passed)


def status(asked: Asked) -> Iterator[Check]:
    """Only one status takes orders; what is not known takes none."""
    found = asked.rules.status
    yield Check("STATUS", "status", found, "is", TRADING, asked.rules.is_trading)


def permissions(asked: Asked) -> Iterator[Check]:
    """Spot trading is on, and the account has one permission of each set."""
    rules, held = asked.rules, asked.permissions
    if not rules.is_spot:
        yield Check("PERMISSION", "spot trading", "off", "is", "on", passed=False)
    for names in rules.permission_sets:
        few = ", ".join(sorted(names)[:3]) + (", …" if len(names) > 3 else "")
        passed = not names.isdisjoint(held)
        yield Check("PERMISSION", "account", ", ".join(sorted(held)) or "none", "is one of", few, passed)


def unknown_filters(asked: Asked) -> Iterator[Check]:
    """A rule that nobody here understands: nothing is opened, positions are closed."""
    if asked.is_entry:
        found = ", ".join(asked.rules.unknown_filters) or "none"
        yield Check("UNKNOWN_FILTERS", "rules not understood", found, "is", "none", found == "none")


def order_type(asked: Asked) -> Iterator[Check]:
    """The symbol takes the order's type, and a quote quantity where there is one."""
    offered = asked.rules.order_types
    listed = ", ".join(sorted(offered)) or "none"
    yield Check("ORDER_TYPE", "type", asked.exchange_type, "is one of", listed, asked.exchange_type in offered)
    if asked.ticket.quote_quantity is not None:
        passed = asked.rules.takes_quote_quantity
        yield Check("ORDER_TYPE", "by quote quantity", "on" if passed else "off", "is", "on", passed)


# Upon numbers


def price_filter(asked: Asked) -> Iterator[Check]:
    """Prices and stop prices within their bounds, on the tick, with no decimals too many."""
    for name, price in (("price", asked.ticket.price), ("stop price", asked.ticket.stop_price)):
        if price is not None:
            yield from within("PRICE_FILTER", name, price, asked.rules.price)
            yield compared("PRICE_FILTER", name, price, ">", ZERO)
            yield compared("PRECISION", name, price, "is a multiple of", asked.rules.quote_step)


def within(name: str, subject: str, value: Decimal, bounds: Range) -> Iterator[Check]:
    """Bounds and grid; what is 0 is off."""
    if bounds.minimum:
        yield compared(name, subject, value, "≥", bounds.minimum)
    if bounds.maximum:
        yield compared(name, subject, value, "≤", bounds.maximum)
    if bounds.step:
        yield compared(name, subject, value, "is a multiple of", bounds.step)


def average_price(asked: Asked) -> Iterator[Check]:
    """To open anything at the market, the price that it is judged by must be known and fresh; an exit is tried."""
    if not asked.is_market:
        return
    if not asked.known_prices:
        yield Check("AVERAGE_PRICE", "price", "unknown", "is", "known", not asked.is_entry)
    elif asked.is_entry:
        for bounds in asked.rules.notionals:
            yield judged_price(asked.prices, bounds)


def judged_price(prices: Prices, bounds: Notional) -> Check:
    """Whether the price that a filter judges by is known, and young enough."""
    if prices.judged(bounds.minutes) is None:
        return Check("AVERAGE_PRICE", "price that it is judged by", "unknown", "is", "known", passed=False)
    age = prices.average_age if prices.reference is None and bounds.minutes else 0.0
    return Check("AVERAGE_PRICE", "seconds since it was read", f"{age:g}", "≤", f"{FRESH:g}", 0 <= age <= FRESH)


def percent_price(asked: Asked) -> Iterator[Check]:
    """A limit price near enough to the average, with a margin for an average that moves until it is judged."""
    price = asked.ticket.price
    if price is None:
        return
    for band in asked.rules.bands:
        judged = asked.prices.judged(band.minutes)
        if judged is None:  # there is nothing to measure from: an entry waits, an exit is tried
            yield Check(band.filter, "price to measure from", "unknown", "is", "known", not asked.is_entry)
            continue
        down, up = band.buy if asked.ticket.side == "BUY" else band.sell
        yield compared(band.filter, "price", price, "≥", judged * down * (ONE + BAND_MARGIN))
        yield compared(band.filter, "price", price, "≤", judged * up * (ONE - BAND_MARGIN))


def sides(asked: Asked) -> Iterator[Check]:
    """A stop is beyond the market, the resting leg of an OCO before it; otherwise the exchange refuses them."""
    side, last = asked.ticket.side, asked.prices.last
    stop, price = asked.ticket.stop_price, asked.ticket.price
    if stop is not None and last is not None:
        yield compared("STOP_SIDE", "stop price", stop, ">" if side == "BUY" else "<", last)
    best = asked.prices.ask if side == "BUY" else asked.prices.bid
    if asked.exchange_type == "LIMIT_MAKER" and price is not None and best is not None:
        yield compared("MAKER_SIDE", "price", price, "<" if side == "BUY" else ">", best)


def lot_size(asked: Asked) -> Iterator[Check]:
    """The quantity within the bounds of every order and, at the market, of market orders; on both grids."""
    rules = asked.rules
    if asked.least is None or asked.most is None:
        return
    yield from lot_bounds("LOT_SIZE", asked.least, asked.most, rules.lot)
    if asked.is_market:
        yield from lot_bounds("MARKET_LOT_SIZE", asked.least, asked.most, rules.market_lot)
    yield compared("LOT_SIZE", "quantity", asked.least, ">", ZERO)
    if asked.ticket.quantity is not None:
        yield compared("PRECISION", "quantity", asked.least, "is a multiple of", ONE.scaleb(-rules.base_precision))
    if asked.ticket.quote_quantity is not None:
        yield compared("PRECISION", "quote quantity", asked.ticket.quote_quantity, "is a multiple of", rules.quote_step)


def lot_bounds(name: str, least: Decimal, most: Decimal, bounds: Range) -> Iterator[Check]:
    """A quantity that lies between `least` and `most`: the same unless the book decides it."""
    yield from within(name, "quantity", least, Range(bounds.minimum, ZERO, bounds.step))
    if bounds.maximum:
        yield compared(name, "quantity", most, "≤", bounds.maximum)


def notional(asked: Asked) -> Iterator[Check]:
    """Price · quantity within its bounds."""
    for bounds in asked.rules.notionals:
        if asked.known_prices:
            yield from market_notional(asked, bounds) if asked.is_market else limit_notional(asked, bounds)


def limit_notional(asked: Asked, bounds: Notional) -> Iterator[Check]:
    """At the order's own price."""
    assert asked.ticket.price is not None
    assert asked.ticket.quantity is not None
    value = asked.ticket.price * asked.ticket.quantity
    yield compared(bounds.filter, "notional", value, "≥", bounds.minimum)
    if bounds.maximum:
        yield compared(bounds.filter, "notional", value, "≤", bounds.maximum)


def market_notional(asked: Asked, bounds: Notional) -> Iterator[Check]:
    """At the worst price that may count; what a quote quantity buys at the least has the margin in it already."""
    margin = MARGIN if asked.ticket.quantity is not None else ONE
    if bounds.minimum_on_market and asked.least is not None:
        yield compared(bounds.filter, "notional", asked.least * min(asked.known_prices), "≥", bounds.minimum * margin)
    if bounds.maximum_on_market and bounds.maximum and asked.most is not None:
        worth = asked.most * max(asked.known_prices)
        yield compared(bounds.filter, "notional", worth, "≤", bounds.maximum / MARGIN)


def max_position(asked: Asked) -> Iterator[Check]:
    """What is held, what open orders may buy and this one together."""
    most, holdings = asked.rules.max_position, asked.holdings
    if most is not None and holdings is not None and asked.is_entry and asked.most is not None:
        position = holdings.base_free + holdings.base_locked + holdings.open_buy_quantity + asked.most
        yield compared("MAX_POSITION", "position", position, "≤", most)


def max_asset(asked: Asked) -> Iterator[Check]:
    """The most of an asset that one order may move."""
    rules = asked.rules
    if rules.base in rules.max_assets and asked.most is not None:
        yield compared("MAX_ASSET", rules.base, asked.most, "≤", rules.max_assets[rules.base])
    if rules.quote in rules.max_assets and asked.most is not None and asked.known_prices:
        worth = asked.most * max(asked.known_prices) * (MARGIN if asked.is_market else ONE)
        yield compared("MAX_ASSET", rules.quote, worth, "≤", rules.max_assets[rules.quote])


def balance(asked: Asked) -> Iterator[Check]:
    """What is free must cover the order: locked funds are not spendable."""
    rules, holdings, ticket = asked.rules, asked.holdings, asked.ticket
    if holdings is None:
        return
    if ticket.side == "SELL":
        if asked.most is not None:
            yield compared("BALANCE", f"{rules.base} to sell", asked.most, "≤", holdings.base_free)
    elif (cost := cost_of(asked)) is not None:
        yield compared("BALANCE", f"{rules.quote} to pay", cost, "≤", holdings.quote_free)


def cost_of(asked: Asked) -> Decimal | None:
    """What a BUY costs in quote currency; None where no price says."""
    ticket = asked.ticket
    if ticket.quote_quantity is not None:
        return ticket.quote_quantity
    price = ticket.price if ticket.price is not None else asked.prices.opposite("BUY")
    assert ticket.quantity is not None
    return None if price is None else price * ticket.quantity


def counts(
    rules: SymbolRules, holdings: Holdings | None, orders: int, algo_orders: int, order_lists: int
) -> Iterator[Check]:
    """Whether there is room for so many more."""
    if holdings is None:
        return
    added = (orders, algo_orders, order_lists)
    on_symbol = (holdings.open_orders, holdings.open_algo_orders, holdings.open_order_lists)
    on_account = (holdings.account_orders, holdings.account_algo_orders, holdings.account_order_lists)
    for name, number, more in zip(COUNTED, on_symbol + on_account, added + added, strict=True):
        if more and name in rules.counts:
            yield compared(name, "open with this", Decimal(number + more), "≤", Decimal(rules.counts[name]))


COUNTED = (
    "MAX_NUM_ORDERS",
    "MAX_NUM_ALGO_ORDERS",
    "MAX_NUM_ORDER_LISTS",
    "EXCHANGE_MAX_NUM_ORDERS",
    "EXCHANGE_MAX_NUM_ALGO_ORDERS",
    "EXCHANGE_MAX_NUM_ORDER_LISTS",
)
UPON_ANYTHING: tuple[Rung, ...] = (amounts, client_id, status, permissions, unknown_filters, order_type)
UPON_NUMBERS: tuple[Rung, ...] = (
    price_filter,
    average_price,
    percent_price,
    sides,
    lot_size,
    notional,
    max_position,
    max_asset,
    balance,
)


def lone_counts(asked: Asked) -> Iterable[Check]:
    """The counts that an order adds to which is in no list."""
    return counts(asked.rules, asked.holdings, 1, int(asked.ticket.stop_price is not None), 0)
