"""What was under way when the trader last stopped, and what the exchange has made of it since.

An order of unknown fate is asked for, never sent again. That it was not placed is concluded only when the exchange can
no longer accept it: its receive window and the ten seconds that the exchange's own engine may take are over, and three
sources know nothing of it, twice (facts: the exchange's documents on timestamps and on -1007).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from thunes.audit.events import Anomaly
from thunes.clock import Clock
from thunes.exchange.orders import OrderState
from thunes.exchange.outcomes import Accepted, NotSent
from thunes.exchange.venue import Venue
from thunes.trading.books import Books
from thunes.trading.ledger.ledger import Ledger
from thunes.trading.ledger.values import OrderRecord
from thunes.trading.story import Story

RECEIVE_WINDOW_MS = 5_000
ENGINE_WAIT_MS = 10_000
MARGIN_MS = 5_000
FOG_MS = RECEIVE_WINDOW_MS + ENGINE_WAIT_MS + MARGIN_MS  # after it, what is not there was never placed
WAITS = (0.5, 1.0, 2.0, 4.0, 8.0, 8.0)  # seconds between two questions


@dataclass(frozen=True)
class Recovered:
    """Orders settled, and those whose fate is still not known."""

    settled: tuple[OrderRecord, ...]
    unknown: tuple[OrderRecord, ...]


class Recovery:
    """Resolves open intents. `clock` measures the waits; the exchange's own time says when an order is too old."""

    def __init__(self, venue: Venue, ledger: Ledger, books: Books, trail: Story, clock: Clock) -> None:
        self._venue, self._ledger, self._books, self._trail, self._clock = venue, ledger, books, trail, clock

    def resolve(self, *, patience: bool = True) -> Recovered:
        """Ask for every open intent; with `patience`, again and again until its fate is known or the fog has lifted.

        Errors: what the venue raises when it cannot be asked at all.
        """
        settled, unknown = [], []
        for record in self._ledger.open_intents():
            found = self._fate(record, patience=patience)
            if found is None:
                unknown.append(record)
            else:
                settled.append(self._settle(record, found))
        return Recovered(tuple(settled), tuple(unknown))

    def _settle(self, record: OrderRecord, found: Accepted | NotSent) -> OrderRecord:
        ticket = record.intent.ticket
        price = self._venue.average_price(ticket.symbol)
        late = Anomaly(
            id=ticket.client_order_id,
            code="E-ORDER-RECOVERED",
            reason="its fate was not known; the exchange was asked",
            symbol=ticket.symbol,
        )
        more = [late] if record.outcome != "ACCEPTED" else []
        return self._books.settle(self._venue.rules(ticket.symbol), price, ticket.client_order_id, found, more)[0]

    def _fate(self, record: OrderRecord, *, patience: bool) -> Accepted | NotSent | None:
        """What became of it; None where nobody can tell yet."""
        absences = 0
        for wait in self._waits(patience):
            if wait:
                self._clock.sleep(wait)
            state = self._find(record)
            if state is not None:
                return Accepted(state)
            absences = absences + 1 if self._fog_has_lifted(record) else 0
            if absences == 2:
                return NotSent("asked for and not found, when it could no longer be accepted")
        return None

    def _waits(self, patience: bool) -> Iterator[float]:
        yield 0.0
        yield from WAITS if patience else WAITS[:1]

    def _fog_has_lifted(self, record: OrderRecord) -> bool:
        return self._venue.server_time() - record.intent.time_ms > FOG_MS

    def _find(self, record: OrderRecord) -> OrderState | None:
        """The order by its id, among the open ones, and among those placed since."""
        ticket = record.intent.ticket
        with self._venue.urgent():
            if record.order_id is not None:
                return self._venue.order(ticket.symbol, order_id=record.order_id)
            name = ticket.client_order_id
            state = self._venue.order(ticket.symbol, client_order_id=name)
            if state is not None:
                return state
            since = self._venue.orders_since(ticket.symbol, record.intent.time_ms - FOG_MS)
            known = [*self._venue.open_orders(ticket.symbol), *since]
            return next((order for order in known if order.client_order_id == name), None)
