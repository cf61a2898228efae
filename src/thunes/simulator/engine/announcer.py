"""Tells everyone what happened, in one order over all accounts."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from decimal import Decimal

from thunes.simulator.engine.accounts import Account
from thunes.simulator.engine.events import (
    AccountPosition,
    BalanceUpdate,
    Event,
    Execution,
    ExecutionReport,
    ListStage,
    Loss,
    execution_report,
    list_status,
)
from thunes.simulator.engine.orders import Fill, Order, OrderList


class Announcer:
    """Numbers events and publishes them; `now` is the time that they bear (epoch ms)."""

    def __init__(self, publish: Callable[[Event], object]) -> None:
        self.publish = publish
        self.now = 0
        self._sequence = self._executions = 0

    def report(
        self,
        order: Order,
        execution: Execution,
        *,
        original_id: str = "",
        reject_reason: str = "NONE",
        fill: Fill | None = None,
        loss: Loss | None = None,
    ) -> ExecutionReport:
        """Tell what just happened to an order."""
        self._executions += 1
        numbers = self._next(), self.now, self._executions
        report = execution_report(numbers, execution, order, original_id, reject_reason, fill, loss)
        self.publish(report)
        return report

    def report_list(self, group: OrderList, stage: ListStage) -> None:
        self.publish(list_status(self._next(), self.now, stage, group))

    def report_transfer(self, account: Account, asset: str, delta: Decimal) -> None:
        self.publish(BalanceUpdate(self._next(), self.now, account.name, asset, delta))

    def report_positions(self, accounts: Iterable[Account]) -> None:
        """The balances that changed since they were last told."""
        for account in accounts:
            account.updated_ms = self.now
            self.publish(AccountPosition(self._next(), self.now, account.name, account.take_changes()))

    def _next(self) -> int:
        self._sequence += 1
        return self._sequence
