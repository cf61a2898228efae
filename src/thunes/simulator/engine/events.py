"""What the exchange tells an account, as values in one global order; turning them into JSON is someone else's.

Letters in comments are the keys of the exchange's own messages. What every order makes is a named tuple: a frozen
dataclass of as many fields takes five times as long to build.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Literal, NamedTuple

from thunes.simulator.engine.accounts import ZERO
from thunes.simulator.engine.orders import Fill, Order, OrderList, PreventedMatch, Status
from thunes.simulator.request import OrderRequest

Execution = Literal["NEW", "CANCELED", "REPLACED", "REJECTED", "TRADE", "EXPIRED", "TRADE_PREVENTION"]
ListStage = Literal["EXEC_STARTED", "UPDATED", "ALL_DONE"]


class ExecutionReport(NamedTuple):
    """`executionReport`: what happened to an order, and the order as it stands since.

    `request` gives s, S, o, f, p, P, d, F, Q, j, J; `quantity` may be smaller than its own once amended.
    """

    sequence: int
    time_ms: int  # E, T
    account: str
    execution: Execution  # x
    execution_id: int  # I
    request: OrderRequest
    order_id: int  # i
    order_list_id: int  # g, -1 for none
    client_order_id: str  # c
    original_client_order_id: str  # C, empty unless a cancel or amendment renamed the order
    status: Status  # X
    reject_reason: str  # r
    expiry_reason: str  # eR, "NONE" for none
    quantity: Decimal  # q
    executed: Decimal  # z
    quote_executed: Decimal  # Z
    last_quantity: Decimal  # l
    last_price: Decimal  # L
    last_quote: Decimal  # Y
    commission: Decimal  # n
    commission_asset: str | None  # N
    trade_id: int  # t, -1 for none
    maker: bool  # m
    working: bool  # w
    created_ms: int  # O
    working_ms: int | None  # W
    trailing_ms: int | None  # D
    self_trade_prevention: str  # V
    prevented: Decimal  # A
    last_prevented: Decimal  # B
    prevented_match_id: int | None  # v
    counter_order_id: int | None  # U


class AccountPosition(NamedTuple):
    """`outboundAccountPosition`: asset, free and locked of what may have changed."""

    sequence: int
    time_ms: int
    account: str
    balances: tuple[tuple[str, Decimal, Decimal], ...]


@dataclass(frozen=True, slots=True)
class BalanceUpdate:
    """`balanceUpdate`: money that came from outside, or left."""

    sequence: int
    time_ms: int
    account: str
    asset: str
    delta: Decimal


@dataclass(frozen=True, slots=True)
class ListStatus:
    """`listStatus`: a list of orders; `orders` holds order id and client order id."""

    sequence: int
    time_ms: int
    account: str
    symbol: str
    order_list_id: int
    contingency: Literal["OCO", "OTO"]
    stage: ListStage  # l
    status: Literal["EXECUTING", "ALL_DONE"]  # L
    client_order_id: str  # C
    orders: tuple[tuple[int, str], ...]  # O


Event = ExecutionReport | AccountPosition | BalanceUpdate | ListStatus


@dataclass(frozen=True, slots=True)
class Loss:
    """What self-trade prevention took from an order, and the order that it would have met."""

    match: PreventedMatch
    quantity: Decimal
    counter_order_id: int


def execution_report(
    numbers: tuple[int, int, int],
    execution: Execution,
    order: Order,
    original_id: str,
    reject_reason: str,
    fill: Fill | None,
    loss: Loss | None,
) -> ExecutionReport:
    """The report of what just happened to an order; `numbers` are sequence, time and execution id."""
    sequence, time_ms, execution_id = numbers
    return ExecutionReport(  # by position, which costs a third of so many keywords
        sequence,
        time_ms,
        order.account.name,
        execution,
        execution_id,
        order.request,
        order.id,
        order.list_id,
        order.client_order_id,
        original_id,
        order.status,
        reject_reason,
        order.expiry_reason,
        order.quantity,
        order.executed,
        order.quote_executed,
        fill.quantity if fill else ZERO,
        fill.price if fill else ZERO,
        fill.quote if fill else ZERO,
        fill.commission if fill else ZERO,
        fill.commission_asset if fill else None,
        fill.trade_id if fill else -1,
        fill.maker if fill else False,
        order.working_ms is not None and order.is_open,
        order.time_ms,
        order.working_ms,
        order.trailing_ms,
        order.mode,
        order.prevented,
        loss.quantity if loss else ZERO,
        loss.match.id if loss else None,
        loss.counter_order_id if loss else None,
    )


def list_status(sequence: int, time_ms: int, stage: ListStage, group: OrderList) -> ListStatus:
    """The status of a list of orders."""
    return ListStatus(
        sequence=sequence,
        time_ms=time_ms,
        account=group.account.name,
        symbol=group.symbol,
        order_list_id=group.id,
        contingency=group.contingency,
        stage=stage,
        status="ALL_DONE" if group.done else "EXECUTING",
        client_order_id=group.client_order_id,
        orders=tuple((order.id, order.client_order_id) for order in group.orders),
    )
