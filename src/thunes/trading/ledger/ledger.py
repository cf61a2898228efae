"""The ledger: every method is one transaction, kept whole or not at all."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import suppress
from decimal import Decimal
from pathlib import Path

from thunes.clock import Clock
from thunes.errors import DataError, LockHeld, NetworkError, ThunesError
from thunes.exchange.orders import Balance, Fill
from thunes.exchange.outcomes import Outcome
from thunes.trading.ledger import balances, bookings, holdings, marks, orders, pauses
from thunes.trading.ledger.heads import AUDIT, WaitingHead
from thunes.trading.ledger.numbers import ZERO, total
from thunes.trading.ledger.store import Store, Transaction, ledger_path
from thunes.trading.ledger.values import (
    Anchor,
    BookedFill,
    Difference,
    Dust,
    Equity,
    Flow,
    Intent,
    Latch,
    OrderRecord,
    Owned,
    Position,
    Settled,
    Standing,
    SymbolPause,
    Valuation,
)


class Ledger:
    """Orders, fills, positions and money of one environment. Threads and processes may share it.

    Writing raises `DataError` where the database cannot be written, `NetworkError` where a PostgreSQL does not answer,
    `LockHeld` where somebody else writes for too long. A write survives a crash of the process; after one of the
    machine the last may be missing: they are made again from the audit trail, all of them may be told twice.
    """

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store, self._clock = store, clock
        self._head = WaitingHead()

    @classmethod
    def open(cls, place: Path | str, environment: str, clock: Clock) -> Ledger:
        """Open, make or upgrade a ledger; `place`: SQLite's file, or PostgreSQL's URL. Errors: those of `Store`."""
        return cls(Store(place, environment, clock), clock)

    @classmethod
    def of(cls, state_dir: Path, environment: str, clock: Clock) -> Ledger:
        """The ledger of an environment where it lies by default."""
        return cls.open(ledger_path(state_dir, environment), environment, clock)

    def close(self) -> None:
        """Give all connections back. A head that waits is written first, where that can be: the trail has it, too."""
        with suppress(DataError, LockHeld, NetworkError):
            self.keep_head()
        self._store.close()

    def __enter__(self) -> Ledger:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def environment(self) -> str:
        return self._store.environment

    def _reading(self) -> Transaction:
        return self._store.transaction(writes=False)

    def _writing(self) -> Transaction:
        return self._store.transaction(writes=True, head=self._head)

    # Orders

    def intend(self, intent: Intent) -> bool:
        """Note an order before it is sent; whether it may be. False: its client id is known, and the exchange may have
        seen it; `order` tells what became of it. One that never reached the exchange is intended anew."""
        with self._writing() as database:
            return orders.add_intent(database, intent)

    def record_outcome(self, client_id: str, outcome: Outcome) -> OrderRecord:
        """Note what became of an order, as often as something is learnt; the order as it then stands.

        An order that the exchange once had stays accepted, what it executed never shrinks. `NotSent` for an order of
        unknown fate says that it was asked for and not found: it is resolved, and never sent again. Error: `UsageError`
        for one that was never intended.
        """
        with self._writing() as database:
            return orders.add_outcome(database, client_id, outcome, self._clock.now_ms())

    def order(self, client_id: str) -> OrderRecord | None:
        with self._reading() as database:
            return orders.find_order(database, client_id)

    def orders(self, start_ms: int = 0) -> list[OrderRecord]:
        """Those intended since then, oldest first."""
        with self._reading() as database:
            return orders.orders_since(database, start_ms)

    def last_executed(self, strategy: str, symbol: str, start_ms: int = 0) -> OrderRecord | None:
        """The newest order of a strategy on a symbol, intended since then, of which something was executed."""
        with self._reading() as database:
            return orders.last_executed(database, strategy, symbol, start_ms)

    def standing(self, strategy: str, symbol: str, start_ms: int = 0) -> Standing:
        """What a pass asks of a strategy and a symbol, at one moment; `start_ms`: that of `last_executed`."""
        with self._reading() as database:
            last, newest = orders.latest(database, strategy, symbol, start_ms)
            position = holdings.open_position(database, symbol)
            return Standing(position, last, newest, pauses.find(database, symbol))

    def open_intents(self) -> list[OrderRecord]:
        """Orders that have to be asked for, oldest first: without an outcome, of unknown fate, still open at the
        exchange, or executed without all their fills booked."""
        with self._reading() as database:
            return orders.unresolved(database)

    # Fills and positions

    def book(self, told: Iterable[Fill], valuation: Valuation, *, external: bool = False) -> list[BookedFill]:
        """Book fills of one symbol; those newly booked, by trade id. A trade that is known changes nothing.

        `external`: trades of a person's own orders; they move balances, make no P&L and no position. Errors:
        `DataError` for a fill that cannot be, `UsageError` for several symbols; then nothing is booked.
        """
        booking = bookings.Booking(tuple(told), valuation, external, self._clock.now_ms())
        with self._writing() as database:
            return bookings.book(database, booking)

    def settle(self, client_id: str, outcome: Outcome, told: Iterable[Fill], valuation: Valuation) -> Settled:
        """As `record_outcome` and then `book`, at once: an order's outcome, and the fills that came with it, if any.

        Errors: `UsageError` for an order that was never intended; `DataError` for a fill that cannot be, `UsageError`
        for several symbols: then the outcome alone is noted.
        """
        booking = bookings.Booking(tuple(told), valuation, external=False, now_ms=self._clock.now_ms())
        try:
            bookings.check(booking)
        except ThunesError:
            self.record_outcome(client_id, outcome)
            raise
        with self._writing() as database:
            return bookings.settled(database, client_id, outcome, booking)

    def fills(self, start_ms: int = 0) -> list[BookedFill]:
        """Those traded since then, in the order they were booked."""
        with self._reading() as database:
            return bookings.fills_since(database, start_ms)

    def fills_of(self, symbol: str, order_id: int) -> list[BookedFill]:
        """The booked fills of an order."""
        with self._reading() as database:
            return bookings.fills_of(database, symbol, order_id)

    def last_trade_id(self, symbol: str) -> int | None:
        """The latest trade booked: where to go on asking for more."""
        with self._reading() as database:
            return bookings.last_trade_id(database, symbol)

    def realised(self, start_ms: int = 0) -> Decimal:
        """Realised P&L by average cost (quote) of the trades since then, the sum over symbols."""
        return total(fill.realised for fill in self.fills(start_ms) if fill.realised is not None)

    def unvalued(self) -> list[BookedFill]:
        """Fills whose commission has no value yet; their P&L is too high by it."""
        with self._reading() as database:
            return bookings.unvalued(database)

    def value_commission(self, symbol: str, trade_id: int, value: Decimal) -> None:
        """Give such a commission its value in quote. Error: `UsageError` where none is missing."""
        with self._writing() as database:
            bookings.value_commission(database, symbol, trade_id, value)

    def positions(self) -> list[Position]:
        """The open ones, by symbol; dust is none."""
        with self._reading() as database:
            return holdings.open_positions(database)

    def position(self, symbol: str) -> Position | None:
        """The open one of a symbol."""
        with self._reading() as database:
            return holdings.open_position(database, symbol)

    def count_open_positions(self) -> int:
        with self._reading() as database:
            return holdings.count_open(database)

    def closed_positions(self, start_ms: int = 0) -> list[Position]:
        """Those closed since then, in that order."""
        with self._reading() as database:
            return holdings.closed_positions(database, start_ms)

    def dust(self) -> list[Dust]:
        """What closed positions left, by symbol."""
        with self._reading() as database:
            return holdings.dust(database)

    def owned(self, asset: str) -> Owned:
        """What was bought and is there, and what `asset` should hold, at one moment."""
        with self._reading() as database:
            held, left = holdings.open_positions(database), holdings.dust(database)
            expected = balances.expected_of(database, (asset,)).get(asset, ZERO)
            return Owned(tuple(held), tuple(left), expected)

    # Money

    def open_account(self, actual: Mapping[str, Balance]) -> bool:
        """Take the account over as it is; later calls do nothing and return False."""
        with self._writing() as database:
            return balances.open_with(database, actual, self._clock.now_ms())

    def record_flow(self, flow: Flow) -> bool:
        """Note money from outside; False where its reference is known. It is never P&L."""
        with self._writing() as database:
            return balances.add_flow(database, flow)

    def flows(self, start_ms: int = 0) -> list[Flow]:
        with self._reading() as database:
            return balances.flows_since(database, start_ms)

    def expected(self) -> dict[str, Decimal]:
        """What each asset should hold, those not zero: flows and fills, commissions in."""
        with self._reading() as database:
            return balances.expected(database)

    def balances(self) -> dict[str, Balance]:
        """What the exchange told last, those not zero."""
        with self._reading() as database:
            return balances.told(database)

    def balances_ms(self) -> int | None:
        """When the exchange told them; None where it never did."""
        with self._reading() as database:
            return balances.told_ms(database)

    def reconcile(self, actual: Mapping[str, Balance]) -> list[Difference]:
        """Keep what the exchange tells, and say, by asset, where it is not exactly what is expected.

        A long log of the database is folded into it then: no order is under way.
        """
        self._store.tidy()
        with self._writing() as database:
            return balances.compare(database, actual, self._clock.now_ms())

    # Marks

    def record_equity(self, snapshot: Equity) -> None:
        with self._writing() as database:
            marks.add_equity(database, snapshot)

    def equity(self, start_ms: int = 0) -> list[Equity]:
        """Oldest first."""
        with self._reading() as database:
            return marks.equity_since(database, start_ms)

    def equity_peak(self) -> Decimal | None:
        """The most ever seen, deposits in; None without a snapshot."""
        with self._reading() as database:
            return marks.equity_peak(database)

    def anchor(self, sequence: int, digest: str, name: str = AUDIT) -> bool:
        """Keep the head of the audit trail; False for one behind the kept one."""
        with self._writing() as database:
            return marks.anchor(database, name, Anchor(sequence, digest, self._clock.now_ms()))

    def note_head(self, sequence: int, digest: str) -> None:
        """As `anchor`, but not at once: the next write takes the head along, the greatest where several wait."""
        self._head.note(Anchor(sequence, digest, self._clock.now_ms()))

    def keep_head(self) -> None:
        """Write a head that still waits."""
        if self._head:
            with self._writing():
                pass

    def last_anchor(self, name: str = AUDIT) -> Anchor | None:
        with self._reading() as database:
            return marks.last_anchor(database, name)

    def latch(self, latch: Latch) -> None:
        """Keep a strategy flat on a symbol until `unlatch`."""
        with self._writing() as database:
            marks.latch(database, latch)

    def unlatch(self, strategy: str, symbol: str) -> bool:
        """Whether it was latched."""
        with self._writing() as database:
            return marks.unlatch(database, strategy, symbol)

    def latches(self) -> list[Latch]:
        with self._reading() as database:
            return marks.all_latches(database)

    # Pauses of symbols

    def pause(self, pause: SymbolPause) -> None:
        """Keep a pause, or one that is lifted, in place of what was kept of the symbol."""
        with self._writing() as database:
            pauses.keep(database, pause)

    def pause_of(self, symbol: str) -> SymbolPause | None:
        """The last pause of a symbol, lifted or not."""
        with self._reading() as database:
            return pauses.find(database, symbol)

    def pauses(self) -> list[SymbolPause]:
        """Those that hold, by symbol."""
        with self._reading() as database:
            return pauses.standing(database)
