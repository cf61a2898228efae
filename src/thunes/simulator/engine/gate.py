"""What stands before the engine: the rules that an order must pass, asked with the account's standing."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from thunes.simulator.engine.orders import Symbol
from thunes.simulator.engine.registry import Standing
from thunes.simulator.request import OrderRequest, Refused
from thunes.simulator.symbols import filters
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


@dataclass(frozen=True)
class Prices:
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
    ) -> None:
        self._prices, self._limits, self._rules = prices, limits or {}, rules

    def check(self, symbol: Symbol, request: OrderRequest, standing: Standing) -> None:
        filters.check(_listed(symbol), request, self.view(standing), self._rules)

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

    def view(self, standing: Standing) -> filters.View:
        """What the filters see, for an account and a symbol."""
        symbol, on_symbol, on_account = _listed(standing.symbol), standing.on_symbol, standing.on_account
        prices = self._prices(symbol.name)
        return filters.View(
            average_price=prices.average,
            last_price=standing.last_price,
            reference_price=prices.reference,
            orders=on_symbol.orders,
            algo_orders=on_symbol.stops,
            iceberg_orders=on_symbol.icebergs,
            order_lists=on_symbol.lists,
            account_orders=on_account.orders,
            account_algo_orders=on_account.stops,
            account_iceberg_orders=on_account.icebergs,
            account_order_lists=on_account.lists,
            base_total=standing.base,
            # Summed over the open orders, so only where a filter asks.
            open_buys=Decimal(0) if symbol.filters.max_position is None else standing.buying,
            limits=self._limits.get(standing.account.name, NO_LIMITS),
        )


def _listed(symbol: Symbol) -> Listed:
    assert isinstance(symbol, Listed), "filters need the exchange's own symbols"
    return symbol
