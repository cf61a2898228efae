"""What happens to the book: pure steps from one to the next."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal

from thunes.risk.book import (
    ZERO,
    Acknowledged,
    BarCount,
    Book,
    Position,
    Reservation,
    Standing,
    but,
)
from thunes.risk.limits import RiskLimits
from thunes.risk.request import RiskFill, RiskRequest
from thunes.risk.verdict import plain

DAY = 86_400_000  # ms


def rolled(book: Book, now: int) -> Book:
    """The book on the day of `now`. A new day opens with the last equity known; a stop stays a stop.

    A clock that went back does not bring a day back, and with it a fresh allowance.
    """
    if now // DAY <= book.day:
        return book
    return but(
        book,
        day=now // DAY,
        opening=book.equity,
        acknowledged=None,
        flows=ZERO,
        realised=ZERO,
        fees=ZERO,
        entries=0,
    )


def tripped(book: Book, limits: RiskLimits, now: int) -> Book:
    """The book after a look at its losses: what reached a limit stops entries, until a person re-arms them."""
    if book.standing.state != "ACTIVE":
        return book
    lost, bound = book.new_loss, book.loss_bound(limits.daily_loss)
    if lost > 0 and lost >= bound:
        reason = f"daily loss {plain(lost)} of {plain(bound)}"
        return but(book, standing=Standing("REDUCING", now, "E-RISK-DAILY-LOSS", reason, "risk"))
    fallen = book.drawdown
    if fallen > 0 and fallen >= limits.drawdown:
        reason = f"equity {plain(fallen * 100)} % under its peak, allowed {plain(limits.drawdown * 100)} %"
        return but(book, standing=Standing("REDUCING", now, "E-RISK-DRAWDOWN", reason, "risk"))
    return book


def resumed(book: Book, limits: RiskLimits, standing: Standing, budget: Decimal) -> Book:
    """Re-armed with a budget on top of the loss so far. A drawdown that reached its limit is measured anew from here;
    a smaller one keeps its peak, so that stopping and resuming cannot hide a slow decline."""
    reached = book.drawdown >= limits.drawdown
    peak = book.equity if reached else book.peak
    return but(book, standing=standing, acknowledged=Acknowledged(book.loss, budget), peak=peak)


def reserved(book: Book, request: RiskRequest, now: int) -> tuple[Book, Reservation]:
    """Room taken for an entry, which counts for its bar and its day even when it is released."""
    held = reservation(request, now)
    last = book.bars.get(request.symbol)
    entries = last.entries + 1 if last and last.bar_ms == request.bar_ms else 1
    bars = {**book.bars, request.symbol: BarCount(request.bar_ms, entries)}
    reservations = {**book.reservations, request.client_order_id: held}
    return but(book, reservations=reservations, bars=bars, entries=book.entries + 1), held


def reservation(request: RiskRequest, now: int) -> Reservation:
    """What is held for an order; leaving a position puts nothing at stake."""
    at_stake = request.worst_loss if request.action == "entry" else ZERO
    return Reservation(
        request.client_order_id,
        request.action,
        request.symbol,
        request.notional,
        at_stake,
        now,
        strategy=request.strategy,
    )


def submitted(book: Book, client_order_id: str, now: int) -> Book:
    """From here on the order counts as sent."""
    held = but(book.reservations[client_order_id], submitted_ms=now)
    return but(book, reservations={**book.reservations, client_order_id: held})


def released(book: Book, client_order_id: str) -> Book:
    """No room for this order any more."""
    if client_order_id not in book.reservations:
        return book
    left = {name: held for name, held in book.reservations.items() if name != client_order_id}
    return but(book, reservations=left)


def shrunk(book: Book, client_order_id: str, quote: Decimal) -> Book:
    """A part of the order was filled: the rest goes on counting."""
    held = book.reservations.get(client_order_id)
    if held is None:
        return book
    left = max(ZERO, held.notional - quote)
    smaller = but(held, notional=left, worst_loss=held.worst_loss * left / held.notional if left else ZERO)
    return but(book, reservations={**book.reservations, client_order_id: smaller})


def filled(book: Book, fill: RiskFill, now: int, strategy: str = "") -> Book:
    """A trade of ours: position, fees, realised result, equity and cool-down follow at once, without a mark.

    The trade's price is the newest one known, so what was held before is valued at it too. `strategy`: whose order it
    was, and so whose position it opens.
    """
    before = book.positions.get(fill.symbol) or Position(ZERO, ZERO, fill.price, strategy=strategy)
    after = _traded(before, fill)
    positions = {symbol: p for symbol, p in book.positions.items() if symbol != fill.symbol}
    if fill.held:
        positions[fill.symbol] = after
    revalued = before.quantity * (fill.price - before.price)
    equity = None if book.equity is None else book.equity + revalued - fill.fee
    closed = fill.side == "SELL" and not fill.held
    return but(
        book,
        positions=positions,
        realised=book.realised + (after.realised - before.realised),
        fees=book.fees + fill.fee,
        equity=equity,
        peak=book.peak if equity is None else _peak(book, equity),
        losing_exit_ms=_losing_exit(book, after.realised - after.fees, now) if closed else book.losing_exit_ms,
    )


def _traded(before: Position, fill: RiskFill) -> Position:
    """Average cost: a sale takes its share of it. `held` is the ledger's word and wins over our sum."""
    cost, realised = before.cost, before.realised
    if fill.side == "BUY":
        cost += fill.quote
    elif before.quantity:  # of what was not known to be held, nobody can tell the result
        share = min(Decimal(1), fill.quantity / before.quantity)
        realised += fill.quote - cost * share
        cost *= 1 - share
    return Position(fill.held, cost, fill.price, realised, before.fees + fill.fee, before.strategy)


