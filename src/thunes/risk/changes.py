"""What happens to the book: pure steps from one to the next."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal

from thunes.risk.book import (
    ZERO,
    Acknowledged,
    BarCount,
    Book,
    Position,
    Reservation,
    Standing,
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
    return replace(
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
    bound = book.loss_bound(limits.daily_loss)
    if book.new_loss > 0 and book.new_loss >= bound:
        reason = f"daily loss {plain(book.new_loss)} of {plain(bound)}"
        return replace(book, standing=Standing("REDUCING", now, "E-RISK-DAILY-LOSS", reason, "risk"))
    if book.drawdown > 0 and book.drawdown >= limits.drawdown:
        reason = f"equity {plain(book.drawdown * 100)} % under its peak, allowed {plain(limits.drawdown * 100)} %"
        return replace(book, standing=Standing("REDUCING", now, "E-RISK-DRAWDOWN", reason, "risk"))
    return book


def resumed(book: Book, limits: RiskLimits, standing: Standing, budget: Decimal) -> Book:
    """Re-armed with a budget on top of the loss so far. A drawdown that reached its limit is measured anew from here;
    a smaller one keeps its peak, so that stopping and resuming cannot hide a slow decline."""
    reached = book.drawdown >= limits.drawdown
    peak = book.equity if reached else book.peak
    return replace(book, standing=standing, acknowledged=Acknowledged(book.loss, budget), peak=peak)


def reserved(book: Book, request: RiskRequest, now: int) -> tuple[Book, Reservation]:
    """Room taken for an entry, which counts for its bar and its day even when it is released."""
    held = reservation(request, now)
    last = book.bars.get(request.symbol)
    entries = last.entries + 1 if last and last.bar_ms == request.bar_ms else 1
    bars = {**book.bars, request.symbol: BarCount(request.bar_ms, entries)}
    reservations = {**book.reservations, request.client_order_id: held}
    return replace(book, reservations=reservations, bars=bars, entries=book.entries + 1), held


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
    held = replace(book.reservations[client_order_id], submitted_ms=now)
    return replace(book, reservations={**book.reservations, client_order_id: held})


def released(book: Book, client_order_id: str) -> Book:
    """No room for this order any more."""
    left = {name: held for name, held in book.reservations.items() if name != client_order_id}
    return replace(book, reservations=left)


def shrunk(book: Book, client_order_id: str, quote: Decimal) -> Book:
    """A part of the order was filled: the rest goes on counting."""
    held = book.reservations.get(client_order_id)
    if held is None:
        return book
    left = max(ZERO, held.notional - quote)
    smaller = replace(held, notional=left, worst_loss=held.worst_loss * left / held.notional if left else ZERO)
    return replace(book, reservations={**book.reservations, client_order_id: smaller})


def filled(book: Book, fill: RiskFill, now: int, strategy: str = "") -> Book:
    """A trade of ours: position, fees, realised result, equity and cool-down follow at once, without a mark.

    The trade's price is the newest one known, so what was held before is valued at it too. `strategy`: whose order it
    was, and so whose position it opens.
    """
    before = book.positions.get(fill.symbol, Position(ZERO, ZERO, fill.price, strategy=strategy))
    after = _traded(before, fill)
    realised = after.realised - before.realised
    positions = {symbol: p for symbol, p in book.positions.items() if symbol != fill.symbol}
    if fill.held:
        positions[fill.symbol] = after
    revalued = before.quantity * (fill.price - before.price)
    book = replace(book, positions=positions, realised=book.realised + realised, fees=book.fees + fill.fee)
    book = _with_equity(book, None if book.equity is None else book.equity + revalued - fill.fee)
    closed = fill.side == "SELL" and not fill.held
    return _judged(book, after.realised - after.fees, now) if closed else book


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


def _judged(book: Book, result: Decimal, now: int) -> Book:
    """A losing exit begins a cool-down, a winning one ends it, one without a result changes nothing."""
    if result == 0:
        return book
    return replace(book, losing_exit_ms=now if result < 0 else None)


def marked(book: Book, equity: Decimal, prices: Mapping[str, Decimal]) -> Book:
    """What all is worth now. The first mark ever opens the day."""
    positions = {symbol: replace(p, price=prices.get(symbol, p.price)) for symbol, p in book.positions.items()}
    opening = equity if book.opening is None else book.opening
    flows = ZERO if book.opening is None else book.flows
    return _with_equity(replace(book, positions=positions, opening=opening, flows=flows), equity)


def _with_equity(book: Book, equity: Decimal | None) -> Book:
    if equity is None:
        return book
    return replace(book, equity=equity, peak=equity if book.peak is None else max(book.peak, equity))


def flowed(book: Book, money: Decimal) -> Book:
    """A deposit (more than 0) or a withdrawal: neither profit nor loss.

    The peak moves in proportion, as the value of a fund's share would not: a deposit dilutes no drawdown and a
    withdrawal makes none.
    """
    if book.equity is None or book.peak is None:
        return book
    equity = max(ZERO, book.equity + money)
    peak = book.peak * equity / book.equity if book.equity > 0 else equity
    return replace(book, equity=equity, peak=peak, flows=book.flows + money)


def adopted(book: Book, positions: Mapping[str, Position]) -> Book:
    """What the ledger holds, in place of what was remembered; results of positions known already stay."""
    kept = {
        symbol: replace(p, realised=book.positions[symbol].realised, fees=book.positions[symbol].fees)
        if symbol in book.positions
        else p
        for symbol, p in positions.items()
    }
    return replace(book, positions=kept)


def stopped(book: Book, standing: Standing) -> Book:
    """At least as severe as asked."""
    return replace(book, standing=book.standing.or_worse(standing))
