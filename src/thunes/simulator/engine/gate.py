"""What stands before the engine: the rules that an order must pass, asked with the account's standing."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from decimal import Decimal
from typing import NamedTuple

from thunes.simulator.engine.book import Level
from thunes.simulator.engine.matching import ANYWHERE, Range
from thunes.simulator.engine.orders import Symbol
from thunes.simulator.engine.registry import Standing
from thunes.simulator.request import OrderRequest, Refused, Side
from thunes.simulator.symbols import filters
from thunes.simulator.symbols.narrowing import narrowed
from thunes.simulator.symbols.quote_quantity import affordable, quantity_for_quote
from thunes.simulator.symbols.symbol import NO_LIMITS, AccountLimits
from thunes.simulator.symbols.symbol import Symbol as Listed


class Gate:
    """Each check raises `Refused`; this one lets everything pass."""

    def check(self, symbol: Symbol, request: OrderRequest, standing: Standing) -> None:
        """A new order; one by quote quantity carries the quantity that the engine found for it."""

    def check_list(self, symbol: Symbol, requests: Sequence[OrderRequest], standing: Standing) -> None:
        """The orders of a new list."""

    def check_amendment(
        self, symbol: Symbol, request: OrderRequest, quantity: Decimal, amendments: int, standing: Standing
    ) -> None:
        """An open order (`request` with its quantity as it stands) that is to shrink to `quantity`."""

    def check_trigger(self, symbol: Symbol, request: OrderRequest, standing: Standing) -> None:
        """A stop that has triggered."""

    def range(self, symbol: Symbol, side: Side) -> Range:  # noqa: ARG002
        """Between which prices a taker may trade from now on (execution rule PRICE_RANGE)."""
        return ANYWHERE

    def quantity(self, symbol: Symbol, quote: Decimal, levels: Iterable[Level]) -> Decimal:
        """How much base a market order by quote quantity is for, where the book holds `levels`."""
        step = symbol.step or Decimal(1).scaleb(-symbol.base_precision)
        wanted, available = affordable(quote, levels, step)
        if not available:
            raise Refused(400, -2010, "Order book liquidity is less than symbol minimum quantity.")
        return wanted


class Prices(NamedTuple):
    """What the market says of a symbol besides its last price; None where there is none."""

    average: Decimal | None = None
    reference: Decimal | None = None


class FilterGate(Gate):
    """The symbols' own filters. `prices` gives a symbol's by name, `limits` an account's by name."""

    def __init__(
        self,
        prices: Callable[[str], Prices],
        limits: Mapping[str, AccountLimits] | None = None,
        rules: filters.Rules = filters.DEFAULT_RULES,
        ranges: Callable[[str, Side], Range] | None = None,
    ) -> None:
        self._prices, self._limits, self._rules, self._ranges = prices, limits or {}, rules, ranges
        self._bound: dict[tuple[str, str], tuple[Listed, AccountLimits, filters.Rules]] = {}

    def check(self, symbol: Symbol, request: OrderRequest, standing: Standing) -> None:
        listed, view = _listed(symbol), self.view(standing)
        filters.check(listed, request, view, self._rules_of(listed, view.limits, request.type))

    def check_list(self, symbol: Symbol, requests: Sequence[OrderRequest], standing: Standing) -> None:
        filters.check_list(_listed(symbol), requests, self.view(standing), self._rules)

    def check_amendment(
        self, symbol: Symbol, request: OrderRequest, quantity: Decimal, amendments: int, standing: Standing
    ) -> None:
        filters.check_amend(_listed(symbol), request, quantity, amendments, self.view(standing), self._rules)

    def check_trigger(self, symbol: Symbol, request: OrderRequest, standing: Standing) -> None:
        name = filters.failure_at_trigger(_listed(symbol), request, self.view(standing), self._rules)
        if name is not None:
            raise Refused(400, -1013, f"Filter failure: {name}")

    def range(self, symbol: Symbol, side: Side) -> Range:
        return self._ranges(symbol.name, side) if self._ranges else ANYWHERE

    def quantity(self, symbol: Symbol, quote: Decimal, levels: Iterable[Level]) -> Decimal:
        return quantity_for_quote(_listed(symbol), quote, levels)

    def view(self, standing: Standing) -> Sight:
        """What the filters see, for an account and a symbol."""
        return Sight(standing, self._prices, self._limits.get(standing.account.name, NO_LIMITS))

    def _rules_of(self, symbol: Listed, limits: AccountLimits, type_name: str) -> filters.Rules:
        """The rules with only the filters that matter; the same until symbol or limits are others."""
        bound = self._bound.get((symbol.name, type_name))
        if bound is None or bound[0] is not symbol or bound[1] is not limits:
            found = narrowed(self._rules, symbol, limits, type_name)
            bound = self._bound[symbol.name, type_name] = (symbol, limits, found)
        return bound[2]


class Sight:
    """The `filters.Sight` of an account on a symbol: each figure is looked up when a filter asks for it."""

    __slots__ = ("_found", "_prices", "_standing", "limits")

    def __init__(self, standing: Standing, prices: Callable[[str], Prices], limits: AccountLimits) -> None:
        self._standing, self._prices, self.limits = standing, prices, limits
        self._found: Prices | None = None

    @property
    def average_price(self) -> Decimal | None:
        return self._market().average

    @property
    def reference_price(self) -> Decimal | None:
        return self._market().reference

    @property
    def last_price(self) -> Decimal | None:
        return self._standing.last_price

    @property
    def orders(self) -> int:
        return self._standing.on_symbol.orders

    @property
    def algo_orders(self) -> int:
        return self._standing.on_symbol.stops

    @property
    def iceberg_orders(self) -> int:
        return self._standing.on_symbol.icebergs

    @property
    def order_lists(self) -> int:
        return self._standing.on_symbol.lists

    @property
    def account_orders(self) -> int:
        return self._standing.on_account.orders

    @property
    def account_algo_orders(self) -> int:
        return self._standing.on_account.stops

    @property
    def account_iceberg_orders(self) -> int:
        return self._standing.on_account.icebergs

    @property
    def account_order_lists(self) -> int:
        return self._standing.on_account.lists

    @property
    def base_total(self) -> Decimal:
        return self._standing.base

    @property
    def open_buys(self) -> Decimal:
        return self._standing.buying

    def _market(self) -> Prices:
        if self._found is None:
            self._found = self._prices(self._standing.symbol.name)
        return self._found


def _listed(symbol: Symbol) -> Listed:
    assert isinstance(symbol, Listed), "filters need the exchange's own symbols"
    return symbol
