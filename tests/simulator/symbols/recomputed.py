"""The filters once more, by another road: whole numbers scaled by 10^30, straight from the documents that clients see.

It shares no code with the exchange: an order is the dict of strings that a client sends, a symbol its document's entry.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

DIGITS = 30
ONE = 10**DIGITS
NUMBERS = {"quantity", "quoteOrderQty", "price", "stopPrice", "icebergQty"}
ALGO = {"STOP_LOSS", "STOP_LOSS_LIMIT", "TAKE_PROFIT", "TAKE_PROFIT_LIMIT"}


@dataclass(frozen=True)
class World:
    """Prices as text, open counts, holdings as text, and the filters of the account."""

    average: str | None
    last: str | None
    reference: str | None
    counts: dict[str, int]  # orders, algo, iceberg, lists, and the same with "account " before
    base_total: str
    open_buys: str
    filters: list[dict[str, Any]] = field(default_factory=list)


def scaled(text: str) -> int:
    whole, _, fraction = text.partition(".")
    return int(whole + fraction.ljust(DIGITS, "0"))


def failing(entry: dict[str, Any], order: dict[str, str], world: World) -> set[str]:
    """The names of all filters that the order does not pass."""
    numbers = {name: scaled(text) for name, text in order.items() if name in NUMBERS}
    rules = [*entry["filters"], *world.filters]
    cases = [Case(rule, entry, order, numbers, world) for rule in rules]
    return {case.rule["filterType"] for case in cases if not FILTERS.get(case.rule["filterType"], counted)(case)}


@dataclass(frozen=True)
class Case:
    rule: dict[str, Any]
    entry: dict[str, Any]
    order: dict[str, str]
    numbers: dict[str, int]
    world: World

    @property
    def buys(self) -> bool:
        return self.order["side"] == "BUY"

    def inside(self, key: str, low: str, high: str, step: str) -> bool:
        """Whether a number of the order, where it was sent, is within bounds and on the grid; 0: no such bound."""
        if key not in self.numbers:
            return True
        number = self.numbers[key]
        first, last, grid = (scaled(self.rule[name]) for name in (low, high, step))
        above, below = first == 0 or number >= first, last == 0 or number <= last
        return above and below and (grid == 0 or number // grid * grid == number)

    def judged(self) -> int | None:
        """The market's price for this filter."""
        minutes = self.rule.get("avgPriceMins", 5)
        text = self.world.reference or (self.world.average if minutes > 0 else self.world.last)
        return None if text is None else scaled(text)

    def value(self) -> int | None:
        """Price × quantity, scaled twice."""
        if "quoteOrderQty" in self.numbers:
            return self.numbers["quoteOrderQty"] * ONE
        price = self.numbers.get("price", self.numbers.get("stopPrice", self.judged()))
        return None if price is None else price * self.numbers["quantity"]


def price_filter(case: Case) -> bool:
    return all(case.inside(key, "minPrice", "maxPrice", "tickSize") for key in ("price", "stopPrice"))


def lot_size(case: Case) -> bool:
    keys = ["quantity", "icebergQty"] if case.numbers.get("icebergQty") else ["quantity"]
    return all(case.inside(key, "minQty", "maxQty", "stepSize") for key in keys)


def market_lot_size(case: Case) -> bool:
    return case.order["type"] != "MARKET" or case.inside("quantity", "minQty", "maxQty", "stepSize")


def percent(case: Case) -> bool:
    price, judged, rule = case.numbers.get("price"), case.judged(), case.rule
    if price is None or judged is None:
        return True
    prefix = "multiplier" if "multiplierUp" in rule else "bidMultiplier" if case.buys else "askMultiplier"
    low, high = judged * scaled(rule[prefix + "Down"]), judged * scaled(rule[prefix + "Up"])
    return low <= price * ONE <= high


def notional(case: Case) -> bool:
    rule, value = case.rule, case.value()
    at_market = case.order["type"] in ("MARKET", "STOP_LOSS", "TAKE_PROFIT")
    with_low = not at_market or rule.get("applyMinToMarket", rule.get("applyToMarket"))
    with_high = "maxNotional" in rule and (not at_market or rule["applyMaxToMarket"])
    if value is None:
        return not with_low and not with_high
    too_low = with_low and value < scaled(rule["minNotional"]) * ONE
    too_high = with_high and value > scaled(rule["maxNotional"]) * ONE
    return not too_low and not too_high


def iceberg_parts(case: Case) -> bool:
    iceberg = case.numbers.get("icebergQty", 0)
    return not iceberg or -(-case.numbers["quantity"] // iceberg) <= int(case.rule["limit"])


def max_position(case: Case) -> bool:
    held = scaled(case.world.base_total) + scaled(case.world.open_buys) + case.numbers.get("quantity", 0)
    return not case.buys or held <= scaled(case.rule["maxPosition"])


def trailing_delta(case: Case) -> bool:
    types = ("STOP_LOSS", "STOP_LOSS_LIMIT") if case.buys else ("TAKE_PROFIT", "TAKE_PROFIT_LIMIT")
    side = "Above" if case.order["type"] in types else "Below"
    bounds = range(case.rule[f"minTrailing{side}Delta"], case.rule[f"maxTrailing{side}Delta"] + 1)
    return "trailingDelta" not in case.order or int(case.order["trailingDelta"]) in bounds


def max_asset(case: Case) -> bool:
    most = scaled(case.rule["limit"])
    if case.rule["asset"] == case.entry["baseAsset"]:
        return case.numbers.get("quantity", 0) <= most
    value = case.value()
    return case.rule["asset"] != case.entry["quoteAsset"] or value is None or value <= most * ONE


def counted(case: Case) -> bool:
    """Open counts; amendments and lists are not placed as orders."""
    name, order = case.rule["filterType"], case.order
    scope = "account " if name.startswith("EXCHANGE_") else ""
    counts = {
        "MAX_NUM_ORDERS": ("orders", True),
        "MAX_NUM_ALGO_ORDERS": ("algo", order["type"] in ALGO),
        "MAX_NUM_ICEBERG_ORDERS": ("iceberg", bool(scaled(order.get("icebergQty", "0")))),
    }
    kind, counts_here = counts.get(name.removeprefix("EXCHANGE_"), ("orders", False))
    most = next(value for key, value in case.rule.items() if key.startswith("maxNum"))
    return not counts_here or bool(case.world.counts[scope + kind] < most)


FILTERS = {
    "PRICE_FILTER": price_filter,
    "LOT_SIZE": lot_size,
    "MARKET_LOT_SIZE": market_lot_size,
    "PERCENT_PRICE": percent,
    "PERCENT_PRICE_BY_SIDE": percent,
    "NOTIONAL": notional,
    "MIN_NOTIONAL": notional,
    "ICEBERG_PARTS": iceberg_parts,
    "MAX_POSITION": max_position,
    "TRAILING_DELTA": trailing_delta,
    "MAX_ASSET": max_asset,
}
