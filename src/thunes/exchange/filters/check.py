"""The ladder: every rule that an order meets on its way, each a small function that gives its rungs.

The order of the rungs is that in which a person would mend them: what makes the others meaningless comes first. Every
function here computes in the context that its caller has entered, which is `EXACT`.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from decimal import Decimal
from typing import Literal

from thunes.exchange.filters.amounts import ONE, ZERO
from thunes.exchange.filters.asked import MARGIN, Asked, is_readable
from thunes.exchange.filters.conditions import FRESH, Holdings, Prices
from thunes.exchange.filters.rules import TRADING, Notional, Range, SymbolRules
from thunes.exchange.filters.verdict import Check

BAND_MARGIN = Decimal("0.0125")  # how far the average may move until it is judged, as a fraction of it
CLIENT_ID = re.compile(r"[a-zA-Z0-9\-_]{1,36}")
FRESH_SHOWN = f"{FRESH:g}"

Checks = tuple[Check, ...]  # not generators: each of their rungs would be a call more, on the way of every order
Rung = Callable[[Asked], Checks]


def ladder(asked: Asked) -> Checks:
    """All checks of an order. Where a number is no amount, none that would have to compute with it."""
    found = (*amounts(asked), *client_id(asked), *standing(asked))
    if not asked.is_sound:
        return found
    has_price = asked.ticket.price is not None or asked.ticket.stop_price is not None
    for rung in UPON_NUMBERS if has_price else UPON_QUANTITIES:
        found += rung(asked)
    return found


def compared(
    name: str, subject: str, value: Decimal, relation: Literal["≥", "≤", "<", ">", "is a multiple of"], bound: Decimal
) -> Check:
    """The check of two numbers."""
    match relation:
        case "≥":
            passed = value >= bound
        case "≤":
            passed = value <= bound
        case "<":
            passed = value < bound
        case ">":
            passed = value > bound
        case "is a multiple of":
            passed = value % bound == 0
    return Check(name, subject, value, relation, bound, passed)


# Upon anything


def amounts(asked: Asked) -> Checks:
    """Numbers that the exchange could read."""
    return tuple([amount(name, number) for name, number in asked.numbers.items()])


def amount(name: str, number: Decimal) -> Check:
    """Whether the exchange could read a number at all."""
    passed = is_readable(number)
    return Check("AMOUNT", name, number if passed else str(number), "is", "a number from 0 to 10^20", passed)


def client_id(asked: Asked) -> Checks:
    """None given: it is not asked."""
    sent = asked.ticket.client_order_id
    if not sent:
        return ()
    passed = CLIENT_ID.fullmatch(sent) is not None
    return (Check("CLIENT_ORDER_ID", "client order id", sent, "is one of", "1 to 36 letters, digits, - and _", passed),)


def standing(asked: Asked) -> Checks:
    """What no number of an order changes: made once for each kind of order, and kept with the rules."""
    by_quote = asked.ticket.quote_quantity is not None
    kind, kept = (asked.permissions, asked.exchange_type, asked.is_entry, by_quote), asked.rules.standing
    found = kept.get(kind)
    if found is None:
        found = (*status(asked), *permissions(asked), *unknown_filters(asked), *order_type(asked))
        kept[kind] = found
    return found


def status(asked: Asked) -> Checks:
    """Only one status takes orders; what is not known takes none."""
    return (Check("STATUS", "status", asked.rules.status, "is", TRADING, asked.rules.is_trading),)


def permissions(asked: Asked) -> Checks:
    """Spot trading is on, and the account has one permission of each set."""
    held, shown = asked.permissions, ", ".join(sorted(asked.permissions)) or "none"
    off = Check("PERMISSION", "spot trading", "off", "is", "on", passed=False)
    sets = [
        Check("PERMISSION", "account", shown, "is one of", few_of(names), not names.isdisjoint(held))
        for names in asked.rules.permission_sets
    ]
    return tuple(sets) if asked.rules.is_spot else (off, *sets)


def few_of(names: frozenset[str]) -> str:
    """The first three of a set."""
    return ", ".join(sorted(names)[:3]) + (", …" if len(names) > 3 else "")


def unknown_filters(asked: Asked) -> Checks:
    """A rule that nobody here understands: nothing is opened, positions are closed."""
    if not asked.is_entry:
        return ()
    found = ", ".join(asked.rules.unknown_filters) or "none"
    return (Check("UNKNOWN_FILTERS", "rules not understood", found, "is", "none", found == "none"),)


def order_type(asked: Asked) -> Checks:
    """The symbol takes the order's type, and a quote quantity where there is one."""
    offered, sent = asked.rules.order_types, asked.exchange_type
    listed = ", ".join(sorted(offered)) or "none"
    taken = Check("ORDER_TYPE", "type", sent, "is one of", listed, sent in offered)
    if asked.ticket.quote_quantity is None:
        return (taken,)
    passed = asked.rules.takes_quote_quantity
    return (taken, Check("ORDER_TYPE", "by quote quantity", "on" if passed else "off", "is", "on", passed))


