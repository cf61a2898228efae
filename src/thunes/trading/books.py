"""Everything that remembers an order, told of it in one order: ledger, risk, trail."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from decimal import Decimal

from thunes.audit.events import Event
from thunes.errors import NetworkError
from thunes.exchange.filters.rules import SymbolRules
from thunes.exchange.orders import Fill
from thunes.exchange.outcomes import Accepted, Outcome
from thunes.exchange.venue import Venue
from thunes.risk.manager import RiskManager
from thunes.risk.request import RiskFill
from thunes.trading import story
from thunes.trading.ledger.ledger import Ledger
from thunes.trading.ledger.values import BookedFill, OrderRecord, Valuation
from thunes.trading.story import Story

ZERO = Decimal(0)
BNB = "BNB"  # the one asset beside a symbol's own that commissions are paid in


Step = Callable[[str], None]  # told before each step: where tests kill the process


def unwatched(_: str) -> None:
    """Nobody looks at the steps."""


def least_sellable(rules: SymbolRules, price: Decimal) -> Decimal:
    """The quantity (base) under which nothing can be sold at a price: what is less is dust."""
    least = max((bounds.minimum for bounds in rules.notionals), default=ZERO)
    return max(rules.lot.minimum, rules.market_lot.minimum, least / price)


class Books:
    """Settles what became of orders. The ledger is told first, then risk, then the trail, which is on disk at once."""

    def __init__(
        self,
        venue: Venue,
        ledger: Ledger,
        risk: RiskManager,
        trail: Story,
        step: Callable[[str], None] = lambda _: None,
    ) -> None:
        """`step` is told between two books: where tests kill the process."""
        self._venue, self._ledger, self._risk, self._trail, self._step = venue, ledger, risk, trail, step

    def settle(
        self, rules: SymbolRules, price: Decimal, client_id: str, found: Outcome, more: Sequence[Event] = ()
    ) -> tuple[OrderRecord, list[BookedFill]]:
        """Book what is known of an order now; `more` goes into the trail with it. Once more changes nothing.

        Errors: `DataError` and `AuditError` where ledger or trail cannot be written; what the venue raises when it is
        asked for fills that its answer did not hold.
        """
        record = self._ledger.record_outcome(client_id, found)
        booked = self._book(rules, price, found) if isinstance(found, Accepted) else []
        record = self._ledger.order(client_id) or record  # with its fills booked it may be resolved
        self._step("booked")
        self._tell_risk(rules, client_id, record, booked)
        self._step("risk told")
        self._trail.append_many([story.outcome(client_id, rules.symbol, found), *story.fills(client_id, booked), *more])
        return record, booked

    def _book(self, rules: SymbolRules, price: Decimal, found: Accepted) -> list[BookedFill]:
        order = found.order
        told: Sequence[Fill] = order.fills
        if sum((fill.quantity for fill in told), ZERO) < order.executed:
            told = self._venue.fills(order.symbol, order_id=order.order_id)
        if not told:
            return []
        return self._ledger.book(told, self._valuation(rules, price, told))

    def _valuation(self, rules: SymbolRules, price: Decimal, told: Sequence[Fill]) -> Valuation:
        others = {fill.commission_asset for fill in told} - {rules.base, rules.quote}
        prices = self._price_of_bnb(rules.quote) if BNB in others else {}
        return Valuation(rules.base, rules.quote, prices, least_sellable(rules, price))

    def _price_of_bnb(self, quote: str) -> dict[str, Decimal]:
        """None where nobody tells it: the fill is booked all the same, its commission waits for a value."""
        try:
            return {BNB: self._venue.average_price(BNB + quote)}
        except NetworkError:
            return {}

    def _tell_risk(self, rules: SymbolRules, client_id: str, record: OrderRecord, booked: Sequence[BookedFill]) -> None:
        told = risk_fills(self._ledger, rules.symbol, booked)
        if told:
            self._risk.filled(client_id, *told, done=record.resolved)
        elif record.resolved:
            self._risk.release(client_id)


def risk_fills(ledger: Ledger, symbol: str, booked: Sequence[BookedFill]) -> list[RiskFill]:
    """Booked fills of a symbol as risk wants them, each with what was held after it: the last ones of the ledger's."""
    position = ledger.position(symbol)
    held = position.quantity if position else ZERO
    told: list[RiskFill] = []
    for one in reversed(booked):
        told.insert(0, _risk_fill(one, max(ZERO, held)))
        held -= _brought(one.fill)
    return told


def _risk_fill(one: BookedFill, held: Decimal) -> RiskFill:
    fill = one.fill
    return RiskFill(
        symbol=fill.symbol,
        trade_id=fill.trade_id,
        side=fill.side,
        price=fill.price,
        quantity=fill.quantity,
        fee=one.commission_value or ZERO,
        held=held,
    )


def _brought(fill: Fill) -> Decimal:
    """Base that a trade brought, or took. Only what is bought pays in base, whose name the symbol begins with."""
    if fill.side == "SELL":
        return -fill.quantity
    return fill.quantity - (fill.commission if fill.symbol.startswith(fill.commission_asset) else ZERO)
