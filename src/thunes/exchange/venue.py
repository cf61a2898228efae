"""What the trading wing needs of an exchange. Every implementation passes the same contract tests.

Questions raise `NetworkError` (it could not be reached, or answered nonsense), `RateLimited` or `Blocked`; submissions
and cancels never raise for what the exchange or the network does: their outcome says it.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager
from decimal import Decimal
from typing import Protocol

from thunes.exchange.filters.rules import SymbolRules
from thunes.exchange.orders import Balance, Fees, Fill, OrderState, OrderTicket, Quote
from thunes.exchange.outcomes import Outcome
from thunes.model import Candles


class Venue(Protocol):
    """One account on one exchange. Not for several threads at once: each thread has its own."""

    def urgent(self) -> AbstractContextManager[None]:
        """Inside, whatever is asked serves an exit: no circuit breaker stops it, and it may use the whole budget."""
        ...

    def server_time(self) -> int:
        """The exchange's clock, epoch ms."""
        ...

    def rules(self, symbol: str, *, fresh: bool = False) -> SymbolRules:
        """What the exchange asks of orders of a symbol; cached up to 10 minutes, `fresh`: asked anew.

        `UsageError` for a symbol that it does not list.
        """
        ...

    def closed_candles(self, symbol: str, interval: str, start_ms: int) -> Candles:
        """All candles from `start_ms` (open time, inclusive) to the last one that is over by the exchange's clock."""
        ...

    def quote(self, symbol: str) -> Quote: ...

    def average_price(self, symbol: str) -> Decimal:
        """The average that the exchange's filters judge market orders by."""
        ...

    def balances(self) -> dict[str, Balance]:
        """By asset, those not zero."""
        ...

    def fees(self, symbol: str) -> Fees: ...

    def submit(self, ticket: OrderTicket) -> Outcome:
        """Send an order once."""
        ...

    def cancel(self, symbol: str, *, order_id: int | None = None, client_order_id: str | None = None) -> Outcome:
        """Cancel an order. `Refused` with code −2011 may mean that it is filled: ask for it by its id."""
        ...

    def order(
        self, symbol: str, *, order_id: int | None = None, client_order_id: str | None = None
    ) -> OrderState | None:
        """The order, or None where the exchange does not know it (yet: −2013 is no proof)."""
        ...

    def open_orders(self, symbol: str | None = None) -> Sequence[OrderState]: ...

    def orders_since(self, symbol: str, start_ms: int) -> Sequence[OrderState]:
        """Orders of any status placed since then, oldest first."""
        ...

    def fills(self, symbol: str, *, order_id: int | None = None, from_id: int | None = None) -> Sequence[Fill]:
        """Trades of an order, or of the symbol from a trade id on, oldest first, all pages of them."""
        ...