# Upon numbers


def price_filter(asked: Asked) -> Checks:
    """Prices and stop prices within their bounds, on the tick, with no decimals too many."""
    found: Checks = ()
    for name, price in (("price", asked.ticket.price), ("stop price", asked.ticket.stop_price)):
        if price is not None:
            found += price_bounds(name, price, asked.rules)
    return found


def price_bounds(name: str, price: Decimal, rules: SymbolRules) -> Checks:
    """Bounds and grid; what is 0 is off."""
    bounds = rules.price
    found: Checks = ()
    if bounds.minimum:
        found += (compared("PRICE_FILTER", name, price, "≥", bounds.minimum),)
    if bounds.maximum:
        found += (compared("PRICE_FILTER", name, price, "≤", bounds.maximum),)
    if bounds.step:
        found += (compared("PRICE_FILTER", name, price, "is a multiple of", bounds.step),)
    positive = compared("PRICE_FILTER", name, price, ">", ZERO)
    return (*found, positive, compared("PRECISION", name, price, "is a multiple of", rules.quote_step))


def average_price(asked: Asked) -> Checks:
    """To open anything at the market, the price that it is judged by must be known and fresh; an exit is tried."""
    if not asked.is_market:
        return ()
    if not asked.known_prices:
        return (Check("AVERAGE_PRICE", "price", "unknown", "is", "known", not asked.is_entry),)
    if not asked.is_entry:
        return ()
    return tuple([judged_price(asked.prices, bounds) for bounds in asked.rules.notionals])


def judged_price(prices: Prices, bounds: Notional) -> Check:
    """Whether the price that a filter judges by is known, and young enough."""
    if prices.judged(bounds.minutes) is None:
        return Check("AVERAGE_PRICE", "price that it is judged by", "unknown", "is", "known", passed=False)
    age = prices.average_age if prices.reference is None and bounds.minutes else 0.0
    return Check("AVERAGE_PRICE", "seconds since it was read", f"{age:g}", "≤", FRESH_SHOWN, 0 <= age <= FRESH)


def percent_price(asked: Asked) -> Checks:
    """A limit price near enough to the average, with a margin for an average that moves until it is judged."""
    price = asked.ticket.price
    found: Checks = ()
    if price is None:
        return found
    for band in asked.rules.bands:
        judged = asked.prices.judged(band.minutes)
        if judged is None:  # there is nothing to measure from: an entry waits, an exit is tried
            found += (Check(band.filter, "price to measure from", "unknown", "is", "known", not asked.is_entry),)
            continue
        down, up = band.buy if asked.ticket.side == "BUY" else band.sell
        found += (
            compared(band.filter, "price", price, "≥", judged * down * (ONE + BAND_MARGIN)),
            compared(band.filter, "price", price, "≤", judged * up * (ONE - BAND_MARGIN)),
        )
    return found


def sides(asked: Asked) -> Checks:
    """Where an order must lie beside the market; otherwise the exchange refuses it."""
    return (*stop_side(asked), *maker_side(asked))


def stop_side(asked: Asked) -> Checks:
    """A stop is beyond the market."""
    stop, last = asked.ticket.stop_price, asked.prices.last
    if stop is None or last is None:
        return ()
    return (compared("STOP_SIDE", "stop price", stop, ">" if asked.ticket.side == "BUY" else "<", last),)


def maker_side(asked: Asked) -> Checks:
    """The resting leg of an OCO is before it."""
    price, side = asked.ticket.price, asked.ticket.side
    best = asked.prices.ask if side == "BUY" else asked.prices.bid
    if asked.exchange_type != "LIMIT_MAKER" or price is None or best is None:
        return ()
    return (compared("MAKER_SIDE", "price", price, "<" if side == "BUY" else ">", best),)


def lot_size(asked: Asked) -> Checks:
    """The quantity within the bounds of every order and, at the market, of market orders; on both grids."""
    rules, least, most, quote = asked.rules, asked.least, asked.most, asked.ticket.quote_quantity
    if least is None or most is None:
        return ()
    found = lot_bounds("LOT_SIZE", least, most, rules.lot)
    if asked.is_market:
        found += lot_bounds("MARKET_LOT_SIZE", least, most, rules.market_lot)
    found += (compared("LOT_SIZE", "quantity", least, ">", ZERO),)
    if asked.ticket.quantity is not None:
        found += (compared("PRECISION", "quantity", least, "is a multiple of", rules.base_step),)
    if quote is not None:
        found += (compared("PRECISION", "quote quantity", quote, "is a multiple of", rules.quote_step),)
    return found


def lot_bounds(name: str, least: Decimal, most: Decimal, bounds: Range) -> Checks:
    """A quantity that lies between `least` and `most`: the same unless the book decides it."""
    found: Checks = ()
    if bounds.minimum:
        found += (compared(name, "quantity", least, "≥", bounds.minimum),)
    if bounds.step:
        found += (compared(name, "quantity", least, "is a multiple of", bounds.step),)
    if bounds.maximum:
        found += (compared(name, "quantity", most, "≤", bounds.maximum),)
    return found


