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
    made = [_flow(venue, found, quote, now) for found in ledger.reconcile(actual)]
    for flow in made:
        trail.append_many([_told(flow, actor)])
        ledger.record_flow(flow)
        if flow.value is not None:
            risk.on_external_flow(flow.value, flow.reference)
    return made


def _flow(venue: Venue, found: Difference, quote: str, now: int) -> Flow:
    value = _value(venue, found, quote)
    return Flow(f"adjustment:{now}:{found.asset}", "adjustment", found.asset, found.amount, now, value)


def _value(venue: Venue, found: Difference, quote: str) -> Decimal | None:
    """In quote; None where the exchange has no price for it."""
    if found.asset == quote:
        return found.amount
    try:
        return found.amount * venue.average_price(found.asset + quote)
    except ThunesError:
        return None


def _told(flow: Flow, actor: str) -> ExternalFlow:
    return ExternalFlow(
        id=flow.reference,
        asset=flow.asset,
        amount=flow.amount,
        kind=flow.kind,
        reason=f"{actor} took the account as it is",
        quote_value=flow.value,
    )