def _losing_exit(book: Book, result: Decimal, now: int) -> int | None:
    """A losing exit begins a cool-down, a winning one ends it, one without a result changes nothing."""
    if result == 0:
        return book.losing_exit_ms
    return now if result < 0 else None


def marked(book: Book, equity: Decimal, prices: Mapping[str, Decimal]) -> Book:
    """What all is worth now. The first mark ever opens the day."""
    moved = {
        symbol: but(p, price=prices[symbol])
        for symbol, p in book.positions.items()
        if symbol in prices and prices[symbol] != p.price
    }
    positions = {**book.positions, **moved} if moved else book.positions
    opening, flows = (equity, ZERO) if book.opening is None else (book.opening, book.flows)
    return but(book, positions=positions, opening=opening, flows=flows, equity=equity, peak=_peak(book, equity))


def _peak(book: Book, equity: Decimal) -> Decimal:
    return equity if book.peak is None else max(book.peak, equity)


def flowed(book: Book, money: Decimal) -> Book:
    """A deposit (more than 0) or a withdrawal: neither profit nor loss.

    The peak moves in proportion, as the value of a fund's share would not: a deposit dilutes no drawdown and a
    withdrawal makes none.
    """
    if book.equity is None or book.peak is None:
        return book
    equity = max(ZERO, book.equity + money)
    peak = book.peak * equity / book.equity if book.equity > 0 else equity
    return but(book, equity=equity, peak=peak, flows=book.flows + money)


def adopted(book: Book, positions: Mapping[str, Position]) -> Book:
    """What the ledger holds, in place of what was remembered; results of positions known already stay."""
    kept = {
        symbol: but(p, realised=book.positions[symbol].realised, fees=book.positions[symbol].fees)
        if symbol in book.positions
        else p
        for symbol, p in positions.items()
    }
    return but(book, positions=kept)


def stopped(book: Book, standing: Standing) -> Book:
    """At least as severe as asked."""
    return but(book, standing=book.standing.or_worse(standing))
