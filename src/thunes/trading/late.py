"""Trades of orders that were over: a fill may be told after the cancel or the expiry that seemed to end its order."""

from __future__ import annotations

from thunes.audit.events import Anomaly
from thunes.exchange.filters.rules import SymbolRules
from thunes.exchange.outcomes import Accepted
from thunes.exchange.venue import Venue
from thunes.trading.books import Books
from thunes.trading.ledger.ledger import Ledger
from thunes.trading.ledger.values import OrderRecord

LOOK_BACK_MS = 86_400_000
MOST = 20  # orders that are asked for


def book_late(venue: Venue, ledger: Ledger, books: Books, rules: SymbolRules, now_ms: int) -> list[OrderRecord]:
    """Ask for the symbol's newest orders that ended without being filled; those of which more is known now.

    Errors: what the venue raises, those of the books.
    """
    ended = [record for record in ledger.orders(now_ms - LOOK_BACK_MS) if _may_have_traded(record, rules.symbol)]
    return [one for record in ended[-MOST:] if (one := _asked(venue, books, rules, record)) is not None]


def _may_have_traded(record: OrderRecord, symbol: str) -> bool:
    mine = record.intent.ticket.symbol == symbol and record.order_id is not None
    return mine and record.resolved and record.status != "FILLED"


def _asked(venue: Venue, books: Books, rules: SymbolRules, record: OrderRecord) -> OrderRecord | None:
    state = venue.order(rules.symbol, order_id=record.order_id)
    if state is None or state.executed <= record.executed:
        return None
    name = record.intent.client_id
    reason = f"{state.executed - record.executed:f} more were traded after it was told to be {record.status}"
    late = Anomaly(id=name, code="E-ORDER-LATE-FILL", reason=reason, symbol=rules.symbol)
    return books.settle(rules, venue.average_price(rules.symbol), name, Accepted(state), [late])[0]
