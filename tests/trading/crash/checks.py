"""What must be so after every crash, seen from the exchange, the ledger, risk and the trail."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from decimal import Decimal

from tests.trading.crash.exchange import SYMBOL
from tests.trading.crash.post import STATE, Assignment, Post

from thunes.audit.lines import Head
from thunes.audit.verify import verify
from thunes.exchange.orders import OrderState
from thunes.trading.ledger.values import OrderRecord


def findings(post: Post, assignment: Assignment, changes: int | None) -> Iterator[str]:
    """What is wrong; `changes`: how many orders should have executed, None where markets may be too thin to say."""
    told = post.venue.orders_since(SYMBOL, assignment.anchor_ms)
    kept = {record.intent.client_id: record for record in post.ledger.orders()}
    yield from _orders(told, kept)
    yield from _fills(post)
    yield from _money(post)
    yield from _risk(post, assignment)
    yield from _trail(post, assignment, kept)
    executed = [order for order in told if order.executed]
    if changes is not None and len(executed) != changes:
        yield f"{len(executed)} orders were executed, {changes} were wanted"
    if changes is not None and (assignment.wishes[-1][1] > 0) != (post.ledger.count_open_positions() == 1):
        yield f"{assignment.wishes[-1][1]} is wanted, {post.ledger.positions()} are held"


def _orders(told: list[OrderState], kept: dict[str, OrderRecord]) -> Iterator[str]:
    names = [order.client_order_id for order in told]
    if len(set(names)) != len(names):
        yield f"an id was sent twice: {names}"
    for order in told:
        record = kept.get(order.client_order_id)
        if record is None:
            yield f"lost: {order}"
        elif (record.status, record.executed, record.order_id) != (order.status, order.executed, order.order_id):
            yield f"{record} is at the exchange {order}"
    for name, record in kept.items():
        if record.outcome == "ACCEPTED" and name not in names:
            yield f"the exchange knows nothing of {name}"
        if not record.resolved:
            yield f"not resolved: {record}"


def _fills(post: Post) -> Iterator[str]:
    told = {fill.trade_id: fill for fill in post.venue.fills(SYMBOL, from_id=0)}
    booked = [one.fill for one in post.ledger.fills()]
    if sorted(told) != sorted(fill.trade_id for fill in booked):
        yield f"trades {sorted(told)} were booked as {[fill.trade_id for fill in booked]}"
    yield from (f"{fill} was {told[fill.trade_id]}" for fill in booked if told.get(fill.trade_id) != fill)


def _money(post: Post) -> Iterator[str]:
    balances = post.venue.balances()
    for asset, amount in post.ledger.expected().items():
        if asset not in balances or balances[asset].total != amount:
            yield f"{asset}: {amount} is expected, the exchange has {balances.get(asset)}"
    yield from map(str, post.ledger.reconcile(balances))
    held = sum((one.quantity for one in [*post.ledger.positions(), *post.ledger.dust()]), Decimal(0))
    if "BTC" in balances and held != balances["BTC"].total:
        yield f"positions and dust hold {held}, the account {balances['BTC']}"
    if post.ledger.count_open_positions() > 1:
        yield f"positions: {post.ledger.positions()}"


def _risk(post: Post, assignment: Assignment) -> Iterator[str]:
    if post.risk.reservations():
        yield f"held for nothing: {post.risk.reservations()}"
    if post.risk.standing().state != "ACTIVE":
        yield f"risk is {post.risk.standing()}"
    counted = post.risk.get_risk_status()["open_positions"]
    if counted != post.ledger.count_open_positions():
        yield f"risk counts {counted} positions"
    with sqlite3.connect(assignment.folder / STATE / "risk.db") as connection:
        seen = {key for (key,) in connection.execute("SELECT key FROM seen")}
    connection.close()
    missing = {f"{SYMBOL} {one.fill.trade_id}" for one in post.ledger.fills()} - seen
    if missing:
        yield f"risk was never told of {missing}"


def _trail(post: Post, assignment: Assignment, kept: dict[str, OrderRecord]) -> Iterator[str]:
    anchor = post.ledger.last_anchor()
    known = Head(anchor.sequence, anchor.hash) if anchor else None
    report = verify(assignment.folder / "logs", known)
    if report.first_break or known is None or report.head != known:
        yield f"the trail: {report}"
    for name, record in kept.items():
        events = [entry.event for entry in post.trail.history().of(name)]
        kinds = [event.event for event in events]
        unsent = sum(event.event == "outcome" and event.result == "NOT_SENT" for event in events)
        if not 1 <= kinds.count("intent") <= 1 + unsent or "outcome" not in kinds:  # what never left may go again
            yield f"the trail tells of {name}: {kinds}"
        trades = sorted(event.trade_id for event in events if event.event == "fill")
        booked = post.ledger.fills_of(SYMBOL, record.order_id) if record.order_id is not None else []
        if trades != sorted(one.fill.trade_id for one in booked):
            yield f"the trail tells of trades {trades} of {name}, the ledger of {booked}"
