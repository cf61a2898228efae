"""Once at start-up: what one book has and another lost in a crash is written again, before anything is asked or sent.

The trail is synced and the ledger is not, so after a power cut an order may stand in the trail alone; the ledger is
written before risk and trail, so after a kill an outcome may stand in the ledger alone; an exit that went by the
reserve file is not in the trail at all; a reservation may have been made for an intent that nobody wrote down.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol

from thunes.audit.events import Event, OrderFill, OrderOutcome, Repair
from thunes.audit.events import Intent as Told
from thunes.audit.history import Entry, History
from thunes.exchange.orders import OrderTicket
from thunes.risk.book import Position as RiskPosition
from thunes.risk.manager import RiskManager
from thunes.risk.request import RiskRequest
from thunes.trading import story
from thunes.trading.books import ZERO, risk_fills
from thunes.trading.ledger.ledger import Ledger
from thunes.trading.ledger.values import Intent, OrderRecord, Position
from thunes.trading.story import Story

LOOK_BACK_MS = 7 * 86_400_000  # an order that is older was settled long ago
MARGIN_MS = 3_600_000  # the trail has this machine's time, the ledger's orders have the exchange's
KINDS = ("intent", "outcome", "fill")


class ReadableStory(Story, Protocol):
    """A trail that can be read as well."""

    def history(self) -> History: ...


def mend(ledger: Ledger, risk: RiskManager, trail: ReadableStory, now_ms: int) -> None:
    """Make ledger, trail and risk know the same orders. Once more changes nothing. Errors: those of each book."""
    told = {kind: dict[str, list[Event]]() for kind in KINDS}
    for entry in _recent(trail.history(), ledger.environment, now_ms - LOOK_BACK_MS):
        event = entry.event
        told[event.event].setdefault(event.id, []).insert(0, event)
        if isinstance(event, Told) and event.purpose != "cancel":
            ledger.intend(_intent(event, entry.ts))
    records = ledger.orders(now_ms - LOOK_BACK_MS + MARGIN_MS)
    missing = [event for record in records for event in _untold(ledger, record, told)]
    if missing:
        trail.append_many([*missing, Repair(id="trader", reason="the ledger knew of what the trail did not")])
    for held in risk.reservations():
        _free(ledger, risk, held.client_order_id)
    for record in ledger.open_intents():
        _hold(risk, record)
    _tell_risk(ledger, risk, now_ms - LOOK_BACK_MS)
    risk.adopt({one.symbol: _position(one) for one in ledger.positions()})


def _position(held: Position) -> RiskPosition:
    """A position as risk remembers it, valued at its entry until the next mark."""
    return RiskPosition(held.quantity, held.quantity * held.entry_price, held.entry_price, strategy=held.strategy)


def _free(ledger: Ledger, risk: RiskManager, name: str) -> None:
    """Give back the room of an order that was never noted, or is settled in the ledger already."""
    record = ledger.order(name)
    if record is None:
        risk.release(name)
    elif record.resolved and record.order_id is not None:
        symbol = record.intent.ticket.symbol
        risk.filled(name, *risk_fills(ledger, symbol, ledger.fills_of(symbol, record.order_id)), done=True)
    elif record.resolved:
        risk.release(name)


def _hold(risk: RiskManager, record: OrderRecord) -> None:
    """Room for an entry that is under way and may have lost its own; one that has it keeps it as it is."""
    intent, ticket = record.intent, record.intent.ticket
    notional = ticket.quote_quantity or (ticket.quantity or ZERO) * (ticket.price or ZERO)
    if ticket.side == "BUY" and notional:
        request = RiskRequest(intent.client_id, ticket.symbol, "entry", notional, intent.strategy, intent.bar_ms)
        risk.restore(request)


def _tell_risk(ledger: Ledger, risk: RiskManager, since_ms: int) -> None:
    """Tell the recent trades: an exit holds no room by which it could be missed. A trade told twice counts once."""
    ours = [one for one in ledger.fills(since_ms) if not one.external]
    for symbol in {one.fill.symbol for one in ours}:
        risk.filled("", *risk_fills(ledger, symbol, [one for one in ours if one.fill.symbol == symbol]), done=False)


def _recent(history: History, environment: str, since_ms: int) -> Iterator[Entry]:
    """Newest first, of this environment: others tell of other accounts, by other clocks, in the same trail."""
    for entry in history.backwards(*KINDS):
        if entry.env != environment:
            continue
        if entry.ts < since_ms:
            return
        yield entry


def _intent(event: Told, time_ms: int) -> Intent:
    """The intent that a line tells of."""
    ticket = OrderTicket(
        symbol=event.symbol,
        side=event.side,
        type=event.type,  # type: ignore[arg-type]  # it was a ticket's
        client_order_id=event.id,
        quantity=event.quantity,
        quote_quantity=event.quote_quantity,
        price=event.price,
        stop_price=event.stop_price,
        time_in_force=event.time_in_force,  # type: ignore[arg-type]
    )
    return Intent(ticket, event.strategy or "", event.bar or 0, time_ms)


def _intended(intent: Intent) -> Told:
    """The line for an intent that went by the reserve file: an exit's, for nothing else may."""
    decision = f"{intent.strategy}-{intent.ticket.symbol}-{intent.bar_ms}"
    return story.intent(intent.ticket, "exit", intent.strategy, intent.bar_ms, decision)


def _untold(ledger: Ledger, record: OrderRecord, told: dict[str, dict[str, list[Event]]]) -> Iterator[Event]:
    """What the ledger knows of an order and the trail does not."""
    name = record.intent.client_id
    if name not in told["intent"]:
        yield _intended(record.intent)
    if record.outcome is None:
        return
    if name not in told["outcome"]:
        yield OrderOutcome(
            id=name,
            symbol=record.intent.ticket.symbol,
            result=record.outcome,
            order_id=record.order_id,
            status=record.status,
            executed=record.executed,
            quote_executed=record.quote_executed,
            reason=record.note or None,
        )
    if record.order_id is not None:
        known = {event.trade_id for event in told["fill"].get(name, []) if isinstance(event, OrderFill)}
        booked = ledger.fills_of(record.intent.ticket.symbol, record.order_id)
        yield from story.fills(name, [one for one in booked if one.fill.trade_id not in known])
