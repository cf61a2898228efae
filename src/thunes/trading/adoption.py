"""Taking an account as it is: each difference from the ledger becomes an adjustment, named and audited."""

from __future__ import annotations

from decimal import Decimal

from thunes.audit.events import ExternalFlow
from thunes.clock import Clock
from thunes.errors import ReconcileError, ThunesError
from thunes.exchange.venue import Venue
from thunes.risk.manager import RiskManager
from thunes.trading.books import Books
from thunes.trading.ledger.ledger import Ledger
from thunes.trading.ledger.values import Difference, Flow
from thunes.trading.recovery import Recovery
from thunes.trading.story import Story
from thunes.trading.worth import holding


def adopt(
    venue: Venue, ledger: Ledger, risk: RiskManager, trail: Story, clock: Clock, *, quote: str, actor: str
) -> list[Flow]:
    """Book what the exchange has and the ledger does not expect, or the other way round; the adjustments made.

    They are no profit and no loss. `quote`: the asset that the account is valued in. Errors: `ReconcileError` while the
    fate of an order is not known, for it may be the difference; what venue, ledger and trail raise.
    """
    unknown = Recovery(venue, ledger, Books(venue, ledger, risk, trail), trail, clock).resolve().unknown
    if unknown:
        names = ", ".join(record.intent.client_id for record in unknown)
        raise ReconcileError("E-ADOPT-UNKNOWN", f"the fate of {names} is not known yet.", "Try again in a minute.")
    actual, now = venue.balances(), venue.server_time()
    if ledger.open_account(actual):
        return []
    return [_adopted(found, venue, ledger, risk, trail, quote, now, actor) for found in ledger.reconcile(actual)]


def _adopted(
    found: Difference, venue: Venue, ledger: Ledger, risk: RiskManager, trail: Story, quote: str, now: int, actor: str
) -> Flow:
    price = _price(venue, found.asset, quote)
    value = None if price is None else found.amount * price
    flow = Flow(f"adjustment:{now}:{found.asset}", "adjustment", found.asset, found.amount, now, value)
    trail.append_many([_told(flow, actor)])
    ledger.record_flow(flow)
    if price is not None and (ours := _ours(ledger, found, quote)):
        risk.on_external_flow(ours * price, flow.reference)
    return flow


def _price(venue: Venue, asset: str, quote: str) -> Decimal | None:
    """In quote; None where the exchange tells none."""
    if asset == quote:
        return Decimal(1)
    try:
        return venue.average_price(asset + quote)
    except ThunesError:
        return None


def _ours(ledger: Ledger, found: Difference, quote: str) -> Decimal:
    """The part of a difference that equity shows: of coins, what came to or went from those that we bought."""
    if found.asset == quote:
        return found.amount
    held = holding(ledger, found.asset + quote)
    return min(found.actual, held) - min(found.expected, held)


def _told(flow: Flow, actor: str) -> ExternalFlow:
    return ExternalFlow(
        id=flow.reference,
        asset=flow.asset,
        amount=flow.amount,
        kind=flow.kind,
        reason=f"{actor} took the account as it is",
        quote_value=flow.value,
    )