def notional(asked: Asked) -> Checks:
    """Price · quantity within its bounds."""
    found: Checks = ()
    if asked.known_prices:
        for bounds in asked.rules.notionals:
            found += market_notional(asked, bounds) if asked.is_market else limit_notional(asked, bounds)
    return found


def limit_notional(asked: Asked, bounds: Notional) -> Checks:
    """At the order's own price."""
    assert asked.ticket.price is not None
    assert asked.ticket.quantity is not None
    value = asked.ticket.price * asked.ticket.quantity
    least = compared(bounds.filter, "notional", value, "≥", bounds.minimum)
    return (least, compared(bounds.filter, "notional", value, "≤", bounds.maximum)) if bounds.maximum else (least,)


def market_notional(asked: Asked, bounds: Notional) -> Checks:
    """At the worst price that may count; what a quote quantity buys at the least has the margin in it already."""
    margin = MARGIN if asked.ticket.quantity is not None else ONE
    found: Checks = ()
    if bounds.minimum_on_market and asked.least is not None:
        worth = asked.least * min(asked.known_prices)
        found += (compared(bounds.filter, "notional", worth, "≥", bounds.minimum * margin),)
    if bounds.maximum_on_market and bounds.maximum and asked.most is not None:
        worth = asked.most * max(asked.known_prices)
        found += (compared(bounds.filter, "notional", worth, "≤", bounds.maximum / MARGIN),)
    return found


def max_position(asked: Asked) -> Checks:
    """What is held, what open orders may buy and this one together."""
    most, holdings = asked.rules.max_position, asked.holdings
    if most is None or holdings is None or not asked.is_entry or asked.most is None:
        return ()
    position = holdings.base_free + holdings.base_locked + holdings.open_buy_quantity + asked.most
    return (compared("MAX_POSITION", "position", position, "≤", most),)


def max_asset(asked: Asked) -> Checks:
    """The most of an asset that one order may move."""
    rules, bounds, most = asked.rules, asked.rules.max_assets, asked.most
    found: Checks = ()
    if most is None:
        return found
    if rules.base in bounds:
        found += (compared("MAX_ASSET", rules.base, most, "≤", bounds[rules.base]),)
    if rules.quote in bounds and asked.known_prices:
        worth = most * max(asked.known_prices) * (MARGIN if asked.is_market else ONE)
        found += (compared("MAX_ASSET", rules.quote, worth, "≤", bounds[rules.quote]),)
    return found


def balance(asked: Asked) -> Checks:
    """What is free must cover the order: locked funds are not spendable."""
    rules, holdings, most = asked.rules, asked.holdings, asked.most
    if holdings is None:
        return ()
    if asked.ticket.side == "SELL":
        sold = f"{rules.base} to sell"
        return () if most is None else (compared("BALANCE", sold, most, "≤", holdings.base_free),)
    cost = cost_of(asked)
    return () if cost is None else (compared("BALANCE", f"{rules.quote} to pay", cost, "≤", holdings.quote_free),)


def cost_of(asked: Asked) -> Decimal | None:
    """What a BUY costs in quote currency; None where no price says."""
    ticket = asked.ticket
    if ticket.quote_quantity is not None:
        return ticket.quote_quantity
    price = ticket.price if ticket.price is not None else asked.prices.opposite("BUY")
    assert ticket.quantity is not None
    return None if price is None else price * ticket.quantity


def counts(rules: SymbolRules, holdings: Holdings | None, orders: int, algo_orders: int, order_lists: int) -> Checks:
    """Whether there is room for so many more."""
    if holdings is None:
        return ()
    added = (
        ("MAX_NUM_ORDERS", holdings.open_orders, orders),
        ("MAX_NUM_ALGO_ORDERS", holdings.open_algo_orders, algo_orders),
        ("MAX_NUM_ORDER_LISTS", holdings.open_order_lists, order_lists),
        ("EXCHANGE_MAX_NUM_ORDERS", holdings.account_orders, orders),
        ("EXCHANGE_MAX_NUM_ALGO_ORDERS", holdings.account_algo_orders, algo_orders),
        ("EXCHANGE_MAX_NUM_ORDER_LISTS", holdings.account_order_lists, order_lists),
    )
    return tuple([
        compared(name, "open with this", Decimal(number + more), "≤", Decimal(rules.counts[name]))
        for name, number, more in added
        if more and name in rules.counts
    ])  # fmt: skip


UPON_QUANTITIES: tuple[Rung, ...] = (average_price, lot_size, notional, max_position, max_asset, balance)
UPON_NUMBERS: tuple[Rung, ...] = (price_filter, average_price, percent_price, sides, *UPON_QUANTITIES[1:])


def lone_ladder(asked: Asked) -> Checks:
    """All checks of an order that is in no list."""
    return ladder(asked) + counts(asked.rules, asked.holdings, 1, int(asked.ticket.stop_price is not None), 0)
