"""Everything that remembers an order, told of it in one order: ledger, risk, trail."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from decimal import Decimal

from thunes.audit.events import Event
from thunes.errors import ThunesError
from thunes.exchange.filters.rules import SymbolRules
from thunes.exchange.orders import Fill
from thunes.exchange.outcomes import Accepted, Outcome
from thunes.exchange.venue import Venue
from thunes.risk.manager import RiskManager
from thunes.risk.request import RiskFill
from thunes.trading import story
from thunes.trading.ledger.ledger import Ledger
from thunes.trading.ledger.values import BookedFill, OrderRecord, Settled, Valuation
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
    ) -> tuple[OrderRecord, tuple[BookedFill, ...]]:
        """Book what is known of an order now; `more` goes into the trail with it. Once more changes nothing.

        Errors: `DataError` and `AuditError` where ledger or trail cannot be written; what the venue raises when it is
        asked for fills that its answer did not hold.
        """
        told = self._told(client_id, found) if isinstance(found, Accepted) else ()
        settled = self._ledger.settle(client_id, found, told, self._valuation(rules, price, told))
        self._step("booked")
        self._tell_risk(client_id, settled)
        self._step("risk told")
        fills = story.fills(client_id, settled.booked)
        self._trail.append_many([story.outcome(client_id, rules.symbol, found), *fills, *more])
        return settled.record, settled.booked

    def _told(self, client_id: str, found: Accepted) -> Sequence[Fill]:
        """The order's fills; where the answer does not hold them all they are asked for, the outcome noted first."""
        order = found.order
        if sum((fill.quantity for fill in order.fills), ZERO) >= order.executed:
            return order.fills
        self._ledger.record_outcome(client_id, found)
        return self._venue.fills(order.symbol, order_id=order.order_id)

    def _valuation(self, rules: SymbolRules, price: Decimal, told: Sequence[Fill]) -> Valuation:
        others = {fill.commission_asset for fill in told} - {rules.base, rules.quote}
        prices = self._price_of_bnb(rules.quote) if BNB in others else {}
        return Valuation(rules.base, rules.quote, prices, least_sellable(rules, price))

    def _price_of_bnb(self, quote: str) -> dict[str, Decimal]:
        """None where nobody tells it: the fill is booked all the same, its commission waits for a value."""
        try:
            return {BNB: self._venue.average_price(BNB + quote)}
        except ThunesError:
            return {}

    def _tell_risk(self, client_id: str, settled: Settled) -> None:
        if settled.booked:
            told = _risk_fills(settled.booked, settled.held)
            self._risk.filled(client_id, *told, done=settled.record.resolved)
        elif settled.record.resolved:
            self._risk.release(client_id)


def risk_fills(ledger: Ledger, symbol: str, booked: Sequence[BookedFill]) -> list[RiskFill]:
    """The ledger's last booked fills of a symbol as risk wants them, each with what was held after it."""
    position = ledger.position(symbol)
    return _risk_fills(booked, position.quantity if position else ZERO)


def _risk_fills(booked: Sequence[BookedFill], held: Decimal) -> list[RiskFill]:
    """`held`: after the last of them."""
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
