"""An order that is not sent: what filters and risk would say of it."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from thunes.audit.events import Check
from thunes.exchange.filters.conditions import Holdings, Prices
from thunes.exchange.filters.prepare import ExchangeFilters
from thunes.exchange.filters.verdict import Denied
from thunes.exchange.orders import Balance, OrderTicket, Quote, Side
from thunes.exchange.venue import Venue
from thunes.risk import request as risk_request
from thunes.risk.manager import RiskManager
from thunes.risk.request import RiskRequest
from thunes.trading import story

ZERO = Decimal(0)


@dataclass(frozen=True)
class Preview:
    """A market order for `amount` (quote currency), with every check; `ticket` is what would be sent, None where the
    filters deny it."""

    symbol: str
    side: Side
    amount: Decimal
    ticket: OrderTicket | None
    checks: tuple[Check, ...]

    @property
    def stop(self) -> Check | None:
        """The first check that fails."""
        return next((check for check in self.checks if not check.passed), None)


def preview(venue: Venue, risk: RiskManager, symbol: str, side: Side, amount: Decimal) -> Preview:
    """Nothing is sent, noted or reserved. Errors: `UsageError` for a symbol that the exchange does not list, what
    else the venue raises."""
    rules, quote, average = venue.rules(symbol), venue.quote(symbol), venue.average_price(symbol)
    nothing, balances = Balance("", ZERO, ZERO), venue.balances()
    base, cash = balances.get(rules.base, nothing), balances.get(rules.quote, nothing)
    filters, prices = ExchangeFilters(venue.rules), Prices(average=average, bid=quote.bid, ask=quote.ask)
    holdings = Holdings(base_free=base.free, quote_free=cash.free)
    judged = filters.judge_market_order(symbol, side, amount, prices=prices, holdings=holdings)
    ticket = None if isinstance(judged.found, Denied) else judged.found
    rungs = risk.preview(_request(symbol, side, amount, quote, average), equity=cash.total)
    return Preview(symbol, side, amount, ticket, (*story.filter_checks(judged.checks), *story.risk_checks(rungs)))


def _request(symbol: str, side: Side, amount: Decimal, quote: Quote, average: Decimal) -> RiskRequest:
    current = (quote.ask if side == "BUY" else quote.bid) or average
    prices = risk_request.Prices(current, current, quote.time_ms)
    return RiskRequest("preview", symbol, "entry" if side == "BUY" else "exit", amount, prices=prices)
